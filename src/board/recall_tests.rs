//! A board before and after a restart.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::board::{Board, Event, Layout, Seed};
use crate::model::finding::{Finding, Obstacle};
use crate::model::item::{Card, ItemId, Mode, Severity};
use crate::model::judgement::Judgement;
use crate::model::reason::Reason;
use crate::model::report::{Cause, CheckReport, Report};
use crate::model::schedule::{Damping, Schedule, later};
use crate::model::snapshot::Snapshot;

const MINUTE: Duration = Duration::from_mins(1);

fn at(second: u64) -> Timestamp {
    later(Timestamp::UNIX_EPOCH, Duration::from_secs(1_000_000 + second))
}

fn id(text: &str) -> ItemId {
    ItemId::parse(text).unwrap()
}

fn seed(name: &str, depends_on: &[&str]) -> Seed {
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
        schedule: Schedule::Every(MINUTE),
        timeout: Duration::from_secs(10),
        damping: Damping {
            fail_after: 1,
            recover_after: 2,
            unknown_after: 1,
            confirm_every: Duration::from_secs(30),
            grace: 5 * MINUTE,
        },
        depends_on: depends_on.iter().map(|name| id(name)).collect(),
        watches: vec![],
        limits: vec![],
        parameters: Arc::default(),
        terms: None,
        waivable_for: None,
        applies: true,
        generation: 1,
        fingerprint: [1; 32],
        remembered: None,
    }
}

fn configured(seeds: Vec<Seed>, second: u64) -> Board {
    let board = Board::default();
    let layout = Layout {
        environment: "test".to_owned(),
        sections: Arc::from([]),
        items: seeds,
        maintenance: vec![],
    };
    let changes = board.apply(Event::Configured(layout), at(second));
    assert!(changes.turns.is_empty(), "a restart is no news: {changes:?}");
    board
}

fn report(board: &Board, name: &str, judgement: impl Into<Judgement>, second: u64) {
    let checks =
        vec![CheckReport { kind: "dns", took: Duration::ZERO, judgement: judgement.into() }];
    let report = Report {
        item: id(name),
        generation: 1,
        cause: Cause::Scheduled,
        started: at(second),
        took: Duration::ZERO,
        checks,
        word: None,
    };
    board.apply(Event::Reported(report), at(second));
}

/// What a journal would keep of an item.
fn memory(snapshot: &Snapshot, name: &str) -> Box<Memory> {
    let item = snapshot.item(name).unwrap();
    Box::new(Memory { stale_at: None, left: false, ..Memory::of(snapshot, item, at(0)) })
}

fn restarted(before: &Board, second: u64) -> Board {
    let snapshot = before.snapshot();
    let again =
        |name, on: &[&str]| Seed { remembered: Some(memory(&snapshot, name)), ..seed(name, on) };
    configured(vec![again("database", &[]), again("migrations", &["database"])], second)
}

fn failing() -> Board {
    let board = configured(vec![seed("database", &[]), seed("migrations", &["database"])], 0);
    report(&board, "database", Finding::pass("holds"), 1);
    report(&board, "migrations", Finding::pass("holds"), 2);
    report(&board, "database", Finding::fail(Reason::REFUSED, "refuses"), 40);
    board
}

#[test]
fn what_was_shown_is_shown_until_somebody_looks() {
    let before = failing();
    let after = restarted(&before, 500_000);
    for name in ["database", "migrations"] {
        let shown = |board: &Board, second| {
            let snapshot = board.snapshot();
            snapshot.shown(snapshot.item(name).unwrap(), at(second))
        };
        assert_eq!(shown(&after, 500_000), shown(&before, 41), "{name}");
    }
    let (before, after) = (before.snapshot(), after.snapshot());
    let (before, after) = (before.item("database").unwrap(), after.item("database").unwrap());
    assert_eq!(before.folded, after.folded, "counters included");
    assert_eq!((before.attempts, &before.turns), (after.attempts, &after.turns));
    assert_eq!((&before.recent, &before.failures), (&after.recent, &after.failures));
    assert_eq!((before.last_attempt, before.last_pass), (after.last_attempt, after.last_pass));
}

#[test]
fn what_nobody_looks_at_after_a_restart_goes_stale_from_then_on() {
    let board = restarted(&failing(), 500_000);
    let shown = |second| {
        let snapshot = board.snapshot();
        snapshot.shown(snapshot.item("database").unwrap(), at(second)).reason
    };
    assert_eq!(shown(500_100), Some(Reason::REFUSED));
    assert_eq!(shown(500_000 + 5 * 60 + 60 + 61), Some(Reason::STALE));
}

#[test]
fn damping_goes_on_where_it_was() {
    let before = failing();
    report(&before, "database", Finding::pass("holds"), 80);
    let after = restarted(&before, 100);
    report(&after, "database", Finding::pass("holds"), 120);
    let snapshot = after.snapshot();
    assert_eq!(snapshot.item("database").unwrap().folded.standing, Standing::Passing);
}

#[test]
fn what_was_stale_stays_so() {
    let before = failing();
    let mut memory = memory(&before.snapshot(), "database");
    memory.stale_at = Some(at(300));
    let board =
        configured(vec![Seed { remembered: Some(memory), ..seed("database", &[]) }], 500_000);
    let snapshot = board.snapshot();
    let shown = snapshot.shown(snapshot.item("database").unwrap(), at(500_000));
    assert_eq!((shown.standing, shown.since), (Standing::Unknown, at(300)));
    report(&board, "database", Obstacle::new(Reason::RESET, "broke"), 500_010);
    let snapshot = board.snapshot();
    let shown = snapshot.shown(snapshot.item("database").unwrap(), at(500_010));
    assert_eq!(shown.reason, Some(Reason::RESET), "somebody looked");
}

#[test]
fn another_question_is_pending_and_keeps_its_history() {
    let before = failing().snapshot();
    let asked = Seed {
        fingerprint: [2; 32],
        remembered: Some(memory(&before, "database")),
        ..seed("database", &[])
    };
    let board = configured(vec![asked], 100);
    let snapshot = board.snapshot();
    let item = snapshot.item("database").unwrap();
    assert_eq!((item.folded.standing, item.folded.fails), (Standing::Pending, 0));
    assert_eq!((item.attempts, item.recent.len()), ([1, 0, 1, 0], 2));
}

#[test]
fn a_standing_without_words_is_given_up() {
    let mut memory = memory(&failing().snapshot(), "database");
    memory.folded = None;
    let board = configured(vec![Seed { remembered: Some(memory), ..seed("database", &[]) }], 100);
    let snapshot = board.snapshot();
    let item = snapshot.item("database").unwrap();
    assert_eq!((item.folded.standing, item.blocked.is_some()), (Standing::Pending, false));
}

#[test]
fn what_had_left_is_pending_and_keeps_its_history() {
    let before = failing().snapshot();
    let left = Memory { left: true, ..*memory(&before, "database") };
    let again = Seed { remembered: Some(Box::new(left)), ..seed("database", &[]) };
    let board = configured(vec![again], 100);
    let snapshot = board.snapshot();
    let item = snapshot.item("database").unwrap();
    assert_eq!((item.folded.standing, item.attempts), (Standing::Pending, [1, 0, 1, 0]));
    assert_eq!(item.folded.last_seen_failing, Some(at(40)), "no older word may hide it");
}
