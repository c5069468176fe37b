//! Judging, as tables; and that nothing passes by absence.

use serde_json::{Value, json};

use super::*;
use crate::model::finding::Verdict::{self, Fail, Pass, Unknown, Warn};
use crate::systems::kubernetes::shapes::{self, with, without};

/// The day on which everything happens, at noon.
const NOON: &str = "2026-11-23T12:00:00Z";

fn at(minutes: i64) -> Timestamp {
    let noon: Timestamp = NOON.parse().unwrap();
    noon + jiff::SignedDuration::from_mins(minutes)
}

fn stamp(minutes: i64) -> Value {
    json!(at(minutes).to_string())
}

fn cron_jobs(parameters: &str) -> CronJobs {
    serde_saphyr::from_str(&format!("namespaces: [d]\n{parameters}")).unwrap()
}

/// Runs each hour; the run of noon has ended well.
fn cron_job() -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {
            "namespace": "d", "name": "reports", "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": { "schedule": "0 * * * *", "suspend": false, "concurrencyPolicy": "Forbid" },
        "status": { "lastScheduleTime": stamp(0), "lastSuccessfulTime": stamp(1) },
    })
}

/// A run of it that began at noon.
fn run(name: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "namespace": "d", "name": name, "creationTimestamp": stamp(0),
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "CronJob", "name": "reports", "controller": true,
            }],
        },
        "spec": { "backoffLimit": 3 },
        "status": { "startTime": stamp(0), "active": 1 },
    })
}

fn ended(name: &str, kind: &str) -> Value {
    let condition = json!([{
        "type": kind, "status": "True", "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit", "lastTransitionTime": stamp(1),
    }]);
    let run = with(run(name), "/status/conditions", condition);
    let run = with(run, "/status/active", Value::Null);
    if kind == "Complete" {
        with(run, "/status/completionTime", stamp(1))
    } else {
        with(run, "/status/failed", json!(4))
    }
}

fn seen(check: &CronJobs, objects: &[Value]) -> Seen {
    let mut cron_jobs = Table::<CronJob>::default();
    let mut jobs = Table::<Job>::default();
    for object in objects {
        // Whatever is mangled, the API serves each kind by itself.
        if object["spec"]["backoffLimit"].is_null() {
            cron_jobs.take(&object.to_string(), &CRON_JOBS);
        } else {
            jobs.take(&object.to_string(), &JOBS);
        }
    }
    seen_in(check, &cron_jobs, &jobs)
}

fn seen_in(check: &CronJobs, cron_jobs: &Table<CronJob>, jobs: &Table<Job>) -> Seen {
    let mut seen = Seen::default();
    check.take(cron_jobs, &mut seen);
    check.take_jobs(jobs, &mut seen);
    seen
}

fn said(parameters: &str, objects: &[Value], minutes: i64) -> (Verdict, Option<&'static str>) {
    let check = cron_jobs(parameters);
    let judgement = check.judge(&seen(&check, objects), &Past::default(), at(minutes));
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

fn spec(name: &str, value: Value) -> Value {
    with(cron_job(), &format!("/spec/{name}"), value)
}

#[test]
fn a_cron_job_is_judged_by_its_schedule() {
    let never = || without(cron_job(), "/status");
    let young = || with(never(), "/metadata/creationTimestamp", stamp(-30));
    let deadline = || spec("startingDeadlineSeconds", json!(1200));
    for (object, minutes, verdict, reason) in [
        (cron_job(), 10, Pass, None),
        (cron_job(), 64, Pass, None),
        (cron_job(), 66, Fail, Some("ScheduleMissed")),
        (deadline(), 66, Warn, Some("Late")),
        (deadline(), 79, Warn, Some("Late")),
        (deadline(), 81, Fail, Some("ScheduleMissed")),
        (spec("suspend", json!(true)), 10, Fail, Some("Suspended")),
        (spec("suspend", json!(true)), 660, Fail, Some("Suspended")),
        (spec("schedule", json!("soon")), 10, Unknown, Some("ScheduleUnreadable")),
        (spec("schedule", json!("0 0 30 2 *")), 10, Unknown, Some("ScheduleUnreadable")),
        (spec("timeZone", json!("Mars/Olympus")), 10, Unknown, Some("ScheduleUnreadable")),
        (spec("timeZone", json!("Asia/Kolkata")), 10, Pass, None),
        (spec("timeZone", json!("Asia/Kolkata")), 36, Fail, Some("ScheduleMissed")),
        (
            with(cron_job(), "/status/lastSuccessfulTime", stamp(-61)),
            10,
            Fail,
            Some("SuccessTooOld"),
        ),
        (with(cron_job(), "/status/lastSuccessfulTime", stamp(-59)), 10, Pass, None),
        (without(cron_job(), "/status/lastSuccessfulTime"), 10, Fail, Some("NeverSucceeded")),
        (never(), 10, Fail, Some("ScheduleMissed")),
        (young(), 4, Pass, None),
        (young(), 6, Fail, Some("ScheduleMissed")),
        (with(young(), "/status", json!({ "lastScheduleTime": stamp(0) })), 10, Pass, None),
        (with(young(), "/metadata/creationTimestamp", stamp(60)), 10, Unknown, Some("ClockSkew")),
        (cron_job(), -60, Unknown, Some("ClockSkew")),
        (spec("suspend", Value::Null), 10, Unknown, Some("Garbled")),
        (spec("schedule", Value::Null), 10, Unknown, Some("Garbled")),
        (spec("suspend", json!("no")), 10, Unknown, Some("Garbled")),
    ] {
        assert_eq!(said("", std::slice::from_ref(&object), minutes), (verdict, reason), "{object}");
    }
    let may = "may_be_suspended: [reports]";
    assert_eq!(said(may, &[spec("suspend", json!(true))], 660), (Pass, None));
    assert_eq!(said("timezone: Asia/Kolkata", &[cron_job()], 36), (Fail, Some("ScheduleMissed")));
}

#[test]
fn a_schedule_that_counts_from_the_run_before_is_judged_from_there() {
    let every = |minutes: i64| {
        with(spec("schedule", json!("@every 30m")), "/status/lastScheduleTime", stamp(minutes))
    };
    assert_eq!(said("", &[every(0)], 34), (Pass, None));
    assert_eq!(said("", &[every(0)], 36), (Fail, Some("ScheduleMissed")));
    let old = with(every(60), "/status/lastSuccessfulTime", stamp(-60));
    assert_eq!(said("runs_within: 10m", std::slice::from_ref(&old), 70), (Pass, None));
    assert_eq!(said("runs_within: 10m", &[old], 76), (Fail, Some("SuccessTooOld")));
}

#[test]
fn runs_are_judged_by_how_they_end_and_how_long_they_take() {
    let created = |object, minutes| with(object, "/metadata/creationTimestamp", stamp(minutes));
    let skewed = with(created(run("reports-1"), 0), "/status/startTime", stamp(30));
    let retrying = with(run("reports-1"), "/status/failed", json!(1));
    for (runs, minutes, verdict, reason) in [
        (vec![ended("reports-1", "Complete")], 10, Pass, None),
        (vec![run("reports-1")], 10, Pass, None),
        (vec![run("reports-1")], 61, Fail, Some("JobOverdue")),
        (vec![with(run("reports-1"), "/spec/activeDeadlineSeconds", json!(300))], 5, Pass, None),
        (vec![with(run("reports-1"), "/spec/activeDeadlineSeconds", json!(300))], 6, Pass, None),
        (
            vec![with(run("reports-1"), "/spec/activeDeadlineSeconds", json!(300))],
            7,
            Fail,
            Some("JobOverdue"),
        ),
        (vec![without(run("reports-1"), "/status")], 4, Pass, None),
        (vec![without(run("reports-1"), "/status")], 6, Fail, Some("JobNotStarted")),
        (vec![retrying], 10, Warn, Some("JobRetrying")),
        (vec![ended("reports-1", "Failed")], 10, Fail, Some("JobFailed")),
        (
            vec![ended("reports-1", "Failed"), created(run("reports-2"), 5)],
            10,
            Fail,
            Some("JobFailed"),
        ),
        (
            vec![ended("reports-1", "Failed"), created(ended("reports-2", "Complete"), 5)],
            10,
            Pass,
            None,
        ),
        (
            vec![created(ended("reports-1", "Failed"), -60), ended("reports-2", "Complete")],
            10,
            Pass,
            None,
        ),
        (vec![skewed], 10, Unknown, Some("ClockSkew")),
        (vec![with(run("reports-1"), "/status", json!(3))], 10, Unknown, Some("Garbled")),
    ] {
        let objects: Vec<Value> = std::iter::once(cron_job()).chain(runs).collect();
        assert_eq!(said("", &objects, minutes), (verdict, reason), "{objects:?} at {minutes}");
    }
    let silent = without(cron_job(), "/status/lastSuccessfulTime");
    let by_job = [silent, ended("reports-1", "Complete")];
    assert_eq!(said("", &by_job, 10), (Pass, None), "the Job itself tells of its success");
}

#[test]
fn a_run_that_failed_is_outlived_by_a_success_whose_job_is_gone() {
    let failed = ended("reports-1", "Failed");
    for (success, verdict, reason) in
        [(2, Pass, None), (0, Fail, Some("JobFailed")), (1, Fail, Some("JobFailed"))]
    {
        let object = with(cron_job(), "/status/lastSuccessfulTime", stamp(success));
        assert_eq!(said("", &[object, failed.clone()], 10), (verdict, reason), "{success}");
    }
    let untold = without(failed.clone(), "/status/conditions/0/lastTransitionTime");
    let object = with(cron_job(), "/status/lastSuccessfulTime", stamp(5));
    assert_eq!(said("", &[object, untold], 10), (Fail, Some("JobFailed")));
}

#[test]
fn a_run_that_waits_for_the_one_before_it_is_late_and_not_missed() {
    let runs = json!([{ "kind": "Job", "namespace": "d", "name": "reports-1" }]);
    let busy = with(cron_job(), "/status/active", runs);
    let allow = with(busy.clone(), "/spec/concurrencyPolicy", json!("Allow"));
    let long = "runs_within: 2h";
    assert_eq!(said(long, &[busy.clone(), run("reports-1")], 66), (Warn, Some("Late")));
    assert_eq!(said("", &[busy, run("reports-1")], 66), (Fail, Some("JobOverdue")));
    assert_eq!(said(long, &[allow, run("reports-1")], 66), (Fail, Some("ScheduleMissed")));
    assert_eq!(said(long, &[cron_job(), run("reports-1")], 66), (Fail, Some("ScheduleMissed")));
}

#[test]
fn a_run_that_began_late_has_its_time_all_the_same() {
    let object = with(cron_job(), "/status/lastSuccessfulTime", stamp(-60));
    let daily = with(object, "/spec/schedule", json!("0 12 * * *"));
    let began = |minutes| with(run("reports-1"), "/status/startTime", stamp(minutes));
    for (run, minutes, verdict, reason) in [
        (began(50), 70, Pass, None),
        (began(50), 111, Fail, Some("JobOverdue")),
        (began(-50), 9, Pass, None),
    ] {
        assert_eq!(said("", &[daily.clone(), run], minutes), (verdict, reason), "at {minutes}");
    }
    let said = said("", &[daily, began(-1)], 66);
    assert_eq!(said, (Fail, Some("JobOverdue")), "a run from before it was due is another");
}

#[test]
fn a_named_job_must_have_succeeded() {
    let bare = |object: Value| without(object.clone(), "/metadata/ownerReferences");
    let suspended = with(bare(run("migrate")), "/spec/suspend", json!(true));
    for (job, minutes, verdict, reason) in [
        (bare(ended("migrate", "Complete")), 10, Pass, None),
        (without(bare(ended("migrate", "Complete")), "/status/completionTime"), 10, Pass, None),
        (bare(ended("migrate", "Complete")), -60, Unknown, Some("ClockSkew")),
        (bare(ended("migrate", "Failed")), 10, Fail, Some("JobFailed")),
        (bare(run("migrate")), 10, Warn, Some("JobRunning")),
        (bare(run("migrate")), 61, Fail, Some("JobOverdue")),
        (without(bare(run("migrate")), "/status"), 1, Warn, Some("JobRunning")),
        (without(bare(run("migrate")), "/status"), 6, Fail, Some("JobNotStarted")),
        (suspended, 10, Fail, Some("Suspended")),
        (bare(run("other")), 10, Fail, Some("Missing")),
        (with(bare(run("migrate")), "/status", json!(3)), 10, Unknown, Some("Garbled")),
    ] {
        let said = said("jobs: [migrate]", std::slice::from_ref(&job), minutes);
        assert_eq!(said, (verdict, reason), "{job} at {minutes}");
    }
}

#[test]
fn a_named_job_that_was_seen_to_succeed_may_be_deleted() {
    for namespaces in ["[d]", "all"] {
        let check: CronJobs =
            serde_saphyr::from_str(&format!("namespaces: {namespaces}\njobs: [migrate]")).unwrap();
        let mut past = Past::default();
        let mut look = |objects: &[Value], minutes: i64| {
            let judgement = check.judge(&seen(&check, objects), &past, at(minutes));
            past.remember(judgement.samples(), at(minutes));
            (judgement.verdict(), judgement.because())
        };
        assert_eq!(look(&[], 0).0, Fail);
        assert_eq!(look(&[ended("migrate", "Complete")], 2).0, Pass);
        for minutes in [10, 1000, 2000, 3000] {
            let (verdict, because) = look(&[], minutes);
            assert_eq!(verdict, Pass, "{because}");
            assert!(because.ends_with("ago, and was deleted since"), "{because}");
        }
        assert_eq!(look(&[ended("migrate", "Failed")], 3010).0, Fail, "a new one of that name");
    }
}

#[test]
fn none_is_enough_where_none_is_expected_and_nowhere_else() {
    for (parameters, verdict, reason) in [
        ("", Fail, Some("Missing")),
        ("expect: []", Pass, None),
        ("expect: [reports]", Fail, Some("Missing")),
        ("jobs: [migrate]", Fail, Some("Missing")),
    ] {
        assert_eq!(said(parameters, &[], 0), (verdict, reason), "{parameters}");
    }
    let suspended = spec("suspend", json!(true));
    assert_eq!(said("expect: []", std::slice::from_ref(&suspended), 0), (Fail, Some("Suspended")));
    let migrated = ended("migrate", "Complete");
    let jobs_alone = "expect: []\nonly_expected: true\njobs: [migrate]";
    assert_eq!(said(jobs_alone, &[suspended, migrated], 10), (Pass, None));
    assert!(cron_jobs(jobs_alone).flaws().is_empty());
    let flaw = "`only_expected` needs names under `expect` or `jobs`";
    assert_eq!(cron_jobs("only_expected: true").flaws(), [flaw]);
}

#[test]
fn a_named_job_is_not_missed_where_jobs_can_not_be_seen() {
    let check = cron_jobs("jobs: [migrate]");
    let mut seen = seen(&check, &[]);
    seen.unseen_jobs.blind(&Watch::all(JOBS).within("d"), Obstacle::new(Reason::FORBIDDEN, "no"));
    let judgement = check.judge(&seen, &Past::default(), at(10));
    assert_eq!((judgement.verdict(), judgement.reason()), (Unknown, Some(Reason::FORBIDDEN)));
}

#[test]
fn blind_jobs_hide_no_suspended_cron_job_and_let_nothing_pass() {
    let check = cron_jobs("");
    for (object, verdict) in [(cron_job(), Unknown), (spec("suspend", json!(true)), Fail)] {
        let mut seen = seen(&check, &[object]);
        seen.unseen_jobs
            .blind(&Watch::all(JOBS).within("d"), Obstacle::new(Reason::FORBIDDEN, "no"));
        assert_eq!(check.judge(&seen, &Past::default(), at(10)).verdict(), verdict);
    }
}

#[test]
fn no_cron_job_in_trouble_passes_for_want_of_a_field_or_for_one_of_a_wrong_type() {
    for (trouble, minutes) in [
        (spec("suspend", json!(true)), 10),
        (cron_job(), 66),
        (with(cron_job(), "/status/lastSuccessfulTime", stamp(-61)), 10),
        (spec("schedule", json!("soon")), 10),
    ] {
        holds("", &trouble, &[], minutes, &[]);
    }
}

#[test]
fn no_run_in_trouble_passes_for_want_of_a_field_or_for_one_of_a_wrong_type() {
    // A Job that nobody controls is no run; failed pods that are not told are none.
    let telling = ["/metadata/ownerReferences", "/status/failed"];
    for (trouble, minutes) in [
        (ended("reports-1", "Failed"), 10),
        (run("reports-1"), 66),
        (without(run("reports-1"), "/status"), 10),
    ] {
        let others = [cron_job()];
        holds("late_by: 9m", &trouble, &others, minutes, &telling);
        holds("jobs: [reports-1]", &trouble, &[], minutes, &[]);
    }
}

/// In trouble it is, and remains.
fn holds(parameters: &str, trouble: &Value, others: &[Value], minutes: i64, telling: &[&str]) {
    let check = cron_jobs(parameters);
    let verdict = |object: &Value| {
        let mut cron_jobs = Table::<CronJob>::default();
        let mut jobs = Table::<Job>::default();
        for other in others {
            cron_jobs.take(&other.to_string(), &CRON_JOBS);
        }
        if trouble["kind"] == "Job" {
            jobs.take(&object.to_string(), &JOBS);
        } else {
            cron_jobs.take(&object.to_string(), &CRON_JOBS);
        }
        let seen = seen_in(&check, &cron_jobs, &jobs);
        check.judge(&seen, &Past::default(), at(minutes)).verdict()
    };
    shapes::never_passes(trouble, telling, verdict);
}
