use std::collections::BTreeMap;

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

#[test]
fn each_replica_set_must_have_slices_beyond_the_backup() {
    let metadata = serde_json::json!({
        "name": "a", "type": "logical", "status": "done", "last_transition_ts": 101,
        "last_write_ts": { "T": 100, "I": 1 },
        "replsets": [{ "name": "cfg", "status": "done" }, { "name": "rs0", "status": "done" }],
    });
    let newest = Metadata::read("a", metadata.to_string().as_bytes()).unwrap();
    let check = "{ bucket: b, max_age: { fail: 1d }, layout: { pbm: {} } }";
    let check: Backup = serde_saphyr::from_str(check).unwrap();
    let limits: MaxAge = serde_saphyr::from_str("{ fail: 20m }").unwrap();
    let judged = |of: &[(&str, &[(i64, i64)])]| {
        let sets = of.iter().map(|(name, slices)| ((*name).to_owned(), oplog(slices, true)));
        let sets: BTreeMap<_, _> = sets.collect();
        let oplogs = Ok(Arc::new(Oplogs { sets, requests: 1 }));
        let mut judgement = Judgement::new();
        let now = Timestamp::from_second(700).unwrap();
        judge(&check, limits, &oplogs, &newest, now, &mut judgement);
        (judgement.verdict(), judgement.reason(), judgement.samples().len())
    };
    let on: &[(i64, i64)] = &[(90, 110), (110, 600)];
    assert_eq!(judged(&[("cfg", on), ("rs0", on)]), (Verdict::Pass, None, 1));
    let missing = (Verdict::Fail, Some(LOG_MISSING), 0);
    assert_eq!(judged(&[("cfg", on)]), missing);
    assert_eq!(judged(&[("cfg", on), ("rs0", &[(90, 100)])]), missing);
    assert_eq!(judged(&[("rs1", on), ("rs0", on)]), missing);
}
