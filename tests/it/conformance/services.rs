//! `services`, wherever it looks.

use serde_json::{Value, json};

use super::Case;
use super::ground::Ground;
use crate::kinds::services::slice;
use crate::kubernetes::with;

pub const CASES: &[Case] = cases! {
    "a Service with ready endpoints passes until they are gone" => comings_and_goings;
    "ports are as they are expected" => ports;
    "a load balancer warns, then fails, until it has an address" => balancer;
    "a Service that stands for another name needs no endpoints" => alias;
    "without the right to see Services nothing is said" => forbidden;
    "without the right to see slices what is missing is told all the same" => forbidden_slices;
};

fn check(ground: &Ground, more: &str) -> String {
    format!("services: {{ namespaces: [{}], {more} }}", ground.namespace())
}

/// A Service with one port; the server gives it its address.
pub fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": {
            "type": "ClusterIP", "selector": { "app": name },
            "ports": [{ "name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080 }],
        },
    })
}

async fn comings_and_goings(ground: &Ground) {
    let check = check(ground, "");
    ground.fails(&check, "Missing").await;
    ground.put(service("web")).await;
    ground.fails(&check, "TooFewReady").await;
    ground.put(slice("web", "a", &["10.0.0.1"])).await;
    let judgement = ground.passes(&check).await;
    assert!(judgement.because().contains("http:80/TCP: 1"), "{}", judgement.because());
    let unready = with(
        slice("web", "a", &["10.0.0.1"]),
        "/endpoints/0/conditions",
        json!({ "ready": false, "serving": false, "terminating": true }),
    );
    ground.put(unready).await;
    ground.fails(&check, "TooFewReady").await;
    ground.put(slice("web", "a", &["10.0.0.2"])).await;
    ground.passes(&check).await;
    ground.remove(&slice("web", "a", &[])).await;
    ground.fails(&check, "TooFewReady").await;
    ground.remove(&service("web")).await;
    ground.fails(&check, "Missing").await;
}

async fn ports(ground: &Ground) {
    let check = check(ground, "expect: { web: { ports: [http, 443/TCP] } }");
    ground.put(slice("web", "a", &["10.0.0.1"])).await;
    ground.put(service("web")).await;
    ground.fails(&check, "WrongPorts").await;
    let mut both = service("web");
    let more = json!({ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 8080 });
    both["spec"]["ports"].as_array_mut().expect("ports").push(more);
    let mut slice = slice("web", "a", &["10.0.0.1"]);
    let more = json!({ "name": "https", "port": 8080, "protocol": "TCP" });
    slice["ports"].as_array_mut().expect("ports").push(more);
    ground.put(both).await;
    ground.put(slice).await;
    ground.passes(&check).await;
}

async fn balancer(ground: &Ground) {
    let check = check(ground, "expect: { web: { load_balancer: true } }");
    ground.put(service("web")).await;
    ground.put(slice("web", "a", &["10.0.0.1"])).await;
    ground.fails(&check, "WrongType").await;
    let balancer = with(service("web"), "/spec/type", json!("LoadBalancer"));
    ground.put(balancer.clone()).await;
    ground.warns(&check, "NoAddress").await;
    ground.advance(6);
    ground.fails(&check, "NoAddress").await;
    let status = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.10" }] } });
    ground.put(with(balancer, "/status", status)).await;
    let judgement = ground.passes(&check).await;
    assert!(judgement.because().contains("192.0.2.10"), "{}", judgement.because());
}

async fn alias(ground: &Ground) {
    let mail = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "mail" },
        "spec": { "type": "ExternalName", "externalName": "smtp.example.org" },
    });
    ground.put(mail).await;
    ground.passes(&check(ground, "")).await;
}

async fn forbidden(ground: &Ground) {
    ground.put(service("web")).await;
    ground.lacks(&check(ground, ""), "services").await;
}

async fn forbidden_slices(ground: &Ground) {
    ground.put(service("web")).await;
    ground.lacks(&check(ground, ""), "endpointslices.discovery.k8s.io").await;
    let check = check(ground, "expect: { api: {} }");
    let judgement = ground.lacks(&check, "endpointslices.discovery.k8s.io").await;
    let code = judgement.reason().map(vigie::model::reason::Reason::code);
    assert_eq!(code, Some("Missing"), "{}", judgement.because());
}
