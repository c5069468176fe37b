//! The stream that the SDK is given: secured already, or not at all.
//!
//! Whether to encrypt is decided before the SDK comes in (`dial`), so that each failure keeps its
//! reason. The SDK is told that TLS is there without being asked for, and learns what a password is
//! to be bound to.

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
        ready(Ok(Wire { stream, end_point: self.end_point }))
    }
}

/// A stream, and what a password sent over it is bound to.
pub(super) struct Wire<S> {
    stream: S,
    end_point: Option<Vec<u8>>,
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
        Pin::new(&mut self.stream).poll_read(cx, buffer)
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
