//! OCSP answers, good or with any one flaw, to be stapled to a certificate.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, SigningKey, date_time_ymd,
};

use super::mill::{Issued, Mill};

/// What the answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The certificate stands.
    Good,
    /// It was revoked an hour before the answer.
    Revoked,
    /// The authority does not know it.
    Unknown,
    /// The certificate with the next serial number stands.
    OfAnother,
    /// Nothing: the authority wants to be asked later.
    TryLater,
}

/// Who signs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The leaf's issuer.
    Issuer,
    /// Somebody whom the issuer named for that.
    Delegate,
    /// Somebody with a certificate of the issuer's that is not for that.
    Impostor,
    /// Somebody.
    Stranger,
    /// Somebody who only sends the certificate of whom the issuer named.
    Forger,
}

impl Mill {
    /// An answer about `leaf` that begins and ends then.
    pub fn staple(
        &self,
        leaf: &Issued,
        word: Word,
        signer: Signer,
        from: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Vec<u8>> {
        if word == Word::TryLater {
            return Ok(tlv(0x30, &tlv(0x0a, &[3])));
        }
        let serial = leaf.serial + u64::from(word == Word::OfAnother);
        let status = match word {
            Word::Good | Word::OfAnother | Word::TryLater => tlv(0x80, &[]),
            Word::Revoked => tlv(0xa1, &time(from - SignedDuration::from_hours(1))),
            Word::Unknown => tlv(0x82, &[]),
        };
        // SHA-1, of names and keys that nobody compares here.
        let sha1 = tlv(0x30, &tlv(0x06, &[0x2b, 0x0e, 3, 2, 0x1a]));
        let hash = tlv(0x04, &[7; 20]);
        let id = [sha1, hash.clone(), hash, tlv(0x02, &serial.to_be_bytes())].concat();
        let next = until.map(|until| tlv(0xa0, &time(until))).unwrap_or_default();
        let single = [tlv(0x30, &id), status, time(from), next].concat();
        let who = tlv(0xa2, &tlv(0x04, &[7; 20]));
        let responses = tlv(0x30, &tlv(0x30, &single));
        let part = tlv(0x30, &[who, time(from), responses].concat());
        let own = KeyPair::generate()?;
        let signature = match signer {
            Signer::Issuer => self.intermediate().key().sign(&part)?,
            Signer::Delegate | Signer::Impostor | Signer::Stranger => own.sign(&part)?,
            Signer::Forger => KeyPair::generate()?.sign(&part)?,
        };
        let certificates = match signer {
            Signer::Issuer | Signer::Stranger => Vec::new(),
            Signer::Delegate | Signer::Impostor | Signer::Forger => {
                tlv(0xa0, &tlv(0x30, &self.signer(signer, &own, from)?))
            }
        };
        // ECDSA with SHA-256.
        let algorithm = tlv(0x30, &tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
        let signature = tlv(0x03, &[&[0], &signature[..]].concat());
        let basic = tlv(0x30, &[part, algorithm, signature, certificates].concat());
        let kind = tlv(0x06, &[0x2b, 6, 1, 5, 5, 7, 48, 1, 1]);
        let bytes = tlv(0x30, &[kind, tlv(0x04, &basic)].concat());
        Ok(tlv(0x30, &[tlv(0x0a, &[0]), tlv(0xa0, &bytes)].concat()))
    }

    /// The certificate of a signer of answers, DER.
    fn signer(&self, signer: Signer, key: &KeyPair, now: Timestamp) -> Result<Vec<u8>> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, "Mill OCSP");
        params.extended_key_usages = vec![match signer {
            Signer::Impostor => ExtendedKeyUsagePurpose::ServerAuth,
            Signer::Issuer | Signer::Delegate | Signer::Stranger | Signer::Forger => {
                ExtendedKeyUsagePurpose::OcspSigning
            }
        }];
        let day = std::time::Duration::from_hours(24);
        let now = date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_secs(u64::try_from(now.as_second())?);
        params.not_before = now - day;
        params.not_after = now + 30 * day;
        Ok(params.signed_by(key, self.intermediate())?.der().to_vec())
    }
}

fn time(at: Timestamp) -> Vec<u8> {
    tlv(0x18, at.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
}

/// An element of DER.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let bytes = length.to_be_bytes();
    let short = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    let mut element = vec![tag];
    if length < 0x80 {
        element.push(u8::try_from(length).unwrap_or(0));
    } else {
        element.push(0x80 | u8::try_from(short.len()).unwrap_or(0));
        element.extend(short);
    }
    element.extend(content);
    element
}
