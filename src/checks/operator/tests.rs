//! Judging, as tables; and that no operator passes by absence.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::finding::Verdict;
use crate::model::reason::Reason;

fn check(parameters: &str) -> Operator {
    serde_saphyr::from_str(parameters).unwrap_or_else(|error| panic!("{parameters}: {error}"))
}

fn operator() -> Operator {
    check(
        "{ crds: [gadgets.example.org/v1], namespace: d, \
         controllers: [{ kind: Deployment, name: operator }], \
         ingress_class: web, ingress_controller: example.org/web }",
    )
}

/// What a look sees of these objects, each by the name it has.
fn seen(check: &Operator, definition: &Value, workload: &Value, class: &Value) -> Seen {
    fn held<R: Record>(object: &Value, resource: &Resource) -> Held<R> {
        let mut table = Table::<R>::default();
        if !object.is_null() {
            table.take(&object.to_string(), resource);
        }
        Held {
            records: table.records().map(Arc::clone).collect(),
            garbled: table.garbled().map(|(name, why)| (name.into(), why.into())).collect(),
            garbled_more: table.garbled_more(),
        }
    }
    let wanted = check.wanted().remove(0);
    let workloads = wanted.kind.resource();
    Seen {
        definitions: vec![(check.crds()[0].clone(), Ok(held(definition, &DEFINITIONS)))],
        controllers: vec![(wanted, Ok(held(workload, &workloads)))],
        ingress_class: Some(("web".to_owned(), Ok(held(class, &INGRESS_CLASSES)))),
    }
}

fn definition() -> Value {
    json!({
        "metadata": { "name": "gadgets.example.org" },
        "spec": { "versions": [{ "name": "v1", "served": true, "storage": true }] },
        "status": { "conditions": [
            { "type": "NamesAccepted", "status": "True", "reason": "NoConflicts" },
            { "type": "Established", "status": "True", "reason": "InitialNamesAccepted" },
        ] },
    })
}

fn workload() -> Value {
    json!({
        "metadata": { "namespace": "d", "name": "operator", "generation": 1 },
        "spec": { "replicas": 2 },
        "status": {
            "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2,
            "availableReplicas": 2,
        },
    })
}

fn class() -> Value {
    json!({ "metadata": { "name": "web" }, "spec": { "controller": "example.org/web" } })
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match object.pointer_mut(parent) {
        Some(Value::Array(items)) => items[name.parse::<usize>().unwrap()] = value,
        Some(parent) => parent[name] = value,
        None => unreachable!("{parent} is there"),
    }
    object
}

fn said(definition: &Value, workload: &Value, class: &Value) -> (Verdict, Option<&'static str>) {
    let check = operator();
    let seen = seen(&check, definition, workload, class);
    let judgement = check.judge(&seen, &Past::default(), Timestamp::UNIX_EPOCH);
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

#[test]
fn an_operator_is_judged_by_the_worst_that_can_be_said_of_it() {
    use Verdict::{Fail, Pass, Unknown, Warn};
    let of_crd = |pointer: &str, value: Value| {
        said(&with(definition(), pointer, value), &workload(), &class())
    };
    let of_workload = |pointer: &str, value: Value| {
        said(&definition(), &with(workload(), pointer, value), &class())
    };
    let of_class = |pointer: &str, value: Value| {
        said(&definition(), &workload(), &with(class(), pointer, value))
    };
    let false_ = |kind: &str| json!({ "type": kind, "status": "False", "reason": "Because" });
    let deleted = json!("2026-11-23T10:00:00Z");
    for (got, verdict, reason) in [
        (said(&definition(), &workload(), &class()), Pass, None),
        (said(&Value::Null, &workload(), &class()), Fail, Some("CrdAbsent")),
        (said(&definition(), &Value::Null, &class()), Fail, Some("ControllerAbsent")),
        (said(&definition(), &workload(), &Value::Null), Fail, Some("IngressClassAbsent")),
        (of_crd("/metadata/deletionTimestamp", deleted), Fail, Some("CrdBeingDeleted")),
        (of_crd("/status/conditions/0", false_("NamesAccepted")), Fail, Some("CrdNamesTaken")),
        (of_crd("/status/conditions/1", false_("Established")), Fail, Some("CrdNotEstablished")),
        (of_crd("/status/conditions", json!([])), Fail, Some("CrdNotEstablished")),
        (of_crd("/spec/versions/0/served", json!(false)), Fail, Some("VersionNotServed")),
        (of_crd("/spec/versions/0/name", json!("v2")), Fail, Some("VersionNotServed")),
        (of_crd("/spec/versions", json!(7)), Unknown, Some("Garbled")),
        (of_workload("/status/availableReplicas", json!(0)), Fail, Some("ControllerUnavailable")),
        (of_workload("/spec/replicas", json!(0)), Fail, Some("ControllerUnavailable")),
        (of_workload("/status/readyReplicas", json!(1)), Warn, Some("ControllerUnavailable")),
        (of_workload("/status/observedGeneration", json!(0)), Warn, Some("ControllerUnavailable")),
        (of_workload("/spec", json!({})), Unknown, Some("Garbled")),
        (
            of_class("/spec/controller", json!("example.org/other")),
            Fail,
            Some("IngressClassOthers"),
        ),
        (of_class("/spec", json!({})), Unknown, Some("Garbled")),
    ] {
        assert_eq!(got, (verdict, reason));
    }
}

#[test]
fn parameters_that_contradict_each_other_are_told() {
    assert_eq!(operator().flaws(), Vec::<String>::new());
    for preset in parameters::names() {
        assert_eq!(check(&format!("{{ preset: {preset} }}")).flaws(), Vec::<String>::new());
    }
    for (parameters, told) in [
        ("{}", "name the operator's `controllers`"),
        (
            "{ crds: [a.b], controllers: [{ kind: Deployment, name: a }] }",
            "sought in a `namespace`",
        ),
        (
            "{ namespace: d, selector: a=b, controllers: [{ kind: Deployment, name: a }] }",
            "exclude each other",
        ),
        ("{ selector: a=b, ingress_controller: c }", "that of an `ingress_class`"),
    ] {
        let flaws = check(parameters).flaws();
        assert!(flaws.iter().any(|flaw| flaw.contains(told)), "{parameters}: {flaws:?}");
    }
}

#[test]
fn what_stands_beside_a_preset_takes_its_place() {
    let moved = check("{ preset: cloudnative-pg, namespace: elsewhere }");
    let watch = &moved.wanted()[0].watch;
    assert_eq!(watch.namespace.as_deref(), Some("elsewhere"));
    assert_eq!(watch.name.as_deref(), Some("cnpg-controller-manager"));
    let sought =
        check("{ preset: cloudnative-pg, selector: app.kubernetes.io/name=cloudnative-pg }");
    let watch = &sought.wanted()[0].watch;
    assert_eq!((watch.namespace.as_deref(), watch.name.as_deref()), (None, None));
    assert_eq!(sought.crds().len(), 3, "its definitions are the preset's");
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

/// What may be taken away without a loss: of the names of conditions the first is but asked whether
/// it fails.
const IDLE: &[&str] =
    &["/reason", "/storage", "/updatedReplicas", "/conditions/0", "/metadata/namespace"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_field_of_any_other_type_breaks_nothing_and_passes_nothing(
        which in 0..3_usize,
        place in any::<prop::sample::Index>(),
        put in prop_oneof![
            Just(Value::Null), Just(json!({})), Just(json!([])), Just(json!([7])), Just(json!(-1.5)),
            "\\PC{0,8}".prop_map(Value::from),
        ],
    ) {
        let mut objects = [definition(), workload(), class()];
        let mut all = Vec::new();
        pointers(&objects[which], "", &mut all);
        let pointer = place.get(&all).clone();
        let old = objects[which].pointer(&pointer).unwrap().clone();
        objects[which] = with(objects[which].clone(), &pointer, put.clone());
        let (verdict, _) = said(&objects[0], &objects[1], &objects[2]);
        let other_type = std::mem::discriminant(&old) != std::mem::discriminant(&put);
        if other_type && !IDLE.iter().any(|idle| pointer.contains(idle)) {
            prop_assert_ne!(verdict, Verdict::Pass, "{} at {}", objects[which], pointer);
        }
    }
}
