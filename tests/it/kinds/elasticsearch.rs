//! `elasticsearch`: every reason, from fixtures over a real socket.
//!
//! Elasticsearch is not to be had here: what is answered was written from its documentation, of 7.10,
//! of 8 and of OpenSearch (see the simulation).

use std::time::Duration;

use serde_json::json;
use vigie::checks::elasticsearch::Elasticsearch as Kind;
use vigie::model::finding::Verdict::{Pass, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::clock::Clock;
use vigie_sim::elasticsearch::{self as shapes, Cluster, Elasticsearch, Flavour, Index};
use vigie_sim::net::broken::Fault;
use vigie_sim::net::site::Answer;

use super::api::{self, silences};
use super::{Provocation, provoke};
use crate::net::ground::deserted;
use crate::support::{look, look_within, systems};

const NAMES: [&str; 4] = ["bsds", "logs-*", "bsds_v1", "absent-*"];
const ALIAS: &str = "aliases: [{ name: bsds, documents_at_least: 2 }]";
const NEWEST: &str =
    "newest: { index: 'logs-*', field: '@timestamp', within: { warn: 5m, fail: 15m } }";
const HEALTH: &str = "health: { nodes_at_least: 3 }";

#[tokio::test(flavor = "multi_thread")]
async fn elasticsearch_gives_every_reason() {
    provoke(provocations()).await;
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    let mut all = silences!(Kind, Unknown, at);
    all.extend(rows! { Kind:
        "StatusRed" Fail changed(HEALTH, |c| c.indices[0].health = "red");
        "StatusYellow" Warn changed(HEALTH, |c| c.unassigned = 2);
        "StatusYellow" Fail changed("health: { yellow: fail }", |c| c.indices[0].health = "yellow");
        "TooFewNodes" Fail changed(HEALTH, |c| c.nodes.truncate(2));
        "AliasMissing" Fail changed(ALIAS, |c| c.indices[0].aliases.clear());
        "AliasAmbiguous" Fail changed(ALIAS, |c| c.indices.push(Index::new("bsds_v2").aliased("bsds")));
        "IndexMissing" Fail changed("indices: [{ name: 'absent-*' }]", |_| {});
        "IndexClosed" Fail changed(ALIAS, |c| c.indices[0].open = false);
        "IndexReadOnly" Fail changed("disks: {}", |c| c.indices[0].read_only = true);
        "TooFewDocuments" Fail changed(ALIAS, |c| c.indices[0].documents = 1);
        "NotCounted" Unknown async {
            let cluster = healthy(Flavour::Eight).await;
            let row = json!([{ "index": "bsds_v1", "status": "open", "health": "green", "docs.count": null }]);
            cluster.say("/_cat/indices/bsds", 200, &row);
            of(&cluster, ALIAS).await
        };
        "DocumentTooOld" Warn changed(NEWEST, |c| c.indices[1].newest = Some(ago(6 * 60)));
        "DocumentTooOld" Fail changed(NEWEST, |c| c.indices[1].newest = Some(ago(16 * 60)));
        "NoDates" Unknown changed(NEWEST, |c| c.indices[1].newest = None);
        "PartialAnswer" Unknown changed(NEWEST, |c| {
            c.indices[1].newest = Some(ago(16 * 60));
            c.failed_shards = 1;
        });
        "ClockSkew" Unknown changed(NEWEST, |c| c.indices[1].newest = Some(ago(-180)));
        "DiskFilling" Warn changed("disks: {}", |c| c.nodes[1].2 = 14 << 30);
        "DiskFull" Fail changed("disks: {}", |c| c.nodes[1].2 = 9 << 30);
        "VersionWrong" Fail changed("version: { at_least: '9.0' }", |_| {});
        "QuestionRefused" Unknown async {
            let cluster = healthy(Flavour::Eight).await;
            cluster.say("/logs-*/_search", 400, &shapes::refused());
            of(&cluster, NEWEST).await
        };
        "NoConnection" Unknown async {
            look("elasticsearch: { health: {} }", &systems("{}", Clock::System)).await
        };
    });
    all
}

/// So many seconds ago, in milliseconds since 1970.
fn ago(seconds: i64) -> i64 {
    Clock::System.now().as_millisecond() - seconds * 1_000
}

fn cluster(flavour: Flavour) -> Cluster {
    let mut logs = Index::new("logs-2026.03.15");
    logs.newest = Some(ago(10));
    let mut bsds = Index::new("bsds_v1").aliased("bsds");
    bsds.documents = 12;
    Cluster { indices: vec![bsds, logs], ..Cluster::new(flavour) }
}

async fn healthy(flavour: Flavour) -> Elasticsearch {
    Elasticsearch::start(&cluster(flavour), &NAMES).await.expect("a cluster")
}

/// A look at a cluster in which something is wrong.
async fn changed(parts: &str, change: fn(&mut Cluster)) -> Judgement {
    let mut cluster = cluster(Flavour::Seven);
    change(&mut cluster);
    let running = Elasticsearch::start(&cluster, &NAMES).await.expect("a cluster");
    of(&running, parts).await
}

async fn of(cluster: &Elasticsearch, parts: &str) -> Judgement {
    parts_at(&cluster.url(), "", "", parts, api::PATIENT).await
}

async fn refusing(status: u16) -> Judgement {
    let (url, _site) = api::answering(status, api::failure(status)).await;
    at(&url, "", "", api::PATIENT).await
}

async fn at(url: &str, more: &str, net: &str, allowed: Duration) -> Judgement {
    parts_at(url, more, net, HEALTH, allowed).await
}

async fn parts_at(url: &str, more: &str, net: &str, parts: &str, allowed: Duration) -> Judgement {
    let connections =
        format!("{{ {net}elasticsearch: {{ default: {{ url: '{url}', {more} }} }} }}");
    let check = format!("elasticsearch: {{ {parts} }}");
    look_within(allowed, &check, &systems(&connections, Clock::System)).await
}

#[tokio::test]
async fn a_cluster_that_is_well_passes_in_the_shapes_of_each_flavour() {
    for flavour in Flavour::ALL {
        let cluster = healthy(flavour).await;
        let wanted = if flavour == Flavour::OpenSearch { "opensearch" } else { "elasticsearch" };
        let parts = format!(
            "{HEALTH}, {ALIAS}, {NEWEST}, disks: {{}}, indices: [{{ name: 'logs-*' }}], version: {{ \
             distribution: {wanted} }}"
        );
        let judgement = of(&cluster, &parts).await;
        assert_eq!(judgement.verdict(), Pass, "{flavour:?}: {}", judgement.because());
        let said: Vec<_> = judgement.lines().iter().map(|l| (&*l.subject, &*l.because)).collect();
        assert!(
            said.contains(&("alias bsds", "bsds_v1: 12 documents, at least 2 wanted")),
            "{said:?}"
        );
        assert!(
            said.contains(&(
                "disk of node-0",
                "50.0 % used, 50.0 GiB left: below the low watermark"
            )),
            "{said:?}"
        );
        let exported: Vec<_> = judgement
            .samples()
            .iter()
            .map(|sample| {
                format!("{} {} {}", sample.measure.name, sample.labels.join(" "), sample.value)
            })
            .collect();
        for row in [
            "vigie_elasticsearch_status default green 1",
            "vigie_elasticsearch_status default red 0",
            "vigie_elasticsearch_nodes default 3",
            "vigie_elasticsearch_unassigned_shards default 0",
            "vigie_elasticsearch_documents default bsds 12",
            "vigie_elasticsearch_disk_used_ratio default 0.5",
        ] {
            assert!(exported.iter().any(|exported| exported == row), "{row}: {exported:#?}");
        }
        let methods = cluster.site().asked();
        assert!(methods.iter().all(|asked| asked.method == "GET"), "nothing but GET");
    }
}

#[tokio::test]
async fn yellow_is_as_it_should_be_on_one_node_where_that_is_said() {
    let mut one = cluster(Flavour::Seven);
    one.nodes.truncate(1);
    one.unassigned = 1;
    let running = Elasticsearch::start(&one, &NAMES).await.expect("a cluster");
    let health = "health: { yellow: allowed_on_one_node }";
    assert_eq!(of(&running, health).await.verdict(), Pass);
    assert_eq!(of(&running, "health: {}").await.verdict(), Warn);
    one.nodes.push(("second".to_owned(), 1 << 30, 1 << 30));
    running.become_like(&one, &NAMES);
    assert_eq!(of(&running, health).await.verdict(), Warn);
}

#[tokio::test]
async fn an_index_in_the_place_of_the_alias_is_found_out() {
    let mut cluster = cluster(Flavour::Eight);
    cluster.indices = vec![Index::new("bsds")];
    let running = Elasticsearch::start(&cluster, &NAMES).await.expect("a cluster");
    let judgement = of(&running, "aliases: [{ name: bsds }]").await;
    let said = judgement.because();
    assert!(said.contains("an index of its name stands in its place"), "{said}");
}

#[tokio::test]
async fn watermarks_are_the_clusters_own() {
    let mut cluster = cluster(Flavour::Eight);
    // 88 % of ten tebibytes: above the share, and enough left for the headroom of version 8.
    cluster.nodes[0] = ("large".to_owned(), 10 << 40, 12 * (10 << 40) / 100);
    let running = Elasticsearch::start(&cluster, &NAMES).await.expect("a cluster");
    assert_eq!(of(&running, "disks: {}").await.verdict(), Pass);
    cluster.settings =
        vec![("cluster.routing.allocation.disk.watermark.low".to_owned(), "40%".to_owned())];
    running.become_like(&cluster, &NAMES);
    let judgement = of(&running, "disks: {}").await;
    assert_eq!(judgement.verdict(), Warn, "{}", judgement.because());
}

#[tokio::test]
async fn what_part_of_the_shards_found_is_proof_of_that_alone() {
    let mut cluster = cluster(Flavour::OpenSearch);
    cluster.failed_shards = 1;
    let running = Elasticsearch::start(&cluster, &NAMES).await.expect("a cluster");
    let judgement = of(&running, NEWEST).await;
    assert_eq!(judgement.verdict(), Pass, "a young document is a young document");
    assert!(
        judgement.because().contains("1 of 1 shards did not answer"),
        "{}",
        judgement.because()
    );
    cluster.failed_shards = 0;
    cluster.timed_out = true;
    cluster.indices[1].newest = None;
    running.become_like(&cluster, &NAMES);
    for parts in [NEWEST, HEALTH] {
        let judgement = of(&running, parts).await;
        let said = (judgement.verdict(), judgement.reason());
        assert_eq!(said, (Unknown, Some(Reason::new("PartialAnswer"))), "{parts}");
    }
}

#[tokio::test]
async fn a_privilege_that_is_lacking_for_one_part_blinds_no_other() {
    let cluster = healthy(Flavour::Eight).await;
    cluster.say("/_cluster/health", 403, &shapes::forbidden());
    let judgement = of(&cluster, &format!("{HEALTH}, {ALIAS}")).await;
    assert_eq!(judgement.reason(), Some(Reason::FORBIDDEN));
    let said = judgement.because();
    assert!(said.contains("action [cluster:monitor/health] is unauthorized"), "{said}");
    let alias = judgement.lines().iter().find(|line| line.subject == "alias bsds");
    assert_eq!(alias.map(|line| line.verdict), Some(Pass));
}

#[tokio::test]
async fn a_refused_credential_is_sent_once_and_a_right_one_is_taken() {
    let cluster = healthy(Flavour::Eight).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "wrong").expect("a key");
    let key = format!("api_key: {{ file: '{}' }}", file.path().display());
    let connections =
        format!("{{ elasticsearch: {{ default: {{ url: '{}', {key} }} }} }}", cluster.url());
    let health = Answer::new(200, "{}");
    cluster.site().answer_to(
        "ApiKey wrong",
        "/_cluster/health",
        Answer::new(401, shapes::unauthorized().to_string()),
    );
    cluster.site().answer_to("ApiKey right", "/_cluster/health", health);
    let systems = systems(&connections, Clock::System);
    for _ in 0..3 {
        let judgement = look("elasticsearch: { health: {} }", &systems).await;
        assert_eq!(judgement.reason(), Some(Reason::UNAUTHORIZED), "{}", judgement.because());
        assert!(!judgement.because().contains("wrong"), "{}", judgement.because());
    }
    assert_eq!(cluster.site().asked().len(), 1, "once, and not again before it changes");
    let echo = json!({ "error": "`ApiKey echoed` is not known", "status": 403 });
    std::fs::write(file.path(), "echoed").expect("a key");
    let echoing = Answer::new(403, echo.to_string());
    cluster.site().answer_to("ApiKey echoed", "/_cluster/health", echoing);
    let judgement = look("elasticsearch: { health: {} }", &systems).await;
    assert_eq!(judgement.reason(), Some(Reason::FORBIDDEN));
    assert!(!judgement.because().contains("echoed"), "{}", judgement.because());
    std::fs::write(file.path(), "right").expect("a key");
    let judgement = look("elasticsearch: { health: {} }", &systems).await;
    assert_eq!(judgement.reason(), Some(Reason::GARBLED), "it was asked");
}

#[tokio::test]
async fn the_page_of_a_proxy_and_a_redirect_are_no_answer() {
    let cluster = healthy(Flavour::Seven).await;
    let site = cluster.site();
    let elsewhere = Answer::new(302, "").header("location", "http://login.test/?token=s3cret");
    site.answer("/_cluster/health", elsewhere);
    let judgement = of(&cluster, HEALTH).await;
    assert_eq!(judgement.reason(), Some(Reason::GARBLED));
    let said = judgement.because();
    assert!(said.contains("http://login.test/") && !said.contains("s3cret"), "{said}");
    for status in [200, 404] {
        site.answer("/_alias/bsds", Answer::new(status, "<html>nginx</html>"));
        let judgement = of(&cluster, ALIAS).await;
        assert_eq!(judgement.reason(), Some(Reason::GARBLED), "not that the alias is missing");
    }
}
