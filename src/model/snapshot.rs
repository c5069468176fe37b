//! Snapshots: all that is known at one moment, for views to read without holding anybody up.

mod waived;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::acts::terms::Terms;
use super::acts::{Attestation, Maintenance, Waiver};
use super::deployment::Deployment;
use super::finding::Verdict;
use super::item::{Card, ItemId, Section};
use super::judgement::Line;
use super::measure::{Bound, Sample};
use super::needs::Watch;
use super::pause::Pause;
use super::reason::Reason;
use super::report::{Cause, Report};
use super::schedule::{Damping, Schedule};
use super::standing::{Shown, Standing, Turn};

/// A watch that has not been heard for so long is not believed: bookmarks come every minute.
pub const LONGEST_SILENCE: SignedDuration = SignedDuration::from_secs(150);

/// Everything that the board holds, at one moment. Cheap to clone: items are shared.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The environment's name: a label of every series.
    pub environment: String,
    /// Sections in file order.
    pub sections: Arc<[Section]>,
    /// Items in file order.
    pub items: Vec<Arc<ItemState>>,
    /// The watches of the Kubernetes API, as they are now.
    pub streams: Vec<Stream>,
    /// Deployments, the one that began last first.
    pub deployments: Vec<Arc<Deployment>>,
    /// Maintenance that is declared, or was: what begins last first.
    pub maintenance: Vec<Arc<Maintenance>>,
    /// Times of which there is no record, the oldest first.
    pub pauses: Arc<[Pause]>,
}

/// How a watch of the Kubernetes API is doing.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Stream {
    /// Which watch.
    pub watch: Watch,
    /// Whether it is open and has delivered its first list.
    pub up: bool,
    /// When anything, a bookmark included, last came in; none before the first list.
    pub last_heard: Option<Timestamp>,
}

/// All that is held of one item.
#[derive(Clone, Debug)]
pub struct ItemState {
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
    /// The limits of its checks, for panels.
    pub limits: Vec<Bound>,
    /// What each of its checks was told, as YAML for people: bounded, without credentials.
    pub parameters: Arc<[String]>,
    /// Counts up with every change of its checks or schedule.
    pub generation: u64,
    /// A digest of the same, which another run of the daemon knows again.
    pub fingerprint: [u8; 32],
    /// Since when it is on the checklist.
    pub known_since: Timestamp,
    /// On what terms it can be attested; none where it can't.
    pub terms: Option<Terms>,
    /// The furthest end of a waiver; none where it can't be waived.
    pub waivable_for: Option<Duration>,
    /// Since when it may be looked at: its grace runs from here.
    pub free_since: Timestamp,
    /// The fold's state.
    pub folded: Folded,
    /// The dependency that keeps it from being looked at, if any.
    pub blocked: Option<Blocked>,
    /// The end of the last attempt.
    pub last_attempt: Option<Timestamp>,
    /// The end of the last attempt that passed or warned.
    pub last_pass: Option<Timestamp>,
    /// Attempts, those before a restart included where they were kept, by verdict in the order of
    /// [`Verdict::ALL`].
    pub attempts: [u64; 4],
    /// When the standing is to be held stale, its streams left aside; none before any is due.
    pub stale_at: Option<Timestamp>,
    /// The last attempt, with its evidence.
    pub latest: Option<Arc<Report>>,
    /// While nobody has looked since a restart: what is known of the last look before it.
    pub carried: Carried,
    /// The figures of the last attempt.
    pub samples: Arc<[Sample]>,
    /// Details that the caps of the last attempt left out.
    pub details_dropped: u64,
    /// The last attempts, newest first.
    pub recent: VecDeque<Attempt>,
    /// The last attempts that failed or were blind, newest first: kept after `recent` forgot them.
    pub failures: VecDeque<Attempt>,
    /// The last changes of standing, newest first.
    pub turns: VecDeque<Turn>,
    /// Attestations, newest first, those that have lapsed included.
    pub attestations: VecDeque<Arc<Attestation>>,
    /// Waivers, newest first, those that have ended included.
    pub waivers: VecDeque<Arc<Waiver>>,
}

/// What the last look found that a daemon made before it ended, in what still matters of it.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// Lines that failed.
    pub failing: Vec<Line>,
    /// Whether a person's word decided it.
    pub attested: bool,
}

/// The fold's state of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Folded {
    /// The standing after damping.
    pub standing: Standing,
    /// Since when.
    pub since: Timestamp,
    /// Why, while warning, failing or unknown.
    pub reason: Option<Reason>,
    /// The sentence of the last attempt that agreed with the standing.
    pub because: String,
    /// Counted good attempts in a row.
    pub goods: u32,
    /// Counted failures since the last good attempt.
    pub fails: u32,
    /// Counted blind attempts in a row.
    pub unknowns: u32,
    /// When the last counted attempt of each sort ended, in the order of [`Counted`].
    pub counted_at: [Option<Timestamp>; 3],
    /// The verdict of the last attempt, counted or not.
    pub last_verdict: Option<Verdict>,
    /// Its reason.
    pub last_reason: Option<Reason>,
    /// Its sentence.
    pub last_because: String,
    /// What the item was before it became unknown.
    pub before_unknown: Option<Standing>,
    /// When it was last seen failing; none once it was seen to hold again.
    pub last_seen_failing: Option<Timestamp>,
}

/// The sorts of attempts that are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Pass and warn.
    Good,
    /// Fail.
    Fail,
    /// Unknown.
    Unknown,
}

impl Counted {
    /// The sort of an attempt with this verdict.
    pub const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass | Verdict::Warn => Self::Good,
            Verdict::Fail => Self::Fail,
            Verdict::Unknown => Self::Unknown,
        }
    }
}

impl Folded {
    /// When the last counted attempt of a sort ended.
    pub fn last_counted(&self, sort: Counted) -> Option<Timestamp> {
        self.counted_at[sort as usize]
    }

    /// Notes that an attempt of a sort was counted.
    pub fn count_at(&mut self, sort: Counted, at: Timestamp) {
        self.counted_at[sort as usize] = Some(at);
    }
}

/// Why an item is not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Blocked {
    /// The dependency.
    pub by: ItemId,
    /// Whether it is failing or unknown; else it is pending, and this item waits.
    pub failing: bool,
    /// Since when.
    pub since: Timestamp,
}

/// One line of an item's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Attempt {
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    #[serde(serialize_with = "super::duration::seconds")]
    #[schema(value_type = f64)]
    pub took: Duration,
    /// Why it was made.
    pub cause: Cause,
    /// What came of it.
    pub verdict: Verdict,
    /// Why, unless it passed.
    pub reason: Option<Reason>,
    /// The sentence.
    pub because: String,
}

impl Snapshot {
    /// The current deployment: the last one of this environment.
    pub fn deployment(&self) -> Option<&Arc<Deployment>> {
        self.deployments.iter().find(|deployment| deployment.environment == self.environment)
    }

    /// The item of this id.
    pub fn item(&self, id: &str) -> Option<&Arc<ItemState>> {
        self.items.iter().find(|item| item.card.id.as_str() == id)
    }

    /// The item's standing as it is to be shown at `now`.
    ///
    /// First match: not applicable; unknown `Stale`; unknown `DependencyFailing`; waived; the folded
    /// one.
    /// Staleness is worked out here, when shown, so that a hung engine can't leave anything green.
    pub fn shown(&self, item: &ItemState, now: Timestamp) -> Shown {
        let folded = &item.folded;
        if folded.standing == Standing::NotApplicable {
            return from_fold(folded);
        }
        if let Some((at, reason, because)) = self.staleness(item, now) {
            return Shown {
                standing: Standing::Unknown,
                reason: Some(reason),
                because,
                since: if folded.standing == Standing::Unknown { folded.since } else { at },
            };
        }
        match &item.blocked {
            Some(Blocked { by, failing: true, since }) => Shown {
                standing: Standing::Unknown,
                reason: Some(Reason::DEPENDENCY_FAILING),
                because: format!("not looked at while `{by}` does not hold"),
                // Unknown before and unknown now: only the reason is another.
                since: if folded.standing == Standing::Unknown {
                    folded.since.min(*since)
                } else {
                    *since
                },
            },
            Some(Blocked { failing: false, .. }) | None => waived::shown(self, item, now),
        }
    }

    /// When the item's standing is to be held stale: its own schedule and its streams considered.
    pub fn stale_at(&self, item: &ItemState) -> Option<Timestamp> {
        let stream = self.quietest(item).map(|(_, at)| at);
        match (item.stale_at, stream) {
            (Some(own), Some(stream)) => Some(own.min(stream)),
            (own, stream) => own.or(stream),
        }
    }

    /// Since when the item is shown as stale, if it is: what was not believed is not to be believed
    /// because of a restart.
    pub fn stale_since(&self, item: &ItemState, now: Timestamp) -> Option<Timestamp> {
        let shown = self.shown(item, now);
        match shown.reason {
            Some(Reason::STALE) if item.folded.reason != Some(Reason::STALE) => item.stale_at,
            Some(Reason::STREAM_SILENT) if item.folded.reason != Some(Reason::STREAM_SILENT) => {
                Some(shown.since)
            }
            Some(_) | None => None,
        }
    }

    fn staleness(&self, item: &ItemState, now: Timestamp) -> Option<(Timestamp, Reason, String)> {
        // Whoever could not see any more has said why, and better than this could.
        if item.folded.standing != Standing::Unknown
            && let Some((watch, at)) = self.quietest(item)
            && now >= at
        {
            let because = format!(
                "the watch of {} has not been heard for over {}s",
                watch.resource.name(),
                LONGEST_SILENCE.as_secs()
            );
            return Some((at, Reason::STREAM_SILENT, because));
        }
        // What waits for a broken dependency is shown as unknown anyway. What waits for one that is
        // pending goes stale: it may wait for ever, and nobody looks.
        let shown_blind = item.blocked.as_ref().is_some_and(|blocked| blocked.failing);
        let waits = item.blocked.is_some() && item.folded.standing == Standing::Pending;
        match item.stale_at {
            Some(at) if now >= at && !shown_blind && !waits => {
                let because = match item.last_attempt {
                    Some(last) => format!("last looked at {last:.0}, too long ago to be believed"),
                    None => "was due and has not been looked at".to_owned(),
                };
                Some((at, Reason::STALE, because))
            }
            _ => None,
        }
    }

    /// Among the item's watches that were ever heard, the one silent for longest, and when its
    /// silence becomes too long.
    fn quietest(&self, item: &ItemState) -> Option<(&Watch, Timestamp)> {
        item.last_attempt?;
        self.streams
            .iter()
            .filter(|stream| item.watches.contains(&stream.watch))
            .filter_map(|stream| Some((&stream.watch, stream.last_heard?)))
            .min_by_key(|(_, heard)| *heard)
            .map(|(watch, heard)| {
                (watch, heard.saturating_add(LONGEST_SILENCE).unwrap_or(Timestamp::MAX))
            })
    }
}

pub(super) fn from_fold(folded: &Folded) -> Shown {
    let because = match (folded.standing, folded.last_seen_failing) {
        (Standing::Unknown, Some(at)) if folded.before_unknown == Some(Standing::Failing) => {
            format!("{}; last seen failing at {at:.0}", folded.because)
        }
        _ => folded.because.clone(),
    };
    Shown { standing: folded.standing, reason: folded.reason, because, since: folded.since }
}
