//! The same probes by Vigie and by Debian's blackbox exporter, and what each spends on them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::StreamExt;
use procfs::process::Process;
use tokio::time::{Instant, sleep};

use super::figures::Figures;

/// Probes that are under way at once: as many as `vigie once` has.
const AT_ONCE: usize = 32;
/// Passes over all endpoints, each a process of its own where it is Vigie.
const PASSES: u32 = 5;
/// How long the exporter may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a number of probes took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    wall: Duration,
    cpu: Duration,
}

impl Spent {
    fn a_probe(self, probes: usize) -> Self {
        let probes = u32::try_from(probes).unwrap_or(u32::MAX).max(1);
        Self { wall: self.wall / probes, cpu: self.cpu / probes }
    }
}

/// The rows that compare the two; `budget` is that of Vigie's CPU time.
pub(crate) async fn compare(
    figures: &mut Figures,
    configuration: &Path,
    exporter: Option<&Blackbox>,
    targets: &[String],
    budget: &str,
) {
    let probes = targets.len() * usize::try_from(PASSES).unwrap_or(1);
    let looked = vigie("once", configuration);
    let read = vigie("check-config", configuration);
    let all = looked.a_probe(probes);
    let own = Spent { cpu: looked.cpu.saturating_sub(read.cpu), ..looked }.a_probe(probes);
    figures.row("Vigie, wall a probe", micros(all.wall), "");
    figures.row("Vigie, CPU a probe", micros(all.cpu), "");
    figures.row("  without starting and reading the files", micros(own.cpu), budget);
    let Some(exporter) = exporter else {
        figures.row("blackbox_exporter", "not on PATH", "");
        return;
    };
    let theirs = exporter.probe_all(targets).await.a_probe(probes);
    figures.row("blackbox_exporter, wall a probe", micros(theirs.wall), "");
    figures.row("blackbox_exporter, CPU a probe", micros(theirs.cpu), "");
}

fn micros(duration: Duration) -> String {
    format!("{:.0} µs", duration.as_secs_f64() * 1e6)
}

/// Runs Vigie's own binary over a configuration, again and again; all must be well.
fn vigie(command: &str, configuration: &Path) -> Spent {
    let mut spent = Spent::default();
    let children = || cpu(&Process::myself().expect("this process"), true);
    for _ in 0..PASSES {
        let (began, before) = (Instant::now(), children());
        let output = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .args([command, "-c"])
            .arg(configuration)
            .output()
            .expect("vigie");
        spent.wall += began.elapsed();
        spent.cpu += children().saturating_sub(before);
        let text = String::from_utf8_lossy(&output.stdout);
        let tail: Vec<_> = text.lines().rev().take(5).collect();
        assert!(output.status.success(), "{command}: {tail:?} {output:?}");
    }
    spent
}

/// CPU time, in user and kernel, of a process or of its ended children.
fn cpu(process: &Process, children: bool) -> Duration {
    let stat = process.stat().expect("a running process");
    let ticks = if children {
        u64::try_from(stat.cutime + stat.cstime).unwrap_or(0)
    } else {
        stat.utime + stat.stime
    };
    Duration::from_millis(ticks * 1000 / procfs::ticks_per_second())
}

/// A running blackbox exporter. Dropped, it is killed.
pub(crate) struct Blackbox {
    at: SocketAddr,
    process: Process,
    child: Child,
}

impl Drop for Blackbox {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).ok();
    }
}

impl Blackbox {
    /// Starts it with one module called `probe`; none where it is not installed.
    pub(crate) async fn start(folder: &Path, module: &str) -> Option<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let at = free.local_addr().expect("an address");
        drop(free);
        let file = folder.join("blackbox.yml");
        std::fs::write(&file, format!("modules:\n  probe: {module}\n")).expect("a file");
        let child = Command::new("prometheus-blackbox-exporter")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--web.listen-address={at}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let id = i32::try_from(child.id()).expect("an id");
        let exporter = Self { at, process: Process::new(id).expect("its figures"), child };
        let deadline = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(at).await.is_err() {
            assert!(Instant::now() < deadline, "the exporter does not listen");
            sleep(Duration::from_millis(20)).await;
        }
        Some(exporter)
    }

    /// Has it probe all targets as often as Vigie does; all must be well.
    async fn probe_all(&self, targets: &[String]) -> Spent {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let probe = async |target: &String| {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("module", "probe")
                .append_pair("target", target)
                .finish();
            let answer = client.get(format!("http://{}/probe?{query}", self.at)).send().await;
            let text = answer.expect("an answer").text().await.expect("a text");
            assert!(text.contains("probe_success 1"), "{target}: {text}");
        };
        let (began, before) = (Instant::now(), cpu(&self.process, false));
        for _ in 0..PASSES {
            futures::stream::iter(targets).for_each_concurrent(AT_ONCE, probe).await;
        }
        let cpu = cpu(&self.process, false).saturating_sub(before);
        Spent { wall: began.elapsed(), cpu }
    }
}
