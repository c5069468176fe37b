//! A daemon with a data folder, at an address of its own that it comes back to.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use vigie_sim::net::site::{Answer, Site};

/// How long anything may take that has to come true.
const PATIENCE: Duration = Duration::from_secs(90);

/// Files for a daemon, and what it looks at.
pub(super) struct Ground {
    pub(super) folder: tempfile::TempDir,
    pub(super) site: Site,
}

impl Ground {
    /// A checklist of so many items, each looked at every second.
    pub(super) async fn new(items: usize) -> Self {
        Self::with(items, "").await
    }

    /// The same with lines that people decide, and one that is decided by the deployment.
    pub(super) async fn with_attested(items: usize) -> Self {
        let attested = "      - { id: seen, title: T, severity: info, mode: attested, checks: [{ \
                        attestation: { valid_for: 30d } }] }
      - { id: deployed, title: T, severity: info, mode: attested, checks: [{ \
                        attestation: { valid_for: deployment } }] }
      - { id: recorded, title: T, severity: info, checks: [{ deployment: { recorded: true } }] }
";
        Self::with(items, attested).await
    }

    async fn with(items: usize, more: &str) -> Self {
        let site = Site::plain().await.expect("a site");
        site.answer("/", Answer::new(200, "fine"));
        let ground = Self { folder: tempfile::tempdir().expect("a folder"), site };
        let at = ground.site.address();
        let item = |n| {
            format!(
                "      - {{ id: item-{n}, title: T, severity: critical, every: 1s, checks: [{{ http: \
                 {{ url: 'http://{at}/', expect: {{ status: [200] }} }} }}] }}\n"
            )
        };
        let items: String = (0..items).map(item).collect();
        let text = format!(
            "environment: test\nsections:\n  - id: s\n    title: S\n    items:\n{items}{more}"
        );
        fs::write(ground.folder.path().join("checklist.yaml"), text).expect("written");
        let tokens = format!(
            "- name: team\n  sha256: {}\n  scopes: [announce, attest, waive]\n",
            hex::encode(<sha2::Sha256 as sha2::Digest>::digest("let-me"))
        );
        fs::write(ground.folder.path().join("tokens.yaml"), tokens).expect("written");
        ground
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// `vigie run`; killed when dropped.
pub(super) struct Vigie {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Vigie {
    /// Starts it on a data folder, at `address` or a free one; behind a shell that runs `before` first.
    pub(super) fn start(ground: &Ground, data: Option<&Path>, before: &str) -> Self {
        let probe = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = probe.local_addr().expect("its address").to_string();
        drop(probe);
        let log = ground.folder.path().join(format!("log-{}", address.replace([':', '.'], "-")));
        let mut command = Command::new("bash");
        command.arg("-c").arg(format!("{before} exec \"$0\" \"$@\""));
        command.args([env!("CARGO_BIN_EXE_vigie"), "run", "--listen", &address]);
        command.args([
            "-c",
            &ground.path("checklist.yaml"),
            "--tokens",
            &ground.path("tokens.yaml"),
        ]);
        if let Some(data) = data {
            command.arg("--data-dir").arg(data);
        }
        let file = fs::File::create(&log).expect("a log");
        let child = command.stdout(Stdio::null()).stderr(file).spawn().expect("the daemon");
        Self { child, url: format!("http://{address}"), log }
    }

    /// Where it listens.
    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as a machine that breaks does.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("its end");
    }

    /// Asks it to end, and waits for that.
    pub(super) fn end(&mut self) -> Option<i32> {
        let asked = Command::new("kill").arg(self.id().to_string()).status();
        assert!(asked.expect("kill").success());
        self.wait()
    }

    /// Waits until it ends by itself.
    pub(super) fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("its end").code()
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Status and body.
    pub(super) async fn get(&self, path: &str) -> (u16, String) {
        match reqwest::get(format!("{}{path}", self.url)).await {
            Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
            Err(_) => (0, String::new()),
        }
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = reqwest::Client::builder()
            .build()
            .expect("a client")
            .post(format!("{}{path}", self.url));
        let request = request.bearer_auth("let-me").header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(super) async fn announce(&self, version: &str) -> (StatusCode, Value) {
        self.post("/api/v1/deployments", json!({ "version": version, "who": "Jo" })).await
    }

    /// The value of a row of `/metrics`, named with its labels as they are printed.
    pub(super) async fn metric(&self, row: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics").await;
        let line = text.lines().find(|line| line.starts_with(row) && !line.starts_with('#'))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    pub(super) async fn item(&self, id: &str) -> Value {
        let (_, text) = self.get(&format!("/api/v1/items/{id}")).await;
        let told: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        told["item"].clone()
    }

    pub(super) async fn ready(&self) {
        until("it is ready", async || self.get("/-/ready").await.0 == 200).await;
    }
}

impl Drop for Vigie {
    fn drop(&mut self) {
        // It may have ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(super) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(50)).await;
    }
}
