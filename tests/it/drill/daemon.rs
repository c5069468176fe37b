//! A real `vigie run` as a child, and what it answers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::board::Board;

/// How long it may take to listen; generous, for slow machines.
const PATIENCE: Duration = Duration::from_secs(90);

/// A `vigie run` as a child; killed when dropped.
pub struct Daemon {
    child: Child,
    arguments: Vec<OsString>,
    url: String,
}

impl Daemon {
    /// Starts the real binary on these files, at a port of its choice, and waits until it listens.
    pub async fn start(files: &[PathBuf]) -> Self {
        Self::start_with(files, &[]).await
    }

    /// The same with further arguments.
    pub async fn start_with(files: &[PathBuf], more: &[&str]) -> Self {
        let listen = free_port();
        let mut arguments: Vec<_> = ["run", "--listen", &listen].map(OsString::from).into();
        arguments.extend(more.iter().map(OsString::from));
        for file in files {
            arguments.extend(["-c".into(), file.into()]);
        }
        let child = child(&arguments);
        let mut daemon = Self { child, arguments, url: format!("http://{listen}") };
        daemon.listens().await;
        daemon
    }

    /// Kills it, and starts it again as it was started.
    pub async fn restart(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        self.child = child(&self.arguments);
        self.listens().await;
    }

    async fn listens(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready().await {
            if let Some(status) = self.ended() {
                let told = &self.arguments;
                panic!("the daemon ended, {status}: does `vigie check-config` take {told:?}?");
            }
            assert!(Instant::now() < deadline, "the daemon listens");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let answer = reqwest::get(format!("{}/-/ready", self.url)).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// How every item stands.
    pub async fn board(&self) -> Board {
        let text = self.get("/api/v1/checklist").await;
        let checklist: Value = serde_json::from_str(&text).expect("JSON");
        Board::read(&checklist)
    }

    /// To what an item has turned from a time on, and why.
    pub async fn turns(&self, item: &str, from: Timestamp) -> Vec<(String, String)> {
        let text = self.get(&format!("/api/v1/items/{item}")).await;
        let told: Value = serde_json::from_str(&text).expect("JSON");
        let turns = told["turns"].as_array().expect("turns").iter();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let at = |turn: &&Value| word(&turn["at"]).parse::<Timestamp>().expect("a time");
        let later = turns.filter(|turn| at(turn) >= from);
        later.map(|turn| (word(&turn["to"]), word(&turn["reason"]))).collect()
    }

    /// Each item's standing and reason.
    pub async fn standings(&self) -> BTreeMap<String, (String, String)> {
        self.board().await.standings()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").parse().expect("an address")
    }

    /// The body of an answer.
    pub async fn get(&self, path: &str) -> String {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.expect("an answer");
        answer.text().await.expect("a body")
    }

    /// Status and body of the answer to a POST with a token.
    pub async fn post(&self, path: &str, token: &str) -> (u16, String) {
        self.tell(path, token, String::new()).await
    }

    /// The same with a body of JSON.
    pub async fn tell(&self, path: &str, token: &str, body: String) -> (u16, String) {
        self.ask(Method::POST, path, token, body).await
    }

    /// Status and body of the answer to a request with a token and a body of JSON.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: String,
    ) -> (u16, String) {
        let client = reqwest::Client::builder().build().expect("a client");
        let asked = client.request(method, format!("{}{path}", self.url)).bearer_auth(token);
        let asked = if body.is_empty() {
            asked
        } else {
            asked.header("content-type", "application/json").body(body)
        };
        let answer = asked.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, once it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a status")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn child(arguments: &[OsString]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command.args(arguments).stderr(Stdio::null()).spawn().expect("the daemon")
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").to_string()
}
