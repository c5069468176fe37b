//! `resource` against an API server.

use std::time::Duration;

use serde_json::{Value, json};
use vigie::checks::resource::Resource;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::kubernetes::{Act, Fault, Kind};

mod beside;

use super::Provocation;
use crate::kubernetes::{Cluster, brisk, deployment, pod, trouble, until, with};
use crate::support;

const MAPS: &str = "resource: { api_version: v1, kind: ConfigMap, namespaces: [shop] }";
const GADGET: &str = "api_version: example.org/v1, kind: Gadget, namespaces: [shop], name: a";

pub fn map(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": "shop", "name": name }, "data": { "key": "value", "empty": "" },
    })
}

fn secret(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": "shop", "name": name },
        "data": { "token": "aHVudGVyMg==", "empty": "" },
    })
}

/// A custom resource that is as it must be.
pub fn gadget() -> Value {
    json!({
        "apiVersion": "example.org/v1", "kind": "Gadget",
        "metadata": { "namespace": "shop", "name": "a" },
        "spec": { "instances": 2, "backup": { "name": "db", "key": "token" } },
        "status": {
            "observedGeneration": 1, "ready": 2, "at": "2020-01-01T00:00:00Z",
            "list": (0..3000).collect::<Vec<u32>>(),
            "conditions": [{ "type": "Ready", "status": "True" }],
        },
    })
}

async fn with_gadgets() -> Cluster {
    let cluster = Cluster::start().await;
    cluster.server.register(Kind::custom("example.org/v1", "Gadget", "gadgets"));
    cluster
}

/// What is said of a custom resource, among other objects.
async fn of(object: Value, others: impl IntoIterator<Item = Value>, more: &str) -> Judgement {
    let cluster = with_gadgets().await;
    cluster.put(object);
    for other in others {
        cluster.put(other);
    }
    cluster.look(&format!("resource: {{ {GADGET}, {more} }}")).await
}

async fn maps(count: usize, more: &str) -> Judgement {
    let cluster = Cluster::start().await;
    for number in 0..count {
        cluster.put(map(&format!("m-{number}")));
    }
    let check =
        format!("resource: {{ api_version: v1, kind: ConfigMap, namespaces: [shop], {more} }}");
    cluster.look(&check).await
}

#[tokio::test]
async fn objects_are_counted_by_what_they_hold() {
    let cluster = Cluster::start().await;
    for name in ["a", "b"] {
        cluster.put(map(name));
    }
    cluster.put(with(map("c"), "/data/key", json!("other")));
    for (matching, verdict) in [
        ("object.data.key == 'other'", Verdict::Pass),
        ("object.data.key == 'none'", Verdict::Fail),
        ("object.data.absent == 'none'", Verdict::Unknown),
    ] {
        let check = format!(
            "resource: {{ api_version: v1, kind: ConfigMap, namespaces: [shop], max_count: 1, \
             matching: \"{matching}\" }}"
        );
        let judgement = cluster.look(&check).await;
        let counted = judgement.lines().iter().any(|line| line.verdict == Verdict::Fail);
        assert_eq!(judgement.verdict() == Verdict::Pass, verdict == Verdict::Pass, "{matching}");
        assert!(verdict != Verdict::Fail || counted, "{matching}: {}", judgement.because());
        let blind = judgement.lines().iter().any(|line| line.verdict == Verdict::Unknown);
        assert_eq!(blind, verdict == Verdict::Unknown, "{matching}: {}", judgement.because());
    }
}

/// More than is kept of a watch, in few objects.
async fn more_than_there_is_room_for() -> Judgement {
    let cluster = Cluster::start().await;
    let padding = "x".repeat(1 << 20);
    for number in 0..33 {
        cluster.put(with(map(&format!("m-{number}")), "/data/key", json!(padding)));
    }
    let check = "resource: { api_version: v1, kind: ConfigMap, namespaces: [shop], \
                 expressions: [{ cel: has(object.data) }] }";
    cluster.look(check).await
}

async fn being_deleted() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(with(map("a"), "/metadata/finalizers", json!(["example.org/hold"])));
    cluster.remove("configmaps/shop/a");
    cluster.look(MAPS).await
}

async fn true_of(expression: &str) -> Judgement {
    of(gadget(), [], &format!("expressions: [{{ cel: \"{expression}\" }}]")).await
}

async fn warned_of(expression: &str) -> Judgement {
    let more = format!("expressions: [{{ cel: \"{expression}\", severity: warn }}]");
    of(gadget(), [], &more).await
}

async fn endless() -> Judgement {
    let all = "object.status.list.all";
    let loops = format!("{all}(a, {all}(b, {all}(c, a + b + c >= 0)))");
    let cluster = with_gadgets().await;
    cluster.put(gadget());
    let check = format!("resource: {{ {GADGET}, expressions: [{{ cel: '{loops}' }}] }}");
    support::look_within(Duration::from_secs(3), &check, &cluster.systems).await
}

const REFERENCE: &str =
    "references: [{ path: spec.backup.name, names: db, key_field: key, keys: [token] }]";

async fn reference(object: Value, held: Option<Value>) -> Judgement {
    of(object, held, REFERENCE).await
}

const PODS: &str = "ready_pods: { selector: 'app=web', at_least: object.spec.instances }";
const WORKLOADS: &str = "ready_workloads: [{ kind: Deployment, name: 'web-{name}', \
                         at_least: object.spec.instances }]";

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { Resource:
        "ObjectAbsent" Fail maps(1, "name: absent");
        "TooFew" Fail maps(0, "prefix: m-");
        "TooMany" Fail maps(3, "prefix: m-, max_count: 2");
        "BeingDeleted" Warn being_deleted();
        "ConditionAbsent" Fail of(gadget(), [], "conditions: { Sound: 'True' }");
        "ConditionUnmet" Fail of(gadget(), [], "conditions: { Ready: 'False' }");
        "NotObserved" Fail of(with(gadget(), "/status/observedGeneration", json!(0)), [], "observed: true");
        "ExpressionFalse" Fail true_of("object.status.ready == 3");
        "ExpressionFalse" Warn warned_of("object.status.ready == 3");
        "EvaluationError" Unknown true_of("object.status.absent == 3");
        "EvaluationTimedOut" Unknown endless();
        "TooManyToJudge" Unknown maps(1001, "expressions: [{ cel: has(object.data) }]");
        "ClockSkew" Unknown true_of("past('2999-01-01T00:00:00Z') < now");
        "ReferenceAbsent" Fail reference(with(gadget(), "/spec/backup", json!({})), Some(secret("db")));
        "ReferenceMissing" Fail reference(gadget(), None);
        "ReferenceKeyMissing" Fail reference(with(gadget(), "/spec/backup/key", json!("other")), Some(secret("db")));
        "ReferenceNotNamed" Unknown reference(with(gadget(), "/spec/backup/name", json!("other")), Some(secret("other")));
        "PodsNotReady" Fail of(gadget(), [pod("a")], PODS);
        "WorkloadNotReady" Fail of(gadget(), [], WORKLOADS);
        "Garbled" Unknown of(with(gadget(), "/status/conditions", json!("Ready")), [], "conditions: { Ready: 'True' }");
        "TooLarge" Unknown more_than_there_is_room_for();
        "WatchRunning" Unknown trouble::running(MAPS);
        "StreamDown" Unknown trouble::down(MAPS);
        "StreamSilent" Unknown trouble::silent(MAPS);
        "Forbidden" Unknown trouble::forbidden(MAPS);
        "Unauthorized" Unknown trouble::unauthorized(MAPS);
        "KindUnknown" Unknown trouble::kind_unknown(MAPS);
        "NoAccess" Unknown trouble::no_access(MAPS);
    }
}

#[tokio::test]
async fn every_reason_of_resource_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn what_is_as_it_must_be_passes() {
    let more = format!(
        "conditions: {{ Ready: 'True' }}, observed: true, {REFERENCE}, {PODS}, {WORKLOADS}, \
         expressions: [{{ cel: object.status.ready == object.spec.instances }}]"
    );
    let others = [secret("db"), pod("a"), pod("b"), deployment("web-a")];
    let judgement = of(gadget(), others, &more).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert_eq!(judgement.because(), "shop/a: Gadget is there, and as it must be");
}

#[tokio::test]
async fn an_empty_key_and_an_absent_name_are_told_apart() {
    let empty = with(gadget(), "/spec/backup/key", json!("empty"));
    let judgement = reference(empty, Some(secret("db"))).await;
    assert!(judgement.because().contains("Secret db has nothing in `empty`"), "{judgement:?}");
    let keys =
        "references: [{ path: spec.backup.name, kind: ConfigMap, names: db, keys: [empty] }]";
    let judgement = of(gadget(), [map("db")], keys).await;
    assert!(judgement.because().contains("ConfigMap db has nothing in `empty`"), "{judgement:?}");
    let there = "references: [{ path: spec.backup.name, kind: ConfigMap, names: db }]";
    assert_eq!(of(gadget(), [map("db")], there).await.verdict(), Verdict::Pass);
    let judgement = of(gadget(), [], there).await;
    assert_eq!(judgement.reason(), Some(Reason::new("ReferenceMissing")));
}

#[tokio::test]
async fn of_a_prefix_nothing_else_is_kept_and_one_name_is_watched_alone() {
    let cluster = Cluster::start().await;
    for name in ["env-1", "env-2", "other"] {
        cluster.put(map(name));
    }
    let judgement = cluster
        .look("resource: { api_version: v1, kind: ConfigMap, namespaces: [shop], prefix: env- }")
        .await;
    assert_eq!(judgement.because(), "shop/env-*: 2 of ConfigMap are there");
    let sample = &judgement.samples()[0];
    assert_eq!((&*sample.labels[2], sample.value.to_string().as_str()), ("env-*", "2"));
    cluster.server.forget_requests();
    let named = "resource: { api_version: v1, kind: ConfigMap, namespaces: [shop], name: other }";
    assert_eq!(cluster.look(named).await.verdict(), Verdict::Pass);
    let requests = cluster.server.requests();
    assert!(
        requests.iter().all(|request| request.query.contains("metadata.name%3Dother")),
        "{requests:?}"
    );
}

const SECRETS: &str =
    "resource: { api_version: v1, kind: Secret, namespaces: [shop], name: [db, web] }";

#[tokio::test]
async fn of_a_secret_the_metadata_alone_is_asked_for_by_name() {
    let cluster = Cluster::start().await;
    cluster.put(secret("db"));
    let judgement = cluster.look(SECRETS).await;
    assert_eq!(judgement.reason(), Some(Reason::new("ObjectAbsent")));
    assert!(judgement.because().starts_with("shop/web: "), "{}", judgement.because());
    cluster.put(secret("web"));
    assert_eq!(cluster.look(SECRETS).await.verdict(), Verdict::Pass);
    let requests = cluster.server.requests();
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert_eq!((request.verb.as_str(), request.resource.as_str()), ("get", "secrets"));
        assert!(request.accept.contains("PartialObjectMetadata"), "{request:?}");
    }
}

#[tokio::test]
async fn secrets_that_can_not_be_seen_are_neither_there_nor_absent() {
    for (act, reason) in [
        (Act::Status { code: 404, retry_after: None }, "KindUnknown"),
        (Act::Status { code: 503, retry_after: None }, "StreamDown"),
        (Act::Forbid, "Forbidden"),
        (Act::Garbage, "Garbled"),
        (Act::CutAfter(10), "StreamDown"),
    ] {
        let cluster = Cluster::start().await;
        cluster.put(secret("db"));
        cluster.server.inject(Fault::new(act));
        let judgement = cluster.look(SECRETS).await;
        let said = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(said, (Verdict::Unknown, Some(reason)), "{act:?}: {}", judgement.because());
    }
}

const OPEN: &str = "resource: { api_version: example.org/v1, kind: Gadget, namespaces: [shop] }";

#[tokio::test]
async fn a_definition_that_comes_later_is_picked_up_and_one_that_goes_is_told() {
    let cluster = Cluster::start().await;
    let judgement = cluster.look(OPEN).await;
    assert_eq!(judgement.reason(), Some(Reason::KIND_UNKNOWN), "{}", judgement.because());
    assert!(judgement.because().contains("serves no example.org/v1"), "{}", judgement.because());
    cluster.put(definition(&[("v1", true)]));
    cluster.put(gadget());
    let passes = |judgement: &Judgement| judgement.verdict() == Verdict::Pass;
    let judgement = until(async || cluster.look(OPEN).await, passes).await;
    assert_eq!(judgement.because(), "shop: 1 of Gadget is there");
    cluster.put(definition(&[("v1", false), ("v2", true)]));
    cluster.server.drop_connections().await;
    let judgement = cluster.look_until(OPEN, Reason::KIND_UNKNOWN).await;
    assert_eq!(judgement.reason(), Some(Reason::KIND_UNKNOWN), "{}", judgement.because());
    let newer = OPEN.replace("v1", "v2");
    let judgement = cluster.look_until(&newer, Reason::new("TooFew")).await;
    assert_eq!(judgement.reason(), Some(Reason::new("TooFew")), "{}", judgement.because());
    cluster.put(definition(&[("v1", true), ("v2", true)]));
    let judgement = cluster.look_until(OPEN, Reason::new("TooFew")).await;
    assert_eq!(judgement.reason(), Some(Reason::new("TooFew")), "{}", judgement.because());
}

/// The definition of `Gadget` in these versions, some of them served.
fn definition(versions: &[(&str, bool)]) -> Value {
    let version = |(name, served): &(&str, bool)| json!({ "name": name, "served": served, "storage": false, "subresources": { "status": {} } });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "gadgets.example.org" },
        "spec": {
            "group": "example.org", "scope": "Namespaced",
            "names": { "kind": "Gadget", "plural": "gadgets" },
            "versions": versions.iter().map(version).collect::<Vec<_>>(),
        },
    })
}

#[tokio::test]
async fn discovery_is_asked_once_a_listing_and_not_at_a_renewal() {
    let mut cluster = with_gadgets().await;
    let renew_after = Duration::from_secs(1);
    cluster.connect(
        &cluster.connection(""),
        vigie::systems::kubernetes::Pace { renew_after, ..brisk() },
    );
    cluster.put(gadget());
    assert_eq!(cluster.look(OPEN).await.verdict(), Verdict::Pass);
    let watches = || cluster.server.count("watch", "gadgets");
    until(async || watches(), |count| *count >= 3).await;
    assert!(watches() >= 3, "the stream was renewed: {:?}", cluster.server.requests());
    let requests = cluster.systems.kubernetes_requests();
    let asked = requests.iter().filter(|(key, _)| key[1] == "discovery").map(|(_, count)| count);
    assert_eq!(asked.sum::<u64>(), 1, "{requests:?}");
}

#[tokio::test]
async fn a_group_that_is_down_blinds_its_own_kinds_alone() {
    let cluster = with_gadgets().await;
    cluster.server.register(Kind::custom("broken.example.org/v1", "Tool", "tools"));
    cluster.put(gadget());
    cluster.server.behave(|behaviour| {
        behaviour.broken_groups.insert("broken.example.org".to_owned());
    });
    let broken = OPEN.replace("example.org/v1, kind: Gadget", "broken.example.org/v1, kind: Tool");
    let judgement = cluster.look(&broken).await;
    assert_eq!(judgement.reason(), Some(Reason::STREAM_DOWN), "{}", judgement.because());
    assert_eq!(cluster.look(OPEN).await.verdict(), Verdict::Pass);
    cluster.server.behave(|behaviour| behaviour.broken_groups.clear());
    let judgement = cluster.look_until(&broken, Reason::new("TooFew")).await;
    assert_eq!(judgement.reason(), Some(Reason::new("TooFew")), "{}", judgement.because());
}

#[tokio::test]
async fn a_kind_without_namespaces_is_not_sought_in_one() {
    let cluster = Cluster::start().await;
    let kind = Kind::custom("example.org/v1", "Gadget", "gadgets").cluster_wide();
    cluster.server.register(kind);
    let judgement = cluster.look(OPEN).await;
    assert_eq!(judgement.reason(), Some(Reason::KIND_UNKNOWN));
    assert!(judgement.because().contains("has no namespaces"), "{}", judgement.because());
}

#[tokio::test]
async fn enormous_annotations_are_cut_and_said_to_be() {
    let large =
        with(gadget(), "/metadata/annotations", json!({ "a": "x".repeat(200_000), "b": "y" }));
    let more = "expressions: [{ cel: object.metadata.annotations.a.size() == 1024 }]";
    let judgement = of(large, [], more).await;
    assert_eq!(
        judgement.because(),
        "shop/a: Gadget is there, and as it must be (1 annotation over 4 KiB is read in its \
         first KiB alone)"
    );
}
