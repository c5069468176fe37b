//! The daemon as a child process, so that what it costs is its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use procfs::process::Process;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running `vigie run`. Dropped, it is killed.
pub(crate) struct Vigie {
    process: Process,
    client: reqwest::Client,
    address: SocketAddr,
    _child: Child,
}

/// What a process holds and has spent.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// Resident memory in bytes.
    pub(crate) resident: u64,
    /// The part of it that no file backs: heap and stacks.
    pub(crate) anonymous: u64,
    /// The most that was ever resident, in bytes.
    pub(crate) peak: u64,
    /// CPU time spent, in user and kernel.
    pub(crate) cpu: Duration,
}

impl Usage {
    /// The CPU time that was spent since `before`.
    pub(crate) fn spent_since(&self, before: &Self) -> Duration {
        self.cpu.saturating_sub(before.cpu)
    }
}

impl Vigie {
    /// Starts it with these files, and waits until it listens.
    pub(crate) async fn start(files: &[PathBuf]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .args(["run", "--listen", "127.0.0.1:0", "-c"])
            .args(files)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the daemon");
        let mut log = BufReader::new(child.stderr.take().expect("its log")).lines();
        let mut said = Vec::new();
        let address = loop {
            let line = log.next_line().await.expect("a log that can be read");
            let Some(line) = line else { panic!("the daemon ended: {}", said.join("\n")) };
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = event["address"].as_str().and_then(|text| text.parse().ok()) {
                break address;
            }
            said.push(line);
        };
        // Whoever logs into a full pipe waits.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        let id = child.id().expect("a running child");
        let process = Process::new(i32::try_from(id).expect("an id")).expect("its figures");
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        Self { process, client: client.expect("a client"), address, _child: child }
    }

    /// What it holds and has spent.
    pub(crate) fn usage(&self) -> Usage {
        let stat = self.process.stat().expect("a running daemon");
        let status = self.process.status().expect("a running daemon");
        let bytes = |kibibytes: Option<u64>| kibibytes.unwrap_or_default() * 1024;
        let ticks = (stat.utime + stat.stime) * 1000 / procfs::ticks_per_second();
        Usage {
            resident: bytes(status.vmrss),
            anonymous: bytes(status.rssanon),
            peak: bytes(status.vmhwm),
            cpu: Duration::from_millis(ticks),
        }
    }

    /// One scrape as Prometheus makes it, gzip included; its size in bytes as it came.
    pub(crate) async fn scrape(&self) -> usize {
        let request = self.client.get(format!("http://{}/metrics", self.address));
        let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
        let request = request.header("accept", accept).header("accept-encoding", "gzip");
        request.send().await.expect("an answer").bytes().await.expect("a body").len()
    }

    /// The metrics as text, uncompressed.
    pub(crate) async fn metrics(&self) -> Metrics {
        let request = self.client.get(format!("http://{}/metrics", self.address));
        let answer = request.send().await.expect("an answer");
        Metrics(answer.text().await.expect("a text"))
    }

    /// Asks for the metrics again and again, `every` so often, until `seen` in them.
    pub(crate) async fn until(&self, every: Duration, seen: impl Fn(&Metrics) -> bool) {
        let began = Instant::now();
        timeout(PATIENCE, async {
            while !seen(&self.metrics().await) {
                sleep(every).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("not seen for {:?}", began.elapsed()));
    }
}

/// An exposition.
pub(crate) struct Metrics(String);

impl Metrics {
    /// The values of the series that begin with `name` and bear all `labels`, each as `key="value"`.
    pub(crate) fn values<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [&'a str],
    ) -> impl Iterator<Item = f64> + 'a {
        let rows = self.0.lines().filter_map(move |line| line.strip_prefix(name));
        let rows = rows.filter(|rest| rest.starts_with(['{', ' ']));
        let rows = rows.filter(|rest| labels.iter().all(|label| rest.contains(label)));
        rows.filter_map(|rest| rest.rsplit(' ').next()?.parse().ok())
    }

    /// The sum of those values.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.values(name, labels).sum()
    }

    /// How many items stand how, those that do not pass with their reasons.
    pub(crate) fn standings(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let word = |rest: &str, label: &str| {
            rest.split_once(&format!("{label}=\""))?.1.split('"').next().map(str::to_owned)
        };
        for line in self.0.lines().filter(|line| line.ends_with(" 1")) {
            if let Some(rest) = line.strip_prefix("vigie_item_standing{") {
                *counts.entry(word(rest, "standing").unwrap_or_default()).or_default() += 1;
            } else if let Some(rest) = line.strip_prefix("vigie_item_reason{") {
                *counts.entry(word(rest, "reason").unwrap_or_default()).or_default() += 1;
            }
        }
        let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        counts.join(", ")
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.0.lines().filter(|line| !line.starts_with('#')).count()
    }
}

/// Writes a configuration file.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file");
    path
}
