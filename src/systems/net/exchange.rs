//! One HTTP/1.1 exchange on a connection of its own: request, response, every phase timed.
//!
//! No pool, no redirects, no decompression: what the server says is what is seen. The head is at
//! most 64 KiB and 100 fields, of the body comes what the caller asks for.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONNECTION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::dial::{self, Route, dial_any};
use super::handshake::{self, Handshake, Terms, shake};
use super::url::WebUrl;
use super::{Net, within};
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// The most bytes of a response's head.
const LONGEST_HEAD: usize = 64 * 1024;
/// The most header fields of a response.
const MOST_FIELDS: usize = 100;

/// How much of a body is read; what is left is never fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// None of it.
    Nothing,
    /// At most so many bytes, to quote from: that it breaks off or stalls is no trouble.
    Excerpt(usize),
    /// All of it, unless it has more bytes than this.
    Whole(usize),
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

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

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
        let started = Instant::now();
        let addresses = self.addresses(route).await?.at(route.to.port());
        phases.resolve += started.elapsed();
        let started = Instant::now();
        let dialled = dial_any(&addresses, route).await?;
        phases.connect += started.elapsed();
        let peer = dialled.peer;
        let stream: Box<dyn Stream> = match terms {
            None => Box::new(dialled.stream),
            Some(terms) => {
                let Handshake { presented: _, outcome } =
                    shake(dialled.stream, peer, terms, route.until).await;
                let (secured, took) = outcome?;
                phases.tls += took;
                Box::new(secured)
            }
        };
        converse(stream, peer, request, reading, route.until, phases).await
    }
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

async fn converse(
    stream: Box<dyn Stream>,
    peer: SocketAddr,
    request: Request,
    reading: impl FnOnce(StatusCode, &HeaderMap) -> Reading,
    until: Instant,
    phases: &mut Phases,
) -> Result<Response, Obstacle> {
    let request = written(request)?;
    let started = Instant::now();
    let silence = || format!("{peer} sends no answer within {}", spoken(started.elapsed()));
    let (head, _connection) = within(until, silence, async {
        let (mut sender, connection) = http1::Builder::new()
            .max_header_size(LONGEST_HEAD)
            .max_buf_size(2 * LONGEST_HEAD)
            .max_headers(MOST_FIELDS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(peer, &error))?;
        let connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let head = sender.send_request(request).await.map_err(|error| broken(peer, &error))?;
        Ok((head, connection))
    })
    .await?;
    phases.processing += started.elapsed();
    let (parts, body) = head.into_parts();
    let started = Instant::now();
    let (body, cut) = match reading(parts.status, &parts.headers) {
        Reading::Nothing => (Bytes::new(), false),
        Reading::Excerpt(most) => {
            let mut kept = BytesMut::new();
            let read = read(&mut kept, body, peer, most, until).await;
            (kept.freeze(), read.unwrap_or(true))
        }
        Reading::Whole(most) => {
            let mut kept = BytesMut::new();
            let cut = read(&mut kept, body, peer, most, until).await?;
            (kept.freeze(), cut)
        }
    };
    phases.transfer += started.elapsed();
    Ok(Response { status: parts.status, headers: parts.headers, body, cut })
}

/// Reads a body into `kept`; says whether it is longer than `most`.
async fn read(
    kept: &mut BytesMut,
    mut body: Incoming,
    peer: SocketAddr,
    most: usize,
    until: Instant,
) -> Result<bool, Obstacle> {
    loop {
        let frame = match timeout_at(until, body.frame()).await {
            Ok(Some(frame)) => frame.map_err(|error| broken(peer, &error))?,
            Ok(None) => return Ok(false),
            Err(_) => {
                let because = format!(
                    "{peer} stops in the middle of its answer, after {} bytes of the body",
                    kept.len()
                );
                return Err(Obstacle::new(Reason::TIMED_OUT, because));
            }
        };
        if let Ok(data) = frame.into_data() {
            let room = most - kept.len();
            if data.len() > room {
                kept.extend_from_slice(&data[..room]);
                return Ok(true);
            }
            kept.extend_from_slice(&data);
        }
    }
}

fn written(request: Request) -> Result<http::Request<Full<Bytes>>, Obstacle> {
    let Request { method, url, mut headers, body } = request;
    let ours = |error: http::Error| Obstacle::ours(Reason::GARBLED, error.to_string());
    let authority = HeaderValue::try_from(url.authority()).map_err(|error| ours(error.into()))?;
    headers.entry(HOST).or_insert(authority);
    headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
    headers.entry(CONNECTION).or_insert(HeaderValue::from_static("close"));
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("vigie/", env!("CARGO_PKG_VERSION"))));
    let mut written = http::Request::builder()
        .method(method)
        .uri(url.path_and_query())
        .body(Full::new(body))
        .map_err(ours)?;
    *written.headers_mut() = headers;
    Ok(written)
}

/// Reads an error of hyper, or of the socket or TLS below it.
fn broken(peer: SocketAddr, error: &hyper::Error) -> Obstacle {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = cause {
        if let Some(inner) = inner.downcast_ref::<io::Error>() {
            return of_the_socket(peer, inner);
        }
        cause = inner.source();
    }
    let (reason, said) = if error.is_parse_too_large() {
        (
            Reason::TOO_LARGE,
            format!("sends a head of more than {LONGEST_HEAD} bytes or {MOST_FIELDS} fields"),
        )
    } else if error.is_parse() {
        (Reason::GARBLED, format!("answers something that is not HTTP/1: {error}"))
    } else if error.is_timeout() {
        (Reason::TIMED_OUT, "does not answer".to_owned())
    } else {
        (Reason::RESET, "closes the connection before its answer is complete".to_owned())
    };
    Obstacle::new(reason, format!("{peer} {said}"))
}

fn of_the_socket(peer: SocketAddr, error: &io::Error) -> Obstacle {
    if handshake::is_of_tls(error) {
        return handshake::obstacle(peer, error);
    }
    if [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput].contains(&error.kind()) {
        let said = legible(&error.to_string(), 200);
        return Obstacle::new(Reason::GARBLED, format!("{peer} garbles its answer's body: {said}"));
    }
    dial::obstacle(peer, error)
}
