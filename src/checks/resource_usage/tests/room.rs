//! Room in quotas for autoscalers, as tables.

use serde_json::{Value, json};

use super::*;
use crate::systems::kubernetes::shapes;

/// An autoscaler of a `StatefulSet` that may ask for two more pods.
fn autoscaler() -> Value {
    let object =
        shapes::with(shapes::horizontal_pod_autoscaler(), "/metadata/namespace", json!("d"));
    let object = with(object, "/spec/scaleTargetRef/kind", json!("StatefulSet"));
    let object = with(object, "/spec/scaleTargetRef/name", json!("web"));
    let object = with(object, "/spec/maxReplicas", json!(5));
    with(object, "/status/currentReplicas", json!(3))
}

fn asking(cpu: &str, created: &str) -> Value {
    let resources =
        json!({ "requests": { "cpu": cpu, "memory": "1Gi" }, "limits": { "cpu": "2" } });
    let asking = with(pod(), "/spec/containers/0/resources", resources);
    let asking = with(asking, "/metadata/name", json!(format!("web-{created}")));
    with(asking, "/metadata/creationTimestamp", json!(format!("2026-11-23T0{created}:00:00Z")))
}

/// A quota of which this is left of each resource.
fn leaving(left: &Value) -> Value {
    let resources = left.as_object().unwrap();
    let used: serde_json::Map<_, _> =
        resources.keys().map(|key| (key.clone(), json!("0"))).collect();
    json!({
        "metadata": { "namespace": "d", "name": "quota" },
        "spec": { "hard": left }, "status": { "hard": left, "used": used },
    })
}

fn of_room(quota: &Value, autoscalers: &[Value], pods: &[Value]) -> Judgement {
    let mut seen = Seen::default();
    let mut quotas = Table::<Quota>::default();
    quotas.take(&quota.to_string(), &RESOURCE_QUOTAS);
    seen.quotas.take(&quotas);
    let mut table = Table::default();
    for autoscaler in autoscalers {
        table.take(&autoscaler.to_string(), &AUTOSCALERS);
    }
    seen.room.take(&table);
    let mut table = Table::default();
    for pod in pods {
        table.take(&pod.to_string(), &PODS);
    }
    seen.room.take_pods(&table);
    check("quotas: { room_for_autoscalers: true }").judge(&seen, &Past::default(), now())
}

#[test]
fn a_quota_has_room_for_all_that_autoscalers_may_ask_or_fails() {
    let pods = [asking("4", "1"), with(asking("500m", "2"), "/metadata/name", json!("web-0"))];
    let gone = shapes::with(asking("9", "3"), "/status/phase", json!("Succeeded"));
    let pods = [pods[0].clone(), pods[1].clone(), gone];
    for (left, wanted) in [
        (json!({ "requests.cpu": "1" }), ""),
        (json!({ "requests.cpu": "999m" }), "NoRoom"),
        (json!({ "cpu": "1", "memory": "2Gi", "pods": "2", "limits.cpu": "4" }), ""),
        (json!({ "cpu": "1", "memory": "2047Mi" }), "NoRoom"),
        (json!({ "requests.memory": "2047Mi" }), "NoRoom"),
        (json!({ "limits.cpu": "3" }), "NoRoom"),
        (json!({ "limits.memory": "1" }), ""),
        (json!({ "pods": "1" }), "NoRoom"),
        (json!({ "count/pods": "1" }), "NoRoom"),
        (json!({ "services": "0" }), ""),
    ] {
        let judgement = of_room(&leaving(&left), &[autoscaler()], &pods);
        assert_eq!(code(&judgement), wanted, "{left}: {}", judgement.because());
    }
    let judgement = of_room(&leaving(&json!({ "requests.cpu": "750m" })), &[autoscaler()], &pods);
    assert_eq!(
        judgement.because(),
        "room in quota d/quota: autoscalers may ask for 2 more replicas, which request 1 more of \
         requests.cpu, 0.75 of 0.75 left"
    );
    let two = [autoscaler(), with(autoscaler(), "/metadata/name", json!("other"))];
    assert_eq!(code(&of_room(&leaving(&json!({ "cpu": "1" })), &two, &pods)), "NoRoom");
}

#[test]
fn room_is_unknown_where_what_is_asked_is_and_never_better_than_what_is_known() {
    let (enough, little) = (leaving(&json!({ "cpu": "9" })), leaving(&json!({ "cpu": "1m" })));
    let pods = [asking("500m", "1")];
    let strange = with(autoscaler(), "/metadata/name", json!("strange"));
    for (other, wanted) in [
        (with(strange.clone(), "/spec/scaleTargetRef/name", json!("gone")), "NoReplica"),
        (with(strange.clone(), "/spec/maxReplicas", Value::Null), "Garbled"),
        (with(strange.clone(), "/spec", json!(3)), "Garbled"),
        (with(strange.clone(), "/status/currentReplicas", json!(5)), ""),
        (with(strange, "/metadata/namespace", json!("e")), ""),
    ] {
        let both = [autoscaler(), other];
        assert_eq!(code(&of_room(&enough, &both, &pods)), wanted, "{both:?}");
        assert_eq!(code(&of_room(&little, &both, &pods)), "NoRoom", "{both:?}");
    }
    assert_eq!(code(&of_room(&enough, &[autoscaler()], &[asking("many", "1")])), "Garbled");
    assert_eq!(code(&of_room(&little, &[], &[])), "");
    let scoped = shapes::with(little.clone(), "/spec/scopes", json!(["BestEffort"]));
    assert_eq!(code(&of_room(&scoped, &[autoscaler()], &pods)), "");
    let mut blind = Seen::default();
    blind.quotas.take(&{
        let mut table = Table::<Quota>::default();
        table.take(&enough.to_string(), &RESOURCE_QUOTAS);
        table
    });
    blind.room = super::super::room::fixture::blind("d", Obstacle::new(Reason::FORBIDDEN, "no"));
    let check = check("quotas: { room_for_autoscalers: true }");
    assert_eq!(code(&check.judge(&blind, &Past::default(), now())), "Forbidden");
}
