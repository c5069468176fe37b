//! One HTTP/1.1 exchange on a connection of its own: request, response, every phase timed.
//!
//! No pool, no redirects, no decompression: what the server says is what is seen. The head is at
//! most 64 KiB and 100 fields, of the body comes what the caller asks for.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONNECTION, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::Full;
use rustls::pki_types::ServerName;
use tokio::time::Instant;

use super::Net;
use super::connection::Way;
use super::dial::Route;
use super::handshake::Terms;
use super::opened::Opened;
use super::proxy::Proxy;
use super::url::WebUrl;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// Who we say we are.
pub(super) const USER: &str = concat!("vigie/", env!("CARGO_PKG_VERSION"));

/// The most bytes of a body that are waited for only to know how long it takes.
const MOST_TIMED: usize = 64 * 1024 * 1024;

/// How much of a body is read; what is left is never fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// None of it.
    Nothing,
    /// At most so many bytes, to quote from: that it breaks off or stalls is no trouble.
    Excerpt(usize),
    /// All of it, unless it has more bytes than this.
    Whole(usize),
    /// All of it, 64 MiB at most, to know how long that takes; nothing of it is kept.
    Timed,
}

/// A request. Its headers and body may be secret: neither is printed.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: WebUrl,
    /// Its own headers; `Host` and `Accept-Encoding` are added where absent.
    pub headers: HeaderMap,
    /// The body, often empty.
    pub body: Bytes,
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, as far as it was read.
    pub body: Bytes,
    /// Whether the body is longer than was read.
    pub cut: bool,
}

/// How long each phase took; a phase that did not take place took nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Finding addresses.
    pub resolve: Duration,
    /// Connecting, addresses that did not answer first included.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the request to the response's head.
    pub processing: Duration,
    /// Reading the body.
    pub transfer: Duration,
}

impl Phases {
    /// The phases with the names of their label.
    pub fn named(&self) -> [(&'static str, Duration); 5] {
        let Self { resolve, connect, tls, processing, transfer } = *self;
        [
            ("resolve", resolve),
            ("connect", connect),
            ("tls", tls),
            ("processing", processing),
            ("transfer", transfer),
        ]
    }

    /// All of them.
    pub fn total(&self) -> Duration {
        self.named().into_iter().map(|(_, took)| took).sum()
    }
}

impl Net {
    /// Sends `request` along `route` and reads of the answer's body what `reading` says of its
    /// status and headers. `terms` are those of TLS, none for a plain connection. The time that each
    /// phase took is added to `phases`, even where the next one fails.
    ///
    /// # Errors
    /// Everything that can happen on the way; what the peer did is evidence, what we lack is ours.
    pub async fn exchange(
        &self,
        request: Request,
        route: Route<'_>,
        terms: Option<Terms>,
        reading: impl FnOnce(StatusCode, &HeaderMap) -> Reading,
        phases: &mut Phases,
    ) -> Result<Response, Obstacle> {
        let opened = self.open(request, Way::Any, route, terms, None, phases).await?;
        opened.read(reading, route.until, phases).await
    }

    /// Sends `request` that way and waits for the head of the answer, as long as the route allows
    /// or for less.
    ///
    /// # Errors
    /// As [`Self::exchange`].
    pub async fn open(
        &self,
        request: Request,
        way: Way<'_>,
        route: Route<'_>,
        terms: Option<Terms>,
        head_within: Option<Duration>,
        phases: &mut Phases,
    ) -> Result<Opened, Obstacle> {
        let proxy = match way {
            Way::Any | Way::At(_) => None,
            Way::Through(proxy) => Some(proxy).filter(|_| terms.is_none()),
        };
        let request = written(request, proxy)?;
        let connected = self.connect(way, route, terms, phases).await?;
        let started = Instant::now();
        let until = head_within.map_or(route.until, |within| route.until.min(started + within));
        let opened = Opened::ask(connected, request, until).await?;
        phases.processing += started.elapsed();
        if let Some(proxy) = proxy
            && opened.head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
        {
            return Err(proxy.refusal(self, opened.head.status, route.to));
        }
        proxy.inspect(|proxy| proxy.accepted());
        Ok(opened)
    }
}

impl Opened {
    /// Reads of the body what `reading` says of status and headers.
    ///
    /// # Errors
    /// What the peer did in the middle of it.
    pub async fn read(
        mut self,
        reading: impl FnOnce(StatusCode, &HeaderMap) -> Reading,
        until: Instant,
        phases: &mut Phases,
    ) -> Result<Response, Obstacle> {
        let started = Instant::now();
        let mut kept = BytesMut::new();
        let cut = match reading(self.head.status, &self.head.headers) {
            Reading::Nothing => false,
            Reading::Excerpt(most) => self.keep(&mut kept, most, until).await.unwrap_or(true),
            Reading::Whole(most) => self.keep(&mut kept, most, until).await?,
            Reading::Timed => self.pass_by(until).await?,
        };
        phases.transfer += started.elapsed();
        let Parts { status, headers, .. } = self.head;
        Ok(Response { status, headers, body: kept.freeze(), cut })
    }

    /// Reads the body to its end; it is never cut.
    async fn pass_by(&mut self, until: Instant) -> Result<bool, Obstacle> {
        let mut bytes = 0;
        loop {
            match self.piece(until).await {
                Ok(Some(data)) if bytes + data.len() <= MOST_TIMED => bytes += data.len(),
                Ok(Some(_)) => {
                    let because = format!(
                        "{} goes on with its answer after 64 MiB, and is not waited for",
                        self.peer
                    );
                    return Err(Obstacle::new(Reason::TOO_LARGE, because));
                }
                Ok(None) => return Ok(false),
                Err(obstacle) => return Err(after(obstacle, bytes)),
            }
        }
    }

    /// Reads the body into `kept`; says whether it is longer than `most`.
    async fn keep(
        &mut self,
        kept: &mut BytesMut,
        most: usize,
        until: Instant,
    ) -> Result<bool, Obstacle> {
        loop {
            let piece = self.piece(until).await.map_err(|obstacle| after(obstacle, kept.len()))?;
            let Some(data) = piece else { return Ok(false) };
            let room = most - kept.len();
            if data.len() > room {
                kept.extend_from_slice(&data[..room]);
                return Ok(true);
            }
            kept.extend_from_slice(&data);
        }
    }
}

/// The same silence, with how much of a body came before it.
fn after(obstacle: Obstacle, bytes: usize) -> Obstacle {
    if obstacle.reason != Reason::TIMED_OUT {
        return obstacle;
    }
    let because = format!("{}, after {bytes} bytes of the body", obstacle.because);
    Obstacle { because, ..obstacle }
}

/// The name that a TLS peer at `host` must prove.
///
/// # Errors
/// It is neither a name nor an address.
pub fn server_name(host: &str) -> Result<ServerName<'static>, Obstacle> {
    ServerName::try_from(host.to_owned()).map_err(|_| {
        let because = format!("`{}` is no name for a certificate", legible(host, 100));
        Obstacle::new(Reason::NAME_NOT_FOUND, because)
    })
}

/// The request as it is sent: to the server itself, or to a proxy that is to fetch the whole URL.
fn written(
    request: Request,
    proxy: Option<&Proxy>,
) -> Result<http::Request<Full<Bytes>>, Obstacle> {
    let Request { method, url, mut headers, body } = request;
    let ours = |error: http::Error| Obstacle::ours(Reason::GARBLED, error.to_string());
    let authority = HeaderValue::try_from(url.authority()).map_err(|error| ours(error.into()))?;
    headers.entry(HOST).or_insert(authority);
    headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
    headers.entry(CONNECTION).or_insert(HeaderValue::from_static("close"));
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(USER));
    let target = match proxy {
        None => url.path_and_query(),
        Some(proxy) => {
            if let Some(header) = proxy.authorization() {
                headers.insert(PROXY_AUTHORIZATION, header.clone());
            }
            format!("{}://{}{}", url.scheme(), url.authority(), url.path_and_query())
        }
    };
    let mut written =
        http::Request::builder().method(method).uri(target).body(Full::new(body)).map_err(ours)?;
    *written.headers_mut() = headers;
    Ok(written)
}
