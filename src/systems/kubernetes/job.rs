//! Jobs, as far as their pods are judged by them.

use std::sync::Arc;

use serde::Deserialize;

use super::record::{Condition, Record, condition};
use super::table::{Key, Words};
use super::{Opened, Stream};
use crate::model::needs::Resource;

/// A Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Whether it succeeded.
    pub complete: bool,
}

/// A Job, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Option<Vec<Condition>>,
}

impl Record for Job {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, _: &mut Words) -> Self {
        let conditions = wire.status.unwrap_or_default().conditions.unwrap_or_default();
        let complete = condition(&conditions, "Complete").is_some_and(Condition::holds);
        Self { namespace: Arc::clone(namespace), name: Arc::clone(name), complete }
    }

    fn stream(opened: &Opened) -> Option<&Stream<Self>> {
        match opened {
            Opened::Jobs(stream) => Some(stream),
            Opened::Pods(_) | Opened::Workloads(_) => None,
        }
    }
}
