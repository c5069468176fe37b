//! `HorizontalPodAutoscalers`: what they may, what they want, and whether they can.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize;
use serde_json::Value;

use super::pool::Words;
use super::record::{Condition, Meta, Record, condition, object, time};
use super::resource;
use super::table::Key;
use crate::model::judgement::legible;
use crate::model::needs::Resource;

/// `HorizontalPodAutoscalers`.
pub const AUTOSCALERS: Resource = resource::<api::autoscaling::v2::HorizontalPodAutoscaler>();

/// The longest message that is kept, in characters.
const LONGEST_MESSAGE: usize = 200;

/// An autoscaler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoscaler {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// What it scales: `Deployment web`.
    pub target: Arc<str>,
    /// The fewest replicas; 1 where it says nothing.
    pub min: i64,
    /// The most replicas.
    pub max: i64,
    /// How many there are.
    pub current: i64,
    /// How many it wants.
    pub desired: i64,
    /// When it last changed their number.
    pub last_scaled: Option<Timestamp>,
    /// Whether it can read and change the number of replicas; none before it said so.
    pub able: Option<Told>,
    /// Whether it works out a number at all; none before it said so.
    pub active: Option<Told>,
    /// Whether it wants more than it may.
    pub capped: bool,
    /// So many of its metrics have no value.
    pub unknown_metrics: usize,
    /// Whether its controller has seen the newest specification, as far as it says.
    pub observed: bool,
    /// A field that is always there, and was not.
    pub missing: Option<&'static str>,
}

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It holds.
    Yes,
    /// It does not: the reason and the message.
    No(Arc<str>, Arc<str>),
    /// Neither.
    Unknown,
}

/// An autoscaler, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    metadata: Meta,
    #[serde(deserialize_with = "object")]
    spec: Option<Spec>,
    #[serde(deserialize_with = "object")]
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    scale_target_ref: Option<Target>,
    min_replicas: Option<i64>,
    max_replicas: Option<i64>,
    metrics: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    kind: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: Option<i64>,
    last_scale_time: Option<Time>,
    current_replicas: Option<i64>,
    desired_replicas: Option<i64>,
    current_metrics: Option<Vec<Value>>,
    conditions: Option<Vec<Condition>>,
}

impl Record for Autoscaler {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, words: &mut Words) -> Self {
        let Wire { metadata, spec, status } = wire;
        let spec = spec.unwrap_or_default();
        let status = status.unwrap_or_default();
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let limited = condition(conditions, "ScalingLimited").filter(|limited| limited.holds());
        let capped = limited.is_some_and(|limited| {
            // Limits of speed and the lower bound are no want of replicas.
            limited.reason.as_deref() == Some("TooManyReplicas")
        });
        let wanted = spec.metrics.as_ref().map_or(1, Vec::len);
        let known = status.current_metrics.iter().flatten().filter(|metric| is_known(metric));
        let target = spec.scale_target_ref.as_ref().and_then(target);
        let generations = (metadata.generation, status.observed_generation);
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            created: time(metadata.creation_timestamp.clone()),
            target: words.shared(target.as_deref().unwrap_or_default()),
            min: spec.min_replicas.unwrap_or(1),
            max: spec.max_replicas.unwrap_or_default(),
            current: status.current_replicas.unwrap_or_default(),
            desired: status.desired_replicas.unwrap_or_default(),
            last_scaled: time(status.last_scale_time.clone()),
            able: condition(conditions, "AbleToScale").map(|able| told(able, words)),
            active: condition(conditions, "ScalingActive").map(|active| told(active, words)),
            capped,
            unknown_metrics: wanted.saturating_sub(known.count()),
            // Older API servers give autoscalers no generation, older controllers note none.
            observed: !matches!(generations, (Some(newest), Some(seen)) if seen < newest),
            missing: missing(&metadata, &spec, target.is_some(), &status),
        }
    }
}

/// `Deployment web`.
fn target(target: &Target) -> Option<String> {
    let (kind, name) = (target.kind.as_deref()?, target.name.as_deref()?);
    Some(legible(&format!("{kind} {name}"), LONGEST_MESSAGE))
}

fn told(condition: &Condition, words: &mut Words) -> Told {
    if condition.holds() {
        return Told::Yes;
    }
    if !condition.fails() {
        return Told::Unknown;
    }
    let mut word =
        |text: Option<&str>| words.shared(&legible(text.unwrap_or_default(), LONGEST_MESSAGE));
    Told::No(word(condition.reason.as_deref()), word(condition.message.as_deref()))
}

/// The controller leaves an entry empty whose metric it could not read.
fn is_known(metric: &Value) -> bool {
    let Some(kind) = metric["type"].as_str().filter(|kind| !kind.is_empty()) else { return false };
    let mut field = kind.to_owned();
    if let Some(first) = field.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    let current = metric[field.as_str()]["current"].as_object();
    current.is_some_and(|current| current.values().any(|value| !value.is_null()))
}

/// The first thing that is always there and is not.
fn missing(metadata: &Meta, spec: &Spec, targeted: bool, status: &Status) -> Option<&'static str> {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    if metadata.creation_timestamp.is_none() {
        Some("metadata.creationTimestamp")
    } else if spec.max_replicas.is_none() {
        Some("spec.maxReplicas")
    } else if !targeted {
        Some("spec.scaleTargetRef")
    } else if conditions.iter().any(|one| one.kind.is_none() || one.status.is_none()) {
        Some("the type and status of a condition")
    } else if status.desired_replicas.is_none() && !conditions.is_empty() {
        Some("status.desiredReplicas")
    } else {
        None
    }
}
