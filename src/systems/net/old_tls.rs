//! Whether a server still speaks TLS 1.0 or 1.1.
//!
//! Our TLS speaks neither, and needs not: a `ClientHello` that offers nothing newer is answered by a
//! `ServerHello`, or not. Nothing is ever secured by it.

use std::net::SocketAddr;

use rustls::crypto::aws_lc_rs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{dial, within};
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;

/// The newest version that is offered: TLS 1.1.
const NEWEST: [u8; 2] = [3, 2];
/// How many bytes of an answer tell all: a record's head, a handshake message's, and its version.
const ENOUGH: usize = 11;
/// Suites of those days, strong and weak: what a server speaks is not known before.
const SUITES: [u16; 21] = [
    0xc00a, 0xc014, 0x0039, 0x0035, 0xc009, 0xc013, 0x0033, 0x002f, 0x0038, 0x0032, 0x0088, 0x0084,
    0x0045, 0x0041, 0xc008, 0xc012, 0x0016, 0x000a, 0xc007, 0xc011, 0x0005,
];

/// What a server makes of the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It goes on with this version.
    Takes(&'static str),
    /// It does not.
    Refuses,
}

/// Asks over a fresh connection. `name` is sent as SNI.
///
/// # Errors
/// The server neither takes the offer nor refuses it.
pub async fn ask(
    stream: &mut TcpStream,
    address: SocketAddr,
    name: Option<&str>,
    until: Instant,
) -> Result<Taken, Obstacle> {
    let mut random = [0; 32];
    aws_lc_rs::default_provider().secure_random.fill(&mut random).map_err(|_| {
        Obstacle::ours(Reason::CRASHED, "this machine gives no random bytes to begin TLS with")
    })?;
    let hello = hello(name, random);
    let silence = || format!("{address} does not say in time whether it speaks TLS 1.0 or 1.1");
    within(until, silence, async {
        let mut came = Vec::with_capacity(ENOUGH);
        let exchange = async {
            stream.write_all(&hello).await?;
            stream.take(ENOUGH as u64).read_to_end(&mut came).await
        };
        match exchange.await.map_err(|error| dial::obstacle(address, &error)) {
            Ok(_) => {}
            // Some say no by hanging up.
            Err(Obstacle { reason: Reason::RESET, .. }) => return Ok(Taken::Refuses),
            Err(obstacle) => return Err(obstacle),
        }
        read(&came).ok_or_else(|| {
            let because =
                format!("{address} answers what is not TLS to an offer of TLS 1.0 and 1.1");
            Obstacle::new(Reason::GARBLED, because)
        })
    })
    .await
}

/// Reads the beginning of an answer; none where it is not TLS.
pub fn read(answer: &[u8]) -> Option<Taken> {
    match answer {
        // Nothing but an end; or an alert, of which the kind does not matter.
        [] | [21, 3, ..] => Some(Taken::Refuses),
        [22, 3, _, _, _, 2, _, _, _, 3, minor, ..] => match minor {
            0 => Some(Taken::Takes("SSL 3.0")),
            1 => Some(Taken::Takes("TLS 1.0")),
            2 => Some(Taken::Takes("TLS 1.1")),
            _ => None,
        },
        _ => None,
    }
}

/// The record with a `ClientHello` that offers TLS 1.0 and 1.1.
fn hello(name: Option<&str>, random: [u8; 32]) -> Vec<u8> {
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let host = [&[0][..], &counted(name.as_bytes())].concat();
        extensions.extend(extension(0, &counted(&host)));
    }
    // X25519, P-256, P-384, P-521, with points as they come.
    extensions.extend(extension(10, &counted(&[0, 29, 0, 23, 0, 24, 0, 25])));
    extensions.extend(extension(11, &[1, 0]));
    // No renegotiation, which some insist to be told.
    extensions.extend(extension(0xff01, &[0]));
    let suites: Vec<u8> = SUITES.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let body = [
        &NEWEST[..],
        &random,
        &[0], // no session
        &counted(&suites),
        &[1, 0], // no compression
        &counted(&extensions),
    ]
    .concat();
    let message = [&[1, 0][..], &counted(&body)].concat();
    [&[22, 3, 1][..], &counted(&message)].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &counted(content)].concat()
}

/// Bytes behind their count, in two bytes; names have 253 at most, and all else is ours.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let count = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&count.to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            prop_assert!(read(&bytes) != Some(Taken::Takes("TLS 1.2")));
        }
    }

    #[test]
    fn an_offer_is_taken_or_refused() {
        let hello = |minor| [22, 3, 1, 0, 80, 2, 0, 0, 76, 3, minor];
        for (answer, taken) in [
            (&hello(1)[..], Some(Taken::Takes("TLS 1.0"))),
            (&hello(2), Some(Taken::Takes("TLS 1.1"))),
            (&hello(3), None),
            (&hello(2)[..10], None),
            (&[21, 3, 1, 0, 2, 2, 70], Some(Taken::Refuses)),
            (b"", Some(Taken::Refuses)),
            (b"HTTP/1.1 40", None),
        ] {
            assert_eq!(read(answer), taken, "{answer:?}");
        }
    }
}
