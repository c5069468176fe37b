//! Waivers over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::super::Served;
use super::super::answer::json;
use super::super::audit::Action;
use super::super::guard::Write;
use super::super::openapi::{Defect, IdempotencyKey, Impossible, Missing, Refused, Unreadable};
use super::super::pages::{Id, Ids, unknown_item};
use super::{one, taken_back, told};
use crate::model::acts::requests::{WaiverRequest, Wish, WithdrawalRequest};
use crate::model::item::ItemId;
use crate::views::api::{WaiverView, Waivers};

/// What a body looks like.
const EXAMPLE: &str =
    r#"{"who": "…", "why": "…", "reasons": ["…"], "until": "2026-12-01T08:00:00Z"}"#;

/// Waivers of an item, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/items/{id}/waivers",
    tag = "acts",
    params(("id" = ItemId, Path, description = "The item's id", example = "pods-running")),
    responses((status = 200, description = "They", body = Waivers), Missing, Defect)
)]
pub(in crate::server) async fn waivers(
    State(served): State<Arc<Served>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let snapshot = served.daemon.snapshot();
    match snapshot.item(&id) {
        Some(item) => json(&headers, &Waivers::new(item, served.daemon.now())),
        None => unknown_item(&snapshot, &id),
    }
}

/// One waiver.
#[utoipa::path(
    get,
    path = "/api/v1/items/{id}/waivers/{waiver}",
    tag = "acts",
    params(
        ("id" = ItemId, Path, description = "The item's id", example = "pods-running"),
        ("waiver" = String, Path, description = "The waiver's id"),
    ),
    responses((status = 200, description = "It", body = WaiverView), Missing, Defect)
)]
pub(in crate::server) async fn waiver(
    State(served): State<Arc<Served>>,
    Ids(id, act): Ids,
    headers: HeaderMap,
) -> Response {
    let snapshot = served.daemon.snapshot();
    let Some(item) = snapshot.item(&id) else { return unknown_item(&snapshot, &id) };
    let found = item.waivers.iter().find(|known| known.id == act);
    one(&headers, &act, found.map(|found| WaiverView::new(Some(item), found, served.daemon.now())))
}

/// Takes the blame for named reasons of an item that fails. Scope `waive`.
#[utoipa::path(
    post,
    path = "/api/v1/items/{id}/waivers",
    tag = "acts",
    security(("token" = [])),
    params(
        ("id" = ItemId, Path, description = "The item's id", example = "pods-running"),
        IdempotencyKey,
    ),
    request_body = WaiverRequest,
    responses(
        (
            status = 200,
            description = "This very request was done before; what it was answered then",
            body = WaiverView,
            headers(("Location" = String, description = "Where it can be asked for")),
        ),
        (
            status = 201,
            description = "It is recorded",
            body = WaiverView,
            headers(("Location" = String, description = "Where it can be asked for")),
        ),
        Unreadable,
        Impossible,
        Missing,
        Refused,
    )
)]
pub(in crate::server) async fn waive(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Id(item): Id,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write = Write::new(&served, Action::Waive, &item, peer);
    told(write, &headers, body, ("a waiver", EXAMPLE), move |request| Wish::Waive { item, request })
        .await
}

/// Takes a waiver back before its time. It stays in the record. Scope `waive`.
#[utoipa::path(
    delete,
    path = "/api/v1/items/{id}/waivers/{waiver}",
    tag = "acts",
    security(("token" = [])),
    params(
        ("id" = ItemId, Path, description = "The item's id", example = "pods-running"),
        ("waiver" = String, Path, description = "The waiver's id"),
    ),
    request_body = WithdrawalRequest,
    responses(
        (status = 200, description = "It has ended", body = WaiverView),
        Unreadable,
        Impossible,
        Missing,
        Refused,
    )
)]
pub(in crate::server) async fn end_waiver(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Ids(item, waiver): Ids,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write = Write::new(&served, Action::EndWaiver, &item, peer);
    let wish = move |request| Wish::EndWaiver { item, waiver, request };
    taken_back(write, &headers, body, wish).await
}
