//! `ResourceQuotas`: what a namespace may take, and what it takes.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::pool::Words;
use super::record::Record;
use super::table::Key;
use super::template::Amounts;
use crate::model::needs::Resource;

/// A `ResourceQuota`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is for some pods alone, by its scopes.
    pub scoped: bool,
    /// Its limits, by resource.
    pub limits: Box<[QuotaLimit]>,
    /// A field that is always there, and was not.
    pub missing: Option<&'static str>,
}

/// A limit of a quota, as Kubernetes writes quantities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaLimit {
    /// `requests.cpu`, `pods` …
    pub resource: Box<str>,
    /// The most that may be taken.
    pub hard: Box<str>,
    /// What is taken; none while the controller has not counted it.
    pub used: Option<Box<str>>,
}

/// A `ResourceQuota`, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    hard: Option<Amounts>,
    scopes: Option<Vec<IgnoredAny>>,
    scope_selector: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    hard: Option<Amounts>,
    used: Option<Amounts>,
}

impl Record for Quota {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, _: &mut Words) -> Self {
        let Wire { spec, status } = wire;
        let Status { hard: counted, used } = status.unwrap_or_default();
        let mut used = used.unwrap_or_default();
        let counted = counted.unwrap_or_default();
        let Spec { hard, scopes, scope_selector } = spec.unwrap_or_default();
        let scopes = scopes.map_or(0, |scopes| scopes.len());
        let missing = hard.is_none().then_some("spec.hard");
        let limit = |(resource, hard): (Box<str>, Box<str>)| {
            // What was counted before the limit changed is counted all the same.
            let used = used.remove(&resource).filter(|_| counted.contains_key(&resource));
            QuotaLimit { resource, hard, used }
        };
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            scoped: scopes > 0 || scope_selector.is_some(),
            limits: hard.unwrap_or_default().into_iter().map(limit).collect(),
            missing,
        }
    }
}
