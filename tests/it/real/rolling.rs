//! A Deployment that real controllers roll, with the test for a kubelet.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;

use crate::conformance::ground::Ground;
use crate::kubernetes::{deployment, now, pod, with};

/// The Deployment `web` as somebody would apply it.
fn web(image: &str, deadline: u32) -> Value {
    let mut web = with(deployment("web"), "/spec/template/spec/containers/0/image", json!(image));
    web["status"].take();
    with(web, "/spec/progressDeadlineSeconds", json!(deadline))
}

/// Says of all pods with this image that they run, as a kubelet would.
async fn run_pods(ground: &Ground, image: &str) {
    let pods: Api<Pod> = Api::namespaced(ground.admin(), ground.namespace());
    let all = pods.list(&ListParams::default()).await.expect("pods");
    let own = |pod: &&Pod| {
        let spec = pod.spec.as_ref().expect("a specification");
        spec.containers.iter().any(|container| container.image.as_deref() == Some(image))
    };
    for found in all.items.iter().filter(own) {
        let name = found.metadata.name.as_deref().expect("a name");
        let mut status = pod(name)["status"].take();
        status["startTime"] = json!(now());
        let patch = Patch::Merge(json!({ "status": status }));
        // It may have been deleted meanwhile: it was surplus.
        drop(pods.patch_status(name, &PatchParams::default(), &patch).await);
    }
}

#[tokio::test]
async fn workloads_tells_the_truth_while_a_deployment_rolls() {
    let Some(cluster) = super::with_controllers().await else { return };
    let ground = Ground::real(cluster).await;
    let check = format!("workloads: {{ namespaces: [{}], expect: [web] }}", ground.namespace());
    ground.fails(&check, "Missing").await;

    ground.put(web("web:1", 600)).await;
    let pending = |judgement: &Judgement| {
        judgement.reason() == Some(Reason::new("RollingOut"))
            && judgement.because().contains("2 desired, 2 updated, 0 ready, 0 available")
    };
    ground.sees(&check, "pods that do not start", pending).await;
    pods_run_until_it_passes(&ground, &check, "web:1").await;

    // The pods of the second image never start, so that the first one's are kept. Nothing else may be
    // written meanwhile: the controller loses conditions to conflicts.
    ground.put(web("web:2", 3)).await;
    let judgement = ground.fails(&check, "ProgressDeadlineExceeded").await;
    let because = judgement.because();
    assert!(because.contains("2 available") && because.contains("has timed out"), "{because}");

    pods_run_until_it_passes(&ground, &check, "web:2").await;
    ground.remove(&deployment("web")).await;
    ground.fails(&check, "Missing").await;
}

/// Plays the kubelet until the check passes: each pod that is ready brings the next.
async fn pods_run_until_it_passes(ground: &Ground, check: &str, image: &str) {
    let kubelet = async {
        loop {
            run_pods(ground, image).await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let judgement = tokio::select! {
        judgement = ground.passes(check) => judgement,
        () = kubelet => unreachable!("a kubelet never ends"),
    };
    assert!(
        judgement.because().contains("2 updated, 2 ready, 2 available"),
        "{}",
        judgement.because()
    );
}
