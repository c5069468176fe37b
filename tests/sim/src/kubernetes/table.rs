//! Tables, as `kubectl` asks for them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::Kind;
use super::object::now;

/// A column's title and the cell it shows of an object.
type Column = (&'static str, fn(&Value) -> Value);

/// `objects` in rows; `whole` puts each object beside its cells, else its metadata.
pub(super) fn table(
    kind: &Kind,
    objects: &[Value],
    metadata: &Value,
    with_columns: bool,
    whole: bool,
) -> Value {
    let columns = columns(kind);
    let definitions = columns.iter().map(|(name, _)| {
        let format = if *name == "Name" { "name" } else { "" };
        json!({ "name": name, "type": "string", "format": format, "description": "", "priority": 0 })
    });
    let rows = objects.iter().map(|object| {
        let cells: Vec<_> = columns.iter().map(|(_, cell)| cell(object)).collect();
        let beside = if whole {
            object.clone()
        } else {
            json!({
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": object["metadata"],
            })
        };
        json!({ "cells": cells, "object": beside })
    });
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": if with_columns { definitions.collect() } else { Vec::new() },
        "rows": rows.collect::<Vec<_>>(),
    })
}

fn columns(kind: &Kind) -> Vec<Column> {
    let own: &[Column] = match kind.resource().as_str() {
        "pods" => &[("Ready", pod_ready), ("Status", pod_status), ("Restarts", restarts)],
        "deployments.apps" => &[
            ("Ready", replicas_ready),
            ("Up-to-date", |o| number(&o["status"]["updatedReplicas"])),
            ("Available", |o| number(&o["status"]["availableReplicas"])),
        ],
        "statefulsets.apps" => &[("Ready", replicas_ready)],
        "namespaces" => &[("Status", |o| o["status"]["phase"].clone())],
        "nodes" => &[("Status", node_status)],
        "horizontalpodautoscalers.autoscaling" => &[
            ("MinPods", |o| number(&o["spec"]["minReplicas"])),
            ("MaxPods", |o| number(&o["spec"]["maxReplicas"])),
            ("Replicas", |o| number(&o["status"]["currentReplicas"])),
        ],
        "events" => &[
            ("Type", |o| o["type"].clone()),
            ("Reason", |o| o["reason"].clone()),
            ("Message", |o| o["message"].clone()),
        ],
        _ => &[],
    };
    let mut columns: Vec<Column> = vec![("Name", |o| o["metadata"]["name"].clone())];
    columns.extend_from_slice(own);
    columns.push(("Age", age));
    columns
}

fn number(value: &Value) -> Value {
    value.as_u64().unwrap_or_default().to_string().into()
}

fn replicas_ready(object: &Value) -> Value {
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let ready = count(&object["status"]["readyReplicas"]);
    format!("{ready}/{}", count(&object["spec"]["replicas"])).into()
}

fn statuses(pod: &Value) -> &[Value] {
    pod["status"]["containerStatuses"].as_array().map_or(&[], Vec::as_slice)
}

fn pod_ready(pod: &Value) -> Value {
    let ready = statuses(pod).iter().filter(|status| status["ready"] == true).count();
    let all = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    format!("{ready}/{all}").into()
}

fn pod_status(pod: &Value) -> Value {
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating".into();
    }
    let reason = |status: &Value| {
        let state = &status["state"];
        [&state["waiting"]["reason"], &state["terminated"]["reason"]]
            .into_iter()
            .find(|reason| reason.is_string())
            .cloned()
    };
    let own = &pod["status"];
    let container = statuses(pod).iter().find_map(reason);
    container
        .or_else(|| own["reason"].is_string().then(|| own["reason"].clone()))
        .unwrap_or_else(|| own["phase"].as_str().unwrap_or("Unknown").into())
}

fn restarts(pod: &Value) -> Value {
    let sum: u64 = statuses(pod).iter().filter_map(|status| status["restartCount"].as_u64()).sum();
    sum.to_string().into()
}

fn node_status(node: &Value) -> Value {
    let ready = node["status"]["conditions"].as_array().into_iter().flatten();
    let ready = ready.filter(|c| c["type"] == "Ready").any(|c| c["status"] == "True");
    if ready { "Ready".into() } else { "NotReady".into() }
}

fn age(object: &Value) -> Value {
    let created = object["metadata"]["creationTimestamp"].as_str().unwrap_or_default();
    let Ok(created) = created.parse::<Timestamp>() else { return "<unknown>".into() };
    let seconds = now().duration_since(created).as_secs();
    let age = match seconds {
        ..120 => format!("{}s", seconds.max(0)),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        172_800.. => format!("{}d", seconds / 86_400),
    };
    age.into()
}
