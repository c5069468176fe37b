//! `prometheus_server`: every reason, over a real socket. Against a real Prometheus it is held in
//! `prometheus::observed`.

use std::time::Duration;

use axum::http::Uri;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vigie::checks::prometheus_server::PrometheusServer;
use vigie::model::finding::Verdict::{self, Fail, Pass, Unknown};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::clock::Clock;
use vigie_sim::net::broken::Fault;
use vigie_sim::net::site::{Answer, Site};

use super::api::{self, silences};
use super::{Provocation, provoke};
use crate::net::ground::deserted;
use crate::support::{look, systems};

const TARGETS: &str = "targets: { jobs: { api: 1 } }";
const RULES: &str = "rules: { groups: [shop], names: [Slow] }";
const ALERTMANAGERS: &str = "alertmanagers: {}";

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_server_gives_every_reason() {
    provoke(provocations()).await;
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    let mut all = silences!(PrometheusServer, Fail, at);
    all.extend(rows! { PrometheusServer:
        "Unreachable" Fail at("http://127.255.255.255:9", "", "", api::PATIENT);
        "NoTargets" Fail told(|s| s.targets = json!([]), "targets: { own: {} }");
        "JobMissing" Fail told(|_| {}, "targets: { jobs: { web: 1 } }");
        "TooFewTargets" Fail told(|s| s.targets[0]["health"] = json!("down"), "targets: { jobs: { api: 2 } }");
        "TargetDown" Warn told(|s| s.targets[1]["health"] = json!("down"), TARGETS);
        "TargetDown" Fail told(|s| s.targets[1]["lastScrape"] = json!(ago(600)), "targets: { down: fail }");
        "OwnTargetMissing" Fail told(|s| s.targets[2]["labels"]["job"] = json!("other"), TARGETS);
        "OwnTargetDown" Fail told(|s| s.targets[2]["health"] = json!("unknown"), TARGETS);
        "NoRules" Fail told(|s| s.groups = json!([]), "rules: {}");
        "RuleMissing" Fail told(|s| s.groups[0]["rules"][0]["name"] = json!("Other"), RULES);
        "RuleFailing" Fail told(|s| s.groups[0]["rules"][0]["health"] = json!("err"), RULES);
        "RuleFailing" Warn told(|s| s.groups[1]["rules"][0]["health"] = json!("err"), RULES);
        "RuleLate" Fail told(|s| s.groups[0]["rules"][0]["lastEvaluation"] = json!(ago(600)), RULES);
        "RuleLate" Warn told(|s| s.groups[1]["rules"][0]["lastEvaluation"] = json!(ago(600)), RULES);
        "NotEvaluated" Unknown told(|s| s.groups[0]["rules"][0]["health"] = json!("unknown"), RULES);
        "ClockSkew" Unknown told(|s| s.groups[0]["rules"][0]["lastEvaluation"] = json!(ago(-180)), RULES);
        "TooFewAlertmanagers" Fail told(|s| s.alertmanagers = json!([]), ALERTMANAGERS);
        "NotificationsDropped" Fail told(|s| s.counted = json!([counted("3.1")]), ALERTMANAGERS);
        "NotificationsFailing" Warn failing();
        "NotCounted" Unknown told(|s| s.counted = json!([]), ALERTMANAGERS);
        "ReloadFailed" Fail told(|s| s.reloaded = json!(false), RULES);
        "QueryRefused" Unknown async {
            let site = Server::new().site().await;
            let refusal = json!({ "status": "error", "errorType": "bad_data", "error": "parse error" });
            site.answer("/api/v1/query", Answer::new(400, refusal.to_string()));
            of(&site, ALERTMANAGERS).await
        };
        "NoConnection" Unknown async {
            look("prometheus_server: { rules: {} }", &systems("{}", Clock::System)).await
        };
    });
    all
}

fn ago(seconds: i64) -> Timestamp {
    Clock::System.now() - SignedDuration::from_secs(seconds)
}

fn counted(value: &str) -> Value {
    json!({ "metric": { "alertmanager": "http://a:9093/api/v2/alerts" }, "value": [0, value] })
}

/// What a server says of itself.
struct Server {
    targets: Value,
    groups: Value,
    alertmanagers: Value,
    counted: Value,
    reloaded: Value,
}

impl Server {
    /// Two targets of a job, this daemon, a group that is watched and one that is not.
    fn new() -> Self {
        let target = |job: &str, instance: &str| {
            json!({
                "discoveredLabels": {}, "labels": { "job": job, "instance": instance },
                "scrapePool": job, "scrapeUrl": "http://x", "lastError": "", "health": "up",
                "lastScrape": ago(5), "scrapeInterval": "15s", "scrapeTimeout": "10s",
            })
        };
        let group = |name: &str, rule: &str| {
            json!({ "name": name, "file": "f", "interval": 15, "rules": [{
                "type": "alerting", "name": rule, "query": "a > 1", "duration": 0, "health": "ok",
                "lastError": "", "alerts": [], "lastEvaluation": ago(5), "state": "inactive",
            }] })
        };
        Self {
            targets: json!([target("api", "a:1"), target("api", "a:2"), target("vigie", "v:1")]),
            groups: json!([group("shop", "Slow"), group("other", "Odd")]),
            alertmanagers: json!([{ "url": "http://a:9093/api/v2/alerts" }]),
            counted: json!([counted("0")]),
            reloaded: json!(true),
        }
    }

    async fn site(self) -> Site {
        let Self { targets, groups, alertmanagers, counted, reloaded } = self;
        let site = Site::plain().await.expect("a site");
        let say = |path: &str, data: Value| {
            let body = json!({ "status": "success", "data": data }).to_string();
            site.answer(path, Answer::new(200, body));
        };
        say("/api/v1/targets", json!({ "activeTargets": targets, "droppedTargets": [] }));
        say("/api/v1/rules", json!({ "groups": groups }));
        say(
            "/api/v1/alertmanagers",
            json!({ "activeAlertmanagers": alertmanagers, "droppedAlertmanagers": [] }),
        );
        say("/api/v1/query", json!({ "resultType": "vector", "result": counted }));
        say("/api/v1/status/runtimeinfo", json!({ "reloadConfigSuccess": reloaded }));
        site
    }
}

async fn told(change: fn(&mut Server), parts: &str) -> Judgement {
    let mut server = Server::new();
    change(&mut server);
    of(&server.site().await, parts).await
}

/// Notifications fail to one of several, and none is dropped: two answers to two queries.
async fn failing() -> Judgement {
    let site = Server::new().site().await;
    let address = site.address();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let here = listener.local_addr().expect("an address");
    let answer = move |uri: Uri| async move {
        let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        if path.contains("errors_total") {
            let data = json!({ "resultType": "vector", "result": [counted("2")] });
            return json!({ "status": "success", "data": data }).to_string();
        }
        let url = format!("http://{address}{path}");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        client.get(url).send().await.expect("an answer").text().await.expect("a body")
    };
    let router = axum::Router::new().fallback(answer);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let judgement = at_with(&format!("http://{here}"), "", "", ALERTMANAGERS, api::PATIENT).await;
    serving.abort();
    judgement
}

async fn of(site: &Site, parts: &str) -> Judgement {
    at_with(&format!("http://{}", site.address()), "", "", parts, api::PATIENT).await
}

async fn refusing(status: u16) -> Judgement {
    let (url, _site) = api::answering(status, api::failure(status)).await;
    at(&url, "", "", api::PATIENT).await
}

async fn at(url: &str, more: &str, net: &str, allowed: Duration) -> Judgement {
    at_with(url, more, net, "rules: {}", allowed).await
}

async fn at_with(url: &str, more: &str, net: &str, parts: &str, allowed: Duration) -> Judgement {
    let connections = format!("{{ {net}prometheus: {{ default: {{ url: '{url}', {more} }} }} }}");
    let check = format!("prometheus_server: {{ {parts} }}");
    crate::support::look_within(allowed, &check, &systems(&connections, Clock::System)).await
}

#[tokio::test]
async fn a_server_that_does_all_it_should_passes_with_its_figures() {
    let judgement =
        told(|_| {}, "targets: { jobs: { api: 2 } }, rules: { groups: [shop] }, alertmanagers: {}")
            .await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    let said: Vec<_> = judgement.lines().iter().map(|l| (&*l.subject, &*l.because)).collect();
    assert_eq!(
        said,
        [
            ("job api", "2 of 2 targets are up, 2 wanted"),
            ("own target", "v:1 with job=\"vigie\" is up"),
            ("rules", "2 rules of 2 groups are loaded"),
            ("alertmanagers", "alerts are sent to 1 of them, 1 wanted"),
            ("notifications", "none failed or was dropped within 10m"),
            ("configuration", "it was taken"),
        ]
    );
    let rows: Vec<_> = judgement
        .samples()
        .iter()
        .map(|sample| {
            format!("{} {} {}", sample.measure.name, sample.labels.join(" "), sample.value)
        })
        .collect();
    for row in [
        "vigie_prometheus_targets default api up 2",
        "vigie_prometheus_targets default api down 0",
        "vigie_prometheus_rules default ok 2",
        "vigie_prometheus_alertmanagers default 1",
    ] {
        assert!(rows.iter().any(|exported| exported == row), "{row}: {rows:#?}");
    }
}

/// A field that is gone, or of another form, is never taken for a good one.
#[tokio::test]
async fn nothing_passes_by_absence() {
    type Change = fn(&mut Server);
    let fields: [(Change, &str, Verdict); 6] = [
        (|s| gone(&mut s.targets[0], "health"), "targets: { jobs: { api: 2 } }", Fail),
        (|s| gone(&mut s.targets[0], "lastScrape"), "targets: { jobs: { api: 2 } }", Fail),
        (|s| gone(&mut s.targets[0], "labels"), "targets: { jobs: { api: 2 } }", Fail),
        (|s| gone(&mut s.groups[0]["rules"][0], "health"), RULES, Unknown),
        (|s| gone(&mut s.groups[0]["rules"][0], "lastEvaluation"), RULES, Unknown),
        (|s| gone(&mut s.groups[0], "rules"), RULES, Fail),
    ];
    for (change, parts, verdict) in fields {
        let judgement = told(change, parts).await;
        assert_eq!(judgement.verdict(), verdict, "{}", judgement.because());
    }
    let site = Server::new().site().await;
    site.answer(
        "/api/v1/status/runtimeinfo",
        Answer::new(200, "{\"status\":\"success\",\"data\":{}}"),
    );
    let judgement = of(&site, "rules: {}").await;
    assert_eq!(judgement.reason(), Some(Reason::GARBLED), "{}", judgement.because());
}

fn gone(value: &mut Value, field: &str) {
    value.as_object_mut().expect("an object").remove(field).expect("a field");
}

#[tokio::test]
async fn a_job_whose_targets_are_all_dropped_says_so() {
    let mut server = Server::new();
    server.targets[0]["labels"]["job"] = json!("other");
    server.targets[1]["labels"]["job"] = json!("other");
    let site = server.site().await;
    let dropped =
        json!([{ "discoveredLabels": { "job": "api" } }, { "discoveredLabels": { "job": "api" } }]);
    let before = of(&site, TARGETS).await;
    assert!(before.because().contains("it has no target, 1 wanted"), "{}", before.because());
    let data = json!({ "activeTargets": [], "droppedTargets": dropped });
    let counts = json!({ "status": "success", "data": data });
    site.answer("/api/v1/targets", Answer::new(200, counts.to_string()));
    let judgement = of(&site, "targets: { jobs: { api: 1 }, own: {} }").await;
    let missing = judgement.lines().iter().find(|line| line.subject == "job api");
    let because = missing.map(|line| line.because.as_str());
    assert_eq!(because, Some("it has no target, 1 wanted; relabelling drops 2"));
    assert_eq!(
        told(
            |s| s.targets[1]["health"] = json!("down"),
            "targets: { jobs: { api: 1 }, down: allowed }"
        )
        .await
        .verdict(),
        Pass
    );
}
