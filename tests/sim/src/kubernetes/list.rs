//! Lists: by versions, by pages, by selectors, in the shape that was asked for.
//!
//! Bodies are written piece by piece, so that a list of a hundred thousand pods costs no copy of it.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::stream;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Shared;
use super::call::{Call, Wanted};
use super::failure::{Failure, json_response};
use super::kinds::Kind;
use super::lock;
use super::object::{Key, Object, Shape};
use super::selector::Selector;
use super::table;

/// A piece of a body is sent when it has so many bytes.
pub(super) const PIECE: usize = 64 * 1024;

/// Where a list is to go on.
struct Page {
    /// The version that the first page showed; none where that is gone and newer will do.
    revision: Option<u64>,
    after: Key,
}

impl Page {
    fn token(&self) -> String {
        let revision = self.revision.map_or(json!(-1), |revision| json!(revision));
        let start = [&*self.after.0, &*self.after.1];
        let token = json!({ "v": "meta.k8s.io/v1", "rv": revision, "start": start });
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn parse(token: &str) -> Result<Self, Failure> {
        let wrong = || Failure::bad_request("continue key is not valid");
        let text = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        let token: Value = serde_json::from_slice(&text).map_err(|_| wrong())?;
        let part = |at: usize| token["start"][at].as_str().map(Into::into).ok_or_else(wrong);
        Ok(Self { revision: token["rv"].as_u64(), after: (part(0)?, part(1)?) })
    }
}

/// Answers a list.
pub(super) async fn list(
    shared: &Arc<Shared>,
    kind: &Arc<Kind>,
    call: &Call,
) -> Result<Response, Failure> {
    let selector = selector(kind, call)?;
    let page = match call.ask("continue") {
        "" => None,
        token => Some(Page::parse(token)?),
    };
    let version = call.ask_number("resourceVersion")?;
    if page.is_some() && version.is_some_and(|version| version > 0) {
        let message = "specifying resource version is not allowed when using continue";
        return Err(Failure::bad_request(message));
    }
    if let Some(version) = version {
        reached(shared, version).await?;
    }
    let zero_unpaged = version == Some(0) && lock(&shared.behaviour).unpaged_at_zero;
    let limit = match call.ask_number("limit")? {
        None | Some(0) => usize::MAX,
        Some(_) if zero_unpaged => usize::MAX,
        Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let exact = (call.ask("resourceVersionMatch") == "Exact").then_some(version).flatten();
    let found = find(shared, kind, &selector, page.as_ref(), exact, limit)?;
    Ok(answer(kind, call, found))
}

/// What a list found.
struct Found {
    revision: u64,
    objects: Vec<Arc<Object>>,
    /// How many more there are.
    left: Option<usize>,
    selects: bool,
}

fn find(
    shared: &Shared,
    kind: &Kind,
    selector: &Selector,
    page: Option<&Page>,
    exact: Option<u64>,
    limit: usize,
) -> Result<Found, Failure> {
    let store = lock(&shared.store);
    let collection = store.collection(kind)?;
    let revision = page.and_then(|page| page.revision).or(exact).unwrap_or(store.revision);
    if let Some(page) = page
        && collection.admit(revision).is_err()
    {
        let fresh = Page { revision: None, after: page.after.clone() };
        return Err(Failure::page_expired(&fresh.token()));
    }
    let after = page.map(|page| &page.after);
    let (objects, left) = collection.page(selector, revision, after, limit)?;
    Ok(Found { revision, objects, left, selects: selector.selects() })
}

/// Waits until the store has reached `version`, for as long as a server does.
pub(super) async fn reached(shared: &Shared, version: u64) -> Result<(), Failure> {
    let until = Instant::now() + lock(&shared.behaviour).wait_for_version;
    loop {
        let current = lock(&shared.store).revision;
        if current >= version {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(Failure::version_too_large(version, current));
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The selector of a call.
pub(super) fn selector(kind: &Kind, call: &Call) -> Result<Selector, Failure> {
    let namespace = call.target.as_ref().and_then(|target| target.namespace.as_deref());
    let name = call.target.as_ref().and_then(|target| target.name.as_deref());
    let named = name.map(|name| format!("metadata.name={name}"));
    let fields = named.as_deref().unwrap_or_else(|| call.ask("fieldSelector"));
    Selector::parse(kind, namespace, call.ask("labelSelector"), fields)
}

fn answer(kind: &Arc<Kind>, call: &Call, found: Found) -> Response {
    let mut metadata = json!({ "resourceVersion": found.revision.to_string() });
    if let (Some(left), Some(last)) = (found.left, found.objects.last()) {
        let next = Page { revision: Some(found.revision), after: last.key.clone() };
        metadata["continue"] = next.token().into();
        if !found.selects {
            metadata["remainingItemCount"] = left.into();
        }
    }
    let (list, version, shape) = match call.wanted {
        Wanted::Table => {
            let values: Vec<_> = found.objects.iter().map(|object| object.value(kind)).collect();
            let whole = call.ask("includeObject") == "Object";
            return json_response(200, &table::table(kind, &values, &metadata, true, whole));
        }
        Wanted::Metadata => {
            let list = "PartialObjectMetadataList".to_owned();
            (list, "meta.k8s.io/v1".to_owned(), Shape::Metadata)
        }
        Wanted::Objects => (format!("{}List", kind.kind), kind.api_version(), Shape::Item),
    };
    let head =
        format!(r#"{{"kind":"{list}","apiVersion":"{version}","metadata":{metadata},"items":["#);
    streamed(pieces(Arc::clone(kind), shape, head, found.objects))
}

/// An answer of JSON that is written while it is sent.
pub(super) fn streamed(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn pieces(kind: Arc<Kind>, shape: Shape, head: String, objects: Vec<Arc<Object>>) -> Body {
    let start = (objects.into_iter().peekable(), head.into_bytes(), false);
    Body::from_stream(stream::unfold(start, move |(mut objects, mut piece, ended)| {
        let kind = Arc::clone(&kind);
        async move {
            if ended {
                return None;
            }
            while piece.len() < PIECE {
                let Some(object) = objects.next() else {
                    piece.extend_from_slice(b"]}\n");
                    return Some((Ok::<_, io::Error>(Bytes::from(piece)), (objects, vec![], true)));
                };
                object.write(&kind, shape, &mut piece);
                if objects.peek().is_some() {
                    piece.push(b',');
                }
            }
            Some((Ok(Bytes::from(piece)), (objects, Vec::with_capacity(PIECE), false)))
        }
    }))
}
