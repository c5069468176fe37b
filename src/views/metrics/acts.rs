//! When human acts come to their end.

use jiff::Timestamp;

use super::family::Family;
use super::seconds;
use crate::model::snapshot::Snapshot;

/// One row an item: what lapses last is what it stands on. An attestation that has lapsed keeps its
/// row, a waiver that has ended does not; one for a deployment has no end in time, and no row.
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
        if let Some(end) = item.attestations.iter().filter_map(|act| act.until()).max() {
            attestation.row([id], seconds(end));
        }
        if let Some(end) = item.open_waivers(now).map(|act| act.until).max() {
            waiver.row([id], seconds(end));
        }
    }
    [attestation, waiver]
}
