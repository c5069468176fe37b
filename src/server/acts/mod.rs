//! Human acts over HTTP: attestations, waivers, maintenance, and how they are taken back.

pub(super) mod attestations;
pub(super) mod maintenance;
pub(super) mod waivers;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Served;
use super::answer::{body, json, problem};
use super::guard::{Admitted, Ended, Made, Write, made, wanted};
use super::pages::{LONGEST_ECHO, meant_item};
use crate::model::acts::Act;
use crate::model::acts::requests::{Refused, RefusedSort, Wish, WithdrawalRequest};
use crate::model::judgement::legible;
use crate::views::api::{ActView, Problem};

/// What the shortest body looks like.
const WHO: &str = r#"{"who": "…"}"#;

fn one(headers: &HeaderMap, id: &str, found: Option<impl Serialize>) -> Response {
    match found {
        Some(found) => json(headers, &found),
        None => {
            let detail = format!("nothing here has the id `{}`", legible(id, LONGEST_ECHO));
            problem(404, "No such act", detail)
        }
    }
}

/// Records what the body asks for, once; the answer is the act. `what` it is looks like `example`.
async fn told<Request: DeserializeOwned>(
    write: Write,
    headers: &HeaderMap,
    content: Body,
    (what, example): (&'static str, &'static str),
    wish: impl FnOnce(Request) -> Wish + Send + 'static,
) -> Response {
    let served = Arc::clone(&write.served);
    let tell = move |Admitted { token, content }| async move {
        let wish = wish(wanted(&content, what, example)?);
        record(&served, token, wish).await
    };
    write.run_once(headers, content, stands, tell).await
}

/// Takes an act back for who the body names; the answer is what is left of it.
async fn taken_back(
    write: Write,
    headers: &HeaderMap,
    content: Body,
    wish: impl FnOnce(WithdrawalRequest) -> Wish + Send + 'static,
) -> Response {
    let served = Arc::clone(&write.served);
    let take_back = move |Admitted { token, content }| async move {
        let wish = match wanted(&content, "a withdrawal", WHO) {
            Ok(request) => wish(request),
            Err(ended) => return ended,
        };
        match record(&served, token, wish).await {
            Ok(Made { content, place: _ }) => {
                Ended::done(body(StatusCode::OK, "application/json", content))
            }
            Err(ended) => ended,
        }
    };
    write.run(headers, content, take_back).await
}

async fn record(served: &Served, token: String, wish: Wish) -> Result<Made, Ended> {
    let item = item_of(&wish).map(str::to_owned);
    let act = served.daemon.record(wish, token).await.map_err(|refusal| {
        let Refused { sort, because } = refusal;
        let is_unknown = matches!(sort, RefusedSort::NotFound);
        let item = item.as_deref().filter(|_| is_unknown);
        match item.and_then(|item| meant_item(&served.daemon.snapshot(), item)) {
            Some(meant) => refused(Refused { sort, because: format!("{because}; {meant}") }),
            None => refused(Refused { sort, because }),
        }
    })?;
    let view = ActView::new(&served.daemon.snapshot(), &act, served.daemon.now());
    made(&view, place_of(&act))
}

/// The id of the item that a wish is about.
fn item_of(wish: &Wish) -> Option<&str> {
    match wish {
        Wish::Attest { item, .. }
        | Wish::EndAttestation { item, .. }
        | Wish::Waive { item, .. }
        | Wish::EndWaiver { item, .. } => Some(item),
        Wish::Maintain(_) | Wish::EndMaintenance { .. } => None,
    }
}

/// What the client is told.
pub(super) fn refused(Refused { sort, because }: Refused) -> Ended {
    match sort {
        RefusedSort::NotFound => Ended::rejected(404, "Not found", because),
        RefusedSort::Conflict => Ended::rejected(409, "Not possible", because),
        RefusedSort::Invalid => Ended::rejected(422, "Not valid", because),
        RefusedSort::NotRecorded => Ended::failed(503, Problem::NOT_RECORDED, because),
    }
}

/// Where an act can be asked for.
fn place_of(act: &Act) -> String {
    match act {
        Act::Attestation(act) => format!("/api/v1/items/{}/attestations/{}", act.item, act.id),
        Act::Waiver(act) => format!("/api/v1/items/{}/waivers/{}", act.item, act.id),
        Act::Maintenance(act) => format!("/api/v1/maintenance/{}", act.id),
    }
}

/// Whether the act at this place is still one: what was taken back, or has ended, is not meant by
/// who asks for the same again.
fn stands(served: &Served, place: &str) -> bool {
    let (snapshot, now) = (served.daemon.snapshot(), served.daemon.now());
    let id = place.rsplit('/').next().unwrap_or_default();
    let of_items = snapshot.items.iter().any(|item| {
        item.attestations.iter().any(|act| act.id == id && act.ended.is_none())
            || item.open_waivers(now).any(|act| act.id == id)
    });
    of_items
        || snapshot
            .maintenance
            .iter()
            .any(|act| act.id == id && act.ended.is_none() && now < act.until)
}
