//! What expressions come to; that they end, and that no object whatever crashes them.

use proptest::prelude::*;
use serde_json::json;

use super::super::{Expression, OBJECT};
use super::*;

struct Object(Value);

impl Scene for Object {
    fn values(&self) -> Vec<(&'static str, &Value)> {
        vec![(OBJECT, &self.0)]
    }
}

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn expression(text: &str) -> Expression {
    Expression::try_from(text.to_owned()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn evaluated_within(within: Duration, object: &Value, texts: &[&str]) -> Vec<Outcome> {
    let expressions = texts.iter().map(|text| expression(text).compiled()).collect();
    let work = Work {
        scenes: vec![Object(object.clone())],
        expressions,
        quoting: Quoting::Status,
        now: now(),
    };
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
        (
            "object.status.ready == object.spec.instances",
            Some("status.ready is 2, spec.instances is 3"),
        ),
        ("object.status.?ready.orValue(0) >= 3", Some("status.ready is 2")),
        ("object.status.phase == 'Ready'", Some("status.phase is `Starting`")),
        // What stands elsewhere may be a password, and is not what the status says.
        ("object.status.?absent.orValue(object.spec.sets[0].name) == 'secret'", None),
        ("object.status.?absent.orValue(object.spec.instances) == 7", None),
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
        ("object.spec.ratio", Outcome::Double(0.5)),
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
