//! From the API's JSON to compact records.
//!
//! Only the fields that checks read are decoded, every one of them optional: what is missing is
//! told by the record, and judged there. An object with a field of the wrong type is garbled as a
//! whole.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, de};

use super::pool::Words;
use super::table::Key;
use crate::model::needs::Resource;

/// What is kept of an object.
pub trait Record: PartialEq + fmt::Debug + Send + Sync + Sized + 'static {
    /// The object, in the fields that are read.
    type Wire: DeserializeOwned;

    /// The record of an object whose name is known.
    fn of(wire: Self::Wire, key: &Key, resource: &Resource, words: &mut Words) -> Self;

    /// What it takes to keep it, in bytes, roughly; 0 for a record of few fields, whose number
    /// alone counts.
    fn weight(&self) -> usize {
        0
    }
}

/// A part of an object that is one itself: serde would read a list as an object without fields.
pub(super) fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// An object as it arrives: which one it is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    pub(super) metadata: Identity,
}

/// Which object, and which version of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Identity {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) resource_version: Option<String>,
}

/// `metadata`, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    pub(super) creation_timestamp: Option<Time>,
    pub(super) deletion_timestamp: Option<Time>,
    pub(super) generation: Option<i64>,
    pub(super) owner_references: Option<Vec<OwnerReference>>,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
    pub(super) finalizers: Option<Vec<String>>,
}

/// One of `metadata.ownerReferences`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OwnerReference {
    #[serde(rename = "apiVersion")]
    pub(super) api_version: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) controller: Option<bool>,
}

/// One of `status.conditions`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) status: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) last_transition_time: Option<Time>,
    pub(super) last_update_time: Option<Time>,
}

impl Condition {
    /// Whether it is `True`.
    pub(super) fn holds(&self) -> bool {
        self.status.as_deref() == Some("True")
    }

    /// Whether it is `False`.
    pub(super) fn fails(&self) -> bool {
        self.status.as_deref() == Some("False")
    }
}

/// The condition of this type.
pub(super) fn condition<'a>(all: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    all.iter().find(|condition| condition.kind.as_deref() == Some(kind))
}

/// Kubernetes' time as ours.
pub(super) fn time(time: Option<Time>) -> Option<Timestamp> {
    time.map(|Time(at)| at)
}

/// Who controls an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// `apps`, `batch` …; empty for the core group, none where it is not told.
    pub group: Option<std::sync::Arc<str>>,
    /// `ReplicaSet`, `Job` …
    pub kind: std::sync::Arc<str>,
    /// Its name, in the object's own namespace.
    pub name: std::sync::Arc<str>,
}

impl Owner {
    /// The controller among the owners.
    pub(super) fn controlling(all: Option<Vec<OwnerReference>>, words: &mut Words) -> Option<Self> {
        let owner = all?.into_iter().find(|owner| owner.controller == Some(true))?;
        let group = |version: &str| {
            let group = version.split_once('/').map_or("", |(group, _)| group);
            words.shared(group)
        };
        let group = owner.api_version.as_deref().map(group);
        Some(Self { group, kind: words.shared(&owner.kind?), name: words.shared(&owner.name?) })
    }

    /// Whether it is of this kind. A group that is not told may be the right one.
    pub fn is_a(&self, resource: &Resource) -> bool {
        *self.kind == *resource.kind
            && self.group.as_ref().is_none_or(|group| **group == *resource.group)
    }
}

impl Identity {
    /// Where the object is kept; none where it has no name.
    pub(super) fn key(&self, words: &mut Words) -> Option<Key> {
        let name = self.name.as_deref().filter(|name| !name.is_empty())?;
        let namespace = self.namespace.as_deref().unwrap_or_default();
        Some((words.shared(namespace), name.into()))
    }
}
