//! `cron_jobs` against an API server.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vigie::checks::cron_jobs::CronJobs;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::model::reason::Reason;

use super::Provocation;
use crate::kubernetes::{Cluster, now, trouble, until, with};
use crate::support;

const CHECK: &str = "cron_jobs: { namespaces: [shop] }";
const NAMED: &str = "cron_jobs: { namespaces: [shop], jobs: [migrate] }";

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// Runs each minute, and did so just now; with this in its status besides.
pub fn cron_job(succeeded: Option<Timestamp>) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": { "namespace": "shop", "name": "reports" },
        "spec": { "schedule": "* * * * *", "suspend": false, "concurrencyPolicy": "Allow" },
        "status": { "lastScheduleTime": now(), "lastSuccessfulTime": succeeded },
    })
}

fn spec(name: &str, value: Value) -> Value {
    with(cron_job(Some(now())), &format!("/spec/{name}"), value)
}

/// A Job that began just now.
fn job(name: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "namespace": "shop", "name": name },
        "spec": { "backoffLimit": 3 },
        "status": { "startTime": now(), "active": 1 },
    })
}

pub fn ended(name: &str, kind: &str) -> Value {
    let condition = json!([{
        "type": kind, "status": "True", "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit", "lastTransitionTime": now(),
    }]);
    with(with(job(name), "/status/conditions", condition), "/status/completionTime", json!(now()))
}

/// The same as a run of the `CronJob`.
fn run(job: Value) -> Value {
    let owners = json!([{
        "apiVersion": "batch/v1", "kind": "CronJob", "name": "reports", "uid": "1",
        "controller": true,
    }]);
    with(job, "/metadata/ownerReferences", owners)
}

async fn after(minutes: i64, check: &str, objects: impl IntoIterator<Item = Value>) -> Judgement {
    let cluster = Cluster::start().await;
    for object in objects {
        cluster.put(object);
    }
    cluster.advance(minutes);
    cluster.look(check).await
}

async fn of(object: Value) -> Judgement {
    after(0, CHECK, [object]).await
}

/// Minutes after runs began of which none has ended well since `succeeded`.
async fn unsuccessful(succeeded: Option<Timestamp>) -> Judgement {
    let scheduled = now() + SignedDuration::from_secs(270);
    let object = with(cron_job(succeeded), "/status/lastScheduleTime", json!(scheduled));
    let check = "cron_jobs: { namespaces: [shop], runs_within: 1m, late_by: 1m }";
    after(5, check, [object]).await
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { CronJobs:
        "Missing" Fail after(0, CHECK, []);
        "Suspended" Fail of(spec("suspend", json!(true)));
        "Late" Warn after(8, CHECK, [spec("startingDeadlineSeconds", json!(36_000))]);
        "ScheduleMissed" Fail after(8, CHECK, [spec("startingDeadlineSeconds", json!(60))]);
        "NeverSucceeded" Fail unsuccessful(None);
        "SuccessTooOld" Fail unsuccessful(Some(ago(1)));
        "ScheduleUnreadable" Unknown of(spec("timeZone", json!("Mars/Olympus")));
        "JobFailed" Fail after(0, CHECK, [cron_job(Some(now())), run(ended("reports-1", "Failed"))]);
        "JobOverdue" Fail after(61, NAMED, [job("migrate")]);
        "JobNotStarted" Fail after(6, NAMED, [with(job("migrate"), "/status", json!({}))]);
        "JobRetrying" Warn after(1, NAMED, [with(job("migrate"), "/status/failed", json!(2))]);
        "JobRunning" Warn after(1, NAMED, [job("migrate")]);
        "ClockSkew" Unknown after(-60, NAMED, [ended("migrate", "Complete")]);
        "Garbled" Unknown of(spec("suspend", json!("no")));
        "WatchRunning" Unknown trouble::running(CHECK);
        "StreamDown" Unknown trouble::down(CHECK);
        "StreamSilent" Unknown trouble::silent(CHECK);
        "Forbidden" Unknown trouble::forbidden(CHECK);
        "Unauthorized" Unknown trouble::unauthorized(CHECK);
        "KindUnknown" Unknown trouble::kind_unknown(CHECK);
        "NoAccess" Unknown trouble::no_access(CHECK);
    }
}

#[tokio::test]
async fn every_reason_of_cron_jobs_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn what_runs_on_time_passes() {
    let objects = [cron_job(Some(now())), run(ended("reports-1", "Complete"))];
    let judgement = after(0, CHECK, objects).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let rows = judgement.samples().iter().filter(|sample| sample.measure.exported).count();
    assert_eq!(rows, 3, "the last schedule, the last success, active Jobs");
}

#[tokio::test]
async fn no_cron_job_at_all_may_be_expected() {
    let check = "cron_jobs: { namespaces: [shop], expect: [] }";
    let judgement = after(0, check, []).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert_eq!(judgement.because(), "no CronJob is there, and none is expected");
}

#[tokio::test]
async fn each_way_of_a_named_job_is_told_apart() {
    for (objects, verdict, reason) in [
        (vec![ended("migrate", "Complete")], Verdict::Pass, None),
        (vec![ended("migrate", "Failed")], Verdict::Fail, Some("JobFailed")),
        (vec![job("other")], Verdict::Fail, Some("Missing")),
    ] {
        let judgement = after(0, NAMED, objects).await;
        let said = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(said, (verdict, reason), "{}", judgement.because());
    }
}

#[tokio::test]
async fn a_named_job_that_succeeded_may_be_deleted_by_its_time_to_live() {
    let cluster = Cluster::start().await;
    cluster.put(ended("migrate", "Complete"));
    let mut past = Past::default();
    assert_eq!(
        support::look_back(NAMED, &cluster.systems, &mut past).await.verdict(),
        Verdict::Pass
    );
    cluster.remove("jobs/shop/migrate");
    let gone = |judgement: &Judgement| judgement.because().contains("deleted since");
    let judgement =
        until(async || support::look_back(NAMED, &cluster.systems, &mut past).await, gone).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let judgement = cluster.look(NAMED).await;
    assert_eq!(judgement.reason(), Some(Reason::new("Missing")), "whoever never saw it can't tell");
}
