//! Everything that can be wrong with an answer of an object store, read in one place.
//!
//! Stores speak dialects: of a wrong secret one says `SignatureDoesNotMatch`, one
//! `InvalidAccessKeyId`, one `AccessDenied`.

use std::error::Error;
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use http_body_util::LengthLimitError;

use super::wire::EndsEarly;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;
use crate::systems::lookup::unresolved;

/// The store does not offer what was asked.
pub const NOT_IMPLEMENTED: Reason = Reason::new("NotImplemented");
/// The store refuses the question itself: a name that no bucket may have, a wrong region.
pub const REJECTED: Reason = Reason::new("Rejected");

/// The most causes of an error that are looked at.
const MOST_CAUSES: usize = 32;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is no such bucket: that is an answer, too.
    NoBucket,
    /// There is no such object: so is that.
    NoObject,
    /// Nobody can tell.
    Obstacle(Obstacle),
}

impl From<Obstacle> for Trouble {
    fn from(obstacle: Obstacle) -> Self {
        Self::Obstacle(obstacle)
    }
}

/// Reads the SDK's error. `doing` says what was asked of whom, as in `listing bucket x at y`.
pub(super) fn trouble<E>(doing: &str, error: &SdkError<E, HttpResponse>) -> Trouble
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let SdkError::ServiceError(refusal) = error {
        let status = refusal.raw().status().as_u16();
        let said = refusal.err();
        return refused(doing, status, said.code(), said.message());
    }
    broken(doing, error).into()
}

/// The status code of an answer, for counting; `timeout` and `error` where there was none.
pub(super) fn code<E>(error: &SdkError<E, HttpResponse>) -> String {
    match error.raw_response() {
        Some(response) => response.status().as_u16().to_string(),
        None => "error".to_owned(),
    }
}

/// The store answered and refuses.
fn refused(doing: &str, status: u16, code: Option<&str>, message: Option<&str>) -> Trouble {
    let reason = match (status, code) {
        (_, Some("NoSuchBucket")) => return Trouble::NoBucket,
        (_, Some("NoSuchKey")) => return Trouble::NoObject,
        (429, _)
        | (_, Some("SlowDown" | "TooManyRequests" | "RequestLimitExceeded" | "Throttling")) => {
            Reason::THROTTLED
        }
        (_, Some("RequestTimeTooSkewed")) => Reason::CLOCK_SKEW,
        (
            _,
            Some("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken"),
        )
        | (401, _) => Reason::UNAUTHORIZED,
        (403, _) => Reason::FORBIDDEN,
        (501, _) | (_, Some("NotImplemented")) => NOT_IMPLEMENTED,
        (500.., _) => Reason::SERVER_ERROR,
        (_, None) => Reason::GARBLED,
        (_, Some(_)) => REJECTED,
    };
    let code = legible(code.unwrap_or("no S3 error"), 60);
    let message = message.map(|message| format!(" ({})", legible(message, 200)));
    let message = message.unwrap_or_default();
    Obstacle::new(reason, format!("{doing}: answered {status} {code}{message}")).into()
}

/// There was no whole answer.
fn broken(doing: &str, error: &(dyn Error + 'static)) -> Obstacle {
    let causes: Vec<_> = causes(error).collect();
    let last = causes.last().map(|cause| legible(&cause.to_string(), 200)).unwrap_or_default();
    if last.contains("failed to lookup address") {
        return unresolved(doing, &last);
    }
    let (reason, what) = unanswered(&causes, &last);
    Obstacle::new(reason, format!("{doing}: {what}"))
}

/// What was in the way, by an error and its causes; `last` is what the deepest one says.
fn unanswered(causes: &[&(dyn Error + 'static)], last: &str) -> (Reason, String) {
    let io = causes.iter().find_map(|cause| cause.downcast_ref::<io::Error>());
    let hyper = causes.iter().find_map(|cause| cause.downcast_ref::<hyper::Error>());
    if causes.iter().any(|cause| cause.is::<EndsEarly>()) {
        return (Reason::GARBLED, "the answer ends in the middle".to_owned());
    }
    if causes.iter().any(|cause| cause.is::<LengthLimitError>()) {
        return (Reason::TOO_LARGE, "the answer is larger than 8 MiB".to_owned());
    }
    if let Some(tls) = causes.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return (Reason::TLS_FAILED, format!("no TLS: {}", legible(&tls.to_string(), 200)));
    }
    if let Some(io) = io {
        return disconnected(io.kind(), last);
    }
    match hyper {
        Some(hyper) if hyper.is_incomplete_message() || hyper.is_body_write_aborted() => {
            (Reason::RESET, "the connection broke before the answer was complete".to_owned())
        }
        _ => (Reason::GARBLED, format!("the answer is not S3's: {last}")),
    }
}

/// The network is in the way.
fn disconnected(kind: io::ErrorKind, said: &str) -> (Reason, String) {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, TimedOut, UnexpectedEof,
    };
    let broken = [ConnectionReset, ConnectionAborted, BrokenPipe, UnexpectedEof];
    if kind == ConnectionRefused {
        (Reason::REFUSED, "the connection is refused".to_owned())
    } else if broken.contains(&kind) {
        (Reason::RESET, format!("the connection broke: {said}"))
    } else if kind == TimedOut {
        (Reason::TIMED_OUT, "no answer in time".to_owned())
    } else {
        (Reason::UNREACHABLE, format!("can't be reached: {said}"))
    }
}

/// An error and what caused it. What an I/O error wraps is one of its causes, too, although it
/// does not say so itself.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let cause = |error: &&'a (dyn Error + 'static)| -> Option<&'a (dyn Error + 'static)> {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    };
    std::iter::successors(Some(error), cause).take(MOST_CAUSES)
}
