//! Fetching: the requests as configured, and what they redirect to as far as that is wanted.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::claims::Evaluated;
use super::credential::{Credential, Secrecy};
use super::expect::Expect;
use super::login::{Shown, bearer};
use super::params::{FieldName, SecretHeader};
use super::probe::{PassedOver, Probe};
use super::redirects::{Redirects, leads_elsewhere, target};
use super::token::Held;
use super::{Answered, Http};
use crate::checks::Look;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::net::dial::blamed;
use crate::systems::net::exchange::{Phases, Reading, Request};
use crate::systems::net::url::WebUrl;

/// The most bytes of an unwanted answer that are read, to quote from.
const EXCERPT: usize = 4096;

/// A request, and what of it is secret.
struct Written {
    request: Request,
    credential: Option<Credential>,
    shown: Shown,
}

impl Http {
    /// Sends the requests, one after the other, until one of them is there.
    pub(super) async fn fetch(
        &self,
        look: &Look<'_>,
        phases: &mut Phases,
    ) -> Result<Answered, Obstacle> {
        let mut passed_over = Vec::new();
        let last = self.alternatives.len();
        for probe in self.probes() {
            let answered = self.ask(look, &probe, phases).await?;
            let status = answered.response.status;
            let another = probe.number < last && !self.accepts(probe.expect, status);
            if another && self.is_not_there(status) {
                passed_over.push(PassedOver::new(&probe.url, status.as_u16()));
                continue;
            }
            let evaluated = self.evaluate(look, &probe, &answered).await;
            return Ok(Answered { passed_over, evaluated, ..answered });
        }
        Err(Obstacle::ours(Reason::NOTHING_SEEN, "no request was to be sent"))
    }

    async fn evaluate(&self, look: &Look<'_>, probe: &Probe<'_>, answered: &Answered) -> Evaluated {
        let response = &answered.response;
        if response.cut || !self.accepts(probe.expect, response.status) {
            return Evaluated::default();
        }
        probe.expect.evaluate(response, self.quotable(), look.now, look.until()).await
    }

    /// Sends one request. A kept token that is refused is replaced once by a new one: it may have
    /// been revoked since, and says nothing of the grant.
    async fn ask(
        &self,
        look: &Look<'_>,
        probe: &Probe<'_>,
        phases: &mut Phases,
    ) -> Result<Answered, Obstacle> {
        let mut held = self.token(look, None).await?;
        loop {
            *phases = Phases::default();
            let written = self.write(look, probe, held.as_ref()).await?;
            let credential = written.credential;
            let turn = match credential {
                Some(credential) => Some(credential.turn(look).await?),
                None => None,
            };
            let (mut answered, at_home) = self.follow(look, probe, written, phases).await?;
            let status = answered.response.status;
            let (Some(turn), Some(credential), true) = (turn, credential, at_home) else {
                return Ok(answered);
            };
            if self.accepts(probe.expect, status) {
                turn.accepted();
                return Ok(answered);
            }
            if let Some(Held { token, fresh: false, .. }) = &held
                && status == StatusCode::UNAUTHORIZED
            {
                held = self.token(look, Some(token)).await?;
                continue;
            }
            answered.again = credential.note(look, &answered.response);
            return Ok(answered);
        }
    }

    /// Sends a request, and those that its redirects lead to. Says, too, whether the answer came from
    /// the origin for which the credential is: what another says is not about it.
    async fn follow(
        &self,
        look: &Look<'_>,
        probe: &Probe<'_>,
        written: Written,
        phases: &mut Phases,
    ) -> Result<(Answered, bool), Obstacle> {
        let Written { mut request, credential: _, shown } = written;
        let started = Instant::now();
        let Look { systems, now, .. } = look;
        let visit = self.web().visit(&systems.net, &systems.secrets, look.until(), *now);
        let mut redirects = 0;
        let mut at_home = true;
        loop {
            let reading = |status, headers: &HeaderMap| self.reading(probe.expect, status, headers);
            let response = visit
                .exchange(request.clone(), reading, phases)
                .await
                .map_err(|obstacle| blamed(obstacle, phases.resolve, started))?;
            let onward = match self.redirects {
                Redirects::Follow(most) if redirects < most => {
                    target(&request.url, &response).and_then(Result::ok)
                }
                Redirects::Follow(_) | Redirects::Expect(_) => None,
            };
            let Some(onward) = onward else {
                let answered = Answered {
                    at: request.url,
                    redirects,
                    response,
                    phases: *phases,
                    number: probe.number,
                    passed_over: Vec::new(),
                    evaluated: Evaluated::default(),
                    again: None,
                };
                return Ok((answered, at_home));
            };
            redirects += 1;
            at_home &= self.url.same_origin(&onward);
            self.redirect(probe, &mut request, response.status, onward, &shown);
        }
    }

    async fn write(
        &self,
        look: &Look<'_>,
        probe: &Probe<'_>,
        held: Option<&Held>,
    ) -> Result<Written, Obstacle> {
        let secrets = &look.systems.secrets;
        let ours = |name: &FieldName| {
            let because = format!("the value for the header `{name}` can't be sent");
            Obstacle::ours(Reason::SECRET_MISSING, because)
        };
        let mut secrecy = Secrecy::default();
        let mut headers = HeaderMap::new();
        if let Some(content_type) = probe.sent.content_type() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, value) in &self.headers {
            let field = HeaderName::try_from(name.as_str()).map_err(|_| ours(name))?;
            headers.insert(field, HeaderValue::try_from(value).map_err(|_| ours(name))?);
        }
        for (name, SecretHeader { from, prefix }) in &self.secret_headers {
            let secret = secrets.read(from).await?;
            let field = HeaderName::try_from(name.as_str()).map_err(|_| ours(name))?;
            let mut value = HeaderValue::try_from(format!("{prefix}{}", secret.expose_secret()))
                .map_err(|_| ours(name))?;
            value.set_sensitive(true);
            secrecy.add(name.as_str().as_bytes());
            secrecy.add(value.as_bytes());
            headers.insert(field, value);
        }
        let body = probe.sent.read(secrets).await?;
        if probe.sent.is_secret() {
            secrecy.add(b"body");
            secrecy.add(&body);
        }
        let (method, url) = (probe.method.clone(), probe.url.clone());
        let mut request = Request { method, url, headers, body };
        let mut shown = Shown::default();
        if let Some(login) = &self.login {
            shown = login.show(&mut request, secrets, |part| secrecy.add(part)).await?;
        }
        if let Some(Held { token, grant, fresh: _ }) = held {
            shown = bearer(&mut request, token.secret().expose_secret())?;
            // Tokens come and go: it is the grant that is accepted, or refused.
            secrecy.add(grant);
        }
        let credential = secrecy.credential(self, &probe.url);
        Ok(Written { request, credential, shown })
    }

    /// Whether a status is what the check wants to see.
    fn accepts(&self, expect: &Expect, status: StatusCode) -> bool {
        match &self.redirects {
            Redirects::Follow(_) => expect.status.hold(status),
            Redirects::Expect(expected) => expected.status.hold(status),
        }
    }

    /// What is read of an answer's body: what the check asks about. One with the wrong status is
    /// quoted at most, and that of a redirect is for nobody.
    fn reading(&self, expect: &Expect, status: StatusCode, headers: &HeaderMap) -> Reading {
        let follows = !matches!(self.redirects, Redirects::Follow(0));
        if follows && leads_elsewhere(status, headers) {
            return Reading::Nothing;
        }
        if !self.accepts(expect, status) {
            return Reading::Excerpt(EXCERPT);
        }
        let timed = self.warn_slower_than.or(self.fail_slower_than).is_some();
        if expect.asks_for_body() || self.max_bytes.is_some() || timed {
            Reading::Whole(self.max_bytes.unwrap_or_default().get())
        } else {
            Reading::Nothing
        }
    }

    /// Turns `request` into the one that follows a redirect: secrets stay at their first origin,
    /// and the method becomes `GET` where browsers make it so.
    fn redirect(
        &self,
        probe: &Probe<'_>,
        request: &mut Request,
        status: StatusCode,
        onward: WebUrl,
        shown: &Shown,
    ) {
        let rewritten = status == StatusCode::SEE_OTHER
            || (request.method == Method::POST && [301, 302].contains(&status.as_u16()));
        if rewritten && request.method != Method::HEAD {
            request.method = Method::GET;
            request.body = bytes::Bytes::new();
            request.headers.remove(CONTENT_TYPE);
        }
        if !self.url.same_origin(&onward) {
            if probe.sent.is_secret() {
                request.body = bytes::Bytes::new();
            }
            for name in self.secret_headers.keys() {
                request.headers.remove(name.as_str());
            }
            if let Some(name) = &shown.header {
                request.headers.remove(name);
            }
            request.headers.remove(AUTHORIZATION);
            request.headers.remove(HOST);
        }
        request.url = onward;
    }
}
