//! Keys and their values.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Bytes, as keys and values are.
pub(super) type Bytes = Vec<u8>;

/// A value of one of Redis' types.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Text(Bytes),
    List(VecDeque<Bytes>),
    Hash(BTreeMap<Bytes, Bytes>),
    Set(BTreeSet<Bytes>),
    Scores(HashMap<Bytes, f64>),
}

/// A key holds another type than the command is for.
#[derive(Debug)]
pub(super) struct WrongType;

/// All keys.
#[derive(Debug, Default)]
pub(super) struct Keyspace(HashMap<Bytes, Entry>);

macro_rules! typed {
    ($(#[$doc:meta] $read:ident, $write:ident: $variant:ident($type:ty);)*) => {$(
        #[$doc]
        pub(super) fn $read(&self, key: &[u8]) -> Result<Option<&$type>, WrongType> {
            match self.0.get(key) {
                None => Ok(None),
                Some(Entry::$variant(value)) => Ok(Some(value)),
                Some(_) => Err(WrongType),
            }
        }

        #[$doc]
        pub(super) fn $write(&mut self, key: &[u8]) -> Result<&mut $type, WrongType> {
            let entry =
                self.0.entry(key.to_vec()).or_insert_with(|| Entry::$variant(Default::default()));
            match entry {
                Entry::$variant(value) => Ok(value),
                _ => Err(WrongType),
            }
        }
    )*};
}

impl Keyspace {
    typed! {
        /// A string.
        text, text_mut: Text(Bytes);
        /// A list.
        list, list_mut: List(VecDeque<Bytes>);
        /// A hash.
        hash, hash_mut: Hash(BTreeMap<Bytes, Bytes>);
        /// A set.
        set, set_mut: Set(BTreeSet<Bytes>);
        /// A sorted set.
        scores, scores_mut: Scores(HashMap<Bytes, f64>);
    }

    pub(super) fn exists(&self, key: &[u8]) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> bool {
        self.0.remove(key).is_some()
    }

    pub(super) fn put(&mut self, key: &[u8], entry: Entry) {
        self.0.insert(key.to_vec(), entry);
    }

    /// Removes every key that begins with `prefix`.
    pub(super) fn remove_all(&mut self, prefix: &[u8]) {
        self.0.retain(|key, _| !key.starts_with(prefix));
    }

    /// Removes the key if nothing is left in it, as Redis does.
    pub(super) fn tidy(&mut self, key: &[u8]) {
        let empty = match self.0.get(key) {
            Some(Entry::List(list)) => list.is_empty(),
            Some(Entry::Hash(hash)) => hash.is_empty(),
            Some(Entry::Set(set)) => set.is_empty(),
            Some(Entry::Scores(scores)) => scores.is_empty(),
            Some(Entry::Text(_)) | None => false,
        };
        if empty {
            self.0.remove(key);
        }
    }

    pub(super) fn type_name(&self, key: &[u8]) -> &'static str {
        match self.0.get(key) {
            None => "none",
            Some(Entry::Text(_)) => "string",
            Some(Entry::List(_)) => "list",
            Some(Entry::Hash(_)) => "hash",
            Some(Entry::Set(_)) => "set",
            Some(Entry::Scores(_)) => "zset",
        }
    }

    /// The keys that begin so.
    pub(super) fn beginning<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = Bytes> + 'a {
        self.0.keys().filter(move |key| key.starts_with(prefix)).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The members of a sorted set in the order of their scores, then of their bytes.
    pub(super) fn ranked(&self, key: &[u8]) -> Result<Vec<(Bytes, f64)>, WrongType> {
        let mut members: Vec<_> = match self.scores(key)? {
            Some(scores) => scores.iter().map(|(m, s)| (m.clone(), *s)).collect(),
            None => Vec::new(),
        };
        members.sort_by(|(a, x), (b, y)| x.total_cmp(y).then_with(|| a.cmp(b)));
        Ok(members)
    }
}
