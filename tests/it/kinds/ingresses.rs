//! `ingresses` against an API server.

use serde_json::{Value, json};
use vigie::model::finding::Verdict::Pass;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;

use super::Provocation;
use super::services::{service, slice};
use crate::kubernetes::{Cluster, NAMESPACE, trouble, with};

const CHECK: &str = "ingresses: { namespaces: [shop] }";

/// An Ingress of class nginx with one host, covered and served.
pub fn ingress() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {
            "namespace": NAMESPACE, "name": "web",
            "annotations": { "nginx.ingress.kubernetes.io/ssl-redirect": "true" },
        },
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{ "host": "app.example.org", "http": { "paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": { "service": { "name": "web", "port": { "number": 80 } } },
            }] } }],
            "tls": [{ "hosts": ["app.example.org"], "secretName": "web-tls" }],
        },
        "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.10" }] } },
    })
}

pub fn class(name: &str, is_default: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": {
            "name": name,
            "annotations": { "ingressclass.kubernetes.io/is-default-class": is_default },
        },
        "spec": { "controller": "k8s.io/ingress-nginx" },
    })
}

async fn cluster(ingress: Value) -> Cluster {
    let cluster = Cluster::start().await;
    cluster.put(service("web"));
    cluster.put(slice("web", "a", &["10.0.0.1"]));
    cluster.put(class("nginx", "false"));
    cluster.put(ingress);
    cluster
}

async fn of(check: &str, ingress: Value) -> Judgement {
    cluster(ingress).await.look(check).await
}

/// What is said with further parameters.
async fn asked(more: &str) -> Judgement {
    of(&format!("ingresses: {{ namespaces: [shop], {more} }}"), ingress()).await
}

async fn changed(pointer: &str, value: Value) -> Judgement {
    of(CHECK, with(ingress(), pointer, value)).await
}

async fn without(path: &str) -> Judgement {
    let cluster = cluster(ingress()).await;
    cluster.remove(path);
    cluster.look(CHECK).await
}

async fn waiting(minutes: i64) -> Judgement {
    let cluster = cluster(with(ingress(), "/status/loadBalancer", json!({}))).await;
    cluster.advance(minutes);
    cluster.look(CHECK).await
}

async fn class_gone() -> Judgement {
    let cluster = cluster(ingress()).await;
    cluster.remove("ingressclasses/nginx");
    cluster.look("ingresses: { namespaces: [shop], class: nginx }").await
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { vigie::checks::ingresses::Ingresses:
        "Missing" Fail asked("expect: [web, api]");
        "WrongClass" Fail asked("class: traefik");
        "ClassMissing" Fail class_gone();
        "HostMissing" Fail asked("hosts: [app.example.org, api.example.org]");
        "HostUnexpected" Fail asked("hosts: [api.example.org], concerns: []");
        "NoTls" Fail changed("/spec/tls", json!([]));
        "DefaultCertificate" Warn changed("/spec/tls/0/secretName", json!(""));
        "NoAddress" Warn waiting(1);
        "NoAddress" Fail waiting(6);
        "BackendMissing" Fail without("services/shop/web");
        "BackendNotReady" Fail without("endpointslices/shop/web-a");
        "WrongAnnotation" Fail asked("annotations: { nginx.ingress.kubernetes.io/ssl-redirect: 'false' }");
        "ClockSkew" Unknown waiting(-5);
        "Garbled" Unknown changed("/spec/rules/0/http/paths/0/backend", json!({}));
        "WatchRunning" Unknown trouble::running(CHECK);
        "StreamDown" Unknown trouble::down(CHECK);
        "StreamSilent" Unknown trouble::silent(CHECK);
        "Forbidden" Unknown trouble::forbidden(CHECK);
        "Unauthorized" Unknown trouble::unauthorized(CHECK);
        "KindUnknown" Unknown trouble::kind_unknown(CHECK);
        "NoAccess" Unknown trouble::no_access(CHECK);
    }
}

#[tokio::test]
async fn every_reason_of_ingresses_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn what_is_as_it_should_be_passes_and_says_by_what() {
    let more = "expect: [web], class: nginx, hosts: [app.example.org], \
                annotations: { nginx.ingress.kubernetes.io/ssl-redirect: 'true' }";
    let judgement = asked(more).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    let said: Vec<_> = judgement.lines().iter().map(|line| &*line.because).collect();
    assert_eq!(
        said,
        [
            "all that are wanted are served, and no other",
            "is of class nginx; TLS covers app.example.org; is served at 192.0.2.10; \
             backends with ready endpoints: 1",
        ]
    );
    let rows: Vec<_> = judgement.samples().iter().map(|s| (&*s.labels[2], s.value)).collect();
    assert_eq!(rows, [("ready", 1.0), ("unready", 0.0)]);
}

#[tokio::test]
async fn the_default_class_serves_an_ingress_that_names_none() {
    let cluster = cluster(with(ingress(), "/spec/ingressClassName", json!(null))).await;
    let check = "ingresses: { namespaces: [shop], class: nginx }";
    assert_eq!(cluster.look(check).await.reason(), Some(Reason::new("WrongClass")));
    cluster.put(class("nginx", "true"));
    let judgement = crate::kubernetes::until(
        async || cluster.look(check).await,
        |judgement| judgement.verdict() == Pass,
    );
    let judgement = judgement.await;
    assert!(
        judgement.because().contains("names no class, and nginx is the default"),
        "{}",
        judgement.because()
    );
}

#[tokio::test]
async fn the_old_annotation_names_a_class_that_need_not_exist() {
    let key = "kubernetes.io/ingress.class";
    let ingress = with(ingress(), "/metadata/annotations", json!({ key: "legacy" }));
    let judgement = of("ingresses: { namespaces: [shop], class: legacy }", ingress).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
}

#[tokio::test]
async fn only_what_is_asked_is_watched() {
    let cluster = cluster(ingress()).await;
    cluster.look("ingresses: { namespaces: [shop], concerns: [tls] }").await;
    for resource in ["services", "endpointslices", "ingressclasses"] {
        assert_eq!(cluster.server.open_watches(resource), 0, "{resource}");
    }
}
