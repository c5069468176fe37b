//! `/api/v1/items/{id}/attestations`, `…/waivers`, `/api/v1/maintenance`: what people answer for.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::acts::{Act, Attestation, Covers, Ended, EndedBy, Maintenance, Waiver};
use crate::model::item::ItemId;
use crate::model::snapshot::{ItemState, Snapshot};

/// Attestations of an item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Attestations<'a> {
    /// The newest first, those that have lapsed included.
    pub attestations: Vec<AttestationView<'a>>,
}

/// Somebody's word for an item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttestationView<'a> {
    /// Its id.
    pub id: &'a str,
    /// Of which item.
    pub item: &'a ItemId,
    /// Who says so, as claimed.
    pub who: &'a str,
    /// The name of the token that it came with.
    pub token: &'a str,
    /// When.
    pub at: Timestamp,
    /// When it lapses on the item's present terms, or lapsed; null where it is for a deployment, and
    /// where those terms are of another sort.
    pub until: Option<Timestamp>,
    /// The deployment that it is for; null where it is for a time, or for the next one.
    pub deployment: Option<&'a str>,
    /// Whether it waits for the deployment that it is for.
    pub next_deployment: bool,
    /// What was done, or seen.
    pub note: Option<&'a str>,
    /// Where the evidence is.
    pub link: Option<&'a str>,
    /// How it came to an end before its time, if it did.
    pub ended: Option<EndView<'a>>,
    /// Whether it counts now, on the item's present terms.
    pub valid: bool,
}

/// Waivers of an item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Waivers<'a> {
    /// The newest first, those that have ended included.
    pub waivers: Vec<WaiverView<'a>>,
}

/// Somebody takes the blame for named reasons of an item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WaiverView<'a> {
    /// Its id.
    pub id: &'a str,
    /// Of which item.
    pub item: &'a ItemId,
    /// Who takes the blame, as claimed.
    pub who: &'a str,
    /// The name of the token that it came with.
    pub token: &'a str,
    /// When.
    pub at: Timestamp,
    /// Until when, at the latest, on the item's present terms.
    pub until: Timestamp,
    /// The reasons that it covers; any other shows through.
    pub reasons: &'a [String],
    /// Those of them for which the item does not fail now; none once it has ended.
    pub not_failing: Vec<&'a str>,
    /// Why it may be so.
    pub why: &'a str,
    /// How it came to its end, once it has.
    pub ended: Option<EndView<'a>>,
    /// Whether it counts now, on the item's present terms.
    pub open: bool,
}

/// Maintenance that is known of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Maintenances<'a> {
    /// What begins last first, what is over included.
    pub maintenance: Vec<MaintenanceView<'a>>,
}

/// A declared span in which failures are expected.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MaintenanceView<'a> {
    /// Its id.
    pub id: &'a str,
    /// Who declared it, as claimed; null where the configuration did.
    pub who: Option<&'a str>,
    /// The name of the token that it came with; null where the configuration declared it.
    pub token: Option<&'a str>,
    /// When it was declared.
    pub at: Timestamp,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// The sections that it is about; empty means all.
    pub sections: &'a [ItemId],
    /// What is being done.
    pub why: &'a str,
    /// How it came to an end before its time, if it did.
    pub ended: Option<EndView<'a>>,
    /// Whether it is on now.
    pub on: bool,
}

/// How an act came to its end.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EndView<'a> {
    /// When.
    pub at: Timestamp,
    /// By what.
    pub by: EndSort,
    /// Who took it back, as claimed.
    pub who: Option<&'a str>,
    /// The name of the token that it was taken back with.
    pub token: Option<&'a str>,
}

/// What ends an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndSort {
    /// Its time was over.
    Lapse,
    /// The item recovered.
    Recovery,
    /// Somebody took it back.
    Withdrawal,
}

/// Any act.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum ActView<'a> {
    /// Somebody's word for an item.
    Attestation(AttestationView<'a>),
    /// Blame for an item.
    Waiver(WaiverView<'a>),
    /// Maintenance.
    Maintenance(MaintenanceView<'a>),
}

impl<'a> ActView<'a> {
    /// An act as it is at `now`.
    pub fn new(snapshot: &Snapshot, act: &'a Act, now: Timestamp) -> Self {
        match act {
            Act::Attestation(act) => Self::Attestation(AttestationView::new(snapshot, act, now)),
            Act::Waiver(act) => {
                let item = snapshot.item(act.item.as_str()).map(AsRef::as_ref);
                Self::Waiver(WaiverView::new(item, act, now))
            }
            Act::Maintenance(act) => Self::Maintenance(MaintenanceView::new(act, now)),
        }
    }
}

impl<'a> Attestations<'a> {
    /// Those of an item.
    pub fn new(snapshot: &Snapshot, item: &'a ItemState, now: Timestamp) -> Self {
        let all = item.attestations.iter();
        Self { attestations: all.map(|act| AttestationView::new(snapshot, act, now)).collect() }
    }
}

impl<'a> AttestationView<'a> {
    /// An attestation as it is at `now`.
    pub fn new(snapshot: &Snapshot, act: &'a Attestation, now: Timestamp) -> Self {
        let Attestation { id, item, who, token, at, covers, note, link, ended } = act;
        let state = snapshot.item(item.as_str());
        let terms = state.and_then(|state| state.terms);
        let deployment = match covers {
            Covers::Deployment(id) => Some(id.as_str()),
            Covers::Until(_) | Covers::NextDeployment => None,
        };
        Self {
            id,
            item,
            who,
            token,
            at: *at,
            until: terms.and_then(|terms| terms.end(act, now)),
            deployment,
            next_deployment: *covers == Covers::NextDeployment,
            note: note.as_deref(),
            link: link.as_deref(),
            ended: ended.as_ref().map(EndView::new),
            valid: terms.is_some_and(|terms| {
                terms.hold(act, snapshot.deployment().map(AsRef::as_ref), now)
            }),
        }
    }
}

impl<'a> Waivers<'a> {
    /// Those of an item.
    pub fn new(item: &'a ItemState, now: Timestamp) -> Self {
        let all = item.waivers.iter();
        Self { waivers: all.map(|act| WaiverView::new(Some(item), act, now)).collect() }
    }
}

impl<'a> WaiverView<'a> {
    /// A waiver of this item as it is at `now`.
    pub fn new(state: Option<&ItemState>, act: &'a Waiver, now: Timestamp) -> Self {
        let Waiver { id, item, who, token, at, until, reasons, why, ended } = act;
        let open = state.is_some_and(|state| state.bears(act, now));
        let failing = state.map(ItemState::failing_codes).unwrap_or_default();
        let idle = reasons.iter().map(String::as_str).filter(|code| !failing.contains(code));
        Self {
            id,
            item,
            who,
            token,
            at: *at,
            until: state.and_then(|state| state.end_of_waiver(act, now)).unwrap_or(*until),
            reasons,
            not_failing: if open { idle.collect() } else { Vec::new() },
            why,
            ended: ended.as_ref().map(EndView::new),
            open,
        }
    }
}

impl<'a> Maintenances<'a> {
    /// All of a snapshot.
    pub fn new(snapshot: &'a Snapshot, now: Timestamp) -> Self {
        let all = snapshot.maintenance.iter();
        Self { maintenance: all.map(|act| MaintenanceView::new(act, now)).collect() }
    }
}

impl<'a> MaintenanceView<'a> {
    /// Maintenance as it is at `now`.
    pub fn new(act: &'a Maintenance, now: Timestamp) -> Self {
        let Maintenance { id, who, token, at, from, until, sections, why, ended } = act;
        Self {
            id,
            who: who.as_deref(),
            token: token.as_deref(),
            at: *at,
            from: *from,
            until: *until,
            sections,
            why,
            ended: ended.as_ref().map(EndView::new),
            on: act.is_on(now),
        }
    }
}

impl<'a> EndView<'a> {
    fn new(ended: &'a Ended) -> Self {
        let Ended { at, by } = ended;
        let (by, who, token) = match by {
            EndedBy::Lapse => (EndSort::Lapse, None, None),
            EndedBy::Recovery => (EndSort::Recovery, None, None),
            EndedBy::Withdrawal { who, token } => {
                (EndSort::Withdrawal, Some(who.as_str()), Some(token.as_str()))
            }
        };
        Self { at: *at, by, who, token }
    }
}
