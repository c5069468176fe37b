//! How the pods of a Deployment come and go.

use std::time::Duration;

use serde_json::{Value, json};

use super::{fail_to_pull, found, place_of, recover, turn_condition};
use crate::kubernetes::hashes::{RESTARTED, hash_of};
use crate::kubernetes::object::now;
use crate::kubernetes::workloads::{Workload, at, pod_name, reckon, replica_set};
use crate::kubernetes::{ApiServer, Failure, pods};

/// A Deployment gets `replicas` pods, all healthy at once.
pub fn scale(server: &ApiServer, deployment: &str, replicas: u32) -> Result<(), Failure> {
    let path = format!("deployments/{deployment}");
    let changed = server.patch(&path, &json!({ "spec": { "replicas": replicas } }))?;
    let set = current_set(server, &changed)?;
    let place = format!("replicasets/{}", place_of(&set));
    let set = server.patch(&place, &json!({ "spec": { "replicas": replicas } }))?;
    let workload = workload(&changed);
    let own = pods_of(server, &set)?;
    for pod in own.iter().skip(replicas as usize) {
        server.delete(&format!("pods/{}", place_of(pod)))?;
    }
    let mut missing = (replicas as usize).saturating_sub(own.len());
    let mut number = 0;
    while missing > 0 {
        let name = pod_name(&set, number);
        if server.get(&format!("pods/{}/{name}", workload.namespace)).is_none() {
            server.apply(pods::healthy(&workload, &name, &set, number, now()))?;
            missing -= 1;
        }
        number += 1;
    }
    reckon(server, workload.namespace, workload.name)
}

/// A pod is deleted, and another comes in its place, healthy at once.
pub fn replace(server: &ApiServer, pod: &str) -> Result<(), Failure> {
    let place = format!("pods/{pod}");
    let gone = found(server, &place)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let [namespace, app] = [&gone["metadata"]["namespace"], &gone["metadata"]["labels"]["app"]];
    let deployment = format!("{}/{}", text(namespace), text(app));
    let value = found(server, &format!("deployments/{deployment}"))?;
    let replicas = workload(&value).replicas;
    scale(server, &deployment, replicas + 1)?;
    server.delete(&place)?;
    scale(server, &deployment, replicas)
}

/// A Deployment moves to `image`, pod by pod, each step taking `pace`: a new `ReplicaSet`, a pod that
/// is created, runs and is ready, an old one that goes.
pub async fn roll_out(
    server: &ApiServer,
    deployment: &str,
    image: &str,
    pace: Duration,
) -> Result<(), Failure> {
    roll(server, deployment, |template| image_of(template, image), pace).await
}

/// A Deployment is restarted, as by `kubectl rollout restart`: its pods are replaced like those of a
/// roll-out.
pub async fn restart(server: &ApiServer, deployment: &str, pace: Duration) -> Result<(), Failure> {
    let stamp = at(now());
    let stamped = |template: &mut Value| template["metadata"]["annotations"][RESTARTED] = stamp;
    roll(server, deployment, stamped, pace).await
}

async fn roll(
    server: &ApiServer,
    deployment: &str,
    change: impl FnOnce(&mut Value),
    pace: Duration,
) -> Result<(), Failure> {
    let path = format!("deployments/{deployment}");
    let (changed, set) = begin(server, &path, change)?;
    let workload = workload(&changed);
    let old: Vec<_> = pods_of_others(server, &changed, &set)?;
    let mut old = old.into_iter();
    for number in 0..workload.replicas {
        let name = pod_name(&set, number);
        let pod = format!("{}/{name}", workload.namespace);
        server.apply(pods::starting(&workload, &name, &set, number, now()))?;
        reckon(server, workload.namespace, workload.name)?;
        tokio::time::sleep(pace).await;
        recover(server, &pod)?;
        if let Some(old) = old.next() {
            server.delete(&format!("pods/{}", place_of(&old)))?;
        }
        reckon(server, workload.namespace, workload.name)?;
        tokio::time::sleep(pace).await;
    }
    for left in old {
        server.delete(&format!("pods/{}", place_of(&left)))?;
    }
    reckon(server, workload.namespace, workload.name)
}

/// A Deployment should move to `image`, which can't be pulled, and its deadline passes.
pub fn stall(server: &ApiServer, deployment: &str, image: &str) -> Result<(), Failure> {
    let path = format!("deployments/{deployment}");
    let (changed, set) = begin(server, &path, |template| image_of(template, image))?;
    let workload = workload(&changed);
    let name = pod_name(&set, 0);
    server.apply(pods::starting(&workload, &name, &set, 0, now()))?;
    fail_to_pull(server, &format!("{}/{name}", workload.namespace))?;
    reckon(server, workload.namespace, workload.name)?;
    let mut stalled = found(server, &path)?;
    let set = set["metadata"]["name"].as_str().unwrap_or_default();
    let message = format!("ReplicaSet \"{set}\" has timed out progressing.");
    let status = &mut stalled["status"];
    turn_condition(status, "Progressing", false, "ProgressDeadlineExceeded", &message);
    server.patch(&path, &json!({ "status": status })).map(drop)
}

fn image_of(template: &mut Value, image: &str) {
    template["spec"]["containers"][0]["image"] = image.into();
}

/// Changes a Deployment's template, and makes the `ReplicaSet` for it.
fn begin(
    server: &ApiServer,
    path: &str,
    change: impl FnOnce(&mut Value),
) -> Result<(Value, Value), Failure> {
    let mut value = found(server, path)?;
    change(&mut value["spec"]["template"]);
    let changed = server.apply(value)?;
    let others = sets_of(server, &changed)?;
    let revision = u32::try_from(others.len()).unwrap_or_default() + 1;
    let set = replica_set(server, &changed, &workload(&changed), revision)?;
    for old in others.iter().filter(|old| old["metadata"]["uid"] != set["metadata"]["uid"]) {
        let place = format!("replicasets/{}", place_of(old));
        server.patch(&place, &json!({ "spec": { "replicas": 0 } }))?;
    }
    Ok((changed, set))
}

fn sets_of(server: &ApiServer, deployment: &Value) -> Result<Vec<Value>, Failure> {
    let namespace = deployment["metadata"]["namespace"].as_str();
    Ok(owned(server.list("replicasets", namespace)?, deployment))
}

fn pods_of(server: &ApiServer, set: &Value) -> Result<Vec<Value>, Failure> {
    Ok(owned(server.list("pods", set["metadata"]["namespace"].as_str())?, set))
}

fn pods_of_others(
    server: &ApiServer,
    deployment: &Value,
    set: &Value,
) -> Result<Vec<Value>, Failure> {
    let mut all = Vec::new();
    for other in sets_of(server, deployment)? {
        if other["metadata"]["uid"] != set["metadata"]["uid"] {
            all.extend(pods_of(server, &other)?);
        }
    }
    Ok(all)
}

fn current_set(server: &ApiServer, deployment: &Value) -> Result<Value, Failure> {
    let hash = hash_of(deployment);
    found(server, &format!("replicasets/{}-{hash}", place_of(deployment)))
}

/// What a Deployment says of itself.
fn workload(deployment: &Value) -> Workload<'_> {
    let text = |name: &str| deployment["metadata"][name].as_str().unwrap_or_default();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let port = container["ports"][0]["containerPort"].as_u64();
    let replicas = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
    Workload {
        namespace: text("namespace"),
        name: text("name"),
        image: container["image"].as_str().unwrap_or_default(),
        replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
        port: port.and_then(|port| u16::try_from(port).ok()),
    }
}

fn owned(all: Vec<Value>, by: &Value) -> Vec<Value> {
    let uid = &by["metadata"]["uid"];
    all.into_iter().filter(|one| one["metadata"]["ownerReferences"][0]["uid"] == *uid).collect()
}
