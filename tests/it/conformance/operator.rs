//! `operator` and the presets of `resource`, wherever they look: definitions are real ones, with
//! schemas that let everything pass.

use serde_json::{Value, json};

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{deployment, now, pod, with};

pub const CASES: &[Case] = cases! {
    "an operator whose kinds are served and which runs passes" => comings_and_goings;
    "a definition that does not serve the version fails" => not_served;
    "an ingress class belongs to the controller that is asked for" => ingress_class;
    "the operators of the presets pass" => presets;
    "a PostgreSQL of CloudNativePG is judged by its status and its pods" => postgres;
    "an Elasticsearch of ECK is judged by its status and its pods" => elasticsearch;
    "a RedisFailover is judged without any status" => redis;
    "a MongoDB of Percona is judged by its status and its pods" => mongodb;
    "a certificate is judged by its condition and its end" => certificate;
    "without its right each part is left open" => forbidden;
};

fn group(ground: &Ground) -> String {
    format!("{}.example.org", ground.namespace())
}

fn check(ground: &Ground) -> String {
    format!(
        "operator: {{ crds: [gadgets.{}/v1], namespace: {}, \
         controllers: [{{ kind: Deployment, name: operator }}] }}",
        group(ground),
        ground.namespace()
    )
}

async fn define(ground: &Ground, version: &str) {
    ground.define(&format!("{}/{version}", group(ground)), "Gadget", "gadgets").await;
}

fn definition(ground: &Ground) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("gadgets.{}", group(ground)) },
    })
}

async fn comings_and_goings(ground: &Ground) {
    let check = check(ground);
    ground.fails(&check, "CrdAbsent").await;
    define(ground, "v1").await;
    ground.fails(&check, "ControllerAbsent").await;
    ground.put(with(deployment("operator"), "/status/availableReplicas", json!(0))).await;
    ground.fails(&check, "ControllerUnavailable").await;
    ground.put(with(deployment("operator"), "/status/availableReplicas", json!(1))).await;
    ground.warns(&check, "ControllerUnavailable").await;
    ground.put(deployment("operator")).await;
    ground.passes(&check).await;
    ground.remove(&definition(ground)).await;
    ground.fails(&check, "CrdAbsent").await;
}

async fn not_served(ground: &Ground) {
    define(ground, "v2").await;
    ground.put(deployment("operator")).await;
    ground.fails(&check(ground), "VersionNotServed").await;
    ground.passes(&check(ground).replace("/v1]", "/v2]")).await;
}

async fn ingress_class(ground: &Ground) {
    let name = ground.own("web");
    let check = format!(
        "operator: {{ preset: ingress-nginx, ingress_class: {name}, namespace: {} }}",
        ground.namespace()
    );
    let class = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": { "name": name },
        "spec": { "controller": "example.org/other" },
    });
    ground.put(deployment("ingress-nginx-controller")).await;
    ground.fails(&check, "IngressClassAbsent").await;
    ground.put(class.clone()).await;
    ground.fails(&check, "IngressClassOthers").await;
    // Its controller can't be changed, only replaced with it.
    ground.remove(&class).await;
    ground.put(with(class.clone(), "/spec/controller", json!("k8s.io/ingress-nginx"))).await;
    ground.passes(&check).await;
    ground.remove(&class).await;
}

/// A workload of two replicas that is as desired.
fn workload(kind: &str, name: &str) -> Value {
    let mut object = with(deployment(name), "/kind", json!(kind));
    if kind == "StatefulSet" {
        object["spec"]["serviceName"] = name.into();
        object["status"]["conditions"].take();
        object["status"]["currentRevision"] = "1".into();
        object["status"]["updateRevision"] = "1".into();
    }
    object
}

/// API version, kind, plural.
const DEFINED: &[(&str, &str, &str)] = &[
    ("postgresql.cnpg.io/v1", "Cluster", "clusters"),
    ("postgresql.cnpg.io/v1", "Backup", "backups"),
    ("postgresql.cnpg.io/v1", "ScheduledBackup", "scheduledbackups"),
    ("elasticsearch.k8s.elastic.co/v1", "Elasticsearch", "elasticsearches"),
    ("databases.spotahome.com/v1", "RedisFailover", "redisfailovers"),
    ("psmdb.percona.com/v1", "PerconaServerMongoDB", "perconaservermongodbs"),
    ("psmdb.percona.com/v1", "PerconaServerMongoDBBackup", "perconaservermongodbbackups"),
    ("psmdb.percona.com/v1", "PerconaServerMongoDBRestore", "perconaservermongodbrestores"),
    ("cert-manager.io/v1", "Certificate", "certificates"),
    ("cert-manager.io/v1", "CertificateRequest", "certificaterequests"),
    ("cert-manager.io/v1", "Issuer", "issuers"),
    ("acme.cert-manager.io/v1", "Order", "orders"),
    ("acme.cert-manager.io/v1", "Challenge", "challenges"),
];

async fn define_one(ground: &Ground, kind: &str) {
    let (api_version, kind, plural) =
        DEFINED.iter().find(|row| row.1 == kind).expect("a kind that is known");
    ground.define(api_version, kind, plural).await;
}

async fn presets(ground: &Ground) {
    for (api_version, kind, plural) in DEFINED {
        ground.define(api_version, kind, plural).await;
    }
    ground.define_cluster_wide("cert-manager.io/v1", "ClusterIssuer", "clusterissuers").await;
    for (preset, kind, names) in [
        ("cloudnative-pg", "Deployment", vec!["cnpg-controller-manager"]),
        ("eck", "StatefulSet", vec!["elastic-operator"]),
        ("redis-operator", "Deployment", vec!["redisoperator"]),
        ("percona-mongodb", "Deployment", vec!["percona-server-mongodb-operator"]),
        (
            "cert-manager",
            "Deployment",
            vec!["cert-manager", "cert-manager-webhook", "cert-manager-cainjector"],
        ),
    ] {
        let check = format!("operator: {{ preset: {preset}, namespace: {} }}", ground.namespace());
        ground.fails(&check, "ControllerAbsent").await;
        for name in names {
            ground.put(workload(kind, name)).await;
        }
        ground.passes(&check).await;
    }
}

fn resource(ground: &Ground, preset: &str) -> String {
    format!("resource: {{ preset: {preset}, namespaces: [{}], name: db }}", ground.namespace())
}

fn custom(api_version: &str, kind: &str, spec: &Value, status: &Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "metadata": { "name": "db" },
        "spec": spec, "status": status,
    })
}

fn labelled(labels: &Value) -> Value {
    with(pod("db-1"), "/metadata/labels", labels.clone())
}

/// The object passes with its pod, fails where the status is bad, and where the pod is gone.
async fn judged(ground: &Ground, check: &str, good: Value, bad: Value, labels: Value) {
    ground.fails(check, "ObjectAbsent").await;
    ground.put(good.clone()).await;
    ground.fails(check, "PodsNotReady").await;
    ground.put(labelled(&labels)).await;
    ground.passes(check).await;
    ground.put(bad).await;
    ground.fails(check, "ExpressionFalse").await;
    ground.put(good).await;
    ground.passes(check).await;
}

async fn postgres(ground: &Ground) {
    define_one(ground, "Cluster").await;
    let status = json!({
        "readyInstances": 1, "phase": "Cluster in healthy state", "currentPrimary": "db-1",
    });
    let good = custom("postgresql.cnpg.io/v1", "Cluster", &json!({ "instances": 1 }), &status);
    let bad = with(good.clone(), "/status/phase", json!("Failing over"));
    let labels = json!({ "cnpg.io/cluster": "db", "cnpg.io/podRole": "instance" });
    judged(ground, &resource(ground, "cnpg-cluster"), good, bad, labels).await;
}

async fn elasticsearch(ground: &Ground) {
    define_one(ground, "Elasticsearch").await;
    let status = json!({ "health": "green", "phase": "Ready", "availableNodes": 1 });
    let spec = json!({ "nodeSets": [{ "name": "default", "count": 1 }] });
    let good = custom("elasticsearch.k8s.elastic.co/v1", "Elasticsearch", &spec, &status);
    let bad = with(good.clone(), "/status/health", json!("red"));
    let labels = json!({ "elasticsearch.k8s.elastic.co/cluster-name": "db" });
    judged(ground, &resource(ground, "eck-elasticsearch"), good, bad, labels).await;
}

async fn redis(ground: &Ground) {
    define_one(ground, "RedisFailover").await;
    let check = resource(ground, "redis-failover");
    let spec = json!({ "redis": { "replicas": 2 }, "sentinel": { "replicas": 2 } });
    ground.put(custom("databases.spotahome.com/v1", "RedisFailover", &spec, &Value::Null)).await;
    ground.fails(&check, "WorkloadNotReady").await;
    ground.put(workload("StatefulSet", "rfr-db")).await;
    ground.put(workload("Deployment", "rfs-db")).await;
    ground.passes(&check).await;
    let one = json!({ "observedGeneration": 1, "replicas": 2, "readyReplicas": 1 });
    ground.put(with(workload("StatefulSet", "rfr-db"), "/status", one)).await;
    ground.fails(&check, "WorkloadNotReady").await;
    ground.put(workload("StatefulSet", "rfr-db")).await;
    ground.passes(&check).await;
}

async fn mongodb(ground: &Ground) {
    define_one(ground, "PerconaServerMongoDB").await;
    let status = json!({
        "state": "ready", "replsets": { "rs0": { "status": "ready", "ready": 1, "size": 1 } },
    });
    let spec = json!({ "replsets": [{ "name": "rs0", "size": 1 }] });
    let good = custom("psmdb.percona.com/v1", "PerconaServerMongoDB", &spec, &status);
    let bad = with(good.clone(), "/status/state", json!("error"));
    let labels = json!({
        "app.kubernetes.io/instance": "db", "app.kubernetes.io/component": "mongod",
    });
    judged(ground, &resource(ground, "percona-mongodb"), good, bad, labels).await;
}

async fn certificate(ground: &Ground) {
    define_one(ground, "Certificate").await;
    let check = resource(ground, "certificate");
    let status = json!({
        "notAfter": now() + jiff::SignedDuration::from_hours(24),
        "conditions": [{ "type": "Ready", "status": "True" }],
    });
    let good = custom("cert-manager.io/v1", "Certificate", &json!({}), &status);
    ground.put(good.clone()).await;
    ground.passes(&check).await;
    ground.put(with(good.clone(), "/status/conditions/0/status", json!("False"))).await;
    ground.fails(&check, "ConditionUnmet").await;
    ground.put(good).await;
    ground.passes(&check).await;
    ground.advance(25 * 60);
    ground.fails(&check, "ExpressionFalse").await;
}

async fn forbidden(ground: &Ground) {
    define(ground, "v1").await;
    let check = check(ground);
    let judgement = ground.lacks(&check, "deployments.apps").await;
    assert_eq!(judgement.lines().len(), 2, "{:?}", judgement.lines());
    let judgement = ground.lacks(&check, "customresourcedefinitions.apiextensions.k8s.io").await;
    let code = judgement.reason().map(vigie::model::reason::Reason::code);
    assert_eq!(code, Some("ControllerAbsent"), "{}", judgement.because());
}
