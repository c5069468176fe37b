//! Custom resources and the bucket, and where the two disagree.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vigie::model::finding::Verdict::{self, Fail, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::kubernetes::Pace;
use vigie_sim::kubernetes::{Kind, Voice};

use super::{Provocation, row};
use crate::kubernetes::{Cluster, NAMESPACE, brisk, trouble};
use crate::s3::fixture::{BUCKET, Fixture, barman, pbm};
use crate::support;

const RESOURCE: &str = "custom_resource: { cloudnative_pg: { namespace: shop, cluster: pg } }";

pub(super) fn provocations() -> Vec<Provocation> {
    vec![
        row("CustomResourceAbsent", Fail, || {
            with("", |cluster, _| cluster.remove("clusters.postgresql.cnpg.io/shop/pg"))
        }),
        row("StoreDiffers", Fail, || {
            with("", |cluster, _| cluster.put(database("s3://other/", "")))
        }),
        row("StoreUnknown", Unknown, || with("", |cluster, _| cluster.put(database("", "")))),
        row("BackupNotInBucket", Fail, || {
            with("", |cluster, now| cluster.put(taken("two", "completed", ago(now, 3))))
        }),
        row("StatusBehind", Warn, || {
            with("", |cluster, _| cluster.remove("backups.postgresql.cnpg.io/shop/one"))
        }),
        row("RetentionDiffers", Warn, || with("retention: 20d", |_, _| {})),
        row("NoSchedule", Warn, || {
            with("", |cluster, _| cluster.remove("scheduledbackups.postgresql.cnpg.io/shop/daily"))
        }),
        row("ScheduleSuspended", Warn, || {
            with("", |cluster, _| cluster.put(schedule("0 0 2 * * *", true)))
        }),
        row("ScheduleMissed", Warn, || {
            with("", |cluster, _| cluster.put(schedule("0 0 * * * *", false)))
        }),
        row("WatchRunning", Unknown, || trouble::running(CHECK).boxed()),
        row("StreamDown", Unknown, || trouble::down(CHECK).boxed()),
        row("StreamSilent", Unknown, || silent().boxed()),
        row("KindUnknown", Unknown, || trouble::kind_unknown(CHECK).boxed()),
        row("NoAccess", Unknown, || trouble::no_access(CHECK).boxed()),
    ]
}

/// For looks at the API server alone.
const CHECK: &str = "backup: { bucket: b, layout: { barman: { server: pg } }, max_age: { fail: 1d }, \
                     custom_resource: { cloudnative_pg: { namespace: shop, cluster: pg } } }";

fn ago(now: Timestamp, hours: i64) -> Timestamp {
    now - SignedDuration::from_hours(hours)
}

fn object(api: &str, kind: &str, name: &str, spec: &Value, status: &Value) -> Value {
    json!({
        "apiVersion": api, "kind": kind, "metadata": { "namespace": NAMESPACE, "name": name },
        "spec": spec, "status": status,
    })
}

fn cnpg(kind: &str, name: &str, spec: &Value, status: &Value) -> Value {
    object("postgresql.cnpg.io/v1", kind, name, spec, status)
}

fn database(destination: &str, endpoint: &str) -> Value {
    let store = json!({ "destinationPath": destination, "endpointURL": endpoint });
    let spec = json!({ "backup": { "barmanObjectStore": store, "retentionPolicy": "30d" } });
    cnpg("Cluster", "pg", &spec, &json!({}))
}

/// A Backup that ended then, ten minutes after it began.
fn taken(name: &str, phase: &str, ended: Timestamp) -> Value {
    let began = ended - SignedDuration::from_mins(10);
    let spec = json!({ "cluster": { "name": "pg" } });
    let status = json!({
        "phase": phase, "method": "barmanObjectStore", "startedAt": began, "stoppedAt": ended,
        "backupId": began.strftime("%Y%m%dT%H%M%S").to_string(), "error": "no space",
    });
    cnpg("Backup", name, &spec, &status)
}

fn schedule(cron: &str, suspend: bool) -> Value {
    let spec = json!({ "cluster": { "name": "pg" }, "schedule": cron, "suspend": suspend });
    cnpg("ScheduledBackup", "daily", &spec, &json!({}))
}

/// A cluster whose operators' kinds are served, and the time there: two days after its objects were
/// made.
async fn cluster() -> (Cluster, Timestamp) {
    let cluster = Cluster::start().await;
    for (api, kind, plural) in [
        ("postgresql.cnpg.io/v1", "Cluster", "clusters"),
        ("postgresql.cnpg.io/v1", "Backup", "backups"),
        ("postgresql.cnpg.io/v1", "ScheduledBackup", "scheduledbackups"),
        ("psmdb.percona.com/v1", "PerconaServerMongoDB", "perconaservermongodbs"),
        ("psmdb.percona.com/v1", "PerconaServerMongoDBBackup", "perconaservermongodbbackups"),
    ] {
        cluster.server.register(Kind::custom(api, kind, plural));
    }
    cluster.advance(2 * 24 * 60);
    let now = Timestamp::from_second(cluster.clock.now().as_second()).expect("a time");
    (cluster, now)
}

/// The API server says nothing any more, bookmarks neither.
async fn silent() -> Judgement {
    let (mut cluster, _) = cluster().await;
    let pace = Pace { silence: Duration::from_secs(1), ..brisk() };
    cluster.connect(&cluster.connection(""), pace);
    cluster.look(CHECK).await;
    cluster.server.speak(Voice::WatchesMute);
    cluster.look_until(CHECK, Reason::STREAM_SILENT).await
}

/// The systems of both: the store's, and the cluster's clock and API server.
fn systems(cluster: &Cluster, fixture: &Fixture) -> Systems {
    let Systems { kubernetes, clock, .. } = cluster.systems.clone();
    Systems { kubernetes, clock, ..fixture.systems.clone() }
}

/// A database whose custom resources say what the bucket shows, until `change` changes them.
fn with(limits: &'static str, change: fn(&Cluster, Timestamp)) -> BoxFuture<'static, Judgement> {
    async move {
        let (cluster, now) = cluster().await;
        let fixture = Fixture::new().await;
        // Taken six hours ago, of a day's backup at any hour.
        fixture.store.fill_barman(BUCKET, "pg/", now, SignedDuration::from_hours(6), (3, 30));
        cluster.put(database(&format!("s3://{BUCKET}/"), &fixture.store.endpoint()));
        cluster.put(taken("one", "completed", ago(now, 6)));
        let hour = ago(now, 6).strftime("%H").to_string();
        cluster.put(schedule(&format!("0 0 {hour} * * *"), false));
        change(&cluster, now);
        let more =
            if limits.is_empty() { RESOURCE.to_owned() } else { format!("{RESOURCE}, {limits}") };
        support::look(&barman(&more), &systems(&cluster, &fixture)).await
    }
    .boxed()
}

#[tokio::test]
async fn custom_resources_that_say_what_the_bucket_shows_pass() {
    let judgement = with("retention: 30d", |_, _| {}).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let lines = judgement.lines().iter().filter(|line| line.subject == "custom resource");
    assert_eq!(lines.count(), 2, "the store and the newest backup");
}

#[tokio::test]
async fn a_backup_that_ended_a_moment_ago_may_have_ended_after_the_bucket_was_seen() {
    let judgement = with("", |cluster, now| {
        cluster.put(taken("two", "completed", now - SignedDuration::from_secs(60)));
    });
    let judgement = judgement.await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

#[tokio::test]
async fn another_endpoint_is_another_store_and_none_is_that_of_aws() {
    for (endpoint, verdict) in [("https://s3.example.org", Fail), ("", Warn)] {
        let (cluster, now) = cluster().await;
        let fixture = Fixture::new().await;
        fixture.store.fill_barman(BUCKET, "pg/", now, SignedDuration::from_hours(6), (3, 30));
        cluster.put(database(&format!("s3://{BUCKET}/"), endpoint));
        cluster.put(taken("one", "completed", ago(now, 6)));
        let judgement = support::look(&barman(RESOURCE), &systems(&cluster, &fixture)).await;
        let line = judgement.lines().iter().find(|line| line.subject == "custom resource");
        let line = line.expect("a line");
        assert_eq!(line.verdict, verdict, "{endpoint}: {}", line.because);
    }
}

#[tokio::test]
async fn a_backup_that_failed_before_it_reached_the_bucket_is_seen() {
    let judgement = with("", |cluster, now| cluster.put(taken("two", "failed", ago(now, 1)))).await;
    assert_eq!(judgement.verdict(), Warn, "{}", judgement.because());
    assert!(judgement.because().contains("no space"), "{}", judgement.because());
}

fn mongodb(bucket: &str, enabled: bool) -> Value {
    let storage = json!({ "type": "s3", "s3": { "bucket": bucket, "endpointUrl": "http://far" } });
    let task = json!({
        "name": "daily", "enabled": enabled, "schedule": "0 2 * * *", "keep": 7, "storageName": "far",
    });
    let backup = json!({ "enabled": true, "storages": { "far": storage }, "tasks": [task] });
    let spec = json!({ "backup": backup });
    object("psmdb.percona.com/v1", "PerconaServerMongoDB", "mongo", &spec, &json!({}))
}

fn mongodb_backup(state: &str, began: Timestamp) -> Value {
    let spec = json!({ "clusterName": "mongo", "storageName": "far" });
    let status = json!({
        "state": state, "pbmName": began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "start": began, "completed": began + SignedDuration::from_mins(4), "storageName": "far",
    });
    object("psmdb.percona.com/v1", "PerconaServerMongoDBBackup", "one", &spec, &status)
}

#[tokio::test]
async fn a_mongodb_is_compared_with_its_bucket() {
    let check = pbm(
        "{}",
        "redundancy: 7, custom_resource: { percona_mongodb: { namespace: shop, cluster: mongo, \
         storage: far, endpoint: 'http://far' } }",
    );
    for (database, backup, code) in [
        (mongodb(BUCKET, true), 6, None),
        (mongodb("elsewhere", true), 6, Some("StoreDiffers")),
        (mongodb(BUCKET, false), 6, Some("ScheduleSuspended")),
        (mongodb(BUCKET, true), 3, Some("BackupNotInBucket")),
        (mongodb(BUCKET, true), 30, Some("StatusBehind")),
    ] {
        let (cluster, now) = cluster().await;
        let fixture = Fixture::new().await;
        for hours in [6, 30, 54] {
            fixture.store.pbm_backup(BUCKET, ago(now, hours), |_| {});
        }
        cluster.put(database);
        cluster.put(mongodb_backup("ready", ago(now, backup)));
        let judgement = support::look(&check, &systems(&cluster, &fixture)).await;
        let said = judgement.reason().map(Reason::code);
        // At any hour of the day the schedule may or may not have been kept.
        let kept = said == code || (code.is_none() && said == Some("ScheduleMissed"));
        assert!(kept, "{code:?} wanted: {}", judgement.because());
    }
}
