//! `dns`, wherever the load balancer is that names lead to.

use serde_json::{Value, json};
use vigie_sim::net::dns::{Behaviour, Names, Record};

use super::Case;
use super::ground::Ground;
use super::services::service;
use crate::kubernetes::with;

pub const CASES: &[Case] = cases! {
    "names lead to the live address of a Service, and not to one it had" => service_moves;
    "names lead to the live address of an Ingress" => ingress;
    "an Ingress or Service that is gone, or has no address, fails" => gone;
    "without the right to see Services nothing is said of addresses" => forbidden;
};

/// A resolver for which `app.test` has this address.
async fn names(address: [u8; 4]) -> Names {
    let names = Names::start().await.expect("a DNS server");
    names.set("app.test", Behaviour::Records(vec![Record::address(address.into())]));
    names
}

fn check(ground: &Ground, names: &Names, kind: &str) -> String {
    format!(
        "dns: {{ name: app.test, record: A, resolvers: ['{}'], \
         load_balancer: {{ {kind}: {{ namespace: {}, name: web }} }} }}",
        names.address(),
        ground.namespace()
    )
}

fn at(points: &Value) -> Value {
    let balancer = with(service("web"), "/spec/type", json!("LoadBalancer"));
    with(balancer, "/status", json!({ "loadBalancer": { "ingress": points } }))
}

async fn service_moves(ground: &Ground) {
    let names = names([192, 0, 2, 10]).await;
    let check = check(ground, &names, "service");
    ground.put(at(&json!([{ "ip": "192.0.2.10" }]))).await;
    ground.passes(&check).await;
    ground.put(at(&json!([{ "ip": "192.0.2.11" }]))).await;
    ground.fails(&check, "WrongAddress").await;
    ground.put(at(&json!([{ "ip": "192.0.2.10" }, { "ip": "192.0.2.11" }]))).await;
    ground.fails(&check, "AddressMissing").await;
    names.set("lb.test", Behaviour::Records(vec![Record::address([192, 0, 2, 10].into())]));
    ground.put(at(&json!([{ "hostname": "lb.test" }]))).await;
    ground.passes(&check).await;
}

async fn ingress(ground: &Ground) {
    let names = names([192, 0, 2, 10]).await;
    let check = check(ground, &names, "ingress");
    let ingress = |address: &str| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "web" },
            "spec": { "defaultBackend": { "service": { "name": "web", "port": { "number": 80 } } } },
            "status": { "loadBalancer": { "ingress": [{ "ip": address }] } },
        })
    };
    ground.put(ingress("192.0.2.10")).await;
    ground.passes(&check).await;
    ground.put(ingress("192.0.2.11")).await;
    ground.fails(&check, "WrongAddress").await;
}

async fn gone(ground: &Ground) {
    let names = names([192, 0, 2, 10]).await;
    let check = check(ground, &names, "service");
    ground.fails(&check, "Missing").await;
    ground.put(with(service("web"), "/spec/type", json!("LoadBalancer"))).await;
    ground.fails(&check, "NoAddress").await;
    ground.put(at(&json!([{ "ip": "192.0.2.10" }]))).await;
    ground.passes(&check).await;
    ground.remove(&service("web")).await;
    ground.fails(&check, "Missing").await;
}

async fn forbidden(ground: &Ground) {
    let names = names([192, 0, 2, 10]).await;
    ground.put(at(&json!([{ "ip": "192.0.2.10" }]))).await;
    ground.lacks(&check(ground, &names, "service"), "services").await;
}
