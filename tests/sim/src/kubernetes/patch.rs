//! Patches: merge, strategic merge for the lists that have merge keys, and JSON Patch.

use serde_json::{Map, Value};

use super::failure::Failure;

/// Lists that a strategic patch merges, and the member that names their elements.
const MERGE_KEYS: [(&str, &str); 10] = [
    ("conditions", "type"),
    ("containers", "name"),
    ("initContainers", "name"),
    ("env", "name"),
    ("volumes", "name"),
    ("volumeMounts", "mountPath"),
    ("ownerReferences", "uid"),
    ("imagePullSecrets", "name"),
    ("addresses", "type"),
    ("hostAliases", "ip"),
];

/// RFC 7396.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            object(target).shift_remove(name);
        } else {
            merge(object(target).entry(name).or_insert(Value::Null), value);
        }
    }
}

/// A merge that knows elements of lists by name; `$` directives that only order are passed over.
pub(super) fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if members.get("$patch").is_some_and(|word| word == "replace") {
        *target = patch.clone();
        object(target).shift_remove("$patch");
        return;
    }
    for (name, value) in members {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            if let Some(kept) = object(target).get_mut(list).and_then(Value::as_array_mut) {
                let gone = value.as_array().map_or(&[][..], Vec::as_slice);
                kept.retain(|element| !gone.contains(element));
            }
        } else if name.starts_with('$') {
        } else if value.is_null() {
            object(target).shift_remove(name);
        } else {
            let key = MERGE_KEYS.iter().find(|(list, _)| list == name).map(|(_, key)| *key);
            let known = object(target).entry(name).or_insert(Value::Null);
            match (key, value) {
                (Some(key), Value::Array(elements)) => merge_list(known, elements, key),
                _ => strategic(known, value),
            }
        }
    }
}

fn merge_list(target: &mut Value, elements: &[Value], key: &str) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Value::Array(list) = target else { return };
    for element in elements {
        let place = list.iter().position(|known| known[key] == element[key]);
        match (element["$patch"].as_str(), place) {
            (Some("delete"), Some(place)) => drop(list.remove(place)),
            (Some("delete"), None) => {}
            (Some("replace"), _) => list.clear(),
            (_, Some(place)) => strategic(&mut list[place], element),
            (_, None) => list.push(element.clone()),
        }
    }
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(members) = value else { unreachable!("made an object above") };
    members
}

/// RFC 6902.
pub(super) fn json_patch(target: &mut Value, patch: &Value) -> Result<(), Failure> {
    let steps = patch.as_array().ok_or_else(|| Failure::bad_request("a patch is a list"))?;
    for step in steps {
        let to = step["path"].as_str().unwrap_or_default();
        let from = step["from"].as_str().unwrap_or_default();
        let wrong = || {
            let message =
                format!("the server rejected our request due to an error in our request: {step}");
            Failure::new(422, "Invalid", message)
        };
        let done = match step["op"].as_str() {
            Some("add") => add(target, to, step["value"].clone()),
            Some("remove") => remove(target, to).map(drop),
            Some("replace") => target.pointer_mut(to).map(|old| *old = step["value"].clone()),
            Some("test") => target.pointer(to).filter(|old| **old == step["value"]).map(drop),
            Some("move") => remove(target, from).and_then(|value| add(target, to, value)),
            Some("copy") => {
                let value = target.pointer(from).cloned();
                value.and_then(|value| add(target, to, value))
            }
            _ => None,
        };
        done.ok_or_else(wrong)?;
    }
    Ok(())
}

/// What holds the member that a pointer ends with, and that member's name.
fn holder<'a>(target: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (holder, member) = path.rsplit_once('/')?;
    Some((target.pointer_mut(holder)?, member.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    let (holder, member) = holder(target, path)?;
    if let Some(elements) = holder.as_array_mut() {
        let end = elements.len();
        let at = if member == "-" { end } else { member.parse().ok()? };
        (at <= end).then(|| elements.insert(at, value))
    } else {
        holder.as_object_mut()?.insert(member, value);
        Some(())
    }
}

fn remove(target: &mut Value, path: &str) -> Option<Value> {
    let (holder, member) = holder(target, path)?;
    if let Some(elements) = holder.as_array_mut() {
        let at = member.parse::<usize>().ok().filter(|at| *at < elements.len())?;
        return Some(elements.remove(at));
    }
    holder.as_object_mut()?.shift_remove(&member)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_removes_and_lists_are_replaced_by_a_merge() {
        let mut value = json!({ "a": 1, "b": { "c": [1, 2], "d": 3 } });
        merge(&mut value, &json!({ "a": null, "b": { "c": [9] } }));
        assert_eq!(value, json!({ "b": { "c": [9], "d": 3 } }));
    }

    #[test]
    fn conditions_are_merged_by_type_by_a_strategic_patch() {
        let mut value = json!({ "conditions": [
            { "type": "Ready", "status": "True", "reason": "x" },
            { "type": "Old", "status": "True" },
        ] });
        let patch = json!({ "$setElementOrder/conditions": [], "conditions": [
            { "type": "Ready", "status": "False" },
            { "type": "Old", "$patch": "delete" },
            { "type": "New", "status": "True" },
        ] });
        strategic(&mut value, &patch);
        let wanted = json!({ "conditions": [
            { "type": "Ready", "status": "False", "reason": "x" },
            { "type": "New", "status": "True" },
        ] });
        assert_eq!(value, wanted);
    }

    #[test]
    fn json_patch_steps_are_done_in_turn() {
        let mut value = json!({ "a": { "b~/c": 1 }, "l": [1, 2] });
        let patch = json!([
            { "op": "test", "path": "/a/b~0~1c", "value": 1 },
            { "op": "replace", "path": "/a/b~0~1c", "value": 2 },
            { "op": "add", "path": "/l/-", "value": 3 },
            { "op": "remove", "path": "/l/0" },
            { "op": "move", "from": "/a", "path": "/z" },
        ]);
        json_patch(&mut value, &patch).unwrap();
        assert_eq!(value, json!({ "l": [2, 3], "z": { "b~/c": 2 } }));
        let refused = json_patch(&mut value, &json!([{ "op": "remove", "path": "/none" }]));
        assert_eq!(refused.unwrap_err().code, 422);
    }
}
