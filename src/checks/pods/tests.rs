//! Judging, as tables.

mod since;
mod spoiled;

use serde_json::{Value, json};

use super::*;
use crate::systems::kubernetes::shapes::{self, without};

const CREATED: &str = "2026-11-23T10:00:00Z";

fn at(minutes: i64) -> Timestamp {
    let created: Timestamp = CREATED.parse().unwrap();
    created + SignedDuration::from_mins(minutes)
}

fn pods(parameters: &str) -> Pods {
    serde_saphyr::from_str(&format!("namespaces: [d]\n{parameters}")).unwrap()
}

/// A pod of one container that runs and is ready.
fn pod() -> Value {
    json!({
        "metadata": {
            "namespace": "d", "name": "a", "creationTimestamp": CREATED,
            "ownerReferences": [{ "kind": "ReplicaSet", "name": "a-1", "controller": true }],
        },
        "spec": { "containers": [{ "name": "c" }] },
        "status": {
            "phase": "Running",
            "conditions": [
                { "type": "Ready", "status": "True", "lastTransitionTime": CREATED },
            ],
            "containerStatuses": [{
                "name": "c", "ready": true, "restartCount": 0,
                "state": { "running": { "startedAt": CREATED } },
            }],
        },
    })
}

fn with(pointer: &str, value: Value) -> Value {
    shapes::with(pod(), pointer, value)
}

fn waiting(reason: &str) -> Value {
    with("/status/containerStatuses/0/state", json!({ "waiting": { "reason": reason } }))
}

fn unready() -> Value {
    with("/status/conditions/0/status", json!("False"))
}

/// A container that ended, and is not started again.
fn ended(code: i32, reason: &str) -> Value {
    let end = json!({ "exitCode": code, "reason": reason, "finishedAt": CREATED });
    with("/status/containerStatuses/0/state", json!({ "terminated": end }))
}

/// A pod whose init container runs.
fn initializing() -> Value {
    let mut pod = with("/status/phase", json!("Pending"));
    pod["spec"]["initContainers"] = json!([{ "name": "i" }]);
    pod["status"]["initContainerStatuses"] = json!([{
        "name": "i", "restartCount": 0, "state": { "running": { "startedAt": CREATED } },
    }]);
    pod
}

fn seen(object: &Value) -> Seen {
    let mut table = Table::default();
    table.take(&object.to_string(), &PODS);
    let mut seen = Seen::default();
    seen.namespaces.insert("d".into(), Counts::default());
    seen.take(&table);
    seen
}

fn judged(check: &Pods, object: &Value, past: &Past, now: Timestamp) -> Judgement {
    check.judge(&seen(object), past, now)
}

fn said(object: &Value, minutes: i64) -> (Verdict, Option<&'static str>) {
    let judgement = judged(&pods(""), object, &Past::default(), at(minutes));
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

#[test]
fn a_pod_is_judged_by_the_worst_that_can_be_said_of_it() {
    use Verdict::{Fail, Pass, Unknown, Warn};
    let pending = with("/status/phase", json!("Pending"));
    let succeeded = with("/status/phase", json!("Succeeded"));
    let restarted = |times: u32| with("/status/containerStatuses/0/restartCount", json!(times));
    for (object, minutes, verdict, reason) in [
        (pod(), 1, Pass, None),
        (succeeded, 1, Fail, Some("TooFew")),
        (unready(), 5, Warn, Some("NotReady")),
        (unready(), 6, Fail, Some("NotReady")),
        (pending.clone(), 5, Warn, Some("Pending")),
        (pending, 6, Fail, Some("Pending")),
        (waiting("CrashLoopBackOff"), 1, Fail, Some("CrashLoopBackOff")),
        (waiting("ErrImageNeverPull"), 1, Fail, Some("ErrImagePull")),
        (waiting("ContainerCreating"), 1, Pass, None),
        (initializing(), 5, Warn, Some("Initializing")),
        (initializing(), 6, Fail, Some("Initializing")),
        (ended(1, "Error"), 5, Warn, Some("ContainerEnded")),
        (ended(1, "Error"), 6, Fail, Some("ContainerEnded")),
        (ended(0, "Completed"), 6, Pass, None),
        (ended(128, "StartError"), 1, Fail, Some("CreateContainerError")),
        (restarted(3), 1, Warn, Some("TooManyRestarts")),
        (restarted(4), 59, Fail, Some("TooManyRestarts")),
        (restarted(4), 61, Pass, None),
        (with("/status/phase", json!("Unknown")), 1, Fail, Some("NodeLost")),
        (with("/status/phase", json!("Dreaming")), 1, Unknown, Some("Garbled")),
        (with("/metadata/deletionTimestamp", json!(CREATED)), 5, Fail, Some("TooFew")),
        (with("/metadata/deletionTimestamp", json!(CREATED)), 6, Fail, Some("TooFew")),
        (unready(), -3, Unknown, Some("ClockSkew")),
        (json!({}), 1, Unknown, Some("Garbled")),
    ] {
        assert_eq!(said(&object, minutes), (verdict, reason), "{object} after {minutes} min");
    }
}

#[test]
fn ended_pods_are_none_of_the_fewest_unless_none_is_wanted() {
    let ended = with("/status/phase", json!("Succeeded"));
    let judged = |parameters: &str, object: &Value| {
        judged(&pods(parameters), object, &Past::default(), at(1)).reason()
    };
    assert_eq!(judged("", &ended), Some(TOO_FEW));
    assert_eq!(judged("min_count: 0", &ended), None);
    let starting = with("/status/phase", json!("Pending"));
    assert_ne!(judged("", &starting), Some(TOO_FEW));
}

#[test]
fn what_is_missing_hides_nothing_that_fails_and_is_told_where_it_is_of_concern() {
    let since = "/status/conditions/0/lastTransitionTime";
    let crashing = without(waiting("CrashLoopBackOff"), since);
    assert_eq!(said(&crashing, 1), (Verdict::Fail, Some("CrashLoopBackOff")));
    let unready = without(unready(), since);
    assert_eq!(said(&unready, 60), (Verdict::Unknown, Some("Garbled")));
    let images = judged(&pods("concerns: [images]"), &unready, &Past::default(), at(60));
    assert_eq!(images.verdict(), Verdict::Pass);
    let mut stateless = waiting("CrashLoopBackOff");
    stateless["status"]["containerStatuses"][0]["state"] = json!({});
    let images = judged(&pods("concerns: [images]"), &stateless, &Past::default(), at(60));
    assert_eq!(images.reason(), Some(Reason::GARBLED));
}

#[test]
fn the_sentence_names_the_container_how_it_ended_and_what_is_waited_for() {
    let mut crashing = initializing();
    let status = &mut crashing["status"]["initContainerStatuses"][0];
    status["state"] = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off" } });
    status["lastState"] = json!({ "terminated": {
        "exitCode": 3, "reason": "Error", "message": "password=x", "finishedAt": CREATED,
    } });
    let mut gated = unready();
    gated["status"]["conditions"][0]["reason"] = json!("ReadinessGatesNotReady");
    gated["status"]["conditions"][0]["message"] = json!("gate \"registered\" is not there");
    let mut held = with("/metadata/deletionTimestamp", json!(CREATED));
    held["metadata"]["finalizers"] = json!(["example.org/hold"]);
    let mut unplaced = with("/status/phase", json!("Pending"));
    unplaced["status"]["conditions"] = json!([{
        "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
        "message": "Scheduling is blocked",
    }]);
    let runtime = ended(128, "StartError");
    let runtime = shapes::with(
        runtime,
        "/status/containerStatuses/0/state/terminated/message",
        json!("no sh"),
    );
    for (object, sentence) in [
        (
            crashing,
            "d/a: init container i waits: CrashLoopBackOff: back-off; it last ended with exit \
             code 3 (Error)",
        ),
        (
            gated,
            "d/a: not ready for 59m, 5m allowed; ReadinessGatesNotReady: gate \"registered\" is \
             not there",
        ),
        (
            held,
            "d/a: was to be gone 59m ago and is still there, 5m allowed; it waits for \
             example.org/hold",
        ),
        (
            unplaced,
            "d/a: no node has taken it for 59m, 5m allowed; the scheduler says: Scheduling is \
             blocked",
        ),
        (runtime, "d/a: container c can't be started: exit code 128 (StartError): no sh"),
    ] {
        let judgement = judged(&pods("min_count: 0"), &object, &Past::default(), at(59));
        assert_eq!(judgement.because(), sentence);
    }
}

#[test]
fn ages_are_not_judged_where_the_servers_clock_is_an_hour_away() {
    let pending = with("/status/phase", json!("Pending"));
    let gone = with("/metadata/deletionTimestamp", json!(CREATED));
    let reason = |object: &Value, skew: i64| {
        let mut seen = seen(object);
        seen.skew = Some(SignedDuration::from_mins(skew));
        let judgement = pods("min_count: 0").judge(&seen, &Past::default(), at(60));
        judgement.reason().map(Reason::code)
    };
    for object in [&pending, &gone, &unready(), &initializing(), &ended(1, "Error")] {
        assert_eq!(reason(object, -60), Some("ClockSkew"), "{object}");
        assert_eq!(reason(object, 60), Some("ClockSkew"), "{object}");
        assert_ne!(reason(object, 1), Some("ClockSkew"), "{object}");
    }
    assert_eq!(reason(&pod(), -60), None, "nothing hangs on an age");
    assert_eq!(reason(&waiting("CrashLoopBackOff"), -60), Some("CrashLoopBackOff"));
}

/// A Job of a `CronJob`.
fn run_of(cron: &str, name: &str, minutes: i64, status: &str) -> Value {
    json!({
        "metadata": {
            "namespace": "d", "name": name, "creationTimestamp": at(minutes),
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "CronJob", "name": cron, "controller": true,
            }],
        },
        "status": { "conditions": [{ "type": status, "status": "True" }] },
    })
}

#[test]
fn a_failed_run_is_made_good_by_a_newer_one_of_the_same_cron_job() {
    let mut jobs = Table::<Job>::default();
    for job in [
        run_of("purge", "purge-1", 1, "Complete"),
        run_of("purge", "purge-2", 2, "Failed"),
        run_of("mail", "mail-3", 3, "Complete"),
    ] {
        jobs.take(&job.to_string(), &JOBS);
    }
    assert!(jobs.has_succeeded("d", "purge-1"));
    assert!(!jobs.has_succeeded("d", "purge-2"), "the older one and another's do not count");
    assert!(!jobs.has_succeeded("d", "purge-9"), "it is not there");
    jobs.take(&run_of("purge", "purge-4", 4, "Complete").to_string(), &JOBS);
    assert!(jobs.has_succeeded("d", "purge-2"));
}

#[test]
fn a_failed_pod_of_an_owner_that_is_not_watched_warns() {
    let mut object = with("/status/phase", json!("Failed"));
    let owner = &mut object["metadata"]["ownerReferences"][0];
    owner["apiVersion"] = json!("batch.example.org/v1");
    owner["kind"] = json!("Job");
    let check = pods("min_count: 0");
    let judgement = judged(&check, &object, &Past::default(), at(1));
    assert_eq!(judgement.verdict(), Verdict::Warn, "{}", judgement.because());
    let mut table = Table::<Pod>::default();
    table.take(&object.to_string(), &PODS);
    let pod = table.get("d", "a").unwrap();
    let owner = pod.owner.as_ref().unwrap();
    assert!(!owners().iter().any(|known| owner.is_a(known)), "a Job of another group");
}

#[test]
fn an_unchanged_count_is_remembered_a_dozen_times_a_window() {
    let check = pods("");
    let mut object = with("/status/containerStatuses/0/restartCount", json!(2));
    object["status"]["containerStatuses"][0]["lastState"] =
        json!({ "terminated": { "finishedAt": at(0) } });
    let mut past = Past::default();
    let mut points = 0;
    for minutes in 60..120 {
        let judgement = judged(&check, &object, &past, at(minutes));
        points += judgement.samples().iter().filter(|one| one.measure == &RESTARTS).count();
        past.remember(judgement.samples(), at(minutes));
    }
    assert!(points <= 14, "{points}");
}

#[test]
fn restarts_are_counted_over_the_window_that_is_remembered() {
    let check = pods("restarts: { window: 1h, warn_above: 1, fail_above: 2 }");
    let mut past = Past::default();
    let mut reasons = Vec::new();
    // The pod is two hours old; a container ends at 120, 130, 140 min.
    for minutes in [119, 120, 125, 130, 140, 185, 200, 240] {
        let mut ended = [120, 130, 140].into_iter().filter(|end| *end <= minutes);
        let mut object = pod();
        let status = &mut object["status"]["containerStatuses"][0];
        status["restartCount"] = json!(ended.clone().count());
        if let Some(last) = ended.next_back() {
            status["lastState"] = json!({ "terminated": { "finishedAt": at(last) } });
        }
        let judgement = judged(&check, &object, &past, at(minutes));
        past.remember(judgement.samples(), at(minutes));
        reasons.push((minutes, judgement.verdict().label()));
    }
    assert_eq!(
        reasons,
        [
            (119, "pass"),
            (120, "pass"),
            (125, "pass"),
            (130, "warn"),
            (140, "fail"),
            (185, "warn"),
            (200, "pass"),
            (240, "pass"),
        ]
    );
}

#[test]
fn a_concern_that_is_not_asked_for_is_not_judged() {
    let images = pods("concerns: [images]");
    let past = Past::default();
    assert_eq!(judged(&images, &unready(), &past, at(60)).verdict(), Verdict::Pass);
    let stuck = waiting("ImagePullBackOff");
    assert_eq!(judged(&images, &stuck, &past, at(1)).reason().unwrap().code(), "ImagePullBackOff");
}

#[test]
fn ten_thousand_pods_in_trouble_export_a_hundred_rows_and_count_the_others() {
    let mut table = Table::default();
    for number in 0..10_000 {
        let mut object = unready();
        object["metadata"]["name"] = json!(format!("a-{number}"));
        table.take(&object.to_string(), &PODS);
    }
    let mut seen = Seen::default();
    seen.take(&table);
    let judgement = pods("").judge(&seen, &Past::default(), at(60)).capped();
    let rows = judgement.samples().iter().filter(|sample| sample.measure == &PROBLEM).count();
    assert_eq!(rows, MOST_PROBLEMS);
    assert!(judgement.dropped >= 9_900, "{} dropped", judgement.dropped);
}

#[test]
fn parameters_that_contradict_each_other_are_told() {
    assert_eq!(pods("").flaws(), Vec::<String>::new());
    assert_eq!(pods("restarts: { window: 25h }").flaws().len(), 1);
    assert_eq!(pods("restarts: { warn_above: 5 }").flaws().len(), 1);
    assert_eq!(pods("concerns: []").flaws().len(), 1);
}
