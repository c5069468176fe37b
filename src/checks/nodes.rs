//! `nodes`: nodes are ready, and have room for what is to run.
//! Witness: the API server, by watch. Pods are watched only where room is asked for.

mod capacity;
mod parameters;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::counted::either;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::{Needs, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::node::{NODES, Node};
use crate::systems::kubernetes::scope::Selector;
use crate::systems::kubernetes::{PODS, Table, Unseen, blind};

use capacity::Load;
use parameters::{Amount, Largest, MinCount, Needed, Patience, Toleration};
use verdict::State;

static COUNT: Measure = Measure::gauge(
    "vigie_nodes",
    "Nodes by state: ready (they take pods), tainted, cordoned, not_ready, lost.",
    &["state"],
);
static CPU: Measure = Measure::gauge(
    "vigie_nodes_cpu_cores",
    "Cores of the nodes that take pods: allocatable; where room is asked for, also requested, free \
     and available (free, or requested by the namespaces that `counting` names).",
    &["state"],
);
static MEMORY: Measure = Measure::gauge(
    "vigie_nodes_memory_bytes",
    "Memory of the nodes that take pods, by the same states.",
    &["state"],
);
static POD_SLOTS: Measure = Measure::gauge(
    "vigie_nodes_pods",
    "Pods that the nodes that take pods can run, by the same states.",
    &["state"],
);

const TOO_FEW: Reason = Reason::new("TooFew");

/// Nodes are ready, and have room for what is to run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nodes {
    /// A label selector, such as `pool=apps`; without it all nodes.
    #[serde(default)]
    selector: Option<Selector>,
    /// The fewest nodes that are ready and take pods; 1 by default.
    #[serde(default)]
    min_count: MinCount,
    /// How long a node may be not ready before it fails; it warns until then. 5m by default. One
    /// whose kubelet is not heard of any more fails at once, or after that time where it is being
    /// deleted.
    #[serde(default)]
    ready_within: Patience,
    /// Taints that do not keep the pods in question away: `key`, `key=value`, `key:Effect` or
    /// `key=value:Effect`. A node with any other taint of `NoSchedule` or `NoExecute` counts
    /// neither for `min_count` nor for room.
    #[serde(default)]
    tolerated_taints: Vec<Toleration>,
    /// What is needed altogether on the nodes that take pods: at least so much must be free there
    /// or requested already by the namespaces under `counting`. Pods of all namespaces are watched
    /// for it.
    #[serde(default)]
    needed: Option<Needed>,
    /// Namespaces whose requests are part of what is needed.
    #[serde(default)]
    counting: Vec<String>,
    /// What the largest replica requests: one node must have so much free. Pods of all namespaces
    /// are watched for it.
    #[serde(default)]
    largest: Option<Largest>,
}

/// The nodes that a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    nodes: Vec<Arc<Node>>,
    /// What pods ask of each node, where that is asked for.
    load: Option<Result<Load, Obstacle>>,
    unseen: Unseen,
}

impl Check for Nodes {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(TOO_FEW, "Fewer nodes than `min_count` are ready and take pods."),
        verdict::NOT_READY,
        verdict::NODE_LOST,
        verdict::MEMORY_PRESSURE,
        verdict::DISK_PRESSURE,
        verdict::PID_PRESSURE,
        verdict::NETWORK_UNAVAILABLE,
        verdict::CORDONED,
        capacity::INSUFFICIENT_CPU,
        capacity::INSUFFICIENT_MEMORY,
        capacity::INSUFFICIENT_PODS,
        capacity::NO_ROOM,
        Documented::blinds(Reason::CLOCK_SKEW, "A node's time lies more than two minutes ahead."),
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&COUNT, &CPU, &MEMORY, &POD_SLOTS];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if !self.counting.is_empty() && self.needed.is_none() {
            flaws.push("`counting` has no meaning without `needed`".to_owned());
        }
        if self.needed.is_some_and(Needed::is_nothing) {
            flaws.push("`needed` names nothing: write `cpu`, `memory` or `pods`".to_owned());
        }
        if self.largest.is_some_and(Largest::is_nothing) {
            flaws.push("`largest` names nothing: write `cpu` or `memory`".to_owned());
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let mut watches = vec![self.watch()];
        if self.asks_for_room() {
            watches.push(Watch::all(PODS));
        }
        Needs { watches, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let row = |measure: &'static Measure| Series { measure, labels: vec![None] };
        Self::MEASURES.iter().map(|measure| row(measure)).collect()
    }

    fn bounds(&self) -> Vec<Bound> {
        let needed = self.needed.unwrap_or_default();
        let amounts = [(&CPU, needed.cpu), (&MEMORY, needed.memory), (&POD_SLOTS, needed.pods)];
        let bound = |(measure, amount): (&'static Measure, Option<Amount>)| {
            let Amount(least) = amount?;
            Some(Bound { measure: measure.name, bound: "fail_below", value: least.as_f64() })
        };
        amounts.into_iter().filter_map(bound).collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        let read = kubernetes.read(look.needs, &self.watch(), |table: &Table<Node>| {
            seen.nodes.extend(table.records().map(Arc::clone));
            seen.unseen.note(table, |_| true);
        });
        if let Err(obstacle) = read {
            seen.unseen.blind(&self.watch(), obstacle);
        }
        if self.asks_for_room() {
            let pods = kubernetes
                .read(look.needs, &Watch::all(PODS), |table| Load::of(table, &self.counting));
            seen.load = Some(pods);
        }
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, _: &Past, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        seen.unseen.tell(&mut judgement);
        for node in &seen.nodes {
            if let Some(answer) = self.complaint(node, now) {
                judgement.add(&*node.name, answer);
            }
        }
        if !seen.unseen.is_blind() {
            self.judge_count(seen, &mut judgement);
            self.judge_room(seen, &mut judgement);
        }
        judgement
    }
}

impl Nodes {
    fn watch(&self) -> Watch {
        let selector = self.selector.as_ref().map(|selector| selector.text().to_owned());
        Watch { selector, ..Watch::all(NODES) }
    }

    fn asks_for_room(&self) -> bool {
        self.needed.is_some() || self.largest.is_some()
    }

    /// The nodes that take pods.
    fn taking<'a>(&self, seen: &'a Seen) -> impl Iterator<Item = &'a Arc<Node>> {
        seen.nodes.iter().filter(|node| self.state(node) == Some(State::Ready))
    }

    fn judge_count(&self, seen: &Seen, judgement: &mut Judgement) {
        let mut counts: BTreeMap<State, u32> = State::ALL.map(|state| (state, 0)).into();
        for state in seen.nodes.iter().filter_map(|node| self.state(node)) {
            *counts.entry(state).or_default() += 1;
        }
        for (state, count) in &counts {
            judgement.measure(COUNT.is(f64::from(*count), [state.label()]));
        }
        let ready = counts[&State::Ready];
        let least = self.min_count.0.get();
        let mut told = vec![format!(
            "{} ready and {} pods",
            either(&ready, "1 node is", &format!("{ready} nodes are")),
            either(&ready, "takes", "take")
        )];
        let others = counts.iter().filter(|(state, count)| **state != State::Ready && **count > 0);
        told.extend(
            others.map(|(state, count)| format!("{count} {}", state.label().replace('_', " "))),
        );
        let because = format!("{}; at least {least} wanted", told.join(", "));
        if ready >= least {
            judgement.add("", Finding::pass(because));
        } else if u64::from(ready) + seen.unreadable() < u64::from(least) {
            judgement.add("", Finding::fail(TOO_FEW, because));
        }
    }
}

impl Seen {
    /// Nodes of which nothing can be said; each has a line of its own.
    fn unreadable(&self) -> u64 {
        let missing = self.nodes.iter().filter(|node| node.missing.is_some()).count();
        (missing + self.unseen.count()) as u64
    }
}

#[cfg(test)]
mod tests;
