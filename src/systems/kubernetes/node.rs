//! Nodes: whether they take pods, and how much of them.
//!
//! Kubelets renew a node's status every few minutes. Heartbeats are not kept, so that a node that is
//! as it was wakes nobody.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api;
use serde::Deserialize;
use serde_json::Value;

use super::pool::Words;
use super::quantity::Quantity;
use super::record::{Condition, Meta, Record, condition, object, time};
use super::resource;
use super::table::Key;
use crate::model::judgement::legible;
use crate::model::needs::Resource;

/// Nodes.
pub const NODES: Resource = resource::<api::core::v1::Node>();

/// The longest message that is kept of a node, in characters.
const LONGEST_MESSAGE: usize = 200;
/// The most taints that are kept of a node.
const MOST_TAINTS: usize = 50;
/// What marks a node that is none: its provider tells what a kubelet would, or part of it.
const VIRTUAL: (&str, &str) = ("type", "virtual-kubelet");
/// What a cordoned node bears, too.
const CORDONED: &str = "node.kubernetes.io/unschedulable";

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: Arc<str>,
    /// Whether its kubelet is ready.
    pub ready: Readiness,
    /// Since when that is so.
    pub since: Option<Timestamp>,
    /// The reason and the message, unless it is ready.
    pub words: Option<Arc<str>>,
    /// What it is short of.
    pub pressures: Vec<Pressure>,
    /// Whether it takes no new pods, by a human's or an autoscaler's will.
    pub cordoned: bool,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// What keeps pods away that do not tolerate it.
    pub taints: Vec<Taint>,
    /// What pods may ask of it.
    pub allocatable: Room,
    /// A field that is always there and was not, or can't be read.
    pub missing: Option<&'static str>,
}

/// What a node says of its kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is ready.
    Ready,
    /// It says that it is not.
    NotReady,
    /// It has not been heard of for a while.
    Lost,
}

/// What a node can be short of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// Memory.
    Memory,
    /// Disk.
    Disk,
    /// Process ids.
    Pid,
    /// Its network is not set up.
    Network,
}

impl Pressure {
    /// All of them. Every kubelet that is one tells of the first three.
    const ALL: [(Self, &'static str, bool); 4] = [
        (Self::Memory, "MemoryPressure", true),
        (Self::Disk, "DiskPressure", true),
        (Self::Pid, "PIDPressure", true),
        (Self::Network, "NetworkUnavailable", false),
    ];
}

/// One of `spec.taints` that keeps pods away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: Arc<str>,
    /// Its value, mostly empty.
    pub value: Arc<str>,
    /// `NoSchedule` or `NoExecute`.
    pub effect: Arc<str>,
}

/// How much of each resource that pods ask of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Cores.
    pub cpu: Quantity,
    /// Bytes.
    pub memory: Quantity,
    /// Pods.
    pub pods: Quantity,
}

impl Room {
    /// The same for each resource of two.
    pub fn each(self, other: Self, work: impl Fn(Quantity, Quantity) -> Quantity) -> Self {
        Self {
            cpu: work(self.cpu, other.cpu),
            memory: work(self.memory, other.memory),
            pods: work(self.pods, other.pods),
        }
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        self.each(other, |one, other| one + other)
    }

    /// So many times as much.
    pub fn times(self, count: i64) -> Self {
        self.each(self, |one, _| one.times(count))
    }

    /// What is left without the other; at least nothing.
    pub fn without(self, other: Self) -> Self {
        self.each(other, |one, other| (one - other).max(Quantity::ZERO))
    }

    /// The larger of the two, for each resource.
    pub fn or_more(self, other: Self) -> Self {
        self.each(other, Quantity::max)
    }
}

/// A node, in the fields that are read.
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
#[serde(default)]
struct Spec {
    unschedulable: Option<bool>,
    taints: Option<Vec<WireTaint>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireTaint {
    key: Option<String>,
    value: Option<String>,
    effect: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(deserialize_with = "object")]
    allocatable: Option<Allocatable>,
    conditions: Option<Vec<Condition>>,
}

/// Quantities may be written as numbers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Allocatable {
    cpu: Option<Value>,
    memory: Option<Value>,
    pods: Option<Value>,
}

impl Record for Node {
    type Wire = Wire;

    fn of(wire: Wire, (_, name): &Key, _: &Resource, words: &mut Words) -> Self {
        let Wire { metadata, spec, status } = wire;
        let bare = spec.is_none();
        let spec = spec.unwrap_or_default();
        let status = status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let condition_of_ready = condition(&conditions, "Ready");
        let ready = condition_of_ready.and_then(readiness);
        let words_of = |condition: &Condition| {
            let reason = condition.reason.as_deref().unwrap_or_default();
            let message = condition.message.as_deref().unwrap_or_default();
            words.shared(&legible(&format!("{reason}: {message}"), LONGEST_MESSAGE))
        };
        let in_need = condition_of_ready.filter(|_| ready != Some(Readiness::Ready));
        let kept = in_need.map(words_of);
        let allocatable = status.allocatable.unwrap_or_default();
        let amount = |value: &Option<Value>| value.as_ref().and_then(quantity);
        let amounts =
            (amount(&allocatable.cpu), amount(&allocatable.memory), amount(&allocatable.pods));
        let labels = metadata.labels.as_ref();
        let mark = labels.and_then(|labels| labels.get(VIRTUAL.0));
        let is_virtual = mark.is_some_and(|mark| mark == VIRTUAL.1);
        let told = Told { ready: condition_of_ready, conditions: &conditions, is_virtual };
        let missing = missing(ready, &told, &amounts).or_else(|| bare.then_some("spec"));
        let (cpu, memory, pods) = amounts;
        let taints = taints(spec.taints.unwrap_or_default(), words);
        Self {
            name: Arc::clone(name),
            ready: ready.unwrap_or(Readiness::Lost),
            since: condition_of_ready.and_then(|ready| time(ready.last_transition_time.clone())),
            words: kept,
            pressures: pressures(&conditions),
            cordoned: spec.unschedulable == Some(true)
                || taints.iter().any(|taint| *taint.key == *CORDONED),
            leaving: metadata.deletion_timestamp.is_some(),
            taints,
            allocatable: Room {
                cpu: cpu.unwrap_or_default(),
                memory: memory.unwrap_or_default(),
                pods: pods.unwrap_or_default(),
            },
            missing,
        }
    }
}

fn readiness(ready: &Condition) -> Option<Readiness> {
    match ready.status.as_deref() {
        Some("True") => Some(Readiness::Ready),
        Some("False") => Some(Readiness::NotReady),
        Some("Unknown") => Some(Readiness::Lost),
        Some(_) | None => None,
    }
}

fn quantity(value: &Value) -> Option<Quantity> {
    let read = match value {
        Value::String(text) => Quantity::parse(text),
        Value::Number(number) => Quantity::parse(&number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    read.ok().filter(|quantity| !quantity.is_negative())
}

fn pressures(conditions: &[Condition]) -> Vec<Pressure> {
    let holds = |kind| condition(conditions, kind).is_some_and(Condition::holds);
    let known = Pressure::ALL.into_iter();
    known.filter(|(_, kind, _)| holds(kind)).map(|(pressure, ..)| pressure).collect()
}

/// What is only preferred keeps nobody away.
fn taints(all: Vec<WireTaint>, words: &mut Words) -> Vec<Taint> {
    let barring =
        all.into_iter().filter(|taint| taint.effect.as_deref() != Some("PreferNoSchedule"));
    let mut word = |text: Option<String>| words.shared(&legible(&text.unwrap_or_default(), 300));
    let taint = |taint: WireTaint| Taint {
        key: word(taint.key),
        value: word(taint.value),
        effect: word(taint.effect),
    };
    barring.take(MOST_TAINTS).map(taint).collect()
}

/// What a node tells by its conditions.
struct Told<'a> {
    ready: Option<&'a Condition>,
    conditions: &'a [Condition],
    /// Whether it need not tell of all pressures.
    is_virtual: bool,
}

/// The first thing that is always there and is not.
fn missing(
    ready: Option<Readiness>,
    told: &Told<'_>,
    (cpu, memory, pods): &(Option<Quantity>, Option<Quantity>, Option<Quantity>),
) -> Option<&'static str> {
    let Told { ready: condition_of_ready, conditions, is_virtual } = *told;
    let Some(ready) = ready else { return Some("the condition Ready") };
    if condition_of_ready.is_none_or(|ready| ready.last_transition_time.is_none()) {
        return Some("the last transition of the condition Ready");
    }
    if conditions.iter().any(|one| one.kind.is_none() || one.status.is_none()) {
        return Some("the type and status of a condition");
    }
    let is_told = |kind| {
        condition(conditions, kind).is_some_and(|condition| condition.holds() || condition.fails())
    };
    // The conditions of a lost node are unknown, all of them.
    let untold = Pressure::ALL.into_iter().find(|(_, kind, always)| {
        ready == Readiness::Ready
            && ((*always && !is_virtual) || condition(conditions, kind).is_some())
            && !is_told(kind)
    });
    if let Some((_, kind, _)) = untold {
        return Some(kind);
    }
    [
        (cpu, "a readable status.allocatable.cpu"),
        (memory, "a readable status.allocatable.memory"),
        (pods, "a readable status.allocatable.pods"),
    ]
    .into_iter()
    .find_map(|(amount, what)| amount.is_none().then_some(what))
}
