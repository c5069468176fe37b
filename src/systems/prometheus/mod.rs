//! Prometheus, or whatever speaks its query API: instant queries, as a witness about something else.
//!
//! One request a query, on a connection of its own. The answer is bounded in bytes; what is not the
//! form that the API promises is an obstacle and never an empty answer. A token that was refused is
//! not sent again before it changes.

mod answer;
mod connection;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

pub use answer::{Answer, Figures, Row};
pub use connection::Connection;

use super::net::Net;
use super::net::dial::{Family, Route};
use super::net::exchange::{Phases, Reading, Request, server_name};
use super::net::handshake::Terms;
use super::net::url::WebUrl;
use super::secrets::Secrets;
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use connection::Credential;

/// Prometheus does not answer the query: it can't be reached, is in trouble, or is none.
pub const PROMETHEUS_DOWN: Reason = Reason::new("PrometheusDown");
/// Prometheus does not accept the query itself.
pub const QUERY_REFUSED: Reason = Reason::new("QueryRefused");
/// No connection of this name is configured.
pub const NO_CONNECTION: Reason = Reason::new("NoConnection");

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 8 << 20;
/// The longest refusal that is read, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;
/// The longest expression that is sent as part of the URL, in bytes; longer ones are posted.
const LONGEST_IN_URL: usize = 1_500;

/// The connections to Prometheus, by the name that the configuration gives them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Prometheus {
    connections: Arc<BTreeMap<String, Connection>>,
    net: Net,
    secrets: Secrets,
}

impl Prometheus {
    /// Connections as configured; nothing is dialled yet.
    pub fn new(connections: &BTreeMap<String, Connection>, net: Net, secrets: Secrets) -> Self {
        Self { connections: Arc::new(connections.clone()), net, secrets }
    }

    /// What `expression` amounts to now, by the server's clock. `now` is ours, for its certificate.
    ///
    /// # Errors
    /// Why there is no answer. Silence is [`PROMETHEUS_DOWN`], whatever it came from.
    pub async fn query(
        &self,
        name: &str,
        expression: &str,
        now: Timestamp,
        until: Instant,
    ) -> Result<Answer, Obstacle> {
        let Some(connection) = self.connections.get(name) else {
            let because =
                format!("no connection `{name}` is configured under `connections.prometheus`");
            return Err(Obstacle::ours(NO_CONNECTION, because));
        };
        let doing = format!("asking Prometheus `{name}`");
        let mut request = request(&connection.endpoint, expression);
        let credential = match &connection.credential {
            Some(credential) => Some(self.signed(&mut request, credential).await?),
            None => None,
        };
        if let Some(ago) = credential.and_then(|credential| self.net.refused(credential)) {
            let because = format!(
                "{doing}: it refused this credential {} ago, and is not asked before it changes",
                spoken(ago)
            );
            return Err(Obstacle::new(Reason::UNAUTHORIZED, because));
        }
        let endpoint = connection.endpoint.endpoint();
        let route = Route { to: &endpoint, family: Family::Any, proxy_protocol: None, until };
        let terms = self.terms(connection, now).await?;
        let reading = |status, _: &HeaderMap| match status {
            StatusCode::OK => Reading::Whole(LONGEST_ANSWER),
            _ => Reading::Excerpt(LONGEST_REFUSAL),
        };
        let response = self
            .net
            .exchange(request, route, terms, reading, &mut Phases::default())
            .await
            .map_err(|obstacle| silence(&doing, obstacle))?;
        if response.status != StatusCode::OK {
            if let Some(credential) = credential
                && response.status == StatusCode::UNAUTHORIZED
            {
                self.net.refuse(credential);
            }
            return Err(answer::refusal(&doing, response.status, &response.body));
        }
        if response.cut {
            let because = format!("{doing}: the answer is longer than {LONGEST_ANSWER} bytes");
            return Err(Obstacle::new(Reason::TOO_LARGE, because));
        }
        answer::read(&doing, &response.body)
    }

    /// Adds the credential, and gives its digest.
    async fn signed(
        &self,
        request: &mut Request,
        credential: &Credential,
    ) -> Result<[u8; 32], Obstacle> {
        let (source, value) = match credential {
            Credential::Bearer(source) => {
                let token = self.secrets.read(source).await?;
                (source, format!("Bearer {}", token.expose_secret()))
            }
            Credential::Basic(basic) => {
                let password = self.secrets.read(&basic.password).await?;
                let both = format!("{}:{}", basic.username, password.expose_secret());
                (&basic.password, format!("Basic {}", STANDARD.encode(both)))
            }
        };
        let mut header = HeaderValue::try_from(&value).map_err(|_| {
            let because = format!("{} can't be sent in a header", source.place());
            Obstacle::ours(Reason::SECRET_MISSING, because)
        })?;
        header.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, header);
        let mut digest = Sha256::new();
        digest.update(request.url.endpoint().to_string().as_bytes());
        digest.update([0]);
        digest.update(value.as_bytes());
        Ok(digest.finalize().into())
    }

    async fn terms(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Option<Terms>, Obstacle> {
        if !connection.endpoint.is_secure() {
            return Ok(None);
        }
        let roots = self.net.roots(&self.secrets, connection.ca.as_ref()).await?;
        let name = server_name(&connection.endpoint.host())
            .map_err(|obstacle| silence("asking Prometheus", obstacle))?;
        Ok(Some(Terms { name, roots, identity: None, protocol: Some(b"http/1.1"), now }))
    }
}

fn request(endpoint: &WebUrl, expression: &str) -> Request {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("query", expression)
        .finish();
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let in_url = format!("{}?{form}", endpoint.whole());
    match WebUrl::parse(&in_url) {
        Ok(url) if form.len() <= LONGEST_IN_URL => {
            Request { method: Method::GET, url, headers, body: Bytes::new() }
        }
        Ok(_) | Err(_) => {
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, kind);
            Request { method: Method::POST, url: endpoint.clone(), headers, body: form.into() }
        }
    }
}

/// What a witness says that says nothing.
fn silence(doing: &str, obstacle: Obstacle) -> Obstacle {
    let Obstacle { reason: _, because, ours } = obstacle;
    Obstacle { reason: PROMETHEUS_DOWN, because: format!("{doing}: {because}"), ours }
}
