//! Prometheus takes what we serve: all of it, without a word of complaint.

use super::server::{Alertmanager, Prometheus, TARGET_LABELS};
use super::vigie::Vigie;
use super::webhook::Webhook;

#[tokio::test]
async fn a_scrape_is_taken_whole_and_nothing_of_ours_is_renamed() {
    let vigie = Vigie::start().await;
    let alertmanager = Alertmanager::notifying(Webhook::open().await.address).await;
    let prometheus = Prometheus::scraping(vigie.address(), alertmanager.address()).await;

    prometheus.rows("up{job=\"vigie\"} == 1").await;
    prometheus.rows("count(vigie_item_standing == 1) == count(vigie_item_info)").await;
    prometheus.rows("scrape_samples_post_metric_relabeling == scrape_samples_scraped").await;
    let names = prometheus.label_names().await;
    for target in TARGET_LABELS {
        assert!(names.iter().any(|name| name == target), "no {target} in {names:?}");
    }
    let renamed: Vec<_> = names.iter().filter(|name| name.starts_with("exported_")).collect();
    assert!(renamed.is_empty(), "{renamed:?}");
    assert_eq!(prometheus.complaints(), "");
}
