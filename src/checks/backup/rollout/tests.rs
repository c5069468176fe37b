use super::*;
use crate::model::finding::Verdict;
use crate::model::reason::Reason;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_773_500_000 + hour * 3_600).unwrap()
}

fn check(limits: &str) -> Backup {
    let text = format!(
        "{{ bucket: b, layout: {{ barman: {{ server: pg }} }}, max_age: {{ fail: 50h }}, {limits} }}"
    );
    serde_saphyr::from_str(&text).unwrap()
}

/// Backups that ended at these hours.
fn copies(hours: &[i64]) -> Copies {
    let copy = |hour: &i64| {
        let (at, name) = (at(*hour), hour.to_string());
        Copy { name, taken: at, ended: at, latest: at, size: Some(1), pinned: false }
    };
    Copies::all(hours.iter().map(copy).collect(), 1)
}

fn look(limits: &str, hours: &[i64], began: Option<i64>, now: i64, past: &mut Past) -> Judgement {
    let mut judgement = Judgement::new();
    judge(&check(limits), &copies(hours), began.map(at), past, at(now), &mut judgement);
    past.remember(judgement.samples(), at(now));
    judgement
}

#[test]
fn backups_are_told_by_the_start_of_the_deployment() {
    let (before, after) = ("before_deployment: 12h", "after_deployment: 24h");
    for (limits, hours, began, now, verdict, reason) in [
        (before, &[0, 24][..], Some(30), 40, Verdict::Pass, None),
        (before, &[0, 24], Some(24), 40, Verdict::Pass, None),
        (before, &[0, 24], Some(37), 40, Verdict::Fail, Some(NONE_BEFORE)),
        (before, &[31], Some(30), 40, Verdict::Fail, Some(NONE_BEFORE)),
        (before, &[0], None, 40, Verdict::Unknown, Some(Reason::NO_DEPLOYMENT)),
        (after, &[24, 31], Some(30), 40, Verdict::Pass, None),
        (after, &[24], Some(30), 54, Verdict::Unknown, Some(Reason::NOT_YET)),
        (after, &[24], Some(30), 55, Verdict::Fail, Some(NONE_AFTER)),
        (after, &[24, 58], Some(30), 55, Verdict::Fail, Some(NONE_AFTER)),
    ] {
        let judgement = look(limits, hours, began, now, &mut Past::default());
        let said = (judgement.verdict(), judgement.reason());
        assert_eq!(said, (verdict, reason), "{limits} {hours:?}: {}", judgement.because());
    }
}

#[test]
fn a_backup_that_was_there_before_stays_seen_after_it_is_deleted() {
    let (limits, mut past) = ("before_deployment: 12h, retention: 30d", Past::default());
    assert_eq!(look(limits, &[24], Some(30), 40, &mut past).verdict(), Verdict::Pass);
    for now in (60..2_000).step_by(20) {
        let judgement = look(limits, &[now], Some(30), now, &mut past);
        assert_eq!(judgement.verdict(), Verdict::Pass, "{now}: {}", judgement.because());
    }
    let other = look(limits, &[1_999], Some(1_000), 2_000, &mut past);
    assert_eq!(other.reason(), Some(TOO_LONG_AGO), "{}", other.because());
}

#[test]
fn what_was_not_looked_for_is_not_missing() {
    let mut some = copies(&[50, 74]);
    some.count = None;
    let judged = before(
        &check("before_deployment: 1d"),
        &some,
        at(30),
        Period::from_secs(3_600),
        &Past::default(),
        at(80),
    );
    assert_eq!(Judgement::from(judged).reason(), Some(NOT_LISTABLE));
}
