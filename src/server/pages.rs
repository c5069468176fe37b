//! Whatever only reads: pages, JSON, health.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::Served;
use super::answer::{json, line, markdown, page, problem};
use super::negotiation::wants_html;
use super::openapi::{Defect, Missing};
use crate::model::item::ItemId;
use crate::model::judgement::legible;
use crate::model::likeness::meant;
use crate::model::snapshot::Snapshot;
use crate::views::api::{Checklist, ItemView, Problem, RecordsView};
use crate::views::markdown as sheet;
use crate::views::page as views;

/// The longest part of a request that an answer repeats, in characters.
pub(super) const LONGEST_ECHO: usize = 200;
/// What the problem of an unknown id is called.
pub(super) const NO_SUCH_ITEM: &str = "No such item";

/// The `{id}` of a path; empty where it is not text, and then nothing has it.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let id = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(id.map(|Path(id)| id).unwrap_or_default()))
    }
}

/// The two ids of a path, one below the other; empty where they are not text.
pub(super) struct Ids(pub(super) String, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Ids {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let ids = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (above, below) = ids.map(|Path(ids)| ids).unwrap_or_default();
        Ok(Self(above, below))
    }
}

/// The checklist as a page.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "checklist_page",
    tag = "pages",
    params(
        (
            "standing" = Option<String>, Query, example = "failing,unknown",
            description = "Only lines that stand so, the words set apart by commas",
        ),
        (
            "severity" = Option<String>, Query, example = "critical",
            description = "Only lines of these severities, set apart by commas",
        ),
        (
            "q" = Option<String>, Query, example = "tls",
            description = "Only lines in whose texts this is found",
        ),
    ),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), Defect)
)]
pub(super) async fn checklist(
    State(served): State<Arc<Served>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let daemon = &served.daemon;
    let (snapshot, vitals, now) = (daemon.snapshot(), daemon.vitals(), daemon.now());
    let filter = views::Filter::read(&query.unwrap_or_default());
    page(StatusCode::OK, &headers, views::checklist(&snapshot, &vitals, &filter, now))
}

/// One item as a page.
#[utoipa::path(
    get,
    path = "/items/{id}",
    operation_id = "item_page",
    tag = "pages",
    params(("id" = ItemId, Path, description = "The item's id", example = "pods-running")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (
            status = 404,
            description = "Nothing has this id: a page for browsers, a problem for programs",
            content((Problem = "application/problem+json"), (String = "text/html")),
        ),
        Defect,
    )
)]
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
            let writable = served.tokens.is_some();
            let rendered = views::item(&snapshot, &daemon.vitals(), item, writable, daemon.now());
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

/// The checklist as it stands.
#[utoipa::path(
    get,
    path = "/api/v1/checklist",
    operation_id = "checklist",
    tag = "checklist",
    responses((status = 200, description = "The checklist", body = Checklist), Defect)
)]
pub(super) async fn api_checklist(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
) -> Response {
    let daemon = &served.daemon;
    json(&headers, &Checklist::new(&daemon.snapshot(), &daemon.vitals(), daemon.now()))
}

/// The paper checklist as Markdown, its boxes ticked.
#[utoipa::path(
    get,
    path = "/api/v1/checklist.md",
    operation_id = "checklist_markdown",
    tag = "checklist",
    responses(
        (status = 200, description = "The checklist", body = String, content_type = "text/markdown"),
        Defect,
    )
)]
pub(super) async fn api_checklist_markdown(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
) -> Response {
    let daemon = &served.daemon;
    markdown(&headers, sheet::checklist(&daemon.snapshot(), &[], daemon.now()))
}

/// What no look can find out again: human acts, and deployments.
#[utoipa::path(
    get,
    path = "/api/v1/records",
    operation_id = "records",
    tag = "acts",
    responses((status = 200, description = "The record", body = RecordsView), Defect)
)]
pub(super) async fn api_records(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let daemon = &served.daemon;
    json(&headers, &RecordsView::new(&daemon.snapshot(), daemon.now()))
}

/// One item with its evidence and history.
#[utoipa::path(
    get,
    path = "/api/v1/items/{id}",
    operation_id = "item",
    tag = "checklist",
    params(("id" = ItemId, Path, description = "The item's id", example = "pods-running")),
    responses((status = 200, description = "The item", body = ItemView), Missing, Defect)
)]
pub(super) async fn api_item(
    State(served): State<Arc<Served>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let snapshot = served.daemon.snapshot();
    match snapshot.item(&id) {
        Some(item) => json(&headers, &ItemView::new(&snapshot, item, served.daemon.now())),
        None => unknown_item(&snapshot, &id),
    }
}

/// The problem of an id that the configuration in use does not hold.
pub(super) fn no_such_item(id: &str) -> Response {
    problem(404, NO_SUCH_ITEM, nobody(id))
}

/// The same, with the items that were probably meant, if any is like it.
pub(super) fn unknown_item(snapshot: &Snapshot, id: &str) -> Response {
    match meant_item(snapshot, id) {
        Some(meant) => problem(404, NO_SUCH_ITEM, format!("{}; {meant}", nobody(id))),
        None => no_such_item(id),
    }
}

/// Asks for the items that were probably meant by an id that none has; nothing where there is no need.
pub(super) fn meant_item(snapshot: &Snapshot, id: &str) -> Option<String> {
    let known = snapshot.items.iter().map(|item| item.card.id.as_str());
    if snapshot.item(id).is_some() { None } else { meant(id, known) }
}

/// No item has this id.
pub(super) fn nobody(id: &str) -> String {
    format!("no item has the id `{}`", legible(id, LONGEST_ECHO))
}

/// Fails when the engine is dead, so that the daemon gets restarted.
#[utoipa::path(
    get,
    path = "/-/healthy",
    tag = "daemon",
    responses(
        (status = 200, description = "It is healthy", body = String),
        (status = 503, description = "The engine has not ticked for 30 s", body = String),
    )
)]
pub(super) async fn healthy(State(served): State<Arc<Served>>) -> Response {
    let vitals = served.daemon.vitals();
    if vitals.engine_is_late(served.daemon.now()) {
        let text = format!("The engine last ticked at {:.0}.", vitals.last_tick);
        line(StatusCode::SERVICE_UNAVAILABLE, &text)
    } else {
        line(StatusCode::OK, "Vigie is healthy.")
    }
}

/// Fails while the daemon can't serve what it is there for.
#[utoipa::path(
    get,
    path = "/-/ready",
    tag = "daemon",
    responses(
        (status = 200, description = "It is ready", body = String),
        (status = 503, description = "What it still waits for", body = String),
    )
)]
pub(super) async fn ready(State(served): State<Arc<Served>>) -> Response {
    match served.daemon.ready() {
        Ok(()) => line(StatusCode::OK, "Vigie is ready."),
        Err(waiting) => line(StatusCode::SERVICE_UNAVAILABLE, &waiting),
    }
}
