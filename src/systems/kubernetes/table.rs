//! The compact records of one watch, kept by namespace and name.
//!
//! A list marks what it names and, at its end, sweeps away what it did not: the API server sends no
//! deletion for what vanished between two lists. Records of any size are kept up to a bound; what
//! is beyond it is known by name, and nobody reads the table as long as there is any.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::pool::Words;
use super::record::{Identity, Named, Record};
use crate::model::judgement::legible;
use crate::model::needs::Resource;

/// Namespace and name; the namespace is empty for kinds that have none.
pub(super) type Key = (Arc<str>, Arc<str>);

/// The most garbled objects that are kept by name.
const MOST_GARBLED: usize = 100;
/// What all records of a watch may take, in bytes; those of few fields are not weighed.
pub(super) const ROOM: usize = 32 << 20;

/// What is known of the objects of one watch.
#[derive(Debug)]
pub struct Table<R> {
    records: BTreeMap<Key, Kept<R>>,
    garbled: BTreeMap<String, Garbled>,
    /// Objects for which there was no room.
    left_out: BTreeSet<Key>,
    /// What the records take, in bytes.
    held: usize,
    round: u32,
    words: Words,
    /// How the names begin of what is kept.
    prefix: Option<String>,
}

#[derive(Debug)]
struct Kept<R> {
    record: Arc<R>,
    round: u32,
    weight: u32,
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
            left_out: BTreeSet::new(),
            held: 0,
            round: 0,
            words: Words::default(),
            prefix: None,
        }
    }
}

impl<R: Record> Table<R> {
    /// A table of those objects whose names begin so.
    pub(super) fn of_prefix(prefix: Option<String>) -> Self {
        Self { prefix, ..Self::default() }
    }

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

    /// For how many objects there is no room: without them the records are not the whole truth.
    pub(super) fn left_out(&self) -> usize {
        self.left_out.len()
    }

    /// Whether nothing but a list can tell what is missing: an object without a name may be gone,
    /// and there may be room again.
    pub(super) fn wants_list(&self) -> bool {
        let is_roomy = self.held < ROOM / 4 * 3;
        self.garbled.contains_key("") || (is_roomy && !self.left_out.is_empty())
    }

    /// Takes an object that is there, as JSON.
    pub fn take(&mut self, object: &str, resource: &Resource) -> Taken {
        let meta = identity_of(object);
        if !self.keeps(&meta) {
            return Taken { changed: false, version: meta.resource_version };
        }
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

    /// Whether an object is kept: one without a name is told of.
    fn keeps(&self, meta: &Identity) -> bool {
        let Some((prefix, name)) = self.prefix.as_ref().zip(meta.name.as_ref()) else {
            return true;
        };
        name.starts_with(prefix.as_str())
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
        self.left_out.clear();
    }

    /// A list is complete: what it did not name is gone.
    pub(super) fn sweep(&mut self) {
        let round = self.round;
        self.records.retain(|_, kept| kept.round == round);
        self.held = self.records.values().map(|kept| kept.weight as usize).sum();
        self.garbled.retain(|_, garbled| garbled.round == round);
        self.words.forget_unused();
    }

    /// Keeps a record. Says whether anything changed.
    fn put(&mut self, key: Key, record: R) -> bool {
        let healed = self.garbled.remove(&shown(&key)).is_some();
        let round = self.round;
        if let Some(kept) = self.records.get_mut(&key)
            && *kept.record == record
        {
            kept.round = round;
            return healed;
        }
        self.drop_record(&key);
        let weight = record.weight();
        if self.held + weight > ROOM {
            self.left_out.insert(key);
            return true;
        }
        self.held += weight;
        self.left_out.remove(&key);
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        self.records.insert(key, Kept { record: Arc::new(record), round, weight });
        true
    }

    /// Forgets an object. Says whether anything changed.
    fn remove(&mut self, key: &Key) -> bool {
        let garbled = self.garbled.remove(&shown(key)).is_some();
        let left_out = self.left_out.remove(key);
        self.drop_record(key) || garbled || left_out
    }

    /// Drops a record, and gives back its room. Says whether there was one.
    fn drop_record(&mut self, key: &Key) -> bool {
        let Some(kept) = self.records.remove(key) else { return false };
        self.held = self.held.saturating_sub(kept.weight as usize);
        true
    }

    /// Notes an object that could not be decoded; what was known of it is no longer true. Says that
    /// something changed.
    pub(super) fn garble(&mut self, key: Option<&Key>, why: &str) -> bool {
        let name = match key {
            Some(key) => {
                self.drop_record(key);
                self.left_out.remove(key);
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
    use super::super::whole::Whole;
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
    fn what_there_is_no_room_for_is_known_until_it_goes_or_there_is() {
        let gadgets = Resource::known("example.org", "v1", "gadgets", "Gadget");
        let object = |name: &str, length: usize| {
            let padding = "x".repeat(length);
            format!(r#"{{"metadata":{{"name":"{name}","namespace":"d"}},"spec":"{padding}"}}"#)
        };
        let mut table = Table::<Whole>::default();
        table.begin();
        let part = ROOM / 5 * 2;
        for name in ["a", "b", "c", "d"] {
            assert!(table.take(&object(name, part), &gadgets).changed);
        }
        table.sweep();
        assert_eq!((table.records().count(), table.left_out()), (2, 2));
        assert!(table.held <= ROOM && !table.wants_list());
        // A record that grows beyond the room is dropped, never kept as it was.
        table.take(&object("b", ROOM), &gadgets);
        assert!(table.get("d", "b").is_none());
        assert_eq!(table.left_out(), 3);
        assert!(table.wants_list(), "there is room again");
        table.take(&object("c", part), &gadgets);
        table.forget(&object("b", 0));
        table.forget(&object("d", 0));
        assert_eq!((table.records().count(), table.left_out()), (2, 0));
        for name in ["a", "c"] {
            table.forget(&object(name, 0));
        }
        assert_eq!(table.held, 0);
        table.take(&object("a", ROOM), &gadgets);
        table.begin();
        table.sweep();
        assert_eq!(table.left_out(), 0, "the new list did not show it");
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
