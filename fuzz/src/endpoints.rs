//! What endpoints send: DNS, certificates, and the first bytes of other protocols.

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::RecordType;
use jiff::Timestamp;
use vigie::systems::net::answer::{self, MOST_ALIASES, Said};
use vigie::systems::net::certificate::{Certificate, bears_name_of_issuer};
use vigie::systems::net::der::{Elements, SEQUENCE, Signed};
use vigie::systems::net::question::absolute;
use vigie::systems::net::staple::{self, Staple, Status};
use vigie::systems::net::{old_tls, starttls};

use super::laws::{chosen, is_legible};

/// What a first byte chooses from.
const RECORDS: [RecordType; 10] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CNAME,
    RecordType::TXT,
    RecordType::MX,
    RecordType::NS,
    RecordType::SRV,
    RecordType::CAA,
    RecordType::SOA,
    RecordType::PTR,
];
/// A certificate with a promise of an OCSP answer, and the key of its issuer.
const LEAF: &[u8] = include_bytes!("../seeds/certificate/good-leaf.der");
const ISSUER: &[u8] = include_bytes!("../seeds/der/good-issuer-key.der");
/// The moment at which answers about it are judged.
const WITHIN: &str = "2026-11-24T00:00:00Z";

/// A DNS server's answer about `www.example.org`; the first byte says which records are asked for.
pub fn dns_answer(data: &[u8]) -> bool {
    let (choice, message) = chosen(data);
    let record = RECORDS[usize::from(choice) % RECORDS.len()];
    let Ok(name) = absolute("www.example.org") else { return false };
    let read = |bytes: &[u8]| answer::read(bytes, &name, record);
    let reply = match read(message) {
        Ok(Some(reply)) => reply,
        // It leads on, to another name.
        Ok(None) => return true,
        Err(obstacle) => {
            assert!(is_legible(&obstacle.because, 2_000), "{:?}", obstacle.because);
            return false;
        }
    };
    assert!(reply.aliases.len() <= MOST_ALIASES + 1, "{} aliases", reply.aliases.len());
    assert!(reply.aliases.iter().all(|alias| is_legible(alias, 512)));
    assert!(reply.ttl.is_none_or(|ttl| i32::try_from(ttl.as_secs()).is_ok()));
    if let Said::Records(records) = &reply.said {
        assert!(!records.is_empty() && records.len() <= message.len(), "{records:?}");
        assert!(records.is_sorted_by(|one, next| one < next), "{records:?}");
        assert!(records.iter().all(|record| is_legible(record, 512)), "{records:?}");
        assert!(reply.ttl.is_some(), "records may be kept for no time at all");
    }
    // What the library writes, it reads, and so do we; it can't write all that it reads.
    if let Ok(Ok(again)) = Message::from_vec(message).map(|message| message.to_vec())
        && let Ok(Some(again)) = read(&again)
    {
        assert_eq!(again.aliases, reply.aliases);
    }
    true
}

/// A certificate in DER.
pub fn certificate(data: &[u8]) -> bool {
    let certificate = match Certificate::read(data) {
        Ok(certificate) => certificate,
        Err(why) => {
            assert!(is_legible(&why, 200), "{why:?}");
            assert!(!bears_name_of_issuer(data, data));
            return false;
        }
    };
    let Certificate { subject, issuer, names, serial, self_issued, .. } = &certificate;
    assert!(names.len() <= 16 && names.iter().all(|name| is_legible(name, 100)), "{names:?}");
    assert!(is_legible(subject, 100) && is_legible(issuer, 100), "{subject:?} {issuer:?}");
    assert!(!serial.is_empty() && serial.len() <= 40, "{serial}");
    assert_eq!(*self_issued, bears_name_of_issuer(data, data));
    assert!(!self_issued || subject == issuer);
    let whole = Elements::of(data).tagged_whole(SEQUENCE);
    if let Some(whole) = whole.map(|element| element.whole) {
        let again = Certificate::read(whole).map(|again| {
            let fingerprint = certificate.fingerprint;
            Certificate { fingerprint, ..again }
        });
        assert_eq!(again.as_ref(), Ok(&certificate), "what follows it is a part of it");
        assert!(Certificate::read(&whole[..whole.len() - 1]).is_err(), "half of it is taken");
    }
    true
}

/// DER, and what is signed in it.
pub fn der(data: &[u8]) -> bool {
    let mut total = 0;
    for element in Elements::of(data) {
        total += element.whole.len();
        assert!(element.content.len() < element.whole.len());
        assert_eq!(Elements::of(element.whole).next(), Some(element));
        let mut tagged = Elements::of(element.whole);
        assert_eq!(tagged.tagged(element.tag ^ 1), None);
        assert_eq!(tagged.tagged(element.tag), Some(element.content));
        assert_eq!(Elements::of(&element.whole[..element.whole.len() - 1]).next(), None);
    }
    assert!(total <= data.len());
    if let Some(signed) = Signed::read(data) {
        let parts = signed.part.len() + signed.algorithm.len() + signed.signature.len();
        assert!(parts < data.len() && signed.part.first() == Some(&SEQUENCE));
    }
    total > 0
}

/// An OCSP answer about a certificate of ours: whatever is believed, its authority has signed.
pub fn ocsp_staple(data: &[u8]) -> bool {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let algorithms = provider.signature_verification_algorithms;
    let Ok(now) = WITHIN.parse::<Timestamp>() else { return false };
    match staple::read(data, LEAF, ISSUER, &algorithms, now) {
        Ok(Staple { status, this_update, next_update }) => {
            assert_ne!(status, Status::Unknown, "nobody has signed that it is not known");
            let times = (this_update.to_string(), next_update.map(|next| next.to_string()));
            assert_eq!(times, (GIVEN.to_owned(), Some(NEWS.to_owned())), "nobody has signed that");
            // No other certificate's answer.
            let other = include_bytes!("../seeds/certificate/good-authority.der");
            assert!(staple::read(data, other, ISSUER, &algorithms, now).is_err());
            true
        }
        Err(why) => {
            assert!(is_legible(&why, 200), "{why:?}");
            false
        }
    }
}

/// When the answers among the seeds were given, and when there was to be news.
const GIVEN: &str = "2026-11-23T09:29:18Z";
const NEWS: &str = "2036-11-20T09:29:18Z";

/// The first bytes of other protocols: a line of SMTP, or an answer to an offer of old TLS.
pub fn handshake(data: &[u8]) -> bool {
    let (choice, bytes) = chosen(data);
    if choice % 2 == 0 {
        let Some((code, more, words)) = starttls::read_line(bytes) else { return false };
        assert!(code <= 999 && words.len() <= 3 * bytes.len());
        let sign = if more { '-' } else { ' ' };
        let again = format!("{code:03}{sign}{words}");
        assert_eq!(
            starttls::read_line(again.as_bytes()).map(|read| (read.0, read.1)),
            Some((code, more))
        );
        return true;
    }
    match old_tls::read(bytes) {
        Some(old_tls::Taken::Takes(version)) => {
            assert!(bytes.len() > 10 && !version.is_empty(), "too little says {version}");
            true
        }
        Some(old_tls::Taken::Refuses) => true,
        None => false,
    }
}
