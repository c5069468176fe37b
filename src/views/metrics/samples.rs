//! The kinds' own figures: the label `item` first, then those that the measure declares.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::family::{Family, Value};
use crate::model::item::ItemId;
use crate::model::measure::{MeasureType, Sample};
use crate::model::snapshot::Snapshot;

/// The samples that can't be shown, by the places of item and sample.
#[derive(Debug, Default)]
pub(super) struct Coinciding(BTreeSet<(usize, usize)>);

impl Coinciding {
    /// How many of each item; items without any are left out.
    pub(super) fn by_item<'s>(
        &self,
        snapshot: &'s Snapshot,
    ) -> impl Iterator<Item = (&'s ItemId, u64)> {
        let mut counts = BTreeMap::<usize, u64>::new();
        for (item, _) in &self.0 {
            *counts.entry(*item).or_default() += 1;
        }
        counts.into_iter().map(|(item, count)| (&snapshot.items[item].card.id, count))
    }
}

/// Finds what can't be shown: rows whose name and labels another row of the item bears already, and
/// values that no counter can have.
pub(super) fn coinciding(snapshot: &Snapshot) -> Coinciding {
    let mut found = BTreeSet::new();
    let mut borne = HashSet::new();
    for (at, item) in snapshot.items.iter().enumerate() {
        borne.clear();
        for (n, sample) in item.samples.iter().enumerate() {
            if sample.measure.exported
                && !(sound(sample) && borne.insert((sample.measure.name, &*sample.labels)))
            {
                found.insert((at, n));
            }
        }
    }
    Coinciding(found)
}

fn sound(sample: &Sample) -> bool {
    let value = match sample.measure.kind {
        MeasureType::Gauge => true,
        MeasureType::Counter => sample.value.is_finite() && sample.value >= 0.0,
    };
    value && sample.labels.len() == sample.measure.labels.len()
}

/// One family a measure, by name; in file order within each.
pub(super) fn families<'a>(snapshot: &'a Snapshot, coinciding: &Coinciding) -> Vec<Family<'a>> {
    let mut families = BTreeMap::new();
    for (at, item) in snapshot.items.iter().enumerate() {
        for (n, sample) in item.samples.iter().enumerate() {
            let Sample { measure, labels, value } = sample;
            if !measure.exported || coinciding.0.contains(&(at, n)) {
                continue;
            }
            let family = families.entry(measure.name).or_insert_with(|| {
                let mut names = vec!["item"];
                names.extend(measure.labels);
                Family::new(measure.kind.into(), measure.name, measure.help, names)
            });
            let own = labels.iter().map(|label| Cow::Borrowed(&**label));
            let cells = [Cow::Borrowed(item.card.id.as_str())].into_iter().chain(own);
            family.push(cells, Value::Number(*value));
        }
    }
    families.into_values().collect()
}
