//! A stream that stops reading when the peer says more than it was asked for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the answers to one flight of commands may weigh together: `CLIENT LIST` takes about 400
/// bytes a client, so this is room for twice the clients that Redis accepts by default.
pub(in crate::systems) const MOST_BYTES: u64 = 8 << 20;

/// What is known about a stream while somebody else reads it.
#[derive(Debug, Default)]
pub(in crate::systems) struct Meter {
    left: AtomicU64,
    overrun: AtomicBool,
    asked: AtomicBool,
    unasked: AtomicBool,
    ended: AtomicBool,
}

impl Meter {
    /// Allows [`MOST_BYTES`] from here on.
    pub(in crate::systems) fn refill(&self) {
        self.left.store(MOST_BYTES, Ordering::Relaxed);
    }

    /// Whether the peer said too much.
    pub(in crate::systems) fn overrun(&self) -> bool {
        self.overrun.load(Ordering::Relaxed)
    }

    /// Whether the peer spoke first, which Redis never does.
    pub(in crate::systems) fn spoke_first(&self) -> bool {
        self.unasked.load(Ordering::Relaxed)
    }

    /// Whether the stream itself is at its end, by either side.
    pub(in crate::systems) fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn spend(&self, bytes: u64) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(bytes), Ordering::Relaxed);
        bytes <= left
    }
}

/// A stream and its meter.
#[derive(Debug)]
pub(in crate::systems) struct Bounded<S> {
    inner: S,
    meter: Arc<Meter>,
}

impl<S> Bounded<S> {
    pub(in crate::systems) fn new(inner: S) -> (Self, Arc<Meter>) {
        let meter = Arc::new(Meter::default());
        meter.refill();
        (Self { inner, meter: Arc::clone(&meter) }, meter)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let read = (buffer.filled().len() - before) as u64;
        let meter = &self.meter;
        if read > 0 && !meter.asked.load(Ordering::Relaxed) {
            meter.unasked.store(true, Ordering::Relaxed);
        }
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) if read > 0 && meter.spend(read) => Poll::Ready(Ok(())),
            Poll::Ready(Ok(())) if read > 0 => {
                meter.overrun.store(true, Ordering::Relaxed);
                meter.ended.store(true, Ordering::Relaxed);
                Poll::Ready(Err(io::Error::other("the answer is too large")))
            }
            Poll::Ready(ended) => {
                meter.ended.store(true, Ordering::Relaxed);
                Poll::Ready(ended)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.meter.asked.store(true, Ordering::Relaxed);
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Err(_)) = polled {
            self.meter.ended.store(true, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
