//! Acts on a small board: what they change of what is shown, and how they end.

use std::time::Duration;

use super::*;
use crate::board::{Board, Changes, Event, Layout, Seed};
use crate::model::deployment::Announcement;
use crate::model::finding::Finding;
use crate::model::item::{Card, Mode, Severity};
use crate::model::judgement::Judgement;
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
        terms: None,
        waivable_for: None,
        applies: true,
        generation: 1,
        fingerprint: [1; 32],
        remembered: None,
    };
    let (environment, sections) = ("test".to_owned(), Arc::from([]));
    let layout = Layout { environment, sections, items: vec![seed], maintenance: vec![] };
    let board = Board::default();
    board.apply(Event::Configured(layout), at(0));
    board
}

fn say(board: &Board, findings: impl IntoIterator<Item = Finding>, second: u64) -> Changes {
    let mut judgement = Judgement::new();
    for finding in findings {
        judgement.add("", finding);
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
}

#[test]
fn the_next_deployment_takes_the_words_that_wait_for_it() {
    let board = board();
    let word = |name: &str, second: u64| {
        let attestation = Attestation {
            id: name.to_owned(),
            item: id("backup"),
            who: "Jo".to_owned(),
            token: "jo".to_owned(),
            at: at(second),
            covers: Covers::NextDeployment,
            note: None,
            link: None,
        };
        board.apply(Event::Acted(Act::Attestation(attestation)), at(second));
    };
    let announce = |version: &str, second: u64| {
        let announcement = Announcement {
            version: version.to_owned(),
            who: "Jo".to_owned(),
            environment: None,
            started: Some(at(second)),
            migration: None,
            ticket: None,
            notes: None,
        };
        let changes = board.apply(Event::Announced(announcement, "jo".to_owned()), at(second));
        (changes.announced.unwrap().id.clone(), changes.acts.len())
    };
    word("first", 1);
    let (one, taken) = announce("1", 2);
    assert_eq!(taken, 1);
    word("second", 3);
    let covers = |name: &str| {
        let snapshot = board.snapshot();
        let words = &snapshot.item("backup").unwrap().attestations;
        words.iter().find(|word| word.id == name).unwrap().covers.clone()
    };
    assert_eq!(covers("first"), Covers::Deployment(one.clone()));
    assert_eq!(covers("second"), Covers::NextDeployment);
    let (two, _) = announce("2", 4);
    assert_eq!(covers("first"), Covers::Deployment(one));
    assert_eq!(covers("second"), Covers::Deployment(two));
}
