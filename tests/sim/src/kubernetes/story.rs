//! What happens to workloads: the objects that controllers and kubelets would write, in their order.
//!
//! Pods are named `namespace/name`, and so are Deployments.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::hashes::hash;
use super::object::now;
use super::workloads::{at, reckon};
use super::{ApiServer, Failure};

mod rolling;

pub use rolling::{replace, restart, roll_out, scale, stall};

/// A pod's container crashes, again and again.
pub fn crash_loop(server: &ApiServer, pod: &str) -> Result<(), Failure> {
    let last = ended(1, "Error");
    let container = container_name(server, pod)?;
    let message = format!("back-off 5m0s restarting failed container={container} pod={pod}");
    let state = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": message } });
    stumble(server, pod, &state, Some(&last))?;
    let told = format!("Back-off restarting failed container {container} in pod {pod}");
    event(server, pod, "Warning", "BackOff", &told)
}

/// A pod's container is killed for its memory, and runs again.
pub fn run_out_of_memory(server: &ApiServer, pod: &str) -> Result<(), Failure> {
    let state = json!({ "running": { "startedAt": at(now()) } });
    stumble(server, pod, &state, Some(&ended(137, "OOMKilled")))?;
    recover(server, pod)
}

/// A pod's image can't be pulled.
pub fn fail_to_pull(server: &ApiServer, pod: &str) -> Result<(), Failure> {
    let image = server.get(&format!("pods/{pod}")).unwrap_or_default();
    let image = image["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned();
    let message = format!("Back-off pulling image \"{image}\"");
    let state = json!({ "waiting": { "reason": "ImagePullBackOff", "message": message } });
    stumble(server, pod, &state, None)?;
    event(server, pod, "Warning", "Failed", &format!("Failed to pull image \"{image}\""))
}

/// A pod's container runs and is ready again; its restarts stay counted.
pub fn recover(server: &ApiServer, pod: &str) -> Result<(), Failure> {
    let path = format!("pods/{pod}");
    let mut value = found(server, &path)?;
    let status = &mut value["status"];
    status["phase"] = "Running".into();
    status["reason"] = Value::Null;
    status["message"] = Value::Null;
    for one in status["containerStatuses"].as_array_mut().into_iter().flatten() {
        one["ready"] = true.into();
        one["started"] = true.into();
        one["state"] = json!({ "running": { "startedAt": at(now()) } });
    }
    for one in ["Ready", "ContainersReady", "PodScheduled", "Initialized"] {
        turn_condition(status, one, true, "", "");
    }
    server.patch(&path, &json!({ "status": status }))?;
    recount(server, &value)
}

/// A pod is thrown off its node; it stays as a failed one, as evicted pods do.
pub fn evict(server: &ApiServer, pod: &str) -> Result<(), Failure> {
    let path = format!("pods/{pod}");
    let mut value = found(server, &path)?;
    let status = &mut value["status"];
    status["phase"] = "Failed".into();
    status["reason"] = "Evicted".into();
    status["message"] = "The node was low on resource: memory.".into();
    status["containerStatuses"] = Value::Null;
    for one in ["Ready", "ContainersReady"] {
        turn_condition(status, one, false, "PodFailed", "");
    }
    server.patch(&path, &json!({ "status": status }))?;
    recount(server, &value)
}

/// A pod finds no node.
pub fn find_no_node(server: &ApiServer, pod: &str) -> Result<(), Failure> {
    let path = format!("pods/{pod}");
    let value = found(server, &path)?;
    let message = "0/3 nodes are available: 3 Insufficient cpu.";
    let condition = json!({
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastProbeTime": null,
        "lastTransitionTime": at(now()),
    });
    server.patch(
        &path,
        &json!({
            "spec": { "nodeName": null },
            "status": {
                "phase": "Pending",
                "conditions": [condition],
                "containerStatuses": null,
                "podIP": null,
                "podIPs": null,
                "hostIP": null,
                "hostIPs": null,
                "startTime": null,
            },
        }),
    )?;
    event(server, pod, "Warning", "FailedScheduling", message)?;
    recount(server, &value)
}

/// A node's kubelet is no longer heard, or heard again.
pub fn set_node_ready(server: &ApiServer, node: &str, ready: bool) -> Result<(), Failure> {
    let path = format!("nodes/{node}");
    let mut value = found(server, &path)?;
    if ready {
        turn_condition(&mut value["status"], "Ready", true, "KubeletReady", "");
    } else {
        let message = "Kubelet stopped posting node status.";
        let status = &mut value["status"];
        turn_condition(status, "Ready", false, "NodeStatusUnknown", message);
        for one in status["conditions"].as_array_mut().into_iter().flatten() {
            if one["type"] == "Ready" {
                one["status"] = "Unknown".into();
            }
        }
    }
    server.patch(&path, &json!({ "status": value["status"] })).map(drop)
}

fn found(server: &ApiServer, path: &str) -> Result<Value, Failure> {
    server.get(path).ok_or_else(|| Failure::bad_request(format!("there is no `{path}`")))
}

/// `namespace/name`.
fn place_of(object: &Value) -> String {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

fn container_name(server: &ApiServer, pod: &str) -> Result<String, Failure> {
    let pod = found(server, &format!("pods/{pod}"))?;
    Ok(pod["spec"]["containers"][0]["name"].as_str().unwrap_or_default().to_owned())
}

/// How a run of a container ended, half a minute after it began.
fn ended(code: u8, reason: &str) -> Value {
    let end = now();
    json!({ "terminated": {
        "exitCode": code,
        "reason": reason,
        "startedAt": at(end - SignedDuration::from_secs(30)),
        "finishedAt": at(end),
        "containerID": format!("containerd://{}", "fedcba9876543210".repeat(4)),
    } })
}

/// The first container is in `state` and not ready; one restart more where a run has ended.
fn stumble(
    server: &ApiServer,
    pod: &str,
    state: &Value,
    last: Option<&Value>,
) -> Result<(), Failure> {
    let path = format!("pods/{pod}");
    let mut value = found(server, &path)?;
    let name = container_name(server, pod)?;
    let status = &mut value["status"];
    let one = &mut status["containerStatuses"][0];
    one["state"] = state.clone();
    one["ready"] = false.into();
    one["started"] = false.into();
    if let Some(last) = last {
        one["lastState"] = last.clone();
        one["restartCount"] = (one["restartCount"].as_u64().unwrap_or_default() + 1).into();
        server.turn_log(pod, &name);
    }
    let message = format!("containers with unready status: [{name}]");
    for one in ["Ready", "ContainersReady"] {
        turn_condition(status, one, false, "ContainersNotReady", &message);
    }
    server.patch(&path, &json!({ "status": status }))?;
    recount(server, &value)
}

fn turn_condition(status: &mut Value, kind: &str, to: bool, reason: &str, message: &str) {
    let word = if to { "True" } else { "False" };
    for one in status["conditions"].as_array_mut().into_iter().flatten() {
        if one["type"] != kind {
            continue;
        }
        if one["status"] != word {
            one["lastTransitionTime"] = at(now());
        }
        one["status"] = word.into();
        let Some(members) = one.as_object_mut() else { continue };
        for (member, text) in [("reason", reason), ("message", message)] {
            members.shift_remove(member);
            if !text.is_empty() {
                members.insert(member.to_owned(), text.into());
            }
        }
    }
}

fn recount(server: &ApiServer, pod: &Value) -> Result<(), Failure> {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let app = pod["metadata"]["labels"]["app"].as_str().unwrap_or_default();
    reckon(server, namespace, app)
}

/// Writes an event about a pod.
fn event(
    server: &ApiServer,
    pod: &str,
    kind: &str,
    reason: &str,
    message: &str,
) -> Result<(), Failure> {
    let value = found(server, &format!("pods/{pod}"))?;
    let (namespace, name) = pod.split_once('/').unwrap_or(("default", pod));
    let time = at(now());
    server
        .apply(json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "namespace": namespace,
                "name": format!("{name}.{}", hash(&format!("{reason}{time}"))),
            },
            "involvedObject": {
                "kind": "Pod",
                "namespace": namespace,
                "name": name,
                "uid": value["metadata"]["uid"],
                "apiVersion": "v1",
            },
            "reason": reason,
            "message": message,
            "source": { "component": "kubelet", "host": value["spec"]["nodeName"] },
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
            "type": kind,
        }))
        .map(drop)
}
