//! What is remembered of an item over a restart, and while the configuration does not hold it.
//!
//! Law: a word that the program has no use for any more (the reason of a kind that was removed) is
//! not guessed at. The standing that hangs on it is given up, and the item is pending.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::acts::{Act, Attestation, Maintenance, Waiver};
use super::deployment::Deployment;
use super::item::ItemId;
use super::judgement::Line;
use super::measure::Measure;
use super::past::Past;
use super::reason::Reason;
use super::snapshot::{Attempt, Blocked, Folded, ItemState, Snapshot};
use super::standing::Turn;
use super::tally;

/// How long items are remembered that the configuration holds no more, so that a rollback finds them.
pub const GONE_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The most of them that are.
pub const MOST_GONE: usize = 2_000;

/// All that was known of an item, by a daemon that ended or under a configuration before this one.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// When it was last configured; none where nobody noted that.
    pub seen: Option<Timestamp>,
    /// Whether it had left the checklist before this was read: nobody looked since, so that its
    /// standing is not believed.
    pub left: bool,
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
    /// Whether a person's word decided the last attempt.
    pub attested: bool,
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

impl Memory {
    /// What is to be remembered of an item that the configuration holds no more. What its checks
    /// remember is not known here.
    pub fn of(snapshot: &Snapshot, item: &ItemState, now: Timestamp) -> Self {
        Self {
            seen: Some(now),
            left: true,
            fingerprint: item.fingerprint,
            folded: Some(item.folded.clone()),
            blocked: item.blocked.clone(),
            stale_at: snapshot.stale_since(item, now),
            failing: item.failing_reasons().into_iter().cloned().collect(),
            attested: tally::attested(item),
            known_since: Some(item.known_since),
            last_attempt: item.last_attempt,
            last_pass: item.last_pass,
            attempts: item.attempts,
            recent: item.recent.clone(),
            failures: item.failures.clone(),
            turns: item.turns.clone(),
            attestations: item.attestations.clone(),
            waivers: item.waivers.clone(),
            past: Past::default(),
        }
    }

    /// Takes in an act that came when the item was gone already.
    pub fn take(&mut self, act: &Act) {
        match act {
            Act::Attestation(act) => {
                self.attestations.retain(|known| known.id != act.id);
                self.attestations.push_front(Arc::new(act.clone()));
            }
            Act::Waiver(act) => {
                self.waivers.retain(|known| known.id != act.id);
                self.waivers.push_front(Arc::new(act.clone()));
            }
            Act::Maintenance(_) => {}
        }
    }
}

/// Forgets items that have been gone for too long, and of too many those that went first.
pub fn forget_gone<S: BuildHasher>(memories: &mut HashMap<ItemId, Memory, S>, now: Timestamp) {
    let oldest = now.saturating_sub(GONE_FOR).unwrap_or(Timestamp::MIN);
    memories.retain(|_, memory| *memory.seen.get_or_insert(now) >= oldest);
    let Some(too_many) = memories.len().checked_sub(MOST_GONE).filter(|n| *n > 0) else { return };
    let mut ids: Vec<_> = memories.iter().map(|(id, memory)| (memory.seen, id.clone())).collect();
    ids.sort();
    for (_, id) in ids.iter().take(too_many) {
        memories.remove(id);
    }
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
