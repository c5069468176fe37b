//! `workloads`: Deployments, `StatefulSets` and `DaemonSets` are as desired.
//! Witness: the API server, by watch. A rollout warns while it is young, and fails when it hangs.

mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Needs, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::pod::{Phase, Pod};
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::workload::{REPLICA_SETS, Workload, WorkloadKind};
use crate::systems::kubernetes::{PODS, Table, Unseen, blind};

static REPLICAS: Measure = Measure::gauge(
    "vigie_workload_replicas",
    "Replicas by state: desired, updated, ready, available.",
    &["object_namespace", "workload_kind", "workload", "state"],
);
/// By what it is about: `rolling` and `short` since when, and the `generation` that it was.
static UNWHOLE_SINCE: Measure = Measure::memory(
    "workload_unwhole_since",
    &["object_namespace", "workload_kind", "workload", "about"],
    Duration::from_hours(1),
);

/// The most workloads whose replicas are exported.
const MOST_EXPORTED: usize = 200;

const MISSING: Reason = Reason::new("Missing");

/// Deployments, `StatefulSets` and `DaemonSets` are as desired.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workloads {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// A label selector, such as `app=api`; without it all workloads.
    #[serde(default)]
    selector: Option<Selector>,
    /// Which kinds; all three by default.
    #[serde(default)]
    kinds: Kinds,
    /// Names that must be there, in any of the namespaces and kinds.
    #[serde(default)]
    expect: BTreeSet<String>,
    /// Whether all others are left alone; by default they are judged, too.
    #[serde(default)]
    only_expected: bool,
    /// The most replicas of a workload, by its name: more that are desired, or more running pods
    /// (those that are being deleted included), fail. One that is named here must be there.
    #[serde(default)]
    at_most: BTreeMap<String, u32>,
    /// Names of workloads that may be scaled to zero.
    #[serde(default)]
    may_be_zero: BTreeSet<String>,
    /// How long a rollout may take before it fails, where the workload's own progress deadline is
    /// not shorter; it warns until then. 10m by default. Counted from when the rollout was first
    /// seen; where its controller says that it last moved before that, from then: when it began, the
    /// API server does not tell.
    #[serde(default)]
    rollout_within: RolloutWithin,
    /// How long some replicas may be unavailable outside of a rollout before that fails; it warns
    /// until then. None at all available fails at once. 5m by default. Counted from when that was
    /// first seen; where the API server says that the workload was unavailable before, from then. For
    /// both limits, a single look (`vigie once`) that can't tell whether the time is over is unknown.
    #[serde(default)]
    available_within: AvailableWithin,
}

/// Kinds of workloads.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
struct Kinds(BTreeSet<WorkloadKind>);

impl Default for Kinds {
    fn default() -> Self {
        Self(BTreeSet::from(WorkloadKind::ALL))
    }
}

/// How long a rollout may take.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
struct RolloutWithin(Period);

impl Default for RolloutWithin {
    fn default() -> Self {
        Self(Period::from_secs(600))
    }
}

/// How long some replicas may be unavailable.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
struct AvailableWithin(Period);

impl Default for AvailableWithin {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

/// The workloads that a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    workloads: Vec<(WorkloadKind, Arc<Workload>)>,
    /// Running pods of the workloads in `at_most`.
    running: BTreeMap<Place, u64>,
    /// Workloads that could not be seen.
    unseen: Unseen,
    /// The same of pods that may belong to a workload in `at_most`.
    unseen_pods: Unseen,
}

/// Namespace, kind and name.
type Place = (Arc<str>, WorkloadKind, String);

impl Check for Workloads {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(MISSING, "An expected workload is not there, or there is none at all."),
        verdict::TOO_MANY,
        verdict::SCALED_TO_ZERO,
        verdict::ROLLING_OUT,
        verdict::PAUSED,
        verdict::PROGRESS_DEADLINE_EXCEEDED,
        verdict::UNAVAILABLE,
        verdict::SINCE_UNKNOWN,
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&REPLICAS, &UNWHOLE_SINCE];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.kinds.0.is_empty() {
            flaws.push("`kinds` is empty: nothing would be judged".to_owned());
        }
        if self.only_expected && self.expect.is_empty() {
            flaws.push("`only_expected` needs names under `expect`".to_owned());
        }
        if let Some(name) =
            self.at_most.iter().find_map(|(name, most)| (*most == 0).then_some(name))
        {
            flaws.push(format!("`at_most.{name}` is 0: no workload is to run not at all"));
        }
        if let Some(name) = self.at_most.keys().find(|name| !self.is_judged(name)) {
            flaws.push(format!(
                "`at_most.{name}` is never judged: with `only_expected` it must be under `expect`"
            ));
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let mut watches: Vec<Watch> =
            self.watches().into_iter().flat_map(|(_, watches)| watches).collect();
        if !self.at_most.is_empty() {
            watches.extend(self.namespaces.watches(&PODS, None));
        }
        Needs { watches, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let mut series = Vec::new();
        for namespace in self.namespaces.labels() {
            for kind in &self.kinds.0 {
                let names: Vec<Option<String>> = if self.only_expected {
                    self.expect.iter().cloned().map(Some).collect()
                } else {
                    vec![None]
                };
                series.extend(names.into_iter().map(|name| Series {
                    measure: &REPLICAS,
                    labels: vec![namespace.clone(), Some(kind.label().to_owned()), name, None],
                }));
            }
        }
        series
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        for (kind, watches) in self.watches() {
            for watch in watches {
                let read = kubernetes.read(look.needs, &watch, |table: &Table<Workload>| {
                    let judged = table.records().filter(|workload| self.is_judged(&workload.name));
                    seen.workloads.extend(judged.map(|workload| (kind, Arc::clone(workload))));
                    self.note_garbled(table, &mut seen);
                });
                if let Err(obstacle) = read {
                    seen.unseen.blind(&watch, obstacle);
                }
            }
        }
        if !self.at_most.is_empty() {
            for watch in self.namespaces.watches(&PODS, None) {
                let read = kubernetes.read(look.needs, &watch, |table: &Table<Pod>| {
                    self.count_running(table, &mut seen);
                    self.note_garbled_pods(table, &mut seen);
                });
                if let Err(obstacle) = read {
                    seen.unseen_pods.blind(&watch, obstacle);
                }
            }
        }
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        seen.unseen.tell(&mut judgement);
        seen.unseen_pods.tell(&mut judgement);
        self.judge_presence(seen, &mut judgement);
        for (number, (kind, workload)) in seen.workloads.iter().enumerate() {
            let since = verdict::unwhole_since(*kind, workload, past, now);
            let answer = self.answer(seen, *kind, workload, &since, now);
            let Workload { namespace, name, .. } = &**workload;
            judgement.add(format!("{kind} {namespace}/{name}"), answer);
            for sample in since.remember {
                judgement.measure(sample);
            }
            if number >= MOST_EXPORTED {
                judgement.dropped += 1;
                continue;
            }
            for (state, count) in [
                ("desired", workload.desired),
                ("updated", workload.updated),
                ("ready", workload.ready),
                ("available", workload.available),
            ] {
                #[expect(clippy::cast_precision_loss, reason = "far from 2^52 replicas")]
                judgement
                    .measure(REPLICAS.is(count as f64, [namespace, kind.label(), name, state]));
            }
        }
        judgement
    }
}

impl Workloads {
    fn watches(&self) -> Vec<(WorkloadKind, Vec<Watch>)> {
        let watches = |kind: &WorkloadKind| {
            (*kind, self.namespaces.watches(&kind.resource(), self.selector.as_ref()))
        };
        self.kinds.0.iter().map(watches).collect()
    }

    fn is_judged(&self, name: &str) -> bool {
        !self.only_expected || self.expect.contains(name)
    }

    /// Whether all that is expected is there. Where workloads can't be seen, nothing is missed.
    fn judge_presence(&self, seen: &Seen, judgement: &mut Judgement) {
        let there: BTreeSet<&str> =
            seen.workloads.iter().map(|(_, workload)| &*workload.name).collect();
        // A limit of what is not there, a misspelt one above all, would hold for ever.
        let expected: BTreeSet<&String> = self.expect.iter().chain(self.at_most.keys()).collect();
        for name in seen.unseen.missing(expected, &there) {
            let kinds: Vec<&str> = self.kinds.0.iter().map(|kind| kind.label()).collect();
            let because = format!("no {} of this name is there", kinds.join(" or "));
            judgement.add(name.clone(), Finding::fail(MISSING, because));
        }
        let named = !self.expect.is_empty() || !self.at_most.is_empty();
        if !named && there.is_empty() && seen.unseen.is_nothing() {
            let because = "no workload is there, at least one wanted".to_owned();
            judgement.add("", Finding::fail(MISSING, because));
        }
    }

    fn note_garbled(&self, table: &Table<Workload>, seen: &mut Seen) {
        seen.unseen.note(table, |name| self.is_judged(name));
    }

    fn note_garbled_pods(&self, table: &Table<Pod>, seen: &mut Seen) {
        let is_counted = |name: &str| self.at_most.keys().any(|limited| name.starts_with(limited));
        seen.unseen_pods.note(table, is_counted);
    }

    fn count_running(&self, table: &Table<Pod>, seen: &mut Seen) {
        for pod in table.records() {
            let Some(place) = self.limited(pod) else { continue };
            match pod.phase {
                Phase::Running => *seen.running.entry(place).or_default() += 1,
                Phase::Unknown => {
                    let name = format!("{}/{}", pod.namespace, pod.name);
                    let why = "its phase is not known, and it may run".to_owned();
                    seen.unseen_pods.unreadable(name, why);
                }
                Phase::Pending | Phase::Succeeded | Phase::Failed => {}
            }
        }
    }

    /// The workload in `at_most` that a pod belongs to.
    fn limited(&self, pod: &Pod) -> Option<Place> {
        let owner = pod.owner.as_ref()?;
        // A ReplicaSet bears its Deployment's name and the hash of a template.
        let (kind, name) = if owner.is_a(&REPLICA_SETS) {
            let (name, _) = owner.name.rsplit_once('-')?;
            (WorkloadKind::Deployment, name)
        } else {
            let mut itself = [WorkloadKind::StatefulSet, WorkloadKind::DaemonSet].into_iter();
            (itself.find(|kind| owner.is_a(&kind.resource()))?, &*owner.name)
        };
        let is_limited = self.at_most.contains_key(name);
        is_limited.then(|| (Arc::clone(&pod.namespace), kind, name.to_owned()))
    }
}

#[cfg(test)]
mod tests;
