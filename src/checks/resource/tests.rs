//! Judging, as tables; and that no object passes by absence.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::expression::Expression;
use super::super::expression::evaluation::{Outcome, Quoting, Work, evaluate};
use super::looking::{Found, Group, Inside, Object, Seen};
use super::*;
use crate::model::finding::Verdict;
use crate::systems::kubernetes::Table;
use crate::systems::kubernetes::whole::Whole;

pub(super) fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

pub(super) fn whole(object: &Value) -> Arc<Whole> {
    let mut object = object.clone();
    object["metadata"]["name"] = json!("a");
    object["metadata"]["namespace"] = json!("d");
    let mut table = Table::<Whole>::default();
    table.take(&object.to_string(), &Kind::known("example.org", "v1", "gadgets", "Gadget"));
    Arc::clone(table.get("d", "a").expect("an object"))
}

fn check(parameters: &str) -> Resource {
    serde_saphyr::from_str(parameters).unwrap_or_else(|error| panic!("{parameters}: {error}"))
}

/// What a check says of one object that is there.
async fn said(check: &Resource, object: &Value) -> Judgement {
    judged_with(check, object, references::Led::new()).await
}

/// The same, where what its first reference names as `b` is there.
async fn led(check: &Resource, object: &Value) -> Judgement {
    let there = ((0, "d".to_owned(), "b".to_owned()), Ok(references::Held::There));
    judged_with(check, object, [there].into()).await
}

async fn judged_with(check: &Resource, object: &Value, led: references::Led) -> Judgement {
    let whole = whole(object);
    let expressions = check.evaluated().map(Expression::compiled).collect();
    let work = Work {
        scenes: vec![Arc::clone(&whole)],
        expressions,
        quoting: Quoting::Status,
        now: now(),
    };
    let outcomes = evaluate(work, Instant::now() + Duration::from_secs(60)).await.remove(0);
    let object = Object {
        namespace: "d".into(),
        name: "a".into(),
        deleted: false,
        whole: Some(Arc::clone(&whole)),
    };
    let found = Ok(Found { objects: vec![object], ..Found::default() });
    let group = Group { namespace: "d".into(), asked: "a".into(), named: true, found };
    let inside = Inside {
        matched: None,
        outcomes,
        ready_pods: check.ready_pods().map(|_| Ok(9)),
        workloads: check.ready_workloads().map(|_| Ok(Some(9))).collect(),
    };
    let insides = [(("d".into(), "a".into()), inside)].into();
    let seen = Seen { groups: vec![group], insides, led, ..Seen::default() };
    check.judge(&seen, &Past::default(), now())
}

const GADGET: &str = "{ api_version: example.org/v1, kind: Gadget, namespaces: [d], name: a, ";

#[tokio::test]
async fn conditions_are_judged_by_their_status() {
    use Verdict::{Fail, Pass, Unknown};
    let ready = check(&format!("{GADGET} conditions: {{ Ready: 'True' }} }}"));
    let of = |conditions: Value| json!({ "status": { "conditions": conditions } });
    let one =
        |status: &str| of(json!([{ "type": "Other" }, { "type": "Ready", "status": status }]));
    for (object, verdict, reason) in [
        (one("True"), Pass, None),
        (one("False"), Fail, Some("ConditionUnmet")),
        (one("Unknown"), Fail, Some("ConditionUnmet")),
        (one(""), Unknown, Some("Garbled")),
        (of(json!([{ "type": "Ready" }])), Unknown, Some("Garbled")),
        (of(json!([])), Fail, Some("ConditionAbsent")),
        (of(json!(null)), Fail, Some("ConditionAbsent")),
        (of(json!("Ready")), Unknown, Some("Garbled")),
        (of(json!(["Ready"])), Unknown, Some("Garbled")),
        (json!({ "status": null }), Fail, Some("ConditionAbsent")),
        (json!({}), Fail, Some("ConditionAbsent")),
    ] {
        let judgement = said(&ready, &object).await;
        let got = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(got, (verdict, reason), "{object}: {}", judgement.because());
    }
}

#[tokio::test]
async fn a_status_of_an_older_specification_is_not_believed_where_that_is_asked() {
    let observed = check(&format!("{GADGET} observed: true }}"));
    let of = |status: Value| json!({ "metadata": { "generation": 3 }, "status": status });
    let condition = |seen: u32| json!([{ "type": "Ready", "observedGeneration": seen }]);
    for (object, reason) in [
        (of(json!({ "observedGeneration": 3 })), None),
        (of(json!({ "observedGeneration": 2 })), Some("NotObserved")),
        (of(json!({ "conditions": condition(3) })), None),
        (of(json!({ "observedGeneration": 3, "conditions": condition(2) })), Some("NotObserved")),
        (of(json!({})), Some("NotObserved")),
        (json!({ "status": { "observedGeneration": 3 } }), Some("Garbled")),
    ] {
        let judgement = said(&observed, &object).await;
        assert_eq!(judgement.reason().map(Reason::code), reason, "{object}");
    }
}

#[tokio::test]
async fn nothing_of_an_object_is_repeated_that_may_be_a_password() {
    let check = check(&format!(
        "{GADGET} expressions: [{{ cel: object.data.password == 'x' }}, \
         {{ cel: int(object.data.password) == 1 }}, \
         {{ cel: timestamp(object.data.password) < now }}, \
         {{ cel: object.data.password + 1 == 2 }}, \
         {{ cel: 'object.data[object.data.password] == 1' }}] }}"
    ));
    let judgement = said(&check, &json!({ "data": { "password": "hunter2" } })).await;
    assert_eq!(judgement.lines().len(), 5);
    for line in judgement.lines() {
        assert!(!line.because.contains("hunter2"), "{}", line.because);
    }
}

#[tokio::test]
async fn references_that_are_not_looked_at_are_not_good() {
    let check = check(&format!(
        "{GADGET} references: [{{ path: 'spec.maps[*].name', kind: ConfigMap, names: b }}] }}"
    ));
    for (count, reason) in [(1000, None), (1001, Some("TooManyToJudge"))] {
        let maps = vec![json!({ "name": "b" }); count];
        let object = json!({ "spec": { "maps": maps } });
        let judgement = led(&check, &object).await;
        assert_eq!(judgement.reason().map(Reason::code), reason, "{}", judgement.because());
    }
}

#[tokio::test]
async fn what_may_not_be_meant_is_not_counted_against_the_most() {
    let check = check(
        "{ api_version: example.org/v1, kind: Gadget, namespaces: [d], max_count: 0, min_count: 0, \
         matching: object.spec.first }",
    );
    for (matched, verdict, reason) in [
        (Outcome::True, Verdict::Fail, Some("TooMany")),
        (Outcome::Mistake("x".to_owned()), Verdict::Unknown, Some("EvaluationError")),
        (Outcome::OutOfTime, Verdict::Unknown, Some("EvaluationTimedOut")),
    ] {
        let object = Object {
            namespace: "d".into(),
            name: "a".into(),
            deleted: false,
            whole: Some(whole(&json!({}))),
        };
        let found = Ok(Found { objects: vec![object], ..Found::default() });
        let group = Group { namespace: "d".into(), asked: String::new(), named: false, found };
        let inside = Inside {
            matched: Some(matched.clone()),
            outcomes: Vec::new(),
            ready_pods: None,
            workloads: Vec::new(),
        };
        let insides = [(("d".into(), "a".into()), inside)].into();
        let mut seen = Seen { groups: vec![group], insides, ..Seen::default() };
        let judgement = check.judge(&seen, &Past::default(), now());
        let got = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(got, (verdict, reason), "{matched:?}");
        seen.insides.clear();
        seen.unjudged = 1;
        let judgement = check.judge(&seen, &Past::default(), now());
        assert_eq!(judgement.reason().map(Reason::code), Some("TooManyToJudge"));
        assert_eq!(judgement.lines().len(), 1, "no line says that all is well");
    }
}

#[test]
fn parameters_that_contradict_each_other_are_told() {
    assert_eq!(check(&format!("{GADGET} }}")).flaws(), Vec::<String>::new());
    for (parameters, told) in [
        ("{}", "name `api_version` and `kind`"),
        ("{ preset: cnpg-cluster, kind: A, namespaces: [d], name: a }", "`preset` already names"),
        ("{ preset: cnpg-cluster, namespaces: [d] }", "give its `name`"),
        (
            "{ api_version: v1, kind: ConfigMap, namespaces: [d], name: a, prefix: b }",
            "exclude each",
        ),
        (
            "{ api_version: v1, kind: ConfigMap, namespaces: [d], name: a, min_count: 1 }",
            "leave `min",
        ),
        (
            "{ api_version: v1, kind: ConfigMap, namespaces: [d], min_count: 2, max_count: 1 }",
            "above",
        ),
        ("{ api_version: v1, kind: ConfigMap }", "lives in a namespace"),
        ("{ api_version: v1, kind: Namespace, namespaces: [d], name: a }", "lives in no namespace"),
        ("{ api_version: v1, kind: Secret, namespaces: [d] }", "looked at by name"),
        ("{ api_version: v1, kind: Secret, namespaces: all, name: a }", "looked at by name"),
        (
            "{ api_version: v1, kind: Secret, namespaces: [d], name: a, expressions: [{ cel: 'true' }] }",
            "leave everything else to",
        ),
        (
            "{ api_version: v1, kind: Sneaky, plural: secrets, namespaces: [d], prefix: a }",
            "looked at by name",
        ),
        (
            "{ api_version: v1, kind: ConfigMap, namespaces: all, references: [{ path: a, names: b }] }",
            "`namespaces` by name",
        ),
        (
            "{ api_version: v1, kind: ConfigMap, namespaces: [d], references: \
             [{ path: a, names: b, kind: Service, keys: [c] }] }",
            "has no keys",
        ),
    ] {
        let flaws = check(parameters).flaws();
        assert!(flaws.iter().any(|flaw| flaw.contains(told)), "{parameters}: {flaws:?}");
    }
}

#[test]
fn no_secret_is_ever_watched() {
    for parameters in [
        "{ api_version: v1, kind: Secret, namespaces: [d], name: [a, b] }",
        "{ api_version: v1, kind: Sneaky, plural: secrets, namespaces: [d], name: a }",
        "{ api_version: v1, kind: ConfigMap, namespaces: [d], references: [{ path: a, names: b }] }",
    ] {
        let Needs { watches, rights, .. } = check(parameters).needs();
        assert!(watches.iter().all(|watch| watch.resource.plural != "secrets"), "{parameters}");
        let by_name = |right: &Right| right.verb == "get" && right.name.is_some();
        assert!(!rights.is_empty() && rights.iter().all(by_name), "{parameters}: {rights:?}");
    }
}

/// What the presets say of an object that is as it must be.
fn healthy() -> Vec<(&'static str, Value)> {
    vec![
        (
            "cnpg-cluster",
            json!({
                "spec": { "instances": 3 },
                "status": { "readyInstances": 3, "phase": "Cluster in healthy state",
                    "currentPrimary": "postgres-1" },
            }),
        ),
        (
            "eck-elasticsearch",
            json!({
                "spec": { "nodeSets": [{ "count": 2 }, { "count": 1 }] },
                "status": { "health": "green", "phase": "Ready", "availableNodes": 3 },
            }),
        ),
        ("redis-failover", json!({ "spec": { "redis": { "replicas": 3 }, "sentinel": {} } })),
        (
            "percona-mongodb",
            json!({
                "spec": { "replsets": [{ "name": "rs0", "size": 3 }] },
                "status": { "state": "ready",
                    "replsets": { "rs0": { "ready": 3, "status": "ready" } } },
            }),
        ),
        (
            "certificate",
            json!({
                "status": { "conditions": [{ "type": "Ready", "status": "True" }],
                    "notAfter": "2027-01-01T00:00:00Z" },
            }),
        ),
    ]
}

fn preset(name: &str) -> Resource {
    check(&format!("{{ preset: {name}, namespaces: [d], name: a }}"))
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

#[tokio::test]
async fn presets_pass_healthy_objects_and_none_from_which_a_field_is_taken() {
    // What is left out of these reads as the operator's own default.
    const DEFAULTS: &[&str] = &["/spec/redis", "/spec/redis/replicas", "/spec/sentinel"];
    for (name, object) in healthy() {
        let check = preset(name);
        assert_eq!(check.flaws(), Vec::<String>::new(), "{name}");
        let judgement = said(&check, &object).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{name}: {}", judgement.because());
        let mut all = Vec::new();
        pointers(&object, "", &mut all);
        for pointer in all.iter().filter(|pointer| !DEFAULTS.contains(&pointer.as_str())) {
            let mut object = object.clone();
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            match object.pointer_mut(parent) {
                Some(Value::Object(fields)) => drop(fields.remove(field)),
                Some(Value::Array(items)) => *items = Vec::new(),
                _ => unreachable!("{pointer} exists"),
            }
            let verdict = said(&check, &object).await.verdict();
            assert_ne!(verdict, Verdict::Pass, "{name} without {pointer}");
        }
    }
}
