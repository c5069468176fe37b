//! Fetching: the request as configured, and what it redirects to as far as that is wanted.

use std::net::SocketAddr;

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use http::header::{AUTHORIZATION, COOKIE, HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::credential::Credential;
use super::params::{FieldName, SecretHeader};
use super::redirects::{Redirects, leads_elsewhere, target};
use super::{Answered, Http, Seen};
use crate::checks::Look;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::net::dial::blamed;
use crate::systems::net::exchange::{Phases, Reading, Request};
use crate::systems::net::url::WebUrl;
use crate::systems::net::web::Visit;

/// The most bytes of an unwanted answer that are read, to quote from.
const EXCERPT: usize = 4096;

/// What the fetches of one look have in common.
#[derive(Clone, Copy)]
struct Fetching<'a> {
    look: &'a Look<'a>,
    visit: &'a Visit<'a>,
    started: Instant,
}

impl Http {
    /// Fetches the URL, at each of its addresses where that is wanted.
    pub(super) async fn look_at_all(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let request = self.request(look).await?;
        let Look { systems, now, .. } = look;
        let visit = self.web().visit(&systems.net, &systems.secrets, look.until(), *now);
        let fetching = Fetching { look, visit: &visit, started: Instant::now() };
        if !self.every_address {
            let outcome = self.fetch(fetching, request, None, Phases::default()).await;
            return Ok(Seen { answers: vec![(None, outcome)], trouble: None, left_out: 0 });
        }
        let (addresses, found) = match visit.addresses().await {
            Ok(found) => found,
            Err(obstacle) => {
                let answers = vec![(None, Err(obstacle))];
                return Ok(Seen { answers, trouble: None, left_out: 0 });
            }
        };
        let phases = Phases { resolve: fetching.started.elapsed(), ..Phases::default() };
        // A wrong credential must be sent once, not sixteen times.
        let at_once = if self.quotable() { addresses.len() } else { 1 };
        let answers = futures::stream::iter(addresses)
            .map(|address| {
                let fetched = self.fetch(fetching, request.clone(), Some(address), phases);
                fetched.map(move |outcome| (Some(address.ip()), about(address, outcome)))
            })
            .buffered(at_once)
            .collect()
            .await;
        Ok(Seen { answers, trouble: found.trouble, left_out: found.left_out })
    }

    /// Fetches the URL, and what it redirects to as far as that is wanted.
    async fn fetch(
        &self,
        fetching: Fetching<'_>,
        mut request: Request,
        address: Option<SocketAddr>,
        mut phases: Phases,
    ) -> Result<Answered, Obstacle> {
        let Fetching { look, visit, started } = fetching;
        // Gone once a redirect has led to another origin: what that says is not about it.
        let mut credential = Credential::of(self, &request);
        if let Some(credential) = credential {
            credential.allowed(look)?;
        }
        let mut seen = Vec::new();
        loop {
            let reading = |status, headers: &HeaderMap| self.reading(status, headers);
            let response = async {
                let opened = visit.open(request.clone(), address, &mut phases).await?;
                opened.read(reading, look.until(), &mut phases).await
            };
            let response = response.await;
            let response =
                response.map_err(|obstacle| blamed(obstacle, phases.resolve, started))?;
            let redirects = u8::try_from(seen.len()).unwrap_or(u8::MAX);
            let at = request.url.clone();
            let answered =
                |circle, response| Answered { at: at.clone(), redirects, circle, response, phases };
            let onward = match self.redirects {
                Redirects::Follow(most) if redirects < most => {
                    target(&request.url, &response).and_then(Result::ok)
                }
                Redirects::Follow(_) | Redirects::Expect(_) => None,
            };
            let Some(onward) = onward else {
                if let Some(credential) = credential.filter(|_| !self.accepts(response.status)) {
                    credential.note(look, &response);
                }
                return Ok(answered(false, response));
            };
            seen.push((request.method.clone(), request.url.clone()));
            credential = credential.filter(|_| self.url.same_origin(&onward));
            self.redirect(&mut request, response.status, onward);
            let again = |(method, url): &(Method, WebUrl)| {
                *method == request.method && url.same_resource(&request.url)
            };
            if seen.iter().any(again) {
                return Ok(answered(true, response));
            }
        }
    }

    async fn request(&self, look: &Look<'_>) -> Result<Request, Obstacle> {
        let ours = |name: &FieldName| {
            let because = format!("the value for the header `{name}` can't be sent");
            Obstacle::ours(Reason::SECRET_MISSING, because)
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let field = HeaderName::try_from(name.as_str()).map_err(|_| ours(name))?;
            headers.insert(field, HeaderValue::try_from(value).map_err(|_| ours(name))?);
        }
        for (name, SecretHeader { from, prefix }) in &self.secret_headers {
            let secret = look.systems.secrets.read(from).await?;
            let field = HeaderName::try_from(name.as_str()).map_err(|_| ours(name))?;
            let mut value = HeaderValue::try_from(format!("{prefix}{}", secret.expose_secret()))
                .map_err(|_| ours(name))?;
            value.set_sensitive(true);
            headers.insert(field, value);
        }
        let body = match &self.body_from {
            None => Bytes::copy_from_slice(self.body.as_bytes()),
            Some(from) => {
                let secret = look.systems.secrets.read(from).await?;
                Bytes::copy_from_slice(secret.expose_secret().as_bytes())
            }
        };
        Ok(Request { method: self.method.0.clone(), url: self.url.clone(), headers, body })
    }

    /// Whether a status is what the check wants to see.
    fn accepts(&self, status: StatusCode) -> bool {
        match &self.redirects {
            Redirects::Follow(_) => self.expect.status.hold(status),
            Redirects::Expect(expected) => expected.status.hold(status),
        }
    }

    /// What is read of an answer's body: what the check asks about. One with the wrong status is
    /// quoted at most, and that of a redirect is for nobody.
    fn reading(&self, status: StatusCode, headers: &HeaderMap) -> Reading {
        let follows = !matches!(self.redirects, Redirects::Follow(0));
        if follows && leads_elsewhere(status, headers) {
            return Reading::Nothing;
        }
        if !self.accepts(status) {
            return Reading::Excerpt(EXCERPT);
        }
        let timed = self.warn_slower_than.or(self.fail_slower_than).is_some();
        if self.expect.asks_for_body() || self.max_bytes.is_some() || timed {
            Reading::Whole(self.max_bytes.unwrap_or_default().get())
        } else {
            Reading::Nothing
        }
    }

    /// Turns `request` into the one that follows a redirect: secrets stay at their first origin,
    /// and the method becomes `GET` where browsers make it so.
    fn redirect(&self, request: &mut Request, status: StatusCode, onward: WebUrl) {
        let rewritten = status == StatusCode::SEE_OTHER
            || (request.method == Method::POST && [301, 302].contains(&status.as_u16()));
        if rewritten && request.method != Method::HEAD {
            request.method = Method::GET;
            request.body = Bytes::new();
        }
        if !self.url.same_origin(&onward) {
            if self.body_from.is_some() {
                request.body = Bytes::new();
            }
            for name in self.secret_headers.keys() {
                request.headers.remove(name.as_str());
            }
            // However they were given.
            for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST] {
                request.headers.remove(name);
            }
        }
        request.url = onward;
    }
}

/// The line that this goes to is about the address already.
fn about(address: SocketAddr, outcome: Result<Answered, Obstacle>) -> Result<Answered, Obstacle> {
    outcome.map_err(|obstacle| {
        let named = format!("{address} ");
        let because = obstacle.because.strip_prefix(&named).unwrap_or(&obstacle.because);
        Obstacle { because: because.to_owned(), ..obstacle }
    })
}
