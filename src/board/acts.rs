//! Human acts on the board: taken in, ended in their time, and told to the checks that read them.

use std::sync::Arc;

use jiff::Timestamp;

use super::remember;
use crate::model::acts::{Act, Attestation, Covers, Ended, EndedBy, Maintenance, Waiver};
use crate::model::item::ItemId;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::Standing;

/// Attestations, and waivers, that are kept of an item.
pub(super) const MOST_ACTS: usize = 50;
/// Spans of maintenance that are kept.
const MOST_MAINTENANCE: usize = 100;

/// Takes an act in. One of the same id takes the place of what was known of it: that is how waivers
/// and maintenance are taken back.
pub(super) fn take(snapshot: &mut Snapshot, act: Act, now: Timestamp) {
    match act {
        Act::Attestation(attestation) => {
            let Some(item) = held(snapshot, &attestation.item) else { return };
            let known = item.attestations.iter_mut().find(|known| known.id == attestation.id);
            match known {
                Some(known) => *known = Arc::new(attestation),
                None => remember(&mut item.attestations, Arc::new(attestation), MOST_ACTS),
            }
        }
        Act::Waiver(waiver) => {
            let Some(item) = held(snapshot, &waiver.item) else { return };
            match item.waivers.iter_mut().find(|known| known.id == waiver.id) {
                Some(known) => *known = Arc::new(waiver),
                None => remember(&mut item.waivers, Arc::new(waiver), MOST_ACTS),
            }
        }
        Act::Maintenance(span) => {
            let spans = &mut snapshot.maintenance;
            spans.retain(|known| known.id != span.id);
            let at = spans.partition_point(|known| known.from > span.from);
            spans.insert(at, Arc::new(span));
            forget_the_oldest(spans, now);
        }
    }
}

/// The configuration's own maintenance, in place of what it declared before.
pub(super) fn configure(snapshot: &mut Snapshot, declared: Vec<Maintenance>) {
    let spans = &mut snapshot.maintenance;
    spans.retain(|span| span.token.is_some());
    spans.extend(declared.into_iter().map(Arc::new));
    spans.sort_by_key(|span| std::cmp::Reverse(span.from));
}

/// Ends what has come to its end, and gives the deployment the attestations that waited for it.
/// Returns the acts that changed.
pub(super) fn settle(snapshot: &mut Snapshot, now: Timestamp) -> Vec<Act> {
    let mut changed = Vec::new();
    let here = snapshot.deployments.iter().filter(|one| one.environment == snapshot.environment);
    let deployments: Vec<_> = here.cloned().collect();
    for item in &mut snapshot.items {
        for at in 0..item.waivers.len() {
            if let Some(ended) = end_of(item, &item.waivers[at], now) {
                let waiver = Waiver { ended: Some(ended), ..(*item.waivers[at]).clone() };
                changed.push(Act::Waiver(waiver.clone()));
                Arc::make_mut(item).waivers[at] = Arc::new(waiver);
            }
        }
        let Some(terms) = item.terms else { continue };
        for at in 0..item.attestations.len() {
            let attestation = &item.attestations[at];
            if let Some(deployment) = terms.awaited(attestation, deployments.iter(), now) {
                let covers = Covers::Deployment(deployment.id.clone());
                let attestation = Attestation { covers, ..(**attestation).clone() };
                changed.push(Act::Attestation(attestation.clone()));
                Arc::make_mut(item).attestations[at] = Arc::new(attestation);
            }
        }
    }
    changed
}

/// How a waiver comes to its end now, if it does.
fn end_of(item: &ItemState, waiver: &Waiver, now: Timestamp) -> Option<Ended> {
    if waiver.ended.is_some() {
        return None;
    }
    if now >= waiver.until {
        return Some(Ended { at: waiver.until, by: EndedBy::Lapse });
    }
    let recovered = matches!(item.folded.standing, Standing::Passing | Standing::Warning);
    recovered.then_some(Ended { at: now, by: EndedBy::Recovery })
}

fn held<'s>(snapshot: &'s mut Snapshot, id: &ItemId) -> Option<&'s mut ItemState> {
    snapshot.items.iter_mut().find(|item| item.card.id == *id).map(Arc::make_mut)
}

/// Of too many spans, those that are over make room, the oldest first.
fn forget_the_oldest(spans: &mut Vec<Arc<Maintenance>>, now: Timestamp) {
    while spans.len() > MOST_MAINTENANCE
        && let Some(at) = spans.iter().rposition(|span| span.ended.is_some() || span.until <= now)
    {
        spans.remove(at);
    }
}

#[cfg(test)]
#[path = "acts_tests.rs"]
mod tests;
