//! Requests: written as the parameters say, and rewritten as redirects do.

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;

use super::Http;
use super::credential::{Credential, Secrecy};
use super::login::{Login, Shown, bearer};
use super::params::{FieldName, SecretHeader};
use super::probe::Probe;
use super::redirects::Redirects;
use super::token::Held;
use crate::checks::Look;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::net::exchange::Request;
use crate::systems::net::url::WebUrl;

/// Headers that say who asks, however they were given.
const WHO_ASKS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// A request, and what of it is secret.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) request: Request,
    pub(super) credential: Option<Credential>,
    pub(super) shown: Shown,
}

impl Http {
    /// What is wrong between the parameters of what is sent.
    pub(super) fn flaws_of_requests(&self) -> Vec<String> {
        let first = self.first();
        let mut flaws: Vec<_> = first.sent.flaws(first.method).into_iter().collect();
        let twice = |name: &&FieldName| self.headers.contains_key(*name);
        let twice = self.secret_headers.keys().filter(twice);
        flaws.extend(
            twice.map(|name| format!("header `{name}` is both in `headers` and `secret_headers`")),
        );
        let frames = [CONTENT_LENGTH, TRANSFER_ENCODING].map(|name| FieldName::of(&name));
        for name in frames.iter().filter(|name| {
            self.headers.contains_key(*name) || self.secret_headers.contains_key(*name)
        }) {
            flaws.push(format!("header `{name}` is worked out from the body"));
        }
        flaws.extend(self.login.iter().flat_map(Login::flaws));
        let login = self.login.as_ref().and_then(Login::field);
        if let Some(name) = login.filter(|name| {
            self.headers.contains_key(name) || self.secret_headers.contains_key(name)
        }) {
            flaws.push(format!("header `{name}` is the `login`'s"));
        }
        flaws.extend(self.flaws_of_alternatives());
        if !self.alternatives.is_empty() && matches!(self.redirects, Redirects::Expect(_)) {
            flaws.push("`alternatives` and an expected redirect exclude each other".to_owned());
        }
        let elsewhere = self.connect_to.is_some() || self.proxy.is_some();
        if self.behind.is_some() && elsewhere {
            flaws.push("`behind` is of no use with `connect_to` or a `proxy`".to_owned());
        }
        flaws
    }

    /// Whether a header of the configuration says who asks.
    pub(super) fn says_who_asks(&self) -> bool {
        WHO_ASKS.iter().any(|name| self.headers.contains_key(&FieldName::of(name)))
    }

    /// The request of a probe, with a token where there is one.
    pub(super) async fn write(
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
            if WHO_ASKS.contains(&field) {
                secrecy.add(name.as_str().as_bytes());
                secrecy.add(value.as_bytes());
            }
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
        let credential = secrecy.credential(&probe.url);
        Ok(Written { request, credential, shown })
    }

    /// Turns `request` into the one that follows a redirect: secrets stay at their first origin,
    /// and the method becomes `GET` where browsers make it so.
    pub(super) fn redirect(
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
            request.body = Bytes::new();
            request.headers.remove(CONTENT_TYPE);
        }
        if !self.url.same_origin(&onward) {
            if probe.sent.is_secret() {
                request.body = Bytes::new();
            }
            for name in self.secret_headers.keys() {
                request.headers.remove(name.as_str());
            }
            if let Some(name) = &shown.header {
                request.headers.remove(name);
            }
            for name in WHO_ASKS.iter().chain([&HOST]) {
                request.headers.remove(name);
            }
        }
        request.url = onward;
    }
}
