use jiff::SignedDuration;

use super::*;
use crate::checks::Check;
use crate::checks::backup::copies::Copy;
use crate::model::finding::Verdict;

fn now() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn check(limits: &str) -> Backup {
    let text = format!(
        "{{ connection: a, bucket: b, layout: {{ objects: {{ keys: \"%F\" }} }}, {limits} }}"
    );
    serde_saphyr::from_str(&text).unwrap()
}

/// Backups so many hours old, each with its size.
fn seen(backups: &[(i64, u64)], count: Option<u64>) -> Copies {
    let made = |(hours, size): &(i64, u64)| {
        let at = ago(*hours);
        let name = hours.to_string();
        Copy { name, taken: at, ended: at, latest: at, size: Some(*size), pinned: false }
    };
    let newest: Vec<_> = backups.iter().map(made).collect();
    let oldest = count.and(newest.last().cloned());
    Copies { newest, oldest, count, requests: 3 }
}

fn judged(check: &Backup, copies: &Copies) -> Judgement {
    let mut judgement = Judgement::new();
    judge(check, copies, now(), &mut judgement);
    judgement
}

#[test]
fn limits_are_held_to_their_words() {
    let few = seen(&[(5, 100), (29, 100)], Some(2));
    let many = seen(&[(5, 100), (29, 100)], None);
    let odd = seen(&[(5, 201), (29, 100), (53, 100), (77, 90)], Some(4));
    let three = seen(&[(5, 999), (29, 100), (53, 100)], Some(3));
    for (limits, seen, verdict, reason) in [
        ("max_age: { warn: 5h, fail: 6h }", &few, Verdict::Pass, None),
        ("max_age: { warn: 4h, fail: 6h }", &few, Verdict::Warn, Some(TOO_OLD)),
        ("max_age: { fail: 5h }", &few, Verdict::Pass, None),
        ("max_age: { fail: 4h }", &few, Verdict::Fail, Some(TOO_OLD)),
        ("min_count: 2", &many, Verdict::Pass, None),
        ("min_count: 3", &many, Verdict::Unknown, Some(NOT_LISTABLE)),
        ("min_count: 3", &few, Verdict::Fail, Some(TOO_FEW)),
        ("retention: 1d", &few, Verdict::Pass, None),
        ("retention: 5h", &few, Verdict::Pass, None),
        ("retention: 4h", &few, Verdict::Fail, Some(RETENTION_OVERRUN)),
        ("retention: 1d", &many, Verdict::Unknown, Some(NOT_LISTABLE)),
        ("retention: 30d, period: 6h", &few, Verdict::Warn, Some(TOO_FEW)),
        ("redundancy: 2", &few, Verdict::Pass, None),
        ("redundancy: 2", &three, Verdict::Pass, None),
        ("redundancy: 2", &odd, Verdict::Fail, Some(RETENTION_OVERRUN)),
        ("redundancy: 7", &few, Verdict::Pass, None),
        ("redundancy: 7, period: 6h", &few, Verdict::Warn, Some(TOO_FEW)),
        ("redundancy: 2", &many, Verdict::Unknown, Some(NOT_LISTABLE)),
        ("size_factor: 2.0", &odd, Verdict::Warn, Some(SIZE_ODD)),
        ("size_factor: 2.1", &odd, Verdict::Pass, None),
        ("size_factor: 2.0", &three, Verdict::Pass, None),
        ("min_size: 101 B", &few, Verdict::Fail, Some(TOO_SMALL)),
    ] {
        let judgement = judged(&check(limits), seen);
        let said = judgement.because();
        assert_eq!(
            (judgement.verdict(), judgement.reason()),
            (verdict, reason),
            "{limits}: {said}"
        );
    }
}

#[test]
fn what_is_kept_on_request_overruns_nothing() {
    let mut all = seen(&[(5, 100), (29, 100), (9_000, 100)], Some(3)).newest;
    all[2].pinned = true;
    let copies = Copies::all(all, 3);
    let judgement = judged(&check("retention: 2d, redundancy: 2"), &copies);
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let overrun = judged(&check("retention: 1h, period: 1h"), &copies);
    assert!(overrun.because().contains("2 are older"), "{}", overrun.because());
}

#[test]
fn an_empty_backup_is_too_small_whatever_the_limits() {
    let judgement = judged(&check(""), &seen(&[(5, 0), (29, 0)], Some(2)));
    assert_eq!(judgement.reason(), Some(TOO_SMALL), "{}", judgement.because());
}

#[test]
fn a_size_that_nobody_tells_passes_no_limit() {
    let mut copies = seen(&[(5, 9)], Some(1));
    copies.newest[0].size = None;
    assert_eq!(judged(&check(""), &copies).verdict(), Verdict::Pass);
    assert_eq!(judged(&check("min_size: 1 B"), &copies).reason(), Some(NOT_LISTABLE));
}

#[test]
fn how_old_the_newest_may_be_must_be_said_and_the_store_need_not() {
    let flaws = check("max_age: { warn: 26h }").flaws();
    assert!(flaws.iter().any(|flaw| flaw.contains("max_age: { fail: 50h }")), "{flaws:?}");
    let layout = "{ bucket: b, layout: { objects: { keys: '%F' } }, max_age: { fail: 50h } }";
    let check: Backup = serde_saphyr::from_str(layout).unwrap();
    assert_eq!(check.flaws(), Vec::<String>::new());
    assert_eq!(check.needs().hosts, ["s3.default"]);
}

#[test]
fn parameters_that_do_not_fit_together_are_told() {
    let barman = "layout: { barman: { server: pg } }";
    let percona = "percona_mongodb: { namespace: n, cluster: c, storage: s }";
    for (text, flaw) in [
        ("layout: { barman: { server: a/b } }".to_owned(), "without a slash"),
        ("layout: { barman: { server: pg, log_age: { warn: 2h } } }".to_owned(), "`log_age`"),
        ("layout: { pbm: { oplog_age: { warn: 2h } } }".to_owned(), "no `fail`"),
        (format!("{barman}, prefix: a"), "end it with a slash"),
        (format!("{barman}, redundancy: 0"), "`redundancy`"),
        (format!("{barman}, custom_resource: {{ {percona} }}"), "layout `pbm`"),
    ] {
        let text = format!("{{ bucket: b, max_age: {{ fail: 50h }}, {text} }}");
        let check: Backup = serde_saphyr::from_str(&text).unwrap();
        let flaws = check.flaws();
        assert!(flaws.len() == 1 && flaws[0].contains(flaw), "{text}: {flaws:?}");
    }
}

#[test]
fn a_backup_of_the_future_hides_nothing_and_proves_nothing() {
    let mut backups = vec![(-24, 100), (60, 100)];
    let check = check("max_age: { fail: 50h }");
    let judgement = judged(&check, &seen(&backups, Some(2)));
    assert_eq!(judgement.reason(), Some(TOO_OLD), "{}", judgement.because());
    backups.pop();
    let judgement = judged(&check, &seen(&backups, Some(1)));
    assert_eq!(judgement.reason(), Some(Reason::CLOCK_SKEW), "{}", judgement.because());
}
