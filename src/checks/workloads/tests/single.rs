//! A look that is the only one, or the first: how long something lasts, only the API server can tell.

use super::*;

/// The same with what its controller says of its availability or of its rollout.
fn told(object: Value, condition: Value) -> Value {
    let mut object = object;
    object["status"]["conditions"].as_array_mut().unwrap().push(condition);
    object
}

fn unavailable_since(minutes: i64) -> Value {
    json!({ "type": "Available", "status": "False", "lastTransitionTime": at(minutes) })
}

fn moved(minutes: i64) -> Value {
    json!({
        "type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
        "lastTransitionTime": at(-900), "lastUpdateTime": at(minutes),
    })
}

#[test]
fn a_single_look_knows_of_what_lasts_only_what_the_controller_tells() {
    let short = with(deployment(), "/status/availableReplicas", json!(2));
    let rolling = |condition| {
        let object = with(deployment(), "/status/updatedReplicas", json!(1));
        with(object, "/status/conditions/0", condition)
    };
    let none = with(short.clone(), "/status/availableReplicas", json!(0));
    let available = json!({ "type": "Available", "status": "True", "lastTransitionTime": at(-60) });
    let unseen = with(rolling(moved(-60)), "/metadata/generation", json!(5));
    let (fails, unknown) = ("fail", "unknown");
    for (object, daemon, single, because) in [
        (told(short.clone(), unavailable_since(-60)), fails, fails, "not whole for at least 1h,"),
        (told(short.clone(), unavailable_since(-4)), "warn", unknown, "not whole for at least 4m,"),
        (
            told(short.clone(), unavailable_since(60)),
            "warn",
            unknown,
            "a single look does not tell",
        ),
        (told(short.clone(), available), "warn", unknown, "a single look does not tell"),
        (
            short,
            "warn",
            unknown,
            "not whole for a time that a single look does not tell, 5m allowed",
        ),
        (none, fails, fails, "0 available"),
        (rolling(moved(-11)), fails, fails, "a rollout is under way for at least 11m,"),
        (rolling(moved(-9)), "warn", unknown, "a rollout is under way for at least 9m,"),
        (unseen, "warn", unknown, "the controller has not seen the newest version for a time"),
        (deployment(), "pass", "pass", "3 available"),
    ] {
        let check = workloads("");
        let said = |past: &Past| judged(&check, WorkloadKind::Deployment, &object, past, at(0));
        let alone = said(&Past::of_a_single_look());
        let verdicts = [said(&Past::default()).verdict().label(), alone.verdict().label()];
        assert_eq!(verdicts, [daemon, single], "{object}");
        assert!(alone.because().contains(because), "{}", alone.because());
    }
    for (kind, object, path) in [
        (WorkloadKind::StatefulSet, stateful_set(), "/status/readyReplicas"),
        (WorkloadKind::DaemonSet, daemon_set(), "/status/numberReady"),
    ] {
        let object = with(object, path, json!(2));
        let judgement = judged(&workloads(""), kind, &object, &Past::of_a_single_look(), at(0));
        assert_eq!(judgement.reason(), Some(Reason::new("SinceUnknown")), "{kind}");
    }
}

#[test]
fn a_first_look_claims_no_more_than_it_knows() {
    let short = with(deployment(), "/status/availableReplicas", json!(2));
    let rolling = with(deployment(), "/status/updatedReplicas", json!(1));
    let moved = with(rolling.clone(), "/status/conditions/0", moved(-9));
    for (object, because) in [
        (short.clone(), "not whole as of now, 5m allowed"),
        (told(short, unavailable_since(-4)), "not whole for at least 4m, 5m allowed"),
        (rolling, "a rollout is under way as of now, 10m allowed"),
        // The controller tells when the rollout last moved: it began at some time before.
        (moved, "a rollout is under way for at least 9m, 10m allowed"),
    ] {
        let check = workloads("");
        let first = judged(&check, WorkloadKind::Deployment, &object, &Past::default(), at(0));
        assert!(first.because().contains(because), "{because}: {}", first.because());
    }
}
