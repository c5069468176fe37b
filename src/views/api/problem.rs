//! Problems: errors as RFC 9457 has them, `application/problem+json`.

use serde::Serialize;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What kind of problem it is, in a few words that never change.
    pub title: &'static str,
    /// What it is about this request, in a sentence.
    pub detail: String,
}

impl Problem {
    /// The value of the header `Content-Type`.
    pub const CONTENT_TYPE: &'static str = "application/problem+json";
    /// The title of what goes on while nobody waits for it any longer: it may come to be done.
    pub const NOT_DONE_YET: &'static str = "Not done yet";
    /// The title of what the record could not take: it is not done.
    pub const NOT_RECORDED: &'static str = "Not recorded";

    /// A problem with this request.
    pub fn new(status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into() }
    }
}
