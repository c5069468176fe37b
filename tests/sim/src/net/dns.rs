//! A small DNS server on loopback, over UDP and TCP: names answer what they are told to, right or
//! wrong, and can be changed while it runs.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::task::AbortOnDropHandle;

/// A record: its type and its data as on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    kind: u16,
    data: Vec<u8>,
}

impl Record {
    /// An A or AAAA record.
    pub fn address(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self { kind: 1, data: address.octets().to_vec() },
            IpAddr::V6(address) => Self { kind: 28, data: address.octets().to_vec() },
        }
    }

    /// A TXT record.
    pub fn text(text: &[u8]) -> Self {
        let part = |part: &[u8]| [&[u8::try_from(part.len()).unwrap_or(0)], part].concat();
        Self { kind: 16, data: text.chunks(255).flat_map(part).collect() }
    }

    /// A CNAME record.
    pub fn alias(of: &str) -> Self {
        Self { kind: 5, data: wire_name(of) }
    }
}

/// What a name answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// These records, as far as they are of the asked type.
    Records(Vec<Record>),
    /// The same, over TCP alone: over UDP the answer is cut short.
    OverTcp(Vec<Record>),
    /// Aliases lead through these names; the last has these records, and the answer this code.
    Through(Vec<String>, Vec<Record>, u8),
    /// Whoever asks with EDNS is told that the question makes no sense, and nothing of the question.
    WithoutEdns(Vec<Record>),
    /// Over UDP the answer is cut short, over TCP the connection is.
    CutShort,
    /// The answer is cut short over UDP and over TCP.
    CutAlways,
    /// A response code: 2 is SERVFAIL, 3 NXDOMAIN, 5 REFUSED.
    Code(u8),
    /// The right question's number, and then nonsense.
    Garbled,
    /// Nothing.
    Silent,
}

/// A running server; it stops when dropped. A name that it was not told about does not exist.
pub struct Names {
    address: SocketAddr,
    table: Table,
    _serving: [AbortOnDropHandle<()>; 2],
}

type Table = Arc<Mutex<BTreeMap<String, Behaviour>>>;

impl Names {
    /// Starts one at a free port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        let (udp, tcp) = bind().await?;
        let table = Table::default();
        let address = tcp.local_addr()?;
        let serving = [
            AbortOnDropHandle::new(tokio::spawn(by_udp(udp, Arc::clone(&table)))),
            AbortOnDropHandle::new(tokio::spawn(by_tcp(tcp, Arc::clone(&table)))),
        ];
        Ok(Self { address, table, _serving: serving })
    }

    /// Where it listens, over UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what `name` answers, from now on.
    pub fn set(&self, name: &str, behaviour: Behaviour) {
        let mut names = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_lowercase(), behaviour);
    }

    /// Gives `name` one address.
    pub fn point(&self, name: &str, address: IpAddr) {
        self.set(name, Behaviour::Records(vec![Record::address(address)]));
    }
}

async fn bind() -> Result<(UdpSocket, TcpListener)> {
    for _ in 0..50 {
        let tcp = TcpListener::bind("127.0.0.1:0").await?;
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr()?).await {
            return Ok((udp, tcp));
        }
    }
    bail!("no port is free for both UDP and TCP")
}

async fn by_udp(socket: UdpSocket, names: Table) {
    let mut question = [0; 1500];
    while let Ok((length, peer)) = socket.recv_from(&mut question).await {
        if let Some(answer) = reply(&question[..length], &names, false) {
            // Whoever asked may have gone.
            drop(socket.send_to(&answer, peer).await);
        }
    }
}

async fn by_tcp(listener: TcpListener, names: Table) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&names)));
    }
}

async fn converse(mut stream: TcpStream, names: Table) -> std::io::Result<()> {
    let mut question = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut question).await?;
    if let Some(answer) = reply(&question, &names, true) {
        stream.write_u16(u16::try_from(answer.len()).unwrap_or(u16::MAX)).await?;
        stream.write_all(&answer).await?;
    }
    Ok(())
}

/// The answer to a question with a single name; none to silence, and to what is no question.
fn reply(question: &[u8], names: &Table, tcp: bool) -> Option<Vec<u8>> {
    let id = question.get(..2)?;
    let (name, end) = read_name(question.get(12..)?)?;
    let asked = question.get(12..12 + end + 4)?;
    let kind = u16::from_be_bytes([asked[end], asked[end + 1]]);
    let known = names.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
    let (code, cut, through, records) = match known.unwrap_or(Behaviour::Code(3)) {
        Behaviour::Silent => return None,
        Behaviour::Garbled => return Some([id, b"\x81\x80\xff\xff\xff\xff nonsense"].concat()),
        Behaviour::CutShort if tcp => return None,
        Behaviour::CutShort | Behaviour::CutAlways => (0, true, Vec::new(), Vec::new()),
        Behaviour::OverTcp(_) if !tcp => (0, true, Vec::new(), Vec::new()),
        Behaviour::WithoutEdns(_) if question.get(10..12)? != [0, 0] => {
            return Some([id, &[0x81, 0x81], &[0; 8]].concat());
        }
        Behaviour::Code(code) => (code, false, Vec::new(), Vec::new()),
        Behaviour::Through(names, records, code) => (code, false, names, records),
        Behaviour::Records(records)
        | Behaviour::OverTcp(records)
        | Behaviour::WithoutEdns(records) => (0, false, Vec::new(), records),
    };
    // The question's own name is the first owner.
    let mut owner = vec![0xc0, 12];
    let mut answers = Vec::new();
    for alias in through {
        let target = Record::alias(&alias);
        answers.push(entry(&owner, &target)?);
        owner = target.data;
    }
    let asked_for = records.iter().filter(|record| record.kind == kind);
    answers.extend(asked_for.filter_map(|record| entry(&owner, record)));
    let count = u16::try_from(answers.len()).ok()?.to_be_bytes();
    let flags = [0x81 | if cut { 2 } else { 0 }, 0x80 | code];
    let head = [id, &flags, &[0, 1], &count, &[0, 0, 0, 0], asked].concat();
    Some([head, answers.concat()].concat())
}

/// A record as an answer holds it, to be kept for a minute.
fn entry(owner: &[u8], Record { kind, data }: &Record) -> Option<Vec<u8>> {
    let length = u16::try_from(data.len()).ok()?.to_be_bytes();
    Some([owner, &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 60], &length, data].concat())
}

/// The name at the start of `bytes`, in lower case, and where it ends.
fn read_name(bytes: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = 0;
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        if length > 63 {
            return None;
        }
        labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).to_lowercase());
        at += length;
    }
}

fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).unwrap_or(0));
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    wire
}
