//! A server that speaks PostgreSQL's protocol and says what it is told: for states that a real one
//! takes days, or a broken disk, to come into.
//!
//! Questions are told apart by the comment that Vigie's own bear (`/* vigie sessions */`); queries
//! of a configuration, which come as a cursor, are `query`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::net::mill::Issued;

/// What is said to a question, or to somebody who wants in.
#[derive(Clone, Debug)]
pub enum Said {
    /// Rows of cells; `-` is NULL.
    Rows(Vec<Vec<String>>),
    /// An error: its code and its words.
    Error(String, String),
    /// These bytes, whatever they are.
    Bytes(Vec<u8>),
    /// Nothing, ever.
    Nothing,
    /// The connection is closed.
    Bye,
}

impl Said {
    /// Rows, written shortly.
    pub fn rows(rows: &[&[&str]]) -> Self {
        Self::Rows(rows.iter().map(|row| row.iter().map(|c| (*c).to_owned()).collect()).collect())
    }

    /// An error, written shortly.
    pub fn error(code: &str, words: &str) -> Self {
        Self::Error(code.to_owned(), words.to_owned())
    }
}

/// A running server; it stops when dropped.
pub struct Postgres {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    serving: Mutex<Option<AbortOnDropHandle<()>>>,
}

#[derive(Default)]
struct Script {
    said: HashMap<String, Said>,
    columns: Vec<String>,
    asked: Vec<String>,
    /// Who came in, and who was sent away, in all.
    came: usize,
    tls: Option<Arc<ServerConfig>>,
}

/// What a primary of version 15 says of itself to somebody with `pg_monitor`.
const FACTS: [&str; 4] = ["150014", "f", "f", "t"];

impl Postgres {
    /// A server without TLS that lets everybody in.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let script = Arc::new(Mutex::new(Script::default()));
        let server = Self { address, script, serving: Mutex::default() };
        server.listen(listener);
        server.say("facts", Said::rows(&[&FACTS]));
        Ok(server)
    }

    fn listen(&self, listener: TcpListener) {
        let shared = Arc::clone(&self.script);
        let serving = tokio::spawn(async move {
            // Aborted with the task: its connections end with the listener.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
                while connections.try_join_next().is_some() {}
            }
        });
        *self.task() = Some(AbortOnDropHandle::new(serving));
    }

    fn task(&self) -> MutexGuard<'_, Option<AbortOnDropHandle<()>>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops listening, and breaks off what is under way.
    pub async fn close(&self) {
        let serving = self.task().take();
        if let Some(serving) = serving {
            serving.abort();
            // It has ended, be it by being aborted, and the port is closed.
            drop(serving.await);
        }
    }

    /// Listens again, on the same port.
    ///
    /// # Errors
    /// Somebody else has taken the port.
    pub async fn open(&self) -> Result<()> {
        self.close().await;
        self.listen(TcpListener::bind(self.address).await?);
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Speaks TLS, with this certificate.
    pub fn certify(&self, certificate: &Issued) -> Result<()> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificate.chain.clone(), certificate.key.clone_key())?;
        self.script().tls = Some(Arc::new(config));
        Ok(())
    }

    /// Answers `what` so from now on: a question by the comment that it bears, `query`, or `hello`
    /// for whoever wants in, and `password` for whoever shows one, which is then asked for.
    pub fn say(&self, what: &str, said: Said) {
        self.script().said.insert(what.to_owned(), said);
    }

    /// What is answered to `what`.
    pub fn said(&self, what: &str) -> Option<Said> {
        said(&self.script, what)
    }

    /// The columns of `query`.
    pub fn columns(&self, names: &[&str]) {
        self.script().columns = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// Every statement that came, in order.
    pub fn asked(&self) -> Vec<String> {
        self.script().asked.clone()
    }

    /// How often somebody has wanted in.
    pub fn came(&self) -> usize {
        self.script().came
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<W: AsyncRead + AsyncWrite + Send + Unpin> Wire for W {}

/// Errors end it: the client has hung up.
async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let request = startup(&mut stream).await?;
    let mut wire: Box<dyn Wire> = Box::new(stream);
    if request == SSL_REQUEST {
        let tls = lock(&script).tls.clone();
        wire.write_all(if tls.is_some() { b"S" } else { b"N" }).await?;
        if let Some(tls) = tls {
            wire = Box::new(TlsAcceptor::from(tls).accept(wire).await?);
        }
        startup(&mut wire).await?;
    }
    lock(&script).came += 1;
    if !welcome(&mut wire, &script).await? {
        return Ok(());
    }
    loop {
        let kind = wire.read_u8().await?;
        let body = body(&mut wire).await?;
        match kind {
            b'X' => return Ok(()),
            b'Q' => {
                let text = text(&body);
                let alive = answer(&mut wire, &script, &text, &mut Vec::new()).await?;
                if !alive {
                    return Ok(());
                }
                wire.write_all(&message(b'Z', b"I")).await?;
            }
            b'P' => {
                // The name of the statement, which is empty, then its text.
                let statement = text(&body[1..]);
                lock(&script).asked.push(statement);
                match said(&script, "query") {
                    Some(Said::Error(code, words)) => wire.write_all(&error(&code, &words)).await?,
                    _ => wire.write_all(&message(b'1', b"")).await?,
                }
            }
            b'B' => refusing(&mut wire, &script, b'2', b"").await?,
            b'D' => refusing(&mut wire, &script, b'n', b"").await?,
            b'E' => refusing(&mut wire, &script, b'C', b"DECLARE CURSOR\0").await?,
            b'S' => wire.write_all(&message(b'Z', b"I")).await?,
            _ => {}
        }
    }
}

/// After an error, nothing is said until the client has come to its end.
async fn refusing(
    wire: &mut Box<dyn Wire>,
    script: &Mutex<Script>,
    kind: u8,
    body: &[u8],
) -> Result<()> {
    if !matches!(said(script, "query"), Some(Said::Error(..))) {
        wire.write_all(&message(kind, body)).await?;
    }
    Ok(())
}

async fn welcome(wire: &mut Box<dyn Wire>, script: &Mutex<Script>) -> Result<bool> {
    match said(script, "hello") {
        None => {}
        Some(said) => return out_of_turn(wire, said).await,
    }
    if let Some(answer) = said(script, "password") {
        wire.write_all(&message(b'R', &3_u32.to_be_bytes())).await?;
        wire.read_u8().await?;
        body(wire).await?;
        if !matches!(answer, Said::Rows(_)) {
            return out_of_turn(wire, answer).await;
        }
    }
    wire.write_all(&message(b'R', &0_u32.to_be_bytes())).await?;
    wire.write_all(&message(b'Z', b"I")).await?;
    Ok(true)
}

/// Says something in place of a welcome; whether the client may stay.
async fn out_of_turn(wire: &mut Box<dyn Wire>, said: Said) -> Result<bool> {
    match said {
        Said::Error(code, words) => wire.write_all(&error(&code, &words)).await?,
        Said::Bytes(bytes) => wire.write_all(&bytes).await?,
        Said::Nothing => std::future::pending().await,
        Said::Rows(_) | Said::Bye => {}
    }
    wire.shutdown().await?;
    Ok(false)
}

async fn answer(
    wire: &mut Box<dyn Wire>,
    script: &Mutex<Script>,
    asked: &str,
    out: &mut Vec<u8>,
) -> Result<bool> {
    lock(script).asked.push(asked.to_owned());
    let marked = asked.split_once("/* vigie ").and_then(|(_, rest)| rest.split_once(" */"));
    let what = match marked {
        Some((name, _)) => name,
        None if asked.contains("FETCH") => "query",
        None => "",
    };
    match said(script, what) {
        Some(Said::Rows(rows)) => {
            let width = rows.first().map_or(0, Vec::len);
            let named = lock(script).columns.clone();
            let names = (0..width.max(named.len()))
                .map(|at| named.get(at).cloned().unwrap_or_else(|| format!("c{at}")));
            out.extend(description(&names.collect::<Vec<_>>()));
            for row in rows {
                out.extend(data(&row));
            }
        }
        Some(Said::Error(code, words)) => out.extend(error(&code, &words)),
        Some(Said::Bytes(bytes)) => out.extend(bytes),
        Some(Said::Nothing) => std::future::pending().await,
        Some(Said::Bye) => return Ok(false),
        None => {}
    }
    out.extend(message(b'C', b"DONE\0"));
    wire.write_all(out).await?;
    Ok(true)
}

/// Protocol 1234.5679: "shall we speak TLS?".
const SSL_REQUEST: u32 = 80_877_103;

/// The code of a first message.
async fn startup<R: AsyncRead + Unpin>(wire: &mut R) -> Result<u32> {
    let body = body(wire).await?;
    let code = body.get(..4).and_then(|code| code.try_into().ok()).map(u32::from_be_bytes);
    Ok(code.unwrap_or_default())
}

async fn body<R: AsyncRead + Unpin>(wire: &mut R) -> Result<Vec<u8>> {
    let length = usize::try_from(wire.read_u32().await?)?;
    anyhow::ensure!((4..1 << 20).contains(&length), "a message of {length} bytes");
    let mut body = vec![0; length - 4];
    wire.read_exact(&mut body).await?;
    Ok(body)
}

fn text(body: &[u8]) -> String {
    let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
    String::from_utf8_lossy(&body[..end]).into_owned()
}

/// A message as a server writes it.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[kind], length.to_be_bytes().as_slice(), body].concat()
}

fn error(code: &str, words: &str) -> Vec<u8> {
    let fields = format!("SERROR\0VERROR\0C{code}\0M{words}\0Rsim\0\0");
    message(b'E', fields.as_bytes())
}

fn description(names: &[String]) -> Vec<u8> {
    let mut body = u16::try_from(names.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    for name in names {
        body.extend(name.as_bytes());
        body.push(0);
        // No table, no column of it; text, of any length, as text.
        body.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]);
    }
    message(b'T', &body)
}

fn data(cells: &[String]) -> Vec<u8> {
    let mut body = u16::try_from(cells.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    for cell in cells {
        if cell == "-" {
            body.extend((-1_i32).to_be_bytes());
        } else {
            body.extend(u32::try_from(cell.len()).unwrap_or(u32::MAX).to_be_bytes());
            body.extend(cell.as_bytes());
        }
    }
    message(b'D', &body)
}

fn said(script: &Mutex<Script>, what: &str) -> Option<Said> {
    lock(script).said.get(what).cloned()
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}
