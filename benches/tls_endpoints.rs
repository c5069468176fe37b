//! What it costs to look at 1,000 TLS endpoints, beside Debian's blackbox exporter.
//!
//! `cargo bench --bench tls_endpoints [COUNT]` starts one nginx with so many addresses, looks at each
//! through the check, a few at a time, and has the exporter probe the same endpoints in the same run
//! where it is installed. The exporter is asked over HTTP, and writes metrics: that is part of what it
//! spends, as judging and measuring is of ours.
//!
//! Budget: one handshake an address, and no more CPU than the exporter spends on the same probe.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that can't run ends")]

mod ground {
    pub(crate) mod arguments;
    pub(crate) mod blackbox;
    pub(crate) mod cpu;
    pub(crate) mod endpoints;
    pub(crate) mod figures;
    pub(crate) mod times;
}
#[path = "../tests/it/support.rs"]
#[expect(dead_code, unreachable_pub, reason = "the support of the tests, used in part")]
mod support;

use std::time::Duration;

use futures::StreamExt;
use tokio::time::Instant;
use vigie::checks::{AnyCheck, Look};
use vigie::model::finding::Verdict;
use vigie::model::item::ItemId;
use vigie::model::past::Past;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;

use ground::blackbox::Blackbox;
use ground::cpu::spent;
use ground::endpoints::{Endpoints, NAME};
use ground::figures::Figures;
use ground::times::{millis, quantile};

/// Endpoints, unless told otherwise.
const COUNT: u64 = 1000;
/// How many are looked at at a time, by either.
const AT_A_TIME: usize = 16;
/// Rounds over all of them; the first, with everything cold, is told apart.
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let count = u16::try_from(ground::arguments::first().unwrap_or(COUNT)).expect("few endpoints");
    let endpoints = Endpoints::start(count, true).await;
    let mut figures = Figures::new(&format!("A look at {count} TLS endpoints"));
    let systems = support::systems("{}", Clock::System);
    let ca = endpoints.ca.display();
    let checks: Vec<AnyCheck> = endpoints
        .addresses
        .iter()
        .map(|address| {
            support::check(&format!(
                "tls: {{ target: '{address}', server_name: {NAME}, ca: {{ file: '{ca}' }} }}"
            ))
        })
        .collect();
    let module = format!(
        "modules: {{ tls: {{ prober: tcp, timeout: 10s, tcp: {{ preferred_ip_protocol: ip4, \
         tls: true, tls_config: {{ ca_file: '{ca}', server_name: {NAME} }} }} }} }}\n"
    );
    let blackbox = Blackbox::start(&endpoints.file("blackbox.yml", &module)).await;
    let targets: Vec<String> = endpoints.addresses.iter().map(ToString::to_string).collect();
    for round in 0..ROUNDS {
        let told = |who: &str, what: &str| format!("round {}: {who}, {what}", round + 1);
        let ours = look_at_all(&checks, &systems).await;
        let each = |all: Duration| millis(all / u32::from(count));
        figures.row(&told("vigie", "wall"), millis(ours.wall), "");
        figures.row(&told("vigie", "a look, p99"), millis(quantile(&ours.looks, 99)), "");
        let Some(blackbox) = &blackbox else {
            figures.row(&told("vigie", "CPU a handshake"), each(ours.cpu), "not compared");
            continue;
        };
        let (wall, cpu) = blackbox.probe("tls", &targets, AT_A_TIME).await;
        figures.row(&told("vigie", "CPU a handshake"), each(ours.cpu), &each(cpu));
        figures.row(&told("blackbox exporter", "wall"), millis(wall), "");
        figures.row(&told("blackbox exporter", "CPU a handshake"), each(cpu), "");
    }
    figures.print();
}

/// What a round cost.
struct Cost {
    wall: Duration,
    cpu: Duration,
    /// Each look, ascending.
    looks: Vec<Duration>,
}

async fn look_at_all(checks: &[AnyCheck], systems: &Systems) -> Cost {
    let item = ItemId::parse("bench").expect("an id");
    let (began, before) = (Instant::now(), spent(std::process::id()));
    let looks = checks.iter().map(|check| {
        let item = &item;
        async move {
            let started = Instant::now();
            let needs = check.needs();
            let look = Look {
                item,
                needs: &needs,
                systems,
                deadline: Instant::now() + Duration::from_secs(10),
                fresh_within: Duration::ZERO,
                now: systems.clock.now(),
                deployment: None,
            };
            let judgement = check.run(&look, &Past::default()).await;
            assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
            started.elapsed()
        }
    });
    let mut looks: Vec<_> =
        futures::stream::iter(looks).buffer_unordered(AT_A_TIME).collect().await;
    let (wall, cpu) = (began.elapsed(), spent(std::process::id()).saturating_sub(before));
    looks.sort_unstable();
    Cost { wall, cpu, looks }
}
