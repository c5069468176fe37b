//! How long a scrape of 10,000 rows takes, as a scraper sees it: over a socket, with gzip.
//!
//! `cargo bench --bench metrics` serves one snapshot by the daemon's own server and scrapes it in each format, one
//! scrape after the other. Every scrape is rendered and compressed anew; nothing is kept from one to the next but the
//! connection. The scraper runs in the same process and shares its cores; it does not decompress.
//!
//! Budget: p99 of 10 ms.

#![expect(clippy::expect_used, reason = "a bench that can't run ends")]

mod ground {
    pub(crate) mod figures;
    pub(crate) mod times;
}
#[path = "../tests/it/fixtures/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the fixtures of the tests, used in part"
)]
mod fixtures;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{self, BoxFuture};
use jiff::Timestamp;
use procfs::process::Process;
use tokio::net::TcpListener;
use tokio::time::Instant;
use vigie::model::acts::Act;
use vigie::model::acts::requests::{Refused, Wish};
use vigie::model::deployment::{Announcement, Deployment};
use vigie::model::item::ItemId;
use vigie::model::snapshot::Snapshot;
use vigie::model::vitals::Vitals;
use vigie::server::{Daemon, Limits, LookNow, routes, serve};

use ground::figures::Figures;
use ground::times::{millis, quantile};

/// Scrapes whose times are kept, after a tenth as many to warm up.
const SCRAPES: u32 = 500;
const FORMATS: [(&str, &str); 2] =
    [("text 0.0.4", "text/plain"), ("OpenMetrics", "application/openmetrics-text; version=1.0.0")];

/// A daemon that holds one snapshot for good.
struct Still(Arc<Snapshot>);

impl Daemon for Still {
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0)
    }

    fn vitals(&self) -> Vitals {
        fixtures::vitals()
    }

    fn now(&self) -> Timestamp {
        fixtures::now()
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn look_now(&self, _item: &ItemId) -> LookNow {
        LookNow::NotFound
    }

    fn announce(
        &self,
        _: Announcement,
        _: String,
    ) -> BoxFuture<'_, Result<Arc<Deployment>, Refused>> {
        future::ready(Err(Refused::conflict("nobody announces here"))).boxed()
    }

    fn record(&self, _: Wish, _: String) -> BoxFuture<'_, Result<Act, Refused>> {
        future::ready(Err(Refused::not_recorded("nobody records here"))).boxed()
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        future::ready(Ok(())).boxed()
    }
}

#[tokio::main]
async fn main() {
    // 150 items have some 20 rows each; 47 figures each make 10,000 rows of it.
    let daemon = Arc::new(Still(Arc::new(fixtures::many(150, 47))));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let served = serve(listener, routes(daemon, None), Limits::default(), future::pending());
    let served = tokio::spawn(served);
    let mut figures = Figures::new(&format!("{SCRAPES} scrapes with gzip"));
    for (name, accept) in FORMATS {
        scrape_often(&mut figures, address, name, accept).await;
    }
    figures.print();
    served.abort();
}

/// The CPU time of this process so far.
fn cpu() -> Duration {
    let stat = Process::myself().and_then(|process| process.stat()).expect("its own figures");
    Duration::from_millis((stat.utime + stat.stime) * 1000 / procfs::ticks_per_second())
}

async fn scrape_often(figures: &mut Figures, address: SocketAddr, name: &str, accept: &str) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()
        .expect("a client");
    let scrape = |encoding: &'static str| {
        let request = client.get(format!("http://{address}/metrics"));
        let request = request.header("accept", accept).header("accept-encoding", encoding);
        async move { request.send().await.expect("an answer").bytes().await.expect("a body") }
    };
    let plain = scrape("identity").await;
    let lines = plain.split(|byte| *byte == b'\n');
    let rows = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).count();
    let zipped = scrape("gzip").await.len();
    let mut times = Vec::new();
    let spent = cpu();
    for turn in 0..SCRAPES + SCRAPES / 10 {
        let began = Instant::now();
        scrape("gzip").await;
        if turn >= SCRAPES / 10 {
            times.push(began.elapsed());
        }
    }
    let spent = cpu().saturating_sub(spent) / (SCRAPES + SCRAPES / 10);
    times.sort_unstable();
    let row = |what: &str| format!("{name}: {what}");
    figures.row(&row("rows"), rows, "10,000");
    figures.row(&row("bytes, plain and as gzip"), format!("{}, {zipped}", plain.len()), "");
    figures.row(&row("p50"), millis(quantile(&times, 50)), "");
    figures.row(&row("p99"), millis(quantile(&times, 99)), "10 ms");
    figures.row(&row("CPU a scrape, the scraper's too"), millis(spent), "");
}
