//! One question to one DNS server, and its answer as it came.
//!
//! Asked over a connected UDP socket, so that a refusal is seen at once, and again over TCP where
//! the answer was cut short; without EDNS where the server knows none; about the end of an alias
//! where the server does not follow it. No cache, no search domains, no other server: whoever asks
//! wants to know what *this* server says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use super::answer::{MOST_ALIASES, Reply, Said, Way, decode};
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// A datagram may be lost: the question is put again after so long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// What a server may send in one datagram (RFC 9715).
const DATAGRAM: u16 = 1232;

/// Asks `server` for the records of `name`.
///
/// # Errors
/// Refused, silent until `until`, unreachable, garbled, or an answer that says only that the server
/// is in trouble or that somebody else would know. Never marked as ours: the caller knows whose server it is.
pub async fn ask(
    server: SocketAddr,
    name: &Name,
    record: RecordType,
    until: Instant,
) -> Result<Reply, Obstacle> {
    let mut way = Way::from(name.clone());
    // Each turn that does not end it follows an alias at least.
    for _ in 0..=MOST_ALIASES {
        let question = Question { server, name: way.end().clone(), record };
        let silence = || {
            let because = format!("{server} gives no answer about {record} of {name}");
            Obstacle::new(Reason::TIMED_OUT, because)
        };
        let answer = timeout_at(until, question.put()).await.map_err(|_| silence())??;
        if let Some(reply) = way.read(server, &answer, record)? {
            return Ok(reply);
        }
    }
    Ok(Reply { said: Said::Astray, aliases: Vec::new(), ttl: None })
}

struct Question {
    server: SocketAddr,
    name: Name,
    record: RecordType,
}

impl Question {
    /// Asks with EDNS, and without where the server does not know what that is (RFC 6891, 7).
    async fn put(&self) -> Result<Message, Obstacle> {
        let answer = self.exchange(true).await?;
        let code = answer.metadata.response_code;
        let baffled = [ResponseCode::FormErr, ResponseCode::NotImp, ResponseCode::BADVERS];
        if baffled.contains(&code) { self.exchange(false).await } else { Ok(answer) }
    }

    async fn exchange(&self, extended: bool) -> Result<Message, Obstacle> {
        let Self { server, name, record } = self;
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(name.clone(), *record));
        if extended {
            let mut edns = Edns::new();
            edns.set_max_payload(DATAGRAM);
            message.set_edns(edns);
        }
        let bytes = message.to_vec().map_err(|error| {
            Obstacle::ours(Reason::GARBLED, format!("{name} can't be asked for: {error}"))
        })?;
        let answer = by_udp(*server, &message, &bytes).await?;
        if !answer.metadata.truncation {
            return Ok(answer);
        }
        let answer = by_tcp(*server, &message, &bytes).await.map_err(|obstacle| {
            let because = format!("{} over TCP, to which it sends us on", obstacle.because);
            Obstacle { because, ..obstacle }
        })?;
        if answer.metadata.truncation {
            let because = format!("{server} cuts its answer short over TCP as well");
            return Err(Obstacle::new(Reason::GARBLED, because));
        }
        Ok(answer)
    }
}

async fn by_udp(server: SocketAddr, asked: &Message, bytes: &[u8]) -> Result<Message, Obstacle> {
    let lost = |error: std::io::Error| lost(server, &error);
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await.map_err(lost)?;
    socket.connect(server).await.map_err(lost)?;
    let mut buffer = vec![0; 4096];
    loop {
        socket.send(bytes).await.map_err(lost)?;
        let again = Instant::now() + ASK_AGAIN_AFTER;
        while let Ok(received) = timeout_at(again, socket.recv(&mut buffer)).await {
            let datagram = &buffer[..received.map_err(lost)?];
            if datagram.first_chunk() == Some(&asked.metadata.id.to_be_bytes()) {
                let answer = decode(server, datagram)?;
                if answers(&answer, asked) {
                    return Ok(answer);
                }
            }
        }
    }
}

async fn by_tcp(server: SocketAddr, asked: &Message, bytes: &[u8]) -> Result<Message, Obstacle> {
    let lost = |error: std::io::Error| lost(server, &error);
    let mut stream = TcpStream::connect(server).await.map_err(lost)?;
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let framed = [&length.to_be_bytes()[..], bytes].concat();
    stream.write_all(&framed).await.map_err(lost)?;
    let length = stream.read_u16().await.map_err(lost)?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.map_err(lost)?;
    let answer = decode(server, &answer)?;
    if answer.metadata.id == asked.metadata.id && answers(&answer, asked) {
        Ok(answer)
    } else {
        Err(Obstacle::new(Reason::GARBLED, format!("{server} answers another question")))
    }
}

/// Whether a message is the answer to the question, not the question itself or another's answer. A
/// server that is in trouble may not have read the question.
fn answers(message: &Message, asked: &Message) -> bool {
    let well = [ResponseCode::NoError, ResponseCode::NXDomain];
    let unread = message.queries.is_empty() && !well.contains(&message.metadata.response_code);
    message.metadata.message_type == MessageType::Response
        && (message.queries == asked.queries || unread)
}

/// Reads an error of a socket. That there is no way to a resolver says nothing about the name.
fn lost(server: SocketAddr, error: &std::io::Error) -> Obstacle {
    let obstacle = super::dial::obstacle(server, error);
    Obstacle { ours: obstacle.ours || obstacle.reason == Reason::UNREACHABLE, ..obstacle }
}

/// A name to ask for, exactly as written.
///
/// # Errors
/// What is wrong with it.
pub fn absolute(name: &str) -> Result<Name, String> {
    let mut parsed = Name::from_str_relaxed(name)
        .map_err(|error| format!("`{}` is not a name: {error}", legible(name, 100)))?;
    parsed.set_fqdn(true);
    Ok(parsed)
}
