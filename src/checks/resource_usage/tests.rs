//! Judging, as tables; and that nothing passes for want of a field.

mod room;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::finding::Verdict;
use crate::systems::kubernetes::Table;
use crate::systems::kubernetes::pod::Pod;
use crate::systems::kubernetes::quota::Quota;
use crate::systems::kubernetes::usage::{read_usage, read_volumes};

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn check(parameters: &str) -> ResourceUsage {
    serde_saphyr::from_str(&format!("namespaces: [d]\n{parameters}")).unwrap()
}

fn pod() -> Value {
    json!({
        "metadata": {
            "namespace": "d", "name": "web-1", "creationTimestamp": "2026-11-23T08:00:00Z",
            "ownerReferences": [
                { "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "controller": true },
            ],
        },
        "spec": {
            "nodeName": "n",
            "containers": [{
                "name": "web", "image": "i",
                "resources": { "limits": { "cpu": "1", "memory": "1Gi" } },
            }],
        },
        "status": { "phase": "Running" },
    })
}

fn sample(memory: &str) -> Value {
    json!({
        "metadata": { "namespace": "d", "name": "web-1" },
        "timestamp": "2026-11-23T09:59:50Z", "window": "15s",
        "containers": [{ "name": "web", "usage": { "cpu": "100m", "memory": memory } }],
    })
}

fn volume(available: u64) -> Value {
    json!({
        "name": "data", "time": "2026-11-23T09:59:50Z",
        "capacityBytes": 1000, "availableBytes": available, "usedBytes": 1000 - available,
        "inodes": 100, "inodesUsed": 10, "inodesFree": 90,
        "pvcRef": { "namespace": "d", "name": "data" },
    })
}

fn quota(used: &str) -> Value {
    json!({
        "metadata": { "namespace": "d", "name": "quota" },
        "spec": { "hard": { "pods": "10" } },
        "status": { "hard": { "pods": "10" }, "used": { "pods": used } },
    })
}

fn of_pods(check: &ResourceUsage, pods: &[Value], samples: &[Value]) -> Judgement {
    let mut table = Table::<Pod>::default();
    for pod in pods {
        table.take(&pod.to_string(), &PODS);
    }
    let mut seen = Seen::default();
    seen.pods.take(&table);
    let list = json!({ "items": samples });
    seen.pods.add(read_usage(list.to_string().as_bytes()).unwrap());
    check.judge(&seen, &Past::default(), now())
}

fn of_volume(check: &ResourceUsage, volume: &Value) -> Judgement {
    let summary = json!({ "pods": [{ "volume": [volume] }] });
    let volumes = read_volumes(summary.to_string().as_bytes()).unwrap();
    let seen = Seen { volumes: volumes::fixture::seen(volumes), ..Seen::default() };
    check.judge(&seen, &Past::default(), now())
}

fn of_quota(check: &ResourceUsage, quota: &Value) -> Judgement {
    let mut table = Table::<Quota>::default();
    table.take(&quota.to_string(), &RESOURCE_QUOTAS);
    let mut seen = Seen::default();
    seen.quotas.take(&table);
    check.judge(&seen, &Past::default(), now())
}

fn code(judgement: &Judgement) -> &'static str {
    judgement.reason().map_or("", Reason::code)
}

#[test]
fn the_worst_container_of_any_pod_counts() {
    let other = with(pod(), "/metadata/name", json!("web-2"));
    let high = with(sample("1000Mi"), "/metadata/name", json!("web-2"));
    let judgement = of_pods(&check("memory: {}"), &[pod(), other], &[sample("100Mi"), high]);
    assert_eq!(
        judgement.because(),
        "memory of StatefulSet d/web: container web of pod web-2 uses 1000 MiB of its limit of \
         1024 MiB, 98 %, 90 % allowed"
    );
}

#[test]
fn what_is_not_measured_as_it_should_be_is_unknown() {
    let memory = check("memory: {}\nmax_age: 5m");
    for (sample, wanted) in [
        (sample("100Mi"), ""),
        (with(sample("1Gi"), "/metadata/name", json!("other")), "NoSample"),
        (with(sample("1Gi"), "/containers/0/name", json!("other")), "NoSample"),
        (with(sample("1Gi"), "/containers/0/usage", json!({ "cpu": "1" })), "NoSample"),
        (sample("-1"), "NoSample"),
        (sample("much"), "NoSample"),
        (with(sample("1Gi"), "/timestamp", json!("2026-11-23T09:50:00Z")), "SampleTooOld"),
        (with(sample("1Gi"), "/timestamp", json!("2026-11-23T10:05:00Z")), "ClockSkew"),
        (with(sample("1Gi"), "/timestamp", json!(null)), "Garbled"),
        (with(sample("1Gi"), "/window", json!("10m0s")), "SampleTooOld"),
        (with(sample("1Gi"), "/window", json!("long")), "Garbled"),
    ] {
        let judgement = of_pods(&memory, &[pod()], std::slice::from_ref(&sample));
        assert_eq!(code(&judgement), wanted, "{sample}: {}", judgement.because());
    }
}

#[test]
fn a_container_without_a_limit_is_named() {
    let bare =
        with(pod(), "/spec/containers/0/resources", json!({ "requests": { "memory": "10Mi" } }));
    let judgement = of_pods(&check("memory: {}"), std::slice::from_ref(&bare), &[sample("100Mi")]);
    assert_eq!(
        judgement.because(),
        "memory of StatefulSet d/web: no container has a limit to be compared with; container web \
         has no limit"
    );
    let of_request = check("memory: { of_request: { warn: 200 }, unlimited: fail }");
    assert_eq!(code(&of_pods(&of_request, &[bare], &[sample("100Mi")])), "NoLimit");
    let garbled =
        with(pod(), "/spec/containers/0/resources", json!({ "limits": { "memory": "x" } }));
    assert_eq!(code(&of_pods(&check("memory: {}"), &[garbled], &[sample("1Mi")])), "Garbled");
}

#[test]
fn a_young_pod_need_not_be_measured() {
    let young = |name: &str| {
        let pod = with(pod(), "/metadata/creationTimestamp", json!("2026-11-23T09:59:00Z"));
        with(pod, "/metadata/name", json!(name))
    };
    let memory = check("memory: {}");
    let judgement = of_pods(&memory, &[pod(), young("web-2")], &[sample("1Mi")]);
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert_eq!(code(&of_pods(&memory, &[young("web-2")], &[])), "NotYet");
    assert_eq!(code(&of_pods(&memory, &[], &[])), "NoSample", "nobody is not well");
}

#[test]
fn volumes_are_full_by_what_is_left() {
    let volumes = check("volumes: {}");
    for (volume, wanted) in [
        (volume(500), ""),
        (volume(150), "VolumeNearlyFull"),
        // Blocks kept back for root are used, too.
        (with(volume(50), "/usedBytes", json!(500)), "VolumeNearlyFull"),
        (with(volume(50), "/availableBytes", json!(null)), "VolumeNearlyFull"),
        (with(volume(500), "/inodesUsed", json!(95)), "FewInodes"),
        (with(volume(500), "/inodes", json!(0)), ""),
        (with(volume(500), "/capacityBytes", json!(0)), "Garbled"),
        (with(volume(500), "/capacityBytes", json!(null)), "Garbled"),
        (with(volume(500), "/time", json!(null)), "Garbled"),
        (with(volume(500), "/time", json!("2026-11-23T09:00:00Z")), "SampleTooOld"),
        (with(volume(500), "/pvcRef/namespace", json!("other")), ""),
    ] {
        let judgement = of_volume(&volumes, &volume);
        assert_eq!(code(&judgement), wanted, "{volume}: {}", judgement.because());
    }
}

#[test]
fn quotas_are_compared_by_their_fullest_limit() {
    let quotas = check("quotas: {}");
    for (quota, wanted) in [
        (quota("5"), ""),
        (quota("9"), "QuotaNearlyUsed"),
        (quota("11"), "QuotaNearlyUsed"),
        (quota("9500m"), "QuotaNearlyUsed"),
        (quota("many"), "Garbled"),
        (with(quota("5"), "/spec/hard", json!({ "pods": "10", "cpu": "4" })), "NotCounted"),
        (with(quota("1"), "/spec/hard/pods", json!("0")), "QuotaNearlyUsed"),
        (with(quota("0"), "/spec/hard/pods", json!("0")), ""),
        (with(quota("1"), "/spec/hard/pods", json!("1k")), ""),
    ] {
        let judgement = of_quota(&quotas, &quota);
        assert_eq!(code(&judgement), wanted, "{quota}: {}", judgement.because());
    }
    let expecting = check("quotas: { expect: [other] }");
    assert_eq!(code(&of_quota(&expecting, &quota("5"))), "Missing");
}

#[test]
fn needs_follow_what_is_asked() {
    let rights = |parameters: &str| {
        let Needs { watches, rights, connections, .. } = check(parameters).needs();
        let watched: BTreeSet<_> = watches.iter().map(|watch| watch.resource.name()).collect();
        let rights: Vec<_> =
            rights.iter().map(|right| format!("{} {}", right.verb, right.name())).collect();
        (watched.into_iter().collect::<Vec<_>>().join(" "), rights.join(" "), connections.len())
    };
    let row = |watches: &str, rights: &str, connections| {
        (watches.to_owned(), rights.to_owned(), connections)
    };
    assert_eq!(rights("memory: {}"), row("pods", "list pods.metrics.k8s.io", 0));
    assert_eq!(rights("volumes: {}"), row("pods", "get nodes/proxy", 0));
    assert_eq!(rights("volumes: { from: { prometheus: p } }"), row("", "", 1));
    assert_eq!(rights("quotas: {}"), row("resourcequotas", "", 0));
    assert_eq!(check("").flaws().len(), 1);
    assert_eq!(check("memory: { of_limit: { warn: 90, fail: 80 } }").flaws().len(), 1);
    assert_eq!(check("cpu: { lasting: 1d }").flaws().len(), 1);
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap();
    match name.parse::<usize>() {
        Ok(number) => parent[number] = value,
        Err(_) => parent[name] = value,
    }
    object
}

type Judge = fn(&Value) -> Judgement;

/// Everything in trouble, and how it is judged.
fn troubled() -> Vec<(Value, Judge)> {
    vec![
        (sample("1000Mi"), |sample| {
            of_pods(&check("memory: {}"), &[pod()], std::slice::from_ref(sample))
        }),
        (volume(50), |volume| of_volume(&check("volumes: {}"), volume)),
        (with(volume(500), "/inodesUsed", json!(95)), |volume| {
            of_volume(&check("volumes: {}"), volume)
        }),
        (quota("10"), |quota| of_quota(&check("quotas: {}"), quota)),
    ]
}

/// The paths of all fields; those of inodes apart, which a file system need not have.
fn fields(object: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let mut parts = vec![(String::new(), object)];
    while let Some((place, value)) = parts.pop() {
        let below: Vec<(String, &Value)> = match value {
            Value::Object(fields) => {
                fields.iter().map(|(name, below)| (format!("{place}/{name}"), below)).collect()
            }
            Value::Array(list) => {
                list.iter().enumerate().map(|(n, below)| (format!("{place}/{n}"), below)).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        let told = below.iter().map(|(place, _)| place.clone());
        all.extend(told.filter(|place| !place.starts_with("/inodes")));
        parts.extend(below);
    }
    all
}

#[test]
fn nothing_in_trouble_passes_for_want_of_a_field() {
    for (object, judge) in troubled() {
        assert_ne!(judge(&object).verdict(), Verdict::Pass, "{object}");
        for pointer in fields(&object) {
            let less = with(object.clone(), &pointer, Value::Null);
            assert_ne!(judge(&less).verdict(), Verdict::Pass, "{object} without {pointer}");
        }
    }
}

#[test]
fn what_no_quota_allows_is_told_without_a_share() {
    let none = with(quota("1"), "/spec/hard/pods", json!("0"));
    let judgement = of_quota(&check("quotas: {}"), &none);
    assert_eq!(judgement.because(), "quota d/quota: 1 pods are used, none allowed");
}

#[test]
fn of_a_volume_on_several_nodes_the_fullest_sample_counts() {
    for both in [[volume(500), volume(50)], [volume(50), volume(500)]] {
        let summary = json!({ "pods": [{ "volume": both }] });
        let volumes = read_volumes(summary.to_string().as_bytes()).unwrap();
        let seen = Seen { volumes: volumes::fixture::seen(volumes), ..Seen::default() };
        let judgement = check("volumes: {}").judge(&seen, &Past::default(), now());
        assert_eq!(code(&judgement), "VolumeNearlyFull");
    }
}

#[test]
fn a_volume_is_remembered_even_while_it_is_well() {
    let judgement = of_volume(&check("volumes: {}"), &volume(500));
    let kept: Vec<_> = judgement.samples().iter().filter(|s| !s.measure.exported).collect();
    assert_eq!(kept.len(), 1);
    let old =
        with(volume(500), "/time", json!((now() - SignedDuration::from_hours(1)).to_string()));
    let judgement = of_volume(&check("volumes: {}"), &old);
    assert!(judgement.samples().is_empty(), "what is not believed is not remembered");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_field_of_a_wrong_type_breaks_nothing_and_heals_nothing(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        put in prop_oneof![Just(json!(null)), Just(json!({})), Just(json!([])), Just(json!(true)), Just(json!("x"))],
    ) {
        let troubled = troubled();
        let (object, judge) = which.get(&troubled);
        let fields = fields(object);
        let pointer = place.get(&fields);
        let old = object.pointer(pointer).unwrap();
        let same_type = std::mem::discriminant(old) == std::mem::discriminant(&put);
        let changed = with(object.clone(), pointer, put);
        prop_assert!(same_type || judge(&changed).verdict() != Verdict::Pass, "{} at {}", changed, pointer);
    }
}
