//! Connections to the watched systems, one file or folder a system.
//!
//! Each maps its SDK's errors to obstacles in one place, so that `?` in a check never chooses a
//! reason by accident. Read-only: nothing in here creates, changes or deletes anything.

pub mod clock;
pub mod s3;
pub mod secrets;
pub mod shared;
pub mod tally;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use clock::Clock;
use s3::S3;
use secrets::Secrets;

/// How the watched systems are reached: `connections` in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Connections {
    /// Object stores that speak S3, by name.
    pub s3: BTreeMap<String, s3::Connection>,
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
    /// Object stores.
    pub s3: S3,
}

impl Systems {
    /// Connections as configured. Nothing is dialled before the first look.
    pub fn new(connections: &Connections, clock: Clock) -> Self {
        let Connections { s3 } = connections;
        let secrets = Secrets::default();
        let s3 = S3::new(s3, secrets.clone(), clock.clone());
        Self { clock, secrets, s3 }
    }
}
