//! Why a chain is not trusted, as sentences say it. Pure.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

use super::certificate::{Certificate, bears_name_of_issuer};
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;

/// Reads webpki's verdict on a chain without a path.
pub(super) fn distrust(
    error: &webpki::Error,
    leaf: &Certificate,
    der: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    now: Timestamp,
) -> Obstacle {
    use webpki::Error;
    if let Err(obstacle) = in_time(leaf, now) {
        return obstacle;
    }
    if let Error::CertExpired { .. } | Error::CertNotValidYet { .. } = error {
        let out_of_time = others
            .iter()
            .filter_map(|other| Certificate::read(other).ok())
            .find_map(|other| in_time(&other, now).err());
        return out_of_time.unwrap_or_else(|| {
            Obstacle::new(Reason::CERTIFICATE_INVALID, "shows a chain that is out of its time")
        });
    }
    if matches!(error, Error::UnknownIssuer | Error::CaUsedAsEndEntity) && leaf.self_issued {
        let because =
            format!("shows a certificate, `{}`, that is signed by itself alone", leaf.subject);
        return Obstacle::new(Reason::SELF_SIGNED, because);
    }
    if matches!(error, Error::InvalidSignatureForPublicKey) {
        let because = format!(
            "shows a certificate, `{}`, whose issuer has the name of a trusted one and another key",
            leaf.subject
        );
        return Obstacle::new(Reason::UNKNOWN_ISSUER, because);
    }
    if !matches!(error, Error::UnknownIssuer) {
        let because = format!("shows a certificate, `{}`, that can't serve: {error}", leaf.subject);
        return Obstacle::new(Reason::CERTIFICATE_INVALID, because);
    }
    let issuer_sent = others.iter().any(|other| bears_name_of_issuer(other, der));
    if !issuer_sent && leaf.tells_issuer {
        return Obstacle::new(
            Reason::CHAIN_INCOMPLETE,
            format!(
                "sends {} without the certificate of its issuer `{}`; clients that do not fetch it \
                 refuse",
                certificates(1 + others.len()),
                leaf.issuer
            ),
        );
    }
    let because = if issuer_sent {
        format!(
            "sends {}, and none of them leads to a trusted root",
            certificates(1 + others.len())
        )
    } else {
        format!("shows a certificate whose issuer `{}` is neither trusted nor sent", leaf.issuer)
    };
    Obstacle::new(Reason::UNKNOWN_ISSUER, because)
}

fn certificates(count: usize) -> String {
    if count == 1 { "its certificate".to_owned() } else { format!("{count} certificates") }
}

/// The certificate, if it has begun and not ended.
pub(super) fn in_time(certificate: &Certificate, now: Timestamp) -> Result<Certificate, Obstacle> {
    let Certificate { subject, not_before, not_after, .. } = certificate;
    if now > *not_after {
        let because = format!("shows a certificate, `{subject}`, that ended at {not_after:.0}");
        return Err(Obstacle::new(Reason::CERTIFICATE_EXPIRED, because));
    }
    if now < *not_before {
        let because =
            format!("shows a certificate, `{subject}`, that begins only at {not_before:.0}");
        return Err(Obstacle::new(Reason::CERTIFICATE_NOT_YET_VALID, because));
    }
    Ok(certificate.clone())
}

/// Whom a certificate is for.
pub(super) fn told(certificate: &Certificate) -> String {
    match certificate.names.as_slice() {
        [] => format!("no host at all (`{}`)", certificate.subject),
        [one] => format!("`{one}`"),
        [one, two] => format!("`{one}` and `{two}`"),
        [one, two, others @ ..] => format!("`{one}`, `{two}` and {} more", others.len()),
    }
}
