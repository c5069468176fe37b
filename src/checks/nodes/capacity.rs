//! Whether there is room: what nodes can give, less what pods ask of them.
//!
//! A pod that can't be read may ask for anything, so that room that is there without it is not sure;
//! room that is wanting even without it is.

use std::collections::HashMap;
use std::sync::Arc;

use super::parameters::{Amount, Largest};
use super::{CPU, MEMORY, Nodes, POD_SLOTS, Seen};
use crate::model::counted::{counted, either};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::Measure;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::Table;
use crate::systems::kubernetes::asked::asked;
use crate::systems::kubernetes::node::{Node, Room};
use crate::systems::kubernetes::pod::{Phase, Pod};
use crate::systems::kubernetes::quantity::Quantity;

macro_rules! reasons {
    ($($name:ident $code:literal $means:literal;)*) => {
        $(pub(super) const $name: Documented = Documented::fails(Reason::new($code), $means);)*
    };
}

reasons! {
    INSUFFICIENT_CPU "InsufficientCpu" "There are fewer cores than `needed`.";
    INSUFFICIENT_MEMORY "InsufficientMemory" "There is less memory than `needed`.";
    INSUFFICIENT_PODS "InsufficientPods" "There is room for fewer pods than `needed`.";
    NO_ROOM "NoRoom" "No single node has room for the `largest` replica.";
}

/// What pods ask of nodes.
#[derive(Debug, Default)]
pub(super) struct Load {
    nodes: HashMap<Arc<str>, NodeLoad>,
    /// The first pod whose requests can't be read, and how many there are.
    unreadable: Option<String>,
    unreadable_count: usize,
}

/// What the pods of one node ask.
#[derive(Clone, Copy, Debug, Default)]
struct NodeLoad {
    /// All of them.
    all: Room,
    /// Those of namespaces that do not count as what is needed.
    others: Room,
}

/// What the nodes that take pods come to.
#[derive(Default)]
struct Sums {
    allocatable: Room,
    requested: Room,
    free: Room,
    available: Room,
}

impl Load {
    /// Of the pods that are bound to a node and have not ended.
    pub(super) fn of(table: &Table<Pod>, counting: &[String]) -> Self {
        let mut load = Self::default();
        let garbled: Vec<&str> = table.garbled().map(|(name, _)| name).collect();
        load.unreadable_count = garbled.len() + table.garbled_more();
        load.unreadable = garbled.first().map(|&name| name.to_owned());
        for pod in table.records() {
            let Some(node) = &pod.node else { continue };
            if matches!(pod.phase, Phase::Succeeded | Phase::Failed) {
                continue;
            }
            // A pod without containers is none: what it asks was not told.
            let is_told = !pod.template.containers.is_empty();
            let Some(room) = asked(&pod.template).filter(|_| is_told) else {
                load.unreadable_count += 1;
                load.unreadable.get_or_insert_with(|| format!("{}/{}", pod.namespace, pod.name));
                continue;
            };
            let on_node = load.nodes.entry(Arc::clone(node)).or_default();
            on_node.all = on_node.all.and(room);
            if !counting.iter().any(|namespace| **namespace == *pod.namespace) {
                on_node.others = on_node.others.and(room);
            }
        }
        load
    }

    fn on(&self, node: &Node) -> NodeLoad {
        self.nodes.get(&node.name).copied().unwrap_or_default()
    }
}

impl Nodes {
    pub(super) fn judge_room(&self, seen: &Seen, judgement: &mut Judgement) {
        let mut sums = Sums::default();
        let load = seen.load.as_ref().and_then(|load| load.as_ref().ok());
        for node in self.taking(seen) {
            let NodeLoad { all, others } = load.map(|load| load.on(node)).unwrap_or_default();
            sums.allocatable = sums.allocatable.and(node.allocatable);
            sums.requested = sums.requested.and(all);
            sums.free = sums.free.and(node.allocatable.without(all));
            sums.available = sums.available.and(node.allocatable.without(others));
        }
        sums.measure(load.is_some(), judgement);
        let load = match &seen.load {
            None => return,
            Some(Err(obstacle)) => {
                judgement.add("pods of all namespaces", obstacle.clone());
                return;
            }
            Some(Ok(load)) => load,
        };
        let wanting =
            self.judge_needed(seen, &sums, judgement) | self.judge_largest(seen, load, judgement);
        if let Some(name) = &load.unreadable
            && !wanting
        {
            let because = format!(
                "the requests of {} can't be read, of {name} for one: what is free can't be told",
                counted(load.unreadable_count, "pod")
            );
            judgement.add("pods", Obstacle::new(Reason::GARBLED, because));
        }
    }

    /// Whether anything is wanting.
    fn judge_needed(&self, seen: &Seen, sums: &Sums, judgement: &mut Judgement) -> bool {
        let needed = self.needed.unwrap_or_default();
        let Sums { available, free, .. } = sums;
        let mut wanting = false;
        for (what, amount, available, free, show, documented) in [
            ("cpu", needed.cpu, available.cpu, free.cpu, cores as Show, INSUFFICIENT_CPU),
            ("memory", needed.memory, available.memory, free.memory, bytes, INSUFFICIENT_MEMORY),
            ("pods", needed.pods, available.pods, free.pods, pods, INSUFFICIENT_PODS),
        ] {
            let Some(Amount(least)) = amount else { continue };
            let mut because = format!("{} {} free", show(free), are(&show(free)));
            if !self.counting.is_empty() {
                because = format!(
                    "{because}, {} with what {} already {}",
                    show(available),
                    self.counting.join(", "),
                    either(&self.counting.len(), "requests", "request")
                );
            }
            because = format!("{because}; at least {} needed", show(least));
            if available >= least {
                judgement.add(what, Finding::pass(because));
            } else if seen.unreadable() == 0 {
                wanting = true;
                judgement.add(what, Finding::fail(documented.reason, because));
            }
        }
        wanting
    }

    /// Whether there is no room.
    fn judge_largest(&self, seen: &Seen, load: &Load, judgement: &mut Judgement) -> bool {
        let Some(Largest { cpu, memory }) = self.largest else { return false };
        let least = |amount: Option<Amount>| amount.map_or(Quantity::ZERO, |Amount(least)| least);
        let (cpu, memory) = (least(cpu), least(memory));
        let free = self.taking(seen).map(|node| {
            let NodeLoad { all, others: _ } = load.on(node);
            (node, node.allocatable.without(all))
        });
        let fits =
            |room: &Room| room.cpu >= cpu && room.memory >= memory && room.pods >= Quantity::ONE;
        let all: Vec<(&Arc<Node>, Room)> = free.collect();
        let wanted = format!("{} and {} needed on one node", cores(cpu), bytes(memory));
        if let Some((node, room)) = all.iter().find(|(_, room)| fits(room)) {
            let because = format!(
                "{} has {} and {} free; {wanted}",
                node.name,
                cores(room.cpu),
                bytes(room.memory)
            );
            judgement.add("largest", Finding::pass(because));
            return false;
        }
        if seen.unreadable() > 0 {
            return false;
        }
        let most = all.iter().fold(Room::default(), |most, (_, room)| most.or_more(*room));
        let because = format!(
            "no node has room for it: {} {} the most that one has free of cores, {} of memory, {} \
             of pods; {wanted}",
            cores(most.cpu),
            are(&cores(most.cpu)),
            bytes(most.memory),
            most.pods
        );
        judgement.add("largest", Finding::fail(NO_ROOM.reason, because));
        true
    }
}

impl Sums {
    fn measure(&self, with_load: bool, judgement: &mut Judgement) {
        let Self { allocatable, requested, free, available } = self;
        let states = [
            ("allocatable", allocatable),
            ("requested", requested),
            ("free", free),
            ("available", available),
        ];
        for (state, room) in states.into_iter().take(if with_load { 4 } else { 1 }) {
            let amounts: [(&'static Measure, Quantity); 3] =
                [(&CPU, room.cpu), (&MEMORY, room.memory), (&POD_SLOTS, room.pods)];
            for (measure, amount) in amounts {
                judgement.measure(measure.is(amount.as_f64(), [state]));
            }
        }
    }
}

/// The word that goes with an amount: `1 core is`, `2 cores are`.
fn are(shown: &str) -> &'static str {
    if shown.starts_with("1 ") { "is" } else { "are" }
}

/// How an amount is told.
type Show = fn(Quantity) -> String;

fn cores(amount: Quantity) -> String {
    let noun = if amount == Quantity::ONE { "core" } else { "cores" };
    format!("{amount} {noun}")
}

fn pods(amount: Quantity) -> String {
    let noun = if amount == Quantity::ONE { "pod" } else { "pods" };
    format!("{amount} {noun}")
}

fn bytes(amount: Quantity) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = amount.as_f64();
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", (value * 10.0).round() / 10.0, UNITS[unit])
}
