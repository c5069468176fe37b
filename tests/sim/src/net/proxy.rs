//! An HTTP proxy on loopback: tunnels by `CONNECT`, whole URLs otherwise, a login if it is told to.
//! Whatever the name, it leads to this machine: finding addresses is the proxy's own affair.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::mill::Issued;

/// The longest head that is read.
const LONGEST_HEAD: usize = 16 * 1024;

/// A running proxy; it stops when dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct State {
    /// The `Proxy-Authorization` that it wants.
    login: Mutex<Option<String>>,
    /// What it answers to everything.
    refusing: Mutex<Option<u16>>,
    /// The heads that came.
    asked: Mutex<Vec<String>>,
}

impl Proxy {
    /// A proxy at a free port of 127.0.0.1, over TLS where there is a certificate.
    pub async fn start(certificate: Option<&Issued>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let acceptor = certificate.map(acceptor).transpose()?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(greet(stream, acceptor.clone(), Arc::clone(&shared)));
            }
        });
        Ok(Self { address, state, _serving: AbortOnDropHandle::new(serving) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Wants this `Proxy-Authorization` from now on.
    pub fn wants(&self, login: &str) {
        *locked(&self.state.login) = Some(login.to_owned());
    }

    /// Answers this status to everything from now on.
    pub fn refuses(&self, status: u16) {
        *locked(&self.state.refusing) = Some(status);
    }

    /// The heads that came, as they came.
    pub fn asked(&self) -> Vec<String> {
        locked(&self.state.asked).clone()
    }
}

fn acceptor(Issued { chain, key, .. }: &Issued) -> Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain.clone(), key.clone_key())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Errors end a connection: one of its sides has hung up.
async fn greet(stream: TcpStream, acceptor: Option<TlsAcceptor>, state: Arc<State>) -> Result<()> {
    match acceptor {
        None => lead(stream, &state).await,
        Some(acceptor) => lead(acceptor.accept(stream).await?, &state).await,
    }
}

async fn lead(mut client: impl AsyncRead + AsyncWrite + Unpin, state: &State) -> Result<()> {
    let head = head(&mut client).await?;
    locked(&state.asked).push(head.clone());
    let shown = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.to_owned())
    });
    let login = locked(&state.login).clone();
    let refusing = *locked(&state.refusing);
    let refused = refusing.or((login.is_some() && login != shown).then_some(407));
    if let Some(status) = refused {
        let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n");
        client.write_all(answer.as_bytes()).await?;
        return Ok(client.shutdown().await?);
    }
    let mut words = head.split(' ');
    let (method, target) = (words.next().context("a method")?, words.next().context("a target")?);
    if method == "CONNECT" {
        let mut server = dial(target).await?;
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let rest = target.strip_prefix("http://").context("a whole URL")?;
    let (authority, path) = rest.split_once('/').context("a path")?;
    let mut server = dial(authority).await?;
    let kept = head.lines().skip(1).filter(|line| !line.to_lowercase().starts_with("proxy-"));
    let forwarded =
        format!("{method} /{path} HTTP/1.1\r\n{}", kept.collect::<Vec<_>>().join("\r\n"));
    server.write_all(format!("{forwarded}\r\n\r\n").as_bytes()).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// Reads a head, without the empty line at its end.
async fn head(client: &mut (impl AsyncRead + Unpin)) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > LONGEST_HEAD {
            bail!("a head of more than {LONGEST_HEAD} bytes");
        }
        head.push(client.read_u8().await?);
    }
    head.truncate(head.len() - 4);
    Ok(String::from_utf8(head)?)
}

async fn dial(authority: &str) -> Result<TcpStream> {
    let port = authority.rsplit_once(':').map_or("80", |(_, port)| port).parse()?;
    Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
