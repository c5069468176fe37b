//! `prometheus_query`: every reason, over a real socket. Against a real Prometheus it is held in
//! `prometheus::observed`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vigie::checks::prometheus_query::PrometheusQuery;
use vigie::model::finding::Verdict::Pass;
use vigie::model::judgement::Judgement;
use vigie::systems::clock::Clock;
use vigie_sim::net::broken::Fault;
use vigie_sim::net::site::{Answer, Site};

use super::api::{self, silences};
use super::{Provocation, provoke};
use crate::net::ground::deserted;
use crate::support::{look, look_since, systems};

const ABOVE: &str = "above: { warn: 1, fail: 2 }";
const BEFORE: &str = "baseline: { from: { ago: 1d }, at_most: { warn: 2, fail: 4 }, at_least: { warn: 0.5, fail: 0.25 } }";

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_query_gives_every_reason() {
    provoke(provocations()).await;
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    let mut all = silences!(PrometheusQuery, Unknown, at);
    all.extend(rows! { PrometheusQuery:
        "AboveLimit" Warn one("1.5", ABOVE);
        "AboveLimit" Fail one("2.5", ABOVE);
        "BelowLimit" Warn one("1.5", "below: { warn: 2, fail: 1 }");
        "BelowLimit" Fail one("0.5", "below: { warn: 2, fail: 1 }");
        "AboveBaseline" Warn one("30", BEFORE);
        "AboveBaseline" Fail one("50", BEFORE);
        "BelowBaseline" Warn one("4", BEFORE);
        "BelowBaseline" Fail one("2", BEFORE);
        "NoBaseline" Unknown compared(json!([]), "unknown");
        "NoBaseline" Fail compared(json!([]), "fail");
        "NoSeries" Unknown answered(vector(&[]), ABOVE);
        "NoSeries" Fail one("1", "above: { fail: 2 }, empty: fail, expect: { label: job, values: [absent] }");
        "NotANumber" Unknown one("NaN", ABOVE);
        "NotANumber" Fail one("NaN", "above: { fail: 2 }, nan: fail");
        "Infinite" Unknown one("+Inf", ABOVE);
        "Infinite" Fail one("-Inf", "above: { fail: 2 }, infinite: fail");
        "PartialAnswer" Unknown answered(partial(), ABOVE);
        "PartialAnswer" Fail answered(partial(), "above: { fail: 2 }, partial: fail");
        "NotAFigure" Unknown answered(data("string", &json!([0, "text"])), ABOVE);
        "SampleTooOld" Unknown one("1", "above: { fail: 2 }, max_age: 1s");
        "AnswerTooOld" Unknown answered(at_time(-180), ABOVE);
        "ClockSkew" Unknown answered(at_time(180), ABOVE);
        "NoDeployment" Unknown one("1", "baseline: { from: deployment, at_most: { fail: 2 } }");
        "QueryRefused" Unknown async {
            let refusal = json!({ "status": "error", "errorType": "bad_data", "error": "parse error" });
            let (url, _site) = api::answering(400, refusal.to_string()).await;
            at(&url, "", "", api::PATIENT).await
        };
        "NoConnection" Unknown async {
            look("prometheus_query: { expression: up, below: { fail: 1 } }", &systems("{}", Clock::System)).await
        };
    });
    all
}

fn data(kind: &str, result: &Value) -> Value {
    json!({ "status": "success", "data": { "resultType": kind, "result": result } })
}

fn now() -> Timestamp {
    Clock::System.now()
}

fn row(job: &str, at: Timestamp, value: &str) -> Value {
    json!({ "metric": { "__name__": "up", "job": job }, "value": [at.as_second(), value] })
}

fn vector(values: &[(&str, &str)]) -> Value {
    let rows: Vec<_> = values.iter().map(|(job, value)| row(job, now(), value)).collect();
    data("vector", &json!(rows))
}

fn partial() -> Value {
    let mut answer = vector(&[("api", "1")]);
    answer["warnings"] = json!(["no store matched for this query"]);
    answer
}

fn at_time(seconds: i64) -> Value {
    data("vector", &json!([row("api", now() + SignedDuration::from_secs(seconds), "1")]))
}

/// What the day before was: the series `api` at 10.
fn before() -> Value {
    let values: Vec<_> = (0..20).map(|step| json!([1_700_000_000 + step, "10"])).collect();
    json!([{ "metric": { "__name__": "up", "job": "api" }, "values": values }])
}

async fn site(answer: &Value, before: Value) -> Site {
    let site = Site::plain().await.expect("a site");
    site.answer("/api/v1/query", Answer::new(200, answer.to_string()));
    site.answer("/api/v1/query_range", Answer::new(200, data("matrix", &before).to_string()));
    site
}

async fn asked(site: &Site, parts: &str) -> Judgement {
    let connections =
        format!("{{ prometheus: {{ default: {{ url: 'http://{}' }} }} }}", site.address());
    let check = format!("prometheus_query: {{ expression: up, {parts} }}");
    look(&check, &systems(&connections, Clock::System)).await
}

async fn answered(answer: Value, parts: &str) -> Judgement {
    asked(&site(&answer, before()).await, parts).await
}

async fn one(value: &str, parts: &str) -> Judgement {
    answered(vector(&[("api", value)]), parts).await
}

async fn compared(before: Value, missing: &str) -> Judgement {
    let site = site(&vector(&[("api", "1")]), before).await;
    let parts =
        format!("baseline: {{ from: {{ ago: 1d }}, at_most: {{ fail: 2 }}, missing: {missing} }}");
    asked(&site, &parts).await
}

async fn refusing(status: u16) -> Judgement {
    let (url, _site) = api::answering(status, api::failure(status)).await;
    at(&url, "", "", api::PATIENT).await
}

async fn at(url: &str, more: &str, net: &str, allowed: Duration) -> Judgement {
    let connections = format!("{{ {net}prometheus: {{ default: {{ url: '{url}', {more} }} }} }}");
    let check = "prometheus_query: { expression: up, below: { fail: 1 } }";
    crate::support::look_within(allowed, check, &systems(&connections, Clock::System)).await
}

#[tokio::test]
async fn each_series_has_a_line_by_its_labels_and_the_expected_ones_a_row() {
    let answer = vector(&[("api", "0.5"), ("web", "3"), ("new", "1")]);
    let expected = "expect: { label: job, values: [api, web, gone] }, name: errors, unit: '%'";
    let judgement = answered(answer, &format!("{ABOVE}, {expected}")).await;
    let said: Vec<_> = judgement
        .lines()
        .iter()
        .map(|line| (line.subject.as_str(), line.because.as_str(), line.verdict.label()))
        .collect();
    assert_eq!(
        said,
        [
            ("job=\"api\"", "0.5 %, at most 1 allowed", "pass"),
            ("job=\"web\"", "3 %, at most 2 allowed", "fail"),
            ("job=\"new\"", "1 %, at most 1 allowed", "pass"),
            ("gone", "no series bears job=\"gone\"", "unknown"),
        ]
    );
    let rows: Vec<_> = judgement
        .samples()
        .iter()
        .map(|sample| {
            format!("{} {} {}", sample.measure.name, sample.labels.join(" "), sample.value)
        })
        .collect();
    assert_eq!(
        rows,
        [
            "vigie_query_series errors 3",
            "vigie_query_value errors api 0.5",
            "vigie_query_value errors web 3"
        ]
    );
}

#[tokio::test]
async fn the_baseline_of_a_deployment_is_asked_for_up_to_its_beginning_and_exported() {
    let site = site(&vector(&[("api", "15")]), before()).await;
    let connections =
        format!("{{ prometheus: {{ default: {{ url: 'http://{}' }} }} }}", site.address());
    let systems = systems(&connections, Clock::System);
    let began: Timestamp = "2026-03-15T12:00:00Z".parse().expect("a time");
    let check = "prometheus_query: { expression: up, name: load, baseline: { from: deployment, over: \
                 1h, at_most: { fail: 2 } } }";
    let judgement = look_since(began, check, &systems).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert_eq!(
        judgement.because(),
        "job=\"api\": 15; 15, and it was 10 in the 1h before the deployment"
    );
    let baseline =
        judgement.samples().iter().find(|sample| sample.measure.name == "vigie_baseline");
    let baseline = baseline.expect("a baseline");
    assert_eq!((&*baseline.labels[0], &*baseline.labels[1]), ("vigie_query_value", "load"));
    let asked = site.asked();
    let range = asked.iter().find(|asked| asked.target.contains("query_range")).expect("a range");
    let (start, end) = (began.as_second() - 3_600, began.as_second());
    let span = format!("start={start}&end={end}&step=180");
    assert!(range.target.contains(&span), "{}", range.target);
}

#[tokio::test]
async fn little_is_not_compared_with_little() {
    let little = "baseline: { from: { ago: 1d }, at_most: { fail: 2 }, ignore_below: 100 }";
    assert_eq!(one("50", little).await.verdict(), Pass);
}
