//! Asking a real Prometheus: the client, and the volumes that it tells of.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::time::Instant;
use vigie::model::finding::Verdict::{Fail, Pass, Unknown};
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie::systems::prometheus::{Answer, Asking, Figures};

use super::process::eventually;
use super::server::Prometheus;
use crate::support;

/// What a kubelet serves about two volumes.
const VOLUMES: &str = r#"
kubelet_volume_stats_capacity_bytes{namespace="shop",persistentvolumeclaim="data"} 1e9
kubelet_volume_stats_available_bytes{namespace="shop",persistentvolumeclaim="data"} 6e8
kubelet_volume_stats_used_bytes{namespace="shop",persistentvolumeclaim="data"} 3.5e8
kubelet_volume_stats_inodes{namespace="shop",persistentvolumeclaim="data"} 1000
kubelet_volume_stats_inodes_used{namespace="shop",persistentvolumeclaim="data"} 40
kubelet_volume_stats_capacity_bytes{namespace="other",persistentvolumeclaim="full"} 1e9
kubelet_volume_stats_available_bytes{namespace="other",persistentvolumeclaim="full"} 0
"#;

/// A Prometheus that scrapes an exporter whose text may be changed, and Vigie's connection to it.
struct Scraped {
    prometheus: Prometheus,
    text: Arc<Mutex<String>>,
    systems: Systems,
}

async fn scraped(text: &str) -> Scraped {
    let text = Arc::new(Mutex::new(text.to_owned()));
    let shown = Arc::clone(&text);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let page = get(move || async move { shown.lock().expect("a text").clone() });
    let router = Router::new().route("/metrics", page);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let prometheus = Prometheus::scraping_only(address).await;
    let url = format!("http://{}", prometheus.address());
    let connections = format!("{{ prometheus: {{ main: {{ url: '{url}' }} }} }}");
    let systems = support::systems(&connections, Clock::System);
    Scraped { prometheus, text, systems }
}

impl Scraped {
    async fn ask(&self, expression: &str) -> Result<Answer, &'static str> {
        let until = Instant::now() + Duration::from_secs(10);
        let now = self.systems.clock.now();
        let asking = Asking { name: "main", now, until };
        let asked = self.systems.prometheus.query(asking, expression).await;
        asked.map_err(|obstacle| obstacle.reason.code())
    }
}

#[tokio::test]
async fn instant_queries_bring_scalars_and_vectors_and_refusals() {
    let scraped = scraped("answer{of=\"all\"} 42\n").await;
    scraped.prometheus.rows("answer").await;
    let Ok(Answer { figures: Figures::Vector(rows), notes, at: _ }) = scraped.ask("answer").await
    else {
        panic!("a vector");
    };
    assert_eq!((rows[0].labels["of"].as_str(), rows[0].value), ("all", 42.0));
    assert!(notes.warnings.is_empty());
    let figures = |answer: Result<Answer, _>| answer.map(|answer| answer.figures);
    assert_eq!(figures(scraped.ask("6 * 7").await), Ok(Figures::Scalar(42.0)));
    assert_eq!(figures(scraped.ask("absent_one").await), Ok(Figures::Vector(Vec::new())));
    assert_eq!(scraped.ask("sum(").await, Err("QueryRefused"));
    assert_eq!(figures(scraped.ask("answer[5m]").await), Ok(Figures::Other("ranges")));
    assert_eq!(figures(scraped.ask("\"text\"").await), Ok(Figures::Other("text")));
    let long = format!("answer + 0{}", " + 0".repeat(2_000));
    assert!(
        matches!(figures(scraped.ask(&long).await), Ok(Figures::Vector(rows)) if rows.len() == 1)
    );
}

#[tokio::test]
async fn volumes_are_judged_by_what_a_prometheus_scraped() {
    let scraped = scraped(VOLUMES).await;
    scraped.prometheus.rows("kubelet_volume_stats_inodes_used").await;
    let check = |more: &str| {
        format!(
            "resource_usage: {{ namespaces: [shop], volumes: {{ from: {{ prometheus: main }}, {more} }} }}"
        )
    };
    let judgement = support::look(&check("expect: [data]"), &scraped.systems).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert!(
        judgement.because().starts_with("volume shop/data: 40.0 % of 0.9 GiB are used"),
        "{}",
        judgement.because()
    );
    let judgement = support::look(&check("expect: [data, logs]"), &scraped.systems).await;
    let said = (judgement.verdict(), judgement.reason());
    assert_eq!(said, (Unknown, Some(Reason::new("NoSample"))));
    let full = VOLUMES.replace("6e8", "2e7");
    *scraped.text.lock().expect("a text") = full;
    let check = check("");
    let turned =
        eventually(async || support::look(&check, &scraped.systems).await.verdict() == Fail);
    turned.await.expect("the volume is full");
}
