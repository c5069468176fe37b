use super::*;
use crate::model::finding::Verdict;
use crate::systems::catalogue::slice::Slice;

fn oplog(slices: &[(i64, i64)], whole: bool) -> Oplog {
    let slices = slices.iter().map(|(start, end)| Slice { start: (*start, 1), end: (*end, 1) });
    Oplog { slices: slices.collect(), whole, newest: None }
}

#[test]
fn slices_go_on_from_the_backup_to_now() {
    let verdict = |slices| Judgement::from(whole(&oplog(slices, true), (100, 0))).verdict();
    assert_eq!(verdict(&[(90, 110), (110, 700)]), Verdict::Pass);
    assert_eq!(verdict(&[(90, 110), (111, 700)]), Verdict::Fail);
    assert_eq!(verdict(&[(101, 110)]), Verdict::Fail);
}

#[test]
fn the_newest_slice_is_held_to_its_limits() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let limits: MaxAge = serde_saphyr::from_str("{ warn: 10m, fail: 20m }").unwrap();
    let judged = |oplog: &Oplog, now| {
        let judgement = Judgement::from(age(limits, at(10_000), oplog, at(now)));
        (judgement.verdict(), judgement.reason())
    };
    let read = oplog(&[], true);
    assert_eq!(judged(&read, 10_600), (Verdict::Pass, None));
    assert_eq!(judged(&read, 10_601), (Verdict::Warn, Some(LOG_TOO_OLD)));
    assert_eq!(judged(&read, 11_201), (Verdict::Fail, Some(LOG_TOO_OLD)));
    assert_eq!(judged(&read, 9_000), (Verdict::Unknown, Some(Reason::CLOCK_SKEW)));
    let part = oplog(&[], false);
    assert_eq!(judged(&part, 10_600), (Verdict::Unknown, Some(NOT_LISTABLE)));
}
