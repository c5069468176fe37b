use super::*;
use crate::model::finding::Verdict;
use crate::model::reason::Reason;
use crate::systems::catalogue::archive::Archive;
use crate::systems::catalogue::segment::SegmentSize;

const SIZE: u64 = 16 << 20;

fn now() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

fn segment(number: u64) -> Segment {
    SegmentSize::new(SIZE).unwrap().segment(1, number)
}

/// The log with these segments, all archived ten minutes ago.
fn wals(numbers: &[u64]) -> Wals {
    let mut archive = Archive::new(SegmentSize::new(SIZE).unwrap());
    for number in numbers {
        let written = now() - SignedDuration::from_mins(10);
        archive.add(&segment(*number).to_string(), SIZE, written);
    }
    let newest = archive.newest();
    Wals { archive, whole: true, newest, newest_key: None, history: None, requests: 1 }
}

fn said(wals: &Wals, young: bool) -> (Verdict, Option<Reason>) {
    let judgement = Judgement::from(gaps(wals, segment(4), segment(6), young));
    (judgement.verdict(), judgement.reason())
}

#[test]
fn what_a_backup_needs_must_be_there_and_what_was_not_read_is_not_judged() {
    assert_eq!(said(&wals(&[4, 5, 6, 7]), false), (Verdict::Pass, None));
    assert_eq!(said(&wals(&[4, 6, 7]), false), (Verdict::Fail, Some(LOG_GAP)));
    assert_eq!(said(&wals(&[5, 6, 7]), false), (Verdict::Fail, Some(LOG_GAP)));
    assert_eq!(said(&wals(&[4, 5]), false), (Verdict::Fail, Some(LOG_GAP)));
    assert_eq!(said(&wals(&[4, 5]), true), (Verdict::Pass, None), "its end may follow");
    let part = |numbers| Wals { whole: false, ..wals(numbers) };
    assert_eq!(said(&part(&[4, 5]), false), (Verdict::Unknown, Some(NOT_LISTABLE)));
    assert_eq!(said(&part(&[4, 6]), false), (Verdict::Fail, Some(LOG_GAP)));
}

#[test]
fn a_history_that_is_missing_fails_and_one_that_is_not_read_is_unknown() {
    let with = |history| Wals { history: Some(history), ..wals(&[4, 5, 6]) };
    assert_eq!(said(&with(History::Absent), false).1, Some(HISTORY_MISSING));
    let unread = History::Unread(Unread::Compressed);
    assert_eq!(said(&with(unread), false), (Verdict::Unknown, Some(HISTORY_UNREADABLE)));
}

#[test]
fn the_age_of_the_newest_segment_is_held_to_its_limits() {
    let text = |age: &str| {
        let text =
            format!("{{ bucket: b, layout: {{ barman: {{ server: pg, log_age: {age} }} }} }}");
        serde_saphyr::from_str::<Backup>(&text).unwrap()
    };
    for (limits, verdict, reason) in [
        ("{ fail: 10m }", Verdict::Pass, None),
        ("{ warn: 9m, fail: 10m }", Verdict::Warn, Some(LOG_TOO_OLD)),
        ("{ fail: 9m }", Verdict::Fail, Some(LOG_TOO_OLD)),
    ] {
        let check = text(limits);
        let super::super::Layout::Barman(layout) = &check.layout else { panic!() };
        let judgement = Judgement::from(age(&check, layout.log_age, &wals(&[4]), now()));
        assert_eq!((judgement.verdict(), judgement.reason()), (verdict, reason), "{limits}");
    }
    let check = text("{ fail: 1h }");
    let judged =
        |wals: &Wals, now| Judgement::from(age(&check, LogAge::default(), wals, now)).reason();
    assert_eq!(judged(&wals(&[]), now()), Some(LOG_MISSING));
    let untold = Wals { whole: false, ..wals(&[]) };
    assert_eq!(judged(&untold, now()), Some(NOT_LISTABLE));
    let early = now() - SignedDuration::from_mins(13);
    assert_eq!(judged(&wals(&[4]), early), Some(Reason::CLOCK_SKEW));
}
