//! `resource_usage` against an API server, kubelets behind it, and a Prometheus.

mod quotas;

use std::net::{Ipv4Addr, TcpListener};

use axum::Router;
use axum::response::IntoResponse;
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use vigie::model::finding::Verdict::{Fail, Pass, Unknown};
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::model::reason::Reason;
use vigie::systems::clock::Clock;
use vigie_sim::kubernetes::{Act, Fault, Metrics, Rule, User, Volume};

use super::Provocation;
use crate::kubernetes::{Cluster, NAMESPACE, brisk, pod, trouble, with};
use crate::support;
pub use quotas::quota;
use quotas::{QUOTAS, ROOM, growing, quotas};

const MEMORY: &str = "resource_usage: { namespaces: [shop], memory: {} }";
const CPU: &str = "resource_usage: { namespaces: [shop], max_age: 1h, cpu: { of_limit: { warn: 90, fail: 95 } } }";
const VOLUMES: &str = "resource_usage: { namespaces: [shop], max_age: 1d, volumes: { full_within: { warn: 24h, fail: 6h } } }";
const STORED: &str =
    "resource_usage: { namespaces: [shop], volumes: { from: { prometheus: main } } }";
const METRICS_PATH: &str = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods";
const STATS_PATH: &str = "/api/v1/nodes/node-0/proxy/stats/summary";

/// A pod of a Deployment on a node, with limits and requests.
pub fn limited() -> Value {
    let resources = json!({
        "limits": { "cpu": "1", "memory": "1000Mi" },
        "requests": { "cpu": "500m", "memory": "500Mi" },
    });
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8c", "uid": "1",
        "controller": true,
    }]);
    let pod = with(pod("web-5d8c-a"), "/metadata/ownerReferences", owner);
    let pod = with(pod, "/spec/containers/0/resources", resources);
    with(pod, "/spec/nodeName", json!("node-0"))
}

pub fn node() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-0" }, "spec": {},
        "status": { "addresses": [{ "type": "InternalIP", "address": "192.0.2.7" }] },
    })
}

/// A cluster with one pod on one node, and metrics-server.
async fn cluster() -> Cluster {
    let cluster = Cluster::start().await;
    cluster.server.serve_metrics(Metrics::Served);
    cluster.put(node());
    cluster.put(limited());
    cluster
}

async fn consuming(cpu: &str, memory: &str) -> Cluster {
    let cluster = cluster().await;
    cluster.server.consume("shop/web-5d8c-a/web", cpu, memory);
    cluster
}

async fn remembering(memory: &str) -> Judgement {
    consuming("1m", memory).await.look(MEMORY).await
}

async fn computing(cpu: &str) -> Judgement {
    let cluster = consuming(cpu, "1Mi").await;
    let mut past = Past::default();
    support::look_back(CPU, &cluster.systems, &mut past).await;
    cluster.advance(11);
    support::look_back(CPU, &cluster.systems, &mut past).await
}

async fn unlimited(word: &str) -> Judgement {
    let cluster = consuming("1m", "1Mi").await;
    cluster.put(with(limited(), "/spec/containers/0/resources", json!({})));
    let check =
        format!("resource_usage: {{ namespaces: [shop], memory: {{ unlimited: {word} }} }}");
    cluster.look(&check).await
}

/// A sample that is so old.
async fn sampled(age: SignedDuration) -> Judgement {
    let cluster = consuming("1m", "1Mi").await;
    cluster.server.sample(age, "15s");
    cluster.look(MEMORY).await
}

async fn unmeasured(minutes: i64) -> Judgement {
    let cluster = cluster().await;
    cluster.advance(minutes);
    cluster.look(MEMORY).await
}

async fn metrics(metrics: Metrics) -> Judgement {
    let cluster = cluster().await;
    cluster.server.serve_metrics(metrics);
    cluster.look(MEMORY).await
}

pub fn volume(percent: u64, inodes: u64) -> Volume {
    Volume {
        node: "node-0".to_owned(),
        namespace: NAMESPACE.to_owned(),
        claim: "data".to_owned(),
        capacity: 1_000 << 20,
        available: (1_000 - 10 * percent) << 20,
        inodes: 1_000,
        inodes_used: 10 * inodes,
    }
}

async fn mounted(percent: u64, inodes: u64) -> Judgement {
    let cluster = cluster().await;
    cluster.server.mount(volume(percent, inodes));
    cluster.look(VOLUMES).await
}

/// A volume that fills by so much an hour, after seven hours.
async fn filling(percent: u64) -> Judgement {
    let cluster = cluster().await;
    let mut past = Past::default();
    for hour in 0..7 {
        cluster.server.mount(volume(10 + hour * percent, 0));
        support::look_back(VOLUMES, &cluster.systems, &mut past).await;
        cluster.advance(60);
    }
    support::look_back(VOLUMES, &cluster.systems, &mut past).await
}

async fn nodeless() -> Judgement {
    let cluster = cluster().await;
    cluster.remove("nodes/node-0");
    cluster.look(VOLUMES).await
}

async fn garbled() -> Judgement {
    let cluster = cluster().await;
    cluster.server.say_instead(METRICS_PATH, json!("<html>not what was asked for</html>"));
    cluster.look(MEMORY).await
}

/// Connects to a Prometheus at `url`; `more` are further keys.
async fn stored_at(url: &str, more: &str) -> Judgement {
    let connections = format!("{{ prometheus: {{ main: {{ url: '{url}', {more} }} }} }}");
    support::look(STORED, &support::systems(&connections, Clock::System)).await
}

/// One that answers every query so.
async fn answering(answer: impl IntoResponse + Clone + Send + Sync + 'static) -> Judgement {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let router = Router::new().fallback(move || async move { answer });
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let judgement = stored_at(&format!("http://{address}"), "").await;
    server.abort();
    judgement
}

fn refusing() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    format!("http://{}", listener.local_addr().expect("its address"))
}

async fn unconnected() -> Judgement {
    support::look(STORED, &support::systems("{}", Clock::System)).await
}

const BAD_DATA: &str = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { vigie::checks::resource_usage::ResourceUsage:
        "MemoryHigh" Warn remembering("850Mi");
        "MemoryHigh" Fail remembering("950Mi");
        "CpuHigh" Warn computing("920m");
        "CpuHigh" Fail computing("1");
        "NoLimit" Warn unlimited("warn");
        "NoLimit" Fail unlimited("fail");
        "VolumeNearlyFull" Warn mounted(85, 0);
        "VolumeNearlyFull" Fail mounted(95, 0);
        "FewInodes" Warn mounted(10, 85);
        "FewInodes" Fail mounted(10, 95);
        "VolumeFilling" Warn filling(5);
        "VolumeFilling" Fail filling(11);
        "QuotaNearlyUsed" Warn quotas(Some(quota(Some("85Gi"))));
        "QuotaNearlyUsed" Fail quotas(Some(quota(Some("95Gi"))));
        "Missing" Fail quotas(None);
        "NotCounted" Unknown quotas(Some(quota(None)));
        "NoRoom" Fail growing("web");
        "NoReplica" Unknown growing("api");
        "NoSample" Unknown unmeasured(5);
        "NotYet" Unknown unmeasured(0);
        "SampleTooOld" Unknown sampled(SignedDuration::from_mins(10));
        "ClockSkew" Unknown sampled(SignedDuration::from_mins(-10));
        "MetricsUnavailable" Unknown metrics(Metrics::Absent);
        "StatsUnavailable" Unknown nodeless();
        "PrometheusDown" Unknown async { stored_at(&refusing(), "").await };
        "QueryRefused" Unknown answering((StatusCode::BAD_REQUEST, BAD_DATA));
        "NoConnection" Unknown unconnected();
        "TooLarge" Unknown answering("x".repeat(9 << 20));
        "SecretMissing" Unknown async { stored_at(&refusing(), "bearer: { file: /absent }").await };
        "Garbled" Unknown garbled();
        "WatchRunning" Unknown trouble::running(QUOTAS);
        "StreamDown" Unknown trouble::down(QUOTAS);
        "StreamSilent" Unknown trouble::silent(QUOTAS);
        "Forbidden" Unknown trouble::forbidden(MEMORY);
        "Unauthorized" Unknown trouble::unauthorized(QUOTAS);
        "KindUnknown" Unknown trouble::kind_unknown(QUOTAS);
        "NoAccess" Unknown trouble::no_access(QUOTAS);
    }
}

#[tokio::test]
async fn every_reason_of_resource_usage_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn what_is_far_from_its_limits_passes_with_its_figures() {
    let cluster = consuming("100m", "250Mi").await;
    cluster.server.mount(volume(40, 7));
    cluster.put(quota(Some("40Gi")));
    let check =
        "resource_usage: { namespaces: [shop], memory: {}, cpu: {}, volumes: {}, quotas: {} }";
    let judgement = cluster.look(check).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    let said: Vec<_> = judgement.lines().iter().map(|l| (&*l.subject, &*l.because)).collect();
    assert_eq!(
        said,
        [
            (
                "memory of Deployment shop/web",
                "container web of pod web-5d8c-a uses 250 MiB of its limit of 1000 MiB, 25 %, 80 % allowed"
            ),
            (
                "CPU of Deployment shop/web",
                "container web of pod web-5d8c-a uses 0.10 cores of its limit of 1.00 cores, 10 %, 90 % allowed"
            ),
            (
                "volume shop/data",
                "40.0 % of 1.0 GiB are used, 80 % allowed; 7.0 % of the inodes are used, 80 % allowed; \
                 how fast it fills is not known yet, after 0s of 6h"
            ),
            ("quota shop/quota", "40Gi of 100Gi requests.memory are used, 40 %, 80 % allowed"),
        ]
    );
    let exported = judgement.samples().iter().filter(|sample| sample.measure.exported);
    let mut rows: Vec<_> = exported
        .map(|s| format!("{} {} {:.3}", s.measure.name, s.labels.join(" "), s.value))
        .collect();
    rows.sort();
    assert_eq!(
        rows,
        [
            "vigie_quota_used_ratio shop quota pods 0.060",
            "vigie_quota_used_ratio shop quota requests.memory 0.400",
            "vigie_volume_capacity_bytes shop data 1048576000.000",
            "vigie_volume_used_ratio shop data bytes 0.400",
            "vigie_volume_used_ratio shop data inodes 0.070",
            "vigie_workload_usage_ratio shop Deployment web cpu limit 0.100",
            "vigie_workload_usage_ratio shop Deployment web cpu request 0.200",
            "vigie_workload_usage_ratio shop Deployment web memory limit 0.250",
            "vigie_workload_usage_ratio shop Deployment web memory request 0.500",
        ]
    );
}

#[tokio::test]
async fn a_look_costs_one_request_a_namespace_and_one_a_node() {
    let cluster = consuming("1m", "1Mi").await;
    cluster.put(with(limited(), "/metadata/name", json!("web-5d8c-b")));
    let check = "resource_usage: { namespaces: [shop], memory: {}, cpu: {}, volumes: {} }";
    cluster.look(check).await;
    cluster.server.forget_requests();
    cluster.look(check).await;
    let asked: Vec<_> = cluster.server.requests().iter().map(|r| r.path.clone()).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked.contains(&METRICS_PATH.to_owned()) && asked.contains(&STATS_PATH.to_owned()));
}

#[tokio::test]
async fn an_aggregated_api_that_is_down_is_told_apart_from_the_api_server() {
    let judgement = metrics(Metrics::Down).await;
    assert_eq!(judgement.reason(), Some(Reason::new("MetricsUnavailable")));
    assert!(judgement.because().contains("503"), "{}", judgement.because());
    // The rest goes on.
    let cluster = cluster().await;
    cluster.server.serve_metrics(Metrics::Down);
    cluster.put(quota(Some("95Gi")));
    let check = "resource_usage: { namespaces: [shop], memory: {}, quotas: {} }";
    let judgement = cluster.look(check).await;
    assert_eq!(judgement.reason(), Some(Reason::new("QuotaNearlyUsed")));
}

#[tokio::test]
async fn an_answer_that_is_cut_or_huge_is_none() {
    let cluster = consuming("1m", "1Mi").await;
    cluster.server.inject(Fault::new(Act::CutAfter(100)).verb("list").resource("pods"));
    let judgement = cluster.look(MEMORY).await;
    assert_eq!(judgement.verdict(), Unknown, "{}", judgement.because());
    cluster.server.heal();
    assert_eq!(cluster.look(MEMORY).await.verdict(), Pass);
    let huge = json!({ "items": [], "more": "x".repeat(17 << 20) });
    cluster.server.say_instead(METRICS_PATH, huge.clone());
    assert_eq!(cluster.look(MEMORY).await.reason(), Some(Reason::TOO_LARGE));
    cluster.server.say_instead(STATS_PATH, huge);
    assert_eq!(cluster.look(VOLUMES).await.reason(), Some(Reason::TOO_LARGE));
    cluster.server.say_instead(STATS_PATH, json!({ "pods": [] }));
    let judgement = cluster.look(VOLUMES).await;
    assert_eq!(judgement.reason(), Some(Reason::new("NoSample")), "empty is not a pass");
}

#[tokio::test]
async fn a_pod_without_a_sample_makes_its_workload_unknown_and_hides_no_failure() {
    let cluster = consuming("1m", "500Mi").await;
    cluster.put(with(limited(), "/metadata/name", json!("web-5d8c-b")));
    cluster.advance(4);
    let judgement = cluster.look(MEMORY).await;
    assert_eq!(judgement.reason(), Some(Reason::new("NoSample")), "{}", judgement.because());
    assert!(judgement.because().contains("of 1 of 2 pods"), "{}", judgement.because());
    cluster.server.consume("shop/web-5d8c-a/web", "1m", "950Mi");
    assert_eq!(cluster.look(MEMORY).await.reason(), Some(Reason::new("MemoryHigh")));
}

#[tokio::test]
async fn each_part_needs_its_own_rights_and_no_other() {
    let rule = |verbs: &[&str], group: &str, resource: &str| {
        Rule::cluster(verbs, &[group], &[resource]).within(NAMESPACE)
    };
    let watch = ["list", "watch"];
    let stats = Rule::cluster(&["get"], &[""], &["nodes/proxy"]);
    for (check, rules) in [
        (MEMORY, vec![rule(&watch, "", "pods"), rule(&["list"], "metrics.k8s.io", "pods")]),
        (VOLUMES, vec![rule(&watch, "", "pods"), stats]),
        (QUOTAS, vec![rule(&watch, "", "resourcequotas")]),
        (
            ROOM,
            vec![
                rule(&watch, "", "resourcequotas"),
                rule(&watch, "autoscaling", "horizontalpodautoscalers"),
                rule(&watch, "", "pods"),
            ],
        ),
    ] {
        for left_out in 0..=rules.len() {
            let mut cluster = consuming("1m", "1Mi").await;
            cluster.server.mount(volume(10, 10));
            cluster.put(quota(Some("1Gi")));
            let mut granted = rules.clone();
            let all = left_out == rules.len();
            if !all {
                granted.remove(left_out);
            }
            cluster.server.admit("t0ken", User::new("vigie", granted));
            let token = cluster.file("token", "t0ken\n");
            let token = format!("token: {{ file: '{}' }}", token.display());
            cluster.connect(&cluster.connection(&token), brisk());
            let judgement = cluster.look(check).await;
            let wanted = if all { (Pass, None) } else { (Unknown, Some(Reason::FORBIDDEN)) };
            let said = (judgement.verdict(), judgement.reason());
            assert_eq!(said, wanted, "{check} without {left_out}: {}", judgement.because());
        }
    }
}

#[tokio::test]
async fn a_busy_moment_is_no_alarm_and_one_that_ends_begins_anew() {
    let cluster = consuming("1", "1Mi").await;
    let mut past = Past::default();
    let mut verdicts = Vec::new();
    for (minutes, cpu) in [(0, "1"), (6, "1"), (3, "10m"), (3, "1"), (6, "1"), (6, "1")] {
        cluster.advance(minutes);
        cluster.server.consume("shop/web-5d8c-a/web", cpu, "1Mi");
        verdicts.push(support::look_back(CPU, &cluster.systems, &mut past).await.verdict());
    }
    assert_eq!(verdicts, [Pass, Pass, Pass, Pass, Pass, Fail]);
}
