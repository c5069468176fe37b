//! The application itself: Deployments, autoscalers, budgets, ingresses, jobs, logs.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{ApiServer, DEPLOYMENTS, Failure, NAMESPACE, Part, VERSIONS, apply, image_from};
use crate::kubernetes::hashes::hash;
use crate::kubernetes::object::now;
use crate::kubernetes::workloads::{Workload, at, deploy, reckon};

pub(super) fn furnish(server: &ApiServer, registry: &str) -> Result<(), Failure> {
    for part in DEPLOYMENTS {
        let (name, replicas, most, port) = part;
        let image = image_from(registry, name, VERSIONS[0]);
        deploy(server, &Workload { namespace: NAMESPACE, name, image: &image, replicas, port })?;
        if let Some(most) = most {
            autoscaler(server, &part, most)?;
            reckon(server, NAMESPACE, name)?;
        }
    }
    for name in ["api", "notifier"] {
        budget(server, name)?;
    }
    write_of_starts(server, &mut Runs::new())?;
    for (name, host, path, service, port) in [
        ("trackdechets-ingress", "app.trackdechets.beta.gouv.fr", "/", "ui", 3000),
        (
            "trackdechets-notifier-sse",
            "notifier.trackdechets.beta.gouv.fr",
            "/updates",
            "notifier",
            82,
        ),
    ] {
        ingress(server, name, host, path, service, port)?;
    }
    let image = image_from(registry, "api", VERSIONS[0]);
    let jobs = ["elasticsearch-init-index", "prisma-migrate"];
    jobs.iter().try_for_each(|name| job(server, name, &image))
}

/// Containers of the application, by the uids of their pods, and in which run they are.
pub type Runs = BTreeMap<String, Value>;

/// Containers of the application that are in another run than when last looked at say in their logs
/// that they have started.
pub fn write_of_starts(server: &ApiServer, runs: &mut Runs) -> Result<(), Failure> {
    let before = std::mem::take(runs);
    for pod in server.list("pods", Some(NAMESPACE))? {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &pod["metadata"];
        let (app, name) = (text(&metadata["labels"]["app"]), text(&metadata["name"]));
        let container = &pod["status"]["containerStatuses"][0];
        let is_ours = DEPLOYMENTS.iter().any(|(name, ..)| *name == app);
        if !is_ours || container["state"]["running"].is_null() {
            continue;
        }
        let run = json!([container["restartCount"], container["state"]]);
        let uid = text(&metadata["uid"]);
        if before.get(&uid) != Some(&run) {
            let line = json!({ "level": "info", "message": started(&app), "loggedAt": at(now()) });
            server.log(&format!("{NAMESPACE}/{name}"), &app, &[&line.to_string()]);
        }
        runs.insert(uid, run);
    }
    Ok(())
}

fn started(app: &str) -> String {
    if app.starts_with("queues-") {
        format!("{app} queue consumers started")
    } else {
        format!("{app} started")
    }
}

fn autoscaler(server: &ApiServer, part: &Part, most: u32) -> Result<(), Failure> {
    let (name, replicas, ..) = *part;
    let metric = json!({
        "type": "Resource",
        "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } },
    });
    let condition = |kind: &str, status: &str, reason: &str| json!({ "type": kind, "status": status, "reason": reason, "lastTransitionTime": at(now()) });
    apply(
        server,
        json!({
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": {
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name },
                "minReplicas": replicas,
                "maxReplicas": most,
                "metrics": [metric],
            },
            "status": {
                "observedGeneration": 1,
                "lastScaleTime": at(now() - SignedDuration::from_hours(3 * 24)),
                "currentReplicas": replicas,
                "desiredReplicas": replicas,
                "currentMetrics": [{
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "current": { "averageUtilization": 23, "averageValue": "58m" },
                    },
                }],
                "conditions": [
                    condition("AbleToScale", "True", "ReadyForNewScale"),
                    condition("ScalingActive", "True", "ValidMetricFound"),
                    condition("ScalingLimited", "False", "DesiredWithinRange"),
                ],
            },
        }),
    )
}

fn budget(server: &ApiServer, name: &str) -> Result<(), Failure> {
    apply(
        server,
        json!({
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": name } } },
            "status": {
                "currentHealthy": 2,
                "desiredHealthy": 1,
                "disruptionsAllowed": 1,
                "expectedPods": 2,
            },
        }),
    )
}

fn ingress(
    server: &ApiServer,
    name: &str,
    host: &str,
    path: &str,
    service: &str,
    port: u16,
) -> Result<(), Failure> {
    let route = |path: &str, service: &str, port: u16| {
        json!({
            "path": path,
            "pathType": "Prefix",
            "backend": { "service": { "name": service, "port": { "number": port } } },
        })
    };
    let mut rules =
        vec![json!({ "host": host, "http": { "paths": [route(path, service, port)] } })];
    if service == "ui" {
        let host = "api.trackdechets.beta.gouv.fr";
        rules.push(json!({ "host": host, "http": { "paths": [route("/", "api", 4000)] } }));
    }
    let hosts: Vec<_> = rules.iter().map(|rule| rule["host"].clone()).collect();
    apply(
        server,
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "annotations": {
                    "kubernetes.io/ingress.class": "nginx",
                    "cert-manager.io/cluster-issuer": "letsencrypt-prod",
                },
            },
            "spec": {
                "rules": rules,
                "tls": [{ "hosts": hosts, "secretName": "trackdechets-tls" }],
            },
            "status": { "loadBalancer": { "ingress": [{ "ip": "51.159.0.10" }] } },
        }),
    )
}

fn job(server: &ApiServer, name: &str, image: &str) -> Result<(), Failure> {
    let (end, start) = (now(), now() - SignedDuration::from_secs(42));
    apply(
        server,
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": { "name": name, "namespace": NAMESPACE, "labels": { "app": name } },
            "spec": {
                "completions": 1,
                "parallelism": 1,
                "backoffLimit": 3,
                "template": {
                    "metadata": { "labels": { "app": name, "job-name": name } },
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [{ "name": name, "image": image }],
                    },
                },
            },
            "status": {
                "succeeded": 1,
                "ready": 0,
                "startTime": at(start),
                "completionTime": at(end),
                "conditions": [{
                    "type": "Complete",
                    "status": "True",
                    "reason": "CompletionsReached",
                    "lastProbeTime": at(end),
                    "lastTransitionTime": at(end),
                }],
            },
        }),
    )?;
    apply(
        server,
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": format!("{name}-{}", &hash(name)[..5]),
                "namespace": NAMESPACE,
                "labels": { "app": name, "job-name": name },
            },
            "spec": {
                "nodeName": "node-0",
                "restartPolicy": "Never",
                "containers": [{ "name": name, "image": image }],
            },
            "status": {
                "phase": "Succeeded",
                "startTime": at(start),
                "conditions": [
                    { "type": "Ready", "status": "False", "reason": "PodCompleted" },
                    { "type": "PodScheduled", "status": "True" },
                ],
                "containerStatuses": [{
                    "name": name,
                    "ready": false,
                    "started": false,
                    "restartCount": 0,
                    "image": image,
                    "imageID": "",
                    "lastState": {},
                    "state": { "terminated": {
                        "exitCode": 0,
                        "reason": "Completed",
                        "startedAt": at(start),
                        "finishedAt": at(end),
                    } },
                }],
            },
        }),
    )
}
