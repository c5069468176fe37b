//! What a look could not see of the objects that it was to see: watches that are blind, and objects
//! that can't be read. Neither is ever taken for absent.

use std::collections::BTreeSet;

use super::{Record, Table};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::needs::Watch;
use crate::model::reason::Reason;

/// What could not be seen.
#[derive(Clone, Debug, Default)]
pub struct Unseen {
    /// Namespaces (empty: all of them) that can't be seen.
    blind: Vec<(String, Obstacle)>,
    /// Objects that can't be read, by place, and what is wrong with them.
    garbled: Vec<(String, String)>,
    /// More of those.
    more: usize,
}

impl Unseen {
    /// Notes the objects that can't be read, as far as their names are meant.
    pub fn note<R: Record>(&mut self, table: &Table<R>, is_meant: impl Fn(&str) -> bool) {
        let meant =
            table.garbled().filter(|(place, _)| place.is_empty() || is_meant(name_of(place)));
        self.garbled.extend(meant.map(|(place, why)| (place.to_owned(), why.to_owned())));
        self.more += table.garbled_more();
    }

    /// Notes a watch that shows nothing.
    pub fn blind(&mut self, watch: &Watch, why: Obstacle) {
        self.blind.push((watch.namespace.clone().unwrap_or_default(), why));
    }

    /// Notes an object that can't be read.
    pub fn unreadable(&mut self, place: String, why: String) {
        self.garbled.push((place, why));
    }

    /// Whether a namespace can't be seen.
    pub fn is_blind(&self) -> bool {
        !self.blind.is_empty()
    }

    /// How many objects can't be read.
    pub fn count(&self) -> usize {
        self.garbled.len() + self.more
    }

    /// How many objects that can't be read may lie in this namespace (empty: in any).
    pub fn count_in(&self, namespace: &str) -> usize {
        let here = |(place, _): &&(String, String)| {
            namespace.is_empty()
                || place.is_empty()
                || place.split_once('/').is_some_and(|(here, _)| here == namespace)
        };
        self.garbled.iter().filter(here).count() + self.more
    }

    /// Whether an object that can't be read may bear this name.
    pub fn may_be(&self, name: &str) -> bool {
        let bears = |(place, _): &(String, String)| place.is_empty() || name_of(place) == name;
        self.more > 0 || self.garbled.iter().any(bears)
    }

    /// The expected names that are surely not there, given those that are.
    pub fn missing<'n>(
        &self,
        expected: impl IntoIterator<Item = &'n String>,
        there: &BTreeSet<&str>,
    ) -> Vec<&'n String> {
        let is_missing = |name: &&String| !there.contains(name.as_str()) && !self.may_be(name);
        let expected = expected.into_iter().filter(|_| !self.is_blind());
        expected.filter(is_missing).collect()
    }

    /// Whether there is surely no other object than those that were seen.
    pub fn is_nothing(&self) -> bool {
        !self.is_blind() && self.count() == 0
    }

    /// Adds a line for each of them.
    pub fn tell(&self, judgement: &mut Judgement) {
        for (namespace, obstacle) in &self.blind {
            judgement.add(namespace.clone(), obstacle.clone());
        }
        for (place, why) in &self.garbled {
            let because = format!("the object can't be read: {why}");
            judgement.add(place.clone(), Obstacle::new(Reason::GARBLED, because));
        }
        judgement.dropped += self.more as u64;
    }
}

/// The name in `namespace/name`.
fn name_of(place: &str) -> &str {
    place.rsplit('/').next().unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::job::Job;
    use super::super::{JOBS, Table};
    use super::*;
    use crate::model::finding::Verdict;

    fn unseen(objects: &[serde_json::Value], is_meant: fn(&str) -> bool) -> Unseen {
        let mut table = Table::<Job>::default();
        for object in objects {
            table.take(&object.to_string(), &JOBS);
        }
        let mut unseen = Unseen::default();
        unseen.note(&table, is_meant);
        unseen
    }

    #[test]
    fn what_can_not_be_read_is_told_and_may_be_whatever_is_missing() {
        let broken = json!({ "metadata": { "namespace": "shop", "name": "b" }, "status": 3 });
        let unseen = unseen(&[broken], |_| true);
        assert!(unseen.may_be("b") && !unseen.may_be("a"));
        assert_eq!((unseen.count_in("shop"), unseen.count_in("sho")), (1, 0));
        let mut judgement = Judgement::new();
        unseen.tell(&mut judgement);
        assert_eq!(judgement.verdict(), Verdict::Unknown);
        assert_eq!(judgement.reason(), Some(Reason::GARBLED));
    }

    #[test]
    fn nothing_is_missed_where_it_may_be_among_many_that_can_not_be_read() {
        let broken = |name: u32| {
            let name = format!("b-{name}");
            json!({ "metadata": { "namespace": "shop", "name": name }, "status": 3 })
        };
        let (few, many): (Vec<_>, Vec<_>) =
            ((0..100).map(broken).collect(), (0..101).map(broken).collect());
        let (expected, there) = (vec!["a".to_owned()], BTreeSet::new());
        let missing = |objects: &[serde_json::Value]| {
            unseen(objects, |_| true).missing(&expected, &there).len()
        };
        assert_eq!((missing(&few), missing(&many)), (1, 0));
    }

    #[test]
    fn an_object_without_a_name_may_be_any_and_one_that_is_not_meant_is_left_alone() {
        let broken = json!({ "metadata": { "namespace": "shop", "name": "b" }, "status": 3 });
        assert_eq!(unseen(&[broken], |name| name == "a").count(), 0);
        let nameless = unseen(&[json!({ "status": {} })], |name| name == "a");
        assert!(nameless.may_be("a") && nameless.count_in("shop") == 1);
    }
}
