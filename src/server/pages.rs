//! Whatever only reads: pages, JSON, health.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::Served;
use super::answer::{json, line, markdown, page, problem};
use super::negotiation::wants_html;
use crate::model::judgement::legible;
use crate::views::api::{Checklist, ItemView, RecordsView};
use crate::views::markdown as sheet;
use crate::views::page as views;

/// The longest part of a request that an answer repeats, in characters.
pub(super) const LONGEST_ECHO: usize = 200;

/// The `{id}` of a path; empty where it is not text, and then nothing has it.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let id = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(id.map(|Path(id)| id).unwrap_or_default()))
    }
}

/// `GET /`
pub(super) async fn checklist(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let daemon = &served.daemon;
    let (snapshot, vitals, now) = (daemon.snapshot(), daemon.vitals(), daemon.now());
    page(StatusCode::OK, &headers, views::checklist(&snapshot, &vitals, now))
}

/// `GET /items/{id}`
pub(super) async fn item(
    State(served): State<Arc<Served>>,
    Id(id): Id,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let daemon = &served.daemon;
    let snapshot = daemon.snapshot();
    match snapshot.item(&id) {
        Some(item) => {
            let rendered = views::item(&snapshot, &daemon.vitals(), item, daemon.now());
            page(StatusCode::OK, &headers, rendered)
        }
        None => unknown_path(State(served), uri, headers).await,
    }
}

/// Any other path: a page for people, a problem for programs.
pub(super) async fn unknown_path(
    State(served): State<Arc<Served>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if wants_html(&headers) {
        let rendered = views::not_found(&served.daemon.snapshot(), uri.path());
        page(StatusCode::NOT_FOUND, &headers, rendered)
    } else {
        problem(404, "Not found", format!("there is no {}", legible(uri.path(), LONGEST_ECHO)))
    }
}

/// `GET /api/v1/checklist`
pub(super) async fn api_checklist(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
) -> Response {
    let daemon = &served.daemon;
    json(&headers, &Checklist::new(&daemon.snapshot(), &daemon.vitals(), daemon.now()))
}

/// `GET /api/v1/checklist.md`: the paper checklist, its boxes ticked.
pub(super) async fn api_checklist_markdown(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
) -> Response {
    let daemon = &served.daemon;
    markdown(&headers, sheet::checklist(&daemon.snapshot(), &[], daemon.now()))
}

/// `GET /api/v1/records`: human acts and deployments.
pub(super) async fn api_records(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let daemon = &served.daemon;
    json(&headers, &RecordsView::new(&daemon.snapshot(), daemon.now()))
}

/// `GET /api/v1/items/{id}`
pub(super) async fn api_item(
    State(served): State<Arc<Served>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let snapshot = served.daemon.snapshot();
    match snapshot.item(&id) {
        Some(item) => json(&headers, &ItemView::new(&snapshot, item, served.daemon.now())),
        None => no_such_item(&id),
    }
}

/// The problem of an id that the configuration in use does not hold.
pub(super) fn no_such_item(id: &str) -> Response {
    let detail = format!("no item has the id `{}`", legible(id, LONGEST_ECHO));
    problem(404, "No such item", detail)
}

/// `GET /-/healthy`: fails when the engine is dead, so that the daemon gets restarted.
pub(super) async fn healthy(State(served): State<Arc<Served>>) -> Response {
    let vitals = served.daemon.vitals();
    if vitals.engine_is_late(served.daemon.now()) {
        let text = format!("The engine last ticked at {:.0}.", vitals.last_tick);
        line(StatusCode::SERVICE_UNAVAILABLE, &text)
    } else {
        line(StatusCode::OK, "Vigie is healthy.")
    }
}

/// `GET /-/ready`
pub(super) async fn ready(State(served): State<Arc<Served>>) -> Response {
    match served.daemon.ready() {
        Ok(()) => line(StatusCode::OK, "Vigie is ready."),
        Err(waiting) => line(StatusCode::SERVICE_UNAVAILABLE, &waiting),
    }
}
