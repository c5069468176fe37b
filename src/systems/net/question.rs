//! One question to one DNS server, and its answer as it came.
//!
//! Asked over a connected UDP socket, so that a refusal is seen at once, and again over TCP where
//! the answer was cut short. No cache, no search domains, no other server: whoever asks wants to
//! know what *this* server says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
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
/// The longest chain of aliases that is followed through an answer.
const MOST_ALIASES: usize = 16;
/// The longest record that is kept, in characters.
const LONGEST_RECORD: usize = 512;

/// What a server says about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The records of the asked type, as text, sorted; see [`text`]. All of them: two sets that
    /// are cut would differ where the whole ones do not, and a message holds 64 KiB at most.
    Records(Vec<String>),
    /// The name exists, and has no record of this type.
    NoRecords,
    /// The name does not exist.
    NoName {
        /// Which one, where the asked name is an alias that leads nowhere.
        alias_of: Option<String>,
    },
}

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

/// Whether a message is the answer to the question, not the question itself or another's answer.
fn answers(message: &Message, asked: &Message) -> bool {
    message.metadata.message_type == MessageType::Response && message.queries == asked.queries
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
    if code == ResponseCode::Refused {
        let because = format!("{server} refuses to answer about {name}");
        return Err(Obstacle::new(Reason::REFUSED, because));
    }
    if ![ResponseCode::NoError, ResponseCode::NXDomain].contains(&code) {
        let because = format!("{server} answers `{code}` to {record} of {name}");
        return Err(Obstacle::new(Reason::SERVER_ERROR, because));
    }
    let mut records: Vec<String> = answer
        .answers
        .iter()
        .filter(|answer| answer.record_type() == record)
        .map(|answer| text(&answer.data))
        .collect();
    records.sort_unstable();
    records.dedup();
    if !records.is_empty() {
        return Ok(Said::Records(records));
    }
    let alias_of = end_of_aliases(answer, name);
    if !is_last_word(answer, alias_of.is_some()) {
        let because = format!(
            "{server} does not know {record} of {name}, is not in charge of it, and asks nobody else"
        );
        return Err(Obstacle::new(Reason::SERVER_ERROR, because));
    }
    Ok(if code == ResponseCode::NXDomain { Said::NoName { alias_of } } else { Said::NoRecords })
}

/// Whether an answer without records says that there are none: it comes from who is in charge of
/// the name, or from who has asked them. A referral says only whom to ask, and so does an alias that
/// a server without recursion did not follow.
fn is_last_word(answer: &Message, has_alias: bool) -> bool {
    let has = |kind| answer.authorities.iter().any(|record| record.record_type() == kind);
    let metadata = &answer.metadata;
    // Only a zone's own word, perhaps kept by a cache, comes with its SOA (RFC 2308).
    if has(RecordType::SOA) {
        return true;
    }
    if metadata.recursion_available {
        return metadata.authoritative || !has(RecordType::NS);
    }
    metadata.authoritative && !has_alias
}

/// The name that `name` is an alias of in the end; none if it is no alias.
fn end_of_aliases(answer: &Message, name: &Name) -> Option<String> {
    let mut end = name;
    for _ in 0..MOST_ALIASES {
        let next = answer.answers.iter().find_map(|record| {
            let RData::CNAME(target) = &record.data else { return None };
            (record.name == *end).then_some(&target.0)
        });
        match next {
            Some(next) => end = next,
            None => break,
        }
    }
    (end != name).then(|| legible(&plain(end), LONGEST_RECORD))
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

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, NS, SOA, TXT};

    use super::*;

    #[test]
    fn records_read_as_people_write_them() {
        let name = absolute("Mail.Example.ORG").unwrap();
        assert_eq!(text(&RData::MX(MX::new(10, name))), "10 mail.example.org");
        let txt = TXT::from_bytes(vec![b"<b>\"x\"\n", b"\xff"]);
        assert_eq!(text(&RData::TXT(txt)), "<b>\"x\" \u{fffd}");
    }

    /// An answer about `www.test`, from a server that is (`aa`) in charge or asks (`ra`) who is.
    fn answer(code: ResponseCode, aa: bool, ra: bool, authority: Option<RData>) -> Message {
        let mut message = Message::query();
        message.metadata.message_type = MessageType::Response;
        message.metadata.response_code = code;
        message.metadata.authoritative = aa;
        message.metadata.recursion_available = ra;
        let zone = absolute("test").unwrap();
        message.authorities.extend(authority.map(|data| Record::from_rdata(zone, 60, data)));
        message
    }

    fn said(message: &Message) -> Result<Said, Reason> {
        let server = SocketAddr::from(([192, 0, 2, 53], 53));
        read(server, message, &absolute("www.test").unwrap(), RecordType::A)
            .map_err(|obstacle| obstacle.reason)
    }

    #[test]
    fn only_who_knows_can_say_that_there_is_nothing() {
        let ns = || Some(RData::NS(NS(absolute("ns.test").unwrap())));
        let soa = || {
            let name = || absolute("ns.test").unwrap();
            Some(RData::SOA(SOA::new(name(), name(), 1, 1, 1, 1, 1)))
        };
        let (fine, absent) = (ResponseCode::NoError, ResponseCode::NXDomain);
        let gone = Said::NoName { alias_of: None };
        for (code, aa, ra, authority, wanted) in [
            (fine, true, false, None, Ok(Said::NoRecords)),
            (fine, false, true, None, Ok(Said::NoRecords)),
            (absent, true, false, None, Ok(gone.clone())),
            (absent, false, true, None, Ok(gone)),
            (fine, false, false, None, Err(Reason::SERVER_ERROR)),
            (absent, false, false, None, Err(Reason::SERVER_ERROR)),
            (fine, false, false, ns(), Err(Reason::SERVER_ERROR)),
            (fine, false, true, ns(), Err(Reason::SERVER_ERROR)),
            (fine, false, false, soa(), Ok(Said::NoRecords)),
        ] {
            let message = answer(code, aa, ra, authority.clone());
            assert_eq!(said(&message), wanted, "{code} aa {aa} ra {ra} {authority:?}");
        }
    }

    #[test]
    fn an_alias_that_leads_nowhere_says_where() {
        let alias = |of: &str, to: &str| {
            let data = RData::CNAME(CNAME(absolute(to).unwrap()));
            Record::from_rdata(absolute(of).unwrap(), 60, data)
        };
        let mut message = answer(ResponseCode::NXDomain, false, true, None);
        message.answers = vec![alias("b.test", "Gone.test"), alias("WWW.test", "b.test")];
        let alias_of = Some("gone.test".to_owned());
        assert_eq!(said(&message), Ok(Said::NoName { alias_of }));
        // Who does not follow an alias to another zone does not know how it ends.
        message = answer(ResponseCode::NoError, true, false, None);
        message.answers = vec![alias("www.test", "elsewhere.org")];
        assert_eq!(said(&message), Err(Reason::SERVER_ERROR));
        message.answers = vec![alias("www.test", "www.test")];
        assert_eq!(said(&message), Ok(Said::NoRecords));
    }

    #[test]
    fn large_sets_in_another_order_are_the_same() {
        let mut message = answer(ResponseCode::NoError, true, false, None);
        let name = absolute("www.test").unwrap();
        let record = |n: u8| Record::from_rdata(name.clone(), 60, RData::A(A::new(192, 0, 2, n)));
        message.answers = (0..200).map(record).collect();
        let one = said(&message);
        message.answers.reverse();
        assert_eq!(said(&message), one);
        assert!(matches!(one, Ok(Said::Records(records)) if records.len() == 200));
    }
}
