//! Refusals as Kubernetes words them: an HTTP code with a `Status` body.

use std::fmt;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};

use super::kinds::Kind;

/// Why the API server did not do as asked.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The HTTP code.
    pub code: u16,
    /// The machine's word for it, such as `NotFound`.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// The `metadata` and `details` of the status.
    extra: Box<Extra>,
}

#[derive(Clone, Debug, Default)]
struct Extra {
    details: Option<Value>,
    next: Option<String>,
}

impl Failure {
    /// A failure of any code.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), extra: Box::default() }
    }

    fn about(self, kind: &Kind, name: &str) -> Self {
        self.with_details(&kind.group, &kind.plural, name)
    }

    fn with_details(mut self, group: &str, plural: &str, name: &str) -> Self {
        let mut details = json!({ "kind": plural });
        if !name.is_empty() {
            details["name"] = name.into();
        }
        if !group.is_empty() {
            details["group"] = group.into();
        }
        self.extra.details = Some(details);
        self
    }

    pub(super) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.resource()))
            .about(kind, name)
    }

    /// The path leads to no known resource.
    pub(super) fn no_such_resource() -> Self {
        let mut failure =
            Self::new(404, "NotFound", "the server could not find the requested resource");
        failure.extra.details = Some(json!({}));
        failure
    }

    pub(super) fn already_exists(kind: &Kind, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", kind.resource()))
            .about(kind, name)
    }

    pub(super) fn conflict(kind: &Kind, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; \
             please apply your changes to the latest version and try again",
            kind.resource()
        );
        Self::new(409, "Conflict", message).about(kind, name)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn invalid(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is invalid: {why}", kind.kind);
        Self::new(422, "Invalid", message).about(kind, name)
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// `why` says who may not do what, as the authorizer words it.
    pub(super) fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let resource =
            if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        let object = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        Self::new(403, "Forbidden", format!("{resource}{object} is forbidden: {why}"))
            .with_details(group, plural, name)
    }

    /// A watch or a list from a version that is no longer kept.
    pub(super) fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// A page of a list that can no longer be shown as it was; `fresh` goes on without that.
    pub(super) fn page_expired(fresh: &str) -> Self {
        let mut failure = Self::new(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. \
             You can start a new list without the continue parameter, or use the continue token \
             in this response to retrieve the remainder of the results. Continuing with the \
             provided token results in an inconsistent list - objects that were created, \
             modified, or deleted between the time the first chunk was returned and now may \
             show up in the list.",
        );
        failure.extra.next = Some(fresh.to_owned());
        failure
    }

    pub(super) fn version_too_large(asked: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {current}");
        let mut failure = Self::new(504, "Timeout", message);
        failure.extra.details = Some(json!({
            "causes": [{
                "reason": "ResourceVersionTooLarge",
                "message": "Too large resource version",
            }],
            "retryAfterSeconds": 1,
        }));
        failure
    }

    /// The answer of a server whose etcd can't report progress to a streaming list.
    pub(super) fn no_progress() -> Self {
        Self::new(
            500,
            "InternalError",
            "storage: required storage feature RequestWatchProgress is disabled",
        )
    }

    /// The `Status` object.
    pub fn status(&self) -> Value {
        let next = self.extra.next.as_ref();
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": next.map_or_else(|| json!({}), |next| json!({ "continue": next })),
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        });
        if let Some(details) = &self.extra.details {
            status["details"] = details.clone();
        }
        status["code"] = self.code.into();
        status
    }

    /// The HTTP answer.
    pub(super) fn response(&self) -> Response {
        let mut response = json_response(self.code, &self.status());
        let seconds = self.extra.details.as_ref().and_then(|d| d["retryAfterSeconds"].as_u64());
        if let Some(seconds) = seconds {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }

    /// The same, with the wait that a client should keep, in seconds.
    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        let mut details = self.extra.details.take().unwrap_or_else(|| json!({}));
        details["retryAfterSeconds"] = seconds.into();
        self.extra.details = Some(details);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.message, self.code, self.reason)
    }
}

impl std::error::Error for Failure {}

/// An answer that is one JSON document.
pub(super) fn json_response(code: u16, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
