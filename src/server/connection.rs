//! Connections: how many, how long, and how they end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

/// After a refused accept (no file descriptor left), the next try.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// The largest head of a request, in bytes, and what a connection may buffer.
const LARGEST_HEAD: usize = 64 * 1024;

/// What a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; the next ones wait in the system's queue.
    pub connections: usize,
    /// How long a client may take to send a request's head, and how long it may stay silent between
    /// two requests: longer than scrapers' usual minute.
    pub head: Duration,
    /// How long a connection may last in all; a request in flight then ends within `farewell`. It
    /// bounds clients that never read what they asked for.
    pub connection: Duration,
    /// How long requests in flight may take when the daemon stops.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            head: Duration::from_secs(75),
            connection: Duration::from_mins(15),
            farewell: Duration::from_secs(3),
        }
    }
}

/// Accepts connections until `stop` is ready, then waits for those that are open.
pub(super) async fn accept(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let (stopping, open) = (CancellationToken::new(), TaskTracker::new());
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
            Some((permit, listener.accept().await))
        };
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => match next {
                Some(next) => next,
                None => break,
            },
        };
        match accepted {
            Ok((stream, peer)) => {
                let conversation = converse(stream, peer, routes.clone(), limits, stopping.clone());
                open.spawn(async move {
                    conversation.await;
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
    }
    drop(listener);
    stopping.cancel();
    open.close();
    if tokio::time::timeout(limits.farewell, open.wait()).await.is_err() {
        warn!(connections = open.len(), "stopping before all requests were answered");
    }
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    limits: Limits,
    stopping: CancellationToken,
) {
    let service = routes.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stopping.cancelled() => None,
        () = tokio::time::sleep(limits.connection) => None,
    };
    let ended = if let Some(ended) = ended {
        Ok(ended)
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::time::timeout(limits.farewell, connection).await
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%peer, %error, "a connection broke"),
        Err(_) => debug!(%peer, "a connection was given up"),
    }
}
