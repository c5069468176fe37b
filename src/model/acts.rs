//! Human acts: what people say of items, and stand for with their names.
//!
//! An *attestation* says that something holds that no program can see; a *waiver* takes the blame for
//! named reasons of a failing item; *maintenance* declares a span in which failures are expected. Each
//! is checked when it is made ([`requests`]), and none of them lasts without an end.

mod fields;
pub mod requests;
pub mod terms;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// How it came to an end before its time, if it did. Not written where it did not: versions that
    /// know of no such end read all other words, and none that was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
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
    /// The sections that it is about, with those below them; empty means all.
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
    /// Until when it was meant, where it is for a time.
    pub fn until(&self) -> Option<Timestamp> {
        match self.covers {
            Covers::Until(until) => Some(until),
            Covers::Deployment(_) | Covers::NextDeployment => None,
        }
    }
}

impl Waiver {
    /// Whether the record has no end of it by `now`; whether it counts is for the item to say, by its
    /// present terms.
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
        self.sections.is_empty() || self.sections.iter().any(|named| named.covers(section))
    }

    /// Who declared it, for sentences.
    pub fn by(&self) -> &str {
        self.who.as_deref().unwrap_or("the configuration")
    }
}
