//! Judging, as tables; and that no node passes by absence.

use serde_json::{Value, json};

use super::*;
use crate::model::finding::Verdict::{self, Fail, Pass, Unknown, Warn};
use crate::systems::kubernetes::shapes::{self, with, without};

const SINCE: &str = "2026-11-23T10:00:00Z";

fn at(minutes: i64) -> Timestamp {
    let since: Timestamp = SINCE.parse().unwrap();
    since + jiff::SignedDuration::from_mins(minutes)
}

fn nodes(parameters: &str) -> Nodes {
    let parameters = if parameters.is_empty() { "{}" } else { parameters };
    serde_saphyr::from_str(parameters).unwrap_or_else(|e| panic!("{parameters}: {e}"))
}

fn condition(kind: &str, status: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": "KubeletSays", "message": "so it is",
        "lastHeartbeatTime": SINCE, "lastTransitionTime": SINCE,
    })
}

/// A node of 4 cores, 16 GiB and 10 pods.
fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name },
        "spec": { "podCIDR": "10.0.0.0/24" },
        "status": {
            "allocatable": { "cpu": "4", "memory": "16Gi", "pods": "10", "ephemeral-storage": "1Ti" },
            "conditions": [
                condition("MemoryPressure", "False"),
                condition("DiskPressure", "False"),
                condition("PIDPressure", "False"),
                condition("Ready", "True"),
            ],
        },
    })
}

fn pod(namespace: &str, name: &str, node: &str, cpu: &str, memory: &str) -> Value {
    json!({
        "metadata": { "namespace": namespace, "name": name, "creationTimestamp": SINCE },
        "spec": {
            "nodeName": node,
            "containers": [{
                "name": "c", "resources": { "requests": { "cpu": cpu, "memory": memory } },
            }],
        },
        "status": { "phase": "Running" },
    })
}

fn judged_with(check: &Nodes, nodes: &[Value], pods: &[Value], now: Timestamp) -> Judgement {
    let mut table = Table::<Node>::default();
    for node in nodes {
        table.take(&node.to_string(), &NODES);
    }
    let mut bound = Table::default();
    for pod in pods {
        bound.take(&pod.to_string(), &PODS);
    }
    let mut unseen = Unseen::default();
    unseen.note(&table, |_| true);
    let seen = Seen {
        nodes: table.records().map(Arc::clone).collect(),
        load: check.asks_for_room().then(|| Ok(Load::of(&bound, &check.counting))),
        unseen,
    };
    check.judge(&seen, &Past::default(), now)
}

fn said(check: &Nodes, nodes: &[Value], minutes: i64) -> (Verdict, Option<&'static str>) {
    let judgement = judged_with(check, nodes, &[], at(minutes));
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

fn ready(status: &str) -> Value {
    with(node("a"), "/status/conditions/3/status", json!(status))
}

fn pressed(number: usize) -> Value {
    with(node("a"), &format!("/status/conditions/{number}/status"), json!("True"))
}

fn tainted(key: &str, effect: &str) -> Value {
    let taints = json!([{ "key": key, "value": "gpu", "effect": effect }]);
    with(node("a"), "/spec/taints", taints)
}

fn cordoned() -> Value {
    with(
        tainted("node.kubernetes.io/unschedulable", "NoSchedule"),
        "/spec/unschedulable",
        json!(true),
    )
}

fn unlinked() -> Value {
    let mut node = node("a");
    let conditions = node["status"]["conditions"].as_array_mut().unwrap();
    conditions.push(condition("NetworkUnavailable", "True"));
    node
}

#[test]
fn a_node_is_judged_by_the_worst_that_can_be_said_of_it() {
    let check = nodes("");
    for (object, minutes, verdict, reason) in [
        (node("a"), 1, Pass, None),
        (ready("False"), 5, Fail, Some("TooFew")),
        (ready("Unknown"), 1, Fail, Some("NodeLost")),
        (ready("Unknown"), -60, Fail, Some("NodeLost")),
        (ready("Maybe"), 1, Unknown, Some("Garbled")),
        (pressed(0), 1, Fail, Some("MemoryPressure")),
        (pressed(1), 1, Fail, Some("DiskPressure")),
        (pressed(2), 1, Fail, Some("PIDPressure")),
        (unlinked(), 1, Fail, Some("NetworkUnavailable")),
        (cordoned(), 1, Fail, Some("TooFew")),
        (tainted("dedicated", "NoSchedule"), 1, Fail, Some("TooFew")),
        (tainted("dedicated", "PreferNoSchedule"), 1, Pass, None),
        (with(node("a"), "/status/allocatable/cpu", json!("four")), 1, Unknown, Some("Garbled")),
        (with(node("a"), "/status/allocatable/memory", json!("-1")), 1, Unknown, Some("Garbled")),
        (with(node("a"), "/status/allocatable/pods", json!(10)), 1, Pass, None),
        (
            with(node("a"), "/status/conditions/0/status", json!("Unknown")),
            1,
            Unknown,
            Some("Garbled"),
        ),
        (json!({ "metadata": { "name": "a" } }), 1, Unknown, Some("Garbled")),
    ] {
        assert_eq!(
            said(&check, std::slice::from_ref(&object), minutes),
            (verdict, reason),
            "{object}"
        );
    }
    for (object, minutes, verdict, reason) in [
        (ready("False"), 5, Warn, Some("NotReady")),
        (ready("False"), 6, Fail, Some("NotReady")),
        (ready("False"), -60, Unknown, Some("ClockSkew")),
        (ready("True"), -60, Pass, None),
        (cordoned(), 1, Warn, Some("Cordoned")),
        (with(node("a"), "/metadata/deletionTimestamp", json!(SINCE)), 1, Warn, Some("Cordoned")),
        (tainted("dedicated", "NoExecute"), 1, Pass, None),
    ] {
        let both = [object.clone(), node("b")];
        assert_eq!(said(&check, &both, minutes), (verdict, reason), "{object} after {minutes} min");
    }
    assert_eq!(said(&check, &[], 1), (Fail, Some("TooFew")));
}

#[test]
fn taints_that_are_tolerated_count() {
    for (parameters, verdict) in [
        ("tolerated_taints: [dedicated]", Pass),
        ("tolerated_taints: ['dedicated=gpu']", Pass),
        ("tolerated_taints: ['dedicated=gpu:NoSchedule']", Pass),
        ("tolerated_taints: ['dedicated:NoExecute']", Fail),
        ("tolerated_taints: ['dedicated=apps']", Fail),
        ("tolerated_taints: [other]", Fail),
    ] {
        let said = said(&nodes(parameters), &[tainted("dedicated", "NoSchedule")], 1);
        assert_eq!(said.0, verdict, "{parameters}");
    }
    for bad in ["['']", "['a:Never']", "['=b']"] {
        let read = serde_saphyr::from_str::<Nodes>(&format!("tolerated_taints: {bad}"));
        assert!(read.is_err(), "{bad}");
    }
}

#[test]
fn room_is_what_others_leave_on_nodes_that_take_pods() {
    let both = [node("a"), node("b")];
    let load = [
        pod("shop", "web", "a", "1", "2Gi"),
        pod("other", "db", "b", "3", "8Gi"),
        with(pod("other", "done", "b", "4", "1Gi"), "/status/phase", json!("Succeeded")),
        pod("shop", "elsewhere", "c", "4", "1Gi"),
    ];
    for (parameters, verdict, reason) in [
        ("needed: { cpu: 4 }", Pass, None),
        ("needed: { cpu: 4001m }", Fail, Some("InsufficientCpu")),
        ("needed: { cpu: 5 }\ncounting: [shop]", Pass, None),
        ("needed: { cpu: 5001m }\ncounting: [shop]", Fail, Some("InsufficientCpu")),
        ("needed: { memory: 22Gi }", Pass, None),
        ("needed: { memory: 23Gi }", Fail, Some("InsufficientMemory")),
        ("needed: { pods: 18 }", Pass, None),
        ("needed: { pods: 19 }", Fail, Some("InsufficientPods")),
        ("largest: { cpu: 3, memory: 14Gi }", Pass, None),
        ("largest: { cpu: 3, memory: 15Gi }", Fail, Some("NoRoom")),
        ("largest: { cpu: 3001m }", Fail, Some("NoRoom")),
        ("needed: { cpu: 100 }\nlargest: { cpu: 1 }", Fail, Some("InsufficientCpu")),
    ] {
        let judgement = judged_with(&nodes(parameters), &both, &load, at(1));
        let said = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(said, (verdict, reason), "{parameters}: {}", judgement.because());
    }
    let check = nodes("needed: { cpu: 1 }\ncounting: [shop]");
    let judgement = judged_with(&check, &both, &load, at(1));
    let figure = |measure: &'static Measure, state: &str| {
        let mut samples = judgement.samples().iter();
        let one = samples.find(|one| one.measure == measure && *one.labels[0] == *state);
        one.map(|one| one.value)
    };
    for (state, cpu) in
        [("allocatable", 8.0), ("requested", 4.0), ("free", 4.0), ("available", 5.0)]
    {
        assert_eq!(figure(&CPU, state), Some(cpu), "{state}");
    }
    assert_eq!(figure(&POD_SLOTS, "free"), Some(18.0));
    assert_eq!(figure(&COUNT, "cordoned"), Some(0.0));
    let because = judged_with(&nodes("needed: { cpu: 6 }\ncounting: [shop]"), &both, &load, at(1));
    assert_eq!(
        because.because(),
        "cpu: 4 cores are free, 5 cores with what shop already requests; at least 6 cores needed"
    );
}

#[test]
fn an_overcommitted_node_takes_no_room_from_the_others() {
    let load = [pod("x", "a", "a", "9", "1Gi")];
    let both = [node("a"), node("b")];
    let judgement = judged_with(&nodes("needed: { cpu: 4 }"), &both, &load, at(1));
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
}

#[test]
fn a_pod_that_can_not_be_read_makes_free_room_unsure_and_want_of_it_no_better() {
    let strange = pod("x", "strange", "a", "many", "1Gi");
    let bare = with(pod("x", "bare", "a", "1", "1Gi"), "/spec/containers", json!([]));
    let garbled = with(pod("x", "garbled", "a", "1", "1Gi"), "/spec/containers", json!(3));
    for pod in [strange, bare, garbled] {
        for (parameters, said) in [
            ("needed: { cpu: 1 }", (Unknown, Some("Garbled"))),
            ("largest: { cpu: 1 }", (Unknown, Some("Garbled"))),
            ("needed: { cpu: 5 }", (Fail, Some("InsufficientCpu"))),
        ] {
            let pods = std::slice::from_ref(&pod);
            let judgement = judged_with(&nodes(parameters), &[node("a")], pods, at(1));
            let came = (judgement.verdict(), judgement.reason().map(Reason::code));
            assert_eq!(came, said, "{parameters} {pod}");
        }
    }
}

#[test]
fn a_node_that_can_not_be_read_may_have_the_room_that_is_wanting() {
    let unread = without(node("a"), "/status/allocatable");
    for parameters in ["needed: { cpu: 6 }", "largest: { cpu: 6 }", "min_count: 2"] {
        let both = [unread.clone(), node("b")];
        assert_eq!(said(&nodes(parameters), &both, 1), (Unknown, Some("Garbled")), "{parameters}");
    }
    let both = [unread, node("b")];
    assert_eq!(said(&nodes("min_count: 3"), &both, 1), (Fail, Some("TooFew")));
}

#[test]
fn a_heartbeat_changes_nothing_that_is_kept() {
    let mut table = Table::<Node>::default();
    assert!(table.take(&node("a").to_string(), &NODES).changed);
    let mut beating = node("a");
    for condition in beating["status"]["conditions"].as_array_mut().unwrap() {
        condition["lastHeartbeatTime"] = json!("2026-11-23T10:05:00Z");
    }
    beating["metadata"]["resourceVersion"] = json!("77");
    beating["status"]["images"] = json!([{ "names": ["new"] }]);
    assert!(!table.take(&beating.to_string(), &NODES).changed, "nobody is to be woken");
    let pressed = with(beating, "/status/conditions/0/status", json!("True"));
    assert!(table.take(&pressed.to_string(), &NODES).changed);
}

#[test]
fn parameters_that_contradict_each_other_are_refused() {
    for (parameters, flaw) in [
        ("counting: [shop]", "`counting` has no meaning without `needed`"),
        ("needed: {}", "`needed` names nothing: write `cpu`, `memory` or `pods`"),
        ("largest: {}", "`largest` names nothing: write `cpu` or `memory`"),
    ] {
        assert_eq!(nodes(parameters).flaws(), [flaw]);
    }
    for bad in ["min_count: 0", "needed: { cpu: -1 }", "needed: { cpu: lots }"] {
        assert!(serde_saphyr::from_str::<Nodes>(bad).is_err(), "{bad}");
    }
}

#[test]
fn no_node_in_trouble_passes_for_want_of_a_field_or_for_one_of_a_wrong_type() {
    let check = nodes("");
    let others = |object: &Value| [object.clone(), node("b")];
    for (trouble, telling) in [
        (ready("False"), &[][..]),
        (ready("Unknown"), &[]),
        (pressed(0), &[]),
        (pressed(1), &[]),
        (pressed(2), &[]),
        (unlinked(), &["/status/conditions/4"]),
        (cordoned(), &[]),
    ] {
        shapes::never_passes(&trouble, telling, |object| said(&check, &others(object), 1).0);
    }
    let unsure = with(unlinked(), "/status/conditions/4/status", json!("Maybe"));
    assert_eq!(said(&check, &others(&unsure), 1), (Unknown, Some("Garbled")));
}

#[test]
fn a_node_that_is_being_deleted_may_fall_silent_for_a_while() {
    let leaving = with(ready("Unknown"), "/metadata/deletionTimestamp", json!(SINCE));
    for (minutes, verdict, reason) in [
        (1, Warn, "Cordoned"),
        (5, Warn, "Cordoned"),
        (6, Fail, "NodeLost"),
        (-60, Fail, "NodeLost"),
    ] {
        let both = [leaving.clone(), node("b")];
        assert_eq!(said(&nodes(""), &both, minutes), (verdict, Some(reason)), "{minutes}");
    }
}

#[test]
fn a_virtual_node_need_not_tell_of_all_pressures_and_a_real_one_must() {
    let mut bare = node("a");
    bare["status"]["conditions"].as_array_mut().unwrap().remove(2);
    assert_eq!(said(&nodes(""), &[bare.clone()], 1), (Unknown, Some("Garbled")));
    let virtually = with(bare, "/metadata/labels", json!({ "type": "virtual-kubelet" }));
    assert_eq!(said(&nodes(""), std::slice::from_ref(&virtually), 1), (Pass, None));
    let pressed = with(virtually.clone(), "/status/conditions/0/status", json!("True"));
    assert_eq!(said(&nodes(""), &[pressed], 1), (Fail, Some("MemoryPressure")));
    let unsure = with(virtually, "/status/conditions/0/status", json!("Unknown"));
    assert_eq!(said(&nodes(""), &[unsure], 1), (Unknown, Some("Garbled")));
}
