//! What it costs to judge a barman store with many segments of log, cold and again.
//!
//! `cargo bench --bench barman [segments]` fills a simulated object store with sixty daily base
//! backups and so many segments of log (1,000,000 unless told, at least 120), and judges it. Requests
//! are counted at the store; the time is the look's, with the store in the same process.
//!
//! Budget: one request a backup, one listing of the catalogue, one request for each thousand segments
//! since the newest backup; again, no file is read a second time.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench that can't run ends")]

mod ground {
    pub(crate) mod figures;
    #[expect(dead_code, reason = "used in part")]
    pub(crate) mod times;
}
#[path = "../tests/it/s3/fixture.rs"]
#[expect(dead_code, unreachable_pub, reason = "the fixture of the tests, used in part")]
mod fixture;
#[path = "../tests/it/support.rs"]
#[expect(dead_code, unreachable_pub, reason = "the support of the tests, used in part")]
mod support;

use jiff::SignedDuration;
use tokio::time::Instant;
use vigie::model::finding::Verdict;

use fixture::{BUCKET, Fixture, now};
use ground::figures::Figures;
use ground::times::millis;

const BACKUPS: u32 = 60;

#[tokio::main]
async fn main() {
    let segments = std::env::args().find_map(|argument| argument.parse().ok());
    let segments: u64 = segments.unwrap_or(1_000_000);
    let between = segments / u64::from(BACKUPS);
    assert!(
        between >= 2,
        "each of {BACKUPS} backups needs two segments of log: {segments} are too few"
    );
    let fixture = Fixture::new().await;
    let age = SignedDuration::from_hours(5);
    fixture.store.fill_barman(BUCKET, "pg/", now(), age, (BACKUPS, between));
    let title = format!("A barman store of {BACKUPS} backups and {segments} segments of log");
    let mut figures = Figures::new(&title);
    let pages = between / 1_000 + 1;
    row(&mut figures, &fixture, "cold", u64::from(BACKUPS) + 1 + pages).await;
    row(&mut figures, &fixture, "again", 1 + pages).await;
    figures.print();
}

async fn row(figures: &mut Figures, fixture: &Fixture, what: &str, allowed: u64) {
    let before = fixture.store.request_count();
    let began = Instant::now();
    let limits = "max_age: { fail: 26h }, min_count: 60, retention: 60d, max_requests: 1000";
    let judgement = fixture.look_at_barman(limits).await;
    let took = millis(began.elapsed());
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let spent = fixture.store.request_count() - before;
    figures.row(what, format!("{spent} requests, {took}"), &format!("{allowed} requests"));
}
