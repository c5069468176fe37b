//! Faults: what a store can do wrong.

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// What the store does wrong, at each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every so many requests it asks to slow down (503).
    SlowDownEvery(usize),
    /// It answers with this S3 error, such as `AccessDenied` or `InternalError`.
    Error(&'static str),
    /// It answers with this status code, a header `Retry-After`, and no S3 error.
    Status(u16),
    /// It gives the first page again and again, always saying that there is more.
    SamePage,
    /// It says that there is more and how to go on only in keys, never by a token.
    NoToken,
    /// It gives keys in an order of its own.
    Unordered,
    /// Its XML ends in the middle.
    HalfXml,
    /// It closes the connection in the middle of the answer.
    Cut,
    /// It answers with a page of HTML.
    Html,
    /// Its answer does not end.
    Endless,
    /// It takes the request and never answers.
    Silent,
    /// It says that the bucket lies in this region, and is to be asked there (301).
    Moved(&'static str),
    /// It sends everybody to this URL (308), without an S3 error.
    Redirect(&'static str),
    /// It does something wrong at one operation alone, such as `GetBucketAcl`.
    At(&'static str, Box<Self>),
}

impl Fault {
    /// What it does wrong at this operation.
    pub(super) fn at(self, operation: &str) -> Option<Self> {
        if let Self::At(at, fault) = self {
            return (at == operation).then_some(*fault);
        }
        Some(self)
    }

    /// The error that it gives to the `n`th request.
    pub(super) fn error(&self, n: usize) -> Option<S3Error> {
        match self {
            Self::SlowDownEvery(every) if n.is_multiple_of(*every) => Some(error("SlowDown")),
            Self::Error(code) => Some(error(code)),
            Self::SlowDownEvery(_)
            | Self::At(..)
            | Self::Moved(_)
            | Self::Redirect(_)
            | Self::Status(_)
            | Self::SamePage
            | Self::NoToken
            | Self::Unordered
            | Self::HalfXml
            | Self::Cut
            | Self::Html
            | Self::Endless
            | Self::Silent => None,
        }
    }
}

/// An error by its code, with the message that a real store might add.
pub(super) fn error(code: &str) -> S3Error {
    let known = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
    let status = known.status_code().unwrap_or(StatusCode::BAD_REQUEST);
    let mut error = S3Error::with_message(known, format!("The store says <{code}>."));
    error.set_status_code(status);
    error
}
