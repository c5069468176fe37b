//! `secret_keys`: Secrets have their keys, and the values are no placeholders and of the right form.
//! Witness: the API server; each Secret is read by name with one GET a look, never listed, watched
//! or kept. What leaves a look is lengths and findings, never a value nor a part of one. What the
//! HTTP stack buffered on the way can't be wiped.

mod address;
mod judging;
mod marks;
mod measured;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::secret::{SecretValue, right};
use crate::systems::kubernetes::{Refused, blind};

use marks::Marks;
use measured::Measured;
use wanted::{Name, Placeholders, Wanted};

/// The most values of a Secret that are noted as placeholders or garbled by their keys.
const MOST_NOTED: usize = 500;

/// Secrets have their keys, and the values are no placeholders and of the right form.
///
/// Each look costs one GET for each Secret, by name. Values are measured where they are read, in a
/// buffer that is wiped; what the HTTP stack buffered on the way can't be wiped.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretKeys {
    /// The namespace of the Secrets.
    namespace: Name,
    /// The Secrets, by name. All of them must be there; each key must be in at least one, and is
    /// judged wherever it is.
    secrets: Vec<Name>,
    /// Whether one of the Secrets is enough: the same keys are named otherwise elsewhere.
    #[serde(default)]
    alternatives: bool,
    /// The keys that must be there, and what is wanted of their values; `{}` wants of a value that
    /// it is neither blank nor a placeholder.
    #[serde(default)]
    keys: BTreeMap<String, Wanted>,
    /// Whether no value of the Secrets may hold a placeholder, whatever its key.
    #[serde(default)]
    all_keys: bool,
    /// Keys that `all_keys` leaves out.
    #[serde(default)]
    except: BTreeSet<String>,
    /// Whether the values of `keys` must all differ.
    #[serde(default)]
    distinct: bool,
    /// Texts that no value may hold, in any case of letters. By default `changeme`, `change-me`,
    /// `change_me`, `replaceme`, `replace-me`, `replace_me`, `placeholder`, `your-`, `your_`,
    /// `example.com`, `example.org`, `generate-with-openssl`.
    #[serde(default)]
    placeholders: Placeholders,
}

/// What a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// By Secret.
    secrets: Vec<(String, Result<Contents, Refused>)>,
    /// Pairs of keys with equal values.
    equal: Vec<(String, String)>,
}

/// What is noted of a Secret.
#[derive(Debug, Default)]
struct Contents {
    /// How many values it has.
    values: usize,
    /// The wanted keys that it has; none where the value is garbled.
    wanted: BTreeMap<String, Option<Measured>>,
    /// Keys beside the wanted ones whose values hold a placeholder, and which.
    placeholders: BTreeMap<String, usize>,
    /// Keys beside the wanted ones whose values are garbled.
    garbled: BTreeSet<String>,
    /// More of both.
    more: u64,
}

impl Check for SecretKeys {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        judging::NO_SECRET,
        judging::KEY_MISSING,
        judging::EMPTY,
        judging::PLACEHOLDER,
        judging::MALFORMED,
        judging::NOT_DECODABLE,
        judging::WRONG_LENGTH,
        judging::NOT_DISTINCT,
        Documented::blinds(
            Reason::GARBLED,
            "The answer is not a Secret, or a value is not base64; nothing of it is repeated.",
        ),
        Documented::blinds(Reason::TOO_LARGE, "The answer is longer than 3 MiB."),
        Documented::blinds(
            Reason::STREAM_DOWN,
            "The API server does not answer, or answers otherwise than it should.",
        ),
        Documented::blinds(Reason::FORBIDDEN, "Vigie lacks the right to get this Secret."),
        blind::KIND_UNKNOWN,
        blind::UNAUTHORIZED,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[];

    fn flaws(&self) -> Vec<String> {
        let mut flaws: Vec<String> = Vec::new();
        flaws.extend(self.placeholders.flaw());
        flaws.extend(self.keys.iter().flat_map(|(key, wanted)| wanted.flaws(key)));
        if self.secrets.is_empty() {
            flaws.push("`secrets` is empty: nothing would be read".to_owned());
        }
        if self.secrets.iter().collect::<BTreeSet<_>>().len() < self.secrets.len() {
            flaws.push("`secrets` names a Secret twice".to_owned());
        }
        if self.keys.is_empty() && !self.all_keys {
            flaws.push("neither `keys` nor `all_keys`: nothing would be judged".to_owned());
        }
        if self.distinct && self.keys.len() < 2 {
            flaws.push("`distinct` needs two `keys` at least".to_owned());
        }
        if !self.except.is_empty() && !self.all_keys {
            flaws.push("`except` is for `all_keys`, which is not set".to_owned());
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let Name(namespace) = &self.namespace;
        let rights = self.secrets.iter().map(|Name(name)| right(namespace, name)).collect();
        Needs { rights, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        Vec::new()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let Name(namespace) = &self.namespace;
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        let mut marks = Marks::new()?;
        for Name(name) in &self.secrets {
            let mut contents = Contents::default();
            let measure = |key: &str, value: SecretValue<'_>| {
                self.note(&mut contents, &mut marks, key, value);
            };
            let read =
                kubernetes.secret_values(look.needs, namespace, name, look.until(), measure).await;
            seen.secrets.push((name.clone(), read.map(|()| contents)));
        }
        if self.distinct {
            seen.equal = marks.equal();
        }
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, _: &Past, _: Timestamp) -> Judgement {
        self.judged(seen)
    }
}

impl SecretKeys {
    /// Notes the facts of one value.
    fn note(&self, seen: &mut Contents, marks: &mut Marks, key: &str, value: SecretValue<'_>) {
        seen.values += 1;
        if let Some(wanted) = self.keys.get(key) {
            let measured = match value {
                SecretValue::Bytes(bytes) => {
                    let measured = Measured::of(bytes, wanted, &self.placeholders);
                    if self.distinct && !measured.blank {
                        marks.add(key, bytes);
                    }
                    Some(measured)
                }
                SecretValue::Garbled => None,
            };
            seen.wanted.insert(key.to_owned(), measured);
            return;
        }
        if !self.all_keys || self.except.contains(key) {
            return;
        }
        let found = match value {
            SecretValue::Bytes(bytes) => self.placeholders.within(bytes).map(Some),
            SecretValue::Garbled => Some(None),
        };
        if found.is_some() && seen.placeholders.len() + seen.garbled.len() >= MOST_NOTED {
            seen.more += 1;
            return;
        }
        match found {
            Some(Some(placeholder)) => drop(seen.placeholders.insert(key.to_owned(), placeholder)),
            Some(None) => drop(seen.garbled.insert(key.to_owned())),
            None => (),
        }
    }
}

#[cfg(test)]
mod tests;
