//! The town's cluster on a real API server: its objects, copied once, and after that whatever changes
//! of them, as an operator's or a person's patches would.
//!
//! Owners bear the identities that the real server gives them. What the server makes up by itself
//! (addresses of Services, selectors of Jobs) is left to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use vigie_sim::kubernetes::ApiServer;

use crate::conformance::server::Server;

/// What stands in the way of others once it is there: limits hold for what comes after them.
const LAST: [&str; 2] = ["LimitRange", "ResourceQuota"];

/// The real server, and what was last seen of the town's.
pub struct Mirror {
    server: Server,
    seen: Mutex<BTreeMap<Key, Value>>,
}

/// API version, kind, namespace, name.
type Key = [String; 4];

impl Mirror {
    /// Copies everything.
    pub async fn of(town: &ApiServer, server: Server) -> Self {
        let mirror = Self { server, seen: Mutex::default() };
        let mut waiting = Self::look(town);
        for (key, definition) in
            waiting.extract_if(.., |key, _| key[1] == "CustomResourceDefinition")
        {
            mirror.define(&definition).await;
            mirror.seen.lock().await.insert(key, definition);
        }
        let namespaces: BTreeSet<_> = waiting.keys().map(|key| key[2].clone()).collect();
        for name in namespaces.into_iter().filter(|name| !name.is_empty()) {
            let made =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
            mirror.server.put(made, "").await;
        }
        let mut identities = BTreeMap::new();
        while !waiting.is_empty() {
            let unknown: BTreeSet<_> =
                waiting.values().map(|object| word(object, "/metadata/uid")).collect();
            let limits_remain = waiting.keys().all(|key| LAST.contains(&&*key[1]));
            let is_next = |key: &Key, object: &Value| {
                let is_limit = LAST.contains(&&*key[1]);
                let owners = owners(object).into_iter().any(|owner| unknown.contains(&owner));
                !owners && (limits_remain || !is_limit)
            };
            let next: Vec<_> = waiting.extract_if(.., |key, object| is_next(key, object)).collect();
            assert!(!next.is_empty(), "objects that own each other: {:?}", waiting.keys());
            for (key, object) in next {
                let made = mirror.server.put(ready(&object, &identities), &key[2]).await;
                identities.insert(word(&object, "/metadata/uid"), word(&made, "/metadata/uid"));
                if key[1] == "Node" {
                    // A new node is held for one that is not ready until somebody says otherwise.
                    let taints = json!({ "spec": { "taints": object["spec"]["taints"] } });
                    mirror.server.patch(&object, "", "", taints).await;
                }
                mirror.seen.lock().await.insert(key, object);
            }
        }
        mirror
    }

    /// Does on the real server what was done in the town since it was last seen.
    pub async fn follow(&self, town: &ApiServer) {
        let now = Self::look(town);
        let mut seen = self.seen.lock().await;
        for (key, before) in seen.iter().filter(|(key, _)| !now.contains_key(*key)) {
            self.server.remove(before, &key[2]).await;
        }
        for (key, object) in &now {
            match seen.get(key) {
                None => drop(self.server.put(ready(object, &BTreeMap::new()), &key[2]).await),
                Some(before) => self.change(before, object, &key[2]).await,
            }
        }
        *seen = now;
    }

    async fn change(&self, before: &Value, now: &Value, namespace: &str) {
        let Some(mut changes) = difference(&bare(before), &bare(now)) else { return };
        let status = changes.as_object_mut().and_then(|changes| changes.remove("status"));
        if changes.as_object().is_some_and(|changes| !changes.is_empty()) {
            self.server.patch(now, namespace, "", changes).await;
        }
        if let Some(status) = status {
            self.server.patch(now, namespace, "/status", json!({ "status": status })).await;
        }
    }

    fn look(town: &ApiServer) -> BTreeMap<Key, Value> {
        let all = town.everything().into_iter();
        all.filter(|object| object["kind"] != "Event")
            .map(|object| {
                let place = ["/apiVersion", "/kind", "/metadata/namespace", "/metadata/name"];
                (place.map(|pointer| word(&object, pointer)), object)
            })
            .collect()
    }

    async fn define(&self, definition: &Value) {
        let spec = &definition["spec"];
        let versions = spec["versions"].as_array().expect("versions");
        let stored = versions.iter().find(|version| version["storage"] == true);
        let version = word(stored.unwrap_or(&versions[0]), "/name");
        let api_version = format!("{}/{version}", word(spec, "/group"));
        let [kind, plural] = ["/names/kind", "/names/plural"].map(|pointer| word(spec, pointer));
        self.server.define(&api_version, &kind, &plural, spec["scope"] == "Namespaced").await;
    }
}

fn word(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The identities of an object's owners.
fn owners(object: &Value) -> Vec<String> {
    let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    owners.map(|owner| word(owner, "/uid")).collect()
}

/// An object without what a server makes up.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for own in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
            metadata.remove(own);
        }
        metadata.remove("ownerReferences");
    }
    let made_up: &[&str] = match object["kind"].as_str() {
        Some("Service") if object["spec"]["clusterIP"] != "None" => &["clusterIP", "clusterIPs"],
        Some("Job") => &["selector"],
        Some(_) | None => &[],
    };
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.retain(|field, _| !made_up.contains(&field.as_str()));
    }
    if object["kind"] == "Job" {
        complete(&mut object["status"]);
    }
    object
}

/// A real server takes a Job for complete only where its criteria of success were met before.
fn complete(status: &mut Value) {
    let Some(conditions) = status["conditions"].as_array_mut() else { return };
    let complete = conditions.iter().find(|condition| condition["type"] == "Complete");
    if let Some(mut met) = complete.cloned() {
        met["type"] = json!("SuccessCriteriaMet");
        met["reason"] = json!("CompletionsReached");
        conditions.insert(0, met);
    }
}

/// The same with its owners, as they are known on the real server.
fn ready(object: &Value, identities: &BTreeMap<String, String>) -> Value {
    let mut ready = bare(object);
    let mut owners = object["metadata"]["ownerReferences"].clone();
    for owner in owners.as_array_mut().into_iter().flatten() {
        if let Some(identity) = identities.get(&word(owner, "/uid")) {
            owner["uid"] = json!(identity);
        }
    }
    if !owners.is_null() {
        ready["metadata"]["ownerReferences"] = owners;
    }
    ready
}

/// The merge patch that leads from one value to another; none where they are the same.
fn difference(before: &Value, now: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, now) else {
        return (before != now).then(|| now.clone());
    };
    let mut changes = Map::new();
    for field in old.keys().filter(|field| !new.contains_key(*field)) {
        changes.insert(field.clone(), Value::Null);
    }
    for (field, value) in new {
        let change = match old.get(field) {
            Some(old) => difference(old, value),
            None => Some(value.clone()),
        };
        changes.extend(change.map(|change| (field.clone(), change)));
    }
    (!changes.is_empty()).then_some(Value::Object(changes))
}
