//! The board: what is known now. One writer, cheap snapshots.
//!
//! [`Board::apply`] is the only write: a pure fold of an [`Event`] into the state, which returns the
//! turns of standings that it made. Whoever reads takes a [`Snapshot`], which costs one clone of a
//! list of shared items and holds nobody up.

mod acts;
mod announce;
mod apply;
mod fold;
mod recall;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::acts::terms::Terms;
use crate::model::acts::{Act, Maintenance};
use crate::model::deployment::{Announcement, Deployment};
use crate::model::finding::Verdict;
use crate::model::item::{Card, ItemId, Section};
use crate::model::measure::Bound;
use crate::model::memory::Memory;
use crate::model::needs::{Needs, Watch};
use crate::model::pause::Pause;
use crate::model::records::Records;
use crate::model::report::Report;
use crate::model::schedule::{Damping, Schedule};
use crate::model::snapshot::{Blocked, ItemState, Snapshot, Stream};
use crate::model::standing::{Standing, Turn};

/// What can happen to the board.
pub enum Event {
    /// The configuration was read: these are the items now.
    Configured(Layout),
    /// An attempt came to its end.
    Reported(Report),
    /// The daemon was started anew: these deployments were known before, this maintenance, and
    /// these times in which none ran.
    Recalled(Vec<Deployment>, Vec<Maintenance>, Vec<Pause>),
    /// A rollout was announced, by the token of this name.
    Announced(Announcement, String),
    /// Somebody attested, waived, declared maintenance, or took one of these back.
    Acted(Act),
    /// Time has passed, as a rule a second: grace ends, standings go stale, waivers lapse. Where far
    /// more has passed, nobody looked meanwhile.
    Ticked(Vec<Stream>),
}

/// The checklist as the board needs it.
pub struct Layout {
    /// The environment's name.
    pub environment: String,
    /// Sections in file order.
    pub sections: Arc<[Section]>,
    /// Items in file order.
    pub items: Vec<Seed>,
    /// Maintenance that the configuration declares.
    pub maintenance: Vec<Maintenance>,
}

/// An item as the configuration describes it.
pub struct Seed {
    /// What is printed of it.
    pub card: Card,
    /// When it is due.
    pub schedule: Schedule,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// The parameters of the fold.
    pub damping: Damping,
    /// Items that must hold before this one is looked at.
    pub depends_on: Vec<ItemId>,
    /// Watches that its checks read.
    pub watches: Vec<Watch>,
    /// The limits of its checks.
    pub limits: Vec<Bound>,
    /// What each of its checks was told, as YAML for people.
    pub parameters: Arc<[String]>,
    /// On what terms it can be attested; none where it can't.
    pub terms: Option<Terms>,
    /// The furthest end of a waiver; none where it can't be waived.
    pub waivable_for: Option<Duration>,
    /// Whether it applies to this environment.
    pub applies: bool,
    /// A new one makes the item pending, its history kept.
    pub generation: u64,
    /// A digest of all that asks for a new look when it changes.
    pub fingerprint: [u8; 32],
    /// What an earlier run of the daemon knew of it.
    pub remembered: Option<Box<Memory>>,
}

/// What an event changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Turns of shown standings, for log and journal.
    pub turns: Vec<(ItemId, Turn)>,
    /// Items that had waited for a dependency and may be looked at again: due now.
    pub freed: Vec<ItemId>,
    /// The deployment that was announced, as the record has it.
    pub announced: Option<Arc<Deployment>>,
    /// Items that the configuration holds no more, as they were.
    pub gone: Vec<Arc<ItemState>>,
    /// Acts that changed by themselves: waivers that ended, attestations that a deployment took.
    pub acts: Vec<Act>,
}

/// What the engine asks before it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Whether a dependency keeps the item from being looked at.
    pub blocked: bool,
    /// Whether the last verdict contradicts the standing: look again after `confirm_every`.
    pub contradicted: bool,
}

/// What is known now.
pub struct Board(Mutex<Held>);

/// The state, what was last shown of it, and when time last passed.
struct Held {
    snapshot: Snapshot,
    shown: Vec<Standing>,
    ticked: Option<Timestamp>,
}

impl Default for Board {
    fn default() -> Self {
        let snapshot = Snapshot {
            environment: String::new(),
            sections: Arc::from([]),
            items: Vec::new(),
            streams: Vec::new(),
            deployments: Vec::new(),
            maintenance: Vec::new(),
            pauses: Arc::from([]),
        };
        Self(Mutex::new(Held { snapshot, shown: Vec::new(), ticked: None }))
    }
}

impl Board {
    /// Folds an event in. The only write.
    pub fn apply(&self, event: Event, now: Timestamp) -> Changes {
        self.held(|held| held.apply(event, now))
    }

    /// All that is known, at this moment.
    pub fn snapshot(&self) -> Snapshot {
        self.held(|held| held.snapshot.clone())
    }

    /// What an item's checks have declared to read of the record.
    pub fn records(&self, item: &ItemId, needs: &Needs, now: Timestamp) -> Records {
        self.held(|held| held.snapshot.records(item, needs, now))
    }

    /// The deployment that an announcement will make, unless another comes before it.
    pub fn foreseen(
        &self,
        announcement: Announcement,
        token: String,
        now: Timestamp,
    ) -> Arc<Deployment> {
        announce::announce(&mut self.snapshot(), announcement, token, now)
    }

    /// What the engine has to know of an item before it looks.
    pub fn outlook(&self, id: &ItemId) -> Option<Outlook> {
        self.held(|held| held.snapshot.item(id.as_str()).map(|item| outlook(item)))
    }

    /// The same of all items.
    pub fn outlooks(&self) -> HashMap<ItemId, Outlook> {
        let items = self.held(|held| held.snapshot.items.clone());
        items.iter().map(|item| (item.card.id.clone(), outlook(item))).collect()
    }

    /// Whether this report would make its item failing, so that its dependencies must be looked at
    /// before it is applied.
    pub fn would_fail(&self, report: &Report, now: Timestamp) -> bool {
        report.verdict() == Verdict::Fail
            && self.held(|held| {
                let Some(item) = held.snapshot.item(report.item.as_str()) else { return false };
                let mut folded = item.folded.clone();
                let damping = apply::damping(item, report);
                fold::attempt(&mut folded, &damping, &apply::outcome(report, now));
                item.folded.standing != Standing::Failing && folded.standing == Standing::Failing
            })
    }

    fn held<T>(&self, with: impl FnOnce(&mut Held) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn outlook(item: &ItemState) -> Outlook {
    Outlook { blocked: item.blocked.is_some(), contradicted: fold::contradicts(&item.folded) }
}

/// Puts `entry` first and forgets the last beyond `most`.
fn remember<T>(entries: &mut VecDeque<T>, entry: T, most: usize) {
    entries.truncate(most.saturating_sub(1));
    entries.push_front(entry);
}

/// The dependency that keeps an item from being looked at, the first of the worst.
fn blocker(snapshot: &Snapshot, depends_on: &[ItemId], now: Timestamp) -> Option<Blocked> {
    let dependencies = depends_on.iter().filter_map(|id| snapshot.item(id.as_str()));
    let mut waiting = None;
    for item in dependencies {
        let shown = snapshot.shown(item, now);
        let blocked = |failing| Blocked { by: item.card.id.clone(), failing, since: now };
        match shown.standing {
            // A waiver takes the blame for a failure; what depends on it still can't be believed.
            Standing::Failing | Standing::Unknown | Standing::Waived => return Some(blocked(true)),
            Standing::Pending => waiting = waiting.or(Some(blocked(false))),
            Standing::Passing | Standing::Warning | Standing::NotApplicable => {}
        }
    }
    waiting
}
