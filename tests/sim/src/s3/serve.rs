//! The server: sockets, TLS, and the faults that lie below S3.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::fault::Fault;
use super::{Held, locked};

/// What requests without a key are called where faults are put into one operation alone.
pub const WITHOUT_A_KEY: &str = "without a key";

type Body = BoxBody<Bytes, std::io::Error>;

/// A certificate for `localhost`, from an authority of its own.
#[derive(Clone)]
pub(super) struct Tls {
    /// The authority's certificate, as PEM.
    pub ca: String,
    acceptor: TlsAcceptor,
}

impl Tls {
    pub(super) fn new() -> anyhow::Result<Self> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = authority.self_signed(&authority_key)?.pem();
        let key = KeyPair::generate()?;
        let leaf = CertificateParams::new(vec!["localhost".to_owned()])?;
        let issuer = Issuer::from_params(&authority, &authority_key);
        let leaf = leaf.signed_by(&key, &issuer)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )?;
        Ok(Self { ca, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

/// Serves what is held until the token is cancelled; connections end with it.
pub(super) async fn start(
    held: Arc<Held>,
    address: SocketAddr,
    tls: Option<Tls>,
) -> anyhow::Result<(SocketAddr, CancellationToken)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let backend = Backend(Arc::clone(&held));
    let mut service = S3ServiceBuilder::new(backend.clone());
    service.set_auth(backend.clone());
    service.set_access(backend);
    let service = service.build();
    let stopped = stop.clone();
    tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                () = stopped.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = stream else { continue };
            let one = connection(stream, tls.clone(), Arc::clone(&held), service.clone());
            let stopped = stopped.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = stopped.cancelled() => {}
                    () = one => {}
                }
            });
        }
    });
    Ok((address, stop))
}

async fn connection(stream: TcpStream, tls: Option<Tls>, held: Arc<Held>, service: S3Service) {
    let answer = service_fn(move |request| {
        let (held, service) = (Arc::clone(&held), service.clone());
        async move { answer(&held, &service, request).await }
    });
    let server = hyper::server::conn::http1::Builder::new();
    // How a connection ended is no business of the store's.
    match tls {
        None => drop(server.serve_connection(TokioIo::new(stream), answer).await),
        Some(tls) => {
            if let Ok(stream) = tls.acceptor.accept(stream).await {
                drop(server.serve_connection(TokioIo::new(stream), answer).await);
            }
        }
    }
}

async fn answer(
    held: &Held,
    service: &S3Service,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::io::Error> {
    let operation = operation(&request);
    let fault = locked(&held.fault).clone().and_then(|fault| fault.at(operation));
    let below = |status: u16, body: Body| {
        locked(&held.requests).push("below S3");
        let response = Response::builder().status(status).header("retry-after", "5").body(body);
        response.map_err(std::io::Error::other)
    };
    match fault {
        Some(Fault::Silent) => {
            locked(&held.requests).push("below S3");
            std::future::pending::<Infallible>().await;
        }
        Some(Fault::Status(status)) => return below(status, whole("slow down\n")),
        Some(Fault::Html) => return below(200, whole("<html><body>Welcome!<br></body></html>")),
        Some(Fault::Endless) => return below(200, endless()),
        Some(Fault::Moved(region)) => return Ok(moved(held, region)),
        Some(Fault::Redirect(location)) => {
            let mut response = below(308, whole("elsewhere\n"))?;
            response.headers_mut().insert("location", HeaderValue::from_static(location));
            return Ok(response);
        }
        Some(
            Fault::SlowDownEvery(_)
            | Fault::At(..)
            | Fault::Error(_)
            | Fault::SamePage
            | Fault::NoToken
            | Fault::Unordered
            | Fault::HalfXml
            | Fault::Cut,
        )
        | None => {}
    }
    let response = hyper::service::Service::call(service, request);
    let (mut parts, body) =
        response.await.map_err(|_| std::io::Error::other("s3s gave up"))?.into_parts();
    let body = BodyExt::collect(body).await.map_err(std::io::Error::other)?.to_bytes();
    let half = body.slice(..body.len() / 2);
    let body = match fault {
        Some(Fault::HalfXml) => {
            parts.headers.remove(http::header::CONTENT_LENGTH);
            Full::new(half).map_err(|never| match never {}).boxed()
        }
        Some(Fault::Cut) => {
            let frames = [Ok(Frame::data(half)), Err(std::io::ErrorKind::BrokenPipe.into())];
            parts.headers.insert(http::header::CONTENT_LENGTH, body.len().into());
            BodyExt::boxed(StreamBody::new(futures::stream::iter(frames)))
        }
        _ => Full::new(body).map_err(|never| match never {}).boxed(),
    };
    Ok(Response::from_parts(parts, body))
}

/// The operation that a request asks for, as far as faults are put into one of them alone.
fn operation(request: &Request<Incoming>) -> &'static str {
    let query = request.uri().query().unwrap_or_default();
    let asked = |word: &str| query.split('&').any(|part| part.split('=').next() == Some(word));
    if !request.headers().contains_key(http::header::AUTHORIZATION) {
        return WITHOUT_A_KEY;
    }
    let known = [
        ("acl", "GetBucketAcl"),
        ("policy", "GetBucketPolicy"),
        ("publicAccessBlock", "GetPublicAccessBlock"),
        ("encryption", "GetBucketEncryption"),
        ("versioning", "GetBucketVersioning"),
        ("lifecycle", "GetBucketLifecycleConfiguration"),
        ("list-type", "ListObjectsV2"),
    ];
    known.into_iter().find(|(word, _)| asked(word)).map_or("", |(_, operation)| operation)
}

/// As AWS says it: in a header and in XML.
fn moved(held: &Held, region: &'static str) -> Response<Body> {
    locked(&held.requests).push("below S3");
    let xml = "<?xml version=\"1.0\"?><Error><Code>PermanentRedirect</Code><Message>The bucket you \
               are attempting to access must be addressed using the specified endpoint.</Message>\
               </Error>";
    let mut response = Response::new(whole(xml));
    *response.status_mut() = http::StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert("x-amz-bucket-region", HeaderValue::from_static(region));
    response
}

fn whole(text: &'static str) -> Body {
    Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed()
}

/// XML that goes on and on, a little slower than a machine could.
fn endless() -> Body {
    let start = Bytes::from_static(b"<?xml version=\"1.0\"?><ListBucketResult>");
    let more = Bytes::from(vec![b' '; 256 * 1024]);
    let stream = futures::stream::once(async { start }).chain(futures::stream::repeat(more).then(
        |more| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            more
        },
    ));
    BodyExt::boxed(StreamBody::new(stream.map(|part| Ok(Frame::data(part)))))
}
