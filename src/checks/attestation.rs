//! `attestation`: a person has said that it holds, and not too long ago.
//! Asks nobody but the record; a person's word is evidence, its absence a failure after a while.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::{Check, Look};
use crate::model::acts;
use crate::model::acts::Covers;
use crate::model::acts::terms::{Terms, Validity, is_ahead};
use crate::model::deployment::Deployment;
use crate::model::duration::Period;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::model::schedule::later;

const NOT_ATTESTED: Reason = Reason::new("NotAttested");
const LAPSED: Reason = Reason::new("AttestationLapsed");
const ENDING: Reason = Reason::new("AttestationEnding");

/// The longest default of `warn_before`.
const WARN_BEFORE: Duration = Duration::from_hours(14 * 24);

/// A person has said that it holds, and not too long ago. Asks nobody: attestations come by
/// `vigie attest`, the page, or `POST /api/v1/items/{id}/attestations`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// For how long an attestation is valid: a period, or `deployment` for one deployment alone.
    valid_for: ValidFor,
    /// How long before it lapses the item warns; by default a tenth of `valid_for`, at most 14d.
    #[serde(default)]
    warn_before: Option<Period>,
    /// How long the item may be without one before it fails: from when it comes to the checklist, or
    /// from when the deployment begins. 7d by default.
    #[serde(default)]
    within: Within,
    /// Of an item of mode `auto_attestable`: the reasons of its failures and warnings that a word
    /// answers, such as `NeverScaled`. Any other shows through it; what could not be seen, it
    /// answers always.
    #[serde(default)]
    answers: Vec<String>,
}

/// For how long an attestation is valid.
#[derive(Clone, Copy, Debug)]
struct ValidFor(Validity);

impl<'de> Deserialize<'de> for ValidFor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        if text == "deployment" {
            return Ok(Self(Validity::Deployment));
        }
        let period = Period::parse(&text).map_err(|expected| {
            de::Error::custom(format!("{expected}, or `deployment` for one deployment"))
        })?;
        Ok(Self(Validity::For(period.get())))
    }
}

impl JsonSchema for ValidFor {
    fn schema_name() -> Cow<'static, str> {
        "ValidFor".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let period = generator.subschema_for::<Period>();
        json_schema!({ "oneOf": [{ "const": "deployment" }, period] })
    }
}

/// How long an item may be without an attestation.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
struct Within(Period);

impl Default for Within {
    fn default() -> Self {
        Self(Period::from_secs(7 * 86_400))
    }
}

/// What the record holds.
#[derive(Debug)]
pub struct Seen {
    /// Newest first.
    attestations: Vec<Arc<acts::Attestation>>,
    deployment: Option<Deployment>,
    known_since: Option<Timestamp>,
}

impl Check for Attestation {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(NOT_ATTESTED, "Nobody has attested it, and its time is over."),
        Documented::fails(LAPSED, "The last attestation has lapsed."),
        Documented::warns(ENDING, "The attestation lapses soon: look again, and attest anew."),
        Documented::blinds(Reason::NOT_YET, "Nobody has attested it yet, and there is time."),
        Documented::blinds(
            Reason::NO_DEPLOYMENT,
            "It is attested per deployment, none is known, and nobody has attested the coming one.",
        ),
    ];
    const MEASURES: &'static [&'static Measure] = &[];

    fn flaws(&self) -> Vec<String> {
        match (self.valid_for.0, self.warn_before) {
            (Validity::Deployment, Some(_)) => {
                vec![
                    "`warn_before` has no meaning per deployment: nothing lapses by time"
                        .to_owned(),
                ]
            }
            (Validity::For(valid), Some(before)) if before.get() >= valid => {
                vec!["`warn_before` is as long as `valid_for`: it would always warn".to_owned()]
            }
            (Validity::For(_) | Validity::Deployment, _) => Vec::new(),
        }
    }

    fn needs(&self) -> Needs {
        let deployment = self.valid_for.0 == Validity::Deployment;
        Needs { attestation: Some(self.terms()), deployment, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        Vec::new()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        Ok(Seen {
            attestations: look.records.attestations.clone(),
            deployment: look.deployment().cloned(),
            known_since: look.records.known_since,
        })
    }

    fn judge(&self, seen: &Seen, _: &Past, now: Timestamp) -> Judgement {
        let current = seen.deployment.as_ref();
        match self.terms().deciding(seen.attestations.iter(), current, now) {
            Some(valid) => self.judge_valid(valid, now),
            None => self.judge_absent(seen, now),
        }
    }
}

impl Attestation {
    /// The codes of failures and warnings that a word answers.
    pub fn answers(&self) -> &[String] {
        &self.answers
    }

    /// On what terms a word is taken.
    fn terms(&self) -> Terms {
        let default = match self.valid_for.0 {
            Validity::For(valid) => (valid / 10).min(WARN_BEFORE),
            Validity::Deployment => Duration::ZERO,
        };
        Terms {
            valid: self.valid_for.0,
            warn_before: self.warn_before.map_or(default, Period::get),
            within: self.within.0.get(),
        }
    }

    fn judge_valid(&self, attestation: &acts::Attestation, now: Timestamp) -> Judgement {
        let acts::Attestation { who, at, covers, .. } = attestation;
        let end = self.terms().end(attestation, now);
        let until = match (covers, end) {
            (Covers::Until(_), Some(end)) => end,
            (Covers::Until(until), None) => *until,
            (Covers::Deployment(id), _) => {
                let because = format!("attested by {who} at {at:.0} for the deployment {id}");
                return Finding::pass(because).into();
            }
            (Covers::NextDeployment, end) => {
                let because = format!("attested by {who} at {at:.0} for the coming deployment");
                return Judgement::from(Finding::pass(because)).changing(end);
            }
        };
        let because = format!("attested by {who} at {at:.0}, valid until {until:.0}");
        let warn_before = SignedDuration::try_from(self.terms().warn_before);
        let warns_at = until.saturating_sub(warn_before.unwrap_or(SignedDuration::MAX));
        let warns_at = warns_at.unwrap_or(Timestamp::MIN);
        if now >= warns_at {
            return Judgement::from(Finding::warn(ENDING, because)).changing(Some(until));
        }
        Judgement::from(Finding::pass(because)).changing(Some(warns_at))
    }

    fn judge_absent(&self, seen: &Seen, now: Timestamp) -> Judgement {
        let began = match (self.valid_for.0, &seen.deployment) {
            (Validity::Deployment, None) => return Obstacle::no_deployment().into(),
            (Validity::Deployment, Some(deployment)) => Some(deployment.started),
            (Validity::For(_), _) => {
                let given = seen.attestations.iter().filter(|one| one.ended.is_none());
                if let Some(ahead) = given.clone().find(|one| is_ahead(one.at, now)) {
                    let acts::Attestation { who, at, .. } = &**ahead;
                    let because = format!(
                        "attested by {who} at {at:.0}, which lies ahead: the clock was wrong then, \
                         and nobody can tell for how long it is valid"
                    );
                    return Finding::fail(LAPSED, because).into();
                }
                let lapsed = given.filter_map(|one| Some((one, self.terms().end(one, now)?)));
                if let Some((one, until)) = lapsed.max_by_key(|(_, until)| *until) {
                    let acts::Attestation { who, at, .. } = &**one;
                    let because =
                        format!("attested by {who} at {at:.0}, which was valid until {until:.0}");
                    return Finding::fail(LAPSED, because).into();
                }
                seen.known_since
            }
        };
        let deadline = began.map(|began| later(began, self.within.0.get()));
        match deadline {
            Some(deadline) if now < deadline => {
                let because = format!("nobody has attested it; it fails at {deadline:.0}");
                Judgement::from(Obstacle::not_yet(because)).changing(Some(deadline))
            }
            Some(_) | None => {
                let because = format!("nobody has attested it, wanted within {}", self.within.0);
                Finding::fail(NOT_ATTESTED, because).into()
            }
        }
    }
}

#[cfg(test)]
mod tests;
