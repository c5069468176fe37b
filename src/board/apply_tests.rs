//! Events on a small board: a database, and what depends on it.

use super::*;
use crate::board::Board;
use crate::model::finding::{Finding, Obstacle};
use crate::model::item::{Card, Mode, Severity};
use crate::model::judgement::Judgement;
use crate::model::needs::{Resource, Watch};
use crate::model::reason::Reason;
use crate::model::report::{Cause, CheckReport};
use crate::model::schedule::{Damping, Schedule};
use crate::model::standing::Shown;

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
            severity: Severity::Critical,
            mode: Mode::Auto,
            kinds: vec!["dns"],
            runbook_url: None,
            boxes: vec![],
        },
        schedule: Schedule::Every(MINUTE),
        timeout: Duration::from_secs(10),
        damping: Damping {
            fail_after: 1,
            recover_after: 1,
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

fn board(seeds: Vec<Seed>) -> Board {
    let board = Board::default();
    configure(&board, seeds, 0);
    board
}

fn configure(board: &Board, items: Vec<Seed>, second: u64) {
    let layout = Layout {
        environment: "test".to_owned(),
        sections: Arc::from([]),
        items,
        maintenance: vec![],
    };
    board.apply(Event::Configured(layout), at(second));
}

fn report(board: &Board, name: &str, judgement: impl Into<Judgement>, second: u64) -> Changes {
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
    board.apply(Event::Reported(report), at(second))
}

fn pass() -> Finding {
    Finding::pass("holds")
}

fn fail() -> Finding {
    Finding::fail(Reason::REFUSED, "refuses")
}

fn shown(board: &Board, name: &str, second: u64) -> (Standing, Option<&'static str>) {
    let snapshot = board.snapshot();
    let Shown { standing, reason, .. } = snapshot.shown(snapshot.item(name).unwrap(), at(second));
    (standing, reason.map(Reason::code))
}

#[test]
fn who_depends_on_a_failing_item_is_unknown_and_not_looked_at() {
    let board = board(vec![seed("database", &[]), seed("migrations", &["database"])]);
    assert!(board.outlook(&id("migrations")).unwrap().blocked, "waits for the first look");
    let changes = report(&board, "database", pass(), 1);
    assert_eq!(changes.freed, [id("migrations")]);
    report(&board, "migrations", pass(), 2);
    let changes = report(&board, "database", fail(), 3);
    assert_eq!(changes.turns.len(), 2, "both turn at once: {changes:?}");
    assert_eq!(shown(&board, "migrations", 3), (Standing::Unknown, Some("DependencyFailing")));
    assert_eq!(report(&board, "database", pass(), 40).freed, [id("migrations")]);
    assert_eq!(shown(&board, "migrations", 40), (Standing::Passing, None));
}

#[test]
fn news_travels_along_a_chain_in_whichever_order_the_file_has_it() {
    let board = board(vec![seed("c", &["b"]), seed("b", &["a"]), seed("a", &[])]);
    for name in ["a", "b", "c"] {
        report(&board, name, pass(), 1);
    }
    report(&board, "a", fail(), 2);
    assert_eq!(shown(&board, "c", 2), (Standing::Unknown, Some("DependencyFailing")));
}

#[test]
fn waiting_for_a_dependency_uses_up_no_grace() {
    let board = board(vec![seed("a", &[]), seed("b", &["a"])]);
    report(&board, "a", pass(), 299);
    board.apply(Event::Ticked(vec![]), at(301));
    assert_eq!(shown(&board, "b", 301), (Standing::Pending, None));
    board.apply(Event::Ticked(vec![]), at(700));
    assert_eq!(shown(&board, "b", 700).0, Standing::Unknown);
}

#[test]
fn nobody_looked_by_the_end_of_grace() {
    let board = board(vec![seed("a", &[])]);
    let changes = board.apply(Event::Ticked(vec![]), at(300));
    assert_eq!(changes.turns[0].1.reason, Some(Reason::NEVER_LOOKED));
}

#[test]
fn a_standing_that_nobody_refreshes_goes_stale_by_itself() {
    let board = board(vec![seed("a", &[])]);
    report(&board, "a", pass(), 0);
    assert_eq!(shown(&board, "a", 129), (Standing::Passing, None));
    assert_eq!(shown(&board, "a", 130), (Standing::Unknown, Some("Stale")));
    report(&board, "a", pass(), 500);
    assert_eq!(shown(&board, "a", 500), (Standing::Passing, None));
}

#[test]
fn a_watched_item_goes_stale_when_its_watch_falls_silent() {
    let watch = Watch::all(Resource::known("", "v1", "pods", "Pod"));
    let watched = Seed { watches: vec![watch.clone()], ..seed("pods", &[]) };
    let board = board(vec![watched]);
    let stream = Stream { watch, up: true, last_heard: Some(at(0)) };
    board.apply(Event::Ticked(vec![stream]), at(140));
    report(&board, "pods", pass(), 140);
    assert_eq!(shown(&board, "pods", 149), (Standing::Passing, None));
    assert_eq!(shown(&board, "pods", 150), (Standing::Unknown, Some("StreamSilent")));
}

#[test]
fn reports_of_an_older_generation_are_refused() {
    let board = board(vec![seed("a", &[])]);
    report(&board, "a", pass(), 1);
    configure(&board, vec![Seed { generation: 2, ..seed("a", &[]) }], 2);
    assert_eq!(shown(&board, "a", 2), (Standing::Pending, None));
    report(&board, "a", fail(), 3);
    assert_eq!(shown(&board, "a", 3), (Standing::Pending, None));
    assert_eq!(board.snapshot().item("a").unwrap().recent.len(), 1, "history is kept");
}

#[test]
fn a_changed_card_keeps_the_standing() {
    let board = board(vec![seed("a", &[])]);
    report(&board, "a", fail(), 1);
    let mut renamed = seed("a", &[]);
    renamed.card.title = "other".to_owned();
    configure(&board, vec![renamed, seed("b", &[])], 2);
    assert_eq!(shown(&board, "a", 2), (Standing::Failing, Some("Refused")));
    assert_eq!(board.snapshot().item("a").unwrap().card.title, "other");
    configure(&board, vec![seed("b", &[])], 3);
    assert!(board.snapshot().item("a").is_none());
}

#[test]
fn failures_are_kept_longer_than_passes() {
    let board = board(vec![seed("a", &[])]);
    report(&board, "a", Obstacle::new(Reason::TIMED_OUT, "silent"), 0);
    for look in 1..100 {
        report(&board, "a", pass(), look * 60);
    }
    let snapshot = board.snapshot();
    let item = snapshot.item("a").unwrap();
    assert!(item.recent.iter().all(|attempt| attempt.verdict == Verdict::Pass));
    assert_eq!(item.failures[0].reason, Some(Reason::TIMED_OUT));
    assert_eq!(item.attempts, [99, 0, 0, 1]);
}

#[test]
fn the_report_that_would_turn_an_item_is_recognised() {
    let board = board(vec![seed("a", &[])]);
    let failing = |judgement: Judgement| Report {
        item: id("a"),
        generation: 1,
        cause: Cause::Scheduled,
        started: at(1),
        took: Duration::ZERO,
        checks: vec![CheckReport { kind: "dns", took: Duration::ZERO, judgement }],
        word: None,
    };
    assert!(board.would_fail(&failing(fail().into()), at(1)));
    assert!(!board.would_fail(&failing(pass().into()), at(1)));
    report(&board, "a", fail(), 1);
    assert!(!board.would_fail(&failing(fail().into()), at(40)), "it fails already");
}

#[test]
fn a_failure_seen_while_the_dependency_breaks_does_not_come_out_when_it_recovers() {
    let board = board(vec![seed("database", &[]), seed("migrations", &["database"])]);
    report(&board, "database", pass(), 1);
    report(&board, "migrations", pass(), 2);
    report(&board, "database", fail(), 40);
    report(&board, "migrations", fail(), 41);
    report(&board, "database", pass(), 80);
    assert_eq!(shown(&board, "migrations", 80), (Standing::Passing, None));
    let snapshot = board.snapshot();
    let turns = &snapshot.item("migrations").unwrap().turns;
    assert!(turns.iter().all(|turn| turn.to != Standing::Failing), "{turns:?}");
}

#[test]
fn a_failure_is_doubted_while_the_dependency_is_about_to_fail() {
    let mut slow = seed("database", &[]);
    slow.damping.fail_after = 2;
    let board = board(vec![slow, seed("migrations", &["database"])]);
    report(&board, "database", pass(), 1);
    report(&board, "migrations", pass(), 2);
    report(&board, "database", fail(), 40);
    report(&board, "migrations", fail(), 41);
    assert_eq!(shown(&board, "migrations", 41), (Standing::Passing, None));
    report(&board, "database", pass(), 70);
    report(&board, "migrations", fail(), 72);
    assert_eq!(shown(&board, "migrations", 72), (Standing::Failing, Some("Refused")));
}

#[test]
fn what_waits_for_a_pending_dependency_goes_stale() {
    let board = board(vec![seed("a", &[]), seed("b", &["a"])]);
    report(&board, "a", pass(), 1);
    report(&board, "b", pass(), 2);
    report(&board, "a", Obstacle::not_yet("no deployment"), 30);
    assert_eq!(shown(&board, "b", 31), (Standing::Passing, None));
    assert_eq!(shown(&board, "b", 400), (Standing::Unknown, Some("Stale")));
}

#[test]
fn old_evidence_is_not_fresh_because_a_dependency_recovered() {
    let board = board(vec![seed("a", &[]), seed("b", &["a"])]);
    report(&board, "a", pass(), 1);
    report(&board, "b", pass(), 2);
    report(&board, "a", fail(), 40);
    report(&board, "a", pass(), 90_000);
    assert_eq!(shown(&board, "b", 90_000).0, Standing::Pending);
}

#[test]
fn another_culprit_is_no_other_standing() {
    let board = board(vec![seed("a", &[]), seed("b", &[]), seed("c", &["a", "b"])]);
    for name in ["a", "b", "c"] {
        report(&board, name, pass(), 1);
    }
    report(&board, "a", fail(), 40);
    report(&board, "b", fail(), 50);
    report(&board, "a", pass(), 80);
    let snapshot = board.snapshot();
    assert_eq!(snapshot.shown(snapshot.item("c").unwrap(), at(80)).since, at(40));
}

#[test]
fn a_clock_that_was_set_back_keeps_no_hung_item_green() {
    let board = board(vec![seed("a", &[])]);
    report(&board, "a", pass(), 100_000);
    board.apply(Event::Ticked(vec![]), at(1000));
    assert_eq!(shown(&board, "a", 1100), (Standing::Passing, None));
    assert_eq!(shown(&board, "a", 1131), (Standing::Unknown, Some("Stale")));
}

fn ticked(board: &Board, second: u64) -> Vec<Pause> {
    board.apply(Event::Ticked(vec![]), at(second));
    board.snapshot().pauses.to_vec()
}

fn paused(from: u64, to: u64) -> Pause {
    Pause { from: at(from), to: at(to) }
}

#[test]
fn a_time_without_a_tick_is_a_pause_and_a_clock_that_was_set_back_makes_none() {
    let board = board(vec![seed("a", &[])]);
    for second in [9_000, 9_001, 9_002, 9_122] {
        assert_eq!(ticked(&board, second), [], "nothing is known of before, and 2 min are none");
    }
    let slept = [paused(9_122, 20_000)];
    for second in [20_000, 20_001, 12_000, 12_001] {
        assert_eq!(ticked(&board, second), slept);
    }
    let (second, third) = (paused(12_001, 12_122), paused(12_122, 12_300));
    assert_eq!(ticked(&board, 12_122), [slept[0], second]);
    assert_eq!(ticked(&board, 12_300), [slept[0], second, third], "the newest last");
}

#[test]
fn pauses_are_bounded_in_number_and_age() {
    const MONTH: u64 = 31 * 86_400;
    let board = board(vec![seed("a", &[])]);
    board.apply(Event::Recalled(vec![], vec![], vec![paused(0, 500)]), at(1_000));
    assert_eq!(ticked(&board, 1_000), [paused(0, 500)]);
    assert_eq!(ticked(&board, 1_300), [paused(0, 500), paused(1_000, 1_300)]);
    for n in 1..=150 {
        ticked(&board, 1_300 + n * 300);
    }
    let pauses = board.snapshot().pauses;
    assert_eq!((pauses.len(), pauses[99]), (pause::MOST, paused(46_000, 46_300)));
    let slept = ticked(&board, 46_300 + MONTH);
    assert_eq!(slept, [paused(46_300, 46_300 + MONTH)], "the others are too old");
}
