//! The stream that the SDK is given: secured already, or not at all.
//!
//! Whether to encrypt is decided before the SDK comes in (`dial`), so that each failure keeps its
//! reason. The SDK is told that TLS is there without being asked for, and learns what a password is
//! to be bound to. The first message is looked at before the SDK sees it, which would read a length
//! out of any text and wait for so much of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{Ready, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// Anything that carries bytes both ways.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}
impl<C: AsyncRead + AsyncWrite + Send + Unpin> Carrier for C {}

/// Hands the stream over as one that is secured.
pub(super) struct AsIs {
    /// What the password is bound to, where TLS is there.
    pub(super) end_point: Option<Vec<u8>>,
}

impl<S: Carrier> TlsConnect<S> for AsIs {
    type Stream = Wire<S>;
    type Error = io::Error;
    type Future = Ready<Result<Wire<S>, io::Error>>;

    fn connect(self, stream: S) -> Self::Future {
        ready(Ok(Wire { stream, end_point: self.end_point, head: Head::default() }))
    }
}

/// A stream, and what a password sent over it is bound to.
pub(super) struct Wire<S> {
    stream: S,
    end_point: Option<Vec<u8>>,
    head: Head,
}

/// The first bytes that came: what the first message is, and its length.
#[derive(Debug, Default)]
struct Head {
    bytes: [u8; 5],
    seen: usize,
}

/// The longest first message, in bytes: an error, or what it takes to show who one is.
const LONGEST_FIRST: u32 = 30_000;

impl Head {
    /// Takes note of what came, and tells whether a server of PostgreSQL may begin so: it wants to
    /// know who comes, or says at once why nobody may.
    fn takes(&mut self, came: &[u8]) -> bool {
        for (place, byte) in self.bytes.iter_mut().skip(self.seen).zip(came) {
            *place = *byte;
            self.seen += 1;
        }
        let [tag, length @ ..] = self.bytes;
        let known = self.seen == 0 || matches!(tag, b'R' | b'E');
        // Neither is shorter than its length and four bytes more.
        known && (self.seen < 5 || (8..=LONGEST_FIRST).contains(&u32::from_be_bytes(length)))
    }
}

impl<S: Carrier> TlsStream for Wire<S> {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.end_point {
            Some(digest) => ChannelBinding::tls_server_end_point(digest.clone()),
            None => ChannelBinding::none(),
        }
    }
}

impl<S: Carrier> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let came = buffer.filled().get(before..).unwrap_or_default();
        if self.head.takes(came) {
            polled
        } else {
            let what = "no server of PostgreSQL begins so";
            Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, what)))
        }
    }
}

impl<S: Carrier> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_message_asks_who_comes_or_says_why_nobody_may() {
        let takes = |came: &[u8]| {
            let whole = Head::default().takes(came);
            let mut head = Head::default();
            let piecemeal = came.chunks(1).all(|byte| head.takes(byte));
            assert_eq!(whole, piecemeal, "{came:?}");
            whole
        };
        for good in [&b""[..], b"R", b"R\0\0\0\x08\0\0\0\0Z", b"E\0\0\0\x60S", b"R\0\0\0\x17\0"] {
            assert!(takes(good), "{good:?}");
        }
        for bad in [
            &b"H"[..],
            b"HTTP/1.1 400 Bad Request\r\n",
            b"ERR unknown command",
            b"R\0\0\0\x07",
            b"R\x7f\xff\xff\xff",
            b"R\xff\xff\xff\xff",
            b"\0\0\0\0\0",
            b"220 mail.test ESMTP\r\n",
        ] {
            assert!(!takes(bad), "{bad:?}");
        }
    }
}
