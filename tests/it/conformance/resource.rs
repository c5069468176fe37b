//! `resource`, wherever it looks: objects of kinds that nobody knew before, Secrets by their metadata.

use serde_json::{Value, json};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;

use super::Case;
use super::ground::Ground;
use super::server::Server;
use crate::kinds::secret_keys::secret;
use crate::kubernetes::{deployment, pod, with};

pub const CASES: &[Case] = cases! {
    "an absent definition, an absent object and a false expression are told apart" => three_reasons;
    "conditions and the observed generation are judged" => conditions;
    "a definition that comes later is picked up" => later;
    "a version that is served no longer is told" => version_changed;
    "what an object refers to must exist, with its keys" => references;
    "Secrets are seen by their metadata alone" => secrets;
    "objects are counted, by name, prefix and content" => counted;
    "pods and workloads beside an object count with it" => beside;
    "objects without a namespace are judged alike" => cluster_wide;
    "without the right to see one kind the other is judged" => forbidden;
};

/// A group of this case alone.
fn group(ground: &Ground) -> String {
    format!("{}.example.org", ground.namespace())
}

fn check(ground: &Ground, more: &str) -> String {
    format!(
        "resource: {{ api_version: {}/v1, kind: Gadget, plural: gadgets, namespaces: [{}], name: a, \
         {more} }}",
        group(ground),
        ground.namespace()
    )
}

fn gadget(ground: &Ground) -> Value {
    json!({
        "apiVersion": format!("{}/v1", group(ground)), "kind": "Gadget",
        "metadata": { "name": "a" },
        "spec": { "instances": 2, "backup": { "name": "db", "key": "token" } },
        "status": {
            "observedGeneration": 1, "ready": 2,
            "conditions": [{ "type": "Ready", "status": "True" }],
        },
    })
}

async fn define(ground: &Ground) {
    ground.define(&format!("{}/v1", group(ground)), "Gadget", "gadgets").await;
}

const READY: &str = "expressions: [{ cel: object.status.ready == object.spec.instances, \
                     message: not all are ready }]";

async fn three_reasons(ground: &Ground) {
    let check = check(ground, READY);
    let judgement = ground.blind(&check, "KindUnknown").await;
    assert!(judgement.because().contains(&group(ground)), "{}", judgement.because());
    define(ground).await;
    ground.fails(&check, "ObjectAbsent").await;
    ground.put(with(gadget(ground), "/status/ready", json!(1))).await;
    let judgement = ground.fails(&check, "ExpressionFalse").await;
    assert!(judgement.because().contains("not all are ready"), "{}", judgement.because());
    ground.put(with(gadget(ground), "/status", json!({ "conditions": [] }))).await;
    ground.blind(&check, "EvaluationError").await;
    ground.put(gadget(ground)).await;
    ground.passes(&check).await;
    ground.remove(&gadget(ground)).await;
    ground.fails(&check, "ObjectAbsent").await;
}

async fn conditions(ground: &Ground) {
    define(ground).await;
    let check = check(ground, "conditions: { Ready: 'True' }, observed: true");
    ground.put(gadget(ground)).await;
    ground.passes(&check).await;
    ground.put(with(gadget(ground), "/status/conditions/0/status", json!("False"))).await;
    ground.fails(&check, "ConditionUnmet").await;
    ground.put(with(gadget(ground), "/status/conditions", json!([]))).await;
    ground.fails(&check, "ConditionAbsent").await;
    let larger = with(gadget(ground), "/spec/instances", json!(3));
    ground.put(larger.clone()).await;
    ground.fails(&check, "NotObserved").await;
    ground.put(with(larger, "/status/observedGeneration", json!(2))).await;
    ground.passes(&check).await;
}

async fn later(ground: &Ground) {
    // Its plural is discovered: the role was made when the kind was served, which then went.
    define(ground).await;
    let check = format!(
        "resource: {{ api_version: {}/v1, kind: Gadget, namespaces: [{}] }}",
        group(ground),
        ground.namespace()
    );
    ground.fails(&check, "TooFew").await;
    ground.remove(&definition(ground)).await;
    ground.blind(&check, "KindUnknown").await;
    define(ground).await;
    ground.put(gadget(ground)).await;
    ground.passes(&check).await;
}

fn definition(ground: &Ground) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("gadgets.{}", group(ground)) },
    })
}

/// The definition as it is, with other versions, each of which is served or not; the last one is
/// stored.
async fn serve(ground: &Ground, versions: &[(&str, bool)]) {
    let path = format!(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.{}",
        group(ground)
    );
    let mut object = Server(ground.admin()).must(http::Method::GET, &path, Value::Null).await;
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let stored = versions.len() - 1;
    let version = |(number, (name, served)): (usize, &(&str, bool))| {
        json!({
            "name": name, "served": served, "storage": number == stored,
            "subresources": { "status": {} }, "schema": { "openAPIV3Schema": schema },
        })
    };
    object["spec"]["versions"] = versions.iter().enumerate().map(version).collect();
    object["status"].take();
    ground.put(object).await;
}

fn newer(ground: &Ground) -> Value {
    with(gadget(ground), "/apiVersion", json!(format!("{}/v2", group(ground))))
}

async fn version_changed(ground: &Ground) {
    define(ground).await;
    let check = check(ground, READY);
    ground.put(gadget(ground)).await;
    ground.passes(&check).await;
    serve(ground, &[("v1", false), ("v2", true)]).await;
    ground.blind(&check, "KindUnknown").await;
    ground.put(newer(ground)).await;
    ground.passes(&check.replace("/v1", "/v2")).await;
    serve(ground, &[("v1", true), ("v2", true)]).await;
    ground.put(gadget(ground)).await;
    ground.passes(&check).await;
}

async fn references(ground: &Ground) {
    define(ground).await;
    let check = check(ground, "references: [{ path: spec.backup.name, names: db, key_field: key }]");
    ground.put(gadget(ground)).await;
    ground.fails(&check, "ReferenceMissing").await;
    ground.put(secret("db", &[("other", "hunter2")])).await;
    ground.fails(&check, "ReferenceKeyMissing").await;
    ground.put(secret("db", &[("token", "hunter2")])).await;
    ground.passes(&check).await;
    ground.put(with(gadget(ground), "/spec/backup", json!({}))).await;
    ground.fails(&check, "ReferenceAbsent").await;
    ground.put(gadget(ground)).await;
    ground.passes(&check).await;
    ground.lacks(&check, "secrets").await;
}

async fn secrets(ground: &Ground) {
    let check = format!(
        "resource: {{ api_version: v1, kind: Secret, namespaces: [{}], name: [db, web] }}",
        ground.namespace()
    );
    ground.put(secret("db", &[("token", "hunter2")])).await;
    let judgement = ground.fails(&check, "ObjectAbsent").await;
    assert!(judgement.because().contains("/web"), "{}", judgement.because());
    ground.put(secret("web", &[])).await;
    ground.passes(&check).await;
    ground.lacks(&check, "secrets").await;
}

fn map(name: &str, key: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "key": key },
    })
}

async fn counted(ground: &Ground) {
    let of = |more: &str| {
        let namespace = ground.namespace();
        format!("resource: {{ api_version: v1, kind: ConfigMap, namespaces: [{namespace}], {more} }}")
    };
    let prefix = of("prefix: env-, min_count: 2, max_count: 2");
    ground.put(map("env-1", "a")).await;
    ground.fails(&prefix, "TooFew").await;
    ground.put(map("env-2", "b")).await;
    ground.passes(&prefix).await;
    ground.put(map("env-3", "a")).await;
    ground.fails(&prefix, "TooMany").await;
    ground.passes(&of("max_count: 1, matching: \"object.data.key == 'b'\"")).await;
    ground.passes(&of("name: env-1")).await;
    ground.remove(&map("env-1", "a")).await;
    ground.fails(&of("name: env-1"), "ObjectAbsent").await;
}

async fn beside(ground: &Ground) {
    define(ground).await;
    let pods = check(ground, "ready_pods: { selector: 'app=web', at_least: object.spec.instances }");
    ground.put(gadget(ground)).await;
    ground.put(pod("a")).await;
    ground.fails(&pods, "PodsNotReady").await;
    ground.put(pod("b")).await;
    ground.passes(&pods).await;
    ground.lacks(&pods, "pods").await;
    let workloads = check(
        ground,
        "ready_workloads: [{ kind: Deployment, name: 'web-{name}', at_least: object.spec.instances }]",
    );
    ground.fails(&workloads, "WorkloadNotReady").await;
    ground.put(deployment("web-a")).await;
    ground.passes(&workloads).await;
    ground.lacks(&workloads, "deployments.apps").await;
}

async fn cluster_wide(ground: &Ground) {
    let name = ground.own("fast");
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": name },
        "provisioner": "example.org/disk",
    });
    let check = format!("resource: {{ api_version: storage.k8s.io/v1, kind: StorageClass, name: {name} }}");
    ground.fails(&check, "ObjectAbsent").await;
    ground.put(class.clone()).await;
    ground.passes(&check).await;
    ground.lacks(&check, "storageclasses.storage.k8s.io").await;
    ground.remove(&class).await;
    ground.fails(&check, "ObjectAbsent").await;
    let namespace = format!(
        "resource: {{ api_version: v1, kind: Namespace, name: {}, \
         expressions: [{{ cel: object.status.phase == 'Active' }}] }}",
        ground.namespace()
    );
    ground.passes(&namespace).await;
}

async fn forbidden(ground: &Ground) {
    define(ground).await;
    ground.put(with(gadget(ground), "/status/ready", json!(1))).await;
    ground.lacks(&check(ground, READY), &format!("gadgets.{}", group(ground))).await;
    let more = format!("{READY}, references: [{{ path: spec.backup.name, names: db }}]");
    let judgement: Judgement = ground.lacks(&check(ground, &more), "secrets").await;
    let told = judgement.lines().iter().any(|line| line.reason == Some(Reason::new("ExpressionFalse")));
    assert!(told, "{:?}", judgement.lines());
}
