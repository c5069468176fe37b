//! The compact records of one watch, kept by namespace and name.
//!
//! A list marks what it names and, at its end, sweeps away what it did not: the API server sends no
//! deletion for what vanished between two lists.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::record::{Meta, Named, Record};
use crate::model::judgement::legible;
use crate::model::needs::Resource;

/// Namespace and name; the namespace is empty for kinds that have none.
pub(super) type Key = (Arc<str>, Arc<str>);

/// The most garbled objects that are kept by name.
const MOST_GARBLED: usize = 100;

/// What is known of the objects of one watch.
#[derive(Debug)]
pub struct Table<R> {
    records: BTreeMap<Key, Kept<R>>,
    garbled: BTreeMap<String, Garbled>,
    garbled_more: usize,
    round: u32,
    words: Words,
}

#[derive(Debug)]
struct Kept<R> {
    record: Arc<R>,
    round: u32,
}

#[derive(Debug)]
struct Garbled {
    why: String,
    round: u32,
}

/// Words that repeat from object to object, kept once.
#[derive(Debug, Default)]
pub struct Words(HashSet<Arc<str>>);

impl Words {
    /// The word, shared with whoever else has it.
    pub(super) fn shared(&mut self, word: &str) -> Arc<str> {
        if let Some(known) = self.0.get(word) {
            return Arc::clone(known);
        }
        let word: Arc<str> = word.into();
        self.0.insert(Arc::clone(&word));
        word
    }

    fn forget_unused(&mut self) {
        self.0.retain(|word| Arc::strong_count(word) > 1);
    }
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self {
            records: BTreeMap::new(),
            garbled: BTreeMap::new(),
            garbled_more: 0,
            round: 0,
            words: Words::default(),
        }
    }
}

impl<R: Record> Table<R> {
    /// The records, by namespace and name.
    pub fn records(&self) -> impl Iterator<Item = &Arc<R>> {
        self.records.values().map(|kept| &kept.record)
    }

    /// One record.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&Arc<R>> {
        self.records.get(&(namespace.into(), name.into())).map(|kept| &kept.record)
    }

    /// Objects that could not be decoded: their name as far as it is known, and what is wrong.
    pub fn garbled(&self) -> impl Iterator<Item = (&str, &str)> {
        self.garbled.iter().map(|(name, garbled)| (name.as_str(), garbled.why.as_str()))
    }

    /// How many more there are than [`Self::garbled`] names.
    pub fn garbled_more(&self) -> usize {
        self.garbled_more
    }

    /// Takes an object that is there, as JSON.
    pub fn take(&mut self, object: &str, resource: &Resource) -> Taken {
        let meta = meta_of(object);
        let key = meta.key(&mut self.words);
        let changed = match (key, serde_json::from_str::<R::Wire>(object)) {
            (Some(key), Ok(wire)) => {
                let record = R::of(wire, &key, resource, &mut self.words);
                self.put(key, record)
            }
            (Some(key), Err(error)) => self.garble(Some(&key), &error.to_string()),
            (None, _) => self.garble(None, "an object has no name"),
        };
        Taken { changed, version: meta.resource_version }
    }

    /// Forgets an object that is gone, as JSON.
    pub(super) fn forget(&mut self, object: &str) -> Taken {
        let meta = meta_of(object);
        let key = meta.key(&mut self.words);
        let changed = key.is_some_and(|key| self.remove(&key));
        Taken { changed, version: meta.resource_version }
    }

    /// A list begins.
    pub(super) fn begin(&mut self) {
        self.round = self.round.wrapping_add(1);
        self.garbled_more = 0;
    }

    /// A list is complete: what it did not name is gone.
    pub(super) fn sweep(&mut self) {
        let round = self.round;
        self.records.retain(|_, kept| kept.round == round);
        self.garbled.retain(|_, garbled| garbled.round == round);
        self.words.forget_unused();
    }

    /// Keeps a record. Says whether anything changed.
    fn put(&mut self, key: Key, record: R) -> bool {
        let healed = self.garbled.remove(&shown(&key)).is_some();
        let round = self.round;
        match self.records.get_mut(&key) {
            Some(kept) => {
                kept.round = round;
                if *kept.record == record {
                    return healed;
                }
                kept.record = Arc::new(record);
            }
            None => {
                self.records.insert(key, Kept { record: Arc::new(record), round });
            }
        }
        true
    }

    /// Forgets an object. Says whether anything changed.
    fn remove(&mut self, key: &Key) -> bool {
        let garbled = self.garbled.remove(&shown(key)).is_some();
        self.records.remove(key).is_some() || garbled
    }

    /// Notes an object that could not be decoded; what was known of it is no longer true. Says that
    /// something changed.
    pub(super) fn garble(&mut self, key: Option<&Key>, why: &str) -> bool {
        let name = match key {
            Some(key) => {
                self.records.remove(key);
                shown(key)
            }
            None => String::new(),
        };
        if self.garbled.len() >= MOST_GARBLED && !self.garbled.contains_key(&name) {
            self.garbled_more += 1;
            return true;
        }
        self.garbled.insert(name, Garbled { why: legible(why, 200), round: self.round });
        true
    }
}

/// What an object came to.
pub struct Taken {
    /// Whether anything is known that was not before.
    pub changed: bool,
    /// The object's version.
    pub version: Option<String>,
}

fn meta_of(object: &str) -> Meta {
    serde_json::from_str::<Named>(object).unwrap_or_default().metadata
}

/// `namespace/name`, or the name alone.
fn shown((namespace, name): &Key) -> String {
    if namespace.is_empty() { name.to_string() } else { format!("{namespace}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::super::job::Job;
    use super::*;

    fn key(name: &str) -> Key {
        ("d".into(), name.into())
    }

    fn job(name: &str) -> Job {
        Job { namespace: "d".into(), name: name.into(), complete: false }
    }

    fn names(table: &Table<Job>) -> Vec<&str> {
        table.records().map(|job| &*job.name).collect()
    }

    #[test]
    fn what_a_list_does_not_name_is_swept_at_its_end_and_not_before() {
        let mut table = Table::default();
        table.begin();
        assert!(table.put(key("a"), job("a")));
        assert!(table.put(key("b"), job("b")));
        table.sweep();
        table.begin();
        assert!(!table.put(key("b"), job("b")), "nothing changed");
        assert_eq!(names(&table), ["a", "b"], "the list may be cut here");
        table.sweep();
        assert_eq!(names(&table), ["b"]);
    }

    #[test]
    fn a_garbled_object_is_named_until_it_heals_or_goes() {
        let mut table = Table::default();
        table.put(key("a"), job("a"));
        table.garble(Some(&key("a")), "expected a number");
        assert!(names(&table).is_empty(), "the old record is no longer true");
        assert_eq!(table.garbled().collect::<Vec<_>>(), [("d/a", "expected a number")]);
        assert!(table.put(key("a"), job("a")));
        assert_eq!(table.garbled().count(), 0);
        table.garble(None, "no name");
        table.begin();
        table.sweep();
        assert_eq!(table.garbled().count(), 0, "the new list did not show it");
    }
}
