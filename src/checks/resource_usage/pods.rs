//! Containers against their limits and requests, by workload: the worst container of any pod counts.
//!
//! A pod that began to run a moment ago has no sample yet, and need not have one. Any other without a
//! sample makes its workload unknown: it may be the very one that is short of memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::containers::{Group, Share};
use super::{NO_SAMPLE, ResourceUsage, SAMPLE_TOO_OLD, distrust};
use crate::checks::Look;
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::judgement::{Judgement, legible};
use crate::model::measure::Measure;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::pod::{Phase, Pod};
use crate::systems::kubernetes::usage::{self, PodUsage};
use crate::systems::kubernetes::workload::REPLICA_SETS;
use crate::systems::kubernetes::{PODS, Table};

pub(super) static USAGE: Measure = Measure::gauge(
    "vigie_workload_usage_ratio",
    "Usage of a workload's worst container as a share of its limit or request.",
    &["object_namespace", "workload_kind", "workload", "resource", "of"],
);
/// Since when the CPU of a workload is above a step; 0 where it is not any more.
pub(super) static HIGH_SINCE: Measure = Measure::memory(
    "workload_cpu_high_since",
    &["object_namespace", "workload_kind", "workload", "step"],
    Duration::from_hours(24),
);

/// The most workloads whose usage is exported.
const MOST_EXPORTED: usize = 200;
/// A pod as young as this need not have a sample.
const YOUNG: Duration = Duration::from_mins(3);

pub(super) const MEMORY_HIGH: Documented = Documented::warns_or_fails(
    Reason::new("MemoryHigh"),
    "A container uses more of its memory limit or request than is allowed.",
);
pub(super) const CPU_HIGH: Documented = Documented::warns_or_fails(
    Reason::new("CpuHigh"),
    "A workload has used more of its CPU limit or request than is allowed, for `cpu.lasting`.",
);
pub(super) const NO_LIMIT: Documented = Documented::warns_or_fails(
    Reason::new("NoLimit"),
    "A container has no limit; see `unlimited`.",
);
pub(super) const NOT_YET: Documented = Documented::blinds(
    Reason::NOT_YET,
    "All pods began to run less than three minutes ago: none has a sample yet.",
);
pub(super) const METRICS_UNAVAILABLE: Documented = Documented::blinds(
    usage::METRICS_UNAVAILABLE,
    "Nobody serves metrics.k8s.io, or whoever should does not answer.",
);

/// The pods that a look saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    running: Vec<Arc<Pod>>,
    samples: HashMap<(String, String), PodUsage>,
    garbled: Vec<(String, String)>,
    garbled_more: usize,
    /// Places where pods or samples can't be seen.
    blind: Vec<(String, Obstacle)>,
}

/// Namespace, kind and name of a workload.
pub(super) type Place = (Arc<str>, String, String);

impl ResourceUsage {
    pub(super) async fn look_at_pods(&self, look: &Look<'_>) -> Seen {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        for watch in self.namespaces.watches(&PODS, self.selector.as_ref()) {
            let read = kubernetes.read(look.needs, &watch, |table: &Table<Pod>| seen.take(table));
            let place = watch.namespace.clone().unwrap_or_default();
            if let Err(obstacle) = read {
                seen.blind.push((place, obstacle));
                continue;
            }
            let (namespace, selector) = (watch.namespace.as_deref(), watch.selector.as_deref());
            let until = look.until();
            match kubernetes.pod_usage(look.needs, namespace, selector, until).await {
                Ok(samples) => seen.add(samples),
                Err(obstacle) => {
                    seen.blind.push((place, obstacle));
                    let here =
                        |pod: &Arc<Pod>| namespace.is_none_or(|name| name == &*pod.namespace);
                    seen.running.retain(|pod| !here(pod));
                }
            }
        }
        seen
    }

    pub(super) fn judge_pods(
        &self,
        seen: &Seen,
        past: &Past,
        now: Timestamp,
        judgement: &mut Judgement,
    ) {
        for (namespace, obstacle) in &seen.blind {
            judgement.add(format!("usage {namespace}"), obstacle.clone());
        }
        for (name, why) in &seen.garbled {
            let because = format!("the pod can't be read: {why}");
            judgement.add(name.clone(), Obstacle::new(Reason::GARBLED, because));
        }
        judgement.dropped += seen.garbled_more as u64;
        let groups = self.groups(seen, now);
        if groups.is_empty() && seen.blind.is_empty() && seen.garbled.is_empty() {
            judgement.add("pods", nothing_measured(seen));
        }
        for (number, (place, group)) in groups.iter().enumerate() {
            let (namespace, kind, name) = place;
            let subject = |what: &str| format!("{what} of {kind} {namespace}/{name}");
            if let Some(memory) = &self.memory {
                judgement.add(subject("memory"), memory.answer(group));
            }
            if let Some(cpu) = &self.cpu {
                let (answer, remember) = cpu.answer(place, group, past, now);
                judgement.add(subject("CPU"), answer);
                for sample in remember {
                    judgement.measure(sample);
                }
            }
            if number < MOST_EXPORTED {
                self.export(place, group, judgement);
            } else {
                judgement.dropped += 1;
            }
        }
    }

    fn groups(&self, seen: &Seen, now: Timestamp) -> BTreeMap<Place, Group> {
        let mut groups: BTreeMap<Place, Group> = BTreeMap::new();
        for pod in &seen.running {
            let key = (pod.namespace.to_string(), pod.name.to_string());
            let sample = seen.samples.get(&key);
            if sample.is_none() && is_young(pod, now) {
                continue;
            }
            let group = groups.entry(place_of(pod)).or_default();
            group.pods += 1;
            let taken = self.believed(sample, now).and_then(|sample| group.take(pod, sample));
            if let Err(obstacle) = taken {
                let (_, count) = group.blind.get_or_insert((obstacle, 0));
                *count += 1;
            }
        }
        groups
    }

    fn believed<'s>(
        &self,
        sample: Option<&'s PodUsage>,
        now: Timestamp,
    ) -> Result<&'s PodUsage, Obstacle> {
        let none = || Obstacle::new(NO_SAMPLE.reason, "metrics.k8s.io has no sample");
        let sample = sample.ok_or_else(none)?;
        distrust(sample.at, self.max_age, now)?;
        let most = self.max_age.0.get();
        match sample.window {
            None => Err(Obstacle::new(Reason::GARBLED, "a sample does not tell its window")),
            Some(window) if window > most => {
                let (window, most) = (spoken(window), spoken(most));
                let because = format!("a sample was taken over {window}, at most {most} believed");
                Err(Obstacle::new(SAMPLE_TOO_OLD.reason, because))
            }
            Some(_) => Ok(sample),
        }
    }

    fn export(&self, place: &Place, group: &Group, judgement: &mut Judgement) {
        let (namespace, kind, name) = place;
        let memory = self.memory.is_some().then_some(("memory", &group.memory));
        let cpu = self.cpu.is_some().then_some(("cpu", &group.cpu));
        for (resource, worst) in [memory, cpu].into_iter().flatten() {
            for (of, share) in [("limit", &worst.of_limit), ("request", &worst.of_request)] {
                if let Some(Share { ratio, .. }) = share {
                    let labels = [&**namespace, kind, name, resource, of];
                    judgement.measure(USAGE.is(*ratio, labels));
                }
            }
        }
    }
}

impl Seen {
    pub(super) fn take(&mut self, table: &Table<Pod>) {
        let running =
            table.records().filter(|pod| pod.phase == Phase::Running && pod.deleted.is_none());
        self.running.extend(running.cloned());
        self.garbled.extend(table.garbled().map(|(place, why)| (place.into(), why.into())));
        self.garbled_more += table.garbled_more();
    }

    pub(super) fn add(&mut self, samples: Vec<PodUsage>) {
        let place = |sample: &PodUsage| (sample.namespace.clone(), sample.name.clone());
        self.samples.extend(samples.into_iter().map(|sample| (place(&sample), sample)));
    }
}

fn nothing_measured(seen: &Seen) -> Obstacle {
    if seen.running.is_empty() {
        return Obstacle::new(NO_SAMPLE.reason, "no pod runs that could be measured");
    }
    let young = spoken(YOUNG);
    Obstacle::not_yet(match seen.running.len() {
        1 => format!("the only pod is younger than {young}: it is not measured yet"),
        pods => format!("all {pods} pods are younger than {young}: none is measured yet"),
    })
}

fn is_young(pod: &Pod, now: Timestamp) -> bool {
    let since = pod.last_restart.max(pod.created);
    since.is_some_and(|since| {
        Duration::try_from(now.duration_since(since)).is_ok_and(|age| age < YOUNG)
    })
}

/// The workload that a pod belongs to: whoever controls it, for a `ReplicaSet` its Deployment.
pub(super) fn place_of(pod: &Pod) -> Place {
    let (kind, name) = match &pod.owner {
        // A ReplicaSet bears its Deployment's name and the hash of a template.
        Some(owner) if owner.is_a(&REPLICA_SETS) => match owner.name.rsplit_once('-') {
            Some((name, _)) => ("Deployment".to_owned(), name.to_owned()),
            None => (owner.kind.to_string(), owner.name.to_string()),
        },
        Some(owner) => (legible(&owner.kind, 63), owner.name.to_string()),
        None => ("Pod".to_owned(), pod.name.to_string()),
    };
    (Arc::clone(&pod.namespace), kind, name)
}
