//! What everything was like, and how it becomes so again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::object::{Key, Object};
use super::store::Store;
use super::{ApiServer, Failure, lock};

/// Every object at one moment.
pub struct Memory(BTreeMap<(String, Key), (Arc<Object>, Value)>);

/// The objects that have changed since, each as it was; those that are new, without.
#[derive(Debug)]
pub struct Changes(Vec<(String, Option<Value>)>);

impl ApiServer {
    /// Remembers everything.
    pub fn remember(&self) -> Memory {
        Memory(all(&lock(&self.shared.store), |_, _| true))
    }

    /// Every object, as clients get it.
    pub fn everything(&self) -> Vec<Value> {
        let all = all(&lock(&self.shared.store), |_, _| true);
        all.into_values().map(|(_, object)| object).collect()
    }

    /// What has changed since then.
    pub fn changes_since(&self, memory: &Memory) -> Changes {
        let store = lock(&self.shared.store);
        let same = |place: &(String, Key), object: &Arc<Object>| {
            memory.0.get(place).is_some_and(|(before, _)| Arc::ptr_eq(before, object))
        };
        let changed = all(&store, |place, object| !same(place, object));
        let there = all(&store, |_, _| true);
        let mut changes = Vec::new();
        for (place, (_, before)) in &memory.0 {
            if changed.contains_key(place) || !there.contains_key(place) {
                changes.push((path(place), Some(before.clone())));
            }
        }
        let new = changed.keys().filter(|place| !memory.0.contains_key(*place));
        changes.extend(new.map(|place| (path(place), None)));
        // A definition comes before the objects of its kind.
        changes.sort_by_key(|(path, _)| !path.starts_with("customresourcedefinitions"));
        Changes(changes)
    }

    /// Makes these objects what they were.
    ///
    /// # Errors
    /// An object is not taken.
    pub fn undo(&self, Changes(changes): Changes) -> Result<(), Failure> {
        for (path, before) in changes {
            match before {
                Some(object) => self.put_back(&path, object)?,
                // It may have gone with something else.
                None => drop(self.delete(&path)),
            }
        }
        Ok(())
    }

    /// As it was, and seen so by its controller.
    fn put_back(&self, path: &str, mut object: Value) -> Result<(), Failure> {
        object["metadata"]["resourceVersion"] = Value::Null;
        if object["kind"] == "CustomResourceDefinition" {
            object["status"] = Value::Null;
        }
        let back = self.apply(object)?;
        if back["status"]["observedGeneration"].is_null() {
            return Ok(());
        }
        let seen = json!({ "status": { "observedGeneration": back["metadata"]["generation"] } });
        self.patch(path, &seen).map(drop)
    }
}

type Objects = BTreeMap<(String, Key), (Arc<Object>, Value)>;

fn all(store: &Store, wanted: impl Fn(&(String, Key), &Arc<Object>) -> bool) -> Objects {
    let mut objects = Objects::new();
    for kind in store.kinds() {
        let Ok(collection) = store.collection(kind) else { continue };
        for (key, object) in &collection.objects {
            let place = (kind.resource(), key.clone());
            if wanted(&place, object) {
                objects.insert(place, (Arc::clone(object), object.value(kind)));
            }
        }
    }
    objects
}

fn path((resource, (namespace, name)): &(String, Key)) -> String {
    if namespace.is_empty() {
        format!("{resource}/{name}")
    } else {
        format!("{resource}/{namespace}/{name}")
    }
}
