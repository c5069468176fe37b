use super::*;
use crate::model::finding::Verdict;

fn now() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

#[test]
fn the_earlier_of_key_and_store_decides_and_a_long_way_between_them_warns() {
    let day = |back: i64| (ago(back * 24 + 12), ago(back * 24 - 12) - SignedDuration::from_secs(1));
    for (hours, dated, taken, warns) in [
        (9, day(0), ago(9), false),
        (9, day(1), ago(12) - SignedDuration::from_secs(1), false),
        (1, day(3), ago(60) - SignedDuration::from_secs(1), true),
        (20, day(0), ago(20), true),
    ] {
        let backup = s3::Backup::made("key", 1, ago(hours), Some(dated));
        assert_eq!(backup.taken(), taken, "written {hours} h ago, dated {dated:?}");
        assert_eq!(dates(&backup).is_some(), warns, "written {hours} h ago, dated {dated:?}");
    }
}

#[test]
fn a_sibling_has_a_while_to_follow_and_is_not_empty() {
    let young = s3::Backup::made("key", 1, now() - SignedDuration::from_mins(14), None);
    let grown = s3::Backup::made("key", 1, now() - SignedDuration::from_mins(15), None);
    let judged = |size, backup| Judgement::from(sibling("s", &Ok(size), backup, now()));
    assert_eq!(judged(None, &young).verdict(), Verdict::Pass);
    assert_eq!(judged(None, &grown).verdict(), Verdict::Fail);
    assert_eq!(judged(Some(0), &grown).reason(), Some(TOO_SMALL));
}
