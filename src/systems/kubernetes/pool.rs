//! What repeats from object to object, kept once: words, labels, and what a template says.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use super::labels::Labels;
use super::template::{Running, Template};

/// So many values are never cleaned.
const FEW: usize = 256;

/// Equal values, kept once for as long as anybody uses them.
#[derive(Debug)]
struct Pool<T: ?Sized> {
    known: HashSet<Arc<T>>,
    /// How many there were after the last cleaning.
    cleaned: usize,
}

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self { known: HashSet::new(), cleaned: 0 }
    }
}

impl<T: ?Sized + Eq + Hash> Pool<T> {
    /// The value, shared with whoever else has an equal one.
    fn shared<V>(&mut self, value: V) -> Arc<T>
    where
        V: AsRef<T> + Into<Arc<T>>,
    {
        if let Some(known) = self.known.get(value.as_ref()) {
            return Arc::clone(known);
        }
        // Lists may be weeks apart.
        if self.known.len() >= FEW.max(self.cleaned * 2) {
            self.forget_unused();
        }
        let value = value.into();
        self.known.insert(Arc::clone(&value));
        value
    }

    fn forget_unused(&mut self) {
        self.known.retain(|value| Arc::strong_count(value) > 1);
        self.cleaned = self.known.len();
    }
}

/// The pools of one table.
#[derive(Debug, Default)]
pub struct Words {
    strings: Pool<str>,
    labels: Pool<Labels>,
    templates: Pool<Template>,
    running: Pool<[Running]>,
}

impl Words {
    /// The word, shared.
    pub(super) fn shared(&mut self, word: &str) -> Arc<str> {
        self.strings.shared(word)
    }

    /// The labels, shared.
    pub(super) fn labels(&mut self, labels: Labels) -> Arc<Labels> {
        self.labels.shared(Arc::new(labels))
    }

    /// The template, shared.
    pub(super) fn template(&mut self, template: Template) -> Arc<Template> {
        self.templates.shared(Arc::new(template))
    }

    /// The images that run, shared.
    pub(super) fn running(&mut self, running: Vec<Running>) -> Arc<[Running]> {
        self.running.shared(running)
    }

    /// Lets go of what no record uses any more.
    pub(super) fn forget_unused(&mut self) {
        let Self { strings, labels, templates, running } = self;
        // The labels hold words.
        labels.forget_unused();
        templates.forget_unused();
        running.forget_unused();
        strings.forget_unused();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_nobody_uses_any_more_are_forgotten_without_a_list() {
        let mut words = Pool::<str>::default();
        let used: Vec<_> = (0..10).map(|n| words.shared(format!("used {n}").as_str())).collect();
        for number in 0..10_000 {
            words.shared(format!("word {number}").as_str());
        }
        assert!(words.known.len() <= FEW, "{}", words.known.len());
        assert!(used.iter().all(|word| words.known.contains(word)));
    }
}
