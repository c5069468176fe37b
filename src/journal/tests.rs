//! What is kept comes back; what is not needed any more goes.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;

use super::*;
use crate::board::{Board, Event, Layout, Seed};
use crate::model::deployment::{Announcement, Deployment};
use crate::model::finding::{Finding, Obstacle};
use crate::model::item::{Card, ItemId, Mode, Severity};
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Sample};
use crate::model::past::Past;
use crate::model::reason::Reason;
use crate::model::report::{Cause, CheckReport, Report};
use crate::model::schedule::{Damping, Schedule, later};
use crate::model::standing::Standing;

pub(super) const ODD: Reason = Reason::new("Odd");
pub(super) static DEPTH: Measure =
    Measure::memory("depth", &["queue"], Duration::from_secs(86_400));

pub(super) fn words() -> Vocabulary {
    Vocabulary::new([ODD], [&DEPTH])
}

pub(super) fn at(second: u64) -> Timestamp {
    later(Timestamp::UNIX_EPOCH, Duration::from_secs(1_795_000_000 + second))
}

pub(super) fn id(text: &str) -> ItemId {
    ItemId::parse(text).unwrap()
}

fn seed(name: &str) -> Seed {
    Seed {
        card: Card {
            id: id(name),
            title: name.to_owned(),
            section: id("section"),
            group: None,
            boxes: vec![],
            severity: Severity::Critical,
            mode: Mode::Auto,
            kinds: vec!["dns"],
            runbook_url: None,
        },
        schedule: Schedule::Every(Duration::from_mins(1)),
        timeout: Duration::from_secs(10),
        damping: Damping {
            fail_after: 1,
            recover_after: 1,
            unknown_after: 1,
            confirm_every: Duration::from_secs(30),
            grace: Duration::from_mins(5),
        },
        depends_on: if name == "b" { vec![id("a")] } else { vec![] },
        watches: vec![],
        limits: vec![],
        parameters: Arc::default(),
        terms: None,
        waivable_for: None,
        applies: true,
        generation: 1,
        fingerprint: [9; 32],
        remembered: None,
    }
}

/// A daemon without a daemon: a board, and what checks remember.
pub(super) struct Ground {
    pub(super) board: Board,
    pub(super) pasts: Vec<(ItemId, Arc<Past>)>,
}

impl Ground {
    pub(super) fn new(names: &[&str]) -> Self {
        let board = Board::default();
        let items = names.iter().map(|name| seed(name)).collect();
        let layout = Layout {
            environment: "test".to_owned(),
            sections: Arc::from([]),
            items,
            maintenance: vec![],
        };
        board.apply(Event::Configured(layout), at(0));
        Self { board, pasts: names.iter().map(|name| (id(name), Arc::default())).collect() }
    }

    pub(super) fn report(&self, name: &str, judgement: impl Into<Judgement>, second: u64) {
        let judgement = judgement.into();
        let report = Report {
            item: id(name),
            generation: 1,
            cause: Cause::Confirming,
            started: at(second),
            took: Duration::from_millis(120),
            checks: vec![CheckReport { kind: "dns", took: Duration::ZERO, judgement }],
            word: None,
        };
        self.board.apply(Event::Reported(report), at(second));
    }

    pub(super) fn remember(&mut self, name: &str, samples: &[Sample], second: u64) {
        for (_, past) in self.pasts.iter_mut().filter(|(item, _)| item.as_str() == name) {
            Arc::make_mut(past).remember(samples, at(second));
        }
    }

    pub(super) fn announce(&self, version: &str, second: u64) -> Arc<Deployment> {
        let announcement = Announcement {
            version: version.to_owned(),
            who: "Jo".to_owned(),
            environment: None,
            started: Some(at(second)),
            migration: None,
            ticket: None,
            notes: None,
        };
        let event = Event::Announced(announcement, "pipeline".to_owned());
        self.board.apply(event, at(second)).announced.unwrap()
    }

    pub(super) fn known(&self, second: u64) -> Known {
        Known { snapshot: self.board.snapshot(), pasts: self.pasts.clone(), now: at(second) }
    }

    /// A board on which something of each sort has happened.
    pub(super) fn lively() -> Self {
        let mut ground = Self::new(&["a", "b", "c"]);
        ground.report("a", Finding::pass("holds"), 951);
        ground.report("b", Finding::warn(ODD, "a little odd"), 952);
        ground.report("c", Obstacle::new(Reason::TIMED_OUT, "no \u{1F980} answer"), 953);
        ground.report("a", Finding::fail(ODD, "quite odd"), 990);
        for (second, value) in [(10, 1.0), (300, f64::NAN), (600, f64::INFINITY)] {
            ground.remember("c", &[DEPTH.is(value, ["mails"]), DEPTH.is(2.5, ["\"é"])], second);
        }
        ground
    }
}

pub(super) fn open(folder: &Path) -> (Journal, Recalled) {
    Journal::open(folder, &words(), at(1_000)).unwrap()
}

pub(super) fn record(deployment: &Deployment) -> Vec<Record> {
    vec![Record::deployment(deployment).unwrap()]
}

/// What came back is what was known.
pub(super) fn assert_recalled(recalled: &Recalled, ground: &Ground) {
    let snapshot = ground.board.snapshot();
    assert_eq!(recalled.items.len(), snapshot.items.len());
    for item in &snapshot.items {
        let memory = &recalled.items[&item.card.id];
        assert_eq!((memory.fingerprint, memory.left), (item.fingerprint, false));
        assert_eq!(memory.folded.as_ref(), Some(&item.folded));
        assert_eq!(memory.blocked, item.blocked);
        assert_eq!((memory.last_attempt, memory.last_pass), (item.last_attempt, item.last_pass));
        assert_eq!(memory.attempts, item.attempts);
        assert_eq!((&memory.recent, &memory.failures), (&item.recent, &item.failures));
        assert_eq!(memory.turns, item.turns);
    }
    for (id, past) in &ground.pasts {
        assert_eq!(told(&recalled.items[id].past), told(past), "{id}");
    }
}

fn told(past: &Past) -> Vec<String> {
    let mut series: Vec<_> = past.series().map(|series| format!("{series:?}")).collect();
    series.sort();
    series
}

#[tokio::test]
async fn all_that_was_known_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut ground = Ground::lively();
    {
        let (journal, recalled) = open(folder.path());
        assert!(recalled.items.is_empty() && recalled.deployments.is_empty());
        journal.keep(ground.known(1_000)).await;
        ground.announce("2026.11.1", 900);
        let deployment = ground.announce("2026.11.2", 950);
        journal.record(record(&deployment), at(1_000)).await.unwrap();
        assert_eq!(journal.health().trouble, None);
    }
    let (journal, recalled) = open(folder.path());
    assert_recalled(&recalled, &ground);
    let versions: Vec<_> = recalled.deployments.iter().map(|d| &*d.version).collect();
    assert_eq!(versions, ["2026.11.2"], "what was recorded, and nothing else");

    // The second run goes on where the first ended: points are added, thinned out, and forgotten.
    for second in (601..80_000).step_by(40) {
        ground.remember("c", &[DEPTH.is(7.0, ["mails"])], second);
        if second % 2_000 < 40 {
            journal.keep(ground.known(second)).await;
        }
    }
    ground.report("b", Finding::pass("holds"), 80_000);
    journal.keep(ground.known(80_000)).await;
    drop(journal);
    assert_recalled(&open(folder.path()).1, &ground);
}

#[tokio::test]
async fn a_word_that_means_nothing_any_more_costs_the_standing_that_hangs_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::lively();
    open(folder.path()).0.keep(ground.known(1_000)).await;
    let nothing = Vocabulary::new([], []);
    let (_, recalled) = Journal::open(folder.path(), &nothing, at(2_000)).unwrap();
    let folded = |name| recalled.items[&id(name)].folded.as_ref().map(|folded| folded.standing);
    assert_eq!((folded("a"), folded("b"), folded("c")), (None, None, Some(Standing::Unknown)));
    let a = &recalled.items[&id("a")];
    assert_eq!((a.attempts, a.recent.len(), a.failures.len()), ([1, 0, 1, 0], 1, 0));
    assert_eq!(recalled.items[&id("c")].past.series().count(), 0);
}

#[tokio::test]
async fn what_was_stale_is_so_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::lively();
    ground.board.apply(Event::Ticked(vec![]), at(2_000));
    open(folder.path()).0.keep(ground.known(2_000)).await;
    let (_, recalled) = open(folder.path());
    let stale_at = ground.board.snapshot().item("a").unwrap().stale_at;
    assert_eq!(recalled.items[&id("a")].stale_at, stale_at);
}

#[tokio::test]
async fn the_second_daemon_is_told_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    let refused = Journal::open(folder.path(), &words(), at(2)).unwrap_err();
    let Unopened::Held { by } = refused else { panic!("{refused:?}") };
    assert!(by.contains(&format!("process {}", std::process::id())), "{by}");
    drop(journal);
    open(folder.path());
}

#[test]
fn a_folder_that_can_not_be_written_to_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let refused = Journal::open(&file.join("below"), &words(), at(2)).unwrap_err();
    let Unopened::Refused(why) = refused else { panic!("{refused:?}") };
    assert!(why.contains("can't write into the data folder") && why.contains("fsGroup"), "{why}");
}

#[test]
fn a_newer_journal_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    connection
        .execute_batch(
            "PRAGMA user_version = 7; UPDATE note SET value = '9.9.9' WHERE name = 'needs'",
        )
        .unwrap();
    let refused = Journal::open(folder.path(), &words(), at(2)).unwrap_err();
    let Unopened::Refused(why) = refused else { panic!("{refused:?}") };
    assert!(why.contains("schema 7, which Vigie 9.9.9 can read"), "{why}");
    assert!(aside::lie_aside(folder.path()).is_empty(), "not moved");
}

#[tokio::test]
async fn others_may_read_while_it_is_open_and_after() {
    let folder = tempfile::tempdir().unwrap();
    assert!(read(folder.path()).unwrap_err().contains("no Vigie has kept a journal here"));
    let ground = Ground::lively();
    let (journal, _) = open(folder.path());
    journal.record(record(&ground.announce("1", 900)), at(900)).await.unwrap();
    let versions = || {
        let records = read(folder.path()).unwrap();
        records.deployments.into_iter().map(|deployment| deployment.version).collect::<Vec<_>>()
    };
    assert_eq!(versions(), ["1"], "out of the log");
    journal.record(record(&ground.announce("2", 950)), at(950)).await.unwrap();
    drop(journal);
    assert!(!folder.path().join("vigie.db-wal").exists(), "closed without a log");
    assert_eq!(versions(), ["1", "2"]);
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let mut ground = Ground::new(&["a", "b", "c"]);
    let (journal, _) = open(folder.path());
    let bytes = |journal: &Journal| journal.health().bytes.unwrap();
    let long = |n: u64| format!("{n} {}", "long ".repeat(200));
    let mut sizes = Vec::new();
    for n in 0..240 {
        let second = n * 3_600;
        let because = long(n);
        ground.report("a", Finding::fail(ODD, because.clone()), second);
        let back = if n % 2 == 0 { Finding::pass(because) } else { Finding::fail(ODD, because) };
        ground.report("c", back, second);
        ground.remember("c", &[DEPTH.is(1.0, [n.to_string().as_str()])], second);
        let deployment = ground.announce(&n.to_string(), second);
        journal.record(record(&deployment), at(second)).await.unwrap();
        journal.keep(ground.known(second)).await;
        if n % 80 == 79 {
            sizes.push(bytes(&journal));
        }
    }
    assert!(sizes[2] <= sizes[1] + 65_536 && sizes[2] < 8 << 20, "{sizes:?}");
    drop(journal);
    let (_, recalled) = open(folder.path());
    assert_eq!(recalled.deployments.len(), 50);
    assert_recalled(&recalled, &ground);
}

#[tokio::test]
async fn an_item_that_is_gone_is_kept_for_a_month() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    journal.keep(Ground::lively().known(0)).await;
    let fewer = Ground::new(&["a"]);
    let day = 86_400;
    for (second, items) in [(29 * day, 3), (31 * day, 1)] {
        journal.keep(fewer.known(second)).await;
        let connection = Connection::open(folder.path().join(FILE)).unwrap();
        let count = |table: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!((count("item"), count("part")), (items, 5 * items));
        assert_eq!(count("series"), if items == 3 { 2 } else { 0 });
    }
}

#[tokio::test]
async fn what_had_left_the_checklist_is_told_from_what_was_on_it_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let left = |recalled: &Recalled| ["a", "b", "c"].map(|name| recalled.items[&id(name)].left);
    let (journal, _) = open(folder.path());
    journal.keep(Ground::lively().known(1_000)).await;
    drop(journal);
    let (journal, recalled) = open(folder.path());
    assert_eq!(left(&recalled), [false; 3]);
    // Within the same second, and after the clock was set back.
    for (second, fewer) in [(1_000, ["a", "b"]), (400, ["a", "c"])] {
        journal.keep(Ground::new(&fewer).known(second)).await;
    }
    drop(journal);
    assert_eq!(left(&open(folder.path()).1), [false, true, false]);
}
