//! `ingresses`, wherever it looks. Classes are everybody's: each case has its own.

use serde_json::{Value, json};

use super::Case;
use super::ground::Ground;
use super::services::service;
use crate::kinds::services::slice;
use crate::kubernetes::with;

pub const CASES: &[Case] = cases! {
    "an Ingress that is served passes until it is gone" => comings_and_goings;
    "its backends exist, with ready endpoints" => backends;
    "its class exists" => class_gone;
    "TLS covers its hosts, and they are those that are expected" => hosts;
    "without an address it warns, then fails" => unaddressed;
    "without the right to see Ingresses nothing is said" => forbidden;
    "without the right to see what stands beside, that alone is left open" => forbidden_others;
};

fn check(ground: &Ground, more: &str) -> String {
    let class = ground.own("nginx");
    format!("ingresses: {{ namespaces: [{}], class: {class}, {more} }}", ground.namespace())
}

fn ingress(ground: &Ground) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {
            "name": "web", "annotations": { "nginx.ingress.kubernetes.io/ssl-redirect": "true" },
        },
        "spec": {
            "ingressClassName": ground.own("nginx"),
            "rules": [{ "host": "app.example.org", "http": { "paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": { "service": { "name": "web", "port": { "number": 80 } } },
            }] } }],
            "tls": [{ "hosts": ["app.example.org"], "secretName": "web-tls" }],
        },
        "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.10" }] } },
    })
}

fn class(ground: &Ground) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": { "name": ground.own("nginx") },
        "spec": { "controller": "k8s.io/ingress-nginx" },
    })
}

async fn furnish(ground: &Ground) {
    ground.put(class(ground)).await;
    ground.put(service("web")).await;
    ground.put(slice("web", "a", &["10.0.0.1"])).await;
    ground.put(ingress(ground)).await;
}

async fn comings_and_goings(ground: &Ground) {
    let more = "expect: [web], hosts: [app.example.org], \
                annotations: { nginx.ingress.kubernetes.io/ssl-redirect: 'true' }";
    let check = check(ground, more);
    ground.fails(&check, "Missing").await;
    furnish(ground).await;
    ground.passes(&check).await;
    ground.remove(&ingress(ground)).await;
    ground.fails(&check, "Missing").await;
    ground.remove(&class(ground)).await;
}

async fn backends(ground: &Ground) {
    let check = check(ground, "");
    furnish(ground).await;
    ground.passes(&check).await;
    ground.put(slice("web", "a", &[])).await;
    ground.fails(&check, "BackendNotReady").await;
    ground.remove(&service("web")).await;
    ground.fails(&check, "BackendMissing").await;
    ground.put(service("web")).await;
    ground.put(slice("web", "a", &["10.0.0.2"])).await;
    ground.passes(&check).await;
    ground.remove(&class(ground)).await;
}

async fn class_gone(ground: &Ground) {
    let check = check(ground, "");
    furnish(ground).await;
    ground.passes(&check).await;
    ground.remove(&class(ground)).await;
    ground.fails(&check, "ClassMissing").await;
    ground.put(class(ground)).await;
    ground.passes(&check).await;
    ground.put(with(ingress(ground), "/spec/ingressClassName", json!("other"))).await;
    ground.fails(&check, "WrongClass").await;
    ground.remove(&class(ground)).await;
}

async fn hosts(ground: &Ground) {
    furnish(ground).await;
    let expected = check(ground, "hosts: [app.example.org]");
    ground.passes(&expected).await;
    ground.put(with(ingress(ground), "/spec/tls", json!([]))).await;
    ground.fails(&check(ground, ""), "NoTls").await;
    let other = with(ingress(ground), "/spec/rules/0/host", json!("api.example.org"));
    ground.put(with(other, "/spec/tls/0/hosts", json!(["api.example.org"]))).await;
    ground.fails(&expected, "HostUnexpected").await;
    ground.remove(&ingress(ground)).await;
    ground.put(with(ingress(ground), "/metadata/name", json!("other"))).await;
    ground.passes(&expected).await;
    ground.fails(&check(ground, "hosts: [app.example.org, api.example.org]"), "HostMissing").await;
    ground.remove(&with(ingress(ground), "/metadata/name", json!("other"))).await;
    ground.put(ingress(ground)).await;
    ground.passes(&expected).await;
    ground.remove(&class(ground)).await;
}

async fn unaddressed(ground: &Ground) {
    let check = check(ground, "");
    furnish(ground).await;
    ground.put(with(ingress(ground), "/status", json!({ "loadBalancer": {} }))).await;
    ground.warns(&check, "NoAddress").await;
    ground.advance(6);
    ground.fails(&check, "NoAddress").await;
    ground.put(ingress(ground)).await;
    ground.passes(&check).await;
    ground.remove(&class(ground)).await;
}

async fn forbidden(ground: &Ground) {
    furnish(ground).await;
    ground.lacks(&check(ground, ""), "ingresses.networking.k8s.io").await;
    ground.remove(&class(ground)).await;
}

async fn forbidden_others(ground: &Ground) {
    furnish(ground).await;
    ground.put(with(ingress(ground), "/spec/tls", json!([]))).await;
    for resource in
        ["services", "endpointslices.discovery.k8s.io", "ingressclasses.networking.k8s.io"]
    {
        let judgement = ground.lacks(&check(ground, ""), resource).await;
        let code = judgement.reason().map(vigie::model::reason::Reason::code);
        assert_eq!(code, Some("NoTls"), "{resource}: {}", judgement.because());
    }
    ground.remove(&class(ground)).await;
}
