//! Judging, as tables; and that no Ingress passes by absence.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::finding::Verdict;
use crate::systems::kubernetes::endpoint_slice::EndpointSlice;
use crate::systems::kubernetes::service::Service;
use crate::systems::kubernetes::{ENDPOINT_SLICES, SERVICES};

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn ingresses(parameters: &str) -> Ingresses {
    serde_saphyr::from_str(&format!("namespaces: [d]\n{parameters}")).unwrap()
}

fn ingress() -> Value {
    json!({
        "metadata": {
            "namespace": "d", "name": "web", "creationTimestamp": "2026-11-23T09:00:00Z",
            "annotations": { "force-ssl-redirect": "true" },
        },
        "spec": {
            "ingressClassName": "nginx",
            "rules": [
                { "host": "a.example.org", "http": { "paths": [
                    { "path": "/", "backend": { "service": { "name": "web", "port": { "number": 80 } } } },
                    { "path": "/x", "backend": { "service": { "name": "web", "port": { "name": "http" } } } },
                ] } },
                { "host": "b.example.org" },
            ],
            "defaultBackend": { "resource": { "kind": "Bucket", "name": "static", "apiGroup": "x" } },
            "tls": [{ "hosts": ["*.example.org"], "secretName": "t" }],
        },
        "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } },
    })
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap();
    match name.parse::<usize>() {
        Ok(number) => parent[number] = value,
        Err(_) => parent[name] = value,
    }
    object
}

fn table<R: crate::systems::kubernetes::Record>(
    objects: &[Value],
    resource: &crate::model::needs::Resource,
) -> Table<R> {
    let mut table = Table::default();
    for object in objects {
        table.take(&object.to_string(), resource);
    }
    table
}

fn service(kind: &str) -> Value {
    json!({
        "metadata": { "namespace": "d", "name": "web" },
        "spec": {
            "type": kind, "clusterIP": "10.0.0.1", "externalName": "elsewhere.example.org",
            "ports": [{ "name": "http", "port": 80, "protocol": "TCP" }],
        },
    })
}

fn slice(ready: bool) -> Value {
    json!({
        "metadata": {
            "namespace": "d", "name": "web-1",
            "labels": { "kubernetes.io/service-name": "web" },
        },
        "addressType": "IPv4", "ports": [{ "name": "http" }],
        "endpoints": [{ "addresses": ["10.1.0.1"], "conditions": { "ready": ready } }],
    })
}

/// What is seen beside Ingresses.
struct Around {
    services: Vec<Value>,
    slices: Vec<Value>,
    classes: Vec<Value>,
}

fn around() -> Around {
    let class = json!({ "metadata": { "name": "nginx" } });
    Around { services: vec![service("ClusterIP")], slices: vec![slice(true)], classes: vec![class] }
}

fn judged(check: &Ingresses, objects: &[Value], around: &Around) -> Judgement {
    let Around { services, slices, classes } = around;
    let mut seen = Seen::default();
    let objects = table::<Ingress>(objects, &INGRESSES);
    seen.ingresses.extend(objects.records().cloned());
    seen.unseen.note(&objects, |_| true);
    let classes = table::<IngressClass>(classes, &INGRESS_CLASSES);
    seen.classes.extend(classes.records().cloned());
    seen.blind_classes = class::garbled(&classes);
    seen.behind.take_services(&table::<Service>(services, &SERVICES));
    seen.behind.take_slices(&table::<EndpointSlice>(slices, &ENDPOINT_SLICES));
    check.judge(&seen, &Past::default(), now())
}

fn said(check: &str, object: &Value, around: &Around) -> (Verdict, Option<&'static str>) {
    let judgement = judged(&ingresses(check), std::slice::from_ref(object), around);
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

const PASS: (Verdict, Option<&str>) = (Verdict::Pass, None);

fn fails(code: &'static str) -> (Verdict, Option<&'static str>) {
    (Verdict::Fail, Some(code))
}

fn blind(code: &'static str) -> (Verdict, Option<&'static str>) {
    (Verdict::Unknown, Some(code))
}

#[test]
fn backends_that_are_no_services_are_said_not_to_be_judged() {
    let judgement = judged(&ingresses("concerns: [backends]"), &[ingress()], &around());
    assert_eq!(
        judgement.because(),
        "d/web: backends with ready endpoints: 2; not judged, being no Services: 1"
    );
}

#[test]
fn every_backend_is_followed_to_its_port_and_endpoints() {
    let path = "/spec/rules/0/http/paths/0/backend/service";
    for (change, value, wanted) in [
        ("/name", json!("gone"), fails("BackendMissing")),
        ("/port", json!({ "number": 81 }), fails("BackendMissing")),
        ("/port", json!({ "name": "grpc" }), fails("BackendMissing")),
        ("/port", json!({}), blind("Garbled")),
        ("/port", json!({ "number": 70_000 }), blind("Garbled")),
    ] {
        let object = with(ingress(), &format!("{path}{change}"), value.clone());
        assert_eq!(said("", &object, &around()), wanted, "{value}");
    }
    let default = json!({ "service": { "name": "gone", "port": { "number": 80 } } });
    let object = with(ingress(), "/spec/defaultBackend", default);
    assert_eq!(said("", &object, &around()), fails("BackendMissing"));
    let unready = Around { slices: vec![slice(false)], ..around() };
    assert_eq!(said("", &ingress(), &unready), fails("BackendNotReady"));
    assert_eq!(said("min_ready: 0", &ingress(), &unready), PASS);
    let elsewhere = Around { services: vec![service("ExternalName")], slices: vec![], ..around() };
    assert_eq!(said("", &ingress(), &elsewhere), PASS, "it has no endpoints of its own");
    let garbled = Around { slices: vec![with(slice(true), "/endpoints", json!(1))], ..around() };
    assert_eq!(said("", &ingress(), &garbled), blind("Garbled"));
    let garbled = Around { services: vec![with(service("x"), "/spec", json!(1))], ..around() };
    assert_eq!(said("", &ingress(), &garbled), blind("Garbled"));
}

#[test]
fn tls_is_read_as_the_api_defines_it() {
    for (tls, wanted) in [
        (json!([{ "hosts": ["a.example.org", "b.example.org"], "secretName": "t" }]), PASS),
        (json!([{ "hosts": ["a.example.org"], "secretName": "t" }]), fails("NoTls")),
        (json!([{ "hosts": ["*.org"], "secretName": "t" }]), fails("NoTls")),
        (json!([{ "secretName": "t" }]), PASS),
        (json!([{ "hosts": ["*.example.org"] }]), (Verdict::Warn, Some("DefaultCertificate"))),
        (json!(null), fails("NoTls")),
    ] {
        let object = with(ingress(), "/spec/tls", tls.clone());
        assert_eq!(said("concerns: [tls]", &object, &around()), wanted, "{tls}");
    }
    let bare = with(ingress(), "/spec/tls", json!([{}]));
    assert_eq!(said("concerns: [tls]\ndefault_certificate: true", &bare, &around()), PASS);
    let any = with(ingress(), "/spec/rules/1", json!({}));
    assert_eq!(said("concerns: [tls]", &any, &around()), fails("NoTls"), "a rule without host");
    let covered = with(ingress(), "/spec/tls", json!([{ "secretName": "t" }]));
    let because = judged(&ingresses("concerns: [tls]"), &[covered], &around()).because();
    assert!(
        because.contains("a TLS entry without hosts, by the controller's wildcard"),
        "{because}"
    );
}

#[test]
fn the_class_is_the_annotations_else_the_fields_else_the_clusters_default() {
    let default = |name: &str| {
        let key = "ingressclass.kubernetes.io/is-default-class";
        json!({ "metadata": { "name": name, "annotations": { key: "true" } } })
    };
    let plain = || json!({ "metadata": { "name": "nginx" } });
    let key = "kubernetes.io/ingress.class";
    let annotated = with(ingress(), "/metadata/annotations", json!({ key: "old" }));
    let none = with(ingress(), "/spec/ingressClassName", json!(null));
    for (object, classes, wanted) in [
        (ingress(), vec![plain()], PASS),
        (ingress(), vec![], fails("ClassMissing")),
        (annotated, vec![plain()], fails("WrongClass")),
        (none.clone(), vec![plain()], fails("WrongClass")),
        (none.clone(), vec![default("nginx")], PASS),
        (none.clone(), vec![default("traefik"), plain()], fails("WrongClass")),
        (none.clone(), vec![default("traefik"), default("nginx")], fails("WrongClass")),
        (
            none,
            vec![json!({ "metadata": { "name": "nginx", "annotations": 3 } })],
            blind("Garbled"),
        ),
    ] {
        let around = Around { classes: classes.clone(), ..around() };
        assert_eq!(said("class: nginx", &object, &around), wanted, "{object} {classes:?}");
    }
}

#[test]
fn hosts_are_compared_exactly_unless_an_ingress_can_not_be_read() {
    let both = "concerns: []\nhosts: [a.example.org, b.example.org]";
    assert_eq!(said(both, &ingress(), &around()), PASS);
    let more = "concerns: []\nhosts: [a.example.org, b.example.org, c.example.org]";
    assert_eq!(said(more, &ingress(), &around()), fails("HostMissing"));
    let less = "concerns: []\nhosts: [a.example.org]";
    assert_eq!(said(less, &ingress(), &around()), fails("HostUnexpected"));
    let garbled = json!({ "metadata": { "namespace": "d", "name": "other" }, "spec": 3 });
    let judgement = judged(&ingresses(more), &[ingress(), garbled], &around());
    assert_eq!(judgement.reason(), Some(Reason::GARBLED), "it may serve the host");
}

#[test]
fn annotations_are_compared_as_they_stand() {
    let asked = |value: &str| format!("annotations: {{ force-ssl-redirect: '{value}' }}");
    assert_eq!(said(&asked("true"), &ingress(), &around()), PASS);
    assert_eq!(said(&asked("false"), &ingress(), &around()), fails("WrongAnnotation"));
    let absent = with(ingress(), "/metadata/annotations", json!(null));
    assert_eq!(said(&asked("true"), &absent, &around()), fails("WrongAnnotation"));
    let huge = json!({ "force-ssl-redirect": "x".repeat(200_000) });
    let huge = with(ingress(), "/metadata/annotations", huge);
    assert_eq!(said(&asked("true"), &huge, &around()), fails("WrongAnnotation"));
    let many: serde_json::Map<String, Value> =
        (0..10_000).map(|number| (format!("k{number}"), json!("v"))).collect();
    let many = with(ingress(), "/metadata/annotations", many.into());
    assert_eq!(said(&asked("true"), &many, &around()), blind("Garbled"));
}

/// Ingresses that fail, and the parameters that say so.
fn troubled() -> Vec<(&'static str, Value)> {
    let path = "/spec/rules/0/http/paths/0/backend/service";
    vec![
        ("", with(ingress(), "/spec/tls", json!([]))),
        ("concerns: [address]", with(ingress(), "/status/loadBalancer", json!({}))),
        ("concerns: [backends]", with(ingress(), &format!("{path}/name"), json!("gone"))),
        ("concerns: [backends]", with(ingress(), &format!("{path}/port"), json!({ "number": 9 }))),
        ("concerns: []\nclass: traefik", ingress()),
        ("concerns: []\nhosts: [a.example.org]", ingress()),
        ("concerns: []\nannotations: { force-ssl-redirect: 'false' }", ingress()),
        ("concerns: []\nexpect: [api]", ingress()),
    ]
}

fn fields(object: &Value) -> Vec<String> {
    let below = |part: &str| {
        let fields = object[part].as_object().into_iter().flatten();
        fields.map(|(name, _)| format!("/{part}/{name}")).collect::<Vec<_>>()
    };
    let mut all: Vec<String> = ["metadata", "spec", "status"].into_iter().flat_map(below).collect();
    all.extend(["/metadata", "/spec", "/status"].map(str::to_owned));
    all
}

/// That the API server left out what is in trouble with the rest is not to be told from there being
/// no such thing: a rule, for hosts; the Ingress falls back to its other backends.
fn is_the_trouble_itself(check: &str, pointer: &str) -> bool {
    let rules = pointer == "/spec/rules";
    rules && (check == "concerns: [backends]")
}

#[test]
fn no_ingress_in_trouble_passes_for_want_of_a_field() {
    for (check, object) in troubled() {
        assert_ne!(said(check, &object, &around()).0, Verdict::Pass, "{check} {object}");
        for pointer in fields(&object).iter().filter(|p| !is_the_trouble_itself(check, p)) {
            let mut changed = object.clone();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            let verdict = said(check, &changed, &around()).0;
            assert_ne!(verdict, Verdict::Pass, "{check} {object} without {pointer}");
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
        let (check, object) = which.get(&troubled);
        let fields = fields(object);
        let pointer = place.get(&fields);
        let mut changed = object.clone();
        let old = changed.pointer(pointer).unwrap().clone();
        let same_type = std::mem::discriminant(&old) == std::mem::discriminant(&put);
        *changed.pointer_mut(pointer).unwrap() = put;
        let (verdict, _) = said(check, &changed, &around());
        let excused = same_type || is_the_trouble_itself(check, pointer);
        prop_assert!(excused || verdict != Verdict::Pass, "{} at {}", changed, pointer);
    }
}

#[test]
fn a_canary_is_covered_by_the_ingress_that_it_diverts_from_and_not_by_its_own_entries() {
    let canary = |host: &str| {
        let canary = with(ingress(), "/metadata/name", json!("web-canary"));
        let mark = json!({ "nginx.ingress.kubernetes.io/canary": "true" });
        let canary = with(canary, "/metadata/annotations", mark);
        let canary = with(canary, "/spec/defaultBackend", Value::Null);
        let canary = with(canary, "/spec/rules/1/host", json!("a.example.org"));
        with(canary, "/spec/rules/0/host", json!(host))
    };
    let check = ingresses("concerns: [tls]");
    let both = |host: &str| judged(&check, &[ingress_with_hosts(), canary(host)], &around());
    assert_eq!(
        both("a.example.org").verdict(),
        Verdict::Pass,
        "{}",
        both("a.example.org").because()
    );
    assert_eq!(both("c.example.org").reason().map(Reason::code), Some("NoTls"));
    let alone = judged(&check, &[canary("a.example.org")], &around());
    assert_eq!(alone.reason().map(Reason::code), Some("NoTls"));
}

/// One whose TLS entry covers all that it serves.
fn ingress_with_hosts() -> Value {
    with(ingress(), "/spec/defaultBackend", Value::Null)
}

#[test]
fn an_action_of_the_aws_controller_is_no_service_that_is_missing() {
    let backend =
        json!({ "service": { "name": "ssl-redirect", "port": { "name": "use-annotation" } } });
    let object = with(ingress(), "/spec/rules/0/http/paths/1/backend", backend);
    let judgement =
        judged(&ingresses("concerns: [backends]"), std::slice::from_ref(&object), &around());
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert!(judgement.because().contains("not judged, being no Services: 2"));
}
