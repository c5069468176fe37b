//! `resource_usage`: pods stay below their limits, volumes have room, quotas are not used up.
//! Witness: the API server, and behind it metrics.k8s.io and kubelets, or a Prometheus. A sample that
//! is too old, or absent, is no sample: nobody can tell.
//!
//! What it costs at each look: a request a namespace for pods; a request a node for volumes, or one
//! query. Quotas, pods and autoscalers are watched.

mod containers;
mod growth;
mod parameters;
mod pods;
mod quotas;
mod room;
mod volumes;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::autoscaler::AUTOSCALERS;
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::usage::{stats_right, usage_right};
use crate::systems::kubernetes::{PODS, RESOURCE_QUOTAS, blind};

use parameters::{Cpu, MaxAge, Memory, Quotas, Source, Volumes};

const CLOCK_SKEW: Documented = Documented::blinds(
    Reason::CLOCK_SKEW,
    "A sample was taken more than two minutes ahead of our clock.",
);
const SAMPLE_TOO_OLD: Documented = Documented::blinds(
    Reason::new("SampleTooOld"),
    "A sample is older than `max_age`, or was taken over a longer time.",
);
const DOWN: Documented = Documented::blinds(
    Reason::STREAM_DOWN,
    "The API server can't be watched or asked, or its answer is cut; the sentence says what came \
     instead.",
);
const FORBIDDEN: Documented = Documented::blinds(
    Reason::FORBIDDEN,
    "Vigie lacks the right to watch, to list pods of metrics.k8s.io or to get nodes/proxy, or \
     Prometheus refuses the query to it.",
);
const UNAUTHORIZED: Documented = Documented::blinds(
    Reason::UNAUTHORIZED,
    "The API server, or Prometheus, does not accept Vigie's credentials.",
);
const NO_SAMPLE: Documented = Documented::blinds(
    Reason::new("NoSample"),
    "There is no sample of a pod or a volume that there should be one of, or none at all.",
);

/// Pods stay below their limits, volumes have room, quotas are not used up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceUsage {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// A label selector of pods, such as `app=api`; without it all pods. Volumes are looked for on
    /// the nodes of these pods; quotas are not concerned.
    #[serde(default)]
    selector: Option<Selector>,
    /// Memory of containers against their limits and requests, by metrics.k8s.io. Not judged without
    /// it; `{}` takes the defaults.
    #[serde(default)]
    memory: Option<Memory>,
    /// CPU of containers against their limits and requests, by metrics.k8s.io. Not judged without it;
    /// `{}` takes the defaults.
    #[serde(default)]
    cpu: Option<Cpu>,
    /// Volumes of claims against their capacity. Not judged without it; `{}` takes the defaults.
    #[serde(default)]
    volumes: Option<Volumes>,
    /// Use of `ResourceQuota`s. Not judged without it; `{}` takes the defaults.
    #[serde(default)]
    quotas: Option<Quotas>,
    /// The oldest sample that is believed; 5m by default.
    #[serde(default)]
    max_age: MaxAge,
}

/// What a look saw, as far as it was asked for.
#[derive(Debug, Default)]
pub struct Seen {
    pods: pods::Seen,
    volumes: volumes::Seen,
    quotas: quotas::Seen,
    room: room::Seen,
}

impl Check for ResourceUsage {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        pods::MEMORY_HIGH,
        pods::CPU_HIGH,
        pods::NO_LIMIT,
        volumes::VOLUME_FULL,
        volumes::FEW_INODES,
        growth::VOLUME_FILLING,
        quotas::QUOTA_USED,
        quotas::MISSING,
        quotas::NOT_COUNTED,
        room::NO_ROOM,
        room::NO_REPLICA,
        NO_SAMPLE,
        SAMPLE_TOO_OLD,
        CLOCK_SKEW,
        pods::NOT_YET,
        pods::METRICS_UNAVAILABLE,
        volumes::STATS_UNAVAILABLE,
        volumes::PROMETHEUS_DOWN,
        volumes::QUERY_REFUSED,
        volumes::NO_CONNECTION,
        volumes::TOO_LARGE,
        volumes::SECRET_MISSING,
        blind::GARBLED,
        blind::RUNNING,
        DOWN,
        blind::SILENT,
        FORBIDDEN,
        UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[
        &pods::USAGE,
        &pods::HIGH_SINCE,
        &volumes::FULLNESS,
        &volumes::CAPACITY,
        &growth::FILLED,
        &quotas::USE,
    ];

    fn flaws(&self) -> Vec<String> {
        let Self { namespaces: _, selector: _, memory, cpu, volumes, quotas, max_age: _ } = self;
        if memory.is_none() && cpu.is_none() && volumes.is_none() && quotas.is_none() {
            return vec!["ask for `memory`, `cpu`, `volumes` or `quotas`".to_owned()];
        }
        let mut flaws = Vec::new();
        flaws.extend(memory.iter().flat_map(Memory::flaws));
        flaws.extend(cpu.iter().flat_map(Cpu::flaws));
        flaws.extend(volumes.iter().flat_map(Volumes::flaws));
        flaws.extend(quotas.iter().flat_map(Quotas::flaws));
        flaws
    }

    fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        let from_kubelets = match self.volumes.as_ref().map(|volumes| &volumes.from) {
            Some(Source::Kubelet) => true,
            Some(Source::Prometheus(name)) => {
                needs.connections.push((SystemName::Prometheus, name.clone()));
                false
            }
            None => false,
        };
        if self.measures_pods() || from_kubelets {
            needs.watches.extend(self.namespaces.watches(&PODS, self.selector.as_ref()));
        }
        if self.measures_pods() {
            needs.rights.extend(self.places().into_iter().map(usage_right));
        }
        if from_kubelets {
            needs.rights.push(stats_right());
        }
        if self.quotas.is_some() {
            needs.watches.extend(self.namespaces.watches(&RESOURCE_QUOTAS, None));
        }
        if self.judges_room() {
            needs.watches.extend(self.namespaces.watches(&AUTOSCALERS, None));
            needs.watches.extend(self.namespaces.watches(&PODS, None));
        }
        needs
    }

    fn series(&self) -> Vec<Series> {
        let row = |measure, namespace: Option<&str>, labels: &[Option<&str>]| {
            let labels = std::iter::once(namespace).chain(labels.iter().copied());
            Series { measure, labels: labels.map(|label| label.map(str::to_owned)).collect() }
        };
        let mut series = Vec::new();
        for place in self.places() {
            for (asked, resource) in
                [(self.memory.is_some(), "memory"), (self.cpu.is_some(), "cpu")]
            {
                let of_pods =
                    asked.then(|| row(&pods::USAGE, place, &[None, None, Some(resource), None]));
                series.extend(of_pods);
            }
            if self.volumes.is_some() {
                series.push(row(&volumes::FULLNESS, place, &[None, None]));
                series.push(row(&volumes::CAPACITY, place, &[None]));
            }
            if self.quotas.is_some() {
                series.push(row(&quotas::USE, place, &[None, None]));
            }
        }
        series
    }

    fn bounds(&self) -> Vec<Bound> {
        let volumes =
            self.volumes.iter().flat_map(|volumes| volumes.used.bounds(&volumes::FULLNESS));
        let quotas = self.quotas.iter().flat_map(|quotas| quotas.used.bounds(&quotas::USE));
        let memory = self.memory.iter().flat_map(|memory| memory.of_limit.bounds(&pods::USAGE));
        memory.chain(volumes).chain(quotas).collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let pods = async {
            if self.measures_pods() { self.look_at_pods(look).await } else { pods::Seen::default() }
        };
        let volumes = async {
            match &self.volumes {
                Some(volumes) => self.look_at_volumes(volumes, look).await,
                None => volumes::Seen::default(),
            }
        };
        let (pods, volumes) = tokio::join!(pods, volumes);
        let quotas = match &self.quotas {
            Some(_) => self.look_at_quotas(look),
            None => quotas::Seen::default(),
        };
        let room =
            if self.judges_room() { self.look_for_room(look) } else { room::Seen::default() };
        Ok(Seen { pods, volumes, quotas, room })
    }

    fn judge(&self, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        if self.measures_pods() {
            self.judge_pods(&seen.pods, past, now, &mut judgement);
        }
        if let Some(volumes) = &self.volumes {
            self.judge_volumes(volumes, &seen.volumes, past, now, &mut judgement);
        }
        if let Some(quotas) = &self.quotas {
            quotas.judge(&seen.quotas, &mut judgement);
        }
        if self.judges_room() {
            seen.room.judge(&seen.quotas, &mut judgement);
        }
        judgement
    }
}

impl ResourceUsage {
    fn measures_pods(&self) -> bool {
        self.memory.is_some() || self.cpu.is_some()
    }

    fn judges_room(&self) -> bool {
        self.quotas.as_ref().is_some_and(|quotas| quotas.room_for_autoscalers)
    }

    /// The namespaces, or none for all of them.
    fn places(&self) -> Vec<Option<&str>> {
        match self.namespaces.names() {
            Some(names) => names.iter().map(|name| Some(name.as_str())).collect(),
            None => vec![None],
        }
    }
}

/// What keeps a sample from being believed.
fn distrust(at: Option<Timestamp>, max_age: MaxAge, now: Timestamp) -> Result<(), Obstacle> {
    let Some(at) = at else {
        let because = "a sample bears no time".to_owned();
        return Err(Obstacle::new(Reason::GARBLED, because));
    };
    let age = now.duration_since(at);
    if -age > crate::model::reason::CLOCK_TOLERANCE {
        let because = format!("a sample was taken at {at:.0}, in the future");
        return Err(Obstacle::new(Reason::CLOCK_SKEW, because));
    }
    let age = std::time::Duration::try_from(age).unwrap_or_default();
    let most = max_age.0.get();
    if age > most {
        let (age, most) =
            (crate::model::duration::spoken(age), crate::model::duration::spoken(most));
        let because = format!("a sample is {age} old, at most {most} believed");
        return Err(Obstacle::new(SAMPLE_TOO_OLD.reason, because));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
