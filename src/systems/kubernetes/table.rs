//! The compact records of one watch, kept by namespace and name.
//!
//! A list marks what it names and, at its end, sweeps away what it did not: the API server sends no
//! deletion for what vanished between two lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::pool::Words;
use super::record::{Identity, Named, Record};
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
    /// Empty where the object is counted alone.
    why: String,
    round: u32,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self {
            records: BTreeMap::new(),
            garbled: BTreeMap::new(),
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
        let named = self.garbled.iter().filter(|(_, garbled)| !garbled.why.is_empty());
        named.map(|(name, garbled)| (name.as_str(), garbled.why.as_str()))
    }

    /// How many more there are than [`Self::garbled`] names.
    pub fn garbled_more(&self) -> usize {
        self.garbled.len() - self.garbled().count()
    }

    /// Whether there was an object without a name: nothing but a list tells that it is gone.
    pub(super) fn has_nameless(&self) -> bool {
        self.garbled.contains_key("")
    }

    /// Takes an object that is there, as JSON.
    pub fn take(&mut self, object: &str, resource: &Resource) -> Taken {
        let meta = identity_of(object);
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
        let meta = identity_of(object);
        let key = meta.key(&mut self.words);
        let changed = key.is_some_and(|key| self.remove(&key));
        Taken { changed, version: meta.resource_version }
    }

    /// A list begins.
    pub(super) fn begin(&mut self) {
        self.round = self.round.wrapping_add(1);
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
        let is_told = match self.garbled.get(&name) {
            Some(before) => !before.why.is_empty(),
            None => self.garbled.len() < MOST_GARBLED,
        };
        let why = if is_told { legible(why, 200) } else { String::new() };
        self.garbled.insert(name, Garbled { why, round: self.round });
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

fn identity_of(object: &str) -> Identity {
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
        Job { namespace: "d".into(), name: name.into(), ..Job::default() }
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
    fn garbled_objects_beyond_those_named_are_counted_once_and_until_they_heal_or_go() {
        let mut table = Table::default();
        for number in 0..MOST_GARBLED + 2 {
            table.garble(Some(&key(&format!("{number:03}"))), "expected a number");
        }
        table.garble(Some(&key("101")), "expected a number, again");
        assert_eq!((table.garbled().count(), table.garbled_more()), (MOST_GARBLED, 2));
        table.put(key("100"), job("100"));
        table.remove(&key("101"));
        assert_eq!((table.garbled().count(), table.garbled_more()), (MOST_GARBLED, 0));
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
