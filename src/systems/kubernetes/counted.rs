//! What Vigie asks of the API server, counted under every request; and how its clock differs.
//!
//! Labels come from the program: a request carries its [`Errand`], and nothing is parsed back out
//! of a URL.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use kube::client::Body;
use tower::{Layer, Service};

use crate::systems::clock::Clock;
use crate::systems::tally::Tally;

/// What a request is for, in the terms of RBAC.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    /// `get`, `list` or `watch`.
    pub(super) verb: &'static str,
    /// `pods` or `deployments.apps`.
    pub(super) resource: String,
}

/// All requests so far.
pub(super) struct Traffic {
    requests: Tally<[String; 3]>,
    skew: Mutex<Option<f64>>,
    clock: Clock,
}

impl Traffic {
    pub(super) fn new(clock: Clock) -> Self {
        Self { requests: Tally::default(), skew: Mutex::default(), clock }
    }

    /// Counts by verb, resource and status code.
    pub(super) fn requests(&self) -> &Tally<[String; 3]> {
        &self.requests
    }

    /// How far the server's clock is ahead of ours, in seconds; none before an answer said so.
    pub(super) fn skew(&self) -> Option<f64> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compare(&self, date: &str, sent: Timestamp) {
        let Ok(date) = jiff::fmt::rfc2822::parse(date) else { return };
        let received = self.clock.now();
        let took = received.duration_since(sent).as_secs_f64();
        // A date has whole seconds: on the average it is half a second old.
        let ahead = date.timestamp().duration_since(sent).as_secs_f64() - took / 2.0 + 0.5;
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
    }
}

/// A request under way; counted when it is over, given up included.
struct Asked {
    traffic: Arc<Traffic>,
    errand: Option<Errand>,
    code: Option<StatusCode>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        let Some(Errand { verb, resource }) = self.errand.take() else { return };
        let code = self.code.as_ref().map_or("error", StatusCode::as_str).to_owned();
        self.traffic.requests.count([verb.to_owned(), resource, code]);
    }
}

/// Counts every request that goes through.
#[derive(Clone)]
pub(super) struct Counted<S> {
    inner: S,
    traffic: Arc<Traffic>,
}

/// Puts [`Counted`] around a client.
pub(super) struct CountedLayer(Arc<Traffic>);

impl Counted<()> {
    pub(super) fn layer(traffic: Arc<Traffic>) -> CountedLayer {
        CountedLayer(traffic)
    }
}

impl<S> Layer<S> for CountedLayer {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, traffic: Arc::clone(&self.0) }
    }
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let errand = request.extensions().get::<Errand>().cloned();
        let traffic = Arc::clone(&self.traffic);
        let sent = traffic.clock.now();
        let asked = Asked { traffic: Arc::clone(&traffic), errand, code: None };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut asked = asked;
            let answer = answer.await;
            asked.code = answer.as_ref().ok().map(Response::status);
            if let Ok(response) = &answer
                && let Some(date) = response.headers().get(http::header::DATE)
                && let Ok(date) = date.to_str()
            {
                traffic.compare(date, sent);
            }
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_tells_how_far_the_server_is_ahead() {
        let now: Timestamp = "2026-11-23T10:00:00.5Z".parse().unwrap();
        let traffic = Traffic::new(Clock::manual(now));
        traffic.compare("Mon, 23 Nov 2026 10:02:00 GMT", now);
        assert!((traffic.skew().unwrap() - 120.0).abs() < 0.01);
        traffic.compare("yesterday", now);
        assert!(traffic.skew().is_some(), "what is no date says nothing");
    }
}
