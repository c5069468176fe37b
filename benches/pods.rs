//! What watching pods costs: memory, bytes, requests, and CPU at rest and while they change.
//!
//! `cargo bench --bench pods [-- PODS]` runs a daemon as a child on simulated API servers with no
//! pods, 10,000 and 100,000 (or as many as it is told alone) of some seven kilobytes each as they
//! come over the wire: three quarters of them of thirty Deployments, the others of ten stateful
//! sets, whose pods bear labels of their own. It waits for the first standing, ten seconds more, a
//! quiet minute, and half a minute in which 100 pods a second change. The server is in the bench's
//! own process, so that the daemon's figures are its own. Bytes a pod are what a daemon holds more
//! than one without pods, divided by the pods: the allocator's waste and the judging are in them.
//!
//! Budget: 60 and 150 MiB resident, a peak at most 64 MiB above it, 800 bytes a pod; in a quiet
//! minute at most one request, the renewal of a stream, for each of five watches.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that can't run ends")]

mod ground {
    pub(crate) mod arguments;
    pub(crate) mod cluster;
    #[expect(dead_code, reason = "used in part")]
    pub(crate) mod daemon;
    pub(crate) mod figures;
}

use std::time::Duration;

use bytesize::ByteSize;
use serde_json::json;
use tokio::time::{Instant, interval, sleep};

use ground::cluster::Cluster;
use ground::daemon::{Usage, Vigie};
use ground::figures::Figures;

/// Pods, and the budget of resident memory.
const ROUNDS: [(u32, &str); 2] = [(10_000, "60 MiB"), (100_000, "150 MiB")];
/// How long the daemon is left alone before it is called steady.
const SETTLES_IN: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(60);
/// How many pods change one after the other, and how far apart.
const CHANGES: u32 = 3_000;
const CHANGED_EVERY: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() {
    let told = ground::arguments::first().map(|count| u32::try_from(count).expect("fewer pods"));
    let rounds = match told {
        Some(count) => vec![(count, "")],
        None => ROUNDS.to_vec(),
    };
    let mut figures = Figures::new("What watching pods costs");
    let empty = Watched::start(0).await.settled().await;
    figures.row("no pods: resident", ByteSize(empty.resident), "");
    for (count, budget) in rounds {
        measure(&mut figures, count, budget, &empty).await;
    }
    figures.print();
}

async fn measure(figures: &mut Figures, count: u32, budget: &str, empty: &Usage) {
    let mut row = |what: &str, measured: String, budget: &str| {
        figures.row(&format!("{count} pods: {what}"), measured, budget);
    };
    let watched = Watched::start(count).await;
    row("first standing after", seconds(watched.took), "");
    row("bytes read until then", ByteSize(watched.read).to_string(), "");
    row("CPU until then", seconds(watched.listed.cpu), "");
    row("resident after the first list", ByteSize(watched.listed.resident).to_string(), budget);
    let steady = watched.settled().await;
    row("resident", ByteSize(steady.resident).to_string(), budget);
    let above = steady.peak.saturating_sub(steady.resident);
    row("peak above it", ByteSize(above).to_string(), "64 MiB");
    let more = steady.anonymous.saturating_sub(empty.anonymous);
    row("bytes a pod", (more / u64::from(count.max(1))).to_string(), "800");

    watched.cluster.server.forget_requests();
    sleep(QUIET).await;
    let at_rest = watched.vigie.usage();
    let requests = watched.cluster.server.requests();
    row("requests in a quiet minute", requests.len().to_string(), "5");
    let polls = requests.iter().filter(|request| request.verb != "watch").count();
    row("gets and lists among them", polls.to_string(), "0");
    row("CPU of a core in a quiet minute", share(at_rest.spent_since(&steady), QUIET), "1 %");

    let began = Instant::now();
    let mut ticks = interval(CHANGED_EVERY);
    for number in 0..CHANGES {
        ticks.tick().await;
        let labels = json!({ "turn": number.to_string() });
        watched.cluster.change(number, &json!({ "metadata": { "labels": labels } }));
    }
    let (took, busy) = (began.elapsed(), watched.vigie.usage());
    let rate = f64::from(CHANGES) / took.as_secs_f64();
    let what = format!("CPU of a core while {rate:.0} pods a second change");
    row(&what, share(busy.spent_since(&at_rest), took), "");
    row("resident after that", ByteSize(busy.resident).to_string(), budget);
}

/// A daemon that watches many pods.
struct Watched {
    cluster: Cluster,
    vigie: Vigie,
    /// From its start to its first standing.
    took: Duration,
    /// What it held and had spent then.
    listed: Usage,
    /// What the server had sent until then, in bytes of bodies.
    read: u64,
}

impl Watched {
    /// Starts one, and waits until its item stands somehow: without pods it fails.
    async fn start(count: u32) -> Self {
        let cluster = Cluster::of(count).await;
        let began = Instant::now();
        let vigie = Vigie::start(std::slice::from_ref(&cluster.file)).await;
        let wanted = if count == 0 { "standing=\"failing\"" } else { "standing=\"passing\"" };
        let stands =
            |metrics: &ground::daemon::Metrics| metrics.sum("vigie_item_standing", &[wanted]) > 0.0;
        vigie.until(Duration::from_millis(100), stands).await;
        let (took, listed) = (began.elapsed(), vigie.usage());
        let read = cluster.server.bytes_sent();
        let counted = vigie.metrics().await.sum("vigie_pods", &["phase=\"Running\""]);
        assert!(counted >= f64::from(count), "{counted} of {count} pods were counted");
        Self { cluster, vigie, took, listed, read }
    }

    /// What it holds after a while.
    async fn settled(&self) -> Usage {
        sleep(SETTLES_IN).await;
        self.vigie.usage()
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn share(spent: Duration, of: Duration) -> String {
    format!("{:.1} %", 100.0 * spent.as_secs_f64() / of.as_secs_f64())
}
