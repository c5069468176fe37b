//! One question to a registry: its requests, its token, its redirects.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use tokio::time::Instant;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::challenge::Challenge;
use super::credential::{Login, sensitive, wiped};
use super::manifest::{ACCEPTED, Descriptor, Manifest, digest_of};
use super::{Connection, Patience, Registries, RegistryHost};
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::image::{DOCKER_HUB, ImageName};
use crate::model::judgement::legible;
use crate::model::reason::Reason;
use crate::systems::net::dial::{Family, Route};
use crate::systems::net::exchange::{Phases, Reading, Request, Response, server_name};
use crate::systems::net::handshake::Terms;
use crate::systems::net::trust::Roots;
use crate::systems::net::url::WebUrl;
use crate::systems::refusals::AGAIN;

/// The longest manifest, in bytes: as registries themselves limit it.
const LONGEST_MANIFEST: usize = 4 << 20;
/// The longest configuration of an image, in bytes.
const LONGEST_CONFIG: usize = 4 << 20;
/// The longest answer of a token server, in bytes.
const LONGEST_TOKEN: usize = 256 << 10;
/// The longest answer that is no success, of which the registry's words are read.
const LONGEST_FAILURE: usize = 16 << 10;
/// The most redirects that are followed.
const MOST_REDIRECTS: usize = 3;

/// A question about one repository.
pub(super) struct Session<'a> {
    registries: &'a Registries,
    connection: Connection,
    image: ImageName,
    patience: Patience,
    authorization: Option<HeaderValue>,
    /// Whether a configured credential was shown: whoever saw it may repeat it.
    shown: bool,
    roots: Option<Arc<Roots>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(registries: &'a Registries, image: &ImageName, patience: Patience) -> Self {
        let host = RegistryHost::parse(image.registry()).ok();
        let connection = host.and_then(|host| registries.connections.get(&host).cloned());
        let connection = connection.unwrap_or_default();
        let image = image.clone();
        let (authorization, roots) = (None, None);
        Self { registries, connection, image, patience, authorization, shown: false, roots }
    }

    /// The manifest of `image`, which lies in the session's repository.
    pub(super) async fn manifest(&mut self, image: &ImageName) -> Result<Manifest, Obstacle> {
        let reference = image.digest().or_else(|| image.tag()).unwrap_or("latest");
        let response = self.get("manifests", reference, LONGEST_MANIFEST).await?;
        let told = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let manifest = Manifest::read(&response.body, told)
            .map_err(|why| self.garbled(&format!("the answer for `{reference}` {why}")))?;
        let header = response.headers.get("docker-content-digest");
        let named = image.digest().or_else(|| header.and_then(|value| value.to_str().ok()));
        if named.is_some_and(|named| named.starts_with("sha256:") && named != manifest.digest) {
            return Err(self.garbled(&format!("the answer for `{reference}` has another digest")));
        }
        Ok(manifest)
    }

    /// The bytes of an image's configuration, which are those of its digest.
    pub(super) async fn blob(&mut self, config: &Descriptor) -> Result<Bytes, Obstacle> {
        if !config.is_image_config() {
            let kind = legible(&config.media_type, 80);
            return Err(self.garbled(&format!("it is no image: its configuration is `{kind}`")));
        }
        if config.size > LONGEST_CONFIG as u64 {
            let because = format!(
                "{}: its configuration has {} bytes, at most {LONGEST_CONFIG} are read",
                self.image, config.size
            );
            return Err(Obstacle::new(Reason::TOO_LARGE, because));
        }
        let response = self.get("blobs", &config.digest, LONGEST_CONFIG).await?;
        if digest_of(&response.body) != config.digest {
            return Err(self.garbled("its configuration has another digest than it is named by"));
        }
        Ok(response.body)
    }

    /// Fetches a part of the repository, with whatever credential the registry wants to see.
    async fn get(&mut self, what: &str, name: &str, most: usize) -> Result<Response, Obstacle> {
        let url = format!("{}{}/{what}/{name}", self.root(), self.image.repository());
        let url = WebUrl::parse(&url).map_err(|why| self.garbled(&why))?;
        let mut response = self.follow(url.clone(), most).await?;
        if response.status == StatusCode::UNAUTHORIZED && self.authorization.is_none() {
            self.authorize(&response).await?;
            response = self.follow(url, most).await?;
        }
        if response.status == StatusCode::OK {
            return Ok(response);
        }
        Err(self.refused(&response))
    }

    /// Follows redirects, as blobs are served from elsewhere; the credential stays behind.
    async fn follow(&mut self, first: WebUrl, most: usize) -> Result<Response, Obstacle> {
        let mut url = first.clone();
        for _ in 0..=MOST_REDIRECTS {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
            if let Some(value) = self.authorization.as_ref().filter(|_| first.same_origin(&url)) {
                headers.insert(AUTHORIZATION, value.clone());
            }
            let response = self.send(url.clone(), headers, most).await?;
            if ![301, 302, 303, 307, 308].contains(&response.status.as_u16()) {
                return Ok(response);
            }
            let target = response.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let target = target.and_then(|target| url.join(target).ok());
            url = match target {
                Some(target) if target.is_secure() || !url.is_secure() => target,
                Some(_) | None => {
                    return Err(self.garbled("its registry redirects to where nobody can follow"));
                }
            };
        }
        Err(self.garbled(&format!("its registry redirects more than {MOST_REDIRECTS} times")))
    }

    /// Gets what the registry wants to see.
    async fn authorize(&mut self, response: &Response) -> Result<(), Obstacle> {
        let headers = response.headers.get_all(http::header::WWW_AUTHENTICATE);
        let challenge = headers
            .iter()
            .filter_map(|value| Challenge::parse(value.to_str().ok()?))
            // Who offers both hands tokens to anybody.
            .max_by_key(|challenge| matches!(challenge, Challenge::Bearer { .. }))
            .ok_or_else(|| self.garbled("its registry wants a credential of an unknown form"))?;
        let login = self.login().await?;
        self.shown |= login.is_some();
        match (challenge, login) {
            (Challenge::Basic, Some(login)) => {
                self.authorization = Some(login.header()?);
                let probe = WebUrl::parse(&self.root()).map_err(|why| self.garbled(&why))?;
                let response = self.follow(probe, LONGEST_FAILURE).await?;
                if response.status == StatusCode::UNAUTHORIZED {
                    self.refuse(&login);
                    return Err(self.unauthorized("its registry refuses the configured credential"));
                }
                Ok(())
            }
            (Challenge::Basic, None) => {
                Err(self.unauthorized("its registry wants a user, and none is configured"))
            }
            (Challenge::Bearer { realm, service }, login) => {
                self.fetch_token(&realm, service.as_deref(), login).await
            }
        }
    }

    /// Where the registry's paths begin.
    fn root(&self) -> String {
        let scheme = if self.connection.plain_http { "http" } else { "https" };
        let host = match self.image.registry() {
            DOCKER_HUB => "registry-1.docker.io",
            other => other,
        };
        format!("{scheme}://{host}/v2/")
    }

    async fn fetch_token(
        &mut self,
        realm: &str,
        service: Option<&str>,
        login: Option<Login>,
    ) -> Result<(), Obstacle> {
        let url = self
            .token_url(realm, service)
            .map_err(|_| self.garbled("its registry names no place to get a token from"))?;
        if !url.is_secure() && !self.connection.plain_http {
            return Err(self.garbled("its registry wants a token to be fetched without TLS"));
        }
        let mut headers = HeaderMap::new();
        if let Some(login) = &login {
            headers.insert(AUTHORIZATION, login.header()?);
        }
        // Not followed anywhere: the credential is for this place alone.
        let response = self.send(url, headers, LONGEST_TOKEN).await?;
        if response.status == StatusCode::OK {
            let token = Token::read(&response.body).ok_or_else(|| {
                self.garbled("what its registry's token server answers holds no token")
            })?;
            let header = Zeroizing::new(format!("Bearer {}", token.as_str()));
            self.authorization = Some(sensitive(&header)?);
            return Ok(());
        }
        let Some(login) = login.filter(|_| [401, 403].contains(&response.status.as_u16())) else {
            return Err(self.refused(&response));
        };
        if response.status == StatusCode::UNAUTHORIZED {
            self.refuse(&login);
        }
        Err(self.unauthorized("its registry's token server refuses the configured credential"))
    }

    fn token_url(&self, realm: &str, service: Option<&str>) -> Result<WebUrl, String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(service) = service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", &format!("repository:{}:pull", self.image.repository()));
        let joint = if realm.contains('?') { '&' } else { '?' };
        WebUrl::parse(&format!("{realm}{joint}{}", query.finish()))
    }

    /// The configured credential, unless it was refused.
    async fn login(&self) -> Result<Option<Login>, Obstacle> {
        let Some(credential) = &self.connection.credential else { return Ok(None) };
        let Registries { secrets, memory, .. } = self.registries;
        let login = Login::read(secrets, credential, self.image.registry()).await?;
        let Some(login) = login else { return Ok(None) };
        let refusals = memory.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        match refusals.against(login.digest, Instant::now()) {
            None => Ok(Some(login)),
            Some(ago) => Err(self.unauthorized(&format!(
                "its registry refused the configured credential {} ago; {AGAIN}",
                spoken(ago)
            ))),
        }
    }

    fn refuse(&self, login: &Login) {
        let refusals = &self.registries.memory.refusals;
        let mut refusals = refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.add(login.digest, Instant::now());
    }

    async fn send(
        &mut self,
        url: WebUrl,
        headers: HeaderMap,
        most: usize,
    ) -> Result<Response, Obstacle> {
        let net = &self.registries.net;
        let endpoint = url.endpoint();
        let route = Route {
            to: &endpoint,
            family: Family::default(),
            proxy_protocol: None,
            until: self.patience.until,
        };
        let terms = if url.is_secure() { Some(self.terms(&url).await?) } else { None };
        let reading = |status: StatusCode, _: &HeaderMap| {
            if status == StatusCode::OK {
                Reading::Whole(most)
            } else {
                Reading::Excerpt(LONGEST_FAILURE)
            }
        };
        let request = Request { method: Method::GET, url, headers, body: Bytes::new() };
        let asked = net.exchange(request, route, terms, reading, &mut Phases::default()).await;
        let response = asked.map_err(|obstacle| {
            let because = format!("{}: its registry: {}", self.image, obstacle.because);
            Obstacle { because, ..obstacle }
        })?;
        if response.status == StatusCode::OK && response.cut {
            let because = format!("{}: its registry answers more than {most} bytes", self.image);
            return Err(Obstacle::new(Reason::TOO_LARGE, because));
        }
        let encoding = response.headers.get(CONTENT_ENCODING);
        if encoding.is_some_and(|value| value != "identity") {
            // Nobody asked for it, and what it unpacks to has no bound.
            return Err(self.garbled("its registry answers in a compressed form"));
        }
        Ok(response)
    }

    async fn terms(&mut self, url: &WebUrl) -> Result<Terms, Obstacle> {
        let Registries { net, secrets, .. } = self.registries;
        let roots = match &self.roots {
            Some(roots) => Arc::clone(roots),
            None => {
                let roots = net.roots(secrets, self.connection.ca.as_ref()).await?;
                Arc::clone(self.roots.insert(roots))
            }
        };
        let name = server_name(&url.host())?;
        let now = self.patience.now;
        Ok(Terms { name, roots, identity: None, protocol: Some(b"http/1.1"), now })
    }

    /// Reads an answer that is no success. Where a credential was shown, nothing but a code that is
    /// known is repeated of its words.
    fn refused(&self, response: &Response) -> Obstacle {
        let status = response.status;
        let reason = match status.as_u16() {
            401 => Reason::UNAUTHORIZED,
            403 => Reason::FORBIDDEN,
            404 => Reason::NOT_FOUND,
            429 => Reason::THROTTLED,
            500..=599 => Reason::SERVER_ERROR,
            _ => Reason::GARBLED,
        };
        let words = Failure::words(&response.body, self.shown);
        let image = &self.image;
        Obstacle::new(reason, format!("{image}: its registry answers {}{words}", status.as_u16()))
    }

    fn unauthorized(&self, why: &str) -> Obstacle {
        Obstacle::new(Reason::UNAUTHORIZED, format!("{}: {why}", self.image))
    }

    fn garbled(&self, why: &str) -> Obstacle {
        Obstacle::new(Reason::GARBLED, format!("{}: {why}", self.image))
    }
}

/// What a token server answers.
#[derive(Deserialize)]
struct Token {
    #[serde(default, deserialize_with = "wiped")]
    token: Option<Zeroizing<String>>,
    #[serde(default, deserialize_with = "wiped")]
    access_token: Option<Zeroizing<String>>,
}

impl Token {
    fn read(body: &[u8]) -> Option<Zeroizing<String>> {
        let Self { token, access_token } = serde_json::from_slice(body).ok()?;
        token.or(access_token).filter(|token| !token.is_empty())
    }
}

/// What a registry says of a failure.
#[derive(Deserialize)]
struct Failure {
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: Option<String>,
    message: Option<String>,
}

/// The codes of errors that the distribution of images knows.
const CODES: [&str; 9] = [
    "BLOB_UNKNOWN",
    "DENIED",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "TOOMANYREQUESTS",
    "UNAUTHORIZED",
    "UNSUPPORTED",
];

impl Failure {
    /// The first message after a colon, or its code alone, where that is a known one.
    fn words(body: &[u8], code_alone: bool) -> String {
        let failure = serde_json::from_slice::<Self>(body).ok();
        let Some(fault) = failure.and_then(|failure| failure.errors.into_iter().next()) else {
            return String::new();
        };
        if code_alone {
            let known = CODES.into_iter().find(|code| fault.code.as_deref() == Some(code));
            let words = known.map(|code| code.to_ascii_lowercase().replace('_', " "));
            return words.map(|words| format!(": {words}")).unwrap_or_default();
        }
        fault.message.map(|message| format!(": {}", legible(&message, 200))).unwrap_or_default()
    }
}
