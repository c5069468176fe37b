//! Objects that lack a field, or have one of a wrong type: no trouble may pass for that.

use serde_json::{Value, json};

/// Every field of an object, at any depth, as a pointer.
pub(super) fn fields(object: &Value) -> Vec<String> {
    let mut all = Vec::new();
    collect(object, "", &mut all);
    all
}

fn collect(value: &Value, path: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                all.push(path.clone());
                collect(member, &path, all);
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                collect(item, &format!("{path}/{number}"), all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The object without the field.
pub(super) fn without(object: &Value, pointer: &str) -> Value {
    let mut object = object.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    object.pointer_mut(parent).unwrap().as_object_mut().unwrap().shift_remove(&name);
    object
}

/// The object with other things in the place of the field, of types that it does not have.
pub(super) fn wrong(object: &Value, pointer: &str) -> Vec<Value> {
    let old = object.pointer(pointer).unwrap();
    let others = [json!(null), json!({}), json!([]), json!(1.5), json!("x"), json!(true)];
    let differs = |put: &Value| std::mem::discriminant(put) != std::mem::discriminant(old);
    let changed = |put: Value| {
        let mut object = object.clone();
        *object.pointer_mut(pointer).unwrap() = put;
        object
    };
    others.into_iter().filter(differs).map(changed).collect()
}

/// The object with another value at a pointer.
pub(super) fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[name] = value;
    object
}
