//! Protocols that begin in the clear and go over to TLS when asked: PostgreSQL and SMTP.
//!
//! Nothing is read beyond the word that TLS may begin: what a stranger slipped in behind it would be
//! taken for TLS, and break it.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{dial, within};
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// The server does not go over to TLS.
pub const NO_STARTTLS: Reason = Reason::new("NoStartTls");

/// The longest line of an SMTP reply that is read, in bytes.
const LONGEST_LINE: usize = 1024;
/// The most lines of an SMTP reply that are read.
const MOST_LINES: usize = 100;
/// The longest part of a server's words that is repeated, in characters.
const LONGEST_WORDS: usize = 120;
/// PostgreSQL's `SSLRequest`: its length, and a version that never was.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A protocol that begins in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartTls {
    /// PostgreSQL: `SSLRequest`.
    Postgres,
    /// SMTP: `EHLO`, then `STARTTLS`.
    Smtp,
}

impl StartTls {
    /// Brings the connection to where TLS begins.
    ///
    /// # Errors
    /// The server does not go over to TLS, speaks another protocol, or breaks off.
    pub async fn begin(
        self,
        stream: &mut TcpStream,
        address: SocketAddr,
        until: Instant,
    ) -> Result<(), Obstacle> {
        let silence = || format!("{address} does not say in time whether TLS may begin");
        within(until, silence, async {
            match self {
                Self::Postgres => postgres(stream, address).await,
                Self::Smtp => smtp(stream, address).await,
            }
        })
        .await
    }

    /// What is said before hanging up, once there is TLS.
    pub const fn farewell(self) -> &'static [u8] {
        match self {
            // `Terminate`, which is fit before a session as well.
            Self::Postgres => &[b'X', 0, 0, 0, 4],
            Self::Smtp => b"QUIT\r\n",
        }
    }
}

async fn postgres(stream: &mut TcpStream, address: SocketAddr) -> Result<(), Obstacle> {
    let lost = |error: std::io::Error| dial::obstacle(address, &error);
    stream.write_all(&SSL_REQUEST).await.map_err(lost)?;
    let (reason, what) = match stream.read_u8().await.map_err(lost)? {
        b'S' => return Ok(()),
        b'N' => (NO_STARTTLS, "answers that it has no TLS (`ssl = off`)"),
        b'E' => (Reason::SERVER_ERROR, "answers with an error before TLS"),
        _ => (Reason::GARBLED, "answers what PostgreSQL would not"),
    };
    Err(Obstacle::new(reason, format!("{address} {what}")))
}

async fn smtp(stream: &mut TcpStream, address: SocketAddr) -> Result<(), Obstacle> {
    let lost = |error: std::io::Error| dial::obstacle(address, &error);
    let local = stream.local_addr().map_err(lost)?.ip();
    let greeting = reply(stream, address).await?;
    if greeting.code != 220 {
        let because = format!("{address} greets with {}", greeting.told());
        return Err(Obstacle::new(Reason::SERVER_ERROR, because));
    }
    let hello = match local {
        IpAddr::V4(local) => format!("EHLO [{local}]\r\n"),
        IpAddr::V6(local) => format!("EHLO [IPv6:{local}]\r\n"),
    };
    stream.write_all(hello.as_bytes()).await.map_err(lost)?;
    let offer = reply(stream, address).await?;
    let offers =
        offer.lines.iter().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
    if offer.code != 250 || !offers {
        let because = if offer.code == 250 {
            format!("{address} does not offer STARTTLS")
        } else {
            format!("{address} answers {} to EHLO", offer.told())
        };
        return Err(Obstacle::new(NO_STARTTLS, because));
    }
    stream.write_all(b"STARTTLS\r\n").await.map_err(lost)?;
    let go = reply(stream, address).await?;
    if go.code != 220 {
        let because = format!("{address} offers STARTTLS and then answers {}", go.told());
        return Err(Obstacle::new(NO_STARTTLS, because));
    }
    Ok(())
}

/// A reply of an SMTP server.
#[derive(Debug, PartialEq, Eq)]
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    /// `454 TLS not available`, of the last line.
    fn told(&self) -> String {
        let words = self.lines.last().map_or("", String::as_str);
        format!("`{}`", legible(&format!("{} {words}", self.code), LONGEST_WORDS))
    }
}

async fn reply(stream: &mut TcpStream, address: SocketAddr) -> Result<Reply, Obstacle> {
    let nonsense = || {
        let because = format!("{address} answers what is no SMTP");
        Obstacle::new(Reason::GARBLED, because)
    };
    let mut lines = Vec::new();
    while lines.len() < MOST_LINES {
        let line = line(stream, address).await?.ok_or_else(nonsense)?;
        let (code, more, words) = read_line(&line).ok_or_else(nonsense)?;
        lines.push(words);
        if !more {
            return Ok(Reply { code, lines });
        }
    }
    Err(Obstacle::new(Reason::TOO_LARGE, format!("{address} replies without end")))
}

/// A line without its end; none where it is too long. Read byte by byte, so that nothing is read of
/// what follows.
async fn line(stream: &mut TcpStream, address: SocketAddr) -> Result<Option<Vec<u8>>, Obstacle> {
    let mut line = Vec::new();
    while line.len() < LONGEST_LINE {
        match stream.read_u8().await.map_err(|error| dial::obstacle(address, &error))? {
            b'\n' => return Ok(Some(line)),
            byte => line.push(byte),
        }
    }
    Ok(None)
}

/// The code of a line, whether more lines follow, and its words; none where it is no line of SMTP.
pub fn read_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    if !code.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = code.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let rest = rest.strip_suffix(b"\r").unwrap_or(rest);
    let (more, words) = match rest.split_first() {
        None => (false, rest),
        Some((b' ', words)) => (false, words),
        Some((b'-', words)) => (true, words),
        Some(_) => return None,
    };
    Some((code, more, String::from_utf8_lossy(words).into_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            if let Some((code, _, _)) = read_line(&bytes) {
                prop_assert!(code < 1000);
            }
        }
    }

    #[test]
    fn lines_are_read_as_smtp_has_them() {
        for (line, read) in [
            (&b"220 mail.test ESMTP\r"[..], Some((220, false, "mail.test ESMTP"))),
            (b"250-STARTTLS\r", Some((250, true, "STARTTLS"))),
            (b"250", Some((250, false, ""))),
            (b"2x0 a", None),
            (b"250=a", None),
            (b"25", None),
        ] {
            let read = read.map(|(code, more, words)| (code, more, words.to_owned()));
            assert_eq!(read_line(line), read);
        }
    }
}
