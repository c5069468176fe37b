//! Opening a stream to a database: names, TCP, and TLS as `sslmode` has it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::tls::{Secured, Terms, shake};
use super::wire::Carrier;
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;
use crate::systems::net::Net;
use crate::systems::net::dial::{Family, Route, dial_any, obstacle};

/// Protocol 1234.5679: "shall we speak TLS?", with its length in front.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// How one attempt goes about TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encrypt {
    /// Not at all.
    Never,
    /// If the server offers it.
    IfOffered,
    /// Or there is no connection.
    Always,
}

/// An open stream.
pub(super) struct Opened {
    pub(super) stream: Box<dyn Carrier>,
    pub(super) address: SocketAddr,
    /// What a password is bound to, where TLS tells.
    pub(super) end_point: Option<Vec<u8>>,
    /// Whether TLS is spoken.
    pub(super) encrypted: bool,
}

/// A stream to `at`.
pub(super) async fn open(
    net: &Net,
    at: &HostPort,
    encrypt: Encrypt,
    terms: &Terms,
    until: Instant,
) -> Result<Opened, Obstacle> {
    let route = net.led(Route { to: at, family: Family::Any, proxy_protocol: None, until });
    let found = net.addresses(route).await?;
    let dialled = dial_any(&found.at(route.to.port()), route).await?;
    let (mut stream, address) = (dialled.stream, dialled.peer);
    stream.set_nodelay(true).map_err(|error| obstacle(address, &error))?;
    let plain = |stream: TcpStream| Opened {
        stream: Box::new(stream),
        address,
        end_point: None,
        encrypted: false,
    };
    if encrypt == Encrypt::Never {
        return Ok(plain(stream));
    }
    if !offers_tls(&mut stream, address, until).await? {
        if encrypt == Encrypt::IfOffered {
            return Ok(plain(stream));
        }
        let because = format!("{address} does not offer TLS, and `sslmode` asks for it");
        return Err(Obstacle::new(Reason::TLS_FAILED, because));
    }
    let Secured { stream, end_point } = shake(stream, address, terms, until).await?;
    Ok(Opened { stream: Box::new(stream), address, end_point, encrypted: true })
}

/// Asks whether the server speaks TLS. One byte is read and not one more: whatever came behind it
/// would not be protected.
async fn offers_tls(
    stream: &mut TcpStream,
    address: SocketAddr,
    until: Instant,
) -> Result<bool, Obstacle> {
    let asking = async {
        stream.write_all(&SSL_REQUEST).await?;
        stream.read_u8().await
    };
    match tokio::time::timeout_at(until, asking).await {
        Ok(Ok(b'S')) => Ok(true),
        Ok(Ok(b'N')) => Ok(false),
        Ok(Ok(_)) => {
            let because = format!("{address} answers something that is not PostgreSQL's protocol");
            Err(Obstacle::new(Reason::GARBLED, because))
        }
        Ok(Err(error)) => Err(obstacle(address, &error)),
        Err(_) => {
            let because = format!("{address} takes the connection and does not say a word");
            Err(Obstacle::new(Reason::TIMED_OUT, because))
        }
    }
}
