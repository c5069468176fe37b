//! How late attempts start, with 1,000 items.
//!
//! `cargo bench --bench schedule [-- SECONDS]` runs the daemon as a child with 800 `http` items at
//! twenty addresses and 200 `dns` items at one, looked at every 10 to 60 seconds. First attempts are
//! spread over a minute; after that it measures for two, or for as long as it is told. The delay is
//! the daemon's own histogram (from due to started, permits included); quantiles are interpolated
//! within its buckets as Prometheus does it. The daemon looks once a second at what is due, so that
//! delays up to a second are by design.
//!
//! Budget: p99 of 1.5 s.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that can't run ends")]

mod ground {
    pub(crate) mod arguments;
    #[expect(dead_code, reason = "used in part")]
    pub(crate) mod daemon;
    pub(crate) mod figures;
}

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use bytesize::ByteSize;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use vigie_sim::net::dns::Names;

use ground::daemon::{Metrics, Vigie, write};
use ground::figures::Figures;

const ITEMS: usize = 1_000;
const ADDRESSES: u8 = 20;
const SETTLES_WITHIN: Duration = Duration::from_secs(75);
/// The bounds of the daemon's histogram, as they are exposed.
const BOUNDS: [(&str, f64); 10] = [
    ("0.1", 0.1),
    ("0.25", 0.25),
    ("0.5", 0.5),
    ("1.0", 1.0),
    ("1.5", 1.5),
    ("2.0", 2.0),
    ("5.0", 5.0),
    ("10.0", 10.0),
    ("30.0", 30.0),
    ("60.0", 60.0),
];

#[tokio::main]
async fn main() {
    let span = Duration::from_secs(ground::arguments::first().unwrap_or(120));
    let mut sites = Vec::new();
    for last in 1..=ADDRESSES {
        sites.push(site(Ipv4Addr::new(127, 0, 0, last)).await);
    }
    let names = Names::start().await.expect("a resolver");
    names.point("app.example", [192, 0, 2, 10].into());
    let folder = tempfile::tempdir().expect("a folder");
    let file = write(folder.path(), "vigie.yaml", &checklist(&sites, names.address()));
    let vigie = Vigie::start(&[file]).await;
    sleep(SETTLES_WITHIN).await;

    let (before, usage, began) = (delays(&vigie.metrics().await), vigie.usage(), Instant::now());
    sleep(span).await;
    let (took, spent, metrics) = (began.elapsed(), vigie.usage(), vigie.metrics().await);
    let after = delays(&metrics);
    let counts: Vec<_> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    let all = counts.last().copied().unwrap_or_default();
    let in_time = counts[BOUNDS.iter().position(|(_, bound)| *bound >= 1.5).expect("a bound")];

    let title = format!("Scheduling delay with {ITEMS} items for {} s", span.as_secs());
    let mut figures = Figures::new(&title);
    figures.row("items", metrics.standings(), "all passing");
    figures.row("attempts", all, "");
    figures.row("p50", format!("{:.2} s", quantile(&counts, 0.5)), "");
    figures.row("p99", format!("{:.2} s", quantile(&counts, 0.99)), "1.5 s");
    figures.row("within 1.5 s", format!("{:.2} %", 100.0 * in_time / all.max(1.0)), "99 %");
    let swings = metrics.sum("vigie_engine_own_swings_total", &[]);
    figures.row("swings of the engine's own", swings, "0");
    let cpu = 100.0 * spent.spent_since(&usage).as_secs_f64() / took.as_secs_f64();
    figures.row("CPU", format!("{cpu:.2} % of a core"), "");
    figures.row("resident memory", ByteSize(spent.resident), "");
    figures.print();
}

/// Cumulative counts by bound, the total last.
fn delays(metrics: &Metrics) -> Vec<f64> {
    let name = "vigie_schedule_delay_seconds_bucket";
    let upto = |bound: &str| metrics.sum(name, &[&format!("le=\"{bound}\"")]);
    BOUNDS.iter().map(|(bound, _)| *bound).chain(["+Inf"]).map(upto).collect()
}

/// The delay below which this share lies, interpolated within its bucket.
fn quantile(counts: &[f64], share: f64) -> f64 {
    let rank = share * counts.last().copied().unwrap_or_default();
    let (mut below, mut lower) = (0.0, 0.0);
    for ((_, upper), count) in BOUNDS.iter().zip(counts) {
        if *count >= rank && *count > below {
            return lower + (upper - lower) * (rank - below) / (count - below);
        }
        (below, lower) = (*count, *upper);
    }
    f64::INFINITY
}

async fn site(address: Ipv4Addr) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).await.expect("a port");
    let bound = listener.local_addr().expect("its address");
    let router = Router::new().fallback(async || "ok");
    tokio::spawn(async move { axum::serve(listener, router).await });
    bound
}

fn checklist(sites: &[SocketAddr], resolver: SocketAddr) -> String {
    let mut text =
        "environment: bench\nsections:\n  - id: all\n    title: All\n    items:\n".to_owned();
    for number in 0..ITEMS {
        let check = match number % 5 {
            0 => format!("dns: {{ name: app.example, record: A, resolvers: ['{resolver}'] }}"),
            _ => format!("http: {{ url: 'http://{}/' }}", sites[number / 5 % sites.len()]),
        };
        writeln!(
            text,
            "      - id: item-{number}\n        title: Item {number}\n        severity: warning\n        \
             every: {}s\n        checks:\n          - {check}",
            10 + number % 51
        )
        .expect("a text");
    }
    text
}
