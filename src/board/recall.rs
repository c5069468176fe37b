//! An item as it was before a restart.
//!
//! What was shown then is shown until somebody has looked again: a restart is no news. Its standing
//! is believed only if it was that of the same question, told by its digest, and was asked to the
//! end: what had left the checklist is pending when it comes back. Staleness is counted from now, since
//! nobody could have looked meanwhile, but what was stale before stays so.

use jiff::Timestamp;

use super::acts::MOST_ACTS;
use crate::model::memory::Memory;
use crate::model::snapshot::{Carried, ItemState};
use crate::model::standing::Standing;

/// An item that was seeded a moment ago, with what is remembered of it.
pub(super) fn recalled(item: ItemState, memory: Option<Box<Memory>>, now: Timestamp) -> ItemState {
    let Some(memory) = memory else { return item };
    let Memory {
        fingerprint,
        folded,
        blocked,
        stale_at,
        failing,
        known_since,
        last_attempt,
        last_pass,
        attempts,
        recent,
        failures,
        turns,
        mut attestations,
        mut waivers,
        attested,
        left,
        seen: _,
        past: _,
    } = *memory;
    attestations.truncate(MOST_ACTS);
    waivers.truncate(MOST_ACTS);
    let mut item = ItemState {
        known_since: known_since.unwrap_or(item.known_since),
        last_attempt,
        last_pass,
        attempts,
        recent,
        failures,
        turns,
        attestations,
        waivers,
        ..item
    };
    let applies = item.folded.standing != Standing::NotApplicable;
    match folded {
        Some(folded) if applies && !left && fingerprint == item.fingerprint => ItemState {
            folded,
            blocked,
            carried: Carried { failing, attested },
            stale_at: stale_at.map(|at| at.min(now)).or(item.stale_at),
            ..item
        },
        Some(folded) => {
            item.folded.last_seen_failing = folded.last_seen_failing;
            item
        }
        None => item,
    }
}

#[cfg(test)]
#[path = "recall_tests.rs"]
mod tests;
