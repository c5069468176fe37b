//! Attestations over HTTP.

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
use super::{WHO, one, taken_back, told};
use crate::model::acts::requests::{AttestationRequest, Wish, WithdrawalRequest};
use crate::model::item::ItemId;
use crate::views::api::{AttestationView, Attestations};

/// Attestations of an item, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/items/{id}/attestations",
    tag = "acts",
    params(("id" = ItemId, Path, description = "The item's id", example = "pods-running")),
    responses((status = 200, description = "They", body = Attestations), Missing, Defect)
)]
pub(in crate::server) async fn attestations(
    State(served): State<Arc<Served>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let snapshot = served.daemon.snapshot();
    match snapshot.item(&id) {
        Some(item) => json(&headers, &Attestations::new(&snapshot, item, served.daemon.now())),
        None => unknown_item(&snapshot, &id),
    }
}

/// One attestation.
#[utoipa::path(
    get,
    path = "/api/v1/items/{id}/attestations/{attestation}",
    tag = "acts",
    params(
        ("id" = ItemId, Path, description = "The item's id", example = "pods-running"),
        ("attestation" = String, Path, description = "The attestation's id"),
    ),
    responses((status = 200, description = "It", body = AttestationView), Missing, Defect)
)]
pub(in crate::server) async fn attestation(
    State(served): State<Arc<Served>>,
    Ids(id, act): Ids,
    headers: HeaderMap,
) -> Response {
    let snapshot = served.daemon.snapshot();
    let Some(item) = snapshot.item(&id) else { return unknown_item(&snapshot, &id) };
    let found = item.attestations.iter().find(|known| known.id == act);
    let now = served.daemon.now();
    one(&headers, &act, found.map(|found| AttestationView::new(&snapshot, found, now)))
}

/// Attests an item. Scope `attest`.
#[utoipa::path(
    post,
    path = "/api/v1/items/{id}/attestations",
    tag = "acts",
    security(("token" = [])),
    params(
        ("id" = ItemId, Path, description = "The item's id", example = "pods-running"),
        IdempotencyKey,
    ),
    request_body = AttestationRequest,
    responses(
        (
            status = 200,
            description = "This very request was done before; what it was answered then",
            body = AttestationView,
            headers(("Location" = String, description = "Where it can be asked for")),
        ),
        (
            status = 201,
            description = "It is recorded",
            body = AttestationView,
            headers(("Location" = String, description = "Where it can be asked for")),
        ),
        Unreadable,
        Impossible,
        Missing,
        Refused,
    )
)]
pub(in crate::server) async fn attest(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Id(item): Id,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write = Write::new(&served, Action::Attest, &item, peer);
    told(write, &headers, body, ("an attestation", WHO), move |request| Wish::Attest {
        item,
        request,
    })
    .await
}

/// Takes an attestation back before its time. It stays in the record. Scope `attest`.
#[utoipa::path(
    delete,
    path = "/api/v1/items/{id}/attestations/{attestation}",
    tag = "acts",
    security(("token" = [])),
    params(
        ("id" = ItemId, Path, description = "The item's id", example = "pods-running"),
        ("attestation" = String, Path, description = "The attestation's id"),
    ),
    request_body = WithdrawalRequest,
    responses(
        (status = 200, description = "It has ended", body = AttestationView),
        Unreadable,
        Impossible,
        Missing,
        Refused,
    )
)]
pub(in crate::server) async fn end_attestation(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Ids(item, attestation): Ids,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write = Write::new(&served, Action::EndAttestation, &item, peer);
    let wish = move |request| Wish::EndAttestation { item, attestation, request };
    taken_back(write, &headers, body, wish).await
}
