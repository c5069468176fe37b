//! Acts on a small board: what they change of what is shown, and how they end.

use std::time::Duration;

use super::*;
use crate::board::{Board, Changes, Event, Layout, Seed};
use crate::model::acts::terms::{Terms, Validity};
use crate::model::deployment::Announcement;
use crate::model::finding::{Finding, Obstacle};
use crate::model::item::{Card, Mode, Severity};
use crate::model::judgement::{Answer, Judgement};
use crate::model::reason::Reason;
use crate::model::report::{Cause, CheckReport, Report};
use crate::model::schedule::{Damping, Schedule, later};
use crate::model::standing::Shown;

const OLD: Reason = Reason::new("BackupTooOld");
const GONE: Reason = Reason::new("BucketMissing");

fn at(second: u64) -> Timestamp {
    later(Timestamp::UNIX_EPOCH, Duration::from_secs(1_000_000 + second))
}

fn id(text: &str) -> ItemId {
    ItemId::parse(text).unwrap()
}

/// A board with the item `backup` in the section `backups`.
fn board() -> Board {
    let board = Board::default();
    configure(&board, None, Some(Duration::from_hours(1)));
    board
}

/// Per deployment, with an hour for it.
const PER_DEPLOYMENT: Terms = Terms {
    valid: Validity::Deployment,
    warn_before: Duration::ZERO,
    within: Duration::from_hours(1),
};

/// On these terms; neither asks for a new look.
fn configure(board: &Board, terms: Option<Terms>, waivable_for: Option<Duration>) {
    let seed = Seed {
        card: Card {
            id: id("backup"),
            title: "Backup".to_owned(),
            section: id("backups"),
            group: None,
            severity: Severity::Critical,
            mode: Mode::Auto,
            kinds: vec!["backup"],
            runbook_url: None,
            boxes: vec![],
        },
        schedule: Schedule::Every(Duration::from_hours(24)),
        timeout: Duration::from_secs(10),
        damping: Damping {
            fail_after: 1,
            recover_after: 1,
            unknown_after: 1,
            confirm_every: Duration::ZERO,
            grace: Duration::from_secs(60),
        },
        depends_on: vec![],
        watches: vec![],
        limits: vec![],
        parameters: Arc::default(),
        terms,
        waivable_for,
        applies: true,
        generation: 1,
        fingerprint: [1; 32],
        remembered: None,
    };
    let (environment, sections) = ("test".to_owned(), Arc::from([]));
    let layout = Layout { environment, sections, items: vec![seed], maintenance: vec![] };
    board.apply(Event::Configured(layout), at(0));
}

fn say(
    board: &Board,
    answers: impl IntoIterator<Item = impl Into<Answer>>,
    second: u64,
) -> Changes {
    let mut judgement = Judgement::new();
    for answer in answers {
        judgement.add("", answer);
    }
    let report = Report {
        item: id("backup"),
        generation: 1,
        cause: Cause::Scheduled,
        started: at(second),
        took: Duration::ZERO,
        checks: vec![CheckReport { kind: "backup", took: Duration::ZERO, judgement }],
        word: None,
    };
    board.apply(Event::Reported(report), at(second))
}

fn fail(reason: Reason) -> Finding {
    Finding::fail(reason, "as the test says")
}

fn shown(board: &Board, second: u64) -> Shown {
    let snapshot = board.snapshot();
    snapshot.shown(snapshot.item("backup").unwrap(), at(second))
}

fn waive(board: &Board, reasons: &[Reason], second: u64, until: u64) {
    let waiver = Waiver {
        id: format!("waiver-{second}"),
        item: id("backup"),
        who: "Jo".to_owned(),
        token: "jo".to_owned(),
        at: at(second),
        until: at(until),
        reasons: reasons.iter().map(ToString::to_string).collect(),
        why: "the store moves".to_owned(),
        ended: None,
    };
    board.apply(Event::Acted(Act::Waiver(waiver)), at(second));
}

fn ended(changes: &Changes) -> Vec<EndedBy> {
    let ended = |act: &Act| match act {
        Act::Waiver(waiver) => waiver.ended.clone().map(|ended| ended.by),
        Act::Attestation(_) | Act::Maintenance(_) => None,
    };
    changes.acts.iter().filter_map(ended).collect()
}

#[test]
fn a_waiver_covers_its_reasons_and_no_other() {
    let board = board();
    say(&board, [fail(OLD)], 1);
    waive(&board, &[OLD], 2, 100);
    let waived = shown(&board, 3);
    assert_eq!(
        (waived.standing, waived.reason, waived.since),
        (Standing::Waived, Some(OLD), at(2))
    );
    assert!(waived.because.starts_with("waived by Jo until"), "{}", waived.because);
    say(&board, [fail(GONE)], 4);
    assert_eq!(
        (shown(&board, 5).standing, shown(&board, 5).reason),
        (Standing::Failing, Some(GONE))
    );
    say(&board, [fail(OLD)], 6);
    assert_eq!(shown(&board, 7).standing, Standing::Waived);
}

#[test]
fn another_line_that_fails_shows_through_a_waiver() {
    let board = board();
    say(&board, [fail(OLD), fail(GONE)], 1);
    waive(&board, &[OLD], 2, 100);
    assert_eq!(
        (shown(&board, 3).standing, shown(&board, 3).reason),
        (Standing::Failing, Some(GONE))
    );
    waive(&board, &[GONE], 4, 100);
    assert_eq!(shown(&board, 5).standing, Standing::Waived, "two waivers cover two reasons");
}

#[test]
fn a_waiver_ends_with_its_time_or_with_the_first_recovery() {
    let lapsing = board();
    say(&lapsing, [fail(OLD)], 1);
    waive(&lapsing, &[OLD], 2, 50);
    let changes = lapsing.apply(Event::Ticked(vec![]), at(50));
    assert_eq!(ended(&changes), [EndedBy::Lapse]);
    assert_eq!(shown(&lapsing, 50).standing, Standing::Failing);
    assert_eq!(changes.turns.len(), 1, "who is told of turns is told of it");

    let recovering = board();
    say(&recovering, [fail(OLD)], 1);
    waive(&recovering, &[OLD], 2, 1_000);
    assert_eq!(ended(&say(&recovering, [Finding::pass("fresh")], 3)), [EndedBy::Recovery]);
    say(&recovering, [fail(OLD)], 4);
    assert_eq!(shown(&recovering, 5).standing, Standing::Failing, "it has ended for good");
}

#[test]
fn maintenance_covers_its_sections_while_it_lasts() {
    let board = board();
    say(&board, [fail(OLD)], 1);
    let declare = |section: &str, second: u64| {
        let span = Maintenance {
            id: section.to_owned(),
            who: Some("Jo".to_owned()),
            token: Some("jo".to_owned()),
            at: at(second),
            from: at(10),
            until: at(20),
            sections: vec![id(section)],
            why: "upgrade".to_owned(),
            ended: None,
        };
        board.apply(Event::Acted(Act::Maintenance(span)), at(second));
    };
    declare("others", 2);
    assert_eq!(shown(&board, 15).standing, Standing::Failing);
    declare("backups", 3);
    assert_eq!(shown(&board, 9).standing, Standing::Failing);
    assert_eq!(shown(&board, 10).standing, Standing::Waived);
    assert!(shown(&board, 10).because.starts_with("under maintenance by Jo until"));
    assert_eq!(shown(&board, 20).standing, Standing::Failing);
    say(&board, [Finding::pass("fresh")], 12);
    assert_eq!(shown(&board, 13).standing, Standing::Passing, "what holds needs no excuse");
    say(&board, [Obstacle::new(Reason::REFUSED, "the port refused the connection")], 14);
    let blind = shown(&board, 15);
    assert_eq!((blind.standing, blind.reason), (Standing::Waived, Some(Reason::REFUSED)));
    assert_eq!(shown(&board, 20).standing, Standing::Unknown, "nobody has seen it since");
}

#[test]
fn a_waiver_counts_on_the_present_terms_alone() {
    let board = board();
    say(&board, [fail(OLD)], 1);
    waive(&board, &[OLD], 2, 3_000);
    assert_eq!(shown(&board, 1_000).standing, Standing::Waived);
    configure(&board, None, Some(Duration::from_secs(500)));
    assert_eq!(shown(&board, 501).standing, Standing::Waived);
    assert_eq!(shown(&board, 502).standing, Standing::Failing, "it is capped");
    configure(&board, None, None);
    assert_eq!(shown(&board, 3).standing, Standing::Failing, "it can't be waived any more");
}

#[test]
fn a_waiver_of_a_clock_that_was_ahead_covers_nothing() {
    let board = board();
    say(&board, [fail(OLD)], 1);
    waive(&board, &[OLD], 5_000, 6_000);
    assert_eq!(shown(&board, 2).standing, Standing::Failing);
    assert_eq!(shown(&board, 5_001).standing, Standing::Waived, "its time has come");
}

fn word(board: &Board, name: &str, second: u64) {
    let attestation = Attestation {
        id: name.to_owned(),
        item: id("backup"),
        who: "Jo".to_owned(),
        token: "jo".to_owned(),
        at: at(second),
        covers: Covers::NextDeployment,
        note: None,
        link: None,
        ended: None,
    };
    board.apply(Event::Acted(Act::Attestation(attestation)), at(second));
}

/// A rollout that began then, and is announced later; its id, and how many words it took.
fn announce(board: &Board, version: &str, started: u64, second: u64) -> (String, usize) {
    let announcement = Announcement {
        version: version.to_owned(),
        who: "Jo".to_owned(),
        environment: None,
        started: Some(at(started)),
        migration: None,
        ticket: None,
        notes: None,
    };
    let changes = board.apply(Event::Announced(announcement, "jo".to_owned()), at(second));
    (changes.announced.unwrap().id.clone(), changes.acts.len())
}

fn covers(board: &Board, name: &str) -> Covers {
    let snapshot = board.snapshot();
    let words = &snapshot.item("backup").unwrap().attestations;
    words.iter().find(|word| word.id == name).unwrap().covers.clone()
}

#[test]
fn the_next_deployment_takes_the_words_that_wait_for_it() {
    let board = board();
    configure(&board, Some(PER_DEPLOYMENT), None);
    word(&board, "first", 1);
    let (one, taken) = announce(&board, "1", 2, 2);
    assert_eq!(taken, 1);
    word(&board, "second", 3);
    assert_eq!(covers(&board, "first"), Covers::Deployment(one.clone()));
    assert_eq!(covers(&board, "second"), Covers::NextDeployment);
    let (two, _) = announce(&board, "2", 4, 4);
    assert_eq!(covers(&board, "first"), Covers::Deployment(one));
    assert_eq!(covers(&board, "second"), Covers::Deployment(two));
}

#[test]
fn a_rollout_that_began_before_a_word_does_not_take_it_however_late_it_is_announced() {
    let board = board();
    configure(&board, Some(PER_DEPLOYMENT), None);
    word(&board, "word", 1_000);
    announce(&board, "long before", 800, 1_010);
    assert_eq!(covers(&board, "word"), Covers::NextDeployment);
    let (slow, _) = announce(&board, "by a slow clock", 950, 1_020);
    assert_eq!(covers(&board, "word"), Covers::Deployment(slow));
}

#[test]
fn a_word_does_not_wait_for_a_deployment_for_ever() {
    let board = board();
    configure(&board, Some(PER_DEPLOYMENT), None);
    word(&board, "word", 1_000);
    announce(&board, "too late", 4_601, 4_601);
    assert_eq!(covers(&board, "word"), Covers::NextDeployment);
}
