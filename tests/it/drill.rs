//! The drill: every fault of the demo, put into its system, turns exactly the items that it should
//! on the real daemon, and healing turns them back.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};
use vigie::systems::clock::Clock;
use vigie_sim::town::{FAULTS, Fault, Town};

/// How long a standing may take to turn; generous, for slow machines.
const PATIENCE: Duration = Duration::from_secs(90);

/// A `vigie run` as a child; killed when dropped.
pub struct Daemon {
    child: Child,
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
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command.arg("run").arg("--listen").arg(&listen).args(more);
        for file in files {
            command.arg("-c").arg(file);
        }
        let child = command.stderr(Stdio::null()).spawn().expect("the daemon");
        let daemon = Self { child, url: format!("http://{listen}") };
        let deadline = Instant::now() + PATIENCE;
        let ready = async || {
            let answer = reqwest::get(format!("{}/-/ready", daemon.url)).await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        while !ready().await {
            assert!(Instant::now() < deadline, "the daemon listens");
            sleep(Duration::from_millis(50)).await;
        }
        daemon
    }

    /// Each item's standing and reason.
    pub async fn standings(&self) -> BTreeMap<String, (String, String)> {
        let url = format!("{}/api/v1/checklist", self.url);
        let text = reqwest::get(url).await.expect("an answer").text().await.expect("a body");
        let checklist: Value = serde_json::from_str(&text).expect("JSON");
        let sections = checklist["sections"].as_array().expect("sections").iter();
        let items = sections.flat_map(|section| section["items"].as_array().expect("items"));
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        items
            .map(|item| (word(&item["id"]), (word(&item["standing"]), word(&item["reason"]))))
            .collect()
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
        let client = reqwest::Client::builder().build().expect("a client");
        let asked = client.post(format!("{}{path}", self.url)).bearer_auth(token);
        let answer = asked.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the standings are as wanted.
    async fn until(&self, what: &str, holds: impl Fn(&BTreeMap<String, (String, String)>) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let standings = self.standings().await;
            if holds(&standings) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {standings:#?}");
            sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").to_string()
}

/// The demo's checklist, looked at each second, for the town whose variables these are.
pub fn configuration(town: &Town, folder: &Path) -> Vec<PathBuf> {
    let checklist = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo/checklist.yaml");
    let text = fs::read_to_string(&checklist).expect("the demo's checklist");
    let ids = text.lines().filter_map(|line| line.trim().strip_prefix("- id: "));
    let ids = ids.filter(|id| !id.contains('.'));
    let hurry = ids.map(|id| format!("  {id}: {{ every: 1s }}\n"));
    let variables = town.variables().into_iter();
    let variables = variables.map(|(name, value)| format!("  {name}: {}\n", Value::from(value)));
    let text = format!(
        "variables:\n{}overrides:\n{}",
        variables.collect::<String>(),
        hurry.collect::<String>()
    );
    let environment = folder.join("environment.yaml");
    fs::write(&environment, text).expect("written");
    vec![checklist, environment]
}

fn all_pass(standings: &BTreeMap<String, (String, String)>) -> bool {
    standings.values().all(|(standing, _)| standing == "passing")
}

fn turned(fault: &Fault, standings: &BTreeMap<String, (String, String)>) -> bool {
    let good = |(standing, _): &(String, String)| standing == "passing" || standing == "warning";
    standings.iter().all(|(id, seen)| match fault.turns.iter().find(|(item, _)| item == id) {
        Some((_, reason)) => !good(seen) && seen.1 == *reason,
        None => good(seen),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_the_demo_turns_its_items_and_heals() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let daemon = Daemon::start(&configuration(&town, folder.path())).await;
    daemon.until("all pass at first", all_pass).await;
    for fault in FAULTS {
        town.inject(fault.name).await.expect(fault.name);
        daemon.until(fault.name, |standings| turned(fault, standings)).await;
        town.heal(fault.name).await.expect(fault.name);
        let healed = |standings: &BTreeMap<String, (String, String)>| {
            standings.values().all(|(standing, _)| standing == "passing" || standing == "warning")
        };
        daemon.until(&format!("{} heals", fault.name), healed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_daemon_within_five_seconds() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let mut daemon = Daemon::start(&configuration(&town, folder.path())).await;
    daemon.until("all pass at first", all_pass).await;
    let killed = Command::new("kill").arg("-TERM").arg(daemon.id().to_string()).status();
    assert!(killed.expect("kill").success());
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(status) = daemon.child.try_wait().expect("a status") {
            assert!(status.success(), "{status}");
            return;
        }
        assert!(Instant::now() < deadline, "it still runs");
        sleep(Duration::from_millis(50)).await;
    }
}
