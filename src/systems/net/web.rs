//! What is fetched over HTTP, and how, as checks' parameters say: for every kind that does.
//!
//! HTTP/1.1 alone, and that is offered by ALPN. A probe sends one request a connection, where HTTP/2
//! has nothing to give; servers that speak nothing older are those of gRPC, which are not asked here.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderValue;
use http::header::HOST;
use http::uri::Authority;
use jiff::Timestamp;
use rustls::pki_types::ServerName;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::Net;
use super::connection::Way;
use super::dial::Family;
use super::exchange::{Phases, Request, server_name};
use super::handshake::Terms;
use super::names::Found;
use super::opened::Opened;
use super::proxy::{Proxy, ProxyServer};
use super::reach::{Reach, Trust};
use super::url::WebUrl;
use crate::model::finding::Obstacle;
use crate::model::needs::Needs;
use crate::systems::secrets::Secrets;

/// Declares a check's parameters with those of [`Web`] among them, and `fn web` to read these.
macro_rules! fetched {
    ($(#[$about:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $crate::systems::net::reach::reached! {
            $(#[$about])*
            pub struct $name {
                /// What to fetch, `http` or `https`. Its query is never shown.
                url: $crate::systems::net::url::WebUrl,
                $($own)*
                /// The `Host` header to send instead of the URL's host; the certificate must still
                /// be for the URL's host, or for `server_name`.
                #[serde(default)]
                host: Option<$crate::systems::net::web::HostHeader>,
                /// The name to ask for under TLS, and to find in the certificate, instead of the
                /// URL's host; the `Host` header stays the URL's.
                #[serde(default)]
                server_name: Option<$crate::systems::net::web::CertificateName>,
                /// An HTTP proxy to go through, redirects included; by default, none. No environment
                /// variable says otherwise.
                #[serde(default)]
                proxy: Option<$crate::systems::net::proxy::ProxyServer>,
            }
        }

        impl $name {
            /// What is fetched, and how.
            fn web(&self) -> $crate::systems::net::web::Web<'_> {
                $crate::systems::net::web::Web {
                    url: &self.url,
                    host: self.host.as_ref(),
                    server_name: self.server_name.as_ref(),
                    proxy: self.proxy.as_ref(),
                    reach: self.reach(),
                }
            }
        }
    };
}
pub(crate) use fetched;

/// What is fetched, and how; what each means is said once, in [`fetched!`].
///
/// All but the URL is about its scheme, host and port: what is sent elsewhere, following a redirect,
/// goes where that says, and shows neither our certificate nor another name.
#[derive(Clone, Copy, Debug)]
pub struct Web<'a> {
    /// What is fetched first.
    pub url: &'a WebUrl,
    /// The `Host` header.
    pub host: Option<&'a HostHeader>,
    /// The name in the certificate.
    pub server_name: Option<&'a CertificateName>,
    /// What to go through.
    pub proxy: Option<&'a ProxyServer>,
    /// How the URL's host is reached.
    pub reach: Reach<'a>,
}

impl<'a> Web<'a> {
    /// What a check needs that fetches so.
    pub fn needs(self) -> Needs {
        let mut needs = self.reach.needs(&self.url.host());
        needs.secrets.extend(self.proxy.and_then(ProxyServer::secret).cloned());
        needs
    }

    /// What is wrong between the parameters.
    pub fn flaws(self) -> Vec<String> {
        let Self { url, host: _, server_name, proxy, reach } = self;
        let mut flaws = Vec::new();
        if !url.is_secure() && (reach.ca.is_some() || reach.client_certificate.is_some()) {
            let why = "`ca` and `client_certificate` need an `https` URL; where `http` redirects to \
                       `https`, `connections.net.ca` is what is trusted";
            flaws.push(why.to_owned());
        }
        if !url.is_secure() && server_name.is_some() {
            flaws.push("`server_name` needs an `https` URL".to_owned());
        }
        let Reach { connect_to, proxy_protocol, family, ca: _, client_certificate: _ } = reach;
        let finds = connect_to.is_some() || proxy_protocol.is_some() || family != Family::Any;
        if proxy.is_some() && finds {
            let why = "a proxy finds the address and connects by itself: `connect_to`, \
                       `proxy_protocol` and `family` are not for it";
            flaws.push(why.to_owned());
        }
        flaws
    }

    /// One look at it.
    pub fn visit(
        self,
        net: &'a Net,
        secrets: &'a Secrets,
        until: Instant,
        now: Timestamp,
    ) -> Visit<'a> {
        let (proxy, trust) = (OnceCell::new(), OnceCell::new());
        Visit { web: self, net, secrets, until, head_within: None, now, proxy, trust }
    }
}

/// One look at what is fetched, of one or several requests.
#[derive(Debug)]
pub struct Visit<'a> {
    web: Web<'a>,
    net: &'a Net,
    secrets: &'a Secrets,
    until: Instant,
    head_within: Option<Duration>,
    now: Timestamp,
    proxy: OnceCell<Proxy>,
    /// Read once, and only if it is needed: plain HTTP works on a machine that trusts nobody.
    trust: OnceCell<Trust>,
}

impl Visit<'_> {
    /// The same, giving the head of an answer no longer than this to come.
    pub fn impatient(self, head_within: Duration) -> Self {
        Self { head_within: Some(head_within), ..self }
    }

    /// The addresses of what is fetched.
    ///
    /// # Errors
    /// As [`Net::addresses`].
    pub async fn addresses(&self) -> Result<(Vec<SocketAddr>, Found), Obstacle> {
        let endpoint = self.web.url.endpoint();
        let route = self.net.led(self.web.reach.route(&endpoint, self.until));
        let found = self.net.addresses(route).await?;
        Ok((found.at(route.to.port()), found))
    }

    /// Sends `request` on a connection of its own, and waits for the head of the answer. Where the
    /// request is for what the parameters are about, it goes to the address `at` if there is one.
    /// The time that each phase took is added to `phases`, even where the next one fails.
    ///
    /// # Errors
    /// As [`Net::exchange`].
    pub async fn open(
        &self,
        mut request: Request,
        at: Option<SocketAddr>,
        phases: &mut Phases,
    ) -> Result<Opened, Obstacle> {
        let endpoint = request.url.endpoint();
        let here = self.web.url.same_origin(&request.url);
        let reach = if here { self.web.reach } else { self.web.reach.elsewhere() };
        let route = reach.route(&endpoint, self.until);
        let secure = request.url.is_secure();
        let terms = if secure { Some(self.terms(&request.url, here).await?) } else { None };
        if let Some(HostHeader(host)) = self.web.host.filter(|_| here) {
            request.headers.insert(HOST, host.clone());
        }
        let way = match (self.web.proxy, at.filter(|_| here)) {
            (Some(server), _) => {
                let ready = || server.ready(self.net, self.secrets, self.now, self.until);
                Way::Through(self.proxy.get_or_try_init(ready).await?)
            }
            (None, Some(address)) => Way::At(address),
            (None, None) => Way::Any,
        };
        self.net.open(request, way, route, terms, self.head_within, phases).await
    }

    async fn terms(&self, url: &WebUrl, here: bool) -> Result<Terms, Obstacle> {
        let name = match self.web.server_name.filter(|_| here) {
            Some(CertificateName(name)) => name.clone(),
            None => server_name(&url.host())?,
        };
        let read = || self.web.reach.trust(self.net, self.secrets);
        let trust = self.trust.get_or_try_init(read).await?.clone();
        let trust = if here { trust } else { trust.anonymous() };
        Ok(trust.terms(name, Some(b"http/1.1"), self.now))
    }
}

/// The value of a `Host` header: a host, with a port where it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostHeader(HeaderValue);

impl<'de> Deserialize<'de> for HostHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let wrong = || {
            de::Error::custom(format!("`{text}` is not a host such as `api.example.org`, `a:8080`"))
        };
        let authority = Authority::from_str(&text).map_err(|_| wrong())?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(wrong());
        }
        HeaderValue::from_str(&text).map(Self).map_err(|_| wrong())
    }
}

impl JsonSchema for HostHeader {
    fn schema_name() -> Cow<'static, str> {
        "HostHeader".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A host, with a port where it is not the usual one.",
            "examples": ["api.example.org"],
        })
    }
}

/// A name that a certificate can be for: a DNS name or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateName(ServerName<'static>);

impl<'de> Deserialize<'de> for CertificateName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let name = server_name(&text);
        name.map(Self).map_err(|obstacle| de::Error::custom(obstacle.because))
    }
}

impl JsonSchema for CertificateName {
    fn schema_name() -> Cow<'static, str> {
        "CertificateName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A name that a certificate can be for: a DNS name or an address.",
            "examples": ["api.example.org"],
        })
    }
}
