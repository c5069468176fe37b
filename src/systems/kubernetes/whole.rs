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

/// The longest annotation that is kept whole, in bytes.
const LONGEST_ANNOTATION: usize = 4096;
/// What is kept of a longer one, in bytes.
const CUT_ANNOTATION: usize = 1024;

/// An object, whole but for `metadata.managedFields` and the rest of annotations that are longer than
/// 4 KiB: of those the first KiB is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// Its namespace; empty for kinds that have none.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The object, as the API server tells it.
    pub object: Value,
    /// How many annotations were cut.
    pub cut: u32,
}

impl Record for Whole {
    type Wire = Value;

    fn of(mut object: Value, (namespace, name): &Key, _: &Resource, _: &mut Words) -> Self {
        let mut cut = 0;
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            metadata.shift_remove("managedFields");
            if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
                cut = annotations.values_mut().map(|value| u32::from(cut_short(value))).sum();
            }
        }
        Self { namespace: Arc::clone(namespace), name: Arc::clone(name), object, cut }
    }

    fn weight(&self) -> usize {
        weight(&self.object)
    }
}

/// What a value takes in memory, in bytes, roughly.
fn weight(value: &Value) -> usize {
    const OWN: usize = size_of::<Value>();
    // A field's name, its hash and its place in the table.
    const FIELD: usize = 48;
    let below = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| FIELD + name.len() + weight(value)).sum()
        }
    };
    OWN + below
}

/// Keeps the beginning of what is too long; says whether it was.
fn cut_short(annotation: &mut Value) -> bool {
    let Value::String(text) = annotation else { return false };
    if text.len() <= LONGEST_ANNOTATION {
        return false;
    }
    let mut end = CUT_ANNOTATION;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    *text = text[..end].to_owned();
    true
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
