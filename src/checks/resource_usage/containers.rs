//! What the containers of a workload come to, and what is said of that.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::NO_SAMPLE;
use super::parameters::{Cpu, Memory, Steps, Unlimited};
use super::pods::{CPU_HIGH, HIGH_SINCE, MEMORY_HIGH, NO_LIMIT, Place};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, legible};
use crate::model::measure::Sample;
use crate::model::past::Past;
use crate::model::reason::Reason;
use crate::systems::kubernetes::pod::Pod;
use crate::systems::kubernetes::quantity::Quantity;
use crate::systems::kubernetes::template::{Amounts, Container, Role};
use crate::systems::kubernetes::usage::{ContainerUsage, PodUsage};

/// How long a remembered beginning is good for without being repeated.
const REPEATED_AFTER: Duration = Duration::from_mins(5);
/// The most containers that a sentence names.
const MOST_NAMED: usize = 5;

/// What the pods of a workload come to.
#[derive(Default)]
pub(super) struct Group {
    pub(super) pods: usize,
    /// Why a sample of one of them is missing or not believed, and of how many.
    pub(super) blind: Option<(Obstacle, usize)>,
    pub(super) memory: Worst,
    pub(super) cpu: Worst,
}

/// The worst container.
#[derive(Default)]
pub(super) struct Worst {
    pub(super) of_limit: Option<Share>,
    pub(super) of_request: Option<Share>,
    unlimited: BTreeSet<Box<str>>,
}

/// A share of a limit or request, and whose.
#[derive(Clone)]
pub(super) struct Share {
    pub(super) ratio: f64,
    used: Quantity,
    of: Quantity,
    whose: String,
}

impl Group {
    /// Takes a sample of one of its pods.
    pub(super) fn take(&mut self, pod: &Pod, sample: &PodUsage) -> Result<(), Obstacle> {
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
            let ratio = used.as_f64() / of.as_f64();
            if slot.as_ref().is_none_or(|worst| ratio > worst.ratio) {
                let whose = format!("container {} of pod {}", container.name, pod.name);
                *slot = Some(Share { ratio, used, of, whose });
            }
        }
        Ok(())
    }

    /// What is wrong by itself, and how bad that is.
    fn graded(&self, of_limit: Steps, of_request: Steps, reason: Reason, unit: Unit) -> Graded {
        let sides =
            [(&self.of_limit, of_limit, "limit"), (&self.of_request, of_request, "request")];
        let said = |share: &Share, steps: Steps, of: &str| {
            let grade = steps.grade(share.ratio, reason);
            let percent = share.ratio * 100.0;
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
    pub(super) fn answer(&self, group: &Group) -> Answer {
        let Self { of_limit, of_request, unlimited } = self;
        let worst = &group.memory;
        let usage = worst.graded(*of_limit, *of_request, MEMORY_HIGH.reason, Unit::Bytes);
        answer(group, usage, worst.without_limit(*unlimited))
    }
}

impl Cpu {
    pub(super) fn answer(
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
