//! The telephone: a webhook that keeps what Alertmanager sends it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;

use super::process::eventually;

/// An alert as it came in, with the receiver it was meant for.
#[derive(Clone, Debug)]
pub struct Notice {
    /// `on-call` or `team`.
    pub receiver: String,
    /// The alert: `status`, `labels`, `annotations`.
    pub alert: Value,
}

/// A webhook, and all that came in so far.
#[derive(Clone)]
pub struct Webhook {
    /// Where it listens.
    pub address: SocketAddr,
    notices: Arc<Mutex<Vec<Notice>>>,
}

impl Webhook {
    /// Opens it; it lives as long as the test's runtime.
    pub async fn open() -> Self {
        let notices = Arc::<Mutex<Vec<Notice>>>::default();
        let kept = Arc::clone(&notices);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let router = Router::new().route("/{receiver}", post(keep)).with_state(kept);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, notices }
    }

    /// Waits for a notice of this alert about this item in this status (`firing` or `resolved`).
    pub async fn notice(&self, name: &str, item: &str, status: &str) -> Notice {
        let mut found = None;
        let come = eventually(async || {
            found = self.notices().into_iter().rev().find(|Notice { alert, .. }| {
                alert["labels"]["alertname"] == name
                    && alert["labels"]["item"] == item
                    && alert["status"] == status
            });
            found.is_some()
        });
        come.await.unwrap_or_else(|()| {
            panic!("no {name} of {item} came {status}, but {:#?}", self.notices())
        });
        found.expect("a notice")
    }

    /// All that came in so far.
    pub fn notices(&self) -> Vec<Notice> {
        self.notices.lock().expect("the notices").clone()
    }
}

async fn keep(
    Path(receiver): Path<String>,
    State(notices): State<Arc<Mutex<Vec<Notice>>>>,
    Json(message): Json<Value>,
) {
    let alerts = message["alerts"].as_array().expect("alerts").clone();
    let all = alerts.into_iter().map(|alert| Notice { receiver: receiver.clone(), alert });
    notices.lock().expect("the notices").extend(all);
}
