//! Connections on which something is asked: dialled, led through a proxy, secured.

use std::fmt;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::Net;
use super::dial::{Dialled, Route, dial, dial_any};
use super::exchange::Phases;
use super::handshake::{Handshake, Terms, shake};
use super::proxy::Proxy;
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;

/// What bytes go over: a socket, TLS, a tunnel, or several of them.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Which way a connection takes.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    /// To the first address that answers.
    Any,
    /// To this address.
    At(SocketAddr),
    /// Through a proxy, which finds the address itself.
    Through(&'a Proxy),
}

/// Who answers, as sentences name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    address: SocketAddr,
    /// Who is behind it, where `address` is a proxy's.
    behind: Option<HostPort>,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.behind {
            None => self.address.fmt(f),
            Some(target) => write!(f, "{target} (through the proxy {})", self.address),
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self { address, behind: None }
    }
}

/// A connection, ready for a request.
pub struct Connected {
    /// What to write to and read from.
    pub stream: Box<dyn Stream>,
    /// Who answers.
    pub peer: Peer,
}

impl Net {
    /// Connects to the target of `route`, over TLS where there are `terms`. The time that each phase
    /// took is added to `phases`, even where the next one fails.
    ///
    /// # Errors
    /// Everything that can happen on the way; what the peer did is evidence, what we lack is ours,
    /// and so is a proxy.
    pub async fn connect(
        &self,
        way: Way<'_>,
        route: Route<'_>,
        terms: Option<Terms>,
        phases: &mut Phases,
    ) -> Result<Connected, Obstacle> {
        let route = match way {
            // A proxy finds its way by itself.
            Way::Through(_) => route,
            Way::Any | Way::At(_) => self.led(route),
        };
        let Connected { stream, peer } = match way {
            Way::Any => {
                let started = Instant::now();
                let addresses = self.addresses(route).await?.at(route.to.port());
                phases.resolve += started.elapsed();
                let started = Instant::now();
                direct(dial_any(&addresses, route).await?, started, phases)
            }
            Way::At(address) => {
                let started = Instant::now();
                direct(dial(address, route).await?, started, phases)
            }
            Way::Through(proxy) => {
                let tunnel = terms.is_some().then_some(route.to);
                let (stream, address) = self.through(proxy, tunnel, route.until, phases).await?;
                let peer = Peer { address, behind: Some(route.to.clone()) };
                Connected { stream, peer }
            }
        };
        let Some(terms) = terms else { return Ok(Connected { stream, peer }) };
        let Handshake { presented: _, asked: _, outcome } =
            shake(stream, &peer, terms, route.until).await;
        let (secured, took) = outcome?;
        phases.tls += took;
        Ok(Connected { stream: Box::new(secured), peer })
    }
}

fn direct(dialled: Dialled, started: Instant, phases: &mut Phases) -> Connected {
    phases.connect += started.elapsed();
    let Dialled { stream, peer } = dialled;
    Connected { stream: Box::new(stream), peer: peer.into() }
}
