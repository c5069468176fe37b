//! The labels of an object.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::pool::Words;

/// Labels by key, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels(Box<[(Arc<str>, Arc<str>)]>);

impl Labels {
    pub(super) fn of(labels: Option<BTreeMap<String, String>>, words: &mut Words) -> Arc<Self> {
        let labels = labels.unwrap_or_default();
        let pair = |(key, value): (String, String)| (words.shared(&key), words.shared(&value));
        let labels = Self(labels.into_iter().map(pair).collect());
        words.labels(labels)
    }

    /// The value of a label; none where the object does not bear it.
    pub fn get(&self, key: &str) -> Option<&Arc<str>> {
        let place = self.0.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        Some(&self.0[place].1)
    }

    /// All of them, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}
