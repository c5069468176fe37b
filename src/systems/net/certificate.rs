//! A certificate as a peer shows it: the few fields that are judged or told, bounded and legible.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::der::{Elements, INTEGER, SEQUENCE};

use crate::model::judgement::legible;

/// The most names of a certificate that are kept.
const MOST_NAMES: usize = 16;
/// The longest name that is kept, in characters.
const LONGEST_NAME: usize = 100;
/// The shortest RSA key that is not weak, in bits.
const SHORTEST_RSA: usize = 2048;
/// The smallest field of an elliptic curve that is not weak, in bits.
const SMALLEST_CURVE: usize = 256;
/// The extension by which a certificate promises features of TLS (RFC 7633).
const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
/// The feature by which it promises an OCSP answer: `status_request`.
const STATUS_REQUEST: &[u8] = &[5];
/// Signatures that can be forged, and what is broken about them.
const WEAK_SIGNATURES: [(&str, &str); 7] = [
    ("1.2.840.113549.1.1.2", "MD2"),
    ("1.2.840.113549.1.1.4", "MD5"),
    ("1.2.840.113549.1.1.5", "SHA-1"),
    ("1.3.14.3.2.29", "SHA-1"),
    ("1.2.840.10040.4.3", "SHA-1"),
    ("1.2.840.10045.4.1", "SHA-1"),
    ("1.3.14.3.2.27", "SHA-1"),
];

/// What a certificate says of itself. Nothing in here has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its subject's common name, else the whole subject.
    pub subject: String,
    /// The same of its issuer.
    pub issuer: String,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// The names that it is for, the first sixteen.
    pub names: Vec<String>,
    /// Whether subject and issuer are one.
    pub self_issued: bool,
    /// Whether it says where its issuer's certificate can be fetched.
    pub tells_issuer: bool,
    /// Whether it promises that an OCSP answer comes with it (Must-Staple).
    pub must_staple: bool,
    /// Its serial number, in hexadecimal, bounded.
    pub serial: String,
    /// The SHA-256 of all of it: two with the same are one.
    pub fingerprint: [u8; 32],
    /// What its key is, if it is weak: `an RSA key of 1024 bits`.
    pub weak_key: Option<String>,
    /// By which digest it is signed, if that is broken.
    pub weak_signature: Option<&'static str>,
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let (_, parsed) =
            X509Certificate::from_der(der).map_err(|error| legible(&error.to_string(), 200))?;
        let Extensions { names, tells_issuer, must_staple } = extensions(&parsed);
        let algorithm = parsed.signature_algorithm.algorithm.to_id_string();
        let weak = WEAK_SIGNATURES.iter().find(|(id, _)| *id == algorithm);
        Ok(Self {
            subject: name(parsed.subject()),
            issuer: name(parsed.issuer()),
            not_before: time(parsed.validity().not_before.timestamp()),
            not_after: time(parsed.validity().not_after.timestamp()),
            names,
            self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            tells_issuer,
            must_staple,
            serial: serial(parsed.raw_serial()),
            fingerprint: Sha256::digest(der).into(),
            weak_key: weak_key(&parsed),
            weak_signature: weak.map(|(_, digest)| *digest),
        })
    }
}

/// What makes a key weak. Keys of algorithms that are not known here are not judged.
fn weak_key(parsed: &X509Certificate<'_>) -> Option<String> {
    let key = parsed.public_key().parsed().ok()?;
    let bits = key.key_size();
    if matches!(key, PublicKey::RSA(_)) && bits < SHORTEST_RSA {
        Some(format!("an RSA key of {bits} bits"))
    } else if matches!(key, PublicKey::EC(_)) && bits < SMALLEST_CURVE {
        Some(format!("an elliptic curve key of {bits} bits"))
    } else {
        matches!(key, PublicKey::DSA(_)).then(|| "a DSA key".to_owned())
    }
}

fn serial(bytes: &[u8]) -> String {
    let hex = bytes.iter().take(20).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let shown = hex.trim_start_matches('0');
    if shown.is_empty() { "0".to_owned() } else { shown.to_owned() }
}

/// Whether `der` is the certificate of the issuer that `of` names; nothing is verified.
pub fn bears_name_of_issuer(der: &[u8], of: &[u8]) -> bool {
    match (X509Certificate::from_der(der), X509Certificate::from_der(of)) {
        (Ok((_, above)), Ok((_, below))) => above.subject().as_raw() == below.issuer().as_raw(),
        _ => false,
    }
}

#[derive(Default)]
struct Extensions {
    names: Vec<String>,
    tells_issuer: bool,
    must_staple: bool,
}

fn extensions(parsed: &X509Certificate<'_>) -> Extensions {
    let mut seen = Extensions::default();
    for extension in parsed.extensions() {
        if let ParsedExtension::SubjectAlternativeName(alternatives) = extension.parsed_extension()
        {
            seen.names =
                alternatives.general_names.iter().filter_map(host).take(MOST_NAMES).collect();
        } else if let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() {
            seen.tells_issuer = access.accessdescs.iter().any(|description| {
                description.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS
            });
        } else if extension.oid.to_id_string() == TLS_FEATURE {
            let features = Elements::of(extension.value).tagged(SEQUENCE).unwrap_or_default();
            seen.must_staple = Elements::of(features)
                .any(|one| one.tag == INTEGER && one.content == STATUS_REQUEST);
        }
    }
    seen
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name {
        Some(legible(name, LONGEST_NAME))
    } else if let GeneralName::IPAddress(bytes) = name {
        if let Ok(octets) = <[u8; 4]>::try_from(*bytes) {
            Some(std::net::Ipv4Addr::from(octets).to_string())
        } else {
            let octets = <[u8; 16]>::try_from(*bytes).ok()?;
            Some(std::net::Ipv6Addr::from(octets).to_string())
        }
    } else {
        None
    }
}

fn name(name: &x509_parser::x509::X509Name<'_>) -> String {
    let common = name.iter_common_name().find_map(|attribute| attribute.as_str().ok());
    match common {
        Some(common) => legible(common, LONGEST_NAME),
        None => legible(&name.to_string(), LONGEST_NAME),
    }
}

/// A time in a certificate; years that nobody counts in become the last that can be.
fn time(unix: i64) -> Timestamp {
    let limit = if unix < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(unix).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(der in proptest::collection::vec(any::<u8>(), 0..400)) {
            drop(Certificate::read(&der));
        }

        #[test]
        fn no_change_of_a_real_certificate_breaks_the_reader(at in 0_usize..2000, to in any::<u8>()) {
            let issued = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
            let mut der = issued.cert.der().to_vec();
            let at = at % der.len();
            der[at] = to;
            drop(Certificate::read(&der));
        }
    }

    #[test]
    fn a_certificate_tells_its_names_and_times() {
        let mut asked =
            rcgen::CertificateParams::new(["a.test".into(), "127.0.0.1".into()]).unwrap();
        asked.distinguished_name.push(rcgen::DnType::CommonName, "<b>\n\"a\"");
        asked.not_after = rcgen::date_time_ymd(2040, 1, 1);
        let issued = asked.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let certificate = Certificate::read(issued.der()).unwrap();
        assert_eq!(certificate.names, ["a.test", "127.0.0.1"]);
        assert_eq!(certificate.subject, "<b> \"a\"");
        assert_eq!(certificate.not_after.to_string(), "2040-01-01T00:00:00Z");
        assert!(certificate.self_issued && !certificate.tells_issuer);
        assert!(time(i64::MAX) == Timestamp::MAX && time(i64::MIN) == Timestamp::MIN);
    }
}
