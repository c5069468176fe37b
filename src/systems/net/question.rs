//! One question to one DNS server, and its answer as it came.
//!
//! Asked over a connected UDP socket, so that a refusal is seen at once, and again over TCP where
//! the answer was cut short. No cache, no search domains, no other server: whoever asks wants to
//! know what *this* server says.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// A datagram may be lost: the question is put again after so long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// What a server may send in one datagram (RFC 9715).
const DATAGRAM: u16 = 1232;
/// The most records that are kept of an answer.
const MOST_RECORDS: usize = 64;
/// The longest record that is kept, in characters.
const LONGEST_RECORD: usize = 512;

/// What a server says about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The records of the asked type, as text; see [`text`].
    Records(Vec<String>),
    /// The name exists, and has no record of this type.
    NoRecords,
    /// The name does not exist.
    NoName,
}

/// Asks `server` for the records of `name`.
///
/// # Errors
/// Refused, silent until `until`, unreachable, garbled, or an answer that says only that the server
/// is in trouble. Never marked as ours: the caller knows whose server it is.
pub async fn ask(
    server: SocketAddr,
    name: &Name,
    record: RecordType,
    until: Instant,
) -> Result<Said, Obstacle> {
    let query = Query::query(name.clone(), record);
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(query);
    let mut edns = Edns::new();
    edns.set_max_payload(DATAGRAM);
    message.set_edns(edns);
    let bytes = message.to_vec().map_err(|error| {
        Obstacle::ours(Reason::GARBLED, format!("{name} can't be asked for: {error}"))
    })?;
    let silence = || {
        Obstacle::new(
            Reason::TIMED_OUT,
            format!("{server} gives no answer about {record} of {name}"),
        )
    };
    let answer = match timeout_at(until, by_udp(server, &message, &bytes)).await {
        Ok(answer) => answer?,
        Err(_) => return Err(silence()),
    };
    let answer = if answer.metadata.truncation {
        match timeout_at(until, by_tcp(server, &message, &bytes)).await {
            Ok(answer) => answer?,
            Err(_) => return Err(silence()),
        }
    } else {
        answer
    };
    read(server, &answer, name, record)
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
                if answer.queries == asked.queries {
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
    if answer.metadata.id == asked.metadata.id && answer.queries == asked.queries {
        Ok(answer)
    } else {
        Err(Obstacle::new(Reason::GARBLED, format!("{server} answers another question")))
    }
}

/// Reads an error of a socket. That there is no way to a resolver says nothing about the name.
fn lost(server: SocketAddr, error: &std::io::Error) -> Obstacle {
    let obstacle = super::dial::obstacle(server, error);
    Obstacle { ours: obstacle.ours || obstacle.reason == Reason::UNREACHABLE, ..obstacle }
}

fn decode(server: SocketAddr, bytes: &[u8]) -> Result<Message, Obstacle> {
    Message::from_vec(bytes).map_err(|error| {
        let because = format!("{server} sends what is no DNS answer: {error}");
        Obstacle::new(Reason::GARBLED, legible(&because, LONGEST_RECORD))
    })
}

fn read(
    server: SocketAddr,
    answer: &Message,
    name: &Name,
    record: RecordType,
) -> Result<Said, Obstacle> {
    let code = answer.metadata.response_code;
    if code == ResponseCode::NXDomain {
        return Ok(Said::NoName);
    }
    if code == ResponseCode::Refused {
        let because = format!("{server} refuses to answer about {name}");
        return Err(Obstacle::new(Reason::REFUSED, because));
    }
    if code != ResponseCode::NoError {
        let because = format!("{server} answers `{code}` to {record} of {name}");
        return Err(Obstacle::new(Reason::SERVER_ERROR, because));
    }
    let mut records: Vec<String> = answer
        .answers
        .iter()
        .filter(|answer| answer.record_type() == record)
        .take(MOST_RECORDS)
        .map(|answer| text(&answer.data))
        .collect();
    records.sort_unstable();
    records.dedup();
    Ok(if records.is_empty() { Said::NoRecords } else { Said::Records(records) })
}

/// A record as people write it in a checklist: addresses and names bare, names in lower case and
/// without their last dot, `10 mail.example.org` for MX, the text itself for TXT.
fn text(data: &RData) -> String {
    let text = if let RData::A(address) = data {
        address.0.to_string()
    } else if let RData::AAAA(address) = data {
        address.0.to_string()
    } else if let RData::CNAME(name) = data {
        plain(name)
    } else if let RData::NS(name) = data {
        plain(name)
    } else if let RData::PTR(name) = data {
        plain(name)
    } else if let RData::MX(mx) = data {
        format!("{} {}", mx.preference, plain(&mx.exchange))
    } else if let RData::SRV(srv) = data {
        format!("{} {} {} {}", srv.priority, srv.weight, srv.port, plain(&srv.target))
    } else if let RData::TXT(txt) = data {
        String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()
    } else if let RData::CAA(caa) = data {
        format!("{} {} {}", caa.flags(), caa.tag, String::from_utf8_lossy(&caa.value))
    } else {
        data.to_string()
    };
    legible(&text, LONGEST_RECORD)
}

/// A name as people write it.
fn plain(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
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

/// The address of a DNS server: `192.0.2.53`, or with a port, `192.0.2.53:5353`, `[::1]:53`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerAddress(pub SocketAddr);

impl ServerAddress {
    /// Reads an address, with port 53 where none is written.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(SocketAddr::new(address, 53)));
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 => Ok(Self(address)),
            _ => Err(format!(
                "`{text}` is not the address of a DNS server, such as `9.9.9.9` or `127.0.0.1:5353`"
            )),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.port() == 53 { self.0.ip().fmt(f) } else { self.0.fmt(f) }
    }
}

impl<'de> Deserialize<'de> for ServerAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for ServerAddress {
    fn schema_name() -> Cow<'static, str> {
        "ServerAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The address of a DNS server, with a port unless it is 53.",
            "examples": ["9.9.9.9", "127.0.0.1:5353"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_with_or_without_port() {
        assert_eq!(ServerAddress::parse("9.9.9.9").unwrap().to_string(), "9.9.9.9");
        assert_eq!(ServerAddress::parse("[::1]:5353").unwrap().to_string(), "[::1]:5353");
        for bad in ["", "dns.example.org", "9.9.9.9:0", "9.9.9"] {
            assert!(ServerAddress::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn records_read_as_people_write_them() {
        use hickory_resolver::proto::rr::rdata::{MX, TXT};
        let name = absolute("Mail.Example.ORG").unwrap();
        assert_eq!(text(&RData::MX(MX::new(10, name))), "10 mail.example.org");
        let txt = TXT::from_bytes(vec![b"<b>\"x\"\n", b"\xff"]);
        assert_eq!(text(&RData::TXT(txt)), "<b>\"x\" \u{fffd}");
    }
}
