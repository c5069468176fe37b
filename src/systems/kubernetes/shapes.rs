//! Objects as real clusters show them, and all that may be wrong with them: for the tests of the
//! records, and of the kinds that judge them.
//!
//! Each shape bears the fields that the API's own schema knows and that matter to anybody here. A
//! test over a record says [`survives`], a test over a judgement [`never_passes`]; what is special
//! about an object is changed by [`with`] and [`without`].

use std::mem::discriminant;

use serde_json::{Value, json};

use super::record::Record;
use super::table::Table;
use crate::model::finding::Verdict;
use crate::model::needs::Resource;

macro_rules! shapes {
    ($($name:ident)*) => {
        $(#[doc = concat!("A healthy object: `", stringify!($name), "`.")]
        pub fn $name() -> Value {
            let text = include_str!(concat!("shapes/", stringify!($name), ".json"));
            serde_json::from_str(text).unwrap()
        })*
    };
}

shapes! {
    cron_job daemon_set deployment endpoint_slice horizontal_pod_autoscaler ingress job node pod
    replica_set service stateful_set
}

/// The length of a text that is enormous for any field.
const ENORMOUS: usize = 1 << 16;

/// The object with another value at a pointer; its parent must be there.
pub fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}: no parent"));
    match parent.as_array_mut() {
        Some(items) => items[name.parse::<usize>().unwrap()] = value,
        None => parent[name] = value,
    }
    object
}

/// The object without the field or element at a pointer.
pub fn without(mut object: Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    // Names bear slashes, which pointers escape.
    let name = name.replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.shift_remove(&name).unwrap()),
        Some(Value::Array(items)) => drop(items.remove(name.parse().unwrap())),
        _ => panic!("{pointer} is not there"),
    }
    object
}

/// The pointers of all fields and elements of an object.
pub fn pointers(object: &Value) -> Vec<String> {
    let mut all = Vec::new();
    collect(object, "", &mut all);
    all
}

fn collect(value: &Value, here: &str, all: &mut Vec<String>) {
    let mut below = |name: &str, value: &Value| {
        let pointer = format!("{here}/{}", name.replace('~', "~0").replace('/', "~1"));
        collect(value, &pointer, all);
        all.push(pointer);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| below(&n.to_string(), value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What is put in the place of a field.
pub fn oddities() -> Vec<Value> {
    let deep = (0..60).fold(json!({}), |inner, _| json!({ "a": [inner] }));
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("\u{0}\u{202e}\"<script>"),
        json!("9999-12-31T23:59:59Z"),
        json!([]),
        json!([[], {}, "", 0]),
        json!({}),
        deep,
    ]
}

/// The object with each of its fields taken away, and with each oddity in the place of each: what
/// was done, where, and what came of it.
pub fn spoiled(object: &Value) -> impl Iterator<Item = Spoiled> {
    let oddities = oddities();
    pointers(object).into_iter().flat_map(move |pointer| {
        let before = object.pointer(&pointer).unwrap().clone();
        let gone = Spoiled {
            done: format!("without {pointer}"),
            retyped: true,
            object: without(object.clone(), &pointer),
            pointer: pointer.clone(),
        };
        let odd = oddities.iter().map(move |odd| Spoiled {
            done: format!("with {odd} at {pointer}"),
            retyped: discriminant(odd) != discriminant(&before),
            object: with_at(object, &pointer, odd),
            pointer: pointer.clone(),
        });
        std::iter::once(gone).chain(odd.collect::<Vec<_>>())
    })
}

/// An object of which one field is not as it should be.
#[derive(Debug)]
pub struct Spoiled {
    /// What was done to it.
    pub done: String,
    /// Where.
    pub pointer: String,
    /// Whether the field is gone or of another type, so that nobody can read it.
    pub retyped: bool,
    /// What came of it.
    pub object: Value,
}

fn with_at(object: &Value, pointer: &str, value: &Value) -> Value {
    let mut object = object.clone();
    *object.pointer_mut(pointer).unwrap() = value.clone();
    object
}

/// Holds a record to this: whatever is wrong with one field of an object, the object is kept or
/// named as garbled, never lost and never there twice, and it heals.
pub fn survives<R: Record>(resource: &Resource, object: &Value) {
    for Spoiled { done, object, pointer: _, retyped: _ } in spoiled(object) {
        let mut table = Table::<R>::default();
        table.take(&object.to_string(), resource);
        assert_eq!(counts(&table).iter().sum::<usize>(), 1, "{done}: {table:?}");
    }
    let mut table = Table::<R>::default();
    let enormous = json!("x".repeat(ENORMOUS));
    let is_identity =
        |pointer: &str| pointer == "/metadata" || pointer.starts_with("/metadata/name");
    for pointer in pointers(object).iter().filter(|pointer| !is_identity(pointer)) {
        table.take(&with_at(object, pointer, &enormous).to_string(), resource);
        assert_eq!(counts(&table).iter().sum::<usize>(), 1, "a long text at {pointer}");
    }
    table.take(&object.to_string(), resource);
    assert_eq!(counts(&table), [1, 0], "it heals: {table:?}");
}

/// How many objects are kept, and how many garbled.
fn counts<R: Record>(table: &Table<R>) -> [usize; 2] {
    [table.records().count(), table.garbled().count()]
}

/// Holds a judgement to this: an object in trouble does not pass for want of a field, nor for one
/// that can't be read. Below the pointers in `telling`, absence is itself a statement.
pub fn never_passes(object: &Value, telling: &[&str], judge: impl Fn(&Value) -> Verdict) {
    assert_ne!(judge(object), Verdict::Pass, "it is in no trouble: {object}");
    for Spoiled { done, pointer, retyped, object } in spoiled(object) {
        let is_telling = telling.iter().any(|telling| pointer.starts_with(telling));
        let verdict = judge(&object);
        if retyped && !is_telling {
            assert_ne!(verdict, Verdict::Pass, "{done}: {object}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::autoscaler::{AUTOSCALERS, Autoscaler};
    use super::super::cron_job::{CRON_JOBS, CronJob};
    use super::super::node::{NODES, Node};
    use super::super::whole::{Metadata, Whole};
    use super::*;

    fn resource(object: &Value) -> Resource {
        let version = object["apiVersion"].as_str().unwrap();
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        Resource {
            group: group.to_owned().into(),
            version: version.to_owned().into(),
            plural: "things".into(),
            kind: object["kind"].as_str().unwrap().to_owned().into(),
        }
    }

    #[test]
    fn any_object_survives_as_metadata_and_as_a_whole() {
        for object in [job(), ingress()] {
            survives::<Metadata>(&resource(&object), &object);
            survives::<Whole>(&resource(&object), &object);
        }
    }

    #[test]
    fn nodes_autoscalers_and_cron_jobs_survive_whatever_is_wrong_with_them() {
        survives::<Node>(&NODES, &node());
        survives::<Autoscaler>(&AUTOSCALERS, &horizontal_pod_autoscaler());
        survives::<CronJob>(&CRON_JOBS, &cron_job());
    }

    #[test]
    fn every_field_is_spoiled_once_a_way() {
        let object = json!({ "a/b": [1, { "c~d": "x" }] });
        assert_eq!(pointers(&object), ["/a~1b/0", "/a~1b/1/c~0d", "/a~1b/1", "/a~1b"]);
        assert_eq!(spoiled(&object).count(), 4 * (oddities().len() + 1));
        assert_eq!(without(object, "/a~1b/0"), json!({ "a/b": [{ "c~d": "x" }] }));
    }
}
