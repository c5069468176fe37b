//! What containers and volumes take: `metrics.k8s.io`, as metrics-server serves it, and the
//! statistics of kubelets behind `nodes/<node>/proxy`.
//!
//! A new server has no metrics-server; its kubelets answer, and know no volume.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::call::{Call, Target};
use super::failure::{Failure, json_response};
use super::object::{now, stamp};
use super::{ApiServer, Shared, discovery, list, lock};

/// How `metrics.k8s.io` is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metrics {
    /// By nobody: the group is not known.
    #[default]
    Absent,
    /// By somebody who does not answer.
    Down,
    /// By metrics-server.
    Served,
}

/// A volume of a claim, as a node's kubelet measures it.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// The node that has it mounted.
    pub node: String,
    /// The claim's namespace.
    pub namespace: String,
    /// The claim's name.
    pub claim: String,
    /// Bytes that it has.
    pub capacity: u64,
    /// Bytes that are left.
    pub available: u64,
    /// Inodes that it has.
    pub inodes: u64,
    /// Inodes that are used.
    pub inodes_used: u64,
}

/// What is taken, and how that is told.
#[derive(Debug)]
pub(super) struct Usage {
    metrics: Metrics,
    /// Cores and bytes, by `namespace/pod/container`.
    containers: BTreeMap<String, (String, String)>,
    volumes: BTreeMap<(String, String, String), Volume>,
    /// How old samples are.
    age: SignedDuration,
    /// Over how long they were taken.
    window: String,
    /// Bodies that are sent in place of proper ones, by path.
    instead: BTreeMap<String, Value>,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            metrics: Metrics::Absent,
            containers: BTreeMap::new(),
            volumes: BTreeMap::new(),
            age: SignedDuration::from_secs(10),
            window: "15.04s".to_owned(),
            instead: BTreeMap::new(),
        }
    }
}

/// What containers and volumes take.
impl ApiServer {
    /// Says who serves `metrics.k8s.io`.
    pub fn serve_metrics(&self, metrics: Metrics) {
        lock(&self.shared.usage).metrics = metrics;
    }

    /// A container (`namespace/pod/container`, or `*` for all others) takes so much, as quantities,
    /// from now on. A running pod has a sample as soon as one of its containers is known here.
    pub fn consume(&self, container: &str, cpu: &str, memory: &str) {
        let taken = (cpu.to_owned(), memory.to_owned());
        lock(&self.shared.usage).containers.insert(container.to_owned(), taken);
    }

    /// A node has a volume mounted.
    pub fn mount(&self, volume: Volume) {
        let place = (volume.node.clone(), volume.namespace.clone(), volume.claim.clone());
        lock(&self.shared.usage).volumes.insert(place, volume);
    }

    /// Samples are so old, and were taken over `window`, as Go writes durations.
    pub fn sample(&self, age: SignedDuration, window: &str) {
        let mut usage = lock(&self.shared.usage);
        usage.age = age;
        window.clone_into(&mut usage.window);
    }

    /// Sends `body` (a text as it is, all else as JSON) in place of the proper answer of a kubelet
    /// or of `metrics.k8s.io` at this path.
    pub fn say_instead(&self, path: &str, body: Value) {
        lock(&self.shared.usage).instead.insert(path.to_owned(), body);
    }
}

impl Usage {
    fn at(&self) -> Timestamp {
        now().checked_sub(self.age).unwrap_or(Timestamp::MIN)
    }

    /// What a running pod takes; none of those without a container that is known here.
    fn of(&self, pod: &Value) -> Option<Value> {
        let metadata = &pod["metadata"];
        let text = |name: &str| metadata[name].as_str().unwrap_or_default();
        let containers = pod["spec"]["containers"].as_array()?.iter().filter_map(|container| {
            let name = container["name"].as_str()?;
            let place = format!("{}/{}/{name}", text("namespace"), text("name"));
            let known = self.containers.get(&place).or_else(|| self.containers.get("*"));
            let (cpu, memory) = known?;
            Some(json!({ "name": name, "usage": { "cpu": cpu, "memory": memory } }))
        });
        let containers: Vec<_> = containers.collect();
        let measured = !containers.is_empty() && pod["status"]["phase"] == "Running";
        measured.then(|| {
            json!({
                "metadata": {
                    "name": text("name"),
                    "namespace": text("namespace"),
                    "creationTimestamp": stamp(now()),
                    "labels": metadata["labels"],
                },
                "timestamp": stamp(self.at()),
                "window": self.window,
                "containers": containers,
            })
        })
    }
}

/// Answers a request for `metrics.k8s.io`.
pub(super) fn metrics(shared: &Shared, call: &Call, target: &Target) -> Result<Response, Failure> {
    let known = lock(&shared.usage).metrics;
    match known {
        Metrics::Absent => return Ok(discovery::not_found()),
        Metrics::Down => {
            let message = "the server is currently unable to handle the request";
            return Err(Failure::new(503, "ServiceUnavailable", message));
        }
        Metrics::Served => {}
    }
    if let Some(answer) = instead(shared, call) {
        return Ok(answer);
    }
    if (target.version.as_str(), target.plural.as_str(), call.verb) != ("v1beta1", "pods", "list") {
        return Err(Failure::no_such_resource());
    }
    let store = lock(&shared.store);
    let kind = store.called("pods")?;
    let selector = list::selector(&kind, call)?;
    let usage = lock(&shared.usage);
    let here = |namespace: &str| target.namespace.as_deref().is_none_or(|name| name == namespace);
    let pods = store.collection(&kind)?.objects.iter();
    let chosen = pods.filter(|(key, object)| here(&key.0) && selector.takes(object));
    let items: Vec<Value> =
        chosen.filter_map(|(_, object)| usage.of(&object.value(&kind))).collect();
    let list = json!({
        "kind": "PodMetricsList",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {},
        "items": items,
    });
    Ok(json_response(200, &list))
}

/// A kubelet is reached by an address of its node.
pub(super) fn reach(shared: &Shared, node: &str) -> Result<(), Failure> {
    let store = lock(&shared.store);
    let kind = store.called("nodes")?;
    let node = store.get(&kind, &super::write::key(&kind, None, node))?.value(&kind);
    if node["status"]["addresses"].as_array().is_none_or(Vec::is_empty) {
        let message = "no preferred addresses found; known addresses: []";
        return Err(Failure::new(500, "InternalError", message));
    }
    Ok(())
}

/// Answers a request that goes on to a node's kubelet.
pub(super) fn kubelet(shared: &Shared, call: &Call, target: &Target) -> Result<Response, Failure> {
    let node = target.name.as_deref().unwrap_or_default();
    reach(shared, node)?;
    if let Some(answer) = instead(shared, call) {
        return Ok(answer);
    }
    if !call.path.ends_with("/proxy/stats/summary") {
        return Ok(discovery::not_found());
    }
    let usage = lock(&shared.usage);
    let at = stamp(usage.at());
    let volumes = usage.volumes.values().filter(|volume| volume.node == node);
    let pods: Vec<Value> = volumes
        .map(|volume| {
            let Volume { node: _, namespace, claim, capacity, available, inodes, inodes_used } =
                volume;
            json!({
                "podRef": { "name": format!("{claim}-user"), "namespace": namespace, "uid": "1" },
                "startTime": at,
                "containers": [],
                "volume": [
                    { "time": at, "name": "kube-api-access", "capacityBytes": 1, "usedBytes": 1 },
                    {
                        "time": at,
                        "name": "data",
                        "capacityBytes": capacity,
                        "availableBytes": available,
                        "usedBytes": capacity.saturating_sub(*available),
                        "inodes": inodes,
                        "inodesUsed": inodes_used,
                        "inodesFree": inodes.saturating_sub(*inodes_used),
                        "pvcRef": { "name": claim, "namespace": namespace },
                    },
                ],
            })
        })
        .collect();
    Ok(json_response(200, &json!({ "node": { "nodeName": node }, "pods": pods })))
}

/// What was asked to be sent in place of a proper answer.
fn instead(shared: &Shared, call: &Call) -> Option<Response> {
    let usage = lock(&shared.usage);
    let value = usage.instead.get(&call.path)?;
    let body = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(response)
}
