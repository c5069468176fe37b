//! The certificate in a Secret of type `kubernetes.io/tls`. Of the Secret's values `tls.crt` alone is
//! looked at; its key passes through the buffer that is wiped, and nowhere else.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{Look, Tls};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Answer;
use crate::model::reason::Reason;
use crate::systems::kubernetes::scope::ObjectPlace;
use crate::systems::kubernetes::secret::SecretValue;
use crate::systems::net::certificate::Certificate;

pub(super) const SECRET_DIFFERS: Reason = Reason::new("SecretDiffers");
pub(super) const KEY_MISSING: Reason = Reason::new("KeyMissing");

/// The key under which the certificate lies.
const CERTIFICATE: &str = "tls.crt";

/// What a Secret holds.
#[derive(Debug)]
pub(super) enum Held {
    /// A certificate, the first of its chain.
    Certificate(Box<Certificate>),
    /// What is no certificate.
    Other,
    /// No such key, or nothing under it.
    NoKey,
    /// There is no such Secret.
    Absent,
}

impl Tls {
    /// Reads the Secret, where one is meant.
    pub(super) async fn held(&self, look: &Look<'_>) -> Option<Result<Held, Obstacle>> {
        let ObjectPlace { namespace, name } = self.matches_secret.as_ref()?;
        let mut held = Ok(Held::NoKey);
        let take = |key: &str, value: SecretValue<'_>| {
            if key == CERTIFICATE {
                held = match value {
                    SecretValue::Bytes(bytes) => Ok(of(bytes)),
                    SecretValue::Garbled => {
                        let because = format!("the value of {CERTIFICATE} is not base64");
                        Err(Obstacle::new(Reason::GARBLED, because))
                    }
                };
            }
        };
        let kubernetes = &look.systems.kubernetes;
        let (namespace, name) = (namespace.text(), name.text());
        let read = kubernetes.secret_values(look.needs, namespace, name, look.until(), take).await;
        Some(match read {
            Ok(()) => held,
            Err(refused) if refused.absent => Ok(Held::Absent),
            Err(refused) => Err(refused.obstacle),
        })
    }

    /// What is to be said of the Secret alone.
    pub(super) fn of_secret(held: &Result<Held, Obstacle>) -> Option<Answer> {
        match held {
            Ok(Held::Certificate(_) | Held::Other) => None,
            Ok(Held::NoKey) => {
                let because = format!("has no {CERTIFICATE}");
                Some(Finding::fail(KEY_MISSING, because).into())
            }
            Ok(Held::Absent) => Some(Finding::fail(Reason::NOT_FOUND, "is not there").into()),
            Err(obstacle) => Some(obstacle.clone().into()),
        }
    }

    /// What is wrong with a certificate that is shown, where the Secret holds one to compare with.
    pub(super) fn differs(&self, held: &Held, shown: &Certificate) -> Option<Finding> {
        let place = self.matches_secret.as_ref()?;
        let told = |one: &Certificate| {
            let Certificate { subject, serial, not_after, .. } = one;
            let until = not_after.strftime("%Y-%m-%d");
            format!("`{subject}` (serial {serial}, until {until})")
        };
        let holds = match held {
            Held::Certificate(certificate) if certificate.fingerprint == shown.fingerprint => {
                return None;
            }
            Held::Certificate(certificate) => told(certificate),
            Held::Other => format!("what is no certificate as {CERTIFICATE}"),
            Held::NoKey | Held::Absent => return None,
        };
        let because = format!("shows {}; Secret {place} holds {holds}", told(shown));
        Some(Finding::fail(SECRET_DIFFERS, because))
    }
}

/// The first certificate in PEM.
fn of(pem: &[u8]) -> Held {
    if pem.trim_ascii().is_empty() {
        return Held::NoKey;
    }
    let first = CertificateDer::pem_slice_iter(pem).next();
    match first.and_then(Result::ok).map(|der| Certificate::read(&der)) {
        Some(Ok(certificate)) => Held::Certificate(Box::new(certificate)),
        Some(Err(_)) | None => Held::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_of_a_secret_is_the_one() {
        let [one, two] = ["a.test", "b.test"]
            .map(|name| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert);
        let pem = format!("{}{}", one.pem(), two.pem());
        let Held::Certificate(read) = of(pem.as_bytes()) else { panic!("no certificate") };
        assert_eq!(read.names, ["a.test"]);
        assert!(matches!(of(b" \n"), Held::NoKey));
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for other in [&b"not PEM"[..], b"\xff\xfe", key.as_bytes()] {
            assert!(matches!(of(other), Held::Other));
        }
    }
}
