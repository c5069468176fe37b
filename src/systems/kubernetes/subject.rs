//! The API server as the subject of a claim: what it answers, whatever that is, and how long it
//! took. Where nothing comes, the reason says what happened on the way.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::ACCEPT;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};

use super::Kubernetes;
use super::refusal::causes;
use super::request::Lost;
use crate::model::finding::Obstacle;
use crate::model::needs::{Needs, Right};
use crate::model::reason::Reason;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 10;

/// An answer, whatever its code.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub code: u16,
    /// The body, at most 64 KiB.
    pub body: Bytes,
    /// From the beginning to the end of the body, connecting included where that was needed.
    pub took: Duration,
}

impl Kubernetes {
    /// Reads a path that is no resource; `needs` must declare the right to it. `query` is empty or
    /// begins with `?`.
    ///
    /// # Errors
    /// Why there is no answer; not ours where the API server is to blame, who is asked about itself.
    pub async fn probe(
        &self,
        needs: &Needs,
        right: &Right,
        query: &str,
        until: Instant,
    ) -> Result<Answer, Obstacle> {
        let doing = format!("reading {}", right.resource);
        if !needs.rights.contains(right) {
            let because = format!("the check asks for {right}, which it did not declare");
            return Err(Obstacle::ours(Reason::UNDECLARED, because));
        }
        let request = Request::get(format!("{}{query}", right.resource))
            .header(ACCEPT, "application/json, */*")
            .body(Vec::new())
            .map_err(|error| Obstacle::ours(Reason::CRASHED, format!("{doing}: {error}")))?;
        let started = Instant::now();
        let requests = self.0.requests.clone().within(until.saturating_duration_since(started));
        let late = || {
            let waited = crate::model::duration::spoken(started.elapsed());
            Obstacle::new(Reason::TIMED_OUT, format!("{doing}: no answer within {waited}"))
        };
        let read = async {
            let sent = requests.exchange(&doing, right.verb, right.name(), request).await;
            let response = sent.map_err(|lost| match lost {
                Lost::Ours(obstacle) => obstacle,
                Lost::Late => late(),
                Lost::Broke(error) => broken(&doing, &error),
            })?;
            let code = response.status().as_u16();
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| broken(&doing, &*error))?.to_bytes();
            Ok(Answer { code, body, took: started.elapsed() })
        };
        timeout_at(until, read).await.unwrap_or_else(|_| Err(late()))
    }
}

/// What happened on the way, from the causes of an error.
fn broken(doing: &str, error: &(dyn Error + 'static)) -> Obstacle {
    let because = format!("{doing}: {}", causes(error));
    match told(error) {
        Some(Broken::Theirs(reason)) => Obstacle::new(reason, because),
        Some(Broken::Ours(reason)) => Obstacle::ours(reason, because),
        None => Obstacle::new(Reason::RESET, because),
    }
}

/// Who is to blame, and for what.
enum Broken {
    Theirs(Reason),
    Ours(Reason),
}

/// What an error or one of its causes tells.
fn told(error: &(dyn Error + 'static)) -> Option<Broken> {
    if let Some(io) = error.downcast_ref::<io::Error>() {
        // What an I/O error wraps is none of its sources.
        let wrapped: Option<&(dyn Error + 'static)> = io.get_ref().map(|inner| inner as _);
        return wrapped.and_then(told).or_else(|| told_by(io.kind()));
    }
    if error.is::<rustls::Error>() {
        return Some(Broken::Theirs(Reason::TLS_FAILED));
    }
    if error.is::<LengthLimitError>() {
        return Some(Broken::Theirs(Reason::TOO_LARGE));
    }
    // The connector's own error has no type that can be named.
    if error.to_string().starts_with("dns error") {
        return Some(Broken::Ours(Reason::RESOLVER_FAILED));
    }
    error.source().and_then(told)
}

fn told_by(kind: ErrorKind) -> Option<Broken> {
    use ErrorKind as Kind;
    let is = |kinds: &[Kind]| kinds.contains(&kind);
    if kind == Kind::ConnectionRefused {
        Some(Broken::Theirs(Reason::REFUSED))
    } else if kind == Kind::TimedOut {
        Some(Broken::Theirs(Reason::TIMED_OUT))
    } else if is(&[Kind::HostUnreachable, Kind::NetworkUnreachable]) {
        Some(Broken::Theirs(Reason::UNREACHABLE))
    } else if is(&[Kind::PermissionDenied, Kind::AddrNotAvailable, Kind::InvalidInput]) {
        Some(Broken::Ours(Reason::UNREACHABLE))
    } else {
        None
    }
}
