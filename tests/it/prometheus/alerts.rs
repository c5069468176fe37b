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
