//! The daemon itself, as a child, looking each second at an API that can be broken.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tempfile::TempDir;

use super::process::Process;

/// A running Vigie with three items: `api-answers`, critical; `jobs-run`, which depends on it; and
/// `partner-answers`, which needs a secret.
pub struct Vigie {
    process: Process,
    healthy: Arc<AtomicBool>,
    secret: PathBuf,
    folder: TempDir,
}

impl Vigie {
    /// Starts it; all items hold.
    pub async fn start() -> Self {
        let healthy = Arc::new(AtomicBool::new(true));
        let api = api(Arc::clone(&healthy)).await;
        let folder = TempDir::new().expect("a folder");
        let secret = folder.path().join("token");
        fs::write(&secret, "let me in").expect("a secret");
        let file = folder.path().join("vigie.yaml");
        let token = secret.display();
        let variables = format!("variables: {{ api: \"{api}\", token: \"{token}\" }}");
        fs::write(&file, variables + CHECKLIST).expect("a configuration");
        let process = Process::start(env!("CARGO_BIN_EXE_vigie"), folder.path(), |address| {
            let data = folder.path().join("data");
            let (file, data) = (file.display().to_string(), data.display().to_string());
            ["run", "--listen", &address.to_string(), "-c", &file, "--data-dir", &data]
                .map(str::to_owned)
                .to_vec()
        });
        Self { process: process.await, healthy, secret, folder }
    }

    /// Where it serves its metrics.
    pub fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// Kills the daemon and starts it again.
    pub async fn restart(&mut self) {
        self.process.restart().await;
    }

    /// From now on the API answers 500, or 200 again.
    pub fn api_is(&self, healthy: bool) {
        self.healthy.store(healthy, Ordering::SeqCst);
    }

    /// Takes the secret away.
    pub fn lose_secret(&self) {
        fs::rename(&self.secret, self.folder.path().join("elsewhere")).expect("a secret");
    }

    /// Brings it back.
    pub fn find_secret(&self) {
        fs::rename(self.folder.path().join("elsewhere"), &self.secret).expect("a secret");
    }
}

const CHECKLIST: &str = r#"
environment: test
runbook_base_url: https://runbooks.example/
sections:
  - id: outside
    title: Outside
    items:
      - id: api-answers
        title: The "API" answers
        severity: critical
        every: 1s
        runbook: api
        checks:
          - http: { url: "http://${api}/", expect: { status: [200] } }
      - id: jobs-run
        title: Jobs run
        severity: warning
        every: 1s
        depends_on: [api-answers]
        checks:
          - http: { url: "http://${api}/" }
  - id: partners
    title: Partners
    items:
      - id: partner-answers
        title: The partner answers
        severity: warning
        every: 1s
        checks:
          - http:
              url: "http://${api}/partner"
              secret_headers:
                Authorization: { from: { file: "${token}" }, prefix: "Bearer " }
"#;

async fn api(healthy: Arc<AtomicBool>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let answer = get(async move || {
        if healthy.load(Ordering::SeqCst) {
            StatusCode::OK
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    });
    let router = Router::new().route("/", answer).route("/partner", get(async || "welcome"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
