//! What an idle daemon costs: itself, the API server, the object store.
//!
//! `cargo bench --bench idle [-- SECONDS]` runs the daemon as a child on a simulated town: 150 items
//! over the seven kinds there are, each looked at every half or whole minute, three scrapers that
//! come every fifteen seconds, queues that live. First attempts are spread over a minute; after that
//! it measures for two, or for as long as it is told. Memory and CPU time are the kernel's figures
//! for the child alone; requests are counted at the simulated servers.
//!
//! Budget: 40 MiB resident, 1 % of a core (of 150 items of twenty kinds, after a day); no get and no
//! list at the API server, and one renewal of a stream in five minutes.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that can't run ends")]

mod ground {
    pub(crate) mod arguments;
    #[expect(dead_code, reason = "used in part")]
    pub(crate) mod daemon;
    pub(crate) mod figures;
    pub(crate) mod many;
    #[expect(dead_code, reason = "used in part")]
    pub(crate) mod times;
}

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use tokio::time::{Instant, interval, sleep};
use vigie::systems::clock::Clock;
use vigie_sim::kubernetes::Request;
use vigie_sim::town::Town;

use ground::daemon::{Metrics, Vigie};
use ground::figures::Figures;
use ground::times::millis;

const ITEMS: usize = 150;
const SCRAPERS: usize = 3;
const SCRAPED_EVERY: Duration = Duration::from_secs(15);
/// First attempts are spread over a minute; some seconds more until all is at rest.
const SETTLES_WITHIN: Duration = Duration::from_secs(75);

#[tokio::main]
async fn main() {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let span = Duration::from_secs(ground::arguments::first().unwrap_or(120));
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let town = Arc::new(town);
    tokio::spawn(bustle(Arc::clone(&town)));
    let files = ground::many::configure(&town, folder.path(), ITEMS);

    let began = Instant::now();
    let vigie = Arc::new(Vigie::start(&files).await);
    let first = vigie.metrics().await;
    let started = began.elapsed();
    assert_eq!(first.values("vigie_item_info", &[]).count(), ITEMS, "all items from the start");
    for _ in 0..SCRAPERS {
        tokio::spawn(scrape(Arc::clone(&vigie)));
    }
    sleep(SETTLES_WITHIN).await;

    town.kubernetes.forget_requests();
    let (metrics, stored) = (vigie.metrics().await, town.s3.request_count());
    let (began, usage) = (Instant::now(), vigie.usage());
    sleep(span).await;
    let (took, spent) = (began.elapsed(), vigie.usage());
    let asked = verbs(&town.kubernetes.requests());
    let stored = town.s3.request_count() - stored;
    let after = vigie.metrics().await;

    let cpu = spent.spent_since(&usage);
    let percent = 100.0 * cpu.as_secs_f64() / took.as_secs_f64();
    let looks = attempts(&after) - attempts(&metrics);
    let minutes = took.as_secs_f64() / 60.0;
    let mut figures = Figures::new(&format!("Idle with {ITEMS} items for {} s", span.as_secs()));
    figures.row("items", after.standings(), "all passing");
    figures.row("attempts a minute", format!("{:.0}", looks / minutes), "");
    figures.row("rows of /metrics", after.rows(), "");
    figures.row("resident memory", ByteSize(spent.resident), "40 MiB");
    figures.row("  of it anonymous", ByteSize(spent.anonymous), "");
    figures.row("  at its peak", ByteSize(spent.peak), "");
    figures.row("CPU", format!("{percent:.2} % of a core"), "1 %");
    let each = cpu.as_secs_f64() * 1000.0 / looks.max(1.0);
    figures.row("  an attempt, scrapes included", format!("{each:.2} ms"), "");
    figures.row("requests to the API server", asked, "none but renewals");
    let stored = f64::from(u32::try_from(stored).unwrap_or(u32::MAX)) / minutes;
    figures.row("requests to the object store a minute", format!("{stored:.1}"), "");
    figures.row("from start to a /metrics with all items", millis(started), "1 s");
    figures.print();
}

fn attempts(metrics: &Metrics) -> f64 {
    metrics.sum("vigie_item_attempts_total", &[])
}

/// How many requests of each sort there were.
fn verbs(requests: &[Request]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for request in requests {
        *counts.entry(format!("{} {}", request.verb, request.resource)).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    if counts.is_empty() { "0".to_owned() } else { counts.join(", ") }
}

async fn scrape(vigie: Arc<Vigie>) {
    let mut tick = interval(SCRAPED_EVERY);
    loop {
        tick.tick().await;
        vigie.scrape().await;
    }
}

async fn bustle(town: Arc<Town>) {
    let mut tick = interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        town.bustle();
    }
}
