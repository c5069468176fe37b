//! `pods`: every pod runs and is ready, or has succeeded; none is stuck, crashing or restarting.
//! Witness: the API server, by watch. What it does not say is never taken for good.

mod age;
mod complaint;
mod parameters;
mod restarts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::counted::{counted, either};
use crate::model::finding::{Finding, Obstacle, Verdict};
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Needs, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::job::Job;
use crate::systems::kubernetes::pod::{Phase, Pod};
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::workload::{REPLICA_SETS, Workload, WorkloadKind};
use crate::systems::kubernetes::{JOBS, Owner, PODS, Record, Table, Unseen, blind};

use complaint::Complaint;
use parameters::{Concern, Concerns, MinCount, Patience, Restarts};

static COUNT: Measure =
    Measure::gauge("vigie_pods", "Pods in each phase.", &["object_namespace", "phase"]);
static PROBLEM: Measure = Measure::gauge(
    "vigie_pod_problem",
    "Pods that warn or fail, and why; at most 100 of an item.",
    &["object_namespace", "object", "reason"],
);
static RESTARTS: Measure =
    Measure::memory("pod_restarts", &["object_namespace", "object", "created"], LONGEST_WINDOW);

/// The longest window in which restarts are counted.
const LONGEST_WINDOW: Duration = Duration::from_hours(24);
/// The most pods whose problems are exported by name.
const MOST_PROBLEMS: usize = 100;

const TOO_FEW: Reason = Reason::new("TooFew");

/// Every pod runs and is ready, or has succeeded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pods {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// A label selector, such as `app=api`; without it all pods.
    #[serde(default)]
    selector: Option<Selector>,
    /// The fewest pods in each namespace (with `all`: in the cluster) that have neither ended nor
    /// are being deleted; 1 by default. Where nothing but Jobs is to run: 0.
    #[serde(default)]
    min_count: MinCount,
    /// What is judged; everything by default.
    #[serde(default)]
    concerns: Concerns,
    /// How often a pod's containers may restart.
    #[serde(default)]
    restarts: Restarts,
    /// How long a pod may run without being ready before it fails; it warns until then. 5m by
    /// default.
    #[serde(default)]
    ready_within: Patience,
    /// How long one init container may run before the pod fails; it warns until then. 5m by
    /// default.
    #[serde(default)]
    init_within: Patience,
    /// How long a pod may be pending otherwise, since its creation or the end of its last init
    /// container, before it fails; it warns until then. 5m by default.
    #[serde(default)]
    pending_within: Patience,
    /// How long a pod may be there after its own grace period of deletion has ended; 5m by default.
    #[serde(default)]
    terminating_within: Patience,
}

/// The pods that a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// How far the API server's clock is ahead of ours, where it is known.
    skew: Option<SignedDuration>,
    /// Counts by namespace.
    namespaces: BTreeMap<Arc<str>, Counts>,
    /// Pods that are not simply running and ready, or succeeded.
    noticed: Vec<Arc<Pod>>,
    /// Owners of failed pods, by namespace: whether they are whole in spite of them.
    owners: BTreeMap<(Arc<str>, Owner), Result<bool, Obstacle>>,
    unseen: Unseen,
}

#[derive(Debug, Default)]
struct Counts {
    phases: [u64; Phase::ALL.len()],
    /// Those that have neither ended nor are being deleted.
    staying: u64,
}

impl Check for Pods {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(TOO_FEW, "There are fewer pods than `min_count`."),
        complaint::INVALID_IMAGE_NAME,
        complaint::ERR_IMAGE_PULL,
        complaint::IMAGE_PULL_BACK_OFF,
        complaint::CREATE_CONTAINER_CONFIG_ERROR,
        complaint::CREATE_CONTAINER_ERROR,
        complaint::CRASH_LOOP_BACK_OFF,
        complaint::CONTAINER_ENDED,
        complaint::OOM_KILLED,
        complaint::TOO_MANY_RESTARTS,
        complaint::NOT_READY,
        complaint::INITIALIZING,
        complaint::PENDING,
        complaint::UNSCHEDULABLE,
        complaint::NODE_LOST,
        complaint::FAILED,
        complaint::EVICTED,
        complaint::TERMINATING,
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "A pod's time lies more than two minutes ahead, or its age matters and the API server's \
             clock is further from ours than that.",
        ),
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&COUNT, &PROBLEM, &RESTARTS];

    fn flaws(&self) -> Vec<String> {
        let Restarts { window, warn_above, fail_above } = self.restarts;
        let mut flaws = Vec::new();
        if window.get() > LONGEST_WINDOW {
            flaws.push(format!("`restarts.window` is {window}, at most 24h can be remembered"));
        }
        if warn_above > fail_above {
            flaws.push("`restarts.warn_above` is larger than `restarts.fail_above`".to_owned());
        }
        if self.concerns.0.is_empty() {
            flaws.push("`concerns` is empty: nothing would be judged".to_owned());
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let mut watches = self.watches();
        if self.concerned(Concern::Failures) {
            for resource in owners() {
                watches.extend(self.namespaces.watches(&resource, None));
            }
        }
        Needs { watches, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let rows = |namespace: Option<String>| {
            let count = Series { measure: &COUNT, labels: vec![namespace.clone(), None] };
            [count, Series { measure: &PROBLEM, labels: vec![namespace, None, None] }]
        };
        self.namespaces.labels().into_iter().flat_map(rows).collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let kubernetes = &look.systems.kubernetes;
        let skew = kubernetes.clock_skew();
        let skew = skew.and_then(|skew| SignedDuration::try_from_secs_f64(skew).ok());
        let mut seen = Seen { skew, ..Seen::default() };
        for watch in self.watches() {
            if let Some(namespace) = &watch.namespace {
                seen.namespaces.entry(namespace.as_str().into()).or_default();
            }
            let read = kubernetes.read(look.needs, &watch, |table| seen.take(table));
            if let Err(obstacle) = read {
                seen.unseen.blind(&watch, obstacle);
                seen.namespaces.remove(watch.namespace.unwrap_or_default().as_str());
            }
        }
        if self.concerned(Concern::Failures) {
            self.ask_owners(look, &mut seen);
        }
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        seen.unseen.tell(&mut judgement);
        let judged = seen.noticed.iter().filter_map(|pod| {
            let complaint = self.worst_complaint(seen, pod, past, now)?;
            Some((pod, complaint))
        });
        let mut complaints: Vec<(&Arc<Pod>, Complaint)> = judged.collect();
        complaints.sort_by_key(|(_, complaint)| std::cmp::Reverse(complaint.verdict()));
        self.judge_counts(seen, complaints.is_empty(), &mut judgement);
        let mut problems = 0;
        for (pod, complaint) in complaints {
            if let Some(reason) = complaint.reason()
                && complaint.verdict() != Verdict::Unknown
            {
                problems += 1;
                if problems <= MOST_PROBLEMS {
                    let labels = [&*pod.namespace, &*pod.name, reason.code()];
                    judgement.measure(PROBLEM.is(1.0, labels));
                } else {
                    judgement.dropped += 1;
                }
            }
            judgement.add(format!("{}/{}", pod.namespace, pod.name), complaint.answer);
        }
        for pod in &seen.noticed {
            if let Some(sample) = self.remembered(pod, past, now) {
                judgement.measure(sample);
            }
        }
        judgement
    }
}

impl Pods {
    fn watches(&self) -> Vec<Watch> {
        self.namespaces.watches(&PODS, self.selector.as_ref())
    }

    fn concerned(&self, concern: Concern) -> bool {
        self.concerns.0.contains(&concern)
    }

    fn judge_counts(&self, seen: &Seen, all_well: bool, judgement: &mut Judgement) {
        let MinCount(least) = self.min_count;
        for (namespace, counts) in &seen.namespaces {
            for (phase, count) in Phase::ALL.into_iter().zip(counts.phases) {
                #[expect(clippy::cast_precision_loss, reason = "far from 2^52 pods")]
                judgement.measure(COUNT.is(count as f64, [namespace, phase.label()]));
            }
        }
        let lines: Vec<(String, u64)> = if self.namespaces.names().is_some() {
            let line = |(name, counts): (&Arc<str>, &Counts)| (name.to_string(), counts.staying);
            seen.namespaces.iter().map(line).collect()
        } else if !seen.unseen.is_blind() {
            vec![(String::new(), seen.namespaces.values().map(|counts| counts.staying).sum())]
        } else {
            Vec::new()
        };
        for (subject, staying) in lines {
            let wanted = format!("at least {least} wanted");
            let there =
                format!("{} {} there", counted(staying, "pod"), either(&staying, "is", "are"));
            if staying >= least {
                let well = if all_well { " and none is in trouble" } else { "" };
                let because = format!("{there}{well}, {wanted}");
                judgement.add(subject, Finding::pass(because));
                continue;
            }
            let because = format!("{there}, {wanted}");
            if staying + (seen.unseen.count_in(&subject) as u64) < least {
                judgement.add(subject, Finding::fail(TOO_FEW, because));
            }
        }
    }

    /// Whether the owners of failed pods are whole in spite of them.
    fn ask_owners(&self, look: &Look<'_>, seen: &mut Seen) {
        for pod in &seen.noticed {
            let (Phase::Failed, Some(owner)) = (pod.phase, &pod.owner) else { continue };
            let key = (Arc::clone(&pod.namespace), owner.clone());
            if seen.owners.contains_key(&key) {
                continue;
            }
            let Some(resource) = owners().into_iter().find(|known| owner.is_a(known)) else {
                continue;
            };
            let namespace = self.namespaces.names().map(|_| pod.namespace.to_string());
            let watch = Watch { namespace, ..Watch::all(resource) };
            let kubernetes = &look.systems.kubernetes;
            let (namespace, name) = (&pod.namespace, &owner.name);
            let whole = if watch.resource == JOBS {
                kubernetes.read(look.needs, &watch, |jobs: &Table<Job>| {
                    readable(jobs, namespace, name, |job| job.missing)?;
                    Ok(jobs.has_succeeded(namespace, name))
                })
            } else {
                kubernetes.read(look.needs, &watch, |sets: &Table<Workload>| {
                    readable(sets, namespace, name, |set| set.missing)?;
                    Ok(sets.get(namespace, name).is_some_and(|set| set.is_whole()))
                })
            };
            seen.owners.insert(key, whole.and_then(|whole| whole));
        }
    }
}

/// Whether an owner is there and can be read, or is not there.
fn readable<R: Record>(
    table: &Table<R>,
    namespace: &str,
    name: &str,
    missing: fn(&R) -> Option<&'static str>,
) -> Result<(), Obstacle> {
    let why = match table.get(namespace, name) {
        Some(owner) => {
            missing(owner).map(|missing| format!("the API server does not give {missing}"))
        }
        None => {
            let place = format!("{namespace}/{name}");
            let mut garbled = table.garbled();
            let garbled = garbled.find(|(other, _)| other.is_empty() || *other == place);
            let more = (table.garbled_more() > 0).then(|| "it may be one of many".to_owned());
            garbled.map(|(_, why)| why.to_owned()).or(more)
        }
    };
    let because = |why| format!("its owner {name} can't be read: {why}");
    why.map_or(Ok(()), |why| Err(Obstacle::new(Reason::GARBLED, because(why))))
}

/// Who may control a pod, and can be asked whether it is whole.
fn owners() -> [crate::model::needs::Resource; 4] {
    let (stateful, daemon) = (WorkloadKind::StatefulSet, WorkloadKind::DaemonSet);
    [REPLICA_SETS, stateful.resource(), daemon.resource(), JOBS]
}

impl Seen {
    fn take(&mut self, table: &Table<Pod>) {
        let mut pods = table.records().peekable();
        // Records come by namespace: a hundred thousand are counted without looking for their place.
        while let Some(first) = pods.peek() {
            let namespace = Arc::clone(&first.namespace);
            let counts = self.namespaces.entry(Arc::clone(&namespace)).or_default();
            while let Some(pod) = pods.next_if(|pod| pod.namespace == namespace) {
                counts.phases[pod.phase as usize] += 1;
                let ended = matches!(pod.phase, Phase::Succeeded | Phase::Failed);
                counts.staying += u64::from(!ended && pod.deleted.is_none());
                if !is_plain(pod) {
                    self.noticed.push(Arc::clone(pod));
                }
            }
        }
        self.unseen.note(table, |_| true);
    }
}

/// Whether there is nothing about a pod that any limit could object to.
fn is_plain(pod: &Pod) -> bool {
    let settled = match pod.phase {
        Phase::Running => pod.ready,
        Phase::Succeeded => true,
        Phase::Pending | Phase::Failed | Phase::Unknown => false,
    };
    settled
        && pod.deleted.is_none()
        && pod.restarts == 0
        && pod.trouble.is_none()
        && pod.missing.is_none()
}

#[cfg(test)]
mod tests;
