//! Deployments over HTTP: who may announce one, and who asks for them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::Served;
use super::acts::refused;
use super::answer::{json, problem};
use super::audit::Action;
use super::guard::{Admitted, Ended, Made, Write, made, wanted};
use super::openapi::{Defect, IdempotencyKey, Impossible, Missing, Refused, Unreadable};
use super::pages::{Id, LONGEST_ECHO};
use crate::model::deployment::{Announcement, Deployment};
use crate::model::judgement::legible;
use crate::views::api::{DeploymentView, Deployments};

/// The rollouts that are known, the one that began last first.
#[utoipa::path(
    get,
    path = "/api/v1/deployments",
    operation_id = "deployments",
    tag = "deployments",
    responses((status = 200, description = "The deployments", body = Deployments), Defect)
)]
pub(super) async fn all(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    json(&headers, &Deployments::new(&served.daemon.snapshot()))
}

/// One rollout.
#[utoipa::path(
    get,
    path = "/api/v1/deployments/{id}",
    operation_id = "deployment",
    tag = "deployments",
    params(("id" = String, Path, description = "The deployment's id", example = "20261120t100000z")),
    responses((status = 200, description = "The deployment", body = DeploymentView), Missing, Defect)
)]
pub(super) async fn one(
    State(served): State<Arc<Served>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let snapshot = served.daemon.snapshot();
    match snapshot.deployments.iter().find(|deployment| deployment.id == id) {
        Some(deployment) => json(&headers, &DeploymentView::new(&snapshot, deployment)),
        None => {
            let detail = format!("no deployment has the id `{}`", legible(&id, LONGEST_ECHO));
            problem(404, "No such deployment", detail)
        }
    }
}

/// Takes a rollout into the record. Scope `announce`.
#[utoipa::path(
    post,
    path = "/api/v1/deployments",
    tag = "deployments",
    security(("token" = [])),
    params(IdempotencyKey),
    request_body = Announcement,
    responses(
        (
            status = 200,
            description = "This very announcement was taken before; what it was answered then",
            body = DeploymentView,
            headers(("Location" = String, description = "Where it can be asked for")),
        ),
        (
            status = 201,
            description = "It was taken",
            body = DeploymentView,
            headers(("Location" = String, description = "Where it can be asked for")),
        ),
        Unreadable,
        Impossible,
        Refused,
    )
)]
pub(super) async fn announce(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let write = Write::new(&served, Action::Announce, "", peer);
    let stands = |served: &Served, place: &str| {
        let snapshot = served.daemon.snapshot();
        snapshot.deployments.iter().any(|deployment| place_of(deployment) == place)
    };
    let announce = move |admitted| async move { announced(&served, admitted).await };
    write.run_once(&headers, body, stands, announce).await
}

async fn announced(served: &Served, admitted: Admitted) -> Result<Made, Ended> {
    let Admitted { token, content } = admitted;
    let announcement = wanted(&content, "an announcement", r#"{"version": "…", "who": "…"}"#)?;
    let deployment = served.daemon.announce(announcement, token).await.map_err(refused)?;
    let view = DeploymentView::new(&served.daemon.snapshot(), &deployment);
    made(&view, place_of(&deployment))
}

fn place_of(deployment: &Deployment) -> String {
    format!("/api/v1/deployments/{}", deployment.id)
}
