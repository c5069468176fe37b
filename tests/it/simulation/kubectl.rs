//! `kubectl` itself against the simulated server: the sternest reader of what a server says.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use vigie_sim::kubernetes::pods;

use super::Simulation;
use super::facts::SOON;
use crate::rbac::{examples, printed, rbac};

/// `kubectl` with a configuration and a home of its own.
struct Kubectl {
    kubeconfig: PathBuf,
    home: TempDir,
}

impl Kubectl {
    fn new(simulation: &Simulation) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        Self { kubeconfig: simulation.kubeconfig("root"), home }
    }

    fn start(&self, arguments: &str) -> Child {
        Command::new("kubectl")
            .args(arguments.split_whitespace())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("`kubectl` starts; `tests/setup.sh` installs it")
    }

    /// What it prints, given `input`; it must succeed.
    async fn run(&self, arguments: &str, input: &str) -> String {
        let mut child = self.start(arguments);
        let mut stdin = child.stdin.take().expect("an input");
        stdin.write_all(input.as_bytes()).await.expect("an input that is read");
        drop(stdin);
        let done = timeout(SOON, child.wait_with_output()).await.expect("in time");
        let Output { status, stdout, stderr } = done.expect("an output");
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "kubectl {arguments}: {err}{out}");
        out.into_owned()
    }
}

/// Writes one member of a status through the subresource, as `kubectl` of any age can.
async fn set_status(kubectl: &Kubectl, path: &str, member: &str, to: Value) {
    let object = kubectl.run(&format!("get --raw {path}"), "").await;
    let mut object: Value = serde_json::from_str(&object).expect("an object");
    object["status"][member] = to;
    kubectl.run(&format!("replace --raw {path}/status -f -"), &object.to_string()).await;
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[tokio::test]
async fn kubectl_gets_pods_and_sees_a_change_by_watching() {
    let simulation = Simulation::start().await;
    let kubectl = Kubectl::new(&simulation);
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } });
    simulation.server.apply(namespace).expect("a namespace");
    simulation.server.load(&pods::typical("shop", "api"), 3, 2).expect("pods");
    let listed = kubectl.run("get pods -n shop", "").await;
    let lines: Vec<_> = listed.lines().map(words).collect();
    assert_eq!(lines[0], ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    assert_eq!(lines[1][..4], ["api-5d8c7b9f6d-0", "1/1", "Running", "0"]);
    assert_eq!(lines.len(), 4);

    let mut watching = kubectl.start("get pods -n shop -w");
    let mut seen = BufReader::new(watching.stdout.take().expect("an output")).lines();
    for _ in 0..4 {
        timeout(SOON, seen.next_line()).await.expect("in time").expect("a line");
    }
    set_status(&kubectl, "/api/v1/namespaces/shop/pods/api-5d8c7b9f6d-1", "phase", json!("Failed"))
        .await;
    let line = timeout(SOON, seen.next_line()).await.expect("in time").expect("a line");
    let line = line.expect("before the end");
    assert_eq!(words(&line)[..3], ["api-5d8c7b9f6d-1", "1/1", "Failed"]);
}

#[tokio::test]
async fn kubectl_applies_patches_and_deletes() {
    let simulation = Simulation::start().await;
    let kubectl = Kubectl::new(&simulation);
    let manifest = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: c }}\ndata: {{ a: {value} }}\n\
             ---\n\
             apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\n\
             spec: {{ replicas: 1, selector: {{ matchLabels: {{ a: b }} }}, template: {{ \
             metadata: {{ labels: {{ a: b }} }}, spec: {{ containers: [{{ name: c, image: i }}] }} }} }}\n"
        )
    };
    let said = kubectl.run("apply -f -", &manifest("one")).await;
    assert_eq!(said, "configmap/c created\ndeployment.apps/web created\n");
    let said = kubectl.run("apply -f -", &manifest("two")).await;
    assert_eq!(said, "configmap/c configured\ndeployment.apps/web unchanged\n");
    assert_eq!(kubectl.run("get cm c -o jsonpath={.data.a}", "").await, "two");

    kubectl.run(r#"patch deploy web -p {"spec":{"replicas":3}}"#, "").await;
    let path = "/apis/apps/v1/namespaces/default/deployments/web";
    set_status(&kubectl, path, "readyReplicas", json!(2)).await;
    let listed = kubectl.run("get deploy web", "").await;
    assert_eq!(words(listed.lines().nth(1).expect("a row"))[..2], ["web", "2/3"]);

    let said = kubectl.run("delete deploy web", "").await;
    assert!(said.starts_with("deployment.apps \"web\" deleted"), "{said}");
    let left = simulation.server.list("deployments", None).expect("a list");
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn kubectl_reads_logs_and_custom_resources() {
    let simulation = Simulation::start().await;
    let kubectl = Kubectl::new(&simulation);
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "p", "namespace": "default" },
        "spec": { "containers": [{ "name": "c", "image": "i" }] },
        "status": { "phase": "Running" },
    });
    simulation.server.apply(pod).expect("a pod");
    simulation.server.log("default/p", "c", &["first", "second"]);
    assert_eq!(kubectl.run("logs p --tail=1", "").await, "second\n");

    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
        metadata: { name: boats.sea.example }\n\
        spec: { group: sea.example, scope: Namespaced, names: { kind: Boat, plural: boats, \
        singular: boat, shortNames: [bt] }, versions: [{ name: v1, served: true, storage: true, \
        schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }] }\n";
    kubectl.run("apply -f -", definition).await;
    let boat = "apiVersion: sea.example/v1\nkind: Boat\nmetadata: { name: ann }\n";
    kubectl.run("apply -f -", boat).await;
    let listed = kubectl.run("get bt", "").await;
    assert_eq!(words(listed.lines().nth(1).expect("a row"))[0], "ann");
}

#[tokio::test]
async fn kubectl_applies_what_rbac_prints_and_it_is_granted() {
    let simulation = Simulation::start().await;
    let kubectl = Kubectl::new(&simulation);
    let text = printed(&rbac(&examples(), &[]).await);
    let named = text.lines().filter_map(|line| line.strip_prefix("  namespace: "));
    let namespaces: BTreeSet<&str> = named.collect();
    for namespace in &namespaces {
        let namespace =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
        simulation.server.apply(namespace).expect("a namespace");
    }
    let documents = text.split("\n---\n").count();
    for (time, said) in [("first", "created"), ("second", "unchanged")] {
        let lines = kubectl.run("apply -f -", &text).await;
        let so = lines.lines().filter(|line| line.ends_with(said)).count();
        assert_eq!(so, documents, "the {time} time: {lines}");
    }
    for (attributes, allowed) in [
        (json!({ "verb": "watch", "resource": "pods", "namespace": "shop" }), true),
        (
            json!({ "verb": "get", "resource": "secrets", "namespace": "shop", "name": "store" }),
            true,
        ),
        (
            json!({ "verb": "get", "resource": "secrets", "namespace": "shop", "name": "other" }),
            false,
        ),
        (json!({ "verb": "list", "resource": "secrets", "namespace": "shop" }), false),
        (json!({ "verb": "watch", "group": "apps", "resource": "deployments" }), false),
        (json!({ "verb": "delete", "resource": "pods", "namespace": "shop" }), false),
    ] {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {
                "user": "system:serviceaccount:vigie:vigie", "resourceAttributes": attributes,
            },
        });
        let format = "create -f - -o jsonpath={.status.allowed}";
        assert_eq!(kubectl.run(format, &review.to_string()).await, allowed.to_string(), "{review}");
    }
}
