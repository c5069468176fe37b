//! The journal: whether what is known outlives a restart.

use super::family::Family;
use super::{count, flag};
use crate::model::vitals::{JournalHealth, JournalVitals, Vitals};

/// Without a data folder, without rows.
pub(super) fn families(vitals: &Vitals) -> [Family<'_>; 4] {
    let mut is_up = Family::gauge(
        "vigie_journal_up",
        "Whether the journal is open and took what it was last given; no row without a data folder.",
        [],
    );
    let mut errors = Family::counter(
        "vigie_journal_write_errors_total",
        "Writes to the journal that did not succeed.",
        [],
    );
    let mut size = Family::gauge(
        "vigie_journal_size_bytes",
        "How large the journal's file is, its log included.",
        [],
    );
    let mut aside = Family::gauge(
        "vigie_journal_set_aside_files",
        "Damaged journals that were moved aside and lie in the data folder still.",
        [],
    );
    match &vitals.journal {
        JournalVitals::None => {}
        JournalVitals::Waiting { .. } => {
            is_up.row([], 0.0);
            errors.row([], 0.0);
        }
        JournalVitals::Kept(JournalHealth { up, write_errors, trouble: _, set_aside, bytes }) => {
            is_up.row([], flag(*up));
            errors.row([], count(*write_errors));
            aside.row([], count(set_aside.len() as u64));
            if let Some(bytes) = bytes {
                size.row([], count(*bytes));
            }
        }
    }
    [is_up, errors, size, aside]
}
