//! Terms: for how long a person's word is taken for an item.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Attestation, Covers};
use crate::model::deployment::Deployment;
use crate::model::reason::CLOCK_TOLERANCE;
use crate::model::schedule::later;

/// On what terms an item can be attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// For how long an attestation is valid.
    pub valid: Validity,
    /// How long before it lapses the item warns.
    pub warn_before: Duration,
    /// How long the item may be without one, from when it is first known or the deployment begins.
    pub within: Duration,
}

/// For how long an attestation is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// So long.
    For(Duration),
    /// For one deployment.
    Deployment,
}

/// A person's word is always held against the terms that are in force now, whatever they were when
/// it was given: who shortens a validity wants older words looked at again.
impl Terms {
    /// When a word lapses, where time decides: never later than it was meant, nor than the terms
    /// allow from when it was given. None for one that is bound to a deployment, and for one that
    /// was given on terms of the other sort: it does not count.
    pub fn end(self, word: &Attestation, now: Timestamp) -> Option<Timestamp> {
        // Two clocks are never quite the same; of one that was far ahead no word counts.
        let given = word.at.min(now);
        match (self.valid, &word.covers) {
            (Validity::For(longest), Covers::Until(until)) => {
                Some((*until).min(later(given, longest)))
            }
            (Validity::Deployment, Covers::NextDeployment) => Some(later(given, self.within)),
            (Validity::Deployment, Covers::Deployment(_) | Covers::Until(_))
            | (Validity::For(_), Covers::Deployment(_) | Covers::NextDeployment) => None,
        }
    }

    /// Whether a word counts at `now`, when `current` is the deployment.
    pub fn hold(self, word: &Attestation, current: Option<&Deployment>, now: Timestamp) -> bool {
        let in_time =
            || !is_ahead(word.at, now) && self.end(word, now).is_some_and(|end| now < end);
        word.ended.is_none()
            && match (self.valid, &word.covers, current) {
                (Validity::For(_), Covers::Until(_), _)
                | (Validity::Deployment, Covers::NextDeployment, None) => in_time(),
                (Validity::Deployment, Covers::Deployment(id), Some(current)) => *id == current.id,
                (Validity::For(_) | Validity::Deployment, _, _) => false,
            }
    }

    /// The word that decides: the newest of those that count. `words` has the newest first.
    pub fn deciding<'w>(
        self,
        words: impl DoubleEndedIterator<Item = &'w Arc<Attestation>>,
        current: Option<&Deployment>,
        now: Timestamp,
    ) -> Option<&'w Arc<Attestation>> {
        words.rev().filter(|word| self.hold(word, current, now)).max_by_key(|word| word.at)
    }

    /// The deployment that a word for the next one was given for: the first that began after it, and
    /// was not known when it was given. None while there is none, or where none came in time.
    pub fn awaited<'d>(
        self,
        word: &Attestation,
        deployments: impl Iterator<Item = &'d Arc<Deployment>>,
        now: Timestamp,
    ) -> Option<&'d Arc<Deployment>> {
        if word.covers != Covers::NextDeployment || word.ended.is_some() {
            return None;
        }
        let end = self.end(word, now)?;
        let begun_after = |deployment: &&Arc<Deployment>| {
            word.at <= deployment.announced
                && word.at.duration_since(deployment.started) <= CLOCK_TOLERANCE
                && deployment.started <= end
        };
        deployments.filter(begun_after).min_by_key(|deployment| deployment.started)
    }
}

/// Whether an act bears a time that lies ahead: the clock was wrong when it was given, and nobody can
/// tell when that was. Until a time that is meant has come, it would count for longer than any terms
/// allow.
pub fn is_ahead(given: Timestamp, now: Timestamp) -> bool {
    given.duration_since(now) > CLOCK_TOLERANCE
}
