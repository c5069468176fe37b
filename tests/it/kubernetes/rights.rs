//! The rights that `vigie rbac` grants are enough, and not one is too many.
//!
//! For each kind that asks anything of the API server: with the generated roles bound, all items are
//! judged; without any one of the rights, somebody who needs it is blind, the others go on, and
//! `kubernetes_api` names what is missing. A kind that is added is named in `proofs`, with objects
//! for which it uses every one of its rights.

mod connections;
mod proofs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;
use vigie::checklist::Item;
use vigie::checks::{KINDS, Kind, Look};
use vigie::config::Configuration;
use vigie::config::load::load;
use vigie::model::finding::Verdict;
use vigie::model::item::ItemId;
use vigie::model::judgement::{Judgement, Line};
use vigie::model::needs::{Needs, Resource, Right, Watch};
use vigie::model::past::Past;
use vigie::model::reason::Reason;
use vigie::model::records::Records;
use vigie::model::rights::{Purpose, Rights};
use vigie::model::secret::SecretSource;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie::systems::kubernetes::whole::Metadata;
use vigie::systems::kubernetes::{Table, plurals};
use vigie::views::rbac::{Account, objects};
use vigie_sim::kubernetes::{ApiServer, Settings, User};
use vigie_sim::net::site::{Answer, Site};
use vigie_sim::s3::{ACCESS_KEY, SECRET_KEY, Store};

use crate::conformance::MAY_ASK;
use crate::support;
use proofs::{Proof, failed_pods, proofs, put};

const TOKEN: &str = "t0ken";
/// The plural of a kind that stands in no table.
const GADGETS: &str = "gadgets";
/// The item that reviews all rights.
const ACCESS: &str = "access";

/// A configuration, and a server on which it has exactly the rights that it needs.
struct Ground {
    server: ApiServer,
    configuration: Configuration,
    rights: Rights,
    folder: TempDir,
}

impl Ground {
    async fn new(checks: &[&str], connections: &str, furnish: impl FnOnce(&ApiServer)) -> Self {
        drop(support::systems("{}", Clock::System));
        let server = ApiServer::start(Settings::default()).await.expect("a server");
        furnish(&server);
        let folder = tempfile::tempdir().expect("a folder");
        let token = folder.path().join("token");
        std::fs::write(&token, TOKEN).expect("a file");
        let mut text = format!(
            "connections:\n  kubernetes: {{ server: {{ url: '{}', token: {{ file: '{}' }} }} }}\n\
             {connections}sections:\n  - id: s\n    title: S\n    items:\n",
            server.url(),
            token.display(),
        );
        let access = (ACCESS.to_owned(), &"kubernetes_api: {}");
        let others = checks.iter().enumerate().map(|(n, check)| (format!("item-{n}"), check));
        for (id, check) in others.chain([access]) {
            text += &format!(
                "      - {{ id: {id}, title: T, severity: info, checks: [{{ {check} }}] }}\n"
            );
        }
        let configuration = configuration(&folder, &text);
        let demands = configuration.checklist.demands(&configuration.settings.connections);
        let rights = demands.rights(|resource| {
            let known = plurals::known(&resource.group, &resource.kind);
            let gadgets = || (resource.kind == "Gadget").then_some(GADGETS);
            known.map(|known| known.plural).or_else(gadgets).map(str::to_owned)
        });
        // Nobody else grants a thing: not even the roles that every cluster has from its start.
        server.behave(|behaviour| behaviour.default_roles = false);
        server.admit(TOKEN, User::new("system:serviceaccount:vigie:vigie", vec![]));
        for object in objects(&rights, &account()) {
            put(&server, object);
        }
        Self { server, configuration, rights, folder }
    }

    /// Takes one right away, and leaves all others.
    fn bind_without(&self, missing: &Right) {
        let mut rules: BTreeMap<Option<&str>, Vec<Value>> = BTreeMap::new();
        for (right, _) in self.rights.granted() {
            let rules = rules.entry(right.namespace.as_deref()).or_default();
            if right != missing {
                rules.push(rule(right));
            }
        }
        for (namespace, rules) in rules {
            let mut role = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": { "name": "vigie:vigie" }, "rules": rules,
            });
            if let Some(namespace) = namespace {
                role["kind"] = "Role".into();
                role["metadata"]["namespace"] = namespace.into();
            }
            put(&self.server, role);
        }
    }

    /// A look at each item, by a daemon that has just started.
    async fn look(&self) -> BTreeMap<ItemId, Judgement> {
        let Configuration { settings, checklist, checksum: _ } = &self.configuration;
        let systems = Systems::new(&settings.connections, Clock::System);
        let watches = checklist.watches();
        systems.keep(&watches, checklist.demands(&settings.connections));
        let watches: Vec<_> = watches.into_iter().collect();
        systems.settle(&watches, Duration::from_secs(20)).await;
        let looks = checklist.items.iter().map(|item| look_at(item, &systems));
        join_all(looks).await.into_iter().collect()
    }
}

fn account() -> Account {
    Account { namespace: "vigie".to_owned() }
}

fn configuration(folder: &TempDir, text: &str) -> Configuration {
    let file: PathBuf = folder.path().join("checklist.yaml");
    std::fs::write(&file, text).expect("a file");
    load(&[file]).unwrap_or_else(|flaws| {
        let flaws: Vec<_> = flaws.iter().map(ToString::to_string).collect();
        panic!("{}\n{text}", flaws.join("\n"))
    })
}

/// A rule that grants one right.
fn rule(right: &Right) -> Value {
    if right.is_path() {
        return json!({ "nonResourceURLs": [right.resource], "verbs": [right.verb] });
    }
    let mut rule = json!({
        "apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb],
    });
    if let Some(name) = &right.name {
        rule["resourceNames"] = json!([name]);
    }
    rule
}

async fn look_at(item: &Arc<Item>, systems: &Systems) -> (ItemId, Judgement) {
    let mut all = Judgement::new();
    for check in &item.checks {
        let look = Look {
            item: &item.card.id,
            needs: &item.needs,
            systems,
            records: &Records::default(),
            deadline: Instant::now() + Duration::from_secs(20),
            fresh_within: Duration::ZERO,
            now: systems.clock.now(),
            past: &Past::default(),
        };
        all = check.run(&look).await;
    }
    (item.card.id.clone(), all)
}

fn blind(judgement: &Judgement) -> impl Iterator<Item = &Line> {
    judgement.lines().iter().filter(|line| line.verdict == Verdict::Unknown)
}

/// Whether a line says that a right is missing. A secret that is not granted is missing on our own
/// side, and the sentence tells why.
fn is_forbidden(line: &Line) -> bool {
    line.reason == Some(Reason::FORBIDDEN)
        || (line.reason == Some(Reason::SECRET_MISSING) && line.because.contains(" 403"))
}

/// What is not as it should be without one right; empty where it is.
async fn without(ground: &Ground, right: &Right, purposes: &BTreeSet<Purpose>) -> Vec<String> {
    ground.bind_without(right);
    // A list is asked for where a server can't stream it, and by nobody else.
    ground.server.behave(|behaviour| behaviour.streaming_lists = right.verb != "list");
    let judgements = ground.look().await;
    let mut wrong = Vec::new();
    let access = ItemId::parse(ACCESS).expect("an id");
    let needing: BTreeSet<_> = purposes.iter().map(|purpose| &purpose.item).collect();
    for item in &needing {
        if !blind(&judgements[*item]).any(is_forbidden) {
            wrong.push(format!("{item} does not miss `{right}`"));
        }
    }
    for (item, judgement) in &judgements {
        if *item == access || needing.contains(item) {
            continue;
        }
        if let Some(line) = blind(judgement).next() {
            wrong.push(format!("without `{right}` {item} is blind, too: {}", line.because));
        }
    }
    let named = |line: &Line| {
        let place = Right { verb: "", ..right.clone() }.to_string();
        line.reason == Some(Reason::new("MissingPermission"))
            && line.subject.starts_with(right.verb)
            && line.subject.ends_with(place.trim_start())
    };
    let reviews = right.resource == "selfsubjectaccessreviews";
    if !reviews && !judgements[&access].lines().iter().any(named) {
        wrong.push(format!("`kubernetes_api` does not name `{right}`"));
    }
    wrong
}

/// What is wrong with the rights of a configuration.
async fn trouble(ground: &Ground) -> Vec<String> {
    let mut wrong = Vec::new();
    for streaming in [true, false] {
        ground.server.behave(|behaviour| behaviour.streaming_lists = streaming);
        for (item, judgement) in ground.look().await {
            let lines = blind(&judgement).map(|line| &line.because);
            wrong.extend(lines.map(|line| format!("with all rights {item} is blind: {line}")));
        }
    }
    for (right, purposes) in ground.rights.granted() {
        wrong.extend(without(ground, right, purposes).await);
    }
    wrong.extend(secrets_listed(&ground.server));
    wrong
}

fn secrets_listed(server: &ApiServer) -> Vec<String> {
    let requests = server.requests().into_iter();
    let secrets = requests.filter(|request| request.resource.starts_with("secrets"));
    let more = secrets.filter(|request| request.verb != "get");
    more.map(|request| format!("{} {}", request.verb, request.path)).collect()
}

#[tokio::test]
async fn every_right_of_every_kind_is_enough_and_missed_when_it_is_taken_away() {
    let looks = proofs().into_iter().map(|Proof { kind, checks, furnish }| async move {
        let ground = Ground::new(checks, "", furnish).await;
        let wrong = trouble(&ground).await;
        wrong.into_iter().map(move |wrong| format!("{kind}: {wrong}")).collect::<Vec<_>>()
    });
    let wrong = join_all(looks).await.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn secrets_of_connections_and_of_checks_are_granted_one_by_one() {
    let store = Store::start().await.expect("a store");
    store.create("dumps");
    let now = Clock::System.now();
    let key = now.strftime("%Y-%m-%d/dump-%H%M%S.gz").to_string();
    store.put("dumps", &key, 10_000, now);
    let secret = |name: &str, key: &str| {
        format!("{{ secret: {{ namespace: shop, name: {name}, key: {key} }} }}")
    };
    let connections = format!(
        "  s3:\n    dumps:\n      endpoint: \"{}\"\n      region: test\n      access_key: {}\n      \
         secret_key: {}\n",
        store.endpoint(),
        secret("store", "access"),
        secret("store-key", "secret"),
    );
    let site = Site::plain().await.expect("a site");
    site.answer("/", Answer::new(200, "fine"));
    let http = format!(
        "http: {{ url: 'http://{}/', secret_headers: {{ X-Token: {{ from: {} }} }} }}",
        site.address(),
        secret("web", "token"),
    );
    let backup = "backup: { connection: dumps, bucket: dumps, max_age: { fail: 3650d }, \
                  layout: { objects: { keys: \"%Y-%m-%d/dump-%H%M%S.gz\" } } }";
    let bucket = "s3_bucket: { connection: dumps, bucket: dumps }";
    let checks = [backup, bucket, http.as_str(), "pods: { namespaces: [shop] }"];
    let furnish = |server: &ApiServer| {
        failed_pods(server);
        for (name, key, value) in [
            ("store", "access", ACCESS_KEY),
            ("store-key", "secret", SECRET_KEY),
            ("web", "token", "t"),
        ] {
            put(
                server,
                json!({
                    "apiVersion": "v1", "kind": "Secret",
                    "metadata": { "namespace": "shop", "name": name },
                    "data": { key: STANDARD.encode(value) },
                }),
            );
        }
    };
    let ground = Ground::new(&checks, &connections, furnish).await;
    let secrets: Vec<String> = ground
        .rights
        .granted()
        .filter(|(right, _)| right.resource == "secrets")
        .map(|(right, _)| right.to_string())
        .collect();
    let named = ["store", "store-key", "web"].map(|name| format!("get secrets {name} in shop"));
    assert_eq!(secrets, named);
    let wrong = trouble(&ground).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ground.server.count("get", "secrets") > 0);
    drop(ground.folder);
}

/// Whether a kind's example asks anything of the API server.
fn asks(example: &str) -> bool {
    let needs = support::check(example).needs();
    let secret = |source: &SecretSource| matches!(source, SecretSource::Secret(_));
    !needs.watches.is_empty() || !needs.rights.is_empty() || needs.secrets.iter().any(secret)
}

#[test]
fn every_kind_that_asks_anything_is_proven() {
    let proven: BTreeSet<_> = proofs().into_iter().map(|proof| proof.kind).collect();
    let may_ask = |kind: &&Kind| MAY_ASK.contains(&kind.name) || asks(kind.example);
    let asking: BTreeSet<_> = KINDS.iter().filter(may_ask).map(|kind| kind.name).collect();
    assert_eq!(proven, asking, "kinds with a proof, and kinds that need one");
}

#[tokio::test]
async fn no_kind_lists_or_watches_secrets() {
    for kind in KINDS.iter().filter(|kind| asks(kind.example)) {
        let cluster = super::Cluster::start().await;
        let check = support::check(kind.example);
        cluster.look(kind.example).await;
        assert!(!cluster.server.requests().is_empty(), "{} asked nothing", kind.name);
        assert_eq!(secrets_listed(&cluster.server), Vec::<String>::new(), "{}", kind.name);
        let secrets = |watch: &Watch| watch.resource.kind == "Secret";
        assert!(!check.needs().watches.iter().any(secrets), "{} watches Secrets", kind.name);
    }
}

#[tokio::test]
async fn a_watch_of_secrets_is_opened_for_nobody() {
    let cluster = super::Cluster::start().await;
    for plural in ["secrets", ""] {
        let resource = Resource::known("", "v1", plural, "Secret");
        let watch = Watch::all(resource).within("shop");
        cluster.systems.kubernetes.keep(&[watch.clone()].into());
        assert!(cluster.systems.kubernetes.revision(&watch).is_none());
        let needs = Needs { watches: vec![watch.clone()], ..Needs::default() };
        let read = cluster.systems.kubernetes.read(&needs, &watch, |_: &Table<Metadata>| ());
        assert_eq!(read.unwrap_err().reason, Reason::UNDECLARED);
    }
    assert!(cluster.server.requests().is_empty());
}
