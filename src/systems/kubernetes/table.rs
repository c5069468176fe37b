//! The compact records of one watch, kept by namespace and name.
//!
//! A list marks what it names and, at its end, sweeps away what it did not: the API server sends no
//! deletion for what vanished between two lists.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::record::Record;
use crate::model::judgement::legible;

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

    pub(super) fn words(&mut self) -> &mut Words {
        &mut self.words
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
    pub(super) fn put(&mut self, key: Key, record: R) -> bool {
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
    pub(super) fn remove(&mut self, key: &Key) -> bool {
        let garbled = self.garbled.remove(&shown(key)).is_some();
        self.records.remove(key).is_some() || garbled
    }

    /// Notes an object that could not be decoded; what was known of it is no longer true.
    pub(super) fn garble(&mut self, key: Option<Key>, why: &str) {
        let name = match &key {
            Some(key) => {
                self.records.remove(key);
                shown(key)
            }
            None => String::new(),
        };
        if self.garbled.len() >= MOST_GARBLED && !self.garbled.contains_key(&name) {
            self.garbled_more += 1;
            return;
        }
        self.garbled.insert(name, Garbled { why: legible(why, 200), round: self.round });
    }
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
        table.garble(Some(key("a")), "expected a number");
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
