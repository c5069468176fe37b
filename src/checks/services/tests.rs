//! Judging, as tables; and that no Service passes by absence.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::finding::Verdict;

fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    start + jiff::SignedDuration::from_mins(minutes)
}

fn services(parameters: &str) -> Services {
    serde_saphyr::from_str(&format!("namespaces: [d]\n{parameters}")).unwrap()
}

fn service() -> Value {
    json!({
        "metadata": { "namespace": "d", "name": "web", "creationTimestamp": "2026-11-23T09:00:00Z" },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.0.0.1", "selector": { "app": "web" },
            "ports": [
                { "name": "http", "port": 80, "protocol": "TCP" },
                { "name": "grpc", "port": 81, "protocol": "TCP" },
            ],
        },
        "status": { "loadBalancer": {} },
    })
}

fn slice(ports: &[&str], ready: usize) -> Value {
    let endpoint = |number| json!({ "addresses": [format!("10.1.0.{number}")], "conditions": { "ready": true } });
    let ports = ports.iter().map(|name| json!({ "name": name, "port": 8080 }));
    json!({
        "metadata": {
            "namespace": "d", "name": format!("web-{}", ports.len()),
            "labels": { "kubernetes.io/service-name": "web" },
        },
        "addressType": "IPv4",
        "ports": ports.collect::<Vec<_>>(),
        "endpoints": (0..ready).map(endpoint).collect::<Vec<_>>(),
    })
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[name] = value;
    object
}

fn judged(check: &Services, objects: &[Value], slices: &[Value]) -> Judgement {
    let mut seen = Seen::default();
    let mut table = Table::<Service>::default();
    for object in objects {
        table.take(&object.to_string(), &SERVICES);
    }
    seen.services.extend(table.records().cloned());
    seen.unseen.note(&table, |_| true);
    let mut table = Table::<EndpointSlice>::default();
    for slice in slices {
        table.take(&slice.to_string(), &ENDPOINT_SLICES);
    }
    seen.take_slices(&table);
    check.judge(&seen, &Past::default(), at(0))
}

fn said(check: &str, object: &Value, slices: &[Value]) -> (Verdict, Option<&'static str>) {
    let judgement = judged(&services(check), std::slice::from_ref(object), slices);
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

#[test]
fn each_port_needs_endpoints_of_its_own() {
    let both = slice(&["http", "grpc"], 1);
    let http = slice(&["http"], 2);
    let pass = (Verdict::Pass, None);
    let few = (Verdict::Fail, Some("TooFewReady"));
    assert_eq!(said("", &service(), std::slice::from_ref(&both)), pass);
    assert_eq!(said("", &service(), std::slice::from_ref(&http)), few);
    assert_eq!(said("min_ready: 2", &service(), &[both.clone(), http.clone()]), few);
    assert_eq!(said("expect: { web: { min_ready: 0 } }", &service(), &[]), pass);
    assert_eq!(said("min_ready: 0", &service(), &[]), pass);
    assert_eq!(said("min_ready: 0\nexpect: { web: { min_ready: 3 } }", &service(), &[both]), few);
}

#[test]
fn a_headless_service_without_ports_counts_its_addresses() {
    let spec = json!({ "type": "ClusterIP", "clusterIP": "None" });
    let headless = with(service(), "/spec", spec);
    assert_eq!(said("", &headless, &[slice(&[], 1)]).0, Verdict::Pass);
    let judgement = judged(&services(""), &[headless], &[]);
    assert_eq!(
        judgement.because(),
        "d/web: ready endpoints: 0, at least 1 wanted; it selects no pods itself"
    );
}

#[test]
fn ports_are_compared_by_number_name_and_protocol() {
    let slices = [slice(&["http", "grpc"], 1)];
    for (ports, verdict) in [
        ("[80, grpc, 'http:80/TCP']", Verdict::Pass),
        ("[443]", Verdict::Fail),
        ("['80/UDP']", Verdict::Fail),
        ("['http:81']", Verdict::Fail),
    ] {
        let check = format!("expect: {{ web: {{ ports: {ports} }} }}");
        assert_eq!(said(&check, &service(), &slices).0, verdict, "{ports}");
    }
    let judgement =
        judged(&services("expect: { web: { ports: [443, dns] } }"), &[service()], &slices);
    assert_eq!(judgement.because(), "d/web: lacks port 443, dns; it has http:80/TCP, grpc:81/TCP");
}

#[test]
fn a_slice_that_can_not_be_read_blinds_who_lacks_endpoints_and_nobody_else() {
    let garbled = with(slice(&[], 1), "/endpoints", json!("x"));
    let few = [slice(&["http", "grpc"], 1), garbled];
    assert_eq!(said("", &service(), &few).0, Verdict::Pass);
    assert_eq!(said("min_ready: 2", &service(), &few), (Verdict::Unknown, Some("Garbled")));
}

#[test]
fn what_is_expected_is_missed_unless_it_may_be_what_can_not_be_read() {
    let check = "expect: { api: {} }\nonly_expected: true";
    assert_eq!(said(check, &service(), &[]), (Verdict::Fail, Some("Missing")));
    let garbled = with(with(service(), "/metadata/name", json!("api")), "/spec", json!(3));
    assert_eq!(said(check, &garbled, &[]), (Verdict::Unknown, Some("Garbled")));
    let nobody = judged(&services(""), &[], &[]);
    assert_eq!(nobody.reason(), Some(MISSING));
}

/// Services that fail, with the slices behind them.
fn troubled() -> Vec<(&'static str, Value, Value)> {
    let ready = || slice(&["http", "grpc"], 2);
    let balancer = with(service(), "/spec/type", json!("LoadBalancer"));
    let headless = with(service(), "/spec", json!({ "type": "ClusterIP", "clusterIP": "None" }));
    vec![
        ("", service(), slice(&["http", "grpc"], 0)),
        ("", service(), slice(&["http"], 2)),
        ("min_ready: 3", service(), ready()),
        ("", headless, slice(&[], 0)),
        ("", balancer.clone(), ready()),
        (
            "",
            with(balancer, "/status/loadBalancer", json!({ "ingress": [{}, { "ip": "" }] })),
            ready(),
        ),
        ("expect: { web: { ports: [443] } }", service(), ready()),
        ("expect: { web: { load_balancer: true } }", service(), ready()),
    ]
}

fn fields(object: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let mut parts = vec![(String::new(), object)];
    while let Some((place, value)) = parts.pop() {
        for (name, below) in value.as_object().into_iter().flatten() {
            let place = format!("{place}/{}", name.replace('/', "~1"));
            all.push(place.clone());
            parts.push((place, below));
        }
    }
    all
}

#[test]
fn no_service_in_trouble_passes_for_want_of_a_field() {
    let changed = |object: &Value, pointer: &str| {
        let mut changed = object.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        changed
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(&name.replace("~1", "/"));
        changed
    };
    for (check, service, slice) in troubled() {
        assert_ne!(said(check, &service, std::slice::from_ref(&slice)).0, Verdict::Pass);
        for pointer in fields(&service) {
            let less = changed(&service, &pointer);
            let verdict = said(check, &less, std::slice::from_ref(&slice)).0;
            assert_ne!(verdict, Verdict::Pass, "{less} without {pointer}");
        }
        for pointer in fields(&slice) {
            let less = changed(&slice, &pointer);
            assert_ne!(
                said(check, &service, &[less]).0,
                Verdict::Pass,
                "{slice} without {pointer}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_field_of_a_wrong_type_breaks_nothing_and_heals_nothing(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        put in prop_oneof![Just(json!(null)), Just(json!({})), Just(json!([])), Just(json!(1.5)), Just(json!("x"))],
    ) {
        let troubled = troubled();
        let (check, service, slice) = which.get(&troubled);
        let (of_service, of_slice) = (fields(service), fields(slice));
        let place = place.index(of_service.len() + of_slice.len());
        let (mut service, mut slice) = (service.clone(), slice.clone());
        let (object, pointer) = match of_service.get(place) {
            Some(pointer) => (&mut service, pointer),
            None => (&mut slice, &of_slice[place - of_service.len()]),
        };
        let old = object.pointer(pointer).unwrap().clone();
        let same_type = std::mem::discriminant(&old) == std::mem::discriminant(&put);
        *object.pointer_mut(pointer).unwrap() = put;
        let verdict = said(check, &service, std::slice::from_ref(&slice)).0;
        prop_assert!(same_type || verdict != Verdict::Pass, "{} {} at {}", service, slice, pointer);
    }
}
