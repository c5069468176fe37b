//! Tallies: how many items stand how, counted the same way wherever it is told.

use jiff::Timestamp;
use serde::Serialize;

use super::item::Mode;
use super::snapshot::{ItemState, Snapshot};
use super::standing::Standing;

/// How many items have each standing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All of them.
    pub items: usize,
    /// Nobody knows yet.
    pub pending: usize,
    /// It holds; those that a person attested are among them.
    pub passing: usize,
    /// It holds, and somebody should look.
    pub warning: usize,
    /// It does not hold.
    pub failing: usize,
    /// Nobody can tell.
    pub unknown: usize,
    /// Somebody took the blame.
    pub waived: usize,
    /// It does not apply to this environment.
    pub not_applicable: usize,
    /// Of those that pass, the ones where no look but a person's word decides.
    pub attested: usize,
}

impl Tally {
    /// The items of a snapshot as they are to be shown at `now`.
    pub fn of(snapshot: &Snapshot, now: Timestamp) -> Self {
        snapshot.items.iter().fold(Self::default(), |tally, item| {
            tally.with(snapshot.shown(item, now).standing, attested(item))
        })
    }

    /// One item more. `attested` says whether a person's word decides it.
    pub fn with(mut self, standing: Standing, attested: bool) -> Self {
        self.items += 1;
        *match standing {
            Standing::Pending => &mut self.pending,
            Standing::Passing => &mut self.passing,
            Standing::Warning => &mut self.warning,
            Standing::Failing => &mut self.failing,
            Standing::Unknown => &mut self.unknown,
            Standing::Waived => &mut self.waived,
            Standing::NotApplicable => &mut self.not_applicable,
        } += 1;
        self.attested += usize::from(attested && standing == Standing::Passing);
        self
    }
}

/// Whether a person's word decides how the item stands, and not a look.
pub fn attested(item: &ItemState) -> bool {
    match (item.card.mode, item.latest.as_deref()) {
        (Mode::Auto, _) => false,
        (Mode::Attested, _) => true,
        // Nobody has looked since a restart.
        (Mode::AutoAttestable, None) => item.carried.attested,
        (Mode::AutoAttestable, Some(report)) => report.is_attested(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_counted_once_and_only_a_passing_one_as_attested() {
        let counted = Standing::ALL
            .iter()
            .flat_map(|standing| [(*standing, true), (*standing, false)])
            .fold(Tally::default(), |tally, (standing, attested)| tally.with(standing, attested));
        let Tally {
            items,
            pending,
            passing,
            warning,
            failing,
            unknown,
            waived,
            not_applicable,
            attested,
        } = counted;
        assert_eq!(items, 14);
        let each = [pending, passing, warning, failing, unknown, waived, not_applicable];
        assert_eq!(each, [2; 7]);
        assert_eq!(attested, 1);
    }
}
