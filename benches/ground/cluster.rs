//! Many pods at a simulated API server, and a daemon that watches them.

use std::path::PathBuf;

use tempfile::TempDir;
use vigie_sim::kubernetes::{ApiServer, Settings, pods};

use super::daemon::write;

/// What the pods' names begin with; numbers from 0 follow.
pub(crate) const PODS: &str = "pods/shop/web-5d8c7b9f6d-";

/// An API server, and the configuration of a daemon that watches its pods.
pub(crate) struct Cluster {
    /// The server.
    pub(crate) server: ApiServer,
    /// The daemon's configuration.
    pub(crate) file: PathBuf,
    _folder: TempDir,
}

impl Cluster {
    /// With so many pods of some seven kilobytes each on fifty nodes, all of them healthy.
    pub(crate) async fn of(count: u32) -> Self {
        let server = ApiServer::start(Settings::default()).await.expect("a server");
        server.load(&pods::typical("shop", "web"), count, 50).expect("pods");
        let folder = tempfile::tempdir().expect("a folder");
        let kubeconfig = folder.path().join("kubeconfig");
        server.write_kubeconfig(&kubeconfig, None).expect("a kubeconfig");
        let text = CHECKLIST.replace("<kubeconfig>", &kubeconfig.display().to_string());
        let file = write(folder.path(), "vigie.yaml", &text);
        Self { server, file, _folder: folder }
    }
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
