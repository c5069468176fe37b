//! Answers: bodies, problems, compression, and the headers that every one of them bears.

use std::io::Write;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tracing::error;

use super::negotiation::accepts_gzip;
use crate::views::api::Problem;
use crate::views::page::content_security_policy;

const HTML: &str = "text/html; charset=utf-8";
const MARKDOWN: &str = "text/markdown; charset=utf-8";
/// The policy of whatever is not a page: a browser shall load and run nothing for it.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// An answer with a body of this type.
pub(super) fn body(status: StatusCode, kind: &'static str, content: impl Into<Body>) -> Response {
    let mut answer = Response::new(content.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// A line of text, as Prometheus answers where programs ask.
pub(super) fn line(status: StatusCode, text: &str) -> Response {
    body(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// A problem as RFC 9457 has it.
pub(super) fn problem(status: u16, title: &'static str, detail: impl Into<String>) -> Response {
    let problem = Problem::new(status, title, detail);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = serde_json::to_vec(&problem).unwrap_or_default();
    body(status, Problem::CONTENT_TYPE, text)
}

/// What the client is told where the fault is ours; the log says more.
pub(super) fn defect(doing: &'static str, error: &dyn std::fmt::Display) -> Response {
    error!(%error, doing, "a request could not be answered: a defect of Vigie");
    problem(500, "Defect", format!("{doing} failed; the log says more"))
}

/// A page, compressed where the client takes it.
pub(super) fn page(
    status: StatusCode,
    headers: &HeaderMap,
    rendered: Result<String, askama::Error>,
) -> Response {
    match rendered {
        Ok(html) => {
            let mut answer = compressible(status, headers, HTML, html.into_bytes());
            let policy = HeaderValue::from_static(content_security_policy());
            answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
            answer
        }
        Err(error) => defect("rendering the page", &error),
    }
}

/// JSON, compressed where the client takes it.
pub(super) fn json(headers: &HeaderMap, value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => json_text(headers, text),
        Err(error) => defect("writing JSON", &error),
    }
}

/// JSON that is written already, compressed where the client takes it.
pub(super) fn json_text(headers: &HeaderMap, text: impl AsRef<[u8]> + Into<Body>) -> Response {
    compressible(StatusCode::OK, headers, "application/json", text)
}

/// Markdown, compressed where the client takes it.
pub(super) fn markdown(headers: &HeaderMap, text: String) -> Response {
    compressible(StatusCode::OK, headers, MARKDOWN, text.into_bytes())
}

fn compressible(
    status: StatusCode,
    headers: &HeaderMap,
    kind: &'static str,
    content: impl AsRef<[u8]> + Into<Body>,
) -> Response {
    if accepts_gzip(headers) {
        gzipped(body(status, kind, gzip(content.as_ref())))
    } else {
        vary(body(status, kind, content))
    }
}

/// Marks an answer whose body is compressed.
pub(super) fn gzipped(mut answer: Response) -> Response {
    answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    vary(answer)
}

/// Marks an answer whose form depends on what the client takes.
pub(super) fn vary(mut answer: Response) -> Response {
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    answer
}

/// Compresses fast: the network is near, the processor is somebody else's.
pub(super) fn gzip(content: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 8), Compression::fast());
    match encoder.write_all(content).and_then(|()| encoder.finish()) {
        Ok(packed) => packed.into(),
        Err(_) => Bytes::new(),
    }
}

/// Adds what every answer bears: nothing is cached, sniffed, embedded or told to other sites.
pub(super) async fn harden(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    answer
}
