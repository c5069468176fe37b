//! Records: what Vigie itself knows, for the kinds of check that look at nothing else.

use std::sync::Arc;

use jiff::Timestamp;

use super::acts::Attestation;
use super::deployment::Deployment;
use super::item::ItemId;
use super::needs::Needs;
use super::snapshot::{ItemState, Snapshot};
use super::standing::Shown;

/// What an item's checks have declared to read of the record, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// The environment's name.
    pub environment: String,
    /// The current deployment, where one is known.
    pub deployment: Option<Arc<Deployment>>,
    /// Attestations of the item, newest first.
    pub attestations: Vec<Arc<Attestation>>,
    /// Whether the item was seen to fail after the word that decides was given, and not to hold since.
    pub failed_since: bool,
    /// Since when the item is on the checklist.
    pub known_since: Option<Timestamp>,
    /// The items that it rolls up, in file order.
    pub members: Vec<Member>,
}

/// An item that is rolled up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: ItemId,
    /// How it is shown.
    pub shown: Shown,
}

impl Snapshot {
    /// What an item's checks have declared to read of the record.
    pub fn records(&self, item: &ItemId, needs: &Needs, now: Timestamp) -> Records {
        let state = self.item(item.as_str());
        let attested = state.filter(|_| needs.attestation.is_some());
        let members = needs.items.iter().filter_map(|id| self.item(id.as_str()));
        let current = self.deployment().map(Arc::as_ref);
        let failed_since = attested.is_some_and(|item| {
            let (word, failed) = (item.word(current, now), item.folded.last_seen_failing);
            word.zip(failed).is_some_and(|(word, failed)| failed > word.at)
        });
        let member = |item: &Arc<ItemState>| Member {
            id: item.card.id.clone(),
            shown: self.shown(item, now),
        };
        Records {
            environment: self.environment.clone(),
            deployment: self.deployment().filter(|_| needs.deployment).cloned(),
            attestations: attested
                .map(|item| item.attestations.iter().cloned().collect())
                .unwrap_or_default(),
            failed_since,
            known_since: state.map(|item| item.known_since),
            members: members.map(member).collect(),
        }
    }
}
