//! Looking at each address: one handshake, and what it showed, reduced to what is judged.

use std::net::SocketAddr;

use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use super::judging::{WEAK_KEY, WEAK_SIGNATURE};
use super::{Addresses, Look, OldProtocols, Seen, Stapled, Tls};
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::net::certificate::{Certificate, bears_name_of_issuer};
use crate::systems::net::dial::{Dialled, Route, blamed, dial, dial_any};
use crate::systems::net::exchange::server_name;
use crate::systems::net::handshake::{self, Handshake, Terms, shake};
use crate::systems::net::old_tls::{self, Taken};
use crate::systems::net::staple::{self, Staple};
use crate::systems::net::starttls::StartTls;
use crate::systems::net::trust::Presented;

/// How long a peer is waited for, once hands are shaken, to say that it minds our certificate.
const SECOND_THOUGHTS: Duration = Duration::from_millis(500);

/// What one address showed.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) address: SocketAddr,
    /// Its own certificate.
    pub(super) leaf: Option<Certificate>,
    /// The certificate that ends first on the verified path.
    pub(super) first_to_end: Option<Certificate>,
    /// What is weak in what it sent.
    pub(super) weak: Vec<(Reason, String)>,
    /// Where what it sent is out of order.
    pub(super) disorder: Option<String>,
    /// The OCSP answer that came along; none without one, and none without a trusted chain.
    pub(super) staple: Option<Result<Staple, String>>,
    /// Whether it asked for a certificate of ours.
    pub(super) asked: bool,
    /// How long the handshake took.
    pub(super) took: Option<Duration>,
    /// What it makes of an offer of old protocols, where it was made.
    pub(super) old: Option<Result<Taken, Obstacle>>,
    pub(super) outcome: Result<(), Obstacle>,
}

impl Shown {
    /// Nothing at all, for this reason.
    pub(super) fn nothing(address: SocketAddr, why: Obstacle) -> Self {
        Self {
            address,
            leaf: None,
            first_to_end: None,
            weak: Vec::new(),
            disorder: None,
            staple: None,
            asked: false,
            took: None,
            old: None,
            outcome: Err(why),
        }
    }
}

impl Tls {
    async fn terms(&self, look: &Look<'_>) -> Result<Terms, Obstacle> {
        let trust = self.reach().trust(&look.systems.net, &look.systems.secrets).await?;
        let name = server_name(self.server_name.as_deref().unwrap_or(self.target.host()))?;
        Ok(trust.terms(name, None, look.now))
    }

    pub(super) async fn look_at_all(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        // What we need ourselves comes first: without it no peer can be blamed for anything.
        let terms = match self.terms(look).await {
            Ok(terms) => terms,
            Err(obstacle) if obstacle.ours => return Err(obstacle),
            Err(obstacle) => return Ok(self.nowhere(obstacle)),
        };
        let net = &look.systems.net;
        let route = net.led(self.reach().route(&self.target, look.until()));
        let started = Instant::now();
        let found = match net.addresses(route).await {
            Ok(found) => found,
            Err(obstacle) if obstacle.ours => return Err(obstacle),
            Err(obstacle) => return Ok(self.nowhere(obstacle)),
        };
        let resolve = started.elapsed();
        let addresses = found.at(route.to.port());
        let mut seen = match self.addresses {
            Addresses::All => {
                let looks = addresses.iter().map(|address| async {
                    self.look_at(*address, dial(*address, route).await, &terms, route).await
                });
                let shown = futures::future::join_all(looks).await;
                Seen { shown, trouble: found.trouble, left_out: found.left_out, held: None }
            }
            Addresses::Any => {
                let dialled = dial_any(&addresses, route).await;
                let first = addresses[0];
                let address = dialled.as_ref().map_or(first, |dialled| dialled.peer);
                let shown = vec![self.look_at(address, dialled, &terms, route).await];
                Seen { shown, trouble: None, left_out: 0, held: None }
            }
        };
        for Shown { outcome, .. } in &mut seen.shown {
            *outcome = outcome.clone().map_err(|obstacle| blamed(obstacle, resolve, started));
        }
        Ok(seen)
    }

    /// Looks at one address. An obstacle of ours that only a handshake meets (a key that does not
    /// fit its certificate) is one of the address' line.
    async fn look_at(
        &self,
        address: SocketAddr,
        dialled: Result<Dialled, Obstacle>,
        terms: &Terms,
        route: Route<'_>,
    ) -> Shown {
        let stream = match self.begun(dialled, address, route).await {
            Ok(stream) => stream,
            Err(obstacle) => return Shown::nothing(address, obstacle),
        };
        let handshake = shake(stream, address, terms.clone(), route.until).await;
        let Handshake { presented, asked, outcome } = handshake;
        let (took, outcome) = match outcome {
            Ok((secured, took)) => {
                (Some(took), second_thoughts(secured, self.starttls, address, route.until).await)
            }
            Err(obstacle) => (None, Err(obstacle)),
        };
        let old = match self.old_protocols {
            OldProtocols::Ignore => None,
            OldProtocols::Warn | OldProtocols::Fail => {
                Some(self.offer_old(address, &terms.name, route).await)
            }
        };
        let bare = Shown { asked, took, old, outcome: Ok(()), ..Shown::nothing(address, unseen()) };
        let shown = match presented {
            Some(presented) => self.reduced(bare, presented, terms.now),
            None => bare,
        };
        Shown { outcome, ..shown }
    }

    /// A connection on which TLS may begin.
    async fn begun(
        &self,
        dialled: Result<Dialled, Obstacle>,
        address: SocketAddr,
        route: Route<'_>,
    ) -> Result<TcpStream, Obstacle> {
        let Dialled { mut stream, peer: _ } = dialled?;
        if let Some(starttls) = self.starttls {
            starttls.begin(&mut stream, address, route.until).await?;
        }
        Ok(stream)
    }

    async fn offer_old(
        &self,
        address: SocketAddr,
        name: &ServerName<'static>,
        route: Route<'_>,
    ) -> Result<Taken, Obstacle> {
        let mut stream = self.begun(dial(address, route).await, address, route).await?;
        let name = if let ServerName::DnsName(name) = name { Some(name.as_ref()) } else { None };
        old_tls::ask(&mut stream, address, name, route.until).await
    }

    /// What is judged of what was shown.
    fn reduced(&self, bare: Shown, presented: Presented, now: Timestamp) -> Shown {
        let Presented { leaf, chain, stapled, issuer_key, first_to_end, distrust: _ } = presented;
        let staple = match (issuer_key, chain.first()) {
            _ if self.staple == Stapled::Ignored || stapled.is_empty() => None,
            (Some(issuer), Some(leaf)) => {
                let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
                Some(staple::read(&stapled, leaf, &issuer, &algorithms, now))
            }
            // Trusted by itself; without trust nothing is said of it.
            _ => first_to_end.is_some().then(|| Err("has no issuer to be verified by".to_owned())),
        };
        let (weak, disorder) = (weak(&chain), disorder(&chain));
        Shown { leaf, first_to_end, weak, disorder, staple, ..bare }
    }
}

/// Stands where nothing was seen yet.
fn unseen() -> Obstacle {
    Obstacle::new(Reason::NOTHING_SEEN, "nothing was shown")
}

/// What is weak in a chain. Who issued itself is trusted by its key, whatever its signature.
fn weak(chain: &[CertificateDer<'_>]) -> Vec<(Reason, String)> {
    let mut weak = Vec::new();
    for certificate in chain.iter().filter_map(|der| Certificate::read(der).ok()) {
        let Certificate { subject, weak_key, weak_signature, self_issued, .. } = certificate;
        if let Some(key) = weak_key {
            weak.push((WEAK_KEY, format!("`{subject}` has {key}")));
        }
        if let Some(digest) = weak_signature.filter(|_| !self_issued) {
            weak.push((WEAK_SIGNATURE, format!("`{subject}` is signed with {digest}")));
        }
    }
    weak
}

/// Where a chain is out of order.
fn disorder(chain: &[CertificateDer<'_>]) -> Option<String> {
    let place = chain.windows(2).position(|pair| !bears_name_of_issuer(&pair[1], &pair[0]))?;
    let name = |der: &CertificateDer<'_>| {
        Certificate::read(der).map_or_else(|_| "?".to_owned(), |certificate| certificate.subject)
    };
    Some(format!(
        "sends `{}` after `{}`, which it did not issue",
        name(&chain[place + 1]),
        name(&chain[place])
    ))
}

/// Says goodbye and listens: under TLS 1.3 a server that minds our certificate, or misses one, says
/// so only after our side of the handshake is done.
async fn second_thoughts(
    mut secured: TlsStream<TcpStream>,
    starttls: Option<StartTls>,
    address: SocketAddr,
    until: Instant,
) -> Result<(), Obstacle> {
    let until = until.min(Instant::now() + SECOND_THOUGHTS);
    let goodbye = async {
        if let Some(starttls) = starttls {
            secured.write_all(starttls.farewell()).await?;
        }
        secured.shutdown().await?;
        secured.read(&mut [0; 1024]).await
    };
    match timeout_at(until, goodbye).await {
        Ok(Err(error)) if handshake::is_of_tls(&error) => Err(handshake::obstacle(address, &error)),
        Ok(_) | Err(_) => Ok(()),
    }
}
