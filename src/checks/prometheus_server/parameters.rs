//! The parameters of `prometheus_server`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;
use crate::model::measure::LONGEST_LABEL;

/// The most jobs, groups and rules that are expected.
const MOST_EXPECTED: usize = 200;

/// The name of a connection, `default` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct ConnectionName(pub(super) String);

impl Default for ConnectionName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// Whether the configuration must have been taken, `true` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Reloaded(pub(super) bool);

impl Default for Reloaded {
    fn default() -> Self {
        Self(true)
    }
}

/// What must be scraped.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Targets {
    /// The expected jobs, and how many targets of each must be up. Default: none by name; then all
    /// targets are looked at.
    #[serde(default)]
    pub(super) jobs: BTreeMap<String, u32>,
    /// What a target of these jobs amounts to that is not up, where enough others are: `warn` (the
    /// default), `fail`, `allowed`.
    #[serde(default)]
    pub(super) down: Down,
    /// The labels of this daemon's own target, which must be up; `{}` to do without. Default:
    /// `{ job: vigie }`.
    #[serde(default)]
    pub(super) own: Own,
    /// How long ago a target may have been scraped last to count as up. Default: three of its own
    /// intervals. Two minutes are added for clocks that differ.
    #[serde(default)]
    pub(super) scraped_within: Option<Period>,
}

/// The labels of this daemon's own target, `job: vigie` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Own(pub(super) BTreeMap<String, String>);

impl Default for Own {
    fn default() -> Self {
        Self([("job".to_owned(), "vigie".to_owned())].into())
    }
}

/// What a target amounts to that is not up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Down {
    /// The claim holds with a warning.
    #[default]
    Warn,
    /// The claim fails.
    Fail,
    /// It is as it should be.
    Allowed,
}

/// What must be evaluated.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rules {
    /// The names of groups that must be loaded. Default: any.
    pub(super) groups: Vec<String>,
    /// The names of alerts, or of recorded series, that must be loaded. Default: any.
    pub(super) names: Vec<String>,
}

/// Whom alerts are sent to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Alertmanagers {
    /// How many there must be. Default: 1.
    pub(super) at_least: AtLeast,
    /// The span in which no notification may have been dropped or have failed. Default: `10m`.
    pub(super) window: Window,
    /// The labels by which this server's own counters of notifications are known, where it scrapes
    /// those of others, too. Default: any.
    pub(super) counters: BTreeMap<String, String>,
}

/// How many Alertmanagers there must be, 1 by default.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct AtLeast(pub(super) u32);

impl Default for AtLeast {
    fn default() -> Self {
        Self(1)
    }
}

/// The span for notifications, 10 minutes by default.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Window(pub(super) Period);

impl Default for Window {
    fn default() -> Self {
        Self(Period::from_secs(600))
    }
}

impl Targets {
    pub(super) fn flaws(&self) -> Vec<String> {
        let long = |job: &String| job.is_empty() || job.len() > LONGEST_LABEL;
        let mut flaws = Vec::new();
        if self.jobs.len() > MOST_EXPECTED || self.jobs.keys().any(long) {
            flaws.push(format!(
                "`targets.jobs` names at most {MOST_EXPECTED} jobs of one to {LONGEST_LABEL} bytes"
            ));
        }
        flaws
    }

    /// The jobs whose targets are exported; one without a name stands for all.
    pub(super) fn exported(&self) -> Vec<&str> {
        if self.jobs.is_empty() { vec![""] } else { self.jobs.keys().map(String::as_str).collect() }
    }
}

impl Rules {
    pub(super) fn flaws(&self) -> Vec<String> {
        let many = self.groups.len() + self.names.len() > MOST_EXPECTED;
        many.then(|| format!("`rules` names at most {MOST_EXPECTED} groups and rules"))
            .into_iter()
            .collect()
    }
}

impl Alertmanagers {
    pub(super) fn flaws(&self) -> Vec<String> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let odd = |name: &String| name.is_empty() || !name.chars().all(word);
        let odd = self.counters.keys().find(|name| odd(name));
        odd.map(|name| format!("`alertmanagers.counters`: `{name}` is no label"))
            .into_iter()
            .collect()
    }
}
