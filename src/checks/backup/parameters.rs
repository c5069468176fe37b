//! The small parameters, each with its default.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{barman, objects, pbm};
use crate::model::duration::Period;

/// The name of a store, `default` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(in crate::checks) struct StoreName(pub(in crate::checks) String);

impl Default for StoreName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// What a backup is made of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Layout {
    /// Each backup is one object.
    Objects(Box<objects::Objects>),
    /// What barman-cloud and `CloudNativePG` write: base backups of PostgreSQL, and its log.
    Barman(Box<barman::Barman>),
    /// What Percona Backup for MongoDB writes: backups, and slices of the oplog.
    Pbm(Box<pbm::Pbm>),
}

/// How old the newest backup may be.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MaxAge {
    /// Older warns. Default: nothing does.
    #[serde(default)]
    pub(super) warn: Option<Period>,
    /// Older fails. Must be given, with time for one backup that is late.
    #[serde(default)]
    pub(super) fail: Option<Period>,
}

impl MaxAge {
    /// What is wrong between the two.
    pub(super) fn flaw(self, name: &str) -> Option<String> {
        let (warn, fail) = self.warn.zip(self.fail)?;
        (warn >= fail).then(|| format!("`{name}`: `warn` ({warn}) is not below `fail` ({fail})"))
    }
}

/// How many times smaller or larger a backup is odd. Default 2.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct SizeFactor(pub(super) f64);

impl Default for SizeFactor {
    fn default() -> Self {
        Self(2.0)
    }
}

/// How often backups are taken. Default one day.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Every(pub(super) Period);

impl Default for Every {
    fn default() -> Self {
        Self(Period::from_secs(86_400))
    }
}

/// The most requests of a look. Default 20.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct MaxRequests(pub(super) u32);

impl Default for MaxRequests {
    fn default() -> Self {
        Self(20)
    }
}

/// How backups must be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Encrypted {
    /// In any way: by the store or by whoever wrote them.
    Any,
    /// By the store, with a key of a key management service or one that must be brought.
    OwnKey,
    /// By whoever wrote them, before the store saw them.
    Client,
}
