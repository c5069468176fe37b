//! Volumes of claims: bytes and inodes against what there is, and how soon they will be gone.
//!
//! What counts as used is what nobody else can have: capacity less what is left, so that blocks kept
//! back for root count, as they do for the application that meets the end.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;
use jiff::Timestamp;

use super::growth::{Forecast, forecast, remembered};
use super::parameters::{Source, Volumes};
use super::{NO_SAMPLE, ResourceUsage, distrust};
use crate::checks::Look;
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::Measure;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::pod::{Phase, Pod};
use crate::systems::kubernetes::usage::{self, VolumeUsage};
use crate::systems::kubernetes::{PODS, Table};
use crate::systems::prometheus::{self, Answer as Told, Figures};

pub(super) static FULLNESS: Measure = Measure::gauge(
    "vigie_volume_used_ratio",
    "Share of a claim's volume that is used, of its bytes or inodes.",
    &["object_namespace", "object", "of"],
);
pub(super) static CAPACITY: Measure = Measure::gauge(
    "vigie_volume_capacity_bytes",
    "Bytes that a claim's volume holds.",
    &["object_namespace", "object"],
);

/// The most volumes that are exported.
const MOST_EXPORTED: usize = 200;
/// How many nodes are asked at a time.
const AT_A_TIME: usize = 4;

pub(super) const VOLUME_FULL: Documented = Documented::warns_or_fails(
    Reason::new("VolumeNearlyFull"),
    "More of a volume's bytes are used than `volumes.used` allows.",
);
pub(super) const FEW_INODES: Documented = Documented::warns_or_fails(
    Reason::new("FewInodes"),
    "More of a volume's inodes are used than `volumes.inodes` allows.",
);
pub(super) const STATS_UNAVAILABLE: Documented = Documented::blinds(
    usage::STATS_UNAVAILABLE,
    "The kubelet of a node can't be asked for its statistics.",
);
pub(super) const PROMETHEUS_DOWN: Documented = Documented::blinds(
    prometheus::PROMETHEUS_DOWN,
    "Prometheus does not answer; the sentence says what came instead.",
);
pub(super) const QUERY_REFUSED: Documented =
    Documented::blinds(prometheus::QUERY_REFUSED, "Prometheus refuses the query itself.");
pub(super) const NO_CONNECTION: Documented = Documented::blinds(
    prometheus::NO_CONNECTION,
    "No connection of this name stands under `connections.prometheus`.",
);
pub(super) const TOO_LARGE: Documented = Documented::blinds(
    Reason::TOO_LARGE,
    "Prometheus' answer is longer than 8 MiB, that of metrics.k8s.io than 16 MiB, or a kubelet's \
     than 4 MiB.",
);
pub(super) const SECRET_MISSING: Documented = Documented::blinds(
    Reason::SECRET_MISSING,
    "The credential or the authorities for Prometheus can't be read on our side.",
);

/// The volumes that a look saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// By namespace and claim; the fullest sample of each.
    volumes: BTreeMap<(String, String), VolumeUsage>,
    /// What can't be seen, by place.
    blind: Vec<(String, Obstacle)>,
    /// What a witness warns of.
    warning: Option<String>,
}

impl ResourceUsage {
    pub(super) async fn look_at_volumes(&self, volumes: &Volumes, look: &Look<'_>) -> Seen {
        match &volumes.from {
            Source::Kubelet => self.ask_kubelets(look).await,
            Source::Prometheus(name) => self.ask_prometheus(name, look).await,
        }
    }

    async fn ask_kubelets(&self, look: &Look<'_>) -> Seen {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        let mut nodes = BTreeSet::new();
        for watch in self.namespaces.watches(&PODS, self.selector.as_ref()) {
            let read = kubernetes.read(look.needs, &watch, |table: &Table<Pod>| {
                let running = table.records().filter(|pod| pod.phase == Phase::Running);
                nodes.extend(running.filter_map(|pod| pod.node.clone()));
            });
            if let Err(obstacle) = read {
                seen.blind.push((watch.namespace.unwrap_or_default(), obstacle));
            }
        }
        let ask = |node: std::sync::Arc<str>| async move {
            let volumes = kubernetes.volume_usage(look.needs, &node, look.until()).await;
            (node, volumes)
        };
        let mut answers = stream::iter(nodes).map(ask).buffer_unordered(AT_A_TIME);
        while let Some((node, volumes)) = answers.next().await {
            match volumes {
                Ok(volumes) => volumes.into_iter().for_each(|volume| self.keep(&mut seen, volume)),
                Err(obstacle) => seen.blind.push((format!("node {node}"), obstacle)),
            }
        }
        seen.blind.sort_by(|(one, _), (other, _)| one.cmp(other));
        seen
    }

    async fn ask_prometheus(&self, name: &str, look: &Look<'_>) -> Seen {
        let asking = prometheus::Asking { name, now: look.now, until: look.until() };
        let asked = look.systems.prometheus.query(asking, &self.expression()).await;
        let asked = asked.map_err(prometheus::down);
        let mut seen = Seen::default();
        match asked {
            Ok(Told { figures: Figures::Vector(rows), at: _, notes }) => {
                seen.warning = notes.warnings.into_iter().next();
                let mut volumes: BTreeMap<(String, String), VolumeUsage> = BTreeMap::new();
                for prometheus::Row { labels, value } in rows {
                    let own = |name: &str| labels.get(name).cloned().unwrap_or_default();
                    let (namespace, claim) = (own("namespace"), own("persistentvolumeclaim"));
                    if claim.is_empty() || !value.is_finite() {
                        continue;
                    }
                    let place = (namespace.clone(), claim.clone());
                    // Prometheus itself leaves out what it has not seen for five minutes.
                    let volume = volumes.entry(place).or_insert_with(|| VolumeUsage {
                        namespace,
                        claim,
                        at: Some(look.now),
                        ..VolumeUsage::default()
                    });
                    note(volume, &own("__name__"), value);
                }
                for volume in volumes.into_values() {
                    self.keep(&mut seen, volume);
                }
            }
            Ok(Told { figures: Figures::Scalar(_) | Figures::Other(_), .. }) => {
                let because = "Prometheus answers with something else, rows wanted";
                seen.blind.push(("volumes".to_owned(), Obstacle::new(Reason::GARBLED, because)));
            }
            Err(obstacle) => seen.blind.push(("volumes".to_owned(), obstacle)),
        }
        seen
    }

    /// One question for all volumes. Where several Prometheus scrape the same kubelet, the fullest
    /// answer counts.
    fn expression(&self) -> String {
        let names =
            "kubelet_volume_stats_(capacity_bytes|available_bytes|used_bytes|inodes|inodes_used)";
        let namespaces = self.namespaces.names().map(|names| names.join("|"));
        let place = namespaces.map(|names| format!(",namespace=~\"{names}\"")).unwrap_or_default();
        format!("{{__name__=~\"{names}\"{place}}}")
    }

    /// Keeps the fullest sample of a claim that is judged.
    fn keep(&self, seen: &mut Seen, volume: VolumeUsage) {
        let here = self.namespaces.names().is_none_or(|names| names.contains(&volume.namespace));
        if here {
            seen.keep(volume);
        }
    }

    pub(super) fn judge_volumes(
        &self,
        volumes: &Volumes,
        seen: &Seen,
        past: &Past,
        now: Timestamp,
        judgement: &mut Judgement,
    ) {
        for (place, obstacle) in &seen.blind {
            judgement.add(place.clone(), obstacle.clone());
        }
        let warning =
            seen.warning.as_ref().map(|words| format!("; it warns: {words}")).unwrap_or_default();
        if seen.blind.is_empty() {
            for claim in &volumes.expect {
                if !seen.volumes.keys().any(|(_, known)| known == claim) {
                    let because = format!("nobody has measured the volume of this claim{warning}");
                    let obstacle = Obstacle::new(NO_SAMPLE.reason, because);
                    judgement.add(format!("volume {claim}"), obstacle);
                }
            }
            if volumes.expect.is_empty() && seen.volumes.is_empty() {
                let because = format!("no volume of a claim is measured{warning}");
                judgement.add("volumes", Obstacle::new(NO_SAMPLE.reason, because));
            }
        }
        for (number, ((namespace, claim), volume)) in seen.volumes.iter().enumerate() {
            let believed = distrust(volume.at, self.max_age, now);
            if believed.is_ok() && number < MOST_EXPORTED {
                export(volume, judgement);
            }
            judgement.dropped += u64::from(number >= MOST_EXPORTED);
            let answers = match believed {
                Ok(()) => volumes.answers(volume, past, now),
                Err(obstacle) => vec![obstacle.into()],
            };
            for answer in answers {
                judgement.add(format!("volume {namespace}/{claim}"), answer);
            }
            if let (Some(filled), Ok(())) = (filled(volume), distrust(volume.at, self.max_age, now))
                && let Some(sample) = remembered(namespace, claim, filled, past, now)
            {
                judgement.measure(sample);
            }
        }
    }
}

impl Seen {
    fn keep(&mut self, volume: VolumeUsage) {
        let place = (volume.namespace.clone(), volume.claim.clone());
        let fullness = |volume: &VolumeUsage| share(volume).unwrap_or_default();
        match self.volumes.get(&place) {
            Some(kept) if fullness(kept) >= fullness(&volume) => {}
            Some(_) | None => {
                self.volumes.insert(place, volume);
            }
        }
    }
}

/// Notes a figure; of several for the same volume the one that leaves less counts.
fn note(volume: &mut VolumeUsage, name: &str, value: f64) {
    let more = |known: Option<f64>| Some(known.map_or(value, |known| known.max(value)));
    let less = |known: Option<f64>| Some(known.map_or(value, |known| known.min(value)));
    match name {
        "kubelet_volume_stats_capacity_bytes" => volume.capacity = less(volume.capacity),
        "kubelet_volume_stats_available_bytes" => volume.available = less(volume.available),
        "kubelet_volume_stats_used_bytes" => volume.used = more(volume.used),
        "kubelet_volume_stats_inodes" => volume.inodes = less(volume.inodes),
        "kubelet_volume_stats_inodes_used" => volume.inodes_used = more(volume.inodes_used),
        _ => {}
    }
}

fn export(volume: &VolumeUsage, judgement: &mut Judgement) {
    let (namespace, claim) = (volume.namespace.as_str(), volume.claim.as_str());
    for (of, share) in [("bytes", share(volume)), ("inodes", inodes(volume))] {
        if let Some(share) = share {
            judgement.measure(FULLNESS.is(share, [namespace, claim, of]));
        }
    }
    if let Some(capacity) = volume.capacity {
        judgement.measure(CAPACITY.is(capacity, [namespace, claim]));
    }
}

/// Bytes that nobody else can have.
fn filled(volume: &VolumeUsage) -> Option<f64> {
    let left = volume.available.zip(volume.capacity).map(|(left, capacity)| capacity - left);
    left.or(volume.used).filter(|filled| filled.is_finite() && *filled >= 0.0)
}

/// The share of a volume's bytes that is used.
fn share(volume: &VolumeUsage) -> Option<f64> {
    let capacity = volume.capacity.filter(|capacity| capacity.is_finite() && *capacity > 0.0)?;
    Some(filled(volume)? / capacity)
}

/// The share of its inodes; none where its file system has no fixed number of them.
fn inodes(volume: &VolumeUsage) -> Option<f64> {
    let all = volume.inodes.filter(|all| all.is_finite() && *all > 0.0)?;
    let used = volume.inodes_used.filter(|used| used.is_finite() && *used >= 0.0)?;
    Some(used / all)
}

impl Volumes {
    /// What is wrong with a volume, or what is right.
    fn answers(&self, volume: &VolumeUsage, past: &Past, now: Timestamp) -> Vec<Answer> {
        let (Some(share), Some(filled), Some(capacity)) =
            (share(volume), filled(volume), volume.capacity)
        else {
            let because = "its sample lacks what it has, or what is left of that";
            return vec![Obstacle::new(Reason::GARBLED, because).into()];
        };
        let mut told = Vec::new();
        let mut wrong: Vec<Answer> = Vec::new();
        let mut say = |grade: Grade, because: String| match grade {
            Grade::Pass => told.push(because),
            Grade::Warn(reason) => wrong.push(Finding::warn(reason, because).into()),
            Grade::Fail(reason) => wrong.push(Finding::fail(reason, because).into()),
        };
        let grade = self.used.grade(share, VOLUME_FULL.reason);
        let gib = capacity / f64::from(1 << 30);
        let because =
            format!("{:.1} % of {gib:.1} GiB are used{}", share * 100.0, self.used.allowed(grade));
        say(grade, because);
        if let Some(share) = inodes(volume) {
            let grade = self.inodes.grade(share, FEW_INODES.reason);
            let because = format!(
                "{:.1} % of the inodes are used{}",
                share * 100.0,
                self.inodes.allowed(grade)
            );
            say(grade, because);
        }
        let left = capacity - filled;
        let forecast = forecast(&volume.namespace, &volume.claim, filled, left, past, now);
        match (self.full_within.judge(&forecast), &forecast) {
            (Some(finding), _) => wrong.push(finding.into()),
            (None, Forecast::Unknown(known)) => told.push(format!(
                "how fast it fills is not known yet, after {} of 6h",
                spoken(*known)
            )),
            (None, Forecast::Never) => told.push("it does not fill up".to_owned()),
            (None, Forecast::In(within)) => {
                told.push(format!("will be full in {} at the earliest", spoken(*within)));
            }
        }
        if wrong.is_empty() {
            wrong.push(Finding::pass(told.join("; ")).into());
        }
        wrong
    }
}

#[cfg(test)]
pub(super) mod fixture {
    use super::{Seen, VolumeUsage};

    /// Volumes as a look would have seen them.
    pub(in crate::checks::resource_usage) fn seen(volumes: Vec<VolumeUsage>) -> Seen {
        let mut seen = Seen::default();
        for volume in volumes {
            seen.keep(volume);
        }
        seen
    }
}
