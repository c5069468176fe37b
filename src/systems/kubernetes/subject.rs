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
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
                return Obstacle::new(Reason::TLS_FAILED, because);
            }
            match io.kind() {
                ErrorKind::ConnectionRefused => return Obstacle::new(Reason::REFUSED, because),
                ErrorKind::TimedOut => return Obstacle::new(Reason::TIMED_OUT, because),
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                    return Obstacle::new(Reason::UNREACHABLE, because);
                }
                ErrorKind::PermissionDenied
                | ErrorKind::AddrNotAvailable
                | ErrorKind::InvalidInput => return Obstacle::ours(Reason::UNREACHABLE, because),
                _ => {}
            }
        }
        if cause.is::<rustls::Error>() {
            return Obstacle::new(Reason::TLS_FAILED, because);
        }
        if cause.is::<LengthLimitError>() {
            let because = format!("{doing}: the answer is longer than {LONGEST} bytes");
            return Obstacle::new(Reason::TOO_LARGE, because);
        }
        // The connector's own error has no type that can be named.
        if cause.to_string().starts_with("dns error") {
            return Obstacle::ours(Reason::RESOLVER_FAILED, because);
        }
        next = cause.source();
    }
    Obstacle::new(Reason::RESET, because)
}
