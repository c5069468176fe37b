//! What a token may ask of the daemon itself: an attempt now, another configuration.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::Served;
use super::answer::body;
use super::audit::Action;
use super::daemon::LookNow;
use super::guard::{Ended, Write, whole};
use super::openapi::{Impossible, Missing, Refused};
use super::pages::{Id, NO_SUCH_ITEM, meant_item, nobody};
use crate::model::item::ItemId;

/// Loads the files of the configuration anew. Scope `reload`.
#[utoipa::path(
    post,
    path = "/-/reload",
    tag = "daemon",
    security(("token" = [])),
    responses((status = 200, description = "It is in use", body = String), Refused)
)]
pub(super) async fn reload(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write = Write::new(&served, Action::Reload, "", peer);
    let reload = move |_| async move {
        match served.daemon.reload().await {
            Ok(()) => Ended::done(empty(StatusCode::OK)),
            Err(why) => Ended::failed(500, "Configuration refused", why),
        }
    };
    write.run(&headers, body, reload).await
}

/// Asks for an attempt now, at most one per `confirm_every` of the item. Scope `look`.
#[utoipa::path(
    post,
    path = "/api/v1/items/{id}/attempts",
    tag = "checklist",
    security(("token" = [])),
    params(("id" = ItemId, Path, description = "The item's id", example = "pods-running")),
    responses(
        (status = 202, description = "The item is due", body = String),
        Impossible,
        Missing,
        Refused,
    )
)]
pub(super) async fn look_now(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write = Write::new(&served, Action::Look, &id, peer);
    write.run(&headers, body, move |_| async move { asked(&served, &id) }).await
}

fn asked(served: &Served, id: &str) -> Ended {
    let looked = match ItemId::parse(id) {
        Ok(item) => served.daemon.look_now(&item),
        Err(_) => LookNow::NotFound,
    };
    match looked {
        LookNow::Accepted => Ended::done(empty(StatusCode::ACCEPTED)),
        LookNow::TooSoon { retry_after } => {
            let seconds = whole(retry_after);
            let detail = format!("`{id}` was looked at a moment ago; ask again in {seconds}s");
            Ended::rejected(429, "Too soon", detail).waiting(retry_after, true)
        }
        LookNow::NotFound => match meant_item(&served.daemon.snapshot(), id) {
            Some(meant) => Ended::rejected(404, NO_SUCH_ITEM, format!("{}; {meant}", nobody(id))),
            None => Ended::no_such_item(id),
        },
        LookNow::NotLookedAt { because } => Ended::rejected(409, "Not looked at", because),
    }
}

fn empty(status: StatusCode) -> Response {
    body(status, "text/plain; charset=utf-8", "")
}
