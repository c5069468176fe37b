//! Judging, as tables; and that no workload passes by absence.

mod single;

use serde_json::{Value, json};

use super::*;
use crate::model::finding::Verdict;
use crate::systems::kubernetes::shapes::{self, with};

fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    start + jiff::SignedDuration::from_mins(minutes)
}

fn workloads(parameters: &str) -> Workloads {
    serde_saphyr::from_str(&format!("namespaces: [d]\n{parameters}")).unwrap()
}

/// A Deployment of three replicas that is as desired.
fn deployment() -> Value {
    json!({
        "metadata": { "namespace": "d", "name": "web", "generation": 4 },
        "spec": { "replicas": 3 },
        "status": {
            "observedGeneration": 4,
            "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "conditions": [
                { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
            ],
        },
    })
}

fn stateful_set() -> Value {
    json!({
        "metadata": { "namespace": "d", "name": "web", "generation": 4 },
        "spec": { "replicas": 3, "updateStrategy": { "type": "RollingUpdate" } },
        "status": {
            "observedGeneration": 4, "currentRevision": "web-1", "updateRevision": "web-1",
            "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
        },
    })
}

fn daemon_set() -> Value {
    json!({
        "metadata": { "namespace": "d", "name": "web", "generation": 1 },
        "status": {
            "observedGeneration": 1, "desiredNumberScheduled": 3, "currentNumberScheduled": 3,
            "updatedNumberScheduled": 3, "numberReady": 3, "numberAvailable": 3,
        },
    })
}

fn judged(
    check: &Workloads,
    kind: WorkloadKind,
    object: &Value,
    past: &Past,
    now: Timestamp,
) -> Judgement {
    let mut table = Table::default();
    table.take(&object.to_string(), &kind.resource());
    let mut seen = Seen::default();
    seen.workloads.extend(table.records().map(|workload| (kind, Arc::clone(workload))));
    check.note_garbled(&table, &mut seen);
    check.judge(&seen, past, now)
}

fn said(kind: WorkloadKind, object: &Value) -> (Verdict, Option<&'static str>) {
    let judgement = judged(&workloads(""), kind, object, &Past::default(), at(0));
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

#[test]
fn a_workload_is_as_desired_or_says_why_not() {
    use Verdict::{Fail, Pass, Warn};
    use WorkloadKind::{DaemonSet, Deployment, StatefulSet};
    let rolling = (Warn, Some("RollingOut"));
    let status =
        |name: &str, value: i64| with(deployment(), &format!("/status/{name}"), json!(value));
    let partitioned = with(
        stateful_set(),
        "/spec/updateStrategy",
        json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 2 } }),
    );
    let partitioned = with(partitioned, "/status/updateRevision", json!("web-2"));
    for (kind, object, said_of_it) in [
        (Deployment, deployment(), (Pass, None)),
        (StatefulSet, stateful_set(), (Pass, None)),
        (DaemonSet, daemon_set(), (Pass, None)),
        (Deployment, status("observedGeneration", 3), rolling),
        (Deployment, status("updatedReplicas", 2), rolling),
        (Deployment, status("replicas", 4), rolling),
        (
            Deployment,
            with(deployment(), "/status/conditions/0/reason", json!("ReplicaSetUpdated")),
            rolling,
        ),
        (StatefulSet, with(stateful_set(), "/status/updateRevision", json!("web-2")), rolling),
        (StatefulSet, with(partitioned.clone(), "/status/updatedReplicas", json!(1)), (Pass, None)),
        (StatefulSet, with(partitioned, "/status/updatedReplicas", json!(0)), rolling),
        (DaemonSet, with(daemon_set(), "/status/updatedNumberScheduled", json!(1)), rolling),
        (Deployment, status("availableReplicas", 2), (Warn, Some("Unavailable"))),
        (Deployment, status("availableReplicas", 0), (Fail, Some("Unavailable"))),
        (Deployment, with(deployment(), "/spec/replicas", json!(0)), (Fail, Some("ScaledToZero"))),
    ] {
        assert_eq!(said(kind, &object), said_of_it, "{kind} {object}");
    }
}

#[test]
fn a_rollout_fails_after_its_time_and_starts_anew_after_it_was_whole() {
    let check = workloads("rollout_within: 10m");
    let rolling = with(deployment(), "/status/updatedReplicas", json!(1));
    let mut past = Past::default();
    let mut verdicts = Vec::new();
    for (minutes, object) in [
        (0, &rolling),
        (9, &rolling),
        (11, &rolling),
        (12, &deployment()),
        (13, &rolling),
        (22, &rolling),
        (24, &rolling),
    ] {
        let judgement = judged(&check, WorkloadKind::Deployment, object, &past, at(minutes));
        past.remember(judgement.samples(), at(minutes));
        verdicts.push(judgement.verdict().label());
    }
    assert_eq!(verdicts, ["warn", "warn", "fail", "pass", "warn", "warn", "fail"]);
}

#[test]
fn a_running_pod_too_many_fails_though_one_replica_is_desired() {
    let check = workloads("at_most: { web: 3 }");
    let mut seen = Seen::default();
    let mut pods = Table::<Pod>::default();
    for number in 0..4 {
        let pod = json!({
            "metadata": {
                "namespace": "d", "name": format!("web-{number}"),
                "deletionTimestamp": "2026-11-23T10:00:00Z",
                "ownerReferences": [{ "kind": "ReplicaSet", "name": "web-5d8c", "controller": true }],
            },
            "status": { "phase": "Running" },
        });
        pods.take(&pod.to_string(), &PODS);
    }
    check.count_running(&pods, &mut seen);
    let mut table = Table::default();
    table.take(&deployment().to_string(), &WorkloadKind::Deployment.resource());
    let kind = WorkloadKind::Deployment;
    seen.workloads.extend(table.records().map(|workload| (kind, Arc::clone(workload))));
    let judgement = check.judge(&seen, &Past::default(), at(0));
    assert_eq!(judgement.reason().unwrap().code(), "TooMany");
}

#[test]
fn a_pod_of_a_singleton_whose_phase_is_not_told_may_run() {
    let check = workloads("at_most: { web: 1 }");
    let pod = |owner: &str, status: Value| {
        json!({
            "metadata": { "namespace": "d", "name": "x", "ownerReferences": [
                { "kind": "ReplicaSet", "name": owner, "controller": true },
            ] },
            "status": status,
        })
    };
    for (pod, may_run) in [
        (pod("web-5d8c", json!({})), true),
        (pod("web-5d8c", json!({ "phase": "Unknown" })), true),
        (pod("web-5d8c", json!({ "phase": "Succeeded" })), false),
        (pod("api-5d8c", json!({})), false),
    ] {
        let mut pods = Table::<Pod>::default();
        pods.take(&pod.to_string(), &PODS);
        let mut seen = Seen::default();
        check.count_running(&pods, &mut seen);
        assert_eq!(seen.unseen_pods.count() > 0, may_run, "{pod}");
    }
}

#[test]
fn what_is_expected_is_missed_unless_something_can_not_be_seen() {
    let check = workloads("expect: [web, api]\nonly_expected: true");
    let kind = WorkloadKind::Deployment;
    let judgement = judged(&check, kind, &deployment(), &Past::default(), at(0));
    assert_eq!(
        judgement.because(),
        "api: no Deployment or StatefulSet or DaemonSet of this name is there"
    );
    let mut seen = Seen::default();
    seen.unseen.blind(&Watch::all(PODS).within("d"), Obstacle::new(Reason::FORBIDDEN, "no"));
    assert_eq!(check.judge(&seen, &Past::default(), at(0)).reason(), Some(Reason::FORBIDDEN));
}

#[test]
fn blind_or_garbled_pods_and_garbled_strangers_hide_nothing_that_is_missing() {
    let check = workloads("expect: [web]\nonly_expected: true\nat_most: { web: 1 }");
    let mut seen = Seen::default();
    seen.unseen_pods.blind(&Watch::all(PODS).within("d"), Obstacle::new(Reason::FORBIDDEN, "no"));
    let mut pods = Table::<Pod>::default();
    for name in ["other-1", "web-1"] {
        let pod = json!({ "metadata": { "namespace": "d", "name": name }, "spec": 3 });
        pods.take(&pod.to_string(), &PODS);
    }
    check.note_garbled_pods(&pods, &mut seen);
    let judgement = check.judge(&seen, &Past::default(), at(0));
    assert_eq!(judgement.reason(), Some(MISSING), "{}", judgement.because());
    assert_eq!(seen.unseen_pods.count(), 1, "the other belongs to nothing in `at_most`");

    let kind = WorkloadKind::Deployment;
    let mut stranger = with(deployment(), "/metadata/name", json!("stranger"));
    stranger["spec"]["replicas"] = json!("three");
    let mut table = Table::default();
    table.take(&stranger.to_string(), &kind.resource());
    table.take(&deployment().to_string(), &kind.resource());
    let mut seen = Seen::default();
    seen.workloads.extend(table.records().map(|workload| (kind, Arc::clone(workload))));
    check.note_garbled(&table, &mut seen);
    let judgement =
        workloads("expect: [web]\nonly_expected: true").judge(&seen, &Past::default(), at(0));
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    workloads("").note_garbled(&table, &mut seen);
    assert_eq!(workloads("").judge(&seen, &Past::default(), at(0)).reason(), Some(Reason::GARBLED));
}

#[test]
fn each_limit_has_a_clock_of_its_own_and_a_new_generation_starts_both_anew() {
    let check = workloads("rollout_within: 10m\navailable_within: 5m");
    let of = |generation: i64, object: Value| {
        let object = with(object, "/metadata/generation", json!(generation));
        with(object, "/status/observedGeneration", json!(generation))
    };
    let rolling =
        |generation| of(generation, with(deployment(), "/status/updatedReplicas", json!(1)));
    let short =
        |generation| of(generation, with(deployment(), "/status/availableReplicas", json!(2)));
    for (story, said) in [
        (
            vec![(0, rolling(4)), (8, rolling(4)), (9, short(4)), (13, short(4)), (15, short(4))],
            ["warn", "warn", "warn", "warn", "fail"],
        ),
        (
            vec![
                (0, short(4)),
                (11, short(4)),
                (12, rolling(5)),
                (21, rolling(5)),
                (23, rolling(5)),
            ],
            ["warn", "fail", "warn", "warn", "fail"],
        ),
        (
            // Back and forth within a generation forgives nothing.
            vec![(0, rolling(4)), (4, short(4)), (8, rolling(4)), (9, short(4)), (11, rolling(4))],
            ["warn", "warn", "warn", "warn", "fail"],
        ),
        (
            vec![(0, short(4)), (4, short(4)), (5, short(5)), (9, short(5)), (11, short(5))],
            ["warn", "warn", "warn", "warn", "fail"],
        ),
    ] {
        let mut past = Past::default();
        let mut verdicts = Vec::new();
        for (minutes, object) in &story {
            let judgement = judged(&check, WorkloadKind::Deployment, object, &past, at(*minutes));
            past.remember(judgement.samples(), at(*minutes));
            verdicts.push(judgement.verdict().label());
        }
        assert_eq!(verdicts, said, "{story:?}");
    }
}

#[test]
fn a_paused_deployment_warns_and_one_whose_pods_are_refused_says_why() {
    let paused = with(deployment(), "/spec/paused", json!(true));
    let by_condition = with(deployment(), "/status/conditions/0/reason", json!("DeploymentPaused"));
    let by_condition = with(by_condition, "/status/conditions/0/status", json!("Unknown"));
    for object in [&paused, &by_condition] {
        assert_eq!(said(WorkloadKind::Deployment, object), (Verdict::Warn, Some("Paused")));
    }
    let stuck = with(paused, "/status/updatedReplicas", json!(0));
    assert_eq!(said(WorkloadKind::Deployment, &stuck), (Verdict::Warn, Some("RollingOut")));
    let refused = json!({
        "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        "message": "pods \"web-1\" is forbidden: exceeded quota",
    });
    let mut short = with(deployment(), "/status/availableReplicas", json!(2));
    short["status"]["conditions"].as_array_mut().unwrap().push(refused);
    let judgement =
        judged(&workloads(""), WorkloadKind::Deployment, &short, &Past::default(), at(0));
    assert_eq!(
        judgement.because(),
        "Deployment d/web: not whole as of now, 5m allowed: 3 desired, 3 updated, 3 ready, 2 \
         available; the controller says: pods \"web-1\" is forbidden: exceeded quota"
    );
}

/// Workloads that fail or warn, and fields whose absence is itself a statement.
fn troubled() -> Vec<(WorkloadKind, Value, &'static [&'static str])> {
    use WorkloadKind::{DaemonSet, Deployment, StatefulSet};
    let given_up = json!({
        "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
    });
    let partitioned = json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } });
    let partitioned = with(stateful_set(), "/spec/updateStrategy", partitioned);
    vec![
        (Deployment, with(deployment(), "/status/observedGeneration", json!(3)), &[]),
        (Deployment, with(deployment(), "/status/updatedReplicas", json!(2)), &[]),
        (Deployment, with(deployment(), "/status/replicas", json!(4)), &[]),
        (Deployment, with(deployment(), "/status/availableReplicas", json!(2)), &[]),
        (Deployment, with(deployment(), "/status/conditions/0", given_up), &["/status/conditions"]),
        (Deployment, with(deployment(), "/spec/replicas", json!(0)), &[]),
        (Deployment, with(deployment(), "/spec/paused", json!(true)), &["/spec/paused"]),
        (StatefulSet, with(stateful_set(), "/status/updateRevision", json!("web-2")), &[]),
        (StatefulSet, with(stateful_set(), "/status/readyReplicas", json!(1)), &[]),
        (StatefulSet, with(partitioned, "/status/updatedReplicas", json!(1)), &[]),
        (DaemonSet, with(daemon_set(), "/status/numberReady", json!(2)), &[]),
    ]
}

#[test]
fn no_workload_in_trouble_passes_for_a_field_that_is_gone_or_can_not_be_read() {
    for (kind, object, telling) in troubled() {
        shapes::never_passes(&object, telling, |object| said(kind, object).0);
    }
}

#[test]
fn a_limit_that_is_never_judged_is_refused() {
    let flaws = |text: &str| workloads(text).flaws();
    assert_eq!(
        flaws("expect: [web]\nonly_expected: true\nat_most: { cron: 1 }"),
        ["`at_most.cron` is never judged: with `only_expected` it must be under `expect`"]
    );
    assert!(flaws("expect: [cron]\nonly_expected: true\nat_most: { cron: 1 }").is_empty());
    assert!(flaws("expect: [web]\nat_most: { cron: 1 }").is_empty());
}

#[test]
fn a_limit_of_a_workload_that_is_not_there_is_no_limit() {
    let check = workloads("at_most: { corn: 1 }");
    let judgement = check.judge(&Seen::default(), &Past::default(), at(0));
    assert!(judgement.because().contains("corn: no Deployment"), "{}", judgement.because());
    assert_eq!(judgement.reason(), Some(MISSING));
}

#[test]
fn a_rollout_that_its_controller_gave_up_fails_at_once() {
    let given_up = json!({
        "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
        "message": "ReplicaSet \"web-1\" has timed out progressing.",
    });
    let object = with(deployment(), "/status/conditions/0", given_up);
    let said = said(WorkloadKind::Deployment, &object);
    assert_eq!(said, (Verdict::Fail, Some("ProgressDeadlineExceeded")));
}
