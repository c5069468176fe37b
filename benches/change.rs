//! How long it takes from the change of a pod to its trace in `/metrics`, with 10,000 and 100,000.
//!
//! `cargo bench --bench change [-- PODS]` loads the pods into a simulated API server (or as many as
//! it is told alone), runs the daemon as a child, lets one pod after the other succeed by a patch at the server, and asks the
//! daemon for `/metrics` every two milliseconds until `vigie_pods{phase="Succeeded"}` counts it. The
//! changes come up to a second apart, at odd moments, so that many fall into the pause that the
//! daemon keeps between two judgings. The times are wall times: rendering and polling are in them.
//!
//! Budget: p99 of 1 s.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that can't run ends")]

mod ground {
    pub(crate) mod arguments;
    pub(crate) mod cluster;
    #[expect(dead_code, reason = "used in part")]
    pub(crate) mod daemon;
    pub(crate) mod figures;
    pub(crate) mod times;
}

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use ground::cluster::Cluster;
use ground::daemon::{Metrics, Vigie};
use ground::figures::Figures;
use ground::times::{millis, quantile};

const ROUNDS: [u32; 2] = [10_000, 100_000];
/// No more than pods of the workload that changes.
const CHANGES: u32 = 200;
const ASKED_EVERY: Duration = Duration::from_millis(2);

#[tokio::main]
async fn main() {
    let told = ground::arguments::first().map(|count| u32::try_from(count).expect("fewer pods"));
    for count in told.map_or_else(|| ROUNDS.to_vec(), |count| vec![count]) {
        measure(count).await;
    }
}

async fn measure(count: u32) {
    let cluster = Cluster::of(count).await;
    let vigie = Vigie::start(std::slice::from_ref(&cluster.file)).await;
    let all = f64::from(count);
    vigie.until(Duration::from_millis(100), |metrics| pods(metrics, "Running") >= all).await;
    cluster.server.forget_requests();
    let before = vigie.usage();

    let mut times = Vec::new();
    for number in 0..CHANGES {
        sleep(Duration::from_millis(u64::from(number) * 377 % 1000)).await;
        let began = Instant::now();
        cluster.change(number, &json!({ "status": { "phase": "Succeeded" } }));
        let wanted = f64::from(number + 1);
        vigie.until(ASKED_EVERY, |metrics| pods(metrics, "Succeeded") >= wanted).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();

    let title = format!("From the change of one of {count} pods to /metrics, {CHANGES} times");
    let mut figures = Figures::new(&title);
    figures.row("p50", millis(quantile(&times, 50)), "");
    figures.row("p99", millis(quantile(&times, 99)), "1000 ms");
    figures.row("longest", millis(quantile(&times, 100)), "");
    let asked = cluster.server.count("list", "pods") + cluster.server.count("get", "pods");
    figures.row("gets and lists meanwhile", asked, "0");
    let cpu = vigie.usage().spent_since(&before) / CHANGES;
    figures.row("CPU a change, polling included", millis(cpu), "");
    figures.print();
}

fn pods(metrics: &Metrics, phase: &str) -> f64 {
    metrics.sum("vigie_pods", &[&format!("phase=\"{phase}\"")])
}
