//! What is scraped.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

/// A stand-in that serves the families of two items by the contract.
pub struct Vigie {
    pub address: SocketAddr,
    text: Arc<Mutex<String>>,
}

impl Vigie {
    pub async fn start() -> Self {
        let text = Arc::new(Mutex::new(exposition(None)));
        let shown = Arc::clone(&text);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let metrics = get(async move || {
            let text = shown.lock().expect("the text").clone();
            ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
        });
        let router = Router::new().route("/metrics", metrics);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, text }
    }

    pub fn break_api(&self) {
        *self.text.lock().expect("the text") = exposition(Some("ServerError"));
    }

    pub fn heal_api(&self) {
        *self.text.lock().expect("the text") = exposition(None);
    }
}

fn exposition(reason: Option<&str>) -> String {
    let mut text = String::new();
    let standing = if reason.is_some() { "failing" } else { "passing" };
    let common = "environment=\"test\",item=\"api-answers\"";
    let labels = format!("{common},section=\"outside\",severity=\"critical\"");
    let mut row = |row: String| writeln!(text, "{row}").expect("memory");
    row(format!(
        "vigie_item_info{{{labels},title=\"The API answers\",mode=\"auto\",kinds=\"http\",runbook_url=\"https://runbooks.example/api\"}} 1"
    ));
    for each in ["failing", "passing", "unknown"] {
        let on = u8::from(each == standing);
        row(format!("vigie_item_standing{{{labels},standing=\"{each}\"}} {on}"));
    }
    if let Some(reason) = reason {
        row(format!("vigie_item_reason{{{labels},standing=\"failing\",reason=\"{reason}\"}} 1"));
    }
    row(format!("vigie_item_standing_since_timestamp_seconds{{{common}}} 1700000000"));
    row(format!("vigie_item_attempts_total{{{common},verdict=\"pass\"}} 3"));
    for le in ["0.1", "+Inf"] {
        row(format!(
            "vigie_attempt_duration_seconds_bucket{{environment=\"test\",kind=\"http\",le=\"{le}\"}} 3"
        ));
        row(format!("vigie_schedule_delay_seconds_bucket{{environment=\"test\",le=\"{le}\"}} 3"));
    }
    row("vigie_engine_last_tick_timestamp_seconds{environment=\"test\"} 1700000000".to_owned());
    row("vigie_config_last_reload_successful{environment=\"test\"} 1".to_owned());
    text
}
