//! When human acts come to their end.

use jiff::Timestamp;

use super::family::Family;
use super::seconds;
use crate::model::snapshot::{ItemState, Snapshot};

/// One row an item: the attestation that decides, or else the one that lapsed last, or was taken
/// back last; of waivers the one that ends last. One for a deployment has no end in time, and no row.
pub(super) fn families(snapshot: &Snapshot, now: Timestamp) -> [Family<'_>; 2] {
    let mut attestation = Family::gauge(
        "vigie_attestation_end_timestamp_seconds",
        "When the item's attestation lapses, or lapsed.",
        ["item"],
    );
    let mut waiver = Family::gauge(
        "vigie_waiver_end_timestamp_seconds",
        "When the item's waiver ends.",
        ["item"],
    );
    for item in &snapshot.items {
        let id = item.card.id.as_str();
        if let Some(end) = lapses(snapshot, item, now) {
            attestation.row([id], seconds(end));
        }
        if let Some(end) =
            item.open_waivers(now).filter_map(|act| item.end_of_waiver(act, now)).max()
        {
            waiver.row([id], seconds(end));
        }
    }
    [attestation, waiver]
}

/// When the word lapses that an item stands on, or when the last one did.
fn lapses(snapshot: &Snapshot, item: &ItemState, now: Timestamp) -> Option<Timestamp> {
    let terms = item.terms?;
    if let Some(word) = item.word(snapshot.deployment().map(AsRef::as_ref), now) {
        return terms.end(word, now);
    }
    let ends = item.attestations.iter().filter_map(|word| {
        let end = terms.end(word, now)?;
        Some(word.ended.as_ref().map_or(end, |ended| ended.at.min(end)))
    });
    ends.max()
}
