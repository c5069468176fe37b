//! `dns`: every reason, from names that answer what they are told to, and from an API server.

use std::time::Duration;

use serde_json::{Value, json};
use vigie::checks::dns::Dns;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::net::dns::{Behaviour, Names, Record};

use super::{Provocation, provoke};
use crate::kinds::{ingresses, services};
use crate::kubernetes::{Cluster, trouble, with};
use crate::net::ground::{Ground, HERE};
use crate::support::look_within;

#[tokio::test(flavor = "multi_thread")]
async fn dns_gives_every_reason() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    let mut rows = rows! { Dns:
        "NameNotFound" Fail named(Behaviour::Code(3), "");
        "NoRecords" Fail named(Behaviour::Records(vec![Record::text(b"x")]), "");
        "TooFewRecords" Fail named(here(), "min_answers: 2");
        "UnexpectedRecords" Fail named(here(), "expected: { all: [192.0.2.1] }");
        "DanglingAlias" Fail named(through(&["a.test", "gone.test"], &[], 3), "");
        "AliasLoop" Fail named(through(&["a.test", "x.test"], &[], 0), "");
        "WrongAlias" Fail named(through(&["a.test"], &[HERE], 0), "aliases: { end: b.test }");
        "TtlTooLong" Warn named(here(), "ttl: { warn_above: 59s }");
        "TtlTooLong" Fail named(here(), "ttl: { fail_above: 59s }");
        "TtlTooShort" Warn named(here(), "ttl: { warn_below: 61s }");
        "TtlTooShort" Fail named(here(), "ttl: { fail_below: 61s }");
        "ResolversDisagree" Warn disagreement("warn");
        "ResolversDisagree" Fail disagreement("fail");
        "ServerError" Fail named(Behaviour::Code(2), "");
        "Refused" Fail named(Behaviour::Code(5), "");
        "TimedOut" Fail named(Behaviour::Silent, "");
        "Garbled" Fail named(Behaviour::Garbled, "");
        "Reset" Fail named(Behaviour::CutShort, "");
        "Unreachable" Unknown async {
            Ground::new().await.look("dns: { name: x.test, resolvers: ['fe80::1'] }").await
        };
        "ResolverFailed" Unknown async {
            let ground = Ground::new().await;
            ground.names.set("x.test", Behaviour::Code(2));
            ground.look("dns: { name: x.test }").await
        };
    };
    rows.extend(provocations_of_balancers());
    rows
}

fn provocations_of_balancers() -> Vec<Provocation> {
    rows! { Dns:
        "WrongAddress" Fail balanced(&["127.0.0.9"], &["127.0.0.1"]);
        "AddressMissing" Fail balanced(&["127.0.0.1", "127.0.0.9"], &["127.0.0.1"]);
        "NoAddress" Fail balanced(&[], &["127.0.0.1"]);
        "Missing" Fail async {
            let (names, check) = resolving(&["127.0.0.1"]).await;
            let judgement = Cluster::start().await.look(&check).await;
            drop(names);
            judgement
        };
        "Garbled" Unknown async {
            let (names, check) = resolving(&["127.0.0.1"]).await;
            let cluster = Cluster::start().await;
            cluster.put(with(services::service("web"), "/status/loadBalancer", json!("odd")));
            let judgement = cluster.look(&check).await;
            drop(names);
            judgement
        };
        "WatchRunning" Unknown async { resolved(async |check| trouble::running(check).await).await };
        "StreamDown" Unknown async { resolved(async |check| trouble::down(check).await).await };
        "StreamSilent" Unknown async { resolved(async |check| trouble::silent(check).await).await };
        "Forbidden" Unknown async { resolved(async |check| trouble::forbidden(check).await).await };
        "Unauthorized" Unknown async {
            resolved(async |check| trouble::unauthorized(check).await).await
        };
        "KindUnknown" Unknown async {
            resolved(async |check| trouble::kind_unknown(check).await).await
        };
        "NoAccess" Unknown async { resolved(async |check| trouble::no_access(check).await).await };
    }
}

fn here() -> Behaviour {
    Behaviour::Records(vec![Record::address(HERE)])
}

fn through(names: &[&str], addresses: &[std::net::IpAddr], code: u8) -> Behaviour {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Behaviour::Through(names, addresses.iter().map(|one| Record::address(*one)).collect(), code)
}

async fn named(behaviour: Behaviour, rest: &str) -> Judgement {
    let ground = Ground::new().await;
    ground.names.set("x.test", behaviour);
    let resolver = ground.names.address();
    let check = format!("dns: {{ name: x.test, resolvers: ['{resolver}'], {rest} }}");
    look_within(Duration::from_secs(1), &check, &ground.systems).await
}

async fn disagreement(means: &str) -> Judgement {
    let ground = Ground::new().await;
    let others = Names::start().await.expect("a DNS server");
    ground.names.set("x.test", here());
    others.point("x.test", [192, 0, 2, 1].into());
    let (one, other) = (ground.names.address(), others.address());
    let check =
        format!("dns: {{ name: x.test, resolvers: ['{one}', '{other}'], disagreement: {means} }}");
    ground.look(&check).await
}

/// A resolver for which `x.test` has these addresses, and the check that they are those of the load
/// balancer of a Service.
async fn resolving(addresses: &[&str]) -> (Names, String) {
    let names = Names::start().await.expect("a DNS server");
    let records = addresses.iter().map(|one| Record::address(one.parse().expect("an address")));
    names.set("x.test", Behaviour::Records(records.collect()));
    let check = format!(
        "dns: {{ name: x.test, record: A, resolvers: ['{}'], \
         load_balancer: {{ service: {{ namespace: shop, name: web }} }} }}",
        names.address()
    );
    (names, check)
}

/// What is said with a resolver that answers well.
async fn resolved(look: impl AsyncFnOnce(&str) -> Judgement) -> Judgement {
    let (names, check) = resolving(&["127.0.0.1"]).await;
    let judgement = look(&check).await;
    drop(names);
    judgement
}

/// A Service whose load balancer is there.
pub fn balancer(points: &[Value]) -> Value {
    let service = with(services::service("web"), "/spec/type", json!("LoadBalancer"));
    with(service, "/status/loadBalancer", json!({ "ingress": points }))
}

async fn balanced(points: &[&str], addresses: &[&str]) -> Judgement {
    let (_names, check) = resolving(addresses).await;
    let cluster = Cluster::start().await;
    let points: Vec<_> = points.iter().map(|point| json!({ "ip": point })).collect();
    cluster.put(balancer(&points));
    cluster.look(&check).await
}

#[tokio::test]
async fn an_address_that_the_load_balancer_has_no_more_is_seen_at_once() {
    let (_names, check) = resolving(&["192.0.2.10"]).await;
    let cluster = Cluster::start().await;
    cluster.put(balancer(&[json!({ "ip": "192.0.2.10" })]));
    let judgement = cluster.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    cluster.put(balancer(&[json!({ "ip": "192.0.2.11" })]));
    let judgement = cluster.look_until(&check, Reason::new("WrongAddress")).await;
    let because = judgement.because();
    assert!(because.contains("192.0.2.10") && because.contains("192.0.2.11"), "{because}");
}

#[tokio::test]
async fn a_load_balancer_with_a_name_is_asked_for_on_the_same_resolver() {
    let (names, check) = resolving(&["192.0.2.10"]).await;
    let cluster = Cluster::start().await;
    cluster.put(balancer(&[json!({ "hostname": "LB.example.org" })]));
    let judgement = cluster.look(&check).await;
    assert_eq!(judgement.reason(), Some(Reason::new("NoAddress")), "{}", judgement.because());
    let record = |last| Record::address([192, 0, 2, last].into());
    names.set("lb.example.org", Behaviour::Records(vec![record(10), record(11)]));
    let judgement = cluster.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    names.set("lb.example.org", Behaviour::Code(2));
    let judgement = cluster.look(&check).await;
    assert_eq!(judgement.reason(), Some(Reason::SERVER_ERROR), "{}", judgement.because());
    // An alias of the balancer's own name has whatever that has.
    names.set("x.test", through(&["lb.example.org"], &[[192, 0, 2, 77].into()], 0));
    let judgement = cluster.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

#[tokio::test]
async fn an_ingress_has_a_load_balancer_as_well() {
    let (_names, check) = resolving(&["192.0.2.10"]).await;
    let check = check.replace("service:", "ingress:");
    let cluster = Cluster::start().await;
    let at = |address: &str| json!({ "ingress": [{ "ip": address }] });
    cluster.put(with(ingresses::ingress(), "/status/loadBalancer", at("192.0.2.10")));
    let check = check.replace("name: web", &format!("name: {}", name(&ingresses::ingress())));
    let judgement = cluster.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().expect("a name")
}
