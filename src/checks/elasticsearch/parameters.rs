//! The parameters of `elasticsearch`.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Elasticsearch;
use crate::model::duration::Period;
use crate::model::steps::Steps;
use crate::systems::elasticsearch::index::IndexName;
use crate::systems::elasticsearch::search::Field;

/// The most aliases and indices of one check: each costs a question or two.
const MOST_WANTED: usize = 50;

/// The name of a connection, `default` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct ConnectionName(pub(super) String);

impl Default for ConnectionName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// How the cluster must be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HealthWanted {
    /// What yellow amounts to: `warn` (the default), `fail`, `allowed`, or `allowed_on_one_node`,
    /// where replicas have nowhere to go.
    pub(super) yellow: Yellow,
    /// How many nodes there must be. Default: any number.
    pub(super) nodes_at_least: u32,
}

/// What yellow amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Yellow {
    /// The claim holds with a warning.
    #[default]
    Warn,
    /// The claim fails.
    Fail,
    /// It is as it should be.
    Allowed,
    /// It is as it should be where one node alone holds data; elsewhere it warns.
    AllowedOnOneNode,
}

/// An alias or an index that must be there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Its name; of indices a pattern, too.
    pub(super) name: IndexName,
    /// How many documents there must be, nested ones included. Default: 1.
    #[serde(default)]
    pub(super) documents_at_least: AtLeast,
    /// What it amounts to that an index is yellow: `allowed` (the default), `warn`, `fail`.
    #[serde(default)]
    pub(super) yellow: YellowIndex,
}

/// What a yellow index amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum YellowIndex {
    /// It is as it should be: all its documents are there.
    #[default]
    Allowed,
    /// The claim holds with a warning.
    Warn,
    /// The claim fails.
    Fail,
}

/// How many documents there must be, 1 by default.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct AtLeast(pub(super) u64);

impl Default for AtLeast {
    fn default() -> Self {
        Self(1)
    }
}

/// How old the newest document may be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Newest {
    /// The alias, the index or the pattern.
    pub(super) index: IndexName,
    /// The field that holds its date, such as `@timestamp`.
    pub(super) field: Field,
    /// How old it may be.
    pub(super) within: Steps<Period>,
}

/// Whether there is room. All of it is the cluster's own business: its watermarks are used.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Disks {
    /// Whether an index that is closed to writers for want of room fails the claim. Default `true`.
    pub(super) writable: Writable,
}

/// Whether indices must be writable, `true` by default.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Writable(pub(super) bool);

impl Default for Writable {
    fn default() -> Self {
        Self(true)
    }
}

/// What it must be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct VersionWanted {
    /// The least version, such as `7.10` or `8.11.2`. Default: any.
    pub(super) at_least: Option<Number>,
    /// Which of both: `elasticsearch` or `opensearch`. Default: either.
    pub(super) distribution: Option<Distribution>,
}

/// Which of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Distribution {
    /// Elasticsearch.
    Elasticsearch,
    /// OpenSearch.
    Opensearch,
}

impl Distribution {
    pub(super) const fn of(opensearch: bool) -> Self {
        if opensearch { Self::Opensearch } else { Self::Elasticsearch }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elasticsearch => "Elasticsearch",
            Self::Opensearch => "OpenSearch",
        })
    }
}

/// A version, as numbers: `7.10`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct Number(Vec<u32>);

impl Number {
    /// Reads the numbers up to anything else: `8.11.2-SNAPSHOT` is 8.11.2.
    pub(super) fn read(text: &str) -> Option<Self> {
        let plain = text.split(['-', '+']).next().unwrap_or_default();
        let numbers: Option<Vec<u32>> = plain.split('.').map(|part| part.parse().ok()).collect();
        numbers.filter(|numbers| numbers.len() <= 4).map(Self)
    }
}

impl TryFrom<String> for Number {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::read(&text).ok_or_else(|| format!("`{text}` is no version; write `7.10` or `8.11.2`"))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// What is wrong between parameters.
pub(super) fn flaws(check: &Elasticsearch) -> Vec<String> {
    let Elasticsearch { connection: _, health, aliases, indices, newest, disks, version } = check;
    let mut flaws = Vec::new();
    let none = health.is_none() && newest.is_none() && disks.is_none() && version.is_none();
    if none && aliases.is_empty() && indices.is_empty() {
        flaws.push(
            "write at least one of `health`, `aliases`, `indices`, `newest`, `disks`, `version`"
                .to_owned(),
        );
    }
    let wanted: Vec<_> = aliases.iter().chain(indices).map(|wanted| &wanted.name).collect();
    if wanted.len() > MOST_WANTED {
        flaws.push(format!("at most {MOST_WANTED} aliases and indices are looked at"));
    }
    for (at, name) in wanted.iter().enumerate() {
        if wanted[..at].contains(name) {
            flaws.push(format!("`{name}` is wanted twice"));
        }
    }
    for alias in aliases.iter().filter(|alias| alias.name.is_pattern()) {
        flaws.push(format!("`{}` in `aliases` is a pattern, a name wanted", alias.name));
    }
    if let Some(Newest { within, .. }) = newest {
        if !within.any() {
            flaws.push("`newest.within` needs `warn` or `fail`".to_owned());
        }
        flaws.extend(within.ceiling_flaw("newest.within"));
    }
    if let Some(VersionWanted { at_least: None, distribution: None }) = version {
        flaws.push("`version` needs `at_least` or `distribution`".to_owned());
    }
    flaws
}
