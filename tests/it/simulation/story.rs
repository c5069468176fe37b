//! The furnished cluster and what happens to it, read as a client would: by Kubernetes' own types.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Namespace, Node, Pod, ResourceQuota, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vigie_sim::kubernetes::{ApiServer, Settings, story, trackdechets};

async fn furnished() -> ApiServer {
    let server = ApiServer::start(Settings::default()).await.expect("a server");
    trackdechets::furnish(&server).expect("a cluster");
    server
}

/// All objects of a resource, which must read as what they are.
fn all<T: DeserializeOwned>(server: &ApiServer, resource: &str) -> Vec<T> {
    let values = server.list(resource, None).expect("a resource");
    let read =
        |value: Value| serde_json::from_value(value).unwrap_or_else(|e| panic!("{resource}: {e}"));
    values.into_iter().map(read).collect()
}

/// The names of a Deployment's pods.
fn pods_of(server: &ApiServer, app: &str) -> Vec<String> {
    let pods: Vec<Pod> = all(server, "pods");
    let own = pods.into_iter().filter(|pod| {
        pod.metadata.labels.as_ref().and_then(|labels| labels.get("app")).is_some_and(|l| l == app)
    });
    own.filter_map(|pod| pod.metadata.name).collect()
}

fn first_pod_of(server: &ApiServer, app: &str) -> String {
    format!("trackdechets/{}", pods_of(server, app)[0])
}

fn status(server: &ApiServer, deployment: &str) -> Value {
    let path = format!("deployments/trackdechets/{deployment}");
    server.get(&path).expect("a deployment")["status"].take()
}

fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let mut all = status["conditions"].as_array().expect("conditions").iter();
    all.find(|one| one["type"] == kind).expect("a condition")
}

#[tokio::test]
async fn the_furnished_cluster_reads_as_kubernetes_objects_and_is_healthy() {
    let server = furnished().await;
    let deployments: Vec<Deployment> = all(&server, "deployments");
    for deployment in &deployments {
        let wanted = deployment.spec.replicas;
        let seen = deployment.status.as_ref().expect("a status");
        let name = deployment.metadata.name.as_deref();
        assert_eq!(seen.ready_replicas, wanted, "{name:?}");
        assert_eq!(seen.updated_replicas, wanted, "{name:?}");
        assert_eq!(seen.unavailable_replicas, None, "{name:?}");
    }
    for set in all::<StatefulSet>(&server, "statefulsets") {
        let wanted = set.spec.replicas;
        assert_eq!(set.status.expect("a status").ready_replicas, wanted);
    }
    let names: BTreeSet<_> =
        deployments.iter().filter_map(|d| d.metadata.name.as_deref()).collect();
    assert!(trackdechets::DEPLOYMENTS.iter().all(|(name, ..)| names.contains(name)), "{names:?}");
    for pod in all::<Pod>(&server, "pods") {
        let phase = pod.status.and_then(|status| status.phase);
        assert!(matches!(phase.as_deref(), Some("Running" | "Succeeded")), "{phase:?}");
    }
    let uids: Vec<_> =
        all::<Pod>(&server, "pods").into_iter().map(|pod| pod.metadata.uid).collect();
    assert_eq!(uids.iter().collect::<BTreeSet<_>>().len(), uids.len(), "each is itself");
    all::<ReplicaSet>(&server, "replicasets");
    assert_eq!(all::<HorizontalPodAutoscaler>(&server, "hpa").len(), 8);
    assert_eq!(all::<Job>(&server, "jobs").len(), 2);
    assert_eq!(all::<Node>(&server, "nodes").len(), 3);
    assert_eq!(all::<Ingress>(&server, "ingresses").len(), 2);
    assert_eq!(all::<PodDisruptionBudget>(&server, "pdb").len(), 2);
    all::<Namespace>(&server, "namespaces");
    all::<ResourceQuota>(&server, "resourcequotas");
    all::<Service>(&server, "services");
    all::<Secret>(&server, "secrets");
    for slice in all::<EndpointSlice>(&server, "endpointslices") {
        let ready = |one: &k8s_openapi::api::discovery::v1::Endpoint| {
            one.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
        };
        assert!(slice.endpoints.iter().flatten().all(ready));
    }
    let cluster = server.get("clusters/trackdechets/postgres").expect("a custom resource");
    assert_eq!(cluster["status"]["phase"], "Cluster in healthy state");
}

#[tokio::test]
async fn a_pod_that_crash_loops_is_missing_from_its_deployment_until_it_recovers() {
    let server = furnished().await;
    let pod = first_pod_of(&server, "api");
    server.log(&pod, "api", &["about to crash"]);
    story::crash_loop(&server, &pod).expect("a crash");
    let seen = server.get(&format!("pods/{pod}")).expect("a pod");
    let container = &seen["status"]["containerStatuses"][0];
    assert_eq!(container["state"]["waiting"]["reason"], "CrashLoopBackOff");
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 1);
    assert_eq!(container["restartCount"], 1);
    assert_eq!(condition(&seen["status"], "Ready")["reason"], "ContainersNotReady");
    assert_eq!(status(&server, "api")["readyReplicas"], 1);
    assert_eq!(status(&server, "api")["unavailableReplicas"], 1);
    assert_eq!(condition(&status(&server, "api"), "Available")["status"], "False");
    let events: Vec<Event> = all(&server, "events");
    assert_eq!(events[0].reason.as_deref(), Some("BackOff"));
    story::recover(&server, &pod).expect("a recovery");
    let seen = server.get(&format!("pods/{pod}")).expect("a pod");
    assert_eq!(seen["status"]["containerStatuses"][0]["restartCount"], 1, "restarts stay counted");
    assert_eq!(status(&server, "api")["readyReplicas"], 2);
    all::<Pod>(&server, "pods");
}

#[tokio::test]
async fn pods_come_to_grief_in_other_ways() {
    let server = furnished().await;
    let pod = first_pod_of(&server, "ui");
    story::run_out_of_memory(&server, &pod).expect("a kill");
    let seen = server.get(&format!("pods/{pod}")).expect("a pod");
    let last = &seen["status"]["containerStatuses"][0]["lastState"]["terminated"];
    assert_eq!(
        (last["reason"].as_str(), last["exitCode"].as_u64()),
        (Some("OOMKilled"), Some(137))
    );
    story::fail_to_pull(&server, &pod).expect("a failure");
    story::recover(&server, &pod).expect("a recovery");
    story::evict(&server, &pod).expect("an eviction");
    let seen = server.get(&format!("pods/{pod}")).expect("a pod");
    assert_eq!(
        (&seen["status"]["phase"], &seen["status"]["reason"]),
        (&"Failed".into(), &"Evicted".into())
    );
    let pod = first_pod_of(&server, "cron");
    story::find_no_node(&server, &pod).expect("no node");
    let seen = server.get(&format!("pods/{pod}")).expect("a pod");
    assert_eq!(condition(&seen["status"], "PodScheduled")["reason"], "Unschedulable");
    story::set_node_ready(&server, "node-0", false).expect("a node");
    let node = server.get("nodes/node-0").expect("a node");
    assert_eq!(condition(&node["status"], "Ready")["status"], "Unknown");
    story::set_node_ready(&server, "node-0", true).expect("a node");
    all::<Pod>(&server, "pods");
    all::<Node>(&server, "nodes");
}

#[tokio::test]
async fn a_deployment_is_scaled_up_and_down() {
    let server = furnished().await;
    for replicas in [4, 1] {
        story::scale(&server, "trackdechets/queues-runner", replicas).expect("a change");
        assert_eq!(pods_of(&server, "queues-runner").len(), replicas as usize);
        let status = status(&server, "queues-runner");
        assert_eq!(status["readyReplicas"], replicas);
        assert_eq!(status["replicas"], replicas);
    }
    let autoscaler = server.get("hpa/trackdechets/queues-runner").expect("an autoscaler");
    assert_eq!(autoscaler["status"]["currentReplicas"], 1);
}

#[tokio::test]
async fn a_roll_out_ends_with_new_pods_alone() {
    let server = furnished().await;
    let old: BTreeSet<_> = pods_of(&server, "api").into_iter().collect();
    let image = trackdechets::image("api", "2026.11.2");
    let rolled = story::roll_out(&server, "trackdechets/api", &image, Duration::ZERO).await;
    rolled.expect("a roll-out");
    let new: BTreeSet<_> = pods_of(&server, "api").into_iter().collect();
    assert_eq!(new.len(), 2);
    assert!(old.is_disjoint(&new), "{old:?} {new:?}");
    let seen = server.get("deployments/trackdechets/api").expect("a deployment");
    assert_eq!(seen["metadata"]["generation"], 2);
    assert_eq!(seen["status"]["observedGeneration"], 2);
    assert_eq!(condition(&seen["status"], "Progressing")["reason"], "NewReplicaSetAvailable");
    for pod in new {
        let pod = server.get(&format!("pods/trackdechets/{pod}")).expect("a pod");
        assert_eq!(pod["status"]["containerStatuses"][0]["image"], image.as_str());
    }
}

#[tokio::test]
async fn a_roll_out_that_stalls_passes_its_deadline() {
    let server = furnished().await;
    let image = trackdechets::image("notifier", "missing");
    story::stall(&server, "trackdechets/notifier", &image).expect("a stall");
    let status = status(&server, "notifier");
    let progressing = condition(&status, "Progressing");
    assert_eq!(progressing["status"], "False");
    assert_eq!(progressing["reason"], "ProgressDeadlineExceeded");
    assert_eq!((&status["updatedReplicas"], &status["readyReplicas"]), (&1.into(), &2.into()));
    assert_eq!(pods_of(&server, "notifier").len(), 3);
}
