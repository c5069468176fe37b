//! HTTP proxies: a tunnel by `CONNECT` to what is asked over TLS, and the whole URL otherwise.
//!
//! A proxy is a witness. What it does not do, or refuses us, says nothing about the target and is our
//! own trouble; only where it says itself that the target gave it no good answer (502, 504) is that
//! evidence. Which targets go through it is for the configuration to say: no environment is read.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HOST, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use http::{Method, StatusCode};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::ExposeSecret;
use serde::{Deserialize, Deserializer, de};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::connection::Stream;
use super::dial::{Family, Route, dial_any};
use super::exchange::{Phases, USER, server_name};
use super::handshake::{Handshake, Terms, shake};
use super::opened::{bounded, broken};
use super::url::WebUrl;
use super::{Net, within};
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::refusals::AGAIN;
use crate::systems::secrets::Secrets;
use crate::systems::trials::Turn;

/// An HTTP proxy to go through.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyServer {
    /// Where it listens: `http://host:port`, or `https:` where the proxy itself wants TLS.
    url: ProxyUrl,
    /// Who we are to it.
    #[serde(default)]
    login: Option<ProxyLogin>,
}

/// A name and a password for a proxy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyLogin {
    /// The name.
    username: String,
    /// The password, read at each look. Once refused (407), it is sent at most twice a day until it
    /// changes.
    password: SecretSource,
}

impl ProxyServer {
    /// The secret that it takes.
    pub fn secret(&self) -> Option<&SecretSource> {
        self.login.as_ref().map(|login| &login.password)
    }

    /// Reads what it takes to use it.
    ///
    /// # Errors
    /// Obstacles of ours: a secret that can't be read, or that it refused before.
    pub async fn ready(
        &self,
        net: &Net,
        secrets: &Secrets,
        now: Timestamp,
        until: Instant,
    ) -> Result<Proxy, Obstacle> {
        let Self { url: ProxyUrl(url), login } = self;
        let login = match login {
            Some(login) => Some(login.read(url, secrets, net, until).await?),
            None => None,
        };
        let terms = if url.is_secure() {
            let roots = net.roots(secrets, None).await?;
            let name = server_name(&url.host()).map_err(|obstacle| failed(&obstacle, url))?;
            Some(Terms { name, roots, identity: None, protocol: Some(b"http/1.1"), now })
        } else {
            None
        };
        Ok(Proxy { url: url.clone(), login, terms })
    }
}

impl ProxyLogin {
    async fn read(
        &self,
        url: &WebUrl,
        secrets: &Secrets,
        net: &Net,
        until: Instant,
    ) -> Result<Login, Obstacle> {
        let Self { username, password } = self;
        let secret = secrets.read(password).await?;
        let pair = format!("{username}:{}", secret.expose_secret());
        let mut header = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(&pair)))
            .map_err(|_| {
                let because = format!("{} can't be sent in a header", password.place());
                Obstacle::ours(Reason::SECRET_MISSING, because)
            })?;
        header.set_sensitive(true);
        let mut digest = Sha256::new();
        digest.update(url.endpoint().to_string().as_bytes());
        digest.update([0]);
        digest.update(pair.as_bytes());
        let digest = digest.finalize().into();
        let failed = |because| Obstacle::ours(Reason::PROXY_FAILED, because);
        let Some(turn) = net.trials().turn(digest, until).await else {
            let because = format!(
                "the proxy {} does not answer another look that shows it the same credential for \
                 the first time, for which this one waited",
                url.endpoint()
            );
            return Err(failed(because));
        };
        if let Some(ago) = net.refused(digest) {
            let because = format!(
                "the proxy {} refused this credential {} ago; {AGAIN}",
                url.endpoint(),
                spoken(ago)
            );
            return Err(failed(because));
        }
        Ok(Login { header, digest, turn: Arc::new(turn) })
    }
}

/// A proxy, and all that it takes to use it.
#[derive(Clone, Debug)]
pub struct Proxy {
    url: WebUrl,
    login: Option<Login>,
    /// The terms of TLS with the proxy itself.
    terms: Option<Terms>,
}

#[derive(Clone, Debug)]
struct Login {
    header: HeaderValue,
    digest: [u8; 32],
    /// Ours until the proxy has said what it thinks of it.
    turn: Arc<Turn>,
}

impl Proxy {
    /// What it wants to hear from us, in a header.
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.login.as_ref().map(|login| &login.header)
    }

    /// It has let us through.
    pub fn accepted(&self) {
        if let Some(login) = &self.login {
            login.turn.accepted();
        }
    }

    /// The trouble with an answer that the proxy gave in its own name; 407 is nobody else's.
    pub fn refusal(&self, net: &Net, status: StatusCode, target: &HostPort) -> Obstacle {
        let (proxy, code) = (self.url.endpoint(), status.as_u16());
        if [StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT].contains(&status) {
            let because = format!("{target} can't be reached, says the proxy {proxy} ({code})");
            return Obstacle::new(Reason::UNREACHABLE, because);
        }
        if status != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            let because = format!("the proxy {proxy} answers {code} when asked for {target}");
            return Obstacle::ours(Reason::PROXY_FAILED, because);
        }
        let because = match &self.login {
            None => format!("the proxy {proxy} wants to know who asks (407): it takes a `login`"),
            Some(login) => {
                net.refuse(login.digest);
                format!("the proxy {proxy} does not accept our credential (407)")
            }
        };
        Obstacle::ours(Reason::PROXY_FAILED, because)
    }
}

impl Net {
    /// Connects to the proxy, and through it to `tunnel` if there is one to dig.
    pub(super) async fn through(
        &self,
        proxy: &Proxy,
        tunnel: Option<&HostPort>,
        until: Instant,
        phases: &mut Phases,
    ) -> Result<(Box<dyn Stream>, SocketAddr), Obstacle> {
        let endpoint = proxy.url.endpoint();
        let route = Route { to: &endpoint, family: Family::Any, proxy_protocol: None, until };
        let ours = |obstacle: Obstacle| failed(&obstacle, &proxy.url);
        let started = Instant::now();
        let addresses = self.addresses(route).await.map_err(ours)?.at(endpoint.port());
        phases.resolve += started.elapsed();
        let started = Instant::now();
        let dialled = dial_any(&addresses, route).await.map_err(ours)?;
        let address = dialled.peer;
        let mut stream: Box<dyn Stream> = Box::new(dialled.stream);
        if let Some(terms) = proxy.terms.clone() {
            let Handshake { presented: _, asked: _, outcome } =
                shake(stream, &address, terms, until).await;
            stream = Box::new(outcome.map_err(ours)?.0);
        }
        if let Some(target) = tunnel {
            stream = self.dig(stream, address, proxy, target, until).await?;
        }
        phases.connect += started.elapsed();
        Ok((stream, address))
    }

    async fn dig(
        &self,
        stream: Box<dyn Stream>,
        address: SocketAddr,
        proxy: &Proxy,
        target: &HostPort,
        until: Instant,
    ) -> Result<Box<dyn Stream>, Obstacle> {
        let ours = |obstacle: Obstacle| failed(&obstacle, &proxy.url);
        let mut request = http::Request::builder()
            .method(Method::CONNECT)
            .uri(target.to_string())
            .header(HOST, target.to_string())
            .header(USER_AGENT, USER)
            .body(Empty::<Bytes>::new())
            .map_err(|error| Obstacle::ours(Reason::PROXY_FAILED, error.to_string()))?;
        if let Some(header) = proxy.authorization() {
            request.headers_mut().insert(PROXY_AUTHORIZATION, header.clone());
        }
        let started = Instant::now();
        let silence = || format!("{address} digs no tunnel within {}", spoken(started.elapsed()));
        let told = |error| broken(&address, &error);
        let (response, connection) = within(until, silence, async {
            let (mut sender, connection) =
                bounded().handshake(TokioIo::new(stream)).await.map_err(told)?;
            let connection = AbortOnDropHandle::new(tokio::spawn(connection.with_upgrades()));
            let response = sender.send_request(request).await.map_err(told)?;
            Ok((response, connection))
        })
        .await
        .map_err(ours)?;
        if !response.status().is_success() {
            return Err(proxy.refusal(self, response.status(), target));
        }
        proxy.accepted();
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| ours(told(error)))?;
        drop(connection);
        Ok(Box::new(TokioIo::new(upgraded)))
    }
}

/// Trouble with a proxy, which is ours whatever it is.
fn failed(obstacle: &Obstacle, url: &WebUrl) -> Obstacle {
    let because = format!("the proxy {}: {}", url.endpoint(), obstacle.because);
    Obstacle::ours(Reason::PROXY_FAILED, because)
}

/// Where a proxy listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUrl(WebUrl);

impl<'de> Deserialize<'de> for ProxyUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let url = WebUrl::parse(&text).map_err(de::Error::custom)?;
        if url.path_and_query() != "/" {
            let because = "a proxy is named by scheme, host and port: `http://proxy:3128`";
            return Err(de::Error::custom(because));
        }
        Ok(Self(url))
    }
}

impl JsonSchema for ProxyUrl {
    fn schema_name() -> Cow<'static, str> {
        "ProxyUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "uri",
            "description": "Where a proxy listens: scheme, host and port.",
            "examples": ["http://proxy.example.org:3128"],
        })
    }
}
