//! Trust: roots, and whether a chain leads to one of them at a given time.
//!
//! Verified with webpki, as rustls itself does, with two differences: the chain and a typed verdict
//! are kept where the handshake would only fail, and the path is kept where it succeeds, so that
//! its earliest end is known. The time is the clock's, never the system's.

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;
use webpki::{EndEntityCert, KeyUsage, VerifiedPath, anchor_from_trusted_cert};

use super::certificate::Certificate;
use super::distrust::{distrust, in_time, told};
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::secrets::Secrets;

/// Trusted certificates.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    anchors: Vec<TrustAnchor<'static>>,
    /// When each anchor ends, by its subject and key.
    ends: HashMap<Vec<u8>, Certificate>,
    /// The certificates themselves: a leaf among them needs no path.
    whole: HashSet<CertificateDer<'static>>,
}

/// The system's roots, read once.
#[derive(Debug, Default)]
pub struct SystemRoots(OnceCell<Arc<Roots>>);

impl SystemRoots {
    /// The roots; an empty or unreadable store is read again at the next look.
    ///
    /// # Errors
    /// An obstacle of ours: with no root at all, every peer would look untrusted.
    pub async fn get(&self) -> Result<Arc<Roots>, Obstacle> {
        let read = || async {
            let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
            let roots = loaded.map(|loaded| Roots::of(loaded.certs)).unwrap_or_default();
            if roots.anchors.is_empty() {
                let because = "the system's trust store holds no certificate; name a `ca`";
                return Err(Obstacle::ours(Reason::SECRET_MISSING, because));
            }
            Ok(Arc::new(roots))
        };
        self.0.get_or_try_init(read).await.map(Arc::clone)
    }
}

/// The certificates at `source`, PEM.
///
/// # Errors
/// An obstacle of ours: it can't be read, or holds no certificate.
pub async fn private(secrets: &Secrets, source: &SecretSource) -> Result<Roots, Obstacle> {
    let pem = secrets.read(source).await?;
    let certificates = CertificateDer::pem_slice_iter(pem.expose_secret().as_bytes());
    let roots = Roots::of(certificates.filter_map(Result::ok).collect());
    if roots.anchors.is_empty() {
        let because = format!("{} holds no certificate in PEM", source.place());
        return Err(Obstacle::ours(Reason::SECRET_MISSING, because));
    }
    Ok(roots)
}

/// What a peer showed, and what is to be thought of it.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The peer's own certificate; none where it can't be read.
    pub leaf: Option<Certificate>,
    /// What it sent, its own certificate first; TLS holds it to 64 KiB.
    pub chain: Vec<CertificateDer<'static>>,
    /// The OCSP answer that it sent along; empty without one.
    pub stapled: Vec<u8>,
    /// The key of the leaf's issuer on the verified path, a `SubjectPublicKeyInfo`.
    pub issuer_key: Option<Vec<u8>>,
    /// The certificate on the verified path that ends first; none without such a path.
    pub first_to_end: Option<Certificate>,
    /// Why it can't be trusted, if it can't.
    pub distrust: Option<Obstacle>,
}

impl Roots {
    /// Trusts `certificates`; what can't be read among them is left out.
    pub fn of(certificates: Vec<CertificateDer<'static>>) -> Self {
        let mut roots = Self::default();
        for der in certificates {
            let (Ok(anchor), Ok(read)) = (anchor_from_trusted_cert(&der), Certificate::read(&der))
            else {
                continue;
            };
            roots.ends_at(identity(&anchor), read);
            roots.anchors.push(anchor.to_owned());
            roots.whole.insert(der);
        }
        roots
    }

    /// These and the others.
    pub fn joined(mut self, other: &Self) -> Self {
        let Self { anchors, ends, whole } = other;
        self.anchors.extend(anchors.iter().cloned());
        for (identity, end) in ends {
            self.ends_at(identity.clone(), end.clone());
        }
        self.whole.extend(whole.iter().cloned());
        self
    }

    /// Notes when an anchor ends. A renewed root keeps its name and key: the later end counts,
    /// whichever of the two comes first.
    fn ends_at(&mut self, identity: Vec<u8>, end: Certificate) {
        match self.ends.entry(identity) {
            Entry::Occupied(known) if known.get().not_after >= end.not_after => {}
            Entry::Occupied(mut known) => {
                known.insert(end);
            }
            Entry::Vacant(free) => {
                free.insert(end);
            }
        }
    }

    /// Judges the chain `leaf`, `others` for `name` at `now`.
    pub fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        algorithms: &WebPkiSupportedAlgorithms,
        now: Timestamp,
    ) -> Presented {
        let chain = || {
            let all = std::iter::once(leaf).chain(others);
            all.map(|one| one.clone().into_owned()).collect()
        };
        let invalid = |why: String| Presented {
            leaf: None,
            chain: chain(),
            stapled: Vec::new(),
            issuer_key: None,
            first_to_end: None,
            distrust: Some(Obstacle::new(Reason::CERTIFICATE_INVALID, why)),
        };
        let read = match Certificate::read(leaf) {
            Ok(read) => read,
            Err(why) => return invalid(format!("sends a certificate that can't be read: {why}")),
        };
        let parsed = match EndEntityCert::try_from(leaf) {
            Ok(parsed) => parsed,
            Err(error) => return invalid(format!("sends a certificate that can't serve: {error}")),
        };
        let path = if self.whole.contains(leaf) {
            in_time(&read, now).map(|first| (first, None))
        } else {
            self.path(&parsed, &read, leaf, others, algorithms, now)
        };
        let named = parsed.verify_is_valid_for_subject_name(name).map_err(|_| {
            let because =
                format!("shows a certificate for {}, not for {}", told(&read), name.to_str());
            Obstacle::new(Reason::NAME_MISMATCH, because)
        });
        let (first_to_end, issuer_key, distrust) = match path {
            Ok((first, issuer_key)) => (Some(first), issuer_key, named.err()),
            Err(distrust) => (None, None, Some(distrust)),
        };
        let stapled = Vec::new();
        Presented { leaf: Some(read), chain: chain(), stapled, issuer_key, first_to_end, distrust }
    }

    /// The certificate that ends first on the best path to a root, of all paths the one that lasts
    /// longest; and the key of the leaf's issuer on it.
    fn path(
        &self,
        parsed: &EndEntityCert<'_>,
        read: &Certificate,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        algorithms: &WebPkiSupportedAlgorithms,
        now: Timestamp,
    ) -> Result<(Certificate, Option<Vec<u8>>), Obstacle> {
        let best = RefCell::new(None::<(Certificate, Vec<u8>)>);
        let weigh = |path: &VerifiedPath<'_>| {
            let first = self.first_to_end(read, path);
            let mut best = best.borrow_mut();
            if best.as_ref().is_none_or(|(best, _)| best.not_after < first.not_after) {
                *best = Some((first, path.issuer_spki().to_vec()));
            }
            // Refused, so that the other paths are walked, too.
            Err(webpki::Error::UnknownIssuer)
        };
        let result = parsed.verify_for_usage(
            algorithms.all,
            &self.anchors,
            others,
            unix(now),
            KeyUsage::server_auth(),
            None,
            Some(&weigh),
        );
        match (best.into_inner(), result) {
            (Some((first, key)), _) => Ok((in_time(&first, now)?, Some(key))),
            (None, Err(error)) => Err(distrust(&error, read, leaf, others, now)),
            (None, Ok(_)) => Ok((read.clone(), None)),
        }
    }

    fn first_to_end(&self, leaf: &Certificate, path: &VerifiedPath<'_>) -> Certificate {
        path.intermediate_certificates()
            .filter_map(|certificate| Certificate::read(&certificate.der()).ok())
            .chain(self.ends.get(&identity(path.anchor())).cloned())
            .fold(
                leaf.clone(),
                |first, other| {
                    if other.not_after < first.not_after { other } else { first }
                },
            )
    }
}

fn identity(anchor: &TrustAnchor<'_>) -> Vec<u8> {
    [anchor.subject.as_ref(), anchor.subject_public_key_info.as_ref()].concat()
}

fn unix(now: Timestamp) -> UnixTime {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
    };

    use super::*;

    fn authority(until: i32) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(until, 1, 1);
        params
    }

    #[test]
    fn a_renewed_root_lasts_as_long_as_its_later_certificate() {
        let key = KeyPair::generate().unwrap();
        let [old, new] =
            [2030, 2050].map(|until| authority(until).self_signed(&key).unwrap().der().clone());
        let issuer = Issuer::new(authority(2050), key);
        let mut asked = CertificateParams::new(["a.test".to_owned()]).unwrap();
        asked.not_after = date_time_ymd(2045, 1, 1);
        let leaf = asked.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone();
        let of = |one: &CertificateDer<'static>| Roots::of(vec![one.clone()]);
        let algorithms = rustls::crypto::aws_lc_rs::default_provider();
        for (order, roots) in [
            ("old first", Roots::of(vec![old.clone(), new.clone()])),
            ("new first", Roots::of(vec![new.clone(), old.clone()])),
            ("old joined", of(&new).joined(&of(&old))),
            ("new joined", of(&old).joined(&of(&new))),
        ] {
            let judged = roots.judge(
                &leaf,
                &[],
                &ServerName::try_from("a.test").unwrap(),
                &algorithms.signature_verification_algorithms,
                "2040-01-01T00:00:00Z".parse().unwrap(),
            );
            assert_eq!(judged.distrust, None, "{order}");
            let first = judged.first_to_end.unwrap().not_after.to_string();
            assert_eq!(first, "2045-01-01T00:00:00Z", "{order}");
        }
    }
}
