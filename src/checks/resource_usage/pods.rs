//! Containers against their limits and requests, by workload: the worst container of any pod counts.
//!
//! A pod that began to run a moment ago has no sample yet, and need not have one. Any other without a
//! sample makes its workload unknown: it may be the very one that is short of memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::parameters::{Cpu, Memory, Steps, Unlimited};
use super::{NO_SAMPLE, ResourceUsage, SAMPLE_TOO_OLD, distrust};
use crate::checks::Look;
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::measure::{Measure, Sample};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::pod::{Phase, Pod};
use crate::systems::kubernetes::quantity::Quantity;
use crate::systems::kubernetes::template::{Amounts, Container, Role};
use crate::systems::kubernetes::usage::{self, ContainerUsage, PodUsage};
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
/// How long a remembered beginning is good for without being repeated.
const REPEATED_AFTER: Duration = Duration::from_mins(5);
/// The most containers that a sentence names.
const MOST_NAMED: usize = 5;

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
type Place = (Arc<str>, String, String);

/// What the pods of a workload come to.
#[derive(Default)]
struct Group {
    pods: usize,
    /// Why a sample of one of them is missing or not believed, and of how many.
    blind: Option<(Obstacle, usize)>,
    memory: Worst,
    cpu: Worst,
}

/// The worst container.
#[derive(Default)]
struct Worst {
    of_limit: Option<Share>,
    of_request: Option<Share>,
    unlimited: BTreeSet<Box<str>>,
}

/// A share of a limit or request, and whose.
#[derive(Clone)]
struct Share {
    share: f64,
    used: Quantity,
    of: Quantity,
    whose: String,
}

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
                remember.into_iter().for_each(|sample| judgement.measure(sample));
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
                if let Some(Share { share, .. }) = share {
                    let labels = [&**namespace, kind, name, resource, of];
                    judgement.measure(USAGE.is(*share, labels));
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
    let (pods, young) = (seen.running.len(), spoken(YOUNG));
    Obstacle::not_yet(format!("all {pods} pods are younger than {young}: none is measured yet"))
}

fn is_young(pod: &Pod, now: Timestamp) -> bool {
    let since = pod.last_restart.max(pod.created);
    since.is_some_and(|since| {
        Duration::try_from(now.duration_since(since)).is_ok_and(|age| age < YOUNG)
    })
}

/// The workload that a pod belongs to: whoever controls it, for a `ReplicaSet` its Deployment.
fn place_of(pod: &Pod) -> Place {
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

impl Group {
    /// Takes a sample of one of its pods.
    fn take(&mut self, pod: &Pod, sample: &PodUsage) -> Result<(), Obstacle> {
        let lacks =
            |what: &str| Err(Obstacle::new(NO_SAMPLE.reason, format!("a sample lacks {what}")));
        let runs = |container: &&Container| matches!(container.role, Role::Main | Role::Sidecar);
        if pod.template.containers.is_empty() {
            return Err(Obstacle::new(
                Reason::GARBLED,
                "the API server does not give spec.containers",
            ));
        }
        for container in pod.template.containers.iter().filter(runs) {
            let used = sample.containers.iter().find(|used| *used.name == *container.name);
            let Some(ContainerUsage { name: _, cpu, memory }) = used else {
                return lacks(&format!("container {}", legible(&container.name, 63)));
            };
            for (resource, used, worst) in
                [("memory", memory, &mut self.memory), ("cpu", cpu, &mut self.cpu)]
            {
                let Some(used) = used else { return lacks(resource) };
                worst.take(pod, container, resource, *used)?;
            }
        }
        Ok(())
    }
}

impl Worst {
    fn take(
        &mut self,
        pod: &Pod,
        container: &Container,
        resource: &str,
        used: Quantity,
    ) -> Result<(), Obstacle> {
        let read = |amounts: &Amounts| match amounts.get(resource).map(|text| Quantity::parse(text))
        {
            Some(Ok(amount)) if amount > Quantity::ZERO => Ok(Some(amount)),
            Some(Ok(_)) | None => Ok(None),
            Some(Err(why)) => Err(Obstacle::new(Reason::GARBLED, why)),
        };
        let limit = read(&container.limits)?;
        if limit.is_none() {
            self.unlimited.insert(container.name.clone());
        }
        let slots =
            [(&mut self.of_limit, limit), (&mut self.of_request, read(&container.requests)?)];
        for (slot, of) in slots {
            let Some(of) = of else { continue };
            let share = used.as_f64() / of.as_f64();
            if slot.as_ref().is_none_or(|worst| share > worst.share) {
                let whose = format!("container {} of pod {}", container.name, pod.name);
                *slot = Some(Share { share, used, of, whose });
            }
        }
        Ok(())
    }

    /// What is wrong by itself, and how bad that is.
    fn graded(&self, of_limit: Steps, of_request: Steps, reason: Reason, unit: Unit) -> Graded {
        let sides =
            [(&self.of_limit, of_limit, "limit"), (&self.of_request, of_request, "request")];
        let said = |share: &Share, steps: Steps, of: &str| {
            let grade = steps.grade(share.share, reason);
            let percent = share.share * 100.0;
            let (used, whole) = (unit.shown(share.used), unit.shown(share.of));
            let allowed = steps.allowed(grade);
            let because = format!(
                "{} uses {used} of its {of} of {whole}, {percent:.0} %{allowed}",
                share.whose
            );
            Graded { grade, because }
        };
        let judged = sides.into_iter().filter_map(|(share, steps, of)| {
            let asked = steps.any() || of == "limit";
            share.as_ref().filter(|_| asked).map(|share| said(share, steps, of))
        });
        let nothing = || Graded {
            grade: Grade::Pass,
            because: "no container has a limit to be compared with".to_owned(),
        };
        judged.max_by_key(|graded| rank(graded.grade)).unwrap_or_else(nothing)
    }

    /// The containers without a limit, for a sentence.
    fn without_limit(&self, unlimited: Unlimited) -> Option<Graded> {
        if self.unlimited.is_empty() {
            return None;
        }
        let names: Vec<String> =
            self.unlimited.iter().take(MOST_NAMED).map(|name| legible(name, 63)).collect();
        let because = format!("container {} has no limit", names.join(", "));
        let grade = match unlimited {
            Unlimited::Allow => Grade::Pass,
            Unlimited::Warn => Grade::Warn(NO_LIMIT.reason),
            Unlimited::Fail => Grade::Fail(NO_LIMIT.reason),
        };
        Some(Graded { grade, because })
    }
}

/// A grade with its sentence.
struct Graded {
    grade: Grade,
    because: String,
}

fn rank(grade: Grade) -> u8 {
    match grade {
        Grade::Pass => 0,
        Grade::Warn(_) => 1,
        Grade::Fail(_) => 2,
    }
}

/// How amounts are shown.
#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    Cores,
}

impl Unit {
    fn shown(self, amount: Quantity) -> String {
        match self {
            Self::Bytes => format!("{:.0} MiB", amount.as_f64() / f64::from(1 << 20)),
            Self::Cores => format!("{:.2} cores", amount.as_f64()),
        }
    }
}

/// The worst of what was seen: fail > unknown > warn > pass.
fn answer(group: &Group, usage: Graded, without: Option<Graded>) -> Answer {
    let mut usage = usage;
    if let Some(without) = without {
        if rank(without.grade) > rank(usage.grade) {
            usage = without;
        } else if usage.grade == Grade::Pass {
            usage.because = format!("{}; {}", usage.because, without.because);
        }
    }
    let Graded { grade, because } = usage;
    match (grade, &group.blind) {
        (Grade::Fail(reason), _) => Finding::fail(reason, because).into(),
        (_, Some((obstacle, count))) => {
            let because = format!("of {count} of {} pods: {}", group.pods, obstacle.because);
            Obstacle { because, ..obstacle.clone() }.into()
        }
        (Grade::Warn(reason), None) => Finding::warn(reason, because).into(),
        (Grade::Pass, None) => Finding::pass(because).into(),
    }
}

impl Memory {
    fn answer(&self, group: &Group) -> Answer {
        let Self { of_limit, of_request, unlimited } = self;
        let worst = &group.memory;
        let usage = worst.graded(*of_limit, *of_request, MEMORY_HIGH.reason, Unit::Bytes);
        answer(group, usage, worst.without_limit(*unlimited))
    }
}

impl Cpu {
    fn answer(
        &self,
        place: &Place,
        group: &Group,
        past: &Past,
        now: Timestamp,
    ) -> (Answer, Vec<Sample>) {
        let Self { of_limit, of_request, lasting, unlimited } = self;
        let worst = &group.cpu;
        let mut usage = worst.graded(*of_limit, *of_request, CPU_HIGH.reason, Unit::Cores);
        let (mut remember, mut lasted) = (Vec::new(), None);
        let high = rank(usage.grade);
        // A look that is blind to some pods ends no span that others began.
        let ends = group.blind.is_none();
        for (step, is_above) in [("warn", high >= 1), ("fail", high >= 2)] {
            let (sample, since) = high_since(place, step, is_above, ends, past, now);
            remember.extend(sample);
            if let Some(since) = since {
                let span = Duration::try_from(now.duration_since(since)).unwrap_or_default();
                lasted = if span >= lasting.get() { Some((step, span)) } else { lasted };
            }
        }
        let allowed = lasting;
        usage.grade = match (lasted, usage.grade) {
            (Some(("fail", _)), grade @ Grade::Fail(_)) => grade,
            (Some(_), Grade::Fail(reason) | Grade::Warn(reason)) => Grade::Warn(reason),
            (_, Grade::Pass) | (None, _) => Grade::Pass,
        };
        usage.because = match (lasted, high) {
            (Some((_, span)), _) => format!("{}, for {}", usage.because, spoken(span)),
            (None, 0) => usage.because,
            (None, _) => format!("{}, for less than {allowed}", usage.because),
        };
        (answer(group, usage, worst.without_limit(*unlimited)), remember)
    }
}

/// Since when the CPU is above a step, where it is, and what is to be remembered of that.
fn high_since(
    (namespace, kind, name): &Place,
    step: &str,
    is_above: bool,
    ends: bool,
    past: &Past,
    now: Timestamp,
) -> (Option<Sample>, Option<Timestamp>) {
    let labels = [&**namespace, kind, name, step];
    let last = past.points(&HIGH_SINCE, &labels).next_back();
    let begun = last.filter(|(_, since)| *since > 0.0);
    if !is_above {
        let over = begun.filter(|_| ends).map(|_| HIGH_SINCE.is(0.0, labels));
        return (over, None);
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds are far from 2^52")]
    let seconds = now.as_second() as f64;
    let since = begun.map_or(seconds, |(_, since)| since.min(seconds));
    let repeat = begun.is_none_or(|(at, _)| {
        Duration::try_from(now.duration_since(at)).map_or(true, |age| age >= REPEATED_AFTER)
    });
    #[expect(clippy::cast_possible_truncation, reason = "it was an integer")]
    let at = Timestamp::from_second(since as i64).unwrap_or(now);
    (repeat.then(|| HIGH_SINCE.is(since, labels)), Some(at))
}
