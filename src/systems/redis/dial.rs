//! Opening a stream to one address: names, TCP, TLS.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use redis::RedisError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::connection::Tls;
use super::trouble::{obstacle, timed_out};
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;
use crate::systems::lookup::unresolved;

/// Anything that carries bytes both ways.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<W: AsyncRead + AsyncWrite + Send + Unpin> Wire for W {}

/// A stream to `at`, with TLS where `tls` says how.
pub(super) async fn dial(
    at: &HostPort,
    tls: Option<&Tls>,
    deadline: Instant,
) -> Result<Box<dyn Wire>, Obstacle> {
    let whom = format!("Redis at {at}");
    let stream = connect(at, &whom, deadline).await?;
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let config = client_config(tls).await?;
    let name = tls.server_name.as_deref().unwrap_or(at.host());
    let name = ServerName::try_from(name.to_owned()).map_err(|_| {
        Obstacle::ours(Reason::TLS_FAILED, format!("`{name}` can't be the name in a certificate"))
    })?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    match timeout_at(deadline, handshake).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(tls_obstacle(&whom, error)),
        Err(_) => Err(timed_out(&whom)),
    }
}

/// A connection to the first address that accepts one; the time is shared among them.
async fn connect(at: &HostPort, whom: &str, deadline: Instant) -> Result<TcpStream, Obstacle> {
    let addresses = resolve(at, deadline).await?;
    let mut last = timed_out(whom);
    for (tried, address) in addresses.iter().enumerate() {
        let until = share(deadline, addresses.len() - tried);
        match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|error| obstacle(whom, &error.into()))?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = obstacle(whom, &error.into()),
            Err(_) => last = timed_out(whom),
        }
    }
    Err(last)
}

async fn resolve(at: &HostPort, deadline: Instant) -> Result<Vec<SocketAddr>, Obstacle> {
    let lookup = tokio::net::lookup_host((at.host(), at.port()));
    let doing = format!("the address of `{}`", at.host());
    match timeout_at(deadline, lookup).await {
        Ok(Ok(addresses)) => {
            let addresses: Vec<_> = addresses.take(MOST_ADDRESSES).collect();
            if addresses.is_empty() {
                return Err(Obstacle::new(Reason::NAME_NOT_FOUND, format!("{doing}: none")));
            }
            Ok(addresses)
        }
        Ok(Err(error)) => Err(unresolved(&doing, &error.to_string())),
        Err(_) => {
            let because = format!("{doing}: the system's resolver did not answer in time");
            Err(Obstacle::ours(Reason::RESOLVER_FAILED, because))
        }
    }
}

/// The largest file with a CA, in bytes.
const LARGEST_CA: u64 = 1 << 20;
/// The most addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;

/// An equal share of the time left, for the first of `parts`.
pub(super) fn share(deadline: Instant, parts: usize) -> Instant {
    let now = Instant::now();
    let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
    now + deadline.saturating_duration_since(now) / parts
}

fn tls_obstacle(whom: &str, error: io::Error) -> Obstacle {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(tls) => {
            let because = format!("{whom}: TLS could not be established: {tls}");
            Obstacle::new(Reason::TLS_FAILED, because)
        }
        None => obstacle(whom, &RedisError::from(error)),
    }
}

async fn client_config(tls: &Tls) -> Result<ClientConfig, Obstacle> {
    let roots = match &tls.ca {
        None => system_roots().await,
        Some(path) => {
            let ours = |why: String| {
                let because = format!("CA file {} {why}", path.display());
                Obstacle::ours(Reason::SECRET_MISSING, because)
            };
            let pem = bounded(path).await;
            let pem = pem.map_err(|error| ours(format!("can't be read: {error}")))?;
            if pem.len() as u64 > LARGEST_CA {
                return Err(ours("is larger than 1 MiB".to_owned()));
            }
            let pinned = pinned_roots(&pem).ok_or_else(|| ours("holds no certificate".to_owned()));
            Arc::new(pinned?)
        }
    };
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// The file, up to one byte more than it may have.
async fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(LARGEST_CA + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// The system's roots, read once for all connections; an empty store is read again.
async fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceCell<Arc<RootCertStore>> = OnceCell::const_new();
    let read = || async {
        let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(loaded.map(|loaded| loaded.certs).unwrap_or_default());
        if roots.is_empty() { Err(Arc::new(roots)) } else { Ok(Arc::new(roots)) }
    };
    match ROOTS.get_or_try_init(read).await {
        Ok(roots) => Arc::clone(roots),
        Err(none) => none,
    }
}

fn pinned_roots(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    let (added, _) = roots.add_parsable_certificates(certificates);
    (added > 0).then_some(roots)
}
