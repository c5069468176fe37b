//! `/metrics` as scrapers ask for it.

use std::io::Read;

use reqwest::Method;
use vigie::server::Limits;

use super::{Cardboard, Running};
use crate::fixtures::{FINISHED, item, many, snapshot};
use crate::views::exposition::{read_open_metrics, read_text};

const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0,\
    application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

#[tokio::test]
async fn the_format_is_negotiated() {
    let server = Running::start(Cardboard::new(many(3, 3)), None, Limits::default()).await;
    let answer = server.get("/metrics").await;
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.headers()["vary"], "Accept, Accept-Encoding");
    let text = read_text(&answer.text().await.expect("text")).expect("text 0.0.4");

    let ask = server.request(Method::GET, "/metrics").header("accept", PROMETHEUS);
    let answer = ask.send().await.expect("an answer");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.headers()["content-type"], kind);
    let open = read_open_metrics(&answer.text().await.expect("text")).expect("OpenMetrics");
    assert_eq!(text.differences(&open), Vec::<String>::new());
}

#[tokio::test]
async fn a_scrape_is_compressed_for_who_takes_it() {
    let server = Running::start(Cardboard::new(many(50, 4)), None, Limits::default()).await;
    let plain = server.get("/metrics").await.bytes().await.expect("a body");
    let ask = server.request(Method::GET, "/metrics").header("accept-encoding", "gzip");
    let answer = ask.send().await.expect("an answer");
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let packed = answer.bytes().await.expect("a body");
    assert!(packed.len() * 5 < plain.len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*packed).read_to_string(&mut text).expect("gzip");
    assert_eq!(text.as_bytes(), plain);
}

#[tokio::test]
async fn many_scrapes_at_a_time_are_answered_alike() {
    let server = Running::start(Cardboard::new(many(400, 10)), None, Limits::default()).await;
    let scrapes = (0..20).map(|_| async { server.get("/metrics").await.bytes().await });
    let bodies = futures::future::join_all(scrapes).await;
    assert!(bodies.iter().all(|body| body.as_ref().expect("a body").len() > 500_000));
}

#[tokio::test]
async fn a_scrape_shows_what_is_so_now() {
    let server = Running::plain().await;
    assert!(!server.get("/metrics").await.text().await.expect("text").contains("newcomer"));
    let newer = snapshot([item("newcomer", "s", "t").passes("fine", 1)]);
    *server.daemon.snapshot.lock().unwrap() = std::sync::Arc::new(newer);
    let text = server.get("/metrics").await.text().await.expect("text");
    assert!(text.contains("newcomer") && !text.contains("pods-running"));
}

#[tokio::test]
async fn rows_left_out_are_counted_over_all_scrapes() {
    let twins = item("twins", "s", "t")
        .sample(FINISHED.is(1.0, ["a"]))
        .sample(FINISHED.is(2.0, ["a"]))
        .passes("fine", 1);
    let server = Running::start(Cardboard::new(snapshot([twins])), None, Limits::default()).await;
    for scrape in 1..=3 {
        let text = server.get("/metrics").await.text().await.expect("text");
        let row = format!(
            "vigie_series_dropped_total{{item=\"twins\",environment=\"staging\"}} {scrape}"
        );
        assert!(text.contains(&row), "{row}");
    }
}
