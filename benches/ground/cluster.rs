//! Many pods at a simulated API server, and a daemon that watches them.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use vigie_sim::kubernetes::{ApiServer, Settings, pods};

use super::daemon::write;

/// Deployments that the pods belong to; the first is `web`.
const DEPLOYMENTS: u32 = 30;
/// Stateful sets that the others belong to: each of their pods bears labels of its own.
const SETS: u32 = 10;
/// Nodes that they are spread over.
const NODES: usize = 50;

/// An API server, and the configuration of a daemon that watches its pods.
pub(crate) struct Cluster {
    /// The server.
    pub(crate) server: ApiServer,
    /// The daemon's configuration.
    pub(crate) file: PathBuf,
    /// How many pods `web` has.
    web: u32,
    _folder: TempDir,
}

impl Cluster {
    /// With so many pods of some seven kilobytes each, all of them healthy.
    pub(crate) async fn of(count: u32) -> Self {
        let server = ApiServer::start(Settings::default()).await.expect("a server");
        let each = count / (DEPLOYMENTS + SETS);
        for number in 0..SETS {
            server.load(&of_a_set(number), each, NODES).expect("pods");
        }
        for number in 1..DEPLOYMENTS {
            let app = format!("app-{number}");
            server.load(&pods::typical("shop", &app), each, NODES).expect("pods");
        }
        let web = count - each * (DEPLOYMENTS + SETS - 1);
        server.load(&pods::typical("shop", "web"), web, NODES).expect("pods");
        let folder = tempfile::tempdir().expect("a folder");
        let kubeconfig = folder.path().join("kubeconfig");
        server.write_kubeconfig(&kubeconfig, None).expect("a kubeconfig");
        let text = CHECKLIST.replace("<kubeconfig>", &kubeconfig.display().to_string());
        let file = write(folder.path(), "vigie.yaml", &text);
        Self { server, file, web, _folder: folder }
    }

    /// Changes a pod of `web`, another one with each number up to their count.
    pub(crate) fn change(&self, number: u32, changes: &Value) {
        let pod = format!("pods/shop/web-5d8c7b9f6d-{}", number % self.web);
        self.server.patch(&pod, changes).expect("a pod");
    }
}

/// A pod of a stateful set, as a template.
fn of_a_set(number: u32) -> Value {
    let app = format!("set-{number}");
    let mut pod = pods::typical("shop", &app);
    pod["metadata"]["generateName"] = json!(format!("{app}-"));
    pod["metadata"]["labels"] = json!({
        "app": app,
        "app.kubernetes.io/part-of": "trackdechets",
        "apps.kubernetes.io/pod-index": "<index>",
        "controller-revision-hash": format!("{app}-5d8c7b9f6d"),
        "statefulset.kubernetes.io/pod-name": "<name>",
    });
    pod["metadata"]["ownerReferences"][0]["kind"] = json!("StatefulSet");
    pod["metadata"]["ownerReferences"][0]["name"] = json!(app);
    pod
}

const CHECKLIST: &str = r#"
environment: bench
connections:
  kubernetes: { kubeconfig: { path: "<kubeconfig>" } }
sections:
  - id: cluster
    title: The cluster
    items:
      - id: pods-running
        title: All pods are running
        severity: critical
        every: 1m
        checks:
          - pods: { namespaces: [shop] }
"#;
