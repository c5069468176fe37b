//! Judging, as tables; and that nothing passes by absence.

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::model::finding::Verdict;
use crate::systems::kubernetes::Refused;
use crate::systems::kubernetes::logs::{Log, Trouble};

fn check(parameters: &str) -> PodLogs {
    let text = format!("namespaces: [d]\nworkloads: [api]\n{parameters}");
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn at(minutes: i64) -> Timestamp {
    let created: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    created + SignedDuration::from_mins(minutes)
}

/// A pod that was created at minute 0.
fn pod() -> Arc<Pod> {
    let mut table = Table::<Pod>::default();
    let object = json!({
        "metadata": { "namespace": "d", "name": "api-1", "creationTimestamp": at(0) },
        "spec": { "containers": [{ "name": "api" }] },
        "status": { "phase": "Running", "containerStatuses": [{ "name": "api" }] },
    });
    table.take(&object.to_string(), &PODS);
    let pod = table.records().next().expect("a pod");
    Arc::clone(pod)
}

/// A log that was read to its end, with so many error lines.
fn log(errors: u64) -> Log {
    let source = Source {
        workload: "api".to_owned(),
        pod: pod(),
        container: "api".into(),
        role: Role::Main,
    };
    Log {
        source,
        trouble: None,
        errors,
        heard: true,
        found: false,
        begins: Some(at(0)),
        newest: Some(at(0)),
        behind: false,
        unread: Duration::ZERO,
        left_out: Duration::ZERO,
    }
}

fn judged(check: &PodLogs, logs: Vec<Log>, past: &Past, now: Timestamp) -> Judgement {
    assert_eq!(check.flaws(), Vec::<String>::new());
    let read = Some(Read { totals: BTreeMap::new(), logs });
    check.judged(&Seen { read, ..Seen::default() }, past, now)
}

fn said(judgement: &Judgement) -> (Verdict, &'static str) {
    (judgement.verdict(), judgement.reason().map_or("", Reason::code))
}

const LIMIT: &str = "limit: { warn_above: 1, fail_above: 2 }";

#[test]
fn error_lines_a_minute_are_held_against_the_limit() {
    use Verdict::{Fail, Pass, Warn};
    for (errors, expected) in [
        (0, (Pass, "")),
        (5, (Pass, "")),
        (6, (Warn, "TooManyErrors")),
        (10, (Warn, "TooManyErrors")),
        (11, (Fail, "TooManyErrors")),
    ] {
        // Two containers of one workload count together.
        let logs = vec![log(errors), log(0)];
        let judgement = judged(&check(LIMIT), logs, &Past::default(), at(60));
        assert_eq!(said(&judgement), expected, "{errors}");
    }
    let judgement = judged(&check(LIMIT), vec![log(11)], &Past::default(), at(60));
    assert_eq!(
        judgement.because(),
        "api: 11 error lines in 5m (2.2 a minute) of 1 container, at most 2 a minute allowed"
    );
}

/// A past in which the rate was this at every minute up to `until`.
fn past(rate: f64, minutes: std::ops::Range<i64>) -> Past {
    let mut past = Past::default();
    for minute in minutes {
        past.remember(&[ERROR_RATE.is(rate, ["api"])], at(minute));
    }
    past
}

#[test]
fn error_lines_a_minute_are_held_against_what_is_usual() {
    use Verdict::{Fail, Pass};
    let check = check("baseline: { factor: 3, floor: 1 }");
    for (usual, errors, expected) in [
        (0.0, 5, (Pass, "")),
        (0.0, 6, (Fail, "MoreErrorsThanUsual")),
        (2.0, 30, (Pass, "")),
        (2.0, 31, (Fail, "MoreErrorsThanUsual")),
    ] {
        let judgement = judged(&check, vec![log(errors)], &past(usual, 0..120), at(120));
        assert_eq!(said(&judgement), expected, "{usual} {errors}: {}", judgement.because());
    }
    // The window itself, and an incident shorter than half of the past, are not what is usual.
    let mut long = past(0.0, 0..80);
    for minute in 80..120 {
        long.remember(&[ERROR_RATE.is(100.0, ["api"])], at(minute));
    }
    assert_eq!(judged(&check, vec![log(500)], &long, at(120)).verdict(), Fail);
}

#[test]
fn a_short_past_is_not_compared_and_said() {
    let check = check("baseline: { at_least: 1h }");
    for (minutes, known) in [(0..0, "0s"), (80..120, "35m"), (0..3, "1h 55m")] {
        let judgement = judged(&check, vec![log(500)], &past(0.0, minutes), at(120));
        assert_eq!(judgement.verdict(), Verdict::Pass);
        let told = format!("not compared with what is usual: {known} of 1h are known");
        assert!(judgement.because().ends_with(&told), "{}", judgement.because());
    }
}

#[test]
fn what_was_not_read_is_neither_good_nor_guessed() {
    use Verdict::{Fail, Pass, Unknown};
    let refused = || {
        let obstacle = Obstacle::new(Reason::FORBIDDEN, "403");
        Trouble::Refused(Refused { obstacle, code: Some(403), absent: false })
    };
    let behind = |errors| Log { behind: true, ..log(errors) };
    let gap = |errors| Log { unread: Duration::from_secs(80), ..log(errors) };
    let ahead = Log { newest: Some(at(63)), ..log(0) };
    let trouble = |trouble| Log { trouble: Some(trouble), ..log(0) };
    for (logs, expected) in [
        (vec![], (Unknown, "NoPods")),
        (vec![behind(0)], (Unknown, "NotAllRead")),
        (vec![behind(6)], (Unknown, "NotAllRead")),
        (vec![behind(11)], (Fail, "TooManyErrors")),
        (vec![gap(0), log(0)], (Unknown, "NotAllRead")),
        (vec![log(0), trouble(Trouble::NotItsTurn(false))], (Unknown, "NotAllRead")),
        (vec![log(0), trouble(Trouble::NoTime)], (Unknown, "NotAllRead")),
        (vec![log(0), trouble(Trouble::NotItsTurn(true))], (Pass, "")),
        (vec![log(0), trouble(Trouble::NotStarted)], (Pass, "")),
        (vec![log(0), trouble(Trouble::Gone)], (Pass, "")),
        (vec![trouble(Trouble::NotStarted)], (Unknown, "NotStarted")),
        (vec![trouble(Trouble::Gone)], (Unknown, "NotStarted")),
        (vec![trouble(Trouble::NoLog)], (Unknown, "LogUnreadable")),
        (vec![log(0), trouble(refused())], (Unknown, "Forbidden")),
        (vec![log(11), trouble(refused())], (Fail, "TooManyErrors")),
        (vec![ahead], (Unknown, "ClockSkew")),
    ] {
        let judgement = judged(&check(LIMIT), logs, &Past::default(), at(60));
        assert_eq!(said(&judgement), expected, "{}", judgement.because());
    }
}

#[test]
fn what_is_not_complete_is_not_remembered_as_usual() {
    let rates = |logs| {
        let judgement = judged(&check(LIMIT), logs, &Past::default(), at(60));
        judgement.samples().iter().filter(|sample| sample.measure == &ERROR_RATE).count()
    };
    assert_eq!(rates(vec![log(1)]), 1);
    assert_eq!(rates(vec![Log { behind: true, ..log(1) }]), 0);
    assert_eq!(rates(vec![Log { trouble: Some(Trouble::NoLog), ..log(1) }, log(0)]), 0);
}

#[test]
fn an_empty_log_warns_after_a_while() {
    use Verdict::{Pass, Warn};
    let silent = || Log { heard: false, begins: None, newest: None, ..log(0) };
    for (minutes, logs, expected) in [
        (5, vec![silent()], (Pass, "")),
        (6, vec![silent()], (Warn, "NoLines")),
        (6, vec![log(0)], (Pass, "")),
    ] {
        let judgement = judged(&check(LIMIT), logs, &Past::default(), at(minutes));
        assert_eq!(said(&judgement), expected, "{minutes}");
    }
    let mut init = silent();
    init.source.role = Role::Init;
    assert_eq!(judged(&check(""), vec![init], &Past::default(), at(60)).verdict(), Pass);
}

#[test]
fn an_expected_line_is_missing_only_where_all_was_read() {
    use Verdict::{Fail, Pass, Unknown};
    let check = check("expect: { pattern: consumers started }");
    for (minutes, log, expected) in [
        (60, Log { found: true, ..log(0) }, (Pass, "")),
        (5, log(0), (Pass, "")),
        (6, log(0), (Fail, "LineMissing")),
        (9, Log { begins: Some(at(4)), ..log(0) }, (Pass, "")),
        (10, Log { begins: Some(at(4)), ..log(0) }, (Fail, "LineMissing")),
        (60, Log { heard: false, begins: None, ..log(0) }, (Fail, "LineMissing")),
        (60, Log { behind: true, ..log(0) }, (Unknown, "NotAllRead")),
        (60, Log { begins: Some(at(11)), ..log(0) }, (Unknown, "NotAllRead")),
        (60, Log { begins: None, ..log(0) }, (Unknown, "NotAllRead")),
    ] {
        let judgement = judged(&check, vec![log], &Past::default(), at(minutes));
        assert_eq!(said(&judgement), expected, "{minutes}: {}", judgement.because());
    }
}

#[test]
fn what_can_not_be_meant_is_refused() {
    for (parameters, flaw) in [
        ("window: 2h", "at most 1h"),
        ("limit: {}", "neither"),
        ("limit: { warn_above: 2, fail_above: 1 }", "larger"),
        ("limit: { warn_above: -1 }", "no rate"),
        ("limit: { fail_above: .nan }", "no rate"),
        ("baseline: { factor: 0.5 }", "`factor` of 1"),
        ("baseline: { over: 1h, at_least: 2h }", "no longer"),
    ] {
        let flaws = check(parameters).flaws();
        assert!(flaws.len() == 1 && flaws[0].contains(flaw), "{parameters}: {flaws:?}");
    }
    let none: PodLogs = serde_saphyr::from_str("{ namespaces: [d], workloads: [] }").unwrap();
    assert_eq!(none.flaws().len(), 1);
}
