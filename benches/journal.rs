//! What a restart costs: opening a journal of 150 items with full history, and what it takes on disk.
//!
//! `cargo bench --bench journal` fills a journal with 150 items (20 attempts, 20 failures and 50 turns
//! each) and three remembered series an item of 720 points, closes it, and opens it again, the file
//! in the system's cache. Then it records acts one after the other, each synced to the disk.
//!
//! Budget: none of its own; a cold start to the first full `/metrics` may take 1 s.

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

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;
use vigie::journal::{Journal, Known, Recalled, Record};
use vigie::model::acts::{Act, Maintenance};
use vigie::model::finding::Verdict;
use vigie::model::measure::Measure;
use vigie::model::memory::Vocabulary;
use vigie::model::past::Past;
use vigie::model::report::Cause;
use vigie::model::snapshot::{Attempt, ItemState, Snapshot};
use vigie::model::standing::{Standing, Turn};

use fixtures::{ago, now};
use ground::figures::Figures;
use ground::times::{millis, quantile};

const ITEMS: u64 = 150;
const POINTS: i64 = 720;
const ACTS: usize = 200;

static LEVEL: Measure = Measure::memory("level", &["queue"], Duration::from_hours(24));

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let known = known();
    let (journal, _) = open(folder.path());
    let began = Instant::now();
    journal.keep(known).await;
    let written = began.elapsed();
    drop(journal);
    let bytes = std::fs::metadata(folder.path().join("vigie.db")).expect("a file").len();
    let began = Instant::now();
    let (journal, recalled) = open(folder.path());
    let opened = began.elapsed();
    assert_eq!(recalled.items.len() as u64, ITEMS);
    let mut times = Vec::with_capacity(ACTS);
    for n in 0..ACTS {
        let record = Record::act(&act(n)).expect("JSON");
        let began = Instant::now();
        journal.record(vec![record], now()).await.expect("recorded");
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let mut figures = Figures::new(&format!("A journal of {ITEMS} items with full history"));
    figures.row("written at once", millis(written), "");
    figures.row("opened, checked and read", millis(opened), "1 s with all else");
    figures.row("bytes an item", bytes / ITEMS, "");
    figures.row("an act, p50", millis(quantile(&times, 50)), "");
    figures.row("an act, p99", millis(quantile(&times, 99)), "");
    figures.print();
}

fn open(folder: &Path) -> (Journal, Recalled) {
    let reasons = vigie::checks::KINDS.iter().flat_map(|kind| kind.reasons);
    let words = Vocabulary::new(reasons.map(|documented| documented.reason), [&LEVEL]);
    Journal::open(folder, &words, now()).expect("a journal")
}

fn known() -> Known {
    let items = usize::try_from(ITEMS).expect("a number");
    let mut snapshot: Snapshot = fixtures::many(items, 1);
    for item in &mut snapshot.items {
        fill(Arc::make_mut(item));
    }
    let mut past = Past::default();
    for point in (1..=POINTS).rev() {
        let level = |queue| LEVEL.is(1.5, [queue]);
        past.remember(&[level("mails"), level("exports"), level("hooks")], ago(point * 120));
    }
    let past = |item: &Arc<ItemState>| (item.card.id.clone(), Arc::new(past.clone()));
    let pasts = snapshot.items.iter().map(past).collect();
    Known { snapshot, pasts, now: now() }
}

fn fill(item: &mut ItemState) {
    let because = "the newest backup is 31 h old (2026-11-21 18:00), 26 h allowed".to_owned();
    let attempt = Attempt {
        started: ago(60),
        took: Duration::from_millis(48),
        cause: Cause::Scheduled,
        verdict: Verdict::Fail,
        reason: None,
        because: because.clone(),
    };
    item.recent = vec![attempt.clone(); 20].into();
    item.failures = vec![attempt; 20].into();
    let turn =
        Turn { at: ago(60), from: Standing::Passing, to: Standing::Failing, reason: None, because };
    item.turns = vec![turn; 50].into();
}

fn act(n: usize) -> Act {
    Act::Maintenance(Maintenance {
        id: format!("m{n}"),
        who: Some("Jo".to_owned()),
        token: Some("team".to_owned()),
        at: now(),
        from: now(),
        until: now() + SignedDuration::from_hours(1),
        sections: vec![],
        why: "the disks are changed".to_owned(),
        ended: None,
    })
}
