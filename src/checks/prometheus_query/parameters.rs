//! The parameters of `prometheus_query`, apart from its limits.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Answer;
use crate::model::measure::LONGEST_LABEL;
use crate::model::reason::Reason;

/// The most series that are expected, and exported, of one expression.
const MOST_EXPECTED: usize = 100;

/// The name of a connection, `default` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct ConnectionName(pub(super) String);

impl Default for ConnectionName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// What a figure is called, `value` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct QueryName(pub(super) String);

impl Default for QueryName {
    fn default() -> Self {
        Self("value".to_owned())
    }
}

/// What becomes of the claim where there is no figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// Nobody can tell.
    #[default]
    Unknown,
    /// It does not hold.
    Fail,
    /// It holds.
    Pass,
}

impl Outcome {
    /// The answer, with what was seen.
    pub(super) fn answer(self, reason: Reason, because: String) -> Answer {
        match self {
            Self::Unknown => Obstacle::new(reason, because).into(),
            Self::Fail => Finding::fail(reason, because).into(),
            Self::Pass => Finding::pass(because).into(),
        }
    }
}

/// The series that must be there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// The label that tells them apart.
    pub(super) label: String,
    /// Its values, one series each at least; at most 100.
    pub(super) values: Vec<String>,
}

impl Expected {
    pub(super) fn flaws(&self) -> Vec<String> {
        let Self { label, values } = self;
        let mut flaws = Vec::new();
        if label.is_empty() || values.is_empty() || values.len() > MOST_EXPECTED {
            flaws
                .push(format!("`expect` names a label and between one and {MOST_EXPECTED} values"));
        }
        for (at, value) in values.iter().enumerate() {
            if value.is_empty() || value.len() > LONGEST_LABEL {
                flaws.push(format!("an expected value has between one and {LONGEST_LABEL} bytes"));
            } else if values[..at].contains(value) {
                flaws.push(format!("the value `{value}` is expected twice"));
            }
        }
        flaws
    }
}
