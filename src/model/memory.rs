//! What is remembered of an item over a restart.
//!
//! Law: a word that the program has no use for any more (the reason of a kind that was removed) is
//! not guessed at. The standing that hangs on it is given up, and the item is pending.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::acts::{Attestation, Maintenance, Waiver};
use super::deployment::Deployment;
use super::item::ItemId;
use super::judgement::Line;
use super::measure::Measure;
use super::past::Past;
use super::reason::Reason;
use super::snapshot::{Attempt, Blocked, Folded};
use super::standing::Turn;

/// All that a daemon that ended knew of an item.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The digest of the item as it was configured.
    pub fingerprint: [u8; 32],
    /// The fold's state; none where it can't be told any more.
    pub folded: Option<Folded>,
    /// The dependency that kept it from being looked at.
    pub blocked: Option<Blocked>,
    /// Where it was shown as stale, when it became so.
    pub stale_at: Option<Timestamp>,
    /// The failing lines of the last attempt, the first of each reason: what a waiver has to cover.
    pub failing: Vec<Line>,
    /// Since when it is on the checklist.
    pub known_since: Option<Timestamp>,
    /// The end of the last attempt.
    pub last_attempt: Option<Timestamp>,
    /// The end of the last attempt that passed or warned.
    pub last_pass: Option<Timestamp>,
    /// Attempts by verdict, in the order of [`super::finding::Verdict::ALL`].
    pub attempts: [u64; 4],
    /// The last attempts, newest first.
    pub recent: VecDeque<Attempt>,
    /// The last attempts that failed or were blind, newest first.
    pub failures: VecDeque<Attempt>,
    /// The last changes of standing, newest first.
    pub turns: VecDeque<Turn>,
    /// Attestations, newest first.
    pub attestations: VecDeque<Arc<Attestation>>,
    /// Waivers, newest first.
    pub waivers: VecDeque<Arc<Waiver>>,
    /// What its checks remembered.
    pub past: Past,
}

/// Human acts and deployments, as a file keeps them: the oldest first. Beside them since when each
/// item is on the checklist, which is when the time of an attestation that is due begins.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Rollouts.
    pub deployments: Vec<Deployment>,
    /// Attestations of all items.
    pub attestations: Vec<Attestation>,
    /// Waivers of all items, those that have ended included.
    pub waivers: Vec<Waiver>,
    /// Maintenance that was declared by somebody.
    pub maintenance: Vec<Maintenance>,
    /// Items that were ever configured, and since when they are.
    pub known_since: HashMap<ItemId, Timestamp>,
}

/// The words of this program, for reading what another run of it, or another version, has written.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    reasons: HashMap<&'static str, Reason>,
    measures: BTreeSet<&'static str>,
}

impl Vocabulary {
    /// These reasons and the shared ones; of the measures, those that are remembered.
    pub fn new(
        reasons: impl IntoIterator<Item = Reason>,
        measures: impl IntoIterator<Item = &'static Measure>,
    ) -> Self {
        let reasons = reasons.into_iter().chain(Reason::SHARED.iter().copied());
        let remembered = |measure: &&'static Measure| !measure.remembered.is_zero();
        Self {
            reasons: reasons.map(|reason| (reason.code(), reason)).collect(),
            measures: measures.into_iter().filter(remembered).map(|measure| measure.name).collect(),
        }
    }

    /// The reason of this code, where there is one.
    pub fn reason(&self, code: &str) -> Option<Reason> {
        self.reasons.get(code).copied()
    }

    /// The name of a measure that is remembered, where there is one of this name.
    pub fn measure(&self, name: &str) -> Option<&'static str> {
        self.measures.get(name).copied()
    }
}
