//! Tallies: counters that many tasks raise and `/metrics` reads.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts by key. Keys are bounded by the program (verbs, resources, status codes), never by what
/// a watched system says.
#[derive(Debug)]
pub struct Tally<K>(Mutex<BTreeMap<K, u64>>);

impl<K: Ord + Clone> Tally<K> {
    /// Counts one.
    pub fn count(&self, key: K) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
    }

    /// All counts, as they are now.
    pub fn counts(&self) -> BTreeMap<K, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
