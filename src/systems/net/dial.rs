//! Dialling: a TCP connection to one address, or to the first of several that answers.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use hickory_resolver::proto::rr::RecordType;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::names::Found;
use super::proxy_header::ProxyProtocol;
use super::{Net, within};
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;

/// The head start of an address before the next one is tried beside it (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// IPv4 and IPv6.
    #[default]
    Any,
    /// IPv4 alone.
    Ipv4,
    /// IPv6 alone.
    Ipv6,
}

impl Family {
    /// Whether `address` is of it.
    pub fn holds(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }

    /// The types of record that hold its addresses.
    pub fn records(self) -> &'static [RecordType] {
        match self {
            Self::Any => &[RecordType::A, RecordType::AAAA],
            Self::Ipv4 => &[RecordType::A],
            Self::Ipv6 => &[RecordType::AAAA],
        }
    }

    /// What its addresses are called.
    pub fn means(self) -> &'static str {
        match self {
            Self::Any => "address",
            Self::Ipv4 => "IPv4 address",
            Self::Ipv6 => "IPv6 address",
        }
    }
}

/// How to get to an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    /// Where to connect; what is asked for there is another matter.
    pub to: &'a HostPort,
    /// Which addresses are used.
    pub family: Family,
    /// The header to write first.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// When to give up.
    pub until: Instant,
}

/// An open connection.
#[derive(Debug)]
pub struct Dialled {
    /// The connection, its PROXY header written.
    pub stream: TcpStream,
    /// Who answers.
    pub peer: SocketAddr,
}

impl Net {
    /// The addresses of the route's host that its family allows.
    ///
    /// # Errors
    /// As [`super::names::Resolver::addresses`].
    pub async fn addresses(&self, route: Route<'_>) -> Result<Found, Obstacle> {
        let Route { to, family, proxy_protocol: _, until } = route;
        self.resolver().addresses(to.host(), family, until).await
    }
}

impl Found {
    /// The addresses with a port.
    pub fn at(&self, port: u16) -> Vec<SocketAddr> {
        self.addresses.iter().map(|address| SocketAddr::new(*address, port)).collect()
    }
}

/// Whom to blame for a peer's silence: where finding its address took `resolve`, most of the time
/// since `started`, our own resolver is, and not the peer that was left too little.
pub fn blamed(silence: Obstacle, resolve: Duration, started: Instant) -> Obstacle {
    let all = started.elapsed();
    if silence.ours || silence.reason != Reason::TIMED_OUT || resolve < all / 2 {
        return silence;
    }
    let because = format!(
        "our own resolver took {} of {}, and then {}",
        spoken(resolve),
        spoken(all),
        silence.because
    );
    Obstacle::ours(Reason::RESOLVER_FAILED, because)
}

/// Connects to one address.
///
/// # Errors
/// Refused, silent, unreachable; ours where this host has no way there.
pub async fn dial(address: SocketAddr, route: Route<'_>) -> Result<Dialled, Obstacle> {
    let Route { to: _, family: _, proxy_protocol, until } = route;
    let started = Instant::now();
    let silence =
        || format!("{address} accepts no connection within {}", spoken(started.elapsed()));
    within(until, silence, async {
        let mut stream = TcpStream::connect(address)
            .await
            .map_err(|error| unreachable_from_here(address, &error))?;
        let told = |error: io::Error| obstacle(address, &error);
        let peer = stream.peer_addr().map_err(told)?;
        if let Some(version) = proxy_protocol {
            let header = version.header(stream.local_addr().map_err(told)?, peer);
            stream.write_all(&header).await.map_err(told)?;
        }
        Ok(Dialled { stream, peer })
    })
    .await
}

/// Connects to the first of `addresses` that answers; each has a short head start before the next.
///
/// # Errors
/// What the first of them that gave evidence said, else the first.
pub async fn dial_any(addresses: &[SocketAddr], route: Route<'_>) -> Result<Dialled, Obstacle> {
    let mut waiting = addresses.iter();
    let mut dialling = FuturesUnordered::new();
    let mut failed: Vec<Obstacle> = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            dialling.push(dial(*address, route));
        }
        let head_start = if waiting.len() == 0 { route.until } else { Instant::now() + HEAD_START };
        match tokio::time::timeout_at(head_start, dialling.next()).await {
            Ok(Some(Ok(dialled))) => return Ok(dialled),
            Ok(Some(Err(obstacle))) => failed.push(obstacle),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    let evidence = failed.iter().position(|obstacle| !obstacle.ours).unwrap_or(0);
    Err(if failed.is_empty() {
        Obstacle::new(Reason::NAME_NOT_FOUND, "there is no address to connect to")
    } else {
        failed.swap_remove(evidence)
    })
}

/// Reads an error of connecting: one that our own kernel gave, having no route, is ours.
fn unreachable_from_here(address: SocketAddr, error: &io::Error) -> Obstacle {
    let no_route = error.kind() == ErrorKind::NetworkUnreachable && !has_route(address);
    if no_route {
        let because = format!(
            "this host has no route to {address}; `family` leaves addresses of a family out"
        );
        return Obstacle::ours(Reason::UNREACHABLE, because);
    }
    obstacle(address, error)
}

/// Whether our kernel knows a way to `address`. Sends nothing.
fn has_route(address: SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    std::net::UdpSocket::bind((any, 0))
        .is_ok_and(|socket| socket.set_broadcast(true).is_ok() && socket.connect(address).is_ok())
}

/// Reads an error of a socket: what the peer or the network did is evidence, all else is ours.
pub fn obstacle(peer: impl fmt::Display, error: &io::Error) -> Obstacle {
    use ErrorKind as Kind;
    let kind = error.kind();
    let (reason, said) = if kind == Kind::ConnectionRefused {
        (Reason::REFUSED, "refuses the connection".to_owned())
    } else if [Kind::ConnectionReset, Kind::ConnectionAborted, Kind::BrokenPipe].contains(&kind) {
        (Reason::RESET, "resets the connection".to_owned())
    } else if kind == Kind::UnexpectedEof {
        (Reason::RESET, "closes the connection in the middle of an answer".to_owned())
    } else if kind == Kind::TimedOut {
        (Reason::TIMED_OUT, "does not answer".to_owned())
    } else if [Kind::NetworkUnreachable, Kind::HostUnreachable].contains(&kind) {
        (Reason::UNREACHABLE, format!("can't be reached: {error}"))
    } else {
        let because = format!("no connection to {peer} can be made from here: {error}");
        return Obstacle::ours(Reason::UNREACHABLE, because);
    };
    Obstacle::new(reason, format!("{peer} {said}"))
}
