//! `/api/v1/checklist`: everything at a glance.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::item::{Card, Group, ItemId, Mode, Section, Severity};
use crate::model::reason::Reason;
use crate::model::snapshot::{ItemState, Snapshot, Stream};
use crate::model::standing::{Shown, Standing};
use crate::model::tally::Tally;
use crate::model::vitals::{ConfigVitals, Vitals};

/// The checklist as it stands.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Checklist<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// The time for which this holds.
    pub at: Timestamp,
    /// The worst standing of all items that apply; null where none does.
    pub standing: Option<Standing>,
    /// How many items have each standing.
    pub counts: Counts,
    /// When the engine last looked at what is due.
    pub last_tick: Timestamp,
    /// The configuration in use.
    pub configuration: Configuration<'a>,
    /// The watches of the Kubernetes API.
    pub streams: &'a [Stream],
    /// The sections, in file order.
    pub sections: Vec<SectionView<'a>>,
}

/// How many items have each standing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// Nobody knows yet.
    pub pending: usize,
    /// It holds.
    pub passing: usize,
    /// It holds, and somebody should look.
    pub warning: usize,
    /// It does not hold.
    pub failing: usize,
    /// Nobody can tell.
    pub unknown: usize,
    /// Somebody took the blame.
    pub waived: usize,
    /// It does not apply to this environment.
    pub not_applicable: usize,
    /// Of those that pass, the ones where no look but a person's word decides.
    pub attested: usize,
}

/// The configuration in use, and whether the newest one could be taken.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Configuration<'a> {
    /// Whether the last attempt to load it succeeded.
    pub successful: bool,
    /// When the one in use was loaded.
    pub loaded_at: Timestamp,
    /// A digest of the files in use.
    pub checksum: &'a str,
    /// What is wrong with the files that were refused.
    pub refused: Option<&'a str>,
}

/// A section with its items.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SectionView<'a> {
    /// The section's id.
    pub id: &'a ItemId,
    /// The heading.
    pub title: &'a str,
    /// The worst standing of its items that apply; null where none does.
    pub standing: Option<Standing>,
    /// The boxes under which some of the items are indented.
    pub groups: &'a [Group],
    /// The items, in file order.
    pub items: Vec<ItemSummary<'a>>,
}

/// An item and how it stands.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ItemSummary<'a> {
    /// The item's id, unique in the checklist.
    pub id: &'a ItemId,
    /// The line as people read it.
    pub title: &'a str,
    /// The section it stands in.
    pub section: &'a ItemId,
    /// The group under whose box it stands.
    pub group: Option<&'a ItemId>,
    /// How much it hurts while it fails.
    pub severity: Severity,
    /// Who decides it.
    pub mode: Mode,
    /// The kinds of its checks.
    pub kinds: &'a [&'static str],
    /// Where to read what to do.
    pub runbook_url: Option<&'a str>,
    /// The boxes that are printed for it instead of one: an environment each, and the text.
    #[serde(skip_serializing_if = "no_boxes")]
    #[schema(value_type = Vec<Vec<String>>, required = false)]
    pub boxes: &'a [(String, String)],
    /// How it stands.
    pub standing: Standing,
    /// Why, unless it passes.
    pub reason: Option<Reason>,
    /// The sentence behind it.
    pub because: String,
    /// Since when it stands so.
    pub since: Timestamp,
    /// When the last attempt ended.
    pub last_attempt: Option<Timestamp>,
    /// When the last attempt that passed or warned ended.
    pub last_pass: Option<Timestamp>,
    /// When the standing is to be held stale unless the item is looked at again.
    pub stale_at: Option<Timestamp>,
}

fn no_boxes(boxes: &&[(String, String)]) -> bool {
    boxes.is_empty()
}

impl<'a> Checklist<'a> {
    /// The checklist as it is to be shown at `now`.
    pub fn new(snapshot: &'a Snapshot, vitals: &'a Vitals, now: Timestamp) -> Self {
        let sections: Vec<_> = snapshot
            .sections
            .iter()
            .map(|section| SectionView::new(snapshot, section, now))
            .collect();
        let standings = || sections.iter().flat_map(|s| &s.items).map(|item| item.standing);
        Self {
            environment: &snapshot.environment,
            at: now,
            standing: Standing::worst(standings()),
            counts: Tally::of(snapshot, now).into(),
            last_tick: vitals.last_tick,
            configuration: Configuration::new(&vitals.config),
            streams: &snapshot.streams,
            sections,
        }
    }
}

impl From<Tally> for Counts {
    fn from(tally: Tally) -> Self {
        let Tally {
            items: _,
            pending,
            passing,
            warning,
            failing,
            unknown,
            waived,
            not_applicable,
            attested,
        } = tally;
        Self { pending, passing, warning, failing, unknown, waived, not_applicable, attested }
    }
}

impl<'a> Configuration<'a> {
    fn new(config: &'a ConfigVitals) -> Self {
        let ConfigVitals { successful, last_success, checksum, refused } = config;
        Self {
            successful: *successful,
            loaded_at: *last_success,
            checksum,
            refused: refused.as_deref(),
        }
    }
}

impl<'a> SectionView<'a> {
    fn new(snapshot: &'a Snapshot, section: &'a Section, now: Timestamp) -> Self {
        let Section { id, title, groups, items } = section;
        let items: Vec<_> = items
            .iter()
            .filter_map(|id| snapshot.item(id.as_str()))
            .map(|state| ItemSummary::new(snapshot, state, now))
            .collect();
        let standing = Standing::worst(items.iter().map(|item| item.standing));
        Self { id, title, standing, groups, items }
    }
}

impl<'a> ItemSummary<'a> {
    pub(super) fn new(snapshot: &Snapshot, state: &'a ItemState, now: Timestamp) -> Self {
        let Card { id, title, section, group, severity, mode, kinds, runbook_url, boxes } =
            &state.card;
        let Shown { standing, reason, because, since } = snapshot.shown(state, now);
        Self {
            id,
            title,
            section,
            group: group.as_ref(),
            severity: *severity,
            mode: *mode,
            kinds,
            runbook_url: runbook_url.as_deref(),
            boxes,
            standing,
            reason,
            because,
            since,
            last_attempt: state.last_attempt,
            last_pass: state.last_pass,
            stale_at: snapshot.stale_at(state),
        }
    }
}
