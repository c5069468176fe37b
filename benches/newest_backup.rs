//! What it costs to find the newest backup among 1,000,000 keys, cold.
//!
//! `cargo bench --bench newest_backup` fills a simulated object store, and has a check that never saw
//! it look once, within ten seconds. Requests are counted at the store; the time is the look's, with
//! the store in the same process.
//!
//! Budget: 20 requests where keys bear dates; where they do not, `NotListable` within the same.

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
use vigie::model::reason::Reason;
use vigie_sim::s3::{Object, Store};

use fixture::{BUCKET, Fixture, ago};
use ground::figures::Figures;
use ground::times::millis;

const KEYS: u32 = 1_000_000;

#[tokio::main]
async fn main() {
    let mut figures = Figures::new(&format!("The newest backup among {KEYS} keys, cold"));
    row(&mut figures, "dates in names, one every 17 s", "dump-%s.gz", flat).await;
    row(&mut figures, "a folder a day, one every 3 min", "%F/%H%M%S.dump", folders).await;
    row(&mut figures, "60 folders of 16,667 objects", "%Y%m%dT%H%M%S/whole.json", beside).await;
    row(&mut figures, "no dates, no order", "*.gz", numbered).await;
    figures.print();
}

async fn row(figures: &mut Figures, what: &str, keys: &str, fill: impl FnOnce(&Store)) {
    let fixture = Fixture::new().await;
    fill(&fixture.store);
    let began = Instant::now();
    let judgement = fixture.look_for(keys, "max_age: { fail: 4h }").await;
    let took = millis(began.elapsed());
    let said = judgement.reason().map_or("found", Reason::code);
    let measured = format!("{} requests, {took}: {said}", fixture.store.request_count());
    figures.row(what, measured, "20 requests");
}

fn flat(store: &Store) {
    let keys = (0..i64::from(KEYS)).rev().map(|back| {
        let modified = ago(3) - SignedDuration::from_secs(17 * back);
        (format!("dump-{}.gz", modified.as_second()), Object { size: 1_000, modified })
    });
    store.extend(BUCKET, keys);
}

fn folders(store: &Store) {
    store.fill_many(BUCKET, "", ago(3), SignedDuration::from_mins(3), KEYS);
}

fn beside(store: &Store) {
    for day in (0..60).rev() {
        let modified = ago(3 + 24 * day);
        let folder = modified.strftime("%Y%m%dT%H%M%S").to_string();
        let object = Object { size: 1_000, modified };
        let parts = (0..KEYS / 60).map(|part| (format!("{folder}/part-{part:05}"), object));
        store.extend(BUCKET, parts.chain([(format!("{folder}/whole.json"), object)]));
    }
}

fn numbered(store: &Store) {
    let object = Object { size: 1_000, modified: ago(3) };
    store.extend(BUCKET, (0..KEYS).map(|number| (format!("{number:07}.gz"), object)));
}
