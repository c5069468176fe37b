//! HTTP: routes, authentication, limits, graceful stop.
//!
//! Its law: a request reads a snapshot and starts no look; whatever writes needs a token; nobody
//! can hold a connection, memory or the daemon's end for longer than the limits say.

mod acts;
mod answer;
mod audit;
mod connection;
mod daemon;
mod deployments;
mod guard;
mod negotiation;
mod openapi;
mod pages;
mod rate;
mod replay;
mod scrape;
mod tokens;
mod waiting;
mod writes;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware;
use axum::response::Response;
use bytes::Bytes;
use tokio::net::TcpListener;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::model::judgement::legible;

pub use connection::Limits;
pub use daemon::{Daemon, LookNow};

use acts::{attestations, maintenance, waivers};
use answer::problem;
use audit::Audit;
use rate::Rates;
use replay::Replays;
use scrape::Renderings;
use tokens::TokenFile;

/// Looks whether a file of tokens can be used, before a daemon is started with it.
///
/// # Errors
/// It can't; a sentence that names it, says why, and repeats nothing of what it says.
pub async fn check_tokens(file: &Path) -> Result<(), String> {
    TokenFile::new(file.to_owned()).check().await
}

/// What every route may use.
pub(crate) struct Served {
    daemon: Arc<dyn Daemon>,
    renderings: Renderings,
    audit: Audit,
    tokens: Option<TokenFile>,
    rates: Rates,
    replays: Replays,
    /// The description of all routes, as JSON.
    document: Bytes,
}

/// The routes of the daemon. Without a file of tokens, everything that writes is refused.
pub fn routes(daemon: Arc<dyn Daemon>, token_file: Option<PathBuf>) -> Router {
    let (routes, document) = described().split_for_parts();
    let served = Served {
        daemon,
        renderings: Renderings::default(),
        audit: Audit::default(),
        tokens: token_file.map(TokenFile::new),
        rates: Rates::default(),
        replays: Replays::default(),
        document: document.to_json().unwrap_or_default().into(),
    };
    routes
        .fallback(pages::unknown_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(answer::harden))
        .with_state(Arc::new(served))
}

/// Each route with its description; what shares a path stands on one line.
fn described() -> OpenApiRouter<Arc<Served>> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(pages::checklist))
        .routes(routes!(pages::item))
        .routes(routes!(pages::api_checklist))
        .routes(routes!(pages::api_checklist_markdown))
        .routes(routes!(pages::api_records))
        .routes(routes!(pages::api_item))
        .routes(routes!(writes::look_now))
        .routes(routes!(attestations::attestations, attestations::attest))
        .routes(routes!(attestations::attestation, attestations::end_attestation))
        .routes(routes!(waivers::waivers, waivers::waive))
        .routes(routes!(waivers::waiver, waivers::end_waiver))
        .routes(routes!(maintenance::all, maintenance::maintain))
        .routes(routes!(maintenance::span, maintenance::end_maintenance))
        .routes(routes!(deployments::all, deployments::announce))
        .routes(routes!(deployments::one))
        .routes(routes!(scrape::metrics))
        .routes(routes!(pages::healthy))
        .routes(routes!(pages::ready))
        .routes(routes!(writes::reload))
        .routes(routes!(openapi::document))
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

#[cfg(test)]
mod slow_tests;
