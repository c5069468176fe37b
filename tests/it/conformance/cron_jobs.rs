//! `cron_jobs`, wherever it looks.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{now, with};

pub const CASES: &[Case] = cases! {
    "a CronJob that runs on time passes until it is gone" => comings_and_goings;
    "a suspended CronJob fails until it goes on" => suspended;
    "a late run warns, one whose deadline is over fails" => late;
    "a run that failed fails until the next ends well" => failed_run;
    "a named Job warns while it runs, and passes once it succeeded" => named;
    "a named Job that failed fails" => named_failed;
    "without the right to see CronJobs nothing is said" => forbidden;
    "without the right to see Jobs their runs are left open" => forbidden_jobs;
};

fn check(ground: &Ground) -> String {
    format!("cron_jobs: {{ namespaces: [{}] }}", ground.namespace())
}

fn with_named(ground: &Ground) -> String {
    format!("cron_jobs: {{ namespaces: [{}], jobs: [migrate] }}", ground.namespace())
}

fn job_spec() -> Value {
    let container = json!({ "name": "run", "image": "registry.example/run:1" });
    json!({
        "backoffLimit": 3,
        "template": { "spec": { "restartPolicy": "Never", "containers": [container] } },
    })
}

/// Runs each minute, and did so by then.
fn cron_job(then: Timestamp) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "reports" },
        "spec": {
            "schedule": "* * * * *", "suspend": false, "concurrencyPolicy": "Allow",
            "startingDeadlineSeconds": 36_000, "jobTemplate": { "spec": job_spec() },
        },
        "status": { "lastScheduleTime": then, "lastSuccessfulTime": then },
    })
}

/// A Job that began just now.
fn job(name: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name }, "spec": job_spec(),
        "status": { "startTime": now(), "active": 1 },
    })
}

fn condition(kind: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": "True", "reason": reason, "message": message,
        "lastProbeTime": now(), "lastTransitionTime": now(),
    })
}

fn succeeded(mut job: Value) -> Value {
    let message = "Reached expected number of succeeded pods";
    let all = ["SuccessCriteriaMet", "Complete"].map(|kind| condition(kind, "Reached", message));
    job["status"] = json!({
        "startTime": job["status"]["startTime"], "completionTime": now(), "succeeded": 1,
        "conditions": all,
    });
    job
}

fn failed(mut job: Value) -> Value {
    let message = "Job has reached the specified backoff limit";
    let all =
        ["FailureTarget", "Failed"].map(|kind| condition(kind, "BackoffLimitExceeded", message));
    job["status"] = json!({
        "startTime": job["status"]["startTime"], "failed": 4, "conditions": all,
    });
    job
}

/// The same as a run of the `CronJob`.
fn run(job: Value) -> Value {
    let owners = json!([{
        "apiVersion": "batch/v1", "kind": "CronJob", "name": "reports", "uid": "1",
        "controller": true,
    }]);
    with(job, "/metadata/ownerReferences", owners)
}

async fn comings_and_goings(ground: &Ground) {
    let check = check(ground);
    ground.fails(&check, "Missing").await;
    ground.put(cron_job(now())).await;
    ground.passes(&check).await;
    ground.remove(&cron_job(now())).await;
    ground.fails(&check, "Missing").await;
}

async fn suspended(ground: &Ground) {
    let check = check(ground);
    ground.put(with(cron_job(now()), "/spec/suspend", json!(true))).await;
    ground.fails(&check, "Suspended").await;
    ground.put(cron_job(now())).await;
    ground.passes(&check).await;
}

async fn late(ground: &Ground) {
    let check = check(ground);
    ground.put(cron_job(now())).await;
    ground.passes(&check).await;
    ground.advance(8);
    ground.warns(&check, "Late").await;
    let short = with(cron_job(now()), "/spec/startingDeadlineSeconds", json!(60));
    ground.put(short).await;
    ground.fails(&check, "ScheduleMissed").await;
    ground.put(cron_job(now() + SignedDuration::from_mins(8))).await;
    ground.passes(&check).await;
}

async fn failed_run(ground: &Ground) {
    let check = check(ground);
    ground.put(cron_job(now())).await;
    let made = ground.put(run(job("reports-1"))).await;
    ground.passes(&check).await;
    ground.put(failed(made)).await;
    ground.fails(&check, "JobFailed").await;
    ground.remove(&job("reports-1")).await;
    let made = ground.put(run(job("reports-2"))).await;
    ground.put(succeeded(made)).await;
    ground.passes(&check).await;
}

async fn named(ground: &Ground) {
    let check = with_named(ground);
    ground.fails(&check, "Missing").await;
    let made = ground.put(job("migrate")).await;
    ground.warns(&check, "JobRunning").await;
    ground.put(succeeded(made)).await;
    ground.passes(&check).await;
}

async fn named_failed(ground: &Ground) {
    let made = ground.put(job("migrate")).await;
    ground.put(failed(made)).await;
    ground.fails(&with_named(ground), "JobFailed").await;
}

async fn forbidden(ground: &Ground) {
    ground.put(cron_job(now())).await;
    ground.lacks(&check(ground), "cronjobs.batch").await;
}

async fn forbidden_jobs(ground: &Ground) {
    ground.put(with(cron_job(now()), "/spec/suspend", json!(true))).await;
    let judgement = ground.lacks(&check(ground), "jobs.batch").await;
    let code = judgement.reason().map(vigie::model::reason::Reason::code);
    assert_eq!(code, Some("Suspended"), "{}", judgement.because());
}
