//! Deployments over HTTP: who may announce one, and who asks for them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::Served;
use super::answer::{body, defect, json, problem};
use super::audit::Action;
use super::pages::{Id, LONGEST_ECHO};
use super::tokens::Scope;
use super::writes::{Admitted, Ended, Write};
use crate::model::acts::requests::{Refused, RefusedSort};
use crate::model::deployment::Announcement;
use crate::model::judgement::legible;
use crate::views::api::{DeploymentView, Deployments};

/// `GET /api/v1/deployments`
pub(super) async fn all(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    json(&headers, &Deployments::new(&served.daemon.snapshot()))
}

/// `GET /api/v1/deployments/{id}`
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

/// `POST /api/v1/deployments`
pub(super) async fn announce(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (action, scope) = (Action::Announce, Scope::Announce);
    let write = Write { served: &served, action, scope, about: "", peer };
    write.run(&headers, body, async |admitted| announced(&served, admitted).await).await
}

async fn announced(served: &Served, admitted: Admitted) -> Ended {
    let Admitted { token, content } = admitted;
    let announcement: Announcement = match serde_json::from_slice(&content) {
        Ok(announcement) => announcement,
        Err(error) => {
            // The parser's sentence quotes words of the body, which came with a token.
            let why = legible(&error.to_string(), LONGEST_ECHO);
            let what = if error.is_data() {
                "the body is no announcement"
            } else {
                "the body is not JSON"
            };
            let detail = format!(r#"{what}: {why}; wanted {{"version": "…", "who": "…"}}"#);
            return Ended::rejected(400, "Not an announcement", detail);
        }
    };
    match served.daemon.announce(announcement, token).await {
        Ok(deployment) => {
            let view = DeploymentView::new(&served.daemon.snapshot(), &deployment);
            let mut answer = match serde_json::to_vec(&view) {
                Ok(text) => body(StatusCode::CREATED, "application/json", text),
                Err(error) => return Ended::done(defect("writing JSON", &error)),
            };
            let place = format!("/api/v1/deployments/{}", deployment.id);
            if let Ok(place) = HeaderValue::try_from(place) {
                answer.headers_mut().insert(LOCATION, place);
            }
            Ended::done(answer)
        }
        Err(Refused { sort: RefusedSort::NotRecorded, because }) => {
            Ended::failed(503, "Not recorded", because)
        }
        Err(Refused { because, .. }) => Ended::rejected(422, "Announcement refused", because),
    }
}
