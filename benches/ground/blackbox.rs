//! Debian's blackbox exporter as a child process, to be compared with.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use futures::StreamExt;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::cpu::spent;
use super::endpoints::listening;

/// How Debian calls it.
const PROGRAM: &str = "prometheus-blackbox-exporter";

/// A running exporter; it stops when dropped.
pub(crate) struct Blackbox {
    address: SocketAddr,
    child: Child,
}

impl Blackbox {
    /// Starts it with this configuration; none where it is not installed.
    pub(crate) async fn start(configuration: &Path) -> Option<Self> {
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = free.local_addr().expect("an address");
            drop(free);
            let mut child = Command::new(PROGRAM)
                .arg(format!("--config.file={}", configuration.display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--log.level=error")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .ok()?;
            if listening(&mut child, address).await {
                return Some(Self { address, child });
            }
        }
        panic!("the blackbox exporter does not start");
    }

    /// Probes each target by a module, so many at a time: how long that took, and what it spent.
    pub(crate) async fn probe(
        &self,
        module: &str,
        targets: &[String],
        at_a_time: usize,
    ) -> (Duration, Duration) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let id = self.child.id().expect("a running child");
        let (began, before) = (Instant::now(), spent(id));
        let probes = targets.iter().map(|target| {
            let url = format!("http://{}/probe?module={module}&target={target}", self.address);
            let asking = client.get(url).send();
            async move { asking.await.expect("an answer").text().await.expect("a text") }
        });
        let mut answers = futures::stream::iter(probes).buffer_unordered(at_a_time);
        while let Some(answer) = answers.next().await {
            assert!(answer.contains("\nprobe_success 1"), "the exporter fails: {answer}");
        }
        (began.elapsed(), spent(id).saturating_sub(before))
    }
}
