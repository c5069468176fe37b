//! That no pod passes by absence, and none is too large.

use proptest::prelude::*;

use super::*;

#[test]
fn five_thousand_containers_and_enormous_annotations_are_judged_like_any_others() {
    let status = |number: usize, state: Value| json!({ "name": format!("c-{number}"), "restartCount": u32::MAX, "state": state });
    let running = json!({ "running": { "startedAt": CREATED } });
    let mut object = pod();
    object["metadata"]["annotations"] = json!({ "large": "x".repeat(1 << 20) });
    let names: Vec<_> = (0..5_000).map(|n| json!({ "name": format!("c-{n}") })).collect();
    object["spec"]["containers"] = json!(names);
    let mut all: Vec<_> = (0..5_000).map(|n| status(n, running.clone())).collect();
    object["status"]["containerStatuses"] = json!(all);
    assert_eq!(said(&object, 1), (Verdict::Fail, Some("TooManyRestarts")), "a sum has its limits");
    let waits = json!({ "waiting": { "reason": "ErrImagePull", "message": "m".repeat(1 << 20) } });
    all[4_999] = status(4_999, waits);
    object["status"]["containerStatuses"] = json!(all);
    let judgement = judged(&pods(""), &object, &Past::default(), at(1));
    assert!(judgement.because().starts_with("d/a: container c-4999 waits: ErrImagePull: mmm"));
    assert!(judgement.because().len() < 500, "{}", judgement.because().len());
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
        (initializing(), &[]),
        (ended(1, "Error"), &["/status/containerStatuses/0/state/terminated/exitCode"]),
    ]
}

#[test]
fn no_pod_in_trouble_passes_for_a_field_that_is_gone_or_can_not_be_read() {
    for (object, telling) in troubled() {
        shapes::never_passes(&object, telling, |object| said(object, 59).0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_fields_of_any_value_break_nothing(
        which in any::<prop::sample::Index>(),
        places in any::<[prop::sample::Index; 2]>(),
        odd in any::<[prop::sample::Index; 2]>(),
    ) {
        let (troubled, oddities) = (troubled(), shapes::oddities());
        let (mut object, _) = which.get(&troubled).clone();
        for (place, odd) in places.iter().zip(odd) {
            let pointers = shapes::pointers(&object);
            let pointer = place.get(&pointers);
            *object.pointer_mut(pointer).unwrap() = odd.get(&oddities).clone();
        }
        said(&object, 59);
    }
}
