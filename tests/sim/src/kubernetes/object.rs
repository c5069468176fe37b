//! A stored object: its text, cut where answers need it cut, and what selectors ask about.
//!
//! Text, not a tree: a hundred thousand pods as trees would take gigabytes, and lists would be
//! written anew each time. Objects from a template keep only what differs.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::template::Made;

pub(super) type Labels = BTreeMap<String, String>;
/// (namespace, name); the namespace is empty for what lives in none.
pub(super) type Key = (Arc<str>, Arc<str>);

/// How an object is to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// With its type.
    Whole,
    /// In a list: Kubernetes' own kinds leave the type out there.
    Item,
    /// Its metadata alone, as a `PartialObjectMetadata`.
    Metadata,
}

#[derive(Debug)]
pub(super) enum Body {
    /// The text of `metadata`, and of all members after it, without the outer braces.
    Text {
        metadata: Box<str>,
        rest: Box<str>,
    },
    Made(Made),
}

#[derive(Debug)]
pub(super) struct Object {
    pub(super) key: Key,
    pub(super) revision: u64,
    pub(super) labels: Arc<Labels>,
    /// The values of the kind's selectable fields, in their order.
    pub(super) fields: Arc<[String]>,
    pub(super) body: Body,
}

impl Object {
    /// `value`, whose metadata must be complete already.
    pub(super) fn new(kind: &Kind, value: &Value) -> Self {
        let metadata = &value["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default();
        let rest: Map<String, Value> = value
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let rest = Value::Object(rest).to_string();
        Self {
            key: (text("namespace").into(), text("name").into()),
            revision: text("resourceVersion").parse().unwrap_or_default(),
            labels: Arc::new(labels(value)),
            fields: fields(kind, value),
            body: Body::Text {
                metadata: metadata.to_string().into(),
                rest: rest[1..rest.len() - 1].into(),
            },
        }
    }

    /// The whole object as a tree.
    pub(super) fn value(&self, kind: &Kind) -> Value {
        let mut text = Vec::new();
        self.write(kind, Shape::Whole, &mut text);
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The same object under another version.
    pub(super) fn at(&self, kind: &Kind, revision: u64) -> Self {
        let mut value = self.value(kind);
        value["metadata"]["resourceVersion"] = revision.to_string().into();
        Self::new(kind, &value)
    }

    /// Appends the object's JSON.
    pub(super) fn write(&self, kind: &Kind, shape: Shape, out: &mut Vec<u8>) {
        match shape {
            Shape::Metadata => out.extend_from_slice(
                br#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#,
            ),
            Shape::Item if !kind.custom => out.extend_from_slice(br#"{"metadata":"#),
            Shape::Item | Shape::Whole => {
                let (group_version, kind) = (kind.api_version(), &kind.kind);
                out.extend_from_slice(
                    format!(r#"{{"apiVersion":"{group_version}","kind":"{kind}","metadata":"#)
                        .as_bytes(),
                );
            }
        }
        match &self.body {
            Body::Text { metadata, rest } => {
                out.extend_from_slice(metadata.as_bytes());
                if shape != Shape::Metadata && !rest.is_empty() {
                    out.push(b',');
                    out.extend_from_slice(rest.as_bytes());
                }
            }
            Body::Made(made) => {
                made.write_metadata(self, out);
                if shape != Shape::Metadata {
                    out.push(b',');
                    made.write_rest(self, out);
                }
            }
        }
        out.push(b'}');
    }
}

fn labels(value: &Value) -> Labels {
    value["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

pub(super) fn fields(kind: &Kind, value: &Value) -> Arc<[String]> {
    let read = |path: &&str| {
        let found = path.split('.').fold(value, |value, step| &value[step]);
        let text = if found.is_null() { Some("") } else { found.as_str() };
        text.map_or_else(|| found.to_string(), str::to_owned)
    };
    kind.selectable().iter().map(read).collect()
}

/// The time, to the second, as objects bear it.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The system's time.
pub(super) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a simulated system has a clock of its own")]
    Timestamp::now()
}

/// A number in the form of a UUID.
pub(super) fn uid(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        mixed >> 32,
        (mixed >> 16) & 0xffff,
        (mixed >> 4) & 0xfff,
        mixed & 0xfff,
        number
    )
}

/// The progress mark that a watch sends.
pub(super) fn bookmark(kind: &Kind, shape: Shape, revision: u64, end_of_initial: bool) -> Value {
    let mut metadata =
        json!({ "resourceVersion": revision.to_string(), "creationTimestamp": null });
    if end_of_initial {
        metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
    }
    let (kind, version) = match shape {
        Shape::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned()),
        Shape::Item | Shape::Whole => (kind.kind.as_str(), kind.api_version()),
    };
    json!({ "kind": kind, "apiVersion": version, "metadata": metadata })
}
