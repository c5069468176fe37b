//! The simulated Kubernetes API server against those who know the real one: `kubectl`, kube's
//! client, and the facts that were measured on a real server.

pub mod facts;
mod faults;
mod kubectl;
mod story;

use std::future::ready;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tempfile::TempDir;
use vigie_sim::kubernetes::{ApiServer, Settings, User};

use facts::Cluster;

/// A simulated server over TLS that wants tokens, and a kubeconfig for it.
struct Simulation {
    server: ApiServer,
    folder: TempDir,
}

impl Simulation {
    async fn start() -> Self {
        let settings = Settings { tls: true, ..Settings::default() };
        let server = ApiServer::start(settings).await.expect("a server");
        server.admit("root", User::admin());
        server.admit("nobody", User::new("nobody", Vec::new()));
        let folder = tempfile::tempdir().expect("a folder");
        let simulation = Self { server, folder };
        for token in ["root", "nobody"] {
            let path = simulation.kubeconfig(token);
            simulation.server.write_kubeconfig(&path, Some(token)).expect("a kubeconfig");
        }
        simulation
    }

    fn kubeconfig(&self, token: &str) -> PathBuf {
        self.folder.path().join(format!("{token}.kubeconfig"))
    }

    async fn client(&self, token: &str) -> Client {
        client(&self.kubeconfig(token), true).await
    }
}

/// A client that repeats nothing on its own, with the credentials of the file or without.
async fn client(kubeconfig: &Path, with_credentials: bool) -> Client {
    // Another test may have installed it before.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let mut config = config.expect("a config");
    config.default_retry = false;
    if !with_credentials {
        config.auth_info = AuthInfo::default();
    }
    Client::try_from(config).expect("a client")
}

#[tokio::test]
async fn the_simulation_behaves_as_a_real_server_did() {
    let simulation = Simulation::start().await;
    let server = simulation.server.clone();
    let cluster = Cluster {
        client: simulation.client("root").await,
        stranger: Some(simulation.client("nobody").await),
        anonymous: Some(client(&simulation.kubeconfig("root"), false).await),
        compact: Some(Box::new(move || {
            server.expire_history();
            ready(()).boxed()
        })),
    };
    facts::hold(&cluster).await;
}
