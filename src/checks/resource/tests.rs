//! Judging, as tables; and that no object passes by absence.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::evaluation::{Outcome, Work, evaluate};
use super::expression::Expression;
use super::looking::{Found, Group, Inside, Object, Seen};
use super::*;
use crate::model::finding::Verdict;
use crate::systems::kubernetes::Table;
use crate::systems::kubernetes::whole::Whole;

fn expression(text: &str) -> Expression {
    Expression::try_from(text.to_owned()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn whole(object: &Value) -> Arc<Whole> {
    let mut object = object.clone();
    object["metadata"]["name"] = json!("a");
    object["metadata"]["namespace"] = json!("d");
    let mut table = Table::<Whole>::default();
    table.take(&object.to_string(), &Kind::known("example.org", "v1", "gadgets", "Gadget"));
    Arc::clone(table.get("d", "a").expect("an object"))
}

async fn evaluated_within(within: Duration, object: &Value, texts: &[&str]) -> Vec<Outcome> {
    let expressions = texts.iter().map(|text| expression(text).compiled()).collect();
    let work = Work { objects: vec![whole(object)], expressions, now: now() };
    evaluate(work, Instant::now() + within).await.remove(0)
}

async fn evaluated(object: &Value, text: &str) -> Outcome {
    evaluated_within(Duration::from_secs(60), object, &[text]).await.remove(0)
}

fn gadget() -> Value {
    json!({
        "metadata": { "generation": 3, "annotations": { "a": "b" } },
        "spec": { "instances": 3, "ratio": 0.5, "large": 18_446_744_073_709_551_615_u64,
            "sets": [{ "name": "x", "count": 2 }, { "name": "y", "count": 1 }] },
        "status": { "ready": 2, "phase": "Starting", "none": null,
            "last": "2026-11-23T09:00:00Z", "ahead": "2026-11-23T11:00:00Z",
            "used": { "pods": "9", "memory": "1500Mi" }, "hard": { "pods": "10", "memory": "2Gi" } },
    })
}

#[tokio::test]
async fn expressions_are_true_of_an_object_or_not() {
    for text in [
        "object.spec.instances == 3",
        "object.spec.instances > object.status.ready",
        "object.spec.instances * 2 - 1 == 5",
        "object.spec.ratio < 1.0",
        "object.spec.ratio < 1",
        "object.spec.instances >= 2.5",
        "object.spec.large > 1u",
        "object.spec.sets.all(set, set.count > 0)",
        "object.spec.sets.exists_one(set, set.name == 'x')",
        "object.spec.sets.map(set, set.count) == [2, 1]",
        "object.spec.sets.filter(set, set.count > 1).size() == 1",
        "sum(object.spec.sets.map(set, set.count)) == object.spec.instances",
        "object.spec.sets.filter(set, object.spec.sets.exists(other, other.count > set.count)).size() == 1",
        "has(object.status.phase) && !has(object.status.absent)",
        "object.status.?absent.orValue(0) == 0",
        "object.status.none == null",
        "object.status.phase.lowerAscii().contains('start')",
        "object.status.phase.matches('^Start')",
        "object.status.phase in ['Starting', 'Ready']",
        "now - timestamp(object.status.last) <= duration('1h')",
        "now - past(object.status.last) <= duration('1h')",
        "now < timestamp(object.status.ahead)",
        "object.status.used.all(name, quantity(object.status.used[name]) <= 0.9 * quantity(object.status.hard[name]))",
        "object.metadata.annotations['a'] == 'b'",
        "{'a': object.spec.instances}.a == 3",
    ] {
        assert_eq!(evaluated(&gadget(), text).await, Outcome::True, "{text}");
    }
}

#[tokio::test]
async fn what_is_false_says_what_was_compared() {
    for (text, seen) in [
        ("object.status.ready == object.spec.instances", Some("status.ready is 2, spec.instances is 3")),
        ("object.status.?ready.orValue(0) >= 3", Some("status.ready is 2")),
        ("object.status.phase == 'Ready'", Some("status.phase is `Starting`")),
        ("object.spec.sets[0].name == 'secret'", None),
        ("!has(object.status.phase)", None),
    ] {
        let seen = seen.map(str::to_owned);
        assert_eq!(evaluated(&gadget(), text).await, Outcome::False(seen), "{text}");
    }
}

#[tokio::test]
async fn an_error_of_evaluation_is_never_false() {
    for text in [
        "object.status.absent == 3",
        "object.absent.absent == 3",
        "object.spec.instances == 3 && object.status.absent",
        "object.spec.sets[7].count == 1",
        "object.spec.instances / 0 == 1",
        "object.spec.instances < 'three'",
        "object.status.phase + 1 == 2",
        "timestamp(object.status.phase) < now",
        "past(object.status.phase) < now",
        "quantity(object.status.phase) > 0.0",
        "sum(object.spec.sets) > 0",
        "duration('1 fortnight') > duration('1h')",
        "object.spec.instances.contains('a')",
        "object.status.phase.matches('(')",
        "9223372036854775807 + object.spec.instances > 0",
    ] {
        let outcome = evaluated(&gadget(), text).await;
        assert!(matches!(outcome, Outcome::Mistake(_)), "{text}: {outcome:?}");
    }
    for (text, outcome) in [
        ("object.spec.instances", Outcome::Number(3)),
        ("object.status.phase", Outcome::Other("string")),
        ("object.status.none", Outcome::Other("null")),
        ("object.spec", Outcome::Other("map")),
    ] {
        assert_eq!(evaluated(&gadget(), text).await, outcome, "{text}");
    }
    let ahead = evaluated(&gadget(), "now - past(object.status.ahead) < duration('1h')").await;
    assert_eq!(ahead, Outcome::Ahead("2026-11-23T11:00:00Z".to_owned()));
}

#[test]
fn a_mistake_in_an_expression_is_told_with_its_place() {
    for (text, told) in [
        ("object.status.ready ==", "(column 23 of `object.status.ready ==`)"),
        ("object.status.ready === 3", "column 2"),
        ("subject.status == 1", "`subject` is not known"),
        ("object.items.all(one, two > 1)", "`two` is not known"),
        ("length(object.items) == 1", "there is no function `length`"),
        ("past(now, now)", "takes one argument"),
        ("Gadget{name: 'a'} == object", "there is no type"),
        ("", "not an expression"),
    ] {
        let error = Expression::try_from(text.to_owned()).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
    }
    let long = format!("object.a == '{}'", "x".repeat(5000));
    assert!(Expression::try_from(long).unwrap_err().contains("at most 4096"));
}

#[test]
fn an_expression_that_is_nested_too_deeply_is_refused_and_crashes_nothing() {
    for (open, close) in [("(", ")"), ("[", "]"), ("!", ""), ("-", ""), ("{1:", "}"), ("f(", ")")] {
        for depth in [10, 100, 1000, 1300] {
            let text = format!("{}object.a{}", open.repeat(depth), close.repeat(depth));
            drop(Expression::try_from(text));
        }
    }
    let chain = format!("object{}", ".a".repeat(1500));
    drop(Expression::try_from(chain));
}

/// Work that would take hours.
const ENDLESS: &[&str] = &[
    "object.spec.list.all(a, object.spec.list.all(b, object.spec.list.all(c, a + b + c >= 0)))",
    "[object.spec.list].all(l, l.all(a, l.all(b, l.all(c, l.all(d, a >= 0)))))",
    "object.spec.list.map(a, object.spec.list.map(b, object.spec.list.filter(c, c > a + b).size())).size() > 0",
    "[object.spec.list].all(l, l.exists(a, l.exists(b, l.exists(c, l.exists_one(d, d > 1000000)))))",
];

#[tokio::test(flavor = "current_thread")]
async fn nested_loops_over_long_lists_end_when_their_time_does() {
    let list: Vec<u32> = (0..5000).collect();
    let object = json!({ "spec": { "list": list } });
    for text in ENDLESS {
        let texts = [*text, "object.spec.list.size() == 5000"];
        let outcomes = evaluated_within(Duration::from_millis(200), &object, &texts).await;
        assert_eq!(outcomes, [Outcome::OutOfTime, Outcome::OutOfTime], "{text}");
    }
    // The threads are free again: the next look has its turn.
    assert_eq!(evaluated(&object, "object.spec.list.size() == 5000").await, Outcome::True);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_stopped() {
    let list: Vec<u32> = (0..5000).collect();
    let object = json!({ "spec": { "list": list } });
    for _ in 0..8 {
        let endless = evaluated_within(Duration::from_secs(60), &object, &ENDLESS[..1]);
        tokio::time::timeout(Duration::from_millis(50), endless).await.unwrap_err();
    }
    assert_eq!(evaluated(&object, "true").await, Outcome::True, "four threads, and none is free");
}

fn check(parameters: &str) -> Resource {
    serde_saphyr::from_str(parameters).unwrap_or_else(|error| panic!("{parameters}: {error}"))
}

/// What a check says of one object that is there.
async fn said(check: &Resource, object: &Value) -> Judgement {
    let whole = whole(object);
    let expressions = check.evaluated().map(Expression::compiled).collect();
    let work = Work { objects: vec![Arc::clone(&whole)], expressions, now: now() };
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
        outcomes,
        ready_pods: check.ready_pods().map(|_| Ok(9)),
        workloads: check.ready_workloads().map(|_| Ok(Some(9))).collect(),
    };
    let insides = [(("d".into(), "a".into()), inside)].into();
    let seen = Seen { groups: vec![group], insides, ..Seen::default() };
    check.judge(&seen, &Past::default(), now())
}

const GADGET: &str = "{ api_version: example.org/v1, kind: Gadget, namespaces: [d], name: a, ";

#[tokio::test]
async fn conditions_are_judged_by_their_status() {
    use Verdict::{Fail, Pass, Unknown};
    let ready = check(&format!("{GADGET} conditions: {{ Ready: 'True' }} }}"));
    let of = |conditions: Value| json!({ "status": { "conditions": conditions } });
    let one = |status: &str| of(json!([{ "type": "Other" }, { "type": "Ready", "status": status }]));
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
    for line in &judgement.lines()[..4] {
        assert!(!line.because.contains("hunter2"), "{}", line.because);
    }
}

#[test]
fn parameters_that_contradict_each_other_are_told() {
    assert_eq!(check(&format!("{GADGET} }}")).flaws(), Vec::<String>::new());
    for (parameters, told) in [
        ("{}", "name `api_version` and `kind`"),
        ("{ preset: cnpg-cluster, kind: A, namespaces: [d], name: a }", "`preset` already names"),
        ("{ preset: cnpg-cluster, namespaces: [d] }", "give its `name`"),
        ("{ api_version: v1, kind: ConfigMap, namespaces: [d], name: a, prefix: b }", "exclude each"),
        ("{ api_version: v1, kind: ConfigMap, namespaces: [d], name: a, min_count: 1 }", "leave `min"),
        ("{ api_version: v1, kind: ConfigMap, namespaces: [d], min_count: 2, max_count: 1 }", "above"),
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

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(json!("2026-11-23T09:00:00Z")),
        Just(json!("9999-12-31T23:59:59.999999999Z")),
    ];
    let name = prop_oneof![Just("status".to_owned()), Just("spec".to_owned()), "[a-c]{1}"];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Expressions that touch whatever there is.
const PROBES: &[&str] = &[
    "object.status.a == object.spec.b",
    "object.status.a < object.spec.b",
    "object.status.a + object.spec.b == object.status.c",
    "object.status.a - object.spec.b == object.status.c",
    "object.status.a * object.spec.b / object.status.c % object.spec.c == 1",
    "-object.status.a == object.spec.b",
    "object.status.a[object.spec.b] == object.status",
    "object.status.all(a, object.spec.exists(b, a == b))",
    "object.status.map(a, a).size() == object.spec.filter(b, b == b).size()",
    "object.status.a in object.spec",
    "timestamp(object.status.a) - timestamp(object.spec.b) < duration('1h')",
    "past(object.status.a) < now + duration(string(object.spec.b) + 's')",
    "now + (timestamp(object.status.a) - now) == timestamp(object.status.a)",
    "timestamp(object.status.a).getFullYear('Europe/Paris') > 0",
    "int(object.status.a) == uint(object.spec.b) || double(object.status.c) > 0.0",
    "string(object.status.a).split(string(object.spec.b)).join('') == ''",
    "string(object.status.a).substring(int(object.spec.b)) == string(object.spec.c)",
    "string(object.status.a).charAt(int(object.spec.b)) == string(object.spec.c)",
    "string(object.status.a).matches(string(object.spec.b))",
    "'%s %d'.format([object.status.a, object.spec.b]) == ''",
    "quantity(object.status.a) > sum(object.spec)",
    "object.?status.?a.orValue(object.spec) == object.status",
    "bytes(object.status.a) == bytes(object.spec.b)",
    "type(object.status.a) == type(object.spec.b)",
    "has(object.status.a) ? object.status.a : object.spec.b",
    "{object.status.a: object.spec.b} == object.status",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_object_whatever_crashes_and_hangs_nothing(status in any_json(), spec in any_json()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let object = json!({ "status": status, "spec": spec });
        let outcomes = runtime.block_on(evaluated_within(Duration::from_secs(60), &object, PROBES));
        prop_assert!(!outcomes.contains(&Outcome::OutOfTime), "{object}: {outcomes:?}");
    }
}
