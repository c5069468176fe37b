//! Connections to the watched systems, one file or folder a system.
//!
//! Each maps its SDK's errors to obstacles in one place, so that `?` in a check never chooses a
//! reason by accident. Read-only: nothing in here creates, changes or deletes anything.

pub mod clock;
pub mod secrets;
pub mod shared;
pub mod tally;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::needs::SystemName;
use clock::Clock;
use secrets::Secrets;

/// How the watched systems are reached: `connections` in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Connections {}

impl Connections {
    /// The names of the connections to a system.
    pub fn names(&self, system: SystemName) -> Vec<String> {
        match system {
            SystemName::Kubernetes | SystemName::S3 | SystemName::Redis => Vec::new(),
        }
    }
}

/// All connections, handed to every look.
///
/// Each field is cheap to clone and shares what is behind it, so that a reload keeps whatever did
/// not change.
#[derive(Clone)]
pub struct Systems {
    /// The time.
    pub clock: Clock,
    /// Secrets, read at each use.
    pub secrets: Secrets,
}

impl Systems {
    /// Connections as configured. Nothing is dialled before the first look.
    pub fn new(connections: &Connections, clock: Clock) -> Self {
        let Connections {} = connections;
        Self { clock, secrets: Secrets::default() }
    }
}
