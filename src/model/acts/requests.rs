//! What people ask to have recorded, and why some of it is not.
//!
//! The bodies of the API's `POST`s. Each becomes an act only whole: checked against the item's terms
//! and the time, with an id and the name of the token beside the name that was claimed.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use super::fields::{LONGEST_NAME, by_likeness, name, text, web_link};
use super::terms::{Terms, Validity};
use super::{Attestation, Covers, Maintenance, Waiver};
use crate::model::deployment::Deployment;
use crate::model::duration::spoken;
use crate::model::item::ItemId;
use crate::model::judgement::legible;
use crate::model::reason::CLOCK_TOLERANCE;
use crate::model::schedule::later;
use crate::model::words::{Code, Link, Text, Word};

/// The most reasons of a waiver.
const MOST_REASONS: usize = 20;
/// The longest maintenance.
const LONGEST_MAINTENANCE: Duration = Duration::from_hours(7 * 24);
/// How far ahead maintenance may be declared.
const FURTHEST_MAINTENANCE: Duration = Duration::from_hours(90 * 24);

/// What somebody asks to have recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To attest an item.
    Attest {
        /// The item's id.
        item: String,
        /// What is said.
        request: AttestationRequest,
    },
    /// To take an attestation back.
    EndAttestation {
        /// The item's id.
        item: String,
        /// The attestation's id.
        attestation: String,
        /// What is said.
        request: WithdrawalRequest,
    },
    /// To waive an item.
    Waive {
        /// The item's id.
        item: String,
        /// What is said.
        request: WaiverRequest,
    },
    /// To take a waiver back.
    EndWaiver {
        /// The item's id.
        item: String,
        /// The waiver's id.
        waiver: String,
        /// What is said.
        request: WithdrawalRequest,
    },
    /// To declare maintenance.
    Maintain(MaintenanceRequest),
    /// To end maintenance before its time.
    EndMaintenance {
        /// Its id.
        maintenance: String,
        /// What is said.
        request: WithdrawalRequest,
    },
}

/// The body of `POST /api/v1/items/{id}/attestations`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttestationRequest {
    /// Who says so.
    #[schema(value_type = Word)]
    pub who: String,
    /// What was done, or seen.
    #[schema(value_type = Option<Text>)]
    pub note: Option<String>,
    /// Where the evidence is: a link.
    #[schema(value_type = Option<Link>)]
    pub link: Option<String>,
    /// Until when, if earlier than the item's terms allow.
    pub until: Option<Timestamp>,
    /// Whether it is about the coming deployment, not about the current one; only for items that are
    /// attested per deployment.
    #[serde(default)]
    pub next_deployment: bool,
}

/// The body of `POST /api/v1/items/{id}/waivers`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverRequest {
    /// Who takes the blame.
    #[schema(value_type = Word)]
    pub who: String,
    /// Why it may be so.
    #[schema(value_type = Text)]
    pub why: String,
    /// The codes that it covers, such as `BackupTooOld`.
    #[schema(value_type = Vec<Code>, min_items = 1)]
    pub reasons: Vec<String>,
    /// Until when.
    pub until: Timestamp,
}

/// The body of `POST /api/v1/maintenance`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceRequest {
    /// Who declares it.
    #[schema(value_type = Word)]
    pub who: String,
    /// What is being done.
    #[schema(value_type = Text)]
    pub why: String,
    /// When it begins; now, where it is left out.
    pub from: Option<Timestamp>,
    /// When it ends.
    pub until: Timestamp,
    /// The sections that it is about, with those below them: `configuration` means
    /// `configuration.files`, too. All sections, where it is left out.
    #[serde(default)]
    pub sections: Vec<ItemId>,
}

/// The body that takes an act back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawalRequest {
    /// Who takes it back.
    #[schema(value_type = Word)]
    pub who: String,
}

impl WithdrawalRequest {
    /// Who takes it back.
    ///
    /// # Errors
    /// It says nobody.
    pub fn who(self) -> Result<String, Refused> {
        name("who", self.who)
    }
}

/// Why an act is not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What sort of refusal it is.
    pub sort: RefusedSort,
    /// A sentence: what is wrong, and what would do.
    pub because: String,
}

/// Sorts of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedSort {
    /// There is no such item, section or act.
    NotFound,
    /// It is not possible as things stand: not attestable, nothing fails, not waivable.
    Conflict,
    /// A field does not do.
    Invalid,
    /// The record can't take it.
    NotRecorded,
}

impl Refused {
    /// There is no such thing.
    pub fn not_found(because: impl Into<String>) -> Self {
        Self { sort: RefusedSort::NotFound, because: because.into() }
    }

    /// Not as things stand.
    pub fn conflict(because: impl Into<String>) -> Self {
        Self { sort: RefusedSort::Conflict, because: because.into() }
    }

    /// A field does not do.
    pub fn invalid(because: impl Into<String>) -> Self {
        Self { sort: RefusedSort::Invalid, because: because.into() }
    }

    /// The record can't take it.
    pub fn not_recorded(because: impl Into<String>) -> Self {
        Self { sort: RefusedSort::NotRecorded, because: because.into() }
    }
}

/// What every act is made with.
#[derive(Clone, Debug)]
pub struct Making<'a> {
    /// Its id.
    pub id: String,
    /// The name of the token.
    pub token: String,
    /// The time.
    pub now: Timestamp,
    /// The current deployment.
    pub deployment: Option<&'a Deployment>,
}

impl AttestationRequest {
    /// The attestation that this makes of an item on its terms.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn made(
        self,
        item: &ItemId,
        terms: Terms,
        making: Making<'_>,
    ) -> Result<Attestation, Refused> {
        let Self { who, note, link, until, next_deployment } = self;
        let Making { id, token, now, deployment } = making;
        let who = name("who", who)?;
        let note = note.map(|note| text("note", note)).transpose()?;
        let link = link.map(web_link).transpose()?;
        if let Some(until) = until
            && until <= now
        {
            return Err(Refused::invalid("`until` lies in the past"));
        }
        let covers = match (terms.valid, until) {
            (Validity::For(_), _) if next_deployment => {
                let because = "`next_deployment` has a meaning for items that are attested per \
                               deployment; this one is attested for a period";
                return Err(Refused::invalid(because));
            }
            (Validity::For(longest), until) => {
                let furthest = later(now, longest);
                if until.is_some_and(|until| until > furthest) {
                    let longest = spoken(longest);
                    return Err(Refused::invalid(format!(
                        "`until` is further than the item allows: at most {longest} from now"
                    )));
                }
                Covers::Until(until.unwrap_or(furthest))
            }
            (Validity::Deployment, Some(_)) => {
                let because = "`until` has no meaning here: the item is attested per deployment";
                return Err(Refused::invalid(because));
            }
            (Validity::Deployment, None) => match deployment {
                Some(current) if !next_deployment => Covers::Deployment(current.id.clone()),
                Some(_) | None => Covers::NextDeployment,
            },
        };
        let item = item.clone();
        Ok(Attestation { id, item, who, token, at: now, covers, note, link, ended: None })
    }
}

impl WaiverRequest {
    /// The waiver that this makes of an item that may be waived for so long.
    ///
    /// `can` are the codes for which the item's own checks can fail.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn made(
        self,
        item: &ItemId,
        longest: Option<Duration>,
        can: &BTreeSet<&'static str>,
        making: Making<'_>,
    ) -> Result<Waiver, Refused> {
        let Self { who, why, mut reasons, until } = self;
        let Making { id, token, now, deployment: _ } = making;
        let Some(longest) = longest else {
            return Err(Refused::conflict(format!("`{item}` can't be waived: it is too grave")));
        };
        let who = name("who", who)?;
        let why = text("why", why)?;
        reasons.sort();
        reasons.dedup();
        if reasons.is_empty() || reasons.len() > MOST_REASONS {
            let because = format!("`reasons` names 1 to {MOST_REASONS} codes that are waived");
            return Err(Refused::invalid(because));
        }
        if let Some(stranger) = reasons.iter().find(|code| !can.contains(code.as_str())) {
            let stranger = legible(stranger, LONGEST_NAME);
            let can = can.iter().copied().collect::<Vec<_>>().join(", ");
            return Err(Refused::invalid(format!(
                "`reasons`: `{item}` can't fail for `{stranger}`; it can for {can}"
            )));
        }
        if until <= now {
            return Err(Refused::invalid("`until` lies in the past"));
        }
        if until > later(now, longest) {
            let longest = spoken(longest);
            return Err(Refused::invalid(format!(
                "`until` is further than the item allows: at most {longest} from now"
            )));
        }
        let item = item.clone();
        Ok(Waiver { id, item, who, token, at: now, until, reasons, why, ended: None })
    }
}

impl MaintenanceRequest {
    /// The maintenance that this makes.
    ///
    /// `known` are the names that sections go by.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn made(self, known: &BTreeSet<&str>, making: Making<'_>) -> Result<Maintenance, Refused> {
        let Self { who, why, from, until, sections } = self;
        let Making { id, token, now, deployment: _ } = making;
        let who = name("who", who)?;
        let why = text("why", why)?;
        if let Some(stranger) = sections.iter().find(|section| !known.contains(section.as_str())) {
            let known = by_likeness(stranger.as_str(), known);
            return Err(Refused::not_found(format!(
                "`sections`: there is no section `{stranger}`; {known}"
            )));
        }
        let from = from.unwrap_or(now);
        if now.duration_since(from) > CLOCK_TOLERANCE {
            return Err(Refused::invalid("`from` lies in the past: what was seen stays as it was"));
        }
        if from > later(now, FURTHEST_MAINTENANCE) {
            let furthest = spoken(FURTHEST_MAINTENANCE);
            return Err(Refused::invalid(format!("`from` is at most {furthest} ahead")));
        }
        if until <= from || until <= now {
            return Err(Refused::invalid("`until` lies before the beginning, or in the past"));
        }
        if until.duration_since(from)
            > SignedDuration::try_from(LONGEST_MAINTENANCE).unwrap_or(SignedDuration::MAX)
        {
            let longest = spoken(LONGEST_MAINTENANCE);
            return Err(Refused::invalid(format!("`until`: maintenance lasts at most {longest}")));
        }
        Ok(Maintenance {
            id,
            who: Some(who),
            token: Some(token),
            at: now,
            from,
            until,
            sections,
            why,
            ended: None,
        })
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
