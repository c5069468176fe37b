//! Writes, over HTTP and from Rust: create, replace, patch, delete, with what a server adds to them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::kinds::Kind;
use super::object::{Key, now, stamp};
use super::patch;
use super::store::Store;

/// Which part of an object a write may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Everything: what tests do from Rust.
    Whole,
    /// Everything but the status, where that is a subresource.
    Main,
    /// The status alone.
    Status,
}

/// How a patch is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Merge,
    Strategic,
    Json,
    /// Server-side apply, taken as a merge that creates what is missing.
    Apply,
}

/// The key of an object of `kind`.
pub(super) fn key(kind: &Kind, namespace: Option<&str>, name: &str) -> Key {
    let namespace = if kind.namespaced { namespace.unwrap_or("default") } else { "" };
    (namespace.into(), name.into())
}

/// Creates an object.
pub(super) fn create(
    store: &mut Store,
    kind: &Arc<Kind>,
    namespace: Option<&str>,
    mut value: Value,
    part: Part,
) -> Result<Value, Failure> {
    if !value["metadata"].is_object() {
        value["metadata"] = json!({});
    }
    let uid = store.next_uid();
    let metadata = &mut value["metadata"];
    if let (None, Some(prefix)) = (metadata["name"].as_str(), metadata["generateName"].as_str()) {
        metadata["name"] = format!("{prefix}{}", &uid[4..8]).into();
    }
    let name = metadata["name"].as_str().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(Failure::invalid(kind, "", "metadata.name: Required value"));
    }
    let own = metadata["namespace"].as_str().map(str::to_owned);
    let key = key(kind, namespace.or(own.as_deref()), &name);
    if own.is_some_and(|own| kind.namespaced && *own != *key.0) {
        let message = "the namespace of the provided object does not match the namespace sent on \
                       the request";
        return Err(Failure::bad_request(message));
    }
    if store.get(kind, &key).is_ok() {
        return Err(Failure::already_exists(kind, &name));
    }
    if kind.namespaced {
        has_namespace(store, &key.0, part)?;
    }
    let metadata = complete(&value["metadata"], &key, uid, !value["spec"].is_null());
    value["metadata"] = metadata;
    value["apiVersion"] = kind.api_version().into();
    value["kind"] = kind.kind.clone().into();
    if part == Part::Main {
        set_defaults(kind, &mut value);
    }
    let stored = store.put(kind, value)?.value(kind);
    after_write(store, kind, &stored);
    Ok(stored)
}

/// Metadata with all that a server adds, in its order.
fn complete(given: &Value, key: &Key, uid: String, with_generation: bool) -> Value {
    let mut metadata = json!({ "name": &*key.1 });
    if !key.0.is_empty() {
        metadata["namespace"] = (*key.0).into();
    }
    metadata["uid"] = uid.into();
    metadata["resourceVersion"] = "".into();
    if with_generation {
        metadata["generation"] = 1.into();
    }
    metadata["creationTimestamp"] = stamp(now()).into();
    for (name, value) in given.as_object().into_iter().flatten() {
        if !value.is_null() && name != "resourceVersion" {
            metadata[name] = value.clone();
        }
    }
    metadata
}

/// From Rust a missing namespace is made; over HTTP the write is refused, as by a server.
fn has_namespace(store: &mut Store, namespace: &str, part: Part) -> Result<(), Failure> {
    let kind = store.called("namespaces")?;
    let key = (Arc::from(""), Arc::from(namespace));
    match (store.get(&kind, &key), part) {
        (Ok(_), _) => Ok(()),
        (Err(_), Part::Whole) => {
            let value = json!({
                "metadata": {
                    "name": namespace,
                    "labels": { "kubernetes.io/metadata.name": namespace },
                },
                "spec": { "finalizers": ["kubernetes"] },
                "status": { "phase": "Active" },
            });
            create(store, &kind, None, value, Part::Whole).map(drop)
        }
        (Err(missing), Part::Main | Part::Status) => Err(missing),
    }
}

/// What admission and defaulting would add where no controller runs.
fn set_defaults(kind: &Kind, value: &mut Value) {
    if kind.status && !kind.custom {
        value["status"] = json!({});
    }
    match kind.resource().as_str() {
        "pods" => value["status"] = json!({ "phase": "Pending", "qosClass": "BestEffort" }),
        "namespaces" => value["status"] = json!({ "phase": "Active" }),
        "nodes" => {
            let taint = json!({ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" });
            if !value["spec"].is_object() {
                value["spec"] = json!({});
            }
            match value["spec"]["taints"].as_array_mut() {
                Some(taints) => taints.push(taint),
                None => value["spec"]["taints"] = json!([taint]),
            }
        }
        _ => {}
    }
}

/// Replaces an object, or one part of it.
pub(super) fn replace(
    store: &mut Store,
    kind: &Arc<Kind>,
    key: &Key,
    mut value: Value,
    part: Part,
) -> Result<Value, Failure> {
    let old = store.get(kind, key)?.value(kind);
    let given = value["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    if part != Part::Whole && !given.is_empty() && old["metadata"]["resourceVersion"] != given {
        return Err(Failure::conflict(kind, &key.1));
    }
    if part == Part::Status {
        let status = std::mem::take(&mut value["status"]);
        value = old.clone();
        value["status"] = status;
    } else if part == Part::Main && kind.status {
        set(&mut value, "status", &old["status"]);
    }
    keep_identity(&mut value, &old, kind);
    if value == old {
        return Ok(old);
    }
    let finalized = value["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
    if !value["metadata"]["deletionTimestamp"].is_null() && finalized && part != Part::Whole {
        // The answer to a write shows what was written, also where it was the last.
        store.remove(kind, key)?;
        return Ok(value);
    }
    let stored = store.put(kind, value)?.value(kind);
    after_write(store, kind, &stored);
    Ok(stored)
}

/// What no write changes stays; the generation counts changes of the specification.
fn keep_identity(value: &mut Value, old: &Value, kind: &Kind) {
    if !value["metadata"].is_object() {
        value["metadata"] = json!({});
    }
    let spec_changed = value["spec"] != old["spec"];
    let (metadata, known) = (&mut value["metadata"], &old["metadata"]);
    for name in ["name", "namespace", "uid", "resourceVersion", "generation"] {
        set(metadata, name, &known[name]);
    }
    for name in ["creationTimestamp", "deletionTimestamp"] {
        if metadata[name].is_null() {
            set(metadata, name, &known[name]);
        }
    }
    if spec_changed && let Some(generation) = known["generation"].as_u64() {
        metadata["generation"] = (generation + 1).into();
    }
    value["apiVersion"] = kind.api_version().into();
    value["kind"] = kind.kind.clone().into();
}

/// Sets a member, or removes it where `to` is null.
fn set(value: &mut Value, name: &str, to: &Value) {
    let Some(members) = value.as_object_mut() else { return };
    if to.is_null() {
        members.shift_remove(name);
    } else {
        members.insert(name.to_owned(), to.clone());
    }
}

/// Patches an object, or one part of it.
pub(super) fn patch(
    store: &mut Store,
    kind: &Arc<Kind>,
    key: &Key,
    patch: &Value,
    dialect: Dialect,
    part: Part,
) -> Result<Value, Failure> {
    let mut value = match store.get(kind, key) {
        Ok(object) => object.value(kind),
        Err(_) if dialect == Dialect::Apply && part != Part::Status => {
            let namespace = kind.namespaced.then_some(&*key.0);
            return create(store, kind, namespace, patch.clone(), part);
        }
        Err(missing) => return Err(missing),
    };
    match dialect {
        Dialect::Merge => patch::merge(&mut value, patch),
        Dialect::Strategic | Dialect::Apply => patch::strategic(&mut value, patch),
        Dialect::Json => patch::json_patch(&mut value, patch)?,
    }
    replace(store, kind, key, value, part)
}

/// Deletes an object, or marks it as being deleted where finalizers hold it.
pub(super) fn delete(store: &mut Store, kind: &Arc<Kind>, key: &Key) -> Result<Value, Failure> {
    let mut value = store.get(kind, key)?.value(kind);
    let held = value["metadata"]["finalizers"].as_array().is_some_and(|held| !held.is_empty());
    let unmarked = value["metadata"]["deletionTimestamp"].is_null();
    // Pods are marked before they go, also where nothing holds them.
    if unmarked && (held || kind.resource() == "pods") {
        value["metadata"]["deletionTimestamp"] = stamp(now()).into();
        value["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        value = store.put(kind, value)?.value(kind);
    }
    if held {
        return Ok(value);
    }
    let removed = store.remove(kind, key)?;
    after_delete(store, kind, &value)?;
    Ok(removed.value(kind))
}

/// The answer to a deletion that is done.
pub(super) fn deleted(kind: &Kind, value: &Value) -> Value {
    let mut details = json!({
        "name": value["metadata"]["name"],
        "kind": kind.plural,
        "uid": value["metadata"]["uid"],
    });
    if !kind.group.is_empty() {
        details["group"] = kind.group.clone().into();
    }
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    })
}

/// A definition of custom resources makes them known at once.
fn after_write(store: &mut Store, kind: &Kind, stored: &Value) {
    if kind.plural != "customresourcedefinitions" {
        return;
    }
    let spec = &stored["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let group = text(&spec["group"]);
    for version in spec["versions"].as_array().into_iter().flatten() {
        let names = &spec["names"];
        if version["served"] != true {
            store.unserve(&group, &text(&version["name"]), &text(&names["plural"]));
            continue;
        }
        let api_version = format!("{group}/{}", text(&version["name"]));
        let short = names["shortNames"].as_array().into_iter().flatten().map(text).collect();
        store.register(Kind {
            namespaced: spec["scope"] != "Cluster",
            status: version["subresources"]["status"].is_object(),
            short,
            ..Kind::custom(&api_version, &text(&names["kind"]), &text(&names["plural"]))
        });
    }
    let name = text(&stored["metadata"]["name"]);
    let conditions = json!([
        { "type": "NamesAccepted", "status": "True", "reason": "NoConflicts" },
        { "type": "Established", "status": "True", "reason": "InitialNamesAccepted" },
    ]);
    // What somebody wrote there stands for a controller that comes to another end.
    if stored["status"]["conditions"].is_null() {
        let mut stored = stored.clone();
        stored["status"] = json!({ "conditions": conditions, "acceptedNames": spec["names"] });
        // It was stored a moment ago, under the same lock.
        drop(store.put(kind, stored).map_err(|_| name));
    }
}

/// A namespace takes its objects with it, a definition its resource.
fn after_delete(store: &mut Store, kind: &Kind, value: &Value) -> Result<(), Failure> {
    match kind.resource().as_str() {
        "namespaces" => {
            let name = value["metadata"]["name"].as_str().unwrap_or_default();
            let kinds: Vec<_> = store.kinds().filter(|k| k.namespaced).map(Arc::clone).collect();
            for kind in kinds {
                let inside: Vec<Key> = store
                    .collection(&kind)?
                    .objects
                    .keys()
                    .filter(|key| &*key.0 == name)
                    .cloned()
                    .collect();
                for key in inside {
                    store.remove(&kind, &key)?;
                }
            }
        }
        "customresourcedefinitions.apiextensions.k8s.io" => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let spec = &value["spec"];
            store.unregister(&text(&spec["group"]), &text(&spec["names"]["plural"]));
        }
        _ => {}
    }
    Ok(())
}

/// An object from Rust: created, or replaced as a whole.
pub(super) fn apply(store: &mut Store, value: Value) -> Result<Value, Failure> {
    let kind = store.kind_of(&value)?;
    let name = value["metadata"]["name"].as_str().unwrap_or_default();
    let key = key(&kind, value["metadata"]["namespace"].as_str(), name);
    match store.get(&kind, &key) {
        Ok(_) => replace(store, &kind, &key, value, Part::Whole),
        Err(_) => create(store, &kind, None, value, Part::Whole),
    }
}

/// `pods/namespace/name` or `nodes/name` as a kind and a key.
pub(super) fn place(store: &Store, path: &str) -> Result<(Arc<Kind>, Key), Failure> {
    let wrong = || Failure::bad_request(format!("`{path}` is not resource/[namespace/]name"));
    let (resource, rest) = path.split_once('/').ok_or_else(wrong)?;
    let kind = store.called(resource)?;
    let key = match (kind.namespaced, rest.split_once('/')) {
        (true, Some((namespace, name))) => key(&kind, Some(namespace), name),
        (false, None) => key(&kind, None, rest),
        (true, None) | (false, Some(_)) => return Err(wrong()),
    };
    Ok((kind, key))
}

/// An empty object where the body is empty: deletions may say nothing.
pub(super) fn parse(body: &[u8]) -> Result<Value, Failure> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(body)
        .map_err(|error| Failure::bad_request(format!("the body is not JSON: {error}")))
}
