//! What a DNS server's message says about a name. Pure: any bytes may have come.
//!
//! Only records count whose owner is the asked name or the end of its aliases: whatever else a server
//! puts beside them answers another question. DNSSEC is not verified.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, RecordType};

use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// The longest chain of aliases that is followed.
pub const MOST_ALIASES: usize = 16;
/// The longest record that is kept, in characters.
const LONGEST_RECORD: usize = 512;

/// What a server says about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The answer itself.
    pub said: Said,
    /// The names that the asked one leads through by alias, in order; the last is the one that
    /// [`Self::said`] is about. Empty where it is no alias.
    pub aliases: Vec<String>,
    /// The shortest time for which any of the records and aliases may be kept; none without any.
    pub ttl: Option<Duration>,
}

/// The answer about a name, or about the end of its aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The records of the asked type, as text, sorted; see [`text`]. All of them: two sets that
    /// are cut would differ where the whole ones do not, and a message holds 64 KiB at most.
    Records(Vec<String>),
    /// The name exists, and has no record of this type.
    NoRecords,
    /// The name does not exist.
    NoName,
    /// Its aliases lead in a circle, or through more names than are followed.
    Astray,
}

/// The way from the asked name through its aliases, as far as it is known.
#[derive(Debug)]
pub(super) struct Way {
    /// At least the asked name.
    names: Vec<Name>,
    ttl: Option<u32>,
}

impl Way {
    pub(super) fn from(name: Name) -> Self {
        Self { names: vec![name], ttl: None }
    }

    /// Whom to ask about next.
    pub(super) fn end(&self) -> &Name {
        &self.names[self.names.len() - 1]
    }

    /// Reads an answer about [`Self::end`]; none where it leads on to another name, and no further.
    ///
    /// # Errors
    /// The server is in trouble, refuses, or is not the one to ask.
    pub(super) fn read(
        &mut self,
        server: SocketAddr,
        answer: &Message,
        record: RecordType,
    ) -> Result<Option<Reply>, Obstacle> {
        let code = answer.metadata.response_code;
        let known = self.names.len();
        // Some servers say only that they fail where aliases lead in a circle, and show the circle.
        let tells = [ResponseCode::NoError, ResponseCode::NXDomain, ResponseCode::ServFail];
        if record != RecordType::CNAME && tells.contains(&code) && !self.follow(answer, record) {
            return Ok(Some(self.reply(Said::Astray)));
        }
        if code == ResponseCode::Refused {
            let because = format!("{server} refuses to answer about {}", self.told());
            return Err(Obstacle::new(Reason::REFUSED, because));
        }
        if ![ResponseCode::NoError, ResponseCode::NXDomain].contains(&code) {
            let because = format!("{server} answers `{code}` to {record} of {}", self.told());
            return Err(Obstacle::new(Reason::SERVER_ERROR, because));
        }
        let records = self.records(answer, record);
        if !records.is_empty() {
            return Ok(Some(self.reply(Said::Records(records))));
        }
        let leads_on = self.names.len() > known;
        if code == ResponseCode::NoError && leads_on && !has(answer, RecordType::SOA) {
            return Ok(None);
        }
        if !is_last_word(answer, leads_on) {
            let because = format!(
                "{server} does not know {record} of {}, is not in charge of it, and asks nobody else",
                self.told()
            );
            return Err(Obstacle::new(Reason::SERVER_ERROR, because));
        }
        let none = if code == ResponseCode::NXDomain { Said::NoName } else { Said::NoRecords };
        Ok(Some(self.reply(none)))
    }

    /// Goes on through the aliases of an answer; says whether they end.
    fn follow(&mut self, answer: &Message, record: RecordType) -> bool {
        let answers = || answer.answers.iter().filter(|one| one.dns_class == DNSClass::IN);
        loop {
            let end = self.end();
            if answers().any(|one| one.record_type() == record && one.name == *end) {
                return true;
            }
            let next = answers().find_map(|one| {
                let RData::CNAME(target) = &one.data else { return None };
                (one.name == *end).then(|| (target.0.clone(), one.ttl))
            });
            let Some((next, ttl)) = next else { return true };
            let circle = self.names.contains(&next);
            self.note(ttl);
            self.names.push(next);
            if circle || self.names.len() > MOST_ALIASES + 1 {
                return false;
            }
        }
    }

    fn records(&mut self, answer: &Message, record: RecordType) -> Vec<String> {
        let mut records = Vec::new();
        for one in &answer.answers {
            let is_asked = one.record_type() == record && one.name == *self.end();
            if is_asked && one.dns_class == DNSClass::IN {
                self.note(one.ttl);
                records.push(text(&one.data));
            }
        }
        records.sort_unstable();
        records.dedup();
        records
    }

    /// Notes a time to live; one with the first bit set means nothing (RFC 2181, 8).
    fn note(&mut self, ttl: u32) {
        let ttl = if i32::try_from(ttl).is_ok() { ttl } else { 0 };
        self.ttl = Some(self.ttl.map_or(ttl, |shortest| shortest.min(ttl)));
    }

    fn reply(&self, said: Said) -> Reply {
        let aliases = self.names[1..].iter().map(|name| legible(&plain(name), LONGEST_RECORD));
        let ttl = self.ttl.map(|seconds| Duration::from_secs(seconds.into()));
        Reply { said, aliases: aliases.collect(), ttl }
    }

    /// The name that is asked for, and where it comes from.
    fn told(&self) -> String {
        let end = self.end();
        match self.names.first() {
            Some(first) if first != end => format!("{end}, which {first} is an alias of"),
            _ => end.to_string(),
        }
    }
}

fn has(answer: &Message, kind: RecordType) -> bool {
    answer.authorities.iter().any(|record| record.record_type() == kind)
}

/// Whether an answer without records says that there are none: it comes from who is in charge of
/// the name, or from who has asked them. A referral says only whom to ask, and so does an alias that
/// a server without recursion did not follow.
fn is_last_word(answer: &Message, has_alias: bool) -> bool {
    let metadata = &answer.metadata;
    // Only a zone's own word, perhaps kept by a cache, comes with its SOA (RFC 2308).
    if has(answer, RecordType::SOA) {
        return true;
    }
    if metadata.recursion_available {
        return metadata.authoritative || !has(answer, RecordType::NS);
    }
    metadata.authoritative && !has_alias
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

/// What `bytes`, from whomever, say about the records of `name`; none where they only lead on.
///
/// # Errors
/// They are no DNS message, or one that says nothing about it.
pub fn read(bytes: &[u8], name: &Name, record: RecordType) -> Result<Option<Reply>, Obstacle> {
    let server = SocketAddr::from(([0, 0, 0, 0], 53));
    Way::from(name.clone()).read(server, &decode(server, bytes)?, record)
}

/// Reads a message.
///
/// # Errors
/// It is none.
pub(super) fn decode(server: SocketAddr, bytes: &[u8]) -> Result<Message, Obstacle> {
    Message::from_vec(bytes).map_err(|error| {
        let because = format!("{server} sends what is no DNS answer: {error}");
        Obstacle::new(Reason::GARBLED, legible(&because, LONGEST_RECORD))
    })
}

#[cfg(test)]
mod tests;
