use super::super::cells::tests::answer;
use super::*;
use crate::model::finding::Verdict;

fn judged(in_recovery: bool, rows: &[&[&str]]) -> Judgement {
    let check: Postgres = serde_saphyr::from_str("replication: {}").unwrap();
    let facts = Facts { version: 150_000, in_recovery, superuser: false, sees_all: true };
    let mut judgement = Judgement::new();
    let seen = Seen::read(&answer(rows)).unwrap();
    judge(&check, check.replication.as_ref().unwrap(), facts, &seen, &mut judgement);
    judgement
}

#[test]
fn a_standby_that_has_replayed_all_does_not_lag_however_old_that_is() {
    let judgement = judged(true, &[&["self", "-", "streaming", "0", "86400"]]);
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let judgement = judged(true, &[&["self", "-", "streaming", "10", "86400"]]);
    assert_eq!(judgement.reason(), Some(REPLICATION_LAG), "{}", judgement.because());
}

#[test]
fn a_clock_that_is_behind_is_told() {
    let judgement = judged(true, &[&["self", "-", "streaming", "10", "-200"]]);
    assert_eq!(judgement.reason(), Some(Reason::CLOCK_SKEW));
}

#[test]
fn nothing_that_is_not_told_is_taken_for_good() {
    for row in [
        ["standby", "a", "streaming", "-", "-"],
        ["standby", "a", "-", "-", "-"],
        ["standby", "a", "catchup", "1", "0"],
        ["standby", "a", "backup", "1", "0"],
    ] {
        assert_ne!(judged(false, &[&row]).verdict(), Verdict::Pass, "{row:?}");
    }
    assert_ne!(judged(false, &[]).verdict(), Verdict::Pass, "no standby");
    assert_ne!(judged(true, &[]).verdict(), Verdict::Pass, "no word of itself");
    assert_ne!(judged(true, &[&["self", "-", "-", "0", "0"]]).verdict(), Verdict::Pass);
}
