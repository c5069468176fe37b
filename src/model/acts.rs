//! Human acts: what people say of items, and stand for with their names.
//!
//! An *attestation* says that something holds that no program can see; a *waiver* takes the blame for
//! named reasons of a failing item; *maintenance* declares a span in which failures are expected. Each
//! is checked when it is made ([`requests`]), and none of them lasts without an end.

pub mod requests;
pub mod terms;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::deployment::Deployment;
use super::item::ItemId;

/// Somebody says that an item holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Its name in paths.
    pub id: String,
    /// Of which item.
    pub item: ItemId,
    /// Who says so, as claimed.
    pub who: String,
    /// The name of the token that it came with.
    pub token: String,
    /// When.
    pub at: Timestamp,
    /// For how long it is valid.
    pub covers: Covers,
    /// What was done, or seen.
    pub note: Option<String>,
    /// Where the evidence is.
    pub link: Option<String>,
}

/// For how long an attestation is valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Covers {
    /// Until this moment.
    Until(Timestamp),
    /// For the deployment of this id, and no other.
    Deployment(String),
    /// For the first deployment that begins after it.
    NextDeployment,
}

/// Somebody takes the blame for named reasons of a failing item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Its name in paths.
    pub id: String,
    /// Of which item.
    pub item: ItemId,
    /// Who takes the blame, as claimed.
    pub who: String,
    /// The name of the token that it came with.
    pub token: String,
    /// When.
    pub at: Timestamp,
    /// Until when, at the latest.
    pub until: Timestamp,
    /// The codes that it covers; any other shows through.
    pub reasons: Vec<String>,
    /// Why it may be so.
    pub why: String,
    /// How it came to its end, once it has.
    pub ended: Option<Ended>,
}

/// A declared span in which failures are expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Its name in paths.
    pub id: String,
    /// Who declared it, as claimed; a span of the configuration has nobody.
    pub who: Option<String>,
    /// The name of the token that it came with; a span of the configuration has none.
    pub token: Option<String>,
    /// When it was declared.
    pub at: Timestamp,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// The sections that it is about; empty means all.
    pub sections: Vec<ItemId>,
    /// What is being done.
    pub why: String,
    /// How it came to an end before its time, if it did.
    pub ended: Option<Ended>,
}

/// How an act came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// By what.
    pub by: EndedBy,
}

/// What ends an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// Its time was over.
    Lapse,
    /// The item recovered.
    Recovery,
    /// Somebody took it back.
    Withdrawal {
        /// Who, as claimed.
        who: String,
        /// The name of the token that it came with.
        token: String,
    },
}

/// Any act, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// See [`Attestation`].
    Attestation(Attestation),
    /// See [`Waiver`]; also when it ended.
    Waiver(Waiver),
    /// See [`Maintenance`]; also when it ended early.
    Maintenance(Maintenance),
}

impl Act {
    /// Its name in paths, unique among all acts.
    pub fn id(&self) -> &str {
        match self {
            Self::Attestation(attestation) => &attestation.id,
            Self::Waiver(waiver) => &waiver.id,
            Self::Maintenance(maintenance) => &maintenance.id,
        }
    }
}

impl Attestation {
    /// Whether it is valid at `now`, when `current` is the deployment.
    pub fn is_valid(&self, current: Option<&Deployment>, now: Timestamp) -> bool {
        match (&self.covers, current) {
            (Covers::Until(until), _) => now < *until,
            (Covers::Deployment(id), Some(current)) => *id == current.id,
            (Covers::NextDeployment, None) => true,
            (Covers::Deployment(_), None) | (Covers::NextDeployment, Some(_)) => false,
        }
    }

    /// When it lapses, where time alone decides.
    pub fn until(&self) -> Option<Timestamp> {
        match self.covers {
            Covers::Until(until) => Some(until),
            Covers::Deployment(_) | Covers::NextDeployment => None,
        }
    }
}

impl Waiver {
    /// Whether it stands at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.until
    }

    /// Whether it covers a reason.
    pub fn covers(&self, code: &str) -> bool {
        self.reasons.iter().any(|reason| reason == code)
    }
}

impl Maintenance {
    /// Whether `now` lies within it.
    pub fn is_on(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.from <= now && now < self.until
    }

    /// Whether it is about a section.
    pub fn is_about(&self, section: &ItemId) -> bool {
        self.sections.is_empty() || self.sections.contains(section)
    }

    /// Who declared it, for sentences.
    pub fn by(&self) -> &str {
        self.who.as_deref().unwrap_or("the configuration")
    }
}
