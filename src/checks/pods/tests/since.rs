//! Since when something is so, and owners that can't be read.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_pod_is_pending_since_its_last_init_container_ended() {
    let check = pods("init_within: 30m");
    let ended = |code: i32| {
        let pod =
            shapes::with(with("/status/phase", json!("Pending")), "/status/conditions", json!([]));
        let end = json!({ "exitCode": code, "reason": "x", "finishedAt": at(20).to_string() });
        let status = json!([{ "name": "i", "restartCount": 0, "state": { "terminated": end } }]);
        let creating = json!({ "waiting": { "reason": "ContainerCreating" } });
        let pod = shapes::with(pod, "/status/containerStatuses/0/state", creating);
        shapes::with(pod, "/status/initContainerStatuses", status)
    };
    for (minutes, verdict) in [(21, Verdict::Warn), (25, Verdict::Warn), (26, Verdict::Fail)] {
        let judgement = judged(&check, &ended(0), &Past::default(), at(minutes));
        let said = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(said, (verdict, Some("Pending")), "after {minutes} min");
    }
    assert_eq!(
        judged(&check, &ended(1), &Past::default(), at(21)).verdict(),
        Verdict::Fail,
        "it did not end well"
    );
}

#[test]
fn of_an_owner_that_can_not_be_read_nothing_is_said() {
    let set = || shapes::with(shapes::replica_set(), "/metadata/name", json!("a-1"));
    let set = || shapes::with(set(), "/metadata/namespace", json!("d"));
    for (object, readably) in [
        (set(), true),
        (shapes::with(set(), "/metadata/name", json!("b-1")), true),
        (shapes::with(set(), "/spec", json!(3)), false),
        (without(set(), "/spec/replicas"), false),
        (without(set(), "/metadata/name"), false),
    ] {
        let mut table = Table::<Workload>::default();
        table.take(&object.to_string(), &REPLICA_SETS);
        let read = readable(&table, "d", "a-1", |set| set.missing);
        assert_eq!(read.is_ok(), readably, "{object}");
    }
}

/// Restarted once, after an end for this reason.
fn restarted(reason: &str, minutes: i64) -> Value {
    let end = json!({ "exitCode": 137, "reason": reason, "finishedAt": at(minutes).to_string() });
    let pod = with("/status/containerStatuses/0/restartCount", json!(1));
    shapes::with(pod, "/status/containerStatuses/0/lastState", json!({ "terminated": end }))
}

#[test]
fn what_happened_before_the_window_is_over_and_within_it_is_not() {
    for (pod, minutes, verdict, reason) in [
        (restarted("OOMKilled", 70), 130, Verdict::Fail, Some("OOMKilled")),
        (restarted("OOMKilled", 70), 131, Verdict::Pass, None),
        (restarted("Error", 70), 130, Verdict::Warn, Some("TooManyRestarts")),
        (restarted("Error", 70), 131, Verdict::Pass, None),
    ] {
        assert_eq!(said(&pod, minutes), (verdict, reason), "{pod} after {minutes} min");
    }
}

#[test]
fn a_pod_is_not_ready_since_it_was_and_not_since_it_was_made() {
    let since = json!(at(100).to_string());
    let pod = shapes::with(unready(), "/status/conditions/0/lastTransitionTime", since);
    assert_eq!(said(&pod, 105), (Verdict::Warn, Some("NotReady")));
    assert_eq!(said(&pod, 106), (Verdict::Fail, Some("NotReady")));
}
