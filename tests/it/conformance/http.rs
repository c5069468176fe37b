//! `http`, as far as it asks the API server what stands behind a host.

use serde_json::json;
use vigie_sim::net::broken::{Broken, Fault};

use super::Case;
use super::ground::Ground;
use super::services::service;
use crate::kinds::ingresses::ingress;
use crate::kinds::services::slice;
use crate::kubernetes::with;

pub const CASES: &[Case] = cases! {
    "a host that gives nothing is suspected while its Service's endpoints are ready" => of_service;
    "behind an Ingress all Services that serve the host count" => of_ingress;
    "without the right to see slices nobody can tell" => forbidden;
};

/// A check of a host that hangs up without a word, and that host.
async fn astray(ground: &Ground, kind: &str) -> (String, Broken) {
    let server = Broken::start(Fault::HangsUp).await.expect("a server");
    let behind = format!("{kind}: {{ namespace: {}, name: web }}", ground.namespace());
    let url = format!("http://{}/", server.address());
    (format!("http: {{ url: '{url}', behind: {{ {behind} }} }}"), server)
}

async fn of_service(ground: &Ground) {
    let (check, _server) = astray(ground, "service").await;
    let nothing = ground.fails(&check, "Reset").await;
    assert!(nothing.because().contains("no endpoint of Service"), "{}", nothing.because());
    ground.put(service("web")).await;
    ground.put(slice("web", "a", &["10.0.0.1"])).await;
    let suspected = ground.blind(&check, "HairpinSuspected").await;
    assert!(suspected.because().contains("`connect_to`"), "{}", suspected.because());
    let unready = with(
        slice("web", "a", &["10.0.0.1"]),
        "/endpoints/0/conditions",
        json!({ "ready": false, "serving": false, "terminating": false }),
    );
    ground.put(unready).await;
    ground.fails(&check, "Reset").await;
}

async fn of_ingress(ground: &Ground) {
    let (check, _server) = astray(ground, "ingress").await;
    ground.fails(&check, "Reset").await;
    let mut any_host = ingress();
    any_host["spec"]["rules"][0].as_object_mut().expect("a rule").remove("host");
    ground.put(any_host.clone()).await;
    ground.put(slice("web", "a", &["10.0.0.1"])).await;
    ground.blind(&check, "HairpinSuspected").await;
    ground.put(with(any_host, "/spec/rules/0/host", json!("other.example.org"))).await;
    let led_nowhere = ground.fails(&check, "Reset").await;
    assert!(led_nowhere.because().contains("to no Service"), "{}", led_nowhere.because());
}

async fn forbidden(ground: &Ground) {
    let (check, _server) = astray(ground, "service").await;
    ground.put(slice("web", "a", &["10.0.0.1"])).await;
    ground.lacks(&check, "endpointslices.discovery.k8s.io").await;
}
