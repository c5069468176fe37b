//! Maintenance over HTTP.

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
use super::super::pages::Id;
use super::{one, taken_back, told};
use crate::model::acts::requests::{MaintenanceRequest, Wish, WithdrawalRequest};
use crate::views::api::{MaintenanceView, Maintenances};

/// What a body looks like.
const EXAMPLE: &str = r#"{"who": "…", "why": "…", "until": "2026-12-01T08:00:00Z"}"#;

/// Maintenance that is declared, or was; what begins last first.
#[utoipa::path(
    get,
    path = "/api/v1/maintenance",
    operation_id = "all_maintenance",
    tag = "acts",
    responses((status = 200, description = "It", body = Maintenances), Defect)
)]
pub(in crate::server) async fn all(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
) -> Response {
    json(&headers, &Maintenances::new(&served.daemon.snapshot(), served.daemon.now()))
}

/// One span of maintenance.
#[utoipa::path(
    get,
    path = "/api/v1/maintenance/{id}",
    operation_id = "maintenance",
    tag = "acts",
    params(("id" = String, Path, description = "The id of the maintenance")),
    responses((status = 200, description = "It", body = MaintenanceView), Missing, Defect)
)]
pub(in crate::server) async fn span(
    State(served): State<Arc<Served>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let snapshot = served.daemon.snapshot();
    let found = snapshot.maintenance.iter().find(|known| known.id == id);
    one(&headers, &id, found.map(|found| MaintenanceView::new(found, served.daemon.now())))
}

/// Declares maintenance: while it lasts, items of its sections that fail or can't be seen are shown as
/// waived. Scope `waive`.
#[utoipa::path(
    post,
    path = "/api/v1/maintenance",
    tag = "acts",
    security(("token" = [])),
    params(IdempotencyKey),
    request_body = MaintenanceRequest,
    responses(
        (
            status = 200,
            description = "This very request was done before; what it was answered then",
            body = MaintenanceView,
            headers(("Location" = String, description = "Where it can be asked for")),
        ),
        (
            status = 201,
            description = "It is recorded",
            body = MaintenanceView,
            headers(("Location" = String, description = "Where it can be asked for")),
        ),
        Unreadable,
        Impossible,
        Missing,
        Refused,
    )
)]
pub(in crate::server) async fn maintain(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write = Write::new(&served, Action::Maintain, "", peer);
    told(write, &headers, body, ("maintenance", EXAMPLE), Wish::Maintain).await
}

/// Ends maintenance before its time. It stays in the record. Scope `waive`.
#[utoipa::path(
    delete,
    path = "/api/v1/maintenance/{id}",
    tag = "acts",
    security(("token" = [])),
    params(("id" = String, Path, description = "The id of the maintenance")),
    request_body = WithdrawalRequest,
    responses(
        (status = 200, description = "It has ended", body = MaintenanceView),
        Unreadable,
        Impossible,
        Missing,
        Refused,
    )
)]
pub(in crate::server) async fn end_maintenance(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Id(maintenance): Id,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write = Write::new(&served, Action::EndMaintenance, &maintenance, peer);
    let wish = move |request| Wish::EndMaintenance { maintenance, request };
    taken_back(write, &headers, body, wish).await
}
