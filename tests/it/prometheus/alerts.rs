//! A fault reaches the telephone, and so does its end.

use super::server::{Alertmanager, Prometheus};
use super::vigie::Vigie;
use super::webhook::{Notice, Webhook};

#[tokio::test]
async fn a_failing_item_rings_with_its_title_and_reason_and_is_resolved() {
    let vigie = Vigie::start().await;
    let webhook = Webhook::open().await;
    let alertmanager = Alertmanager::notifying(webhook.address).await;
    let prometheus = Prometheus::scraping(vigie.address(), alertmanager.address()).await;
    prometheus.rows("vigie_item_standing{item=\"api-answers\", standing=\"passing\"} == 1").await;
    assert!(webhook.notices().is_empty(), "{:#?}", webhook.notices());

    vigie.api_is(false);
    let Notice { receiver, alert } =
        webhook.notice("VigieItemFailing", "api-answers", "firing").await;
    assert_eq!(receiver, "on-call", "a critical item");
    let labels = serde_json::json!({
        "alertname": "VigieItemFailing",
        "environment": "test",
        "item": "api-answers",
        "section": "outside",
        "severity": "critical",
    });
    assert_eq!(alert["labels"], labels);
    let annotations = &alert["annotations"];
    assert_eq!(annotations["summary"], "The \"API\" answers: no longer true in test");
    assert_eq!(annotations["runbook_url"], "https://runbooks.example/api");
    let description = annotations["description"].as_str().expect("a description");
    assert!(
        description.contains("`api-answers` (outside) is failing: ServerError, since 20"),
        "{description}"
    );

    vigie.api_is(true);
    let Notice { alert, .. } = webhook.notice("VigieItemFailing", "api-answers", "resolved").await;
    assert_eq!(alert["labels"], labels, "the same alert");
}

#[tokio::test]
async fn a_blind_item_rings_and_one_that_waits_for_another_does_not() {
    let vigie = Vigie::start().await;
    let webhook = Webhook::open().await;
    let alertmanager = Alertmanager::notifying(webhook.address).await;
    let prometheus = Prometheus::scraping(vigie.address(), alertmanager.address()).await;
    prometheus.rows("count(vigie_item_standing{standing=\"passing\"} == 1) == 3").await;

    vigie.api_is(false);
    vigie.lose_secret();
    let Notice { receiver, alert } =
        webhook.notice("VigieItemUnknown", "partner-answers", "firing").await;
    assert_eq!(receiver, "team", "not a critical item");
    let summary = &alert["annotations"]["summary"];
    assert_eq!(summary, "The partner answers: nobody can tell in test");
    let description = alert["annotations"]["description"].as_str().expect("a description");
    assert!(description.contains("is unknown: SecretMissing"), "{description}");
    let waiting = "vigie_item_reason{item=\"jobs-run\", reason=\"DependencyFailing\"}";
    prometheus.rows(waiting).await;
    webhook.notice("VigieItemFailing", "api-answers", "firing").await;

    vigie.api_is(true);
    vigie.find_secret();
    webhook.notice("VigieItemUnknown", "partner-answers", "resolved").await;
    webhook.notice("VigieItemFailing", "api-answers", "resolved").await;
    let notices = webhook.notices();
    let rang = |item| notices.iter().any(|Notice { alert, .. }| alert["labels"]["item"] == item);
    assert!(!rang("jobs-run"), "{notices:#?}");
}

#[tokio::test]
async fn a_restart_under_a_firing_alert_rings_nobody() {
    let mut vigie = Vigie::start().await;
    let webhook = Webhook::open().await;
    let alertmanager = Alertmanager::notifying(webhook.address).await;
    // As shipped, an alert bridges lost scrapes for longer than any restart takes.
    let prometheus =
        Prometheus::bridging(vigie.address(), alertmanager.address(), "keep_firing_for: 1m").await;
    prometheus.rows("count(vigie_item_standing{standing=\"passing\"} == 1) == 3").await;
    vigie.api_is(false);
    webhook.notice("VigieItemFailing", "api-answers", "firing").await;
    let since = "vigie_item_standing_since_timestamp_seconds{item=\"api-answers\"}";
    let failures = "vigie_item_attempts_total{item=\"api-answers\", verdict=\"fail\"}";
    prometheus.rows(&format!("{failures} >= 3")).await;
    let value = |rows: &[serde_json::Value]| {
        rows[0]["value"][1].as_str().expect("a value").parse::<f64>().expect("a number")
    };
    let (began, count) =
        (value(&prometheus.rows(since).await), value(&prometheus.rows(failures).await));

    vigie.restart().await;
    prometheus.rows(&format!("{failures} > {count} + 3")).await;
    assert!((value(&prometheus.rows(since).await) - began).abs() < 0.001, "as before");
    let samples = "vigie_item_standing{item=\"api-answers\", standing=\"failing\"}[5m]";
    let samples = prometheus.query(samples).await;
    let samples = samples[0]["values"].as_array().expect("samples");
    let failing = |sample: &&serde_json::Value| sample[0].as_f64().expect("a time") > began + 1.0;
    let seen: Vec<_> = samples.iter().filter(failing).collect();
    assert!(seen.len() > 3, "{samples:#?}");
    assert!(
        seen.iter().all(|sample| sample[1] == "1"),
        "no scrape saw anything else: {samples:#?}"
    );
    let notices = webhook.notices();
    let about = |item| notices.iter().filter(|n| n.alert["labels"]["item"] == item).count();
    assert_eq!((about("api-answers"), notices.len()), (1, 1), "{notices:#?}");
}
