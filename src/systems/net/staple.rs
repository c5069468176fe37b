//! The word of a certificate's authority that it still stands: an OCSP answer (RFC 6960) that the
//! server sends along with it. Pure, and any bytes may have come.
//!
//! It is believed only where the issuer of the certificate signed it, or somebody whom the issuer
//! named for that. Which certificate it is about is told by its serial number alone: under one
//! issuer's key there are no two with the same.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::crypto::WebPkiSupportedAlgorithms;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::der::{
    BIT_STRING, ENUMERATED, Elements, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING,
    SEQUENCE, Signed, bits,
};

/// `id-pkix-ocsp-basic`
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1, 1];

/// What is said of bytes that are no OCSP answer.
const MALFORMED: &str = "is malformed";

/// What an authority says of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staple {
    /// Whether it stands.
    pub status: Status,
    /// Since when this is known.
    pub this_update: Timestamp,
    /// When there will be news; none where there may be any moment.
    pub next_update: Option<Timestamp>,
}

/// Whether a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is not revoked.
    Good,
    /// It was revoked then.
    Revoked(Timestamp),
    /// The authority does not know it.
    Unknown,
}

/// Reads the OCSP answer about `leaf`, whose issuer has the key `issuer`, a
/// `SubjectPublicKeyInfo`.
///
/// # Errors
/// What is wrong with it, to follow `its OCSP answer`.
pub fn read(
    answer: &[u8],
    leaf: &[u8],
    issuer: &[u8],
    algorithms: &WebPkiSupportedAlgorithms,
    now: Timestamp,
) -> Result<Staple, String> {
    let basic = basic(answer)?;
    let signed = Signed::read(basic).ok_or(MALFORMED)?;
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| "is about nobody knows what")?;
    let staple = single(signed.part, leaf.raw_serial())?;
    if is_signed(&signed, issuer, algorithms) {
        return Ok(staple);
    }
    let Some(delegate) = delegate(signed.rest.clone()) else {
        return Err("is not signed by the certificate's issuer".to_owned());
    };
    let key = key_of_delegate(delegate, &leaf, issuer, algorithms, now)?;
    if !is_signed(&signed, &key, algorithms) {
        return Err("is not signed by whom it names as its signer".to_owned());
    }
    Ok(staple)
}

/// The `BasicOCSPResponse` in an OCSP answer.
fn basic(answer: &[u8]) -> Result<&[u8], String> {
    let inside = || -> Option<(u8, Option<&[u8]>)> {
        let mut answer = Elements::of(Elements::of(answer).tagged(SEQUENCE)?);
        let code = answer.tagged(ENUMERATED)?;
        let mut told = || {
            let mut bytes = Elements::of(Elements::of(answer.tagged(0xa0)?).tagged(SEQUENCE)?);
            (bytes.tagged(OBJECT_IDENTIFIER)? == BASIC).then_some(())?;
            bytes.tagged(OCTET_STRING)
        };
        Some((*code.first()?, told()))
    };
    match inside() {
        Some((0, Some(basic))) => Ok(basic),
        Some((0, None)) | None => Err(MALFORMED.to_owned()),
        Some((code, _)) => {
            let word = match code {
                1 => "malformedRequest",
                2 => "internalError",
                3 => "tryLater",
                5 => "sigRequired",
                6 => "unauthorized",
                _ => "an unknown code",
            };
            Err(format!("says nothing but `{word}`"))
        }
    }
}

/// What the signed part says of the certificate with this serial number.
fn single(part: &[u8], serial: &[u8]) -> Result<Staple, &'static str> {
    for one in responses(part).ok_or(MALFORMED)? {
        let mut single = Elements::of(one.content);
        if number(&mut single).ok_or(MALFORMED)? == trimmed(serial) {
            return said(single).ok_or(MALFORMED);
        }
    }
    Err("is about another certificate")
}

/// What the signed part says of each certificate.
fn responses(part: &[u8]) -> Option<Elements<'_>> {
    let mut data = Elements::of(Elements::of(part).tagged(SEQUENCE)?);
    data.tagged(0xa0); // the version
    data.tagged(0xa1).or_else(|| data.tagged(0xa2))?; // who answers
    data.tagged(GENERALIZED_TIME)?; // when it was made
    Some(Elements::of(data.tagged(SEQUENCE)?))
}

/// The serial number of the certificate that it is about.
fn number<'a>(single: &mut Elements<'a>) -> Option<&'a [u8]> {
    let mut id = Elements::of(single.tagged(SEQUENCE)?);
    id.tagged(SEQUENCE)?;
    id.tagged(OCTET_STRING)?;
    id.tagged(OCTET_STRING)?;
    id.tagged(INTEGER).map(trimmed)
}

/// What follows the certificate's number.
fn said(mut single: Elements<'_>) -> Option<Staple> {
    let status = single.next()?;
    let status = match status.tag {
        0x80 => Status::Good,
        0xa1 => Status::Revoked(time(Elements::of(status.content).tagged(GENERALIZED_TIME)?)?),
        0x82 => Status::Unknown,
        _ => return None,
    };
    let this_update = time(single.tagged(GENERALIZED_TIME)?)?;
    let next_update = match single.tagged(0xa0) {
        Some(next) => Some(time(Elements::of(next).tagged(GENERALIZED_TIME)?)?),
        None => None,
    };
    Some(Staple { status, this_update, next_update })
}

/// A number without leading zeroes.
fn trimmed(integer: &[u8]) -> &[u8] {
    let zeroes = integer.iter().take_while(|byte| **byte == 0).count();
    &integer[zeroes..]
}

/// `20260103120000Z`, as RFC 5280 has it.
fn time(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let at = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The first certificate that comes with an answer: its signer's.
fn delegate(mut rest: Elements<'_>) -> Option<&[u8]> {
    let mut certificates = Elements::of(Elements::of(rest.tagged(0xa0)?).tagged(SEQUENCE)?);
    certificates.tagged_whole(SEQUENCE).map(|certificate| certificate.whole)
}

/// The key of a signer, if the issuer has named it for this and it is in its time.
fn key_of_delegate(
    delegate: &[u8],
    leaf: &X509Certificate<'_>,
    issuer: &[u8],
    algorithms: &WebPkiSupportedAlgorithms,
    now: Timestamp,
) -> Result<Vec<u8>, String> {
    const NOT_ITS: &str = "is not signed by the certificate's issuer, nor by whom that one named";
    let Ok((_, signer)) = X509Certificate::from_der(delegate) else {
        return Err("comes with a certificate that can't be read".to_owned());
    };
    let signed = Signed::read(delegate).ok_or(NOT_ITS)?;
    let same_issuer = signer.issuer().as_raw() == leaf.issuer().as_raw();
    if !same_issuer || !is_signed(&signed, issuer, algorithms) {
        return Err(NOT_ITS.to_owned());
    }
    let usage = signer.extended_key_usage().ok().flatten();
    if !usage.is_some_and(|usage| usage.value.ocsp_signing) {
        return Err("is signed by a certificate that is not for that".to_owned());
    }
    let validity = signer.validity();
    let at = now.as_second();
    if at < validity.not_before.timestamp() || at > validity.not_after.timestamp() {
        return Err("is signed by a certificate that is out of its time".to_owned());
    }
    Ok(signer.public_key().raw.to_vec())
}

/// Whether the key, a `SubjectPublicKeyInfo`, signed this.
fn is_signed(signed: &Signed<'_>, key: &[u8], algorithms: &WebPkiSupportedAlgorithms) -> bool {
    let parts = || {
        let mut key = Elements::of(Elements::of(key).tagged(SEQUENCE)?);
        Some((key.tagged(SEQUENCE)?, bits(key.tagged(BIT_STRING)?)?))
    };
    let Some((kind, key)) = parts() else { return false };
    algorithms.all.iter().any(|algorithm| {
        algorithm.public_key_alg_id().as_ref() == kind
            && algorithm.signature_alg_id().as_ref() == signed.algorithm
            && algorithm.verify_signature(key, signed.part, signed.signature).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let leaf = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
            let algorithms = rustls::crypto::aws_lc_rs::default_provider();
            let algorithms = algorithms.signature_verification_algorithms;
            let read = read(&bytes, leaf.cert.der(), &bytes, &algorithms, Timestamp::UNIX_EPOCH);
            prop_assert!(read.is_err());
        }
    }

    #[test]
    fn times_are_as_certificates_have_them() {
        assert_eq!(time(b"20260103120000Z").unwrap().to_string(), "2026-01-03T12:00:00Z");
        for bad in [&b"20260103120000"[..], b"20261303120000Z", b"202601031200Z", b"\xff", b""] {
            assert_eq!(time(bad), None);
        }
    }
}
