//! A web site on loopback, plain or over TLS, whose answers and certificate change while it runs.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::mill::Issued;

/// The most requests that are remembered.
const MOST_REMEMBERED: usize = 100;

/// What a path answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header fields; `{host}` and `{target}` in a value stand for those of the request.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// How long the answer is withheld.
    pub delay: Duration,
    /// What follows the body again and again, and how far apart: the answer does not end.
    pub beat: Option<(Bytes, Duration)>,
}

/// Works an answer out at each request, from its path and query.
#[derive(Clone)]
struct Work(Arc<dyn Fn(&str) -> Answer + Send + Sync>);

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

impl Answer {
    /// A status and a body.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let (headers, delay) = (Vec::new(), Duration::ZERO);
        Self { status, headers, body: body.into(), delay, beat: None }
    }

    /// Adds a header field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Does not end: after the body this follows again and again, so far apart.
    pub fn beating(mut self, beat: impl Into<Bytes>, apart: Duration) -> Self {
        self.beat = Some((beat.into(), apart));
        self
    }

    /// Withholds the answer for a while.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A running site; it stops when dropped.
pub struct Site {
    address: SocketAddr,
    state: Arc<State>,
    acceptor: Option<TlsAcceptor>,
    serving: Mutex<Option<AbortOnDropHandle<()>>>,
}

#[derive(Debug, Default)]
struct State {
    answers: Mutex<BTreeMap<String, Answer>>,
    /// By path: those that are worked out anew each time.
    worked: Mutex<BTreeMap<String, Work>>,
    /// By path and the value of `Authorization`.
    guarded: Mutex<BTreeMap<(String, String), Answer>>,
    asked: Mutex<VecDeque<Asked>>,
    certificate: Mutex<Option<Arc<CertifiedKey>>>,
}

impl Site {
    /// A plain site at a free port of 127.0.0.1. Every path answers 404 until told otherwise.
    pub async fn plain() -> Result<Self> {
        Self::start(None, None).await
    }

    /// A site over TLS that shows `certificate`.
    pub async fn secure(certificate: &Issued) -> Result<Self> {
        Self::start(Some(certificate), None).await
    }

    /// A site over TLS that takes only clients whose certificate leads to `root`.
    pub async fn mutual(certificate: &Issued, root: &CertificateDer<'static>) -> Result<Self> {
        Self::start(Some(certificate), Some(root)).await
    }

    async fn start(
        certificate: Option<&Issued>,
        clients: Option<&CertificateDer<'static>>,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let acceptor = match certificate {
            None => None,
            Some(certificate) => {
                state.show(certificate)?;
                Some(acceptor(&state, clients)?)
            }
        };
        let site = Self { address, state, acceptor, serving: Mutex::default() };
        site.listen(listener);
        Ok(site)
    }

    fn listen(&self, listener: TcpListener) {
        let serving = serve(listener, self.acceptor.clone(), Arc::clone(&self.state));
        *locked(&self.serving) = Some(AbortOnDropHandle::new(tokio::spawn(serving)));
    }

    /// Stops listening, and breaks off what is under way: connecting is refused when this returns.
    pub async fn close(&self) {
        let serving = locked(&self.serving).take();
        if let Some(serving) = serving {
            serving.abort();
            // It has ended, be it by being aborted, and the port is closed.
            drop(serving.await);
        }
    }

    /// Listens again, on the same port.
    pub async fn open(&self) -> Result<()> {
        self.close().await;
        self.listen(TcpListener::bind(self.address).await?);
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what `path` answers, from now on; `*` stands for every path without an answer of its own.
    /// Behind the name of a host, as in `app.example.org/ping` or `app.example.org/*`, it is what
    /// that host alone answers.
    pub fn answer(&self, path: &str, answer: Answer) {
        locked(&self.state.answers).insert(path.to_owned(), answer);
    }

    /// Lets the answer of a path be worked out at each request, from its path and query.
    pub fn answer_by(&self, path: &str, work: impl Fn(&str) -> Answer + Send + Sync + 'static) {
        locked(&self.state.worked).insert(path.to_owned(), Work(Arc::new(work)));
    }

    /// What a path, or a path of a host, is set to answer.
    pub fn set_answer(&self, path: &str) -> Option<Answer> {
        locked(&self.state.answers).get(path).cloned()
    }

    /// Forgets what a path answers.
    pub fn forget(&self, path: &str) {
        locked(&self.state.answers).remove(path);
    }

    /// Sets what `path` answers to whoever shows this `Authorization`; others get what
    /// [`Self::answer`] says.
    pub fn answer_to(&self, authorization: &str, path: &str, answer: Answer) {
        let key = (path.to_owned(), authorization.to_owned());
        locked(&self.state.guarded).insert(key, answer);
    }

    /// Replaces the certificate, from the next handshake on.
    pub fn certify(&self, certificate: &Issued) -> Result<()> {
        self.state.show(certificate)
    }

    /// Staples an OCSP answer to the certificate, from the next handshake on.
    pub fn staple(&self, answer: Vec<u8>) {
        let mut shown = locked(&self.state.certificate);
        *shown = shown.take().map(|certified| {
            let mut certified = CertifiedKey::clone(&certified);
            certified.ocsp = Some(answer);
            Arc::new(certified)
        });
    }

    /// The last requests, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        locked(&self.state.asked).iter().cloned().collect()
    }
}

impl State {
    fn show(&self, Issued { chain, key, .. }: &Issued) -> Result<()> {
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(key)?;
        let certified = CertifiedKey::new(chain.clone(), key);
        *locked(&self.certificate) = Some(Arc::new(certified));
        Ok(())
    }

    /// What is answered to a request.
    fn chosen(&self, host: &str, target: &str, path: &str, shown: &str) -> Option<Answer> {
        let guarded = locked(&self.guarded).get(&(path.to_owned(), shown.to_owned())).cloned();
        let worked = || {
            let work = locked(&self.worked).get(path).cloned();
            work.map(|Work(work)| work(target))
        };
        let set = || {
            let answers = locked(&self.answers);
            let of_host = [format!("{host}{path}"), format!("{host}/*")];
            let mut all = of_host.iter().map(String::as_str).chain([path, "*"]);
            all.find_map(|path| answers.get(path)).cloned()
        };
        guarded.or_else(worked).or_else(set)
    }

    fn remember(&self, asked: Asked) {
        let mut all = locked(&self.asked);
        all.push_back(asked);
        if all.len() > MOST_REMEMBERED {
            all.pop_front();
        }
    }

    async fn reply(&self, request: Request<Incoming>) -> Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let field = |name| {
            let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let shown = field(http::header::AUTHORIZATION);
        let host = field(http::header::HOST);
        let host = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
        let target = parts.uri.to_string();
        let answer = self.chosen(host, &target, parts.uri.path(), &shown);
        let (method, headers) = (parts.method, parts.headers);
        let body = body.collect().await?.to_bytes();
        let host = host.to_owned();
        self.remember(Asked { target: target.clone(), method, headers, body });
        let Answer { status, headers, body, delay, beat } =
            answer.unwrap_or_else(|| Answer::new(404, "nothing here"));
        tokio::time::sleep(delay).await;
        let mut response = Response::builder().status(StatusCode::from_u16(status)?);
        for (name, value) in headers {
            let value = value.replace("{host}", &host).replace("{target}", &target);
            response = response.header(name, value);
        }
        Ok(response.body(match beat {
            None => Full::new(body).boxed_unsync(),
            Some((beat, apart)) => beating(body, beat, apart),
        })?)
    }
}

/// What an answer's body is sent as.
type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A first piece, and then another one again and again.
fn beating(first: Bytes, beat: Bytes, apart: Duration) -> Body {
    let pieces = futures::stream::unfold(Some(first), move |first| {
        let beat = beat.clone();
        async move {
            if let Some(first) = first {
                return Some((Ok(Frame::data(first)), None));
            }
            tokio::time::sleep(apart).await;
            Some((Ok(Frame::data(beat)), None))
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}

impl ResolvesServerCert for State {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        locked(&self.certificate).clone()
    }
}

fn acceptor(state: &Arc<State>, clients: Option<&CertificateDer<'static>>) -> Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(root) => {
            let mut roots = RootCertStore::empty();
            roots.add(root.clone())?;
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.context("a verifier of clients")?)
        }
    };
    let resolver: Arc<State> = Arc::clone(state);
    Ok(TlsAcceptor::from(Arc::new(builder.with_cert_resolver(resolver))))
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, state: Arc<State>) {
    // Aborted with the task: its connections end with the listener.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(greet(stream, acceptor.clone(), Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn greet(stream: TcpStream, acceptor: Option<TlsAcceptor>, state: Arc<State>) {
    match acceptor {
        None => converse(stream, state).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                converse(stream, state).await;
            }
        }
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin + Send, state: Arc<State>) {
    let service = service_fn(|request| {
        let state = Arc::clone(&state);
        async move {
            let broken = |_| {
                let broke = Full::new(Bytes::from_static(b"the site broke"));
                let mut response = Response::new(broke.boxed_unsync());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            };
            Ok::<_, Infallible>(state.reply(request).await.unwrap_or_else(broken))
        }
    });
    // A client that hangs up is no trouble of the site's.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
