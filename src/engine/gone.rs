//! Items that a reload took away: remembered for a while, since a rollback brings them back.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;

use super::Core;
use super::entry::Entry;
use crate::model::acts::Act;
use crate::model::item::ItemId;
use crate::model::memory::{self, Memory};
use crate::model::past::Past;
use crate::model::snapshot::ItemState;

impl Core {
    /// Ends the tasks of items that are gone from the board, and remembers what was known of them.
    pub(super) fn let_go(
        &self,
        gone: &[Arc<ItemState>],
        mut entries: HashMap<ItemId, Arc<Entry>>,
        recalled: &mut HashMap<ItemId, Memory>,
        now: Timestamp,
    ) {
        let snapshot = self.board.snapshot();
        for item in gone {
            let Some(entry) = entries.remove(&item.card.id) else { continue };
            let past = Past::clone(&entry.past());
            let memory = Memory { past, ..Memory::of(&snapshot, item, now) };
            recalled.insert(item.card.id.clone(), memory);
            entry.cancel.cancel();
        }
        memory::forget_gone(recalled, now);
    }

    /// An act on an item that a reload took away while the act was recorded.
    pub(super) fn remember(&self, act: &Act) {
        let item = match act {
            Act::Attestation(attestation) => &attestation.item,
            Act::Waiver(waiver) => &waiver.item,
            Act::Maintenance(_) => return,
        };
        let mut recalled = self.recalled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(memory) = recalled.get_mut(item) {
            memory.take(act);
        }
    }
}

#[cfg(test)]
#[path = "gone_tests.rs"]
mod tests;
