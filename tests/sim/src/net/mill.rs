//! A certificate mill: a root, an intermediate, and leaves, good or with any one flaw.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The serial number of the next leaf.
static NUMBER: AtomicU64 = AtomicU64::new(0x1234_5678);

/// A private authority: a root, and an intermediate that issues leaves.
pub struct Mill {
    root: CertificateDer<'static>,
    root_pem: String,
    intermediate: CertificateDer<'static>,
    intermediate_pem: String,
    by_root: Issuer<'static, KeyPair>,
    by_intermediate: Issuer<'static, KeyPair>,
}

/// What sort of leaf is wanted, and what the server sends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Issued by the intermediate, which is sent along.
    Good,
    /// Issued by the intermediate, which is not sent; it says where to fetch it.
    Incomplete,
    /// Issued by the root itself, and alone.
    ByRoot,
    /// Its own issuer.
    SelfSigned,
    /// Its own issuer, and an authority: what `openssl req -x509` makes.
    SelfSignedAuthority,
    /// As a good one, and it promises that an OCSP answer comes with it.
    MustStaple,
    /// For clients alone.
    ForClients,
}

/// A chain and the key of its leaf.
#[derive(Debug)]
pub struct Issued {
    /// Leaf first, DER.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's serial number.
    pub serial: u64,
    /// The leaf's key.
    pub key: PrivateKeyDer<'static>,
    /// The chain, PEM.
    pub chain_pem: String,
    /// The leaf's key, PEM.
    pub key_pem: String,
}

impl Clone for Issued {
    fn clone(&self) -> Self {
        let Self { chain, serial, key, chain_pem, key_pem } = self;
        Self {
            chain: chain.clone(),
            serial: *serial,
            key: key.clone_key(),
            chain_pem: chain_pem.clone(),
            key_pem: key_pem.clone(),
        }
    }
}

impl Mill {
    /// An authority as of `now`: root and intermediate began a year ago; the root lasts ten years,
    /// the intermediate as told.
    pub fn new(now: Timestamp, intermediate_lasts: Duration) -> Result<Self> {
        let began = now - SignedDuration::from_hours(365 * 24);
        let lasts = Duration::from_hours(10 * 365 * 24);
        let root_key = KeyPair::generate()?;
        let root_params = authority("Mill root", began, now + lasts)?;
        let root = root_params.self_signed(&root_key)?;
        let by_root = Issuer::new(root_params, root_key);
        let key = KeyPair::generate()?;
        let params = authority("Mill intermediate", began, now + intermediate_lasts)?;
        let intermediate = params.signed_by(&key, &by_root)?;
        let by_intermediate = Issuer::new(params, key);
        Ok(Self {
            root_pem: root.pem(),
            root: root.der().clone(),
            intermediate: intermediate.der().clone(),
            intermediate_pem: intermediate.pem(),
            by_root,
            by_intermediate,
        })
    }

    /// The root, PEM: what clients trust.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root, DER.
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// The intermediate, PEM.
    pub fn intermediate_pem(&self) -> &str {
        &self.intermediate_pem
    }

    /// Who issues leaves.
    pub fn intermediate(&self) -> &Issuer<'static, KeyPair> {
        &self.by_intermediate
    }

    /// A leaf for `names`.
    pub fn issue(
        &self,
        sort: Sort,
        names: &[&str],
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Issued> {
        let key = KeyPair::generate()?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let common = names.first().cloned().unwrap_or_default();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, common);
        params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(from);
        params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(until);
        let serial = NUMBER.fetch_add(1, Ordering::Relaxed);
        params.serial_number = Some(SerialNumber::from(serial));
        params.extended_key_usages = vec![match sort {
            Sort::ForClients => ExtendedKeyUsagePurpose::ClientAuth,
            Sort::Good
            | Sort::MustStaple
            | Sort::Incomplete
            | Sort::ByRoot
            | Sort::SelfSigned
            | Sort::SelfSignedAuthority => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        let leaf = match sort {
            Sort::Good | Sort::ForClients => params.signed_by(&key, &self.by_intermediate)?,
            Sort::MustStaple => {
                params.custom_extensions.push(must_staple());
                params.signed_by(&key, &self.by_intermediate)?
            }
            Sort::Incomplete => {
                params.custom_extensions.push(tells_issuer());
                params.signed_by(&key, &self.by_intermediate)?
            }
            Sort::ByRoot => params.signed_by(&key, &self.by_root)?,
            Sort::SelfSigned => params.self_signed(&key)?,
            Sort::SelfSignedAuthority => {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.extended_key_usages.clear();
                params.self_signed(&key)?
            }
        };
        let mut chain = vec![leaf.der().clone()];
        let mut chain_pem = leaf.pem();
        if matches!(sort, Sort::Good | Sort::MustStaple | Sort::ForClients) {
            chain.push(self.intermediate.clone());
            chain_pem.push_str(&self.intermediate_pem);
        }
        Ok(Issued {
            serial,
            chain_pem,
            key_pem: key.serialize_pem(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            chain,
        })
    }
}

fn authority(name: &str, from: Timestamp, until: Timestamp) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(from);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(until);
    Ok(params)
}

/// The extension that says where the issuer's certificate can be fetched (RFC 5280, 4.2.2.1).
fn tells_issuer() -> CustomExtension {
    let url = b"http://ca.test/i";
    let length = |more: usize| u8::try_from(url.len() + more).unwrap_or(0);
    let mut der = vec![0x30, length(14), 0x30, length(12)];
    der.extend([0x06, 8, 0x2b, 6, 1, 5, 5, 7, 48, 2, 0x86, length(0)]);
    der.extend(url);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], der)
}

/// The extension that promises an OCSP answer (RFC 7633).
fn must_staple() -> CustomExtension {
    let feature = vec![0x30, 3, 2, 1, 5];
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], feature)
}

fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}
