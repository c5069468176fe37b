//! HTTP: routes, authentication, limits, graceful stop.
//!
//! Its law: a request reads a snapshot and starts no look; whatever writes needs a token; nobody
//! can hold a connection, memory or the daemon's end for longer than the limits say.

mod answer;
mod audit;
mod connection;
mod daemon;
mod deployments;
mod negotiation;
mod pages;
mod scrape;
mod tokens;
mod writes;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::model::judgement::legible;

pub use connection::Limits;
pub use daemon::{Daemon, LookNow};

use answer::problem;
use audit::Audit;
use scrape::Renderings;
use tokens::TokenFile;

/// What every route may use.
pub(crate) struct Served {
    daemon: Arc<dyn Daemon>,
    renderings: Renderings,
    audit: Audit,
    tokens: Option<TokenFile>,
}

/// The routes of the daemon. Without a file of tokens, everything that writes is refused.
pub fn routes(daemon: Arc<dyn Daemon>, token_file: Option<PathBuf>) -> Router {
    let served = Served {
        daemon,
        renderings: Renderings::default(),
        audit: Audit::default(),
        tokens: token_file.map(TokenFile::new),
    };
    Router::new()
        .route("/", get(pages::checklist))
        .route("/items/{id}", get(pages::item))
        .route("/metrics", get(scrape::metrics))
        .route("/-/healthy", get(pages::healthy))
        .route("/-/ready", get(pages::ready))
        .route("/-/reload", post(writes::reload))
        .route("/api/v1/checklist", get(pages::api_checklist))
        .route("/api/v1/checklist.md", get(pages::api_checklist_markdown))
        .route("/api/v1/records", get(pages::api_records))
        .route("/api/v1/items/{id}", get(pages::api_item))
        .route("/api/v1/items/{id}/attempts", post(writes::look_now))
        .route("/api/v1/deployments", get(deployments::all).post(deployments::announce))
        .route("/api/v1/deployments/{id}", get(deployments::one))
        .fallback(pages::unknown_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(answer::harden))
        .with_state(Arc::new(served))
}

/// Serves until `stop` is ready, then lets requests in flight end within the limits.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
) {
    connection::accept(listener, routes, limits, stop).await;
}

/// The status of an answer to a method that a path does not know; axum adds the header `Allow`.
async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let path = legible(uri.path(), pages::LONGEST_ECHO);
    let detail = format!("{} is not possible on {path}", legible(method.as_str(), 20));
    problem(405, "Method not allowed", detail)
}
