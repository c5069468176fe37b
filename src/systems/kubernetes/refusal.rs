//! Why the API server gave no answer: the one place that turns its errors into reasons.

use std::error::Error;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::access::NO_ACCESS;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// The longest part of a server's own words that is repeated, in characters.
const LONGEST_WORDS: usize = 300;
/// The longest that a server may ask to be left alone.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Why a request or a stream came to nothing.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// The code.
    pub(super) reason: Reason,
    /// What was tried, and what came instead of an answer.
    pub(super) because: String,
    /// How long the server asked to be left alone.
    pub(super) rest: Option<Duration>,
    /// The status code, where there was an answer.
    pub(super) code: Option<u16>,
    /// Whether the answer is that one named object is not there.
    pub(super) absent: bool,
}

impl Refusal {
    /// No answer, or a broken one.
    pub(super) fn new(because: impl Into<String>) -> Self {
        let because = because.into();
        Self { reason: Reason::STREAM_DOWN, because, rest: None, code: None, absent: false }
    }

    /// A stream that says nothing.
    pub(super) fn silence(because: String) -> Self {
        Self { reason: Reason::STREAM_SILENT, ..Self::new(because) }
    }

    /// An error of ours.
    pub(super) fn crash(because: String) -> Self {
        Self { reason: Reason::CRASHED, ..Self::new(because) }
    }

    /// Whether the answer is final until somebody changes something.
    pub(super) fn is_definite(&self) -> bool {
        [Reason::FORBIDDEN, Reason::UNAUTHORIZED, Reason::KIND_UNKNOWN].contains(&self.reason)
    }

    /// An answer other than 200.
    pub(super) fn answered(
        doing: &str,
        status: StatusCode,
        headers: &HeaderMap,
        failure: &Failure,
    ) -> Self {
        let asked = headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let asked = asked.and_then(|value| value.parse().ok());
        let rest = asked.or(failure.details.retry_after_seconds).map(Duration::from_secs);
        let mut refusal = Self::coded(doing, status.as_u16(), failure);
        refusal.rest = rest.map(|rest| rest.min(LONGEST_REST));
        refusal
    }

    /// A failure that came with a status code, by itself or in an event.
    pub(super) fn coded(doing: &str, code: u16, failure: &Failure) -> Self {
        let reason = match code {
            401 => Reason::UNAUTHORIZED,
            403 => Reason::FORBIDDEN,
            404 => Reason::KIND_UNKNOWN,
            _ => Reason::STREAM_DOWN,
        };
        let words = failure.message.as_deref().unwrap_or_default();
        let mut because = format!("{doing}: the API server answers {code}");
        if !words.is_empty() {
            because = format!("{because}: {}", legible(words, LONGEST_WORDS));
        }
        let absent = code == 404 && failure.details.name.is_some();
        Self { reason, because, rest: None, code: Some(code), absent }
    }

    /// No answer at all.
    pub(super) fn transport(doing: &str, error: &(dyn Error + 'static)) -> Self {
        Self::new(format!("{doing}: {}", causes(error)))
    }
}

impl From<Obstacle> for Refusal {
    fn from(obstacle: Obstacle) -> Self {
        Self { reason: obstacle.reason, ..Self::new(obstacle.because) }
    }
}

impl From<Refusal> for Obstacle {
    fn from(refusal: Refusal) -> Self {
        let ours = [NO_ACCESS, Reason::CRASHED].contains(&refusal.reason);
        Self { reason: refusal.reason, because: refusal.because, ours }
    }
}

/// The body of an answer that is none: `Status`, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    /// The status code, in events.
    pub(super) code: Option<u16>,
    /// The server's own words.
    pub(super) message: Option<String>,
    /// Further hints.
    pub(super) details: Hints,
}

/// Hints in a `Status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hints {
    /// The object that it is about.
    name: Option<String>,
    #[serde(rename = "retryAfterSeconds")]
    retry_after_seconds: Option<u64>,
}

/// The causes of an error in one line, each once.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !told.contains(&words) {
            told = format!("{told}: {words}");
        }
        next = cause.source();
    }
    legible(&told, LONGEST_WORDS)
}
