//! `services` against an API server.

use jiff::SignedDuration;
use serde_json::{Value, json};
use vigie::model::finding::Verdict::{Fail, Pass, Unknown};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::kubernetes::{Rule, User};

use super::Provocation;
use crate::kubernetes::{Cluster, NAMESPACE, brisk, now, trouble, with};

const CHECK: &str = "services: { namespaces: [shop] }";

/// A Service with one port.
pub fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "namespace": NAMESPACE, "name": name },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.9", "selector": { "app": name },
            "ports": [{ "name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080 }],
        },
        "status": { "loadBalancer": {} },
    })
}

/// A slice of a Service with these ready endpoints.
pub fn slice(service: &str, suffix: &str, addresses: &[&str]) -> Value {
    let endpoint = |address: &&str| {
        json!({
            "addresses": [address],
            "conditions": { "ready": true, "serving": true, "terminating": false },
        })
    };
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "namespace": NAMESPACE, "name": format!("{service}-{suffix}"),
            "labels": { "kubernetes.io/service-name": service },
        },
        "addressType": "IPv4",
        "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
        "endpoints": addresses.iter().map(endpoint).collect::<Vec<_>>(),
    })
}

/// A Service of type `LoadBalancer` that was made so many minutes ago and has no address.
fn balancer(minutes: i64) -> Value {
    let created = json!(now() - SignedDuration::from_mins(minutes));
    let balancer = with(service("web"), "/spec/type", json!("LoadBalancer"));
    with(balancer, "/metadata/creationTimestamp", created)
}

async fn of(check: &str, objects: impl IntoIterator<Item = Value>) -> Judgement {
    let cluster = Cluster::start().await;
    for object in objects {
        cluster.put(object);
    }
    cluster.look(check).await
}

async fn healthy(check: &str) -> Judgement {
    of(check, [service("web"), slice("web", "a", &["10.0.0.1", "10.0.0.2"])]).await
}

async fn waiting(minutes: i64) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(balancer(0));
    cluster.put(slice("web", "a", &["10.0.0.1"]));
    cluster.advance(minutes);
    cluster.look(CHECK).await
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { vigie::checks::services::Services:
        "Missing" Fail healthy("services: { namespaces: [shop], expect: { web: {}, api: {} } }");
        "WrongType" Fail healthy("services: { namespaces: [shop], expect: { web: { load_balancer: true } } }");
        "WrongPorts" Fail healthy("services: { namespaces: [shop], expect: { web: { ports: [443] } } }");
        "TooFewReady" Fail of(CHECK, [service("web"), slice("web", "a", &[])]);
        "NoAddress" Warn waiting(1);
        "NoAddress" Fail waiting(6);
        "ClockSkew" Unknown waiting(-5);
        "Garbled" Unknown of(CHECK, [with(service("web"), "/spec/type", json!("Odd")), slice("web", "a", &["10.0.0.1"])]);
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
async fn every_reason_of_services_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn ready_endpoints_of_all_slices_are_counted_once_and_exported() {
    let slices = [slice("web", "a", &["10.0.0.1", "10.0.0.2"]), slice("web", "b", &["10.0.0.2"])];
    let judgement = of(CHECK, [service("web")].into_iter().chain(slices)).await;
    assert_eq!(
        judgement.because(),
        "shop/web: ready endpoints at port http:80/TCP: 2, at least 1 wanted"
    );
    let samples: Vec<_> = judgement.samples().iter().map(|s| (s.measure.name, s.value)).collect();
    assert_eq!(samples, [("vigie_service_ready_endpoints", 2.0)]);
}

#[tokio::test]
async fn an_endpoint_that_goes_and_comes_is_seen() {
    let cluster = Cluster::start().await;
    cluster.put(service("web"));
    cluster.put(slice("web", "a", &["10.0.0.1"]));
    assert_eq!(cluster.look(CHECK).await.verdict(), Pass);
    cluster.put(slice("web", "a", &[]));
    let judgement = cluster.look_until(CHECK, Reason::new("TooFewReady")).await;
    assert_eq!(judgement.verdict(), Fail, "{}", judgement.because());
}

#[tokio::test]
async fn an_exempt_service_and_one_that_stands_for_another_name_need_no_endpoints() {
    let check = "services: { namespaces: [shop], expect: { postgres-ro: { min_ready: 0 } } }";
    let alias = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "namespace": NAMESPACE, "name": "mail" },
        "spec": { "type": "ExternalName", "externalName": "smtp.example.org" },
    });
    let judgement = of(check, [service("postgres-ro"), alias]).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    let said: Vec<_> = judgement.lines().iter().map(|line| &*line.because).collect();
    assert_eq!(
        said,
        [
            "stands for smtp.example.org, and has no endpoints",
            "ready endpoints at port http:80/TCP: 0, at least 0 wanted",
        ]
    );
}

#[tokio::test]
async fn a_load_balancer_with_an_address_passes_and_shows_it() {
    let address = json!({ "ingress": [{ "hostname": "lb.example.org" }] });
    let balancer = with(balancer(600), "/status/loadBalancer", address);
    let check = "services: { namespaces: [shop], expect: { web: { load_balancer: true } } }";
    let judgement = of(check, [balancer, slice("web", "a", &["10.0.0.1"])]).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert!(judgement.because().ends_with("its load balancer has lb.example.org"));
}

#[tokio::test]
async fn without_the_right_to_see_slices_what_is_missing_is_told_all_the_same() {
    let mut cluster = Cluster::start().await;
    cluster.put(service("web"));
    cluster.put(slice("web", "a", &["10.0.0.1"]));
    let rule = Rule::cluster(&["list", "watch"], &[""], &["services"]).within(NAMESPACE);
    cluster.server.admit("t0ken", User::new("vigie", vec![rule]));
    let token = cluster.file("token", "t0ken\n");
    let connection = cluster.connection(&format!("token: {{ file: '{}' }}", token.display()));
    cluster.connect(&connection, brisk());
    let judgement = cluster.look(CHECK).await;
    assert_eq!((judgement.verdict(), judgement.reason()), (Unknown, Some(Reason::FORBIDDEN)));
    let judgement = cluster.look("services: { namespaces: [shop], expect: { api: {} } }").await;
    assert_eq!(judgement.reason(), Some(Reason::new("Missing")), "{}", judgement.because());
    let check = "services: { namespaces: [shop], min_ready: 0 }";
    assert_eq!(cluster.look(check).await.verdict(), Pass, "slices are not asked for");
}
