//! Judging, as tables; and that no pod passes by absence.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const CREATED: &str = "2026-11-23T10:00:00Z";

fn at(minutes: i64) -> Timestamp {
    let created: Timestamp = CREATED.parse().unwrap();
    created + jiff::SignedDuration::from_mins(minutes)
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
    let mut pod = pod();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    pod.pointer_mut(parent).unwrap()[name] = value;
    pod
}

fn waiting(reason: &str) -> Value {
    with("/status/containerStatuses/0/state", json!({ "waiting": { "reason": reason } }))
}

fn unready() -> Value {
    with("/status/conditions/0/status", json!("False"))
}

fn judged(check: &Pods, object: &Value, past: &Past, now: Timestamp) -> Judgement {
    let mut table = Table::default();
    table.take(&object.to_string(), &PODS);
    let mut seen = Seen::default();
    seen.namespaces.insert("d".into(), Counts::default());
    seen.take(&table);
    check.judge(&seen, past, now)
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
    let crashing = removed(&waiting("CrashLoopBackOff"), since);
    assert_eq!(said(&crashing, 1), (Verdict::Fail, Some("CrashLoopBackOff")));
    let unready = removed(&unready(), since);
    assert_eq!(said(&unready, 60), (Verdict::Unknown, Some("Garbled")));
    let images = judged(&pods("concerns: [images]"), &unready, &Past::default(), at(60));
    assert_eq!(images.verdict(), Verdict::Pass);
    let mut stateless = waiting("CrashLoopBackOff");
    stateless["status"]["containerStatuses"][0]["state"] = json!({});
    let images = judged(&pods("concerns: [images]"), &stateless, &Past::default(), at(60));
    assert_eq!(images.reason(), Some(Reason::GARBLED));
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

/// Pods that fail or warn, and fields whose absence is itself a statement.
fn troubled() -> Vec<(Value, &'static [&'static str])> {
    let gone = with("/metadata/deletionTimestamp", json!(CREATED));
    let mut oom = pod();
    oom["status"]["containerStatuses"][0]["restartCount"] = json!(1);
    oom["status"]["containerStatuses"][0]["lastState"] =
        json!({ "terminated": { "reason": "OOMKilled", "finishedAt": at(50) } });
    let mut evicted = with("/status/phase", json!("Failed"));
    evicted["status"]["reason"] = json!("Evicted");
    let mut crashing = waiting("CrashLoopBackOff");
    crashing["status"]["conditions"][0]["status"] = json!("False");
    let mut waits_in_init = with("/status/phase", json!("Pending"));
    waits_in_init["spec"]["initContainers"] = json!([{ "name": "i" }]);
    waits_in_init["status"]["initContainerStatuses"] = json!([{
        "name": "i", "restartCount": 9, "state": { "waiting": { "reason": "CrashLoopBackOff" } },
    }]);
    vec![
        (unready(), &[]),
        (crashing, &[]),
        (waits_in_init, &[]),
        (evicted, &[]),
        (oom, &[]),
        (with("/status/containerStatuses/0/restartCount", json!(7)), &[]),
        (gone, &["/metadata/deletionTimestamp"]),
    ]
}

/// The pointers of all fields and elements below a value.
fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    let mut below = |name: String, value: &Value| {
        let pointer = format!("{here}/{name}");
        all.push(pointer.clone());
        pointers(value, &pointer, all);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| below(name.clone(), value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, value)| below(number.to_string(), value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn removed(object: &Value, pointer: &str) -> Value {
    let mut object = object.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match object.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(name)),
        Some(Value::Array(items)) => drop(items.remove(name.parse().unwrap())),
        _ => unreachable!("{pointer} exists"),
    }
    object
}

#[test]
fn no_pod_in_trouble_passes_for_want_of_a_field() {
    for (object, telling) in troubled() {
        assert_ne!(said(&object, 59).0, Verdict::Pass, "{object}");
        let mut all = Vec::new();
        pointers(&object, "", &mut all);
        for pointer in all.iter().filter(|pointer| !telling.contains(&pointer.as_str())) {
            let (verdict, reason) = said(&removed(&object, pointer), 59);
            assert_ne!(verdict, Verdict::Pass, "{object} without {pointer}: {reason:?}");
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
        Just(json!([null])),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_field_of_any_value_breaks_nothing_and_heals_nothing(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        put in any_json(),
    ) {
        let troubled = troubled();
        let (object, telling) = which.get(&troubled);
        let mut all = Vec::new();
        pointers(object, "", &mut all);
        let pointer = place.get(&all);
        let mut changed = object.clone();
        let old = changed.pointer(pointer).unwrap().clone();
        let same_type = std::mem::discriminant(&old) == std::mem::discriminant(&put);
        *changed.pointer_mut(pointer).unwrap() = put;
        let (verdict, _) = said(&changed, 59);
        if !same_type && !telling.contains(&pointer.as_str()) {
            prop_assert_ne!(verdict, Verdict::Pass, "{} at {}", changed, pointer);
        }
    }
}
