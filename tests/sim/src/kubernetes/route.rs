//! From a request to its answer: log, silence, faults, rights, then what was asked for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue};
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::access::{self, User};
use super::call::{Call, Target, Wanted};
use super::failure::{Failure, json_response};
use super::faults::{Act, Voice, strike, until_heard};
use super::kinds::Kind;
use super::object::{Shape, now};
use super::write::{self, Dialect, Part, key};
use super::{Shared, discovery, list, lock, pod_logs, rbac, review, table, usage, watch};

/// The largest body that is read.
const LARGEST: usize = 16 * 1024 * 1024;
/// How long a body waits before it is cut.
const FLUSHED: Duration = Duration::from_millis(50);

/// Answers a request.
pub(super) async fn handle(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let call = match Call::parse(&head.method, &head.uri, &head.headers) {
        Ok(call) => call,
        Err(failure) => return failure.response(),
    };
    let number = shared.traffic.arrived(&call, head.uri.query().unwrap_or_default(), &head.headers);
    until_heard(&mut shared.voice.subscribe(), &[Voice::Silent]).await;
    let act = strike(&mut lock(&shared.faults), &call);
    let answer = match act {
        Some(Act::Status { code, retry_after }) => Err(said(code, retry_after)),
        Some(Act::Forbid) => Err(forbidden(&call)),
        Some(Act::Garbage) => Ok(list::streamed(Body::from("<html>not what was asked for</html>"))),
        Some(Act::Hang) => std::future::pending().await,
        Some(Act::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            proper(&shared, &call, &head.headers, body).await
        }
        Some(Act::CutAfter(_) | Act::Pad(_)) | None => {
            proper(&shared, &call, &head.headers, body).await
        }
    };
    let mut response = answer.unwrap_or_else(|failure| failure.response());
    shared.traffic.answered(number, response.status().as_u16());
    let offset = lock(&shared.behaviour).date_offset;
    let date = now().checked_add(offset).unwrap_or_else(|_| now());
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(DATE, date);
    }
    let allowed = match act {
        Some(Act::CutAfter(bytes)) => Some(bytes),
        _ => None,
    };
    if let Some(Act::Pad(blanks)) = act {
        response.headers_mut().remove(CONTENT_LENGTH);
        response = response.map(|body| padded(body, blanks));
    }
    response.map(|body| counted(&shared, number, body, allowed))
}

fn padded(body: Body, blanks: usize) -> Body {
    let blanks = stream::once(async move { Ok(Bytes::from(vec![b' '; blanks])) });
    Body::from_stream(blanks.chain(body.into_data_stream()))
}

/// The same body, its bytes counted, and cut where so many are sent.
fn counted(shared: &Arc<Shared>, number: u64, body: Body, allowed: Option<usize>) -> Body {
    let traffic = shared.traffic.clone();
    let count = move |piece: &Bytes| traffic.sent(number, piece.len());
    let pieces = TryStreamExt::map_err(body.into_data_stream(), io::Error::other);
    let Some(mut left) = allowed else { return Body::from_stream(pieces.inspect_ok(count)) };
    let cut = || Err::<Bytes, io::Error>(io::ErrorKind::ConnectionReset.into());
    // The next piece of a quiet watch may never come: the cut does not wait for it.
    let start = pieces.flat_map(move |piece| {
        let piece = piece.map(|mut piece: Bytes| {
            piece.truncate(left);
            left -= piece.len();
            piece
        });
        stream::iter([Some(piece), (left == 0).then(cut)].into_iter().flatten())
    });
    let end = stream::once(async move { cut() });
    let flushed = start.inspect_ok(count).chain(end).then(|piece| async {
        if piece.is_err() {
            // What is written so far goes out while the body has nothing to say.
            tokio::time::sleep(FLUSHED).await;
        }
        piece
    });
    Body::from_stream(flushed)
}

fn said(code: u16, retry_after: Option<u32>) -> Failure {
    let (reason, message) = match code {
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden: simulated"),
        404 => ("NotFound", "the server could not find the requested resource"),
        429 => (
            "TooManyRequests",
            "The server has received too many requests and has asked us to try again later",
        ),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => ("Timeout", "request did not complete within the allotted timeout"),
        _ => ("InternalError", "Internal error occurred: simulated"),
    };
    let failure = Failure::new(code, reason, message);
    match retry_after {
        Some(seconds) => failure.retry_after(seconds),
        None => failure,
    }
}

fn forbidden(call: &Call) -> Failure {
    let user = User::new("simulated", Vec::new());
    let refusal = access::authorize(call, &user, &[], true);
    refusal.err().unwrap_or_else(|| said(403, None))
}

async fn proper(
    shared: &Arc<Shared>,
    call: &Call,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let user = lock(&shared.access).user(headers)?;
    let rules = rbac::rules(&lock(&shared.store), &user)?;
    let default_roles = lock(&shared.behaviour).default_roles;
    access::authorize(call, &user, &rules, default_roles)?;
    let body = body.collect().await.map_err(|_| Failure::bad_request("the body was cut"))?;
    let body = body.to_bytes();
    if body.len() > LARGEST {
        return Err(Failure::new(413, "RequestEntityTooLarge", "limit is 16777216"));
    }
    if let Some(media) = binary(headers) {
        return Err(unsupported(&media));
    }
    let group = call.path.strip_prefix("/apis/").and_then(|rest| rest.split('/').next());
    if group.is_some_and(|group| lock(&shared.behaviour).broken_groups.contains(group)) {
        return Err(said(503, None));
    }
    let Some(target) = &call.target else { return Ok(discovery::answer(shared, call)) };
    if target.group == "authorization.k8s.io" && call.method == Method::POST {
        let (store, access) = (lock(&shared.store), lock(&shared.access));
        return review::answer(target, &rules, &store, &access, write::parse(&body)?);
    }
    if target.group == "metrics.k8s.io" {
        return usage::metrics(shared, call, target);
    }
    let kind = lock(&shared.store).kind(&target.group, &target.version, &target.plural);
    let Some(kind) = kind else {
        let known = lock(&shared.store).kinds().any(|kind| kind.group == target.group);
        return if known { Err(Failure::no_such_resource()) } else { Ok(discovery::not_found()) };
    };
    match (call.verb, target.subresource.as_deref()) {
        ("list", None) => list::list(shared, &kind, call).await,
        ("watch", None) => watch::watch(shared, &kind, call).await,
        ("get", Some("log")) if kind.resource() == "pods" => {
            pod_logs::read(shared, &kind, target, call)
        }
        ("get", Some("proxy")) if kind.resource() == "nodes" => {
            usage::kubelet(shared, call, target)
        }
        (_, None | Some("status")) => one(shared, &kind, target, call, headers, &body),
        _ => Err(Failure::no_such_resource()),
    }
}

/// Reads or writes one object.
fn one(
    shared: &Shared,
    kind: &Arc<Kind>,
    target: &Target,
    call: &Call,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Failure> {
    let part = match (&target.subresource, kind.status) {
        (None, _) => Part::Main,
        (Some(_), true) => Part::Status,
        (Some(_), false) => return Err(Failure::no_such_resource()),
    };
    let namespace = target.namespace.as_deref();
    let name = target.name.as_deref().unwrap_or_default();
    let key = key(kind, namespace, name);
    let mut store = lock(&shared.store);
    let store = &mut *store;
    match call.verb {
        "get" => Ok(shown(kind, call, &store.get(kind, &key)?.value(kind))),
        "create" if target.name.is_none() => {
            let value = write::parse(body)?;
            Ok(json_response(201, &write::create(store, kind, namespace, value, part)?))
        }
        "update" => {
            let value = write::parse(body)?;
            Ok(json_response(200, &write::replace(store, kind, &key, value, part)?))
        }
        "patch" => {
            let dialect = dialect(headers)?;
            let patch = write::parse(body)?;
            let value = write::patch(store, kind, &key, &patch, dialect, part)?;
            Ok(json_response(200, &value))
        }
        "delete" => {
            let value = write::delete(store, kind, &key)?;
            let held = store.get(kind, &key).is_ok();
            let answer = if held { value } else { write::deleted(kind, &value) };
            Ok(json_response(200, &answer))
        }
        "deletecollection" => {
            let selector = list::selector(kind, call)?;
            let all = store.collection(kind)?.objects.values();
            let chosen: Vec<_> =
                all.filter(|object| selector.takes(object)).map(|o| o.key.clone()).collect();
            let gone: Result<Vec<Value>, _> =
                chosen.iter().map(|key| write::delete(store, kind, key)).collect();
            let list = json!({
                "kind": format!("{}List", kind.kind),
                "apiVersion": kind.api_version(),
                "metadata": { "resourceVersion": store.revision.to_string() },
                "items": gone?,
            });
            Ok(json_response(200, &list))
        }
        _ => Err(Failure::method_not_allowed()),
    }
}

fn shown(kind: &Kind, call: &Call, value: &Value) -> Response {
    let metadata = || json!({ "resourceVersion": value["metadata"]["resourceVersion"] });
    match call.wanted {
        Wanted::Objects => json_response(200, value),
        Wanted::Metadata => {
            let object = super::object::Object::new(kind, value);
            let mut text = Vec::new();
            object.write(kind, Shape::Metadata, &mut text);
            list::streamed(Body::from(text))
        }
        Wanted::Table => {
            let whole = call.ask("includeObject") == "Object";
            let values = std::slice::from_ref(value);
            json_response(200, &table::table(kind, values, &metadata(), true, whole))
        }
    }
}

fn dialect(headers: &HeaderMap) -> Result<Dialect, Failure> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match media.unwrap_or_default().split(';').next().unwrap_or_default() {
        "application/merge-patch+json" => Ok(Dialect::Merge),
        "application/strategic-merge-patch+json" => Ok(Dialect::Strategic),
        "application/json-patch+json" => Ok(Dialect::Json),
        "application/apply-patch+yaml" => Ok(Dialect::Apply),
        other => Err(unsupported(other)),
    }
}

/// The media type of a body that no part of this server reads; a real one reads protobuf too.
fn binary(headers: &HeaderMap) -> Option<String> {
    let media = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let known = media.contains("json") || media.contains("yaml");
    (!known).then(|| media.to_owned())
}

fn unsupported(media: &str) -> Failure {
    let message = format!(
        "the body of the request was in an unknown format ({media}) - accepted media types \
         include: application/json, application/json-patch+json, application/merge-patch+json, \
         application/strategic-merge-patch+json, application/apply-patch+yaml"
    );
    Failure::new(415, "UnsupportedMediaType", message)
}
