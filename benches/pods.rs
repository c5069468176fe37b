//! What watching pods costs in memory: resident bytes, the peak of the first list, bytes a pod.
//!
//! `cargo bench --bench pods` runs a daemon as a child on simulated API servers with no pods, 10,000
//! and 100,000 of some seven kilobytes each as they come over the wire, waits until all are counted
//! in `/metrics`, and ten seconds more. Bytes a pod are what a daemon holds more than one without
//! pods, divided by the pods: the allocator's waste and the judging are in them.
//!
//! Budget: 60 and 150 MiB resident, a peak at most 64 MiB above it, 800 bytes a pod.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that can't run ends")]

mod ground {
    #[expect(dead_code, reason = "used in part")]
    pub(crate) mod cluster;
    #[expect(dead_code, reason = "used in part")]
    pub(crate) mod daemon;
    pub(crate) mod figures;
}

use std::time::Duration;

use bytesize::ByteSize;
use tokio::time::{Instant, sleep};

use ground::cluster::Cluster;
use ground::daemon::{Usage, Vigie};
use ground::figures::Figures;

/// Pods, and the budget of resident memory.
const ROUNDS: [(u32, &str); 2] = [(10_000, "60 MiB"), (100_000, "150 MiB")];

#[tokio::main]
async fn main() {
    let mut figures = Figures::new("Memory of a daemon that watches pods");
    let (empty, _) = watched(0).await;
    figures.row("no pods: resident", ByteSize(empty.resident), "");
    for (count, budget) in ROUNDS {
        let (usage, took) = watched(count).await;
        let a_pod = usage.anonymous.saturating_sub(empty.anonymous) / u64::from(count);
        let above = usage.peak.saturating_sub(usage.resident);
        let row = |what: &str| format!("{count} pods: {what}");
        figures.row(&row("resident"), ByteSize(usage.resident), budget);
        figures.row(&row("peak above it"), ByteSize(above), "64 MiB");
        figures.row(&row("bytes a pod"), a_pod, "800");
        figures.row(&row("listed and judged"), format!("{:.1} s", took.as_secs_f64()), "");
        figures.row(&row("CPU so far"), format!("{:.1} s", usage.cpu.as_secs_f64()), "");
    }
    figures.print();
}

/// What a daemon holds that watches so many pods, and how long it took to get there.
async fn watched(count: u32) -> (Usage, Duration) {
    let cluster = Cluster::of(count).await;
    let began = Instant::now();
    let vigie = Vigie::start(std::slice::from_ref(&cluster.file)).await;
    let all = f64::from(count);
    let seen = |metrics: &ground::daemon::Metrics| {
        let watches: Vec<_> = metrics.values("vigie_kubernetes_stream_up", &[]).collect();
        let open = !watches.is_empty() && watches.iter().all(|up| *up > 0.0);
        open && metrics.sum("vigie_pods", &["phase=\"Running\""]) >= all
    };
    vigie.until(Duration::from_millis(200), seen).await;
    let took = began.elapsed();
    sleep(Duration::from_secs(10)).await;
    (vigie.usage(), took)
}
