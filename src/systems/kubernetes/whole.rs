//! Objects of any kind, whole or by their metadata alone.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::labels::Labels;
use super::pool::Words;
use super::record::{Meta, Record, time};
use super::table::Key;
use crate::model::needs::Resource;

/// An object, whole but for `metadata.managedFields`.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// Its namespace; empty for kinds that have none.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The object, as the API server tells it.
    pub object: Value,
}

impl Record for Whole {
    type Wire = Value;

    fn of(mut object: Value, (namespace, name): &Key, _: &Resource, _: &mut Words) -> Self {
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            metadata.shift_remove("managedFields");
        }
        Self { namespace: Arc::clone(namespace), name: Arc::clone(name), object }
    }
}

/// An object by its metadata alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its namespace; empty for kinds that have none.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it is to be gone, where it is being deleted.
    pub deleted: Option<Timestamp>,
    /// Its labels.
    pub labels: Arc<Labels>,
}

/// An object, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MetadataWire {
    metadata: Meta,
}

impl Record for Metadata {
    type Wire = MetadataWire;

    fn of(wire: MetadataWire, (namespace, name): &Key, _: &Resource, words: &mut Words) -> Self {
        let MetadataWire { metadata } = wire;
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            created: time(metadata.creation_timestamp),
            deleted: time(metadata.deletion_timestamp),
            labels: Labels::of(metadata.labels, words),
        }
    }
}
