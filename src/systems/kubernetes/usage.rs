//! What containers and volumes take: polled, since nothing of it can be watched.
//!
//! `metrics.k8s.io` is one request a namespace, half a kilobyte a pod; a kubelet's own statistics are
//! one request a node, some ten kilobytes a pod. Either is served by somebody behind the API server,
//! who may be absent or down while the API server is well: that has reasons of its own.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::quantity::Quantity;
use super::record::time;
use super::{Ask, Kubernetes, Refused};
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::needs::{Needs, Right};
use crate::model::reason::Reason;

/// Nobody serves `metrics.k8s.io`, or whoever should does not answer.
pub const METRICS_UNAVAILABLE: Reason = Reason::new("MetricsUnavailable");
/// A node's kubelet can't be asked for its statistics.
pub const STATS_UNAVAILABLE: Reason = Reason::new("StatsUnavailable");

/// The longest list of pods' usage that is read, in bytes: some 30,000 pods.
const LONGEST_USAGE: usize = 16 << 20;
/// The longest statistics of a node that are read, in bytes.
const LONGEST_STATS: usize = 4 << 20;

/// What a pod took at some time.
#[derive(Clone, Debug, PartialEq)]
pub struct PodUsage {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When the time over which it was measured ended; none where that is not told.
    pub at: Option<Timestamp>,
    /// How long that time was; none where it is not told, or not so that it can be read.
    pub window: Option<Duration>,
    /// Its containers.
    pub containers: Vec<ContainerUsage>,
}

/// What a container took.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerUsage {
    /// Its name.
    pub name: String,
    /// Cores.
    pub cpu: Option<Quantity>,
    /// Bytes.
    pub memory: Option<Quantity>,
}

/// How full a claim's volume is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VolumeUsage {
    /// The claim's namespace.
    pub namespace: String,
    /// The claim's name.
    pub claim: String,
    /// When it was measured; none where that is not told.
    pub at: Option<Timestamp>,
    /// Bytes that it has.
    pub capacity: Option<f64>,
    /// Bytes that are left.
    pub available: Option<f64>,
    /// Bytes that are used.
    pub used: Option<f64>,
    /// Inodes that it has; 0 where its file system does not count them.
    pub inodes: Option<f64>,
    /// Inodes that are used.
    pub inodes_used: Option<f64>,
}

/// The right to read what the pods of a namespace take; none for all of them.
pub fn usage_right(namespace: Option<&str>) -> Right {
    Right {
        verb: "list",
        group: "metrics.k8s.io".into(),
        resource: "pods".into(),
        namespace: namespace.map(str::to_owned),
        name: None,
    }
}

/// The right to read the statistics of any node's kubelet. It lets its bearer read more than that.
pub fn stats_right() -> Right {
    Right {
        verb: "get",
        group: "".into(),
        resource: "nodes/proxy".into(),
        namespace: None,
        name: None,
    }
}

impl Kubernetes {
    /// What the pods of a namespace take.
    ///
    /// # Errors
    /// [`METRICS_UNAVAILABLE`] where nobody serves it; else as [`Kubernetes::ask`].
    pub async fn pod_usage(
        &self,
        needs: &Needs,
        namespace: Option<&str>,
        selector: Option<&str>,
        until: Instant,
    ) -> Result<Vec<PodUsage>, Obstacle> {
        let place = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
        let mut path = format!("/apis/metrics.k8s.io/v1beta1{place}/pods");
        if let Some(selector) = selector {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("labelSelector", selector)
                .finish();
            path = format!("{path}?{query}");
        }
        let right = usage_right(namespace);
        let answer = self.get(needs, &right, &path, LONGEST_USAGE, until).await;
        read_usage(&answer.map_err(|refused| told(refused, METRICS_UNAVAILABLE))?)
    }

    /// How full the volumes of claims are that a node has mounted.
    ///
    /// # Errors
    /// [`STATS_UNAVAILABLE`] where its kubelet can't be asked; else as [`Kubernetes::ask`].
    pub async fn volume_usage(
        &self,
        needs: &Needs,
        node: &str,
        until: Instant,
    ) -> Result<Vec<VolumeUsage>, Obstacle> {
        let path = format!("/api/v1/nodes/{node}/proxy/stats/summary");
        let answer = self.get(needs, &stats_right(), &path, LONGEST_STATS, until).await;
        read_volumes(&answer.map_err(|refused| told(refused, STATS_UNAVAILABLE))?)
    }

    async fn get(
        &self,
        needs: &Needs,
        right: &Right,
        path: &str,
        longest: usize,
        until: Instant,
    ) -> Result<bytes::Bytes, Refused> {
        let ask = Ask { right, path, post: None, metadata_only: false, longest, until };
        self.ask(needs, ask).await
    }
}

/// A refusal by whoever stands behind the API server has a reason of its own.
fn told(refused: Refused, unavailable: Reason) -> Obstacle {
    let Refused { obstacle, code, absent: _ } = refused;
    match code {
        Some(404 | 500 | 502..=504) => Obstacle { reason: unavailable, ..obstacle },
        Some(_) | None => obstacle,
    }
}

/// One of a list: what can't be read hides no other.
#[derive(Deserialize)]
#[serde(untagged)]
enum Perhaps<T> {
    Read(T),
    Garbled(IgnoredAny),
}

impl<T> Perhaps<T> {
    fn read(self) -> Option<T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Garbled(_) => None,
        }
    }
}

#[derive(Deserialize)]
struct UsageList {
    items: Vec<Perhaps<Measured>>,
}

#[derive(Deserialize)]
struct Measured {
    metadata: Reference,
    timestamp: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>,
    window: Option<String>,
    #[serde(default)]
    containers: Vec<Perhaps<MeasuredContainer>>,
}

#[derive(Deserialize)]
struct Reference {
    name: String,
    namespace: String,
}

#[derive(Deserialize)]
struct MeasuredContainer {
    name: String,
    #[serde(default)]
    usage: Amounts,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Amounts {
    cpu: Option<String>,
    memory: Option<String>,
}

/// Reads a `PodMetricsList`.
///
/// # Errors
/// It is none.
pub fn read_usage(body: &[u8]) -> Result<Vec<PodUsage>, Obstacle> {
    let list: UsageList = serde_json::from_slice(body)
        .map_err(|error| garbled("the pods' usage", &error.to_string()))?;
    let amount = |text: Option<String>| {
        let amount = Quantity::parse(&text?).ok()?;
        (!amount.is_negative()).then_some(amount)
    };
    let container = |MeasuredContainer { name, usage }| {
        let Amounts { cpu, memory } = usage;
        ContainerUsage { name, cpu: amount(cpu), memory: amount(memory) }
    };
    let pod = |Measured { metadata, timestamp, window, containers }| PodUsage {
        namespace: metadata.namespace,
        name: metadata.name,
        at: time(timestamp),
        window: window.as_deref().and_then(go_duration),
        containers: containers.into_iter().filter_map(Perhaps::read).map(container).collect(),
    };
    Ok(list.items.into_iter().filter_map(Perhaps::read).map(pod).collect())
}

#[derive(Deserialize)]
struct Summary {
    pods: Vec<Perhaps<PodStats>>,
}

#[derive(Deserialize)]
struct PodStats {
    #[serde(default)]
    volume: Vec<Perhaps<VolumeStats>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeStats {
    time: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>,
    capacity_bytes: Option<f64>,
    available_bytes: Option<f64>,
    used_bytes: Option<f64>,
    inodes: Option<f64>,
    inodes_used: Option<f64>,
    pvc_ref: Option<Reference>,
}

/// Reads a kubelet's `stats/summary`.
///
/// # Errors
/// It is none.
pub fn read_volumes(body: &[u8]) -> Result<Vec<VolumeUsage>, Obstacle> {
    let summary: Summary = serde_json::from_slice(body)
        .map_err(|error| garbled("the node's statistics", &error.to_string()))?;
    let pods = summary.pods.into_iter().filter_map(Perhaps::read);
    let volumes = pods.flat_map(|pod| pod.volume).filter_map(Perhaps::read);
    let volume = |stats: VolumeStats| {
        let Reference { name, namespace } = stats.pvc_ref?;
        Some(VolumeUsage {
            namespace,
            claim: name,
            at: time(stats.time),
            capacity: stats.capacity_bytes,
            available: stats.available_bytes,
            used: stats.used_bytes,
            inodes: stats.inodes,
            inodes_used: stats.inodes_used,
        })
    };
    Ok(volumes.filter_map(volume).collect())
}

fn garbled(what: &str, why: &str) -> Obstacle {
    Obstacle::new(Reason::GARBLED, format!("{what} can't be read: {}", legible(why, 200)))
}

/// A duration as Go writes it: `15.04s`, `1m0s`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        sum += number * unit;
        rest = &rest[end..];
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(sum).ok())?
}

#[cfg(test)]
mod tests;
