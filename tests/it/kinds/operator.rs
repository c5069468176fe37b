//! `operator` against an API server.

use serde_json::{Value, json};
use vigie::checks::operator::Operator;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::kubernetes::Settings;

use super::Provocation;
use crate::kubernetes::{Cluster, deployment, trouble, until, with};

const CHECK: &str = "operator: { crds: [gadgets.example.org/v1], namespace: shop, \
                     controllers: [{ kind: Deployment, name: operator }], \
                     ingress_class: web, ingress_controller: example.org/web }";

pub fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "gadgets.example.org" },
        "spec": {
            "group": "example.org", "scope": "Namespaced",
            "names": { "kind": "Gadget", "plural": "gadgets" },
            "versions": [{ "name": "v1", "served": true, "storage": true }],
        },
        "status": { "conditions": [
            { "type": "NamesAccepted", "status": "True" }, { "type": "Established", "status": "True" },
        ] },
    })
}

fn condition(number: usize, status: &str) -> Value {
    let pointer = format!("/status/conditions/{number}/status");
    with(definition(), &pointer, json!(status))
}

fn converted() -> Value {
    let versions = json!([
        { "name": "v1", "served": true, "storage": true },
        { "name": "v2", "served": true, "storage": false },
    ]);
    let client = json!({ "service": { "namespace": "shop", "name": "webhook" } });
    let conversion = json!({ "strategy": "Webhook", "webhook": { "clientConfig": client } });
    with(with(definition(), "/spec/versions", versions), "/spec/conversion", conversion)
}

pub fn class() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": { "name": "web" }, "spec": { "controller": "example.org/web" },
    })
}

fn available(count: u32) -> Value {
    with(deployment("operator"), "/status/availableReplicas", json!(count))
}

async fn of(objects: impl IntoIterator<Item = Value>) -> Judgement {
    let cluster = Cluster::start().await;
    for object in objects {
        cluster.put(object);
    }
    cluster.look(CHECK).await
}

async fn of_definition(definition: Value) -> Judgement {
    of([definition, deployment("operator"), class()]).await
}

async fn being_deleted() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(with(definition(), "/metadata/finalizers", json!(["customresourcecleanup"])));
    cluster.put(deployment("operator"));
    cluster.put(class());
    cluster.remove("customresourcedefinitions.apiextensions.k8s.io/gadgets.example.org");
    cluster.look(CHECK).await
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { Operator:
        "CrdAbsent" Fail of([deployment("operator"), class()]);
        "CrdNotEstablished" Fail of_definition(condition(1, "False"));
        "CrdNamesTaken" Fail of_definition(condition(0, "False"));
        "CrdBeingDeleted" Fail being_deleted();
        "VersionNotServed" Fail of_definition(with(definition(), "/spec/versions/0/name", json!("v2")));
        "ConversionUnsigned" Warn of_definition(converted());
        "ControllerAbsent" Fail of([definition(), class()]);
        "ControllerUnavailable" Fail of([definition(), available(0), class()]);
        "ControllerUnavailable" Warn of([definition(), available(1), class()]);
        "IngressClassAbsent" Fail of([definition(), deployment("operator")]);
        "IngressClassOthers" Fail of([definition(), deployment("operator"), with(class(), "/spec/controller", json!("example.org/other"))]);
        "Garbled" Unknown of_definition(with(definition(), "/status/conditions", json!("Established")));
        "WatchRunning" Unknown trouble::running(CHECK);
        "StreamDown" Unknown trouble::down(CHECK);
        "StreamSilent" Unknown trouble::silent(CHECK);
        "Forbidden" Unknown trouble::forbidden(CHECK);
        "Unauthorized" Unknown trouble::unauthorized(CHECK);
        "KindUnknown" Unknown trouble::kind_unknown(CHECK);
        "NoAccess" Unknown trouble::no_access(CHECK);
    }
}

#[tokio::test]
async fn every_reason_of_operator_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn an_operator_that_is_there_passes_and_one_that_comes_later_is_noticed() {
    let cluster = Cluster::start().await;
    assert_eq!(cluster.look(CHECK).await.verdict(), Verdict::Fail);
    for object in [definition(), deployment("operator"), class()] {
        cluster.put(object);
    }
    let passes = |judgement: &Judgement| judgement.verdict() == Verdict::Pass;
    let judgement = until(async || cluster.look(CHECK).await, passes).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let established = judgement
        .samples()
        .iter()
        .find(|sample| sample.measure.name == "vigie_operator_crd_established");
    assert!(established.is_some_and(|sample| sample.value > 0.5));
}

#[tokio::test]
async fn a_selector_finds_its_workloads_in_all_namespaces() {
    let cluster = Cluster::start().await;
    let check = "operator: { selector: app=operator }";
    assert_eq!(cluster.look(check).await.reason(), Some(Reason::new("ControllerAbsent")));
    let elsewhere = with(deployment("manager"), "/metadata/namespace", json!("elsewhere"));
    cluster.put(with(elsewhere, "/metadata/labels", json!({ "app": "operator" })));
    let passes = |judgement: &Judgement| judgement.verdict() == Verdict::Pass;
    let judgement = until(async || cluster.look(check).await, passes).await;
    assert_eq!(
        judgement.because(),
        "Deployment elsewhere/manager: 2 desired, 2 ready, 2 available"
    );
}

/// As the checklist asks for them, on a cluster that looks like the one it was written for.
#[tokio::test]
async fn the_operators_and_databases_of_a_whole_cluster_pass() {
    let cluster = Cluster::start_with(Settings::default()).await;
    vigie_sim::kubernetes::trackdechets::furnish(&cluster.server).expect("a furnished cluster");
    let namespace = vigie_sim::kubernetes::trackdechets::NAMESPACE;
    for (preset, more) in [
        ("cloudnative-pg", String::new()),
        ("eck", String::new()),
        ("redis-operator", String::new()),
        ("percona-mongodb", format!("namespace: {namespace}")),
        ("ingress-nginx", String::new()),
        ("cert-manager", String::new()),
    ] {
        let judgement = cluster.look(&format!("operator: {{ preset: {preset}, {more} }}")).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{preset}: {}", judgement.because());
    }
    for (preset, name) in [
        ("cnpg-cluster", "postgres"),
        ("eck-elasticsearch", "elasticsearch"),
        ("redis-failover", "redis"),
        ("percona-mongodb", "mongodb"),
        ("certificate", "trackdechets-tls"),
    ] {
        let check = format!("{{ preset: {preset}, namespaces: [{namespace}], name: {name} }}");
        let judgement = cluster.look(&format!("resource: {check}")).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{preset}: {}", judgement.because());
    }
    for rest in CHECKLIST {
        let judgement = cluster.look(&format!("resource: {{ {rest} }}")).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{rest}: {}", judgement.because());
    }
}

/// What else the checklist asks of objects, but for what belongs to one installation alone.
const CHECKLIST: &[&str] = &[
    "api_version: storage.k8s.io/v1, kind: StorageClass, matching: \"object.metadata.?annotations[?'storageclass.kubernetes.io/is-default-class'].orValue('') == 'true'\"",
    "api_version: v1, kind: Namespace, name: trackdechets, expressions: [{ cel: object.status.phase == 'Active' }]",
    "api_version: v1, kind: ConfigMap, namespaces: [trackdechets], name: trackdechets-config, expressions: [{ cel: \"!object.data.exists(key, object.data[key].lowerAscii().contains('changeme'))\" }]",
    "api_version: v1, kind: ConfigMap, namespaces: [trackdechets], prefix: env-specific-config-",
    "api_version: v1, kind: Secret, namespaces: [trackdechets], name: [trackdechets-secrets, postgres-backup-credentials, mongodb-backup-credentials]",
    "api_version: v1, kind: ResourceQuota, namespaces: [trackdechets], name: trackdechets-quota, expressions: [{ cel: 'object.status.hard.all(name, quantity(object.status.used[name]) <= 0.9 * quantity(object.status.hard[name]))' }]",
    "api_version: v1, kind: LimitRange, namespaces: [trackdechets], name: trackdechets-limits",
    "api_version: postgresql.cnpg.io/v1, kind: Cluster, namespaces: [trackdechets], name: postgres, references: [{ path: 'spec.backup.barmanObjectStore.s3Credentials[*].name', names: postgres-backup-credentials, key_field: key }], expressions: [{ cel: \"object.spec.backup.retentionPolicy == '30d'\" }]",
    "api_version: psmdb.percona.com/v1, kind: PerconaServerMongoDB, namespaces: [trackdechets], name: mongodb, references: [{ path: 'spec.backup.storages[*].s3.credentialsSecret', names: mongodb-backup-credentials, keys: [ACCESS_KEY_ID, ACCESS_SECRET_KEY] }], expressions: [{ cel: \"object.spec.backup.tasks.exists(task, task.name == 'daily-backup' && task.keep >= 7)\" }]",
    "api_version: postgresql.cnpg.io/v1, kind: ScheduledBackup, namespaces: [trackdechets], name: postgres-backup-schedule, expressions: [{ cel: \"object.spec.schedule.matches('^0 [0-9]+ [0-9]+ [*] [*] [*]$')\" }]",
];
