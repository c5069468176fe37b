//! The port: it listens, refuses, comes back, and cuts connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Shared;
use super::faults::{Voice, until_heard};

/// How long a port is tried for that somebody else may hold a moment longer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Stop listening, and cut all connections.
    Refuse,
    /// Listen again.
    Listen,
    /// Cut all connections.
    Drop,
}

pub(super) type Orders = mpsc::UnboundedSender<(Order, oneshot::Sender<()>)>;

/// Serves `router` on `listener` until `stop`; what is sent to the orders returned is obeyed.
pub(super) fn serve(
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stop: CancellationToken,
) -> Orders {
    let (orders, given) = mpsc::unbounded_channel();
    let port = Port { address, router, tls, shared, open: Open::default() };
    tokio::spawn(async move {
        // The port's connections end with it.
        stop.run_until_cancelled(port.run(listener, given)).await;
    });
    orders
}

/// The connections of one time of listening.
#[derive(Default)]
struct Open {
    tasks: TaskTracker,
    cut: CancellationToken,
}

impl Open {
    async fn close(&mut self) {
        let old = std::mem::take(self);
        old.cut.cancel();
        old.tasks.close();
        old.tasks.wait().await;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}

struct Port {
    address: SocketAddr,
    router: Router,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    open: Open,
}

impl Port {
    async fn run(
        mut self,
        listener: TcpListener,
        mut orders: mpsc::UnboundedReceiver<(Order, oneshot::Sender<()>)>,
    ) {
        let mut listener = Some(listener);
        // Bound without listening: who connects is refused, and the port stays ours.
        let mut held = None;
        loop {
            let accepted = async {
                match &listener {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            let (order, done) = tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => order,
                    None => return,
                },
                accepted = accepted => {
                    if let Ok((stream, _)) = accepted {
                        self.welcome(stream);
                    }
                    continue;
                }
            };
            match order {
                Order::Refuse => {
                    drop(listener.take());
                    self.open.close().await;
                    held = patiently(|| bound(self.address)).await;
                }
                Order::Listen if listener.is_none() => {
                    listener = held.take().and_then(|socket: TcpSocket| socket.listen(1024).ok());
                }
                Order::Listen => {}
                Order::Drop => self.open.close().await,
            }
            // Who gave the order may have gone away meanwhile.
            done.send(()).unwrap_or_default();
        }
    }

    fn welcome(&self, stream: TcpStream) {
        // A socket that can't be told is only slower.
        drop(stream.set_nodelay(true));
        let (router, tls) = (self.router.clone(), self.tls.clone());
        let mut voice = self.shared.voice.subscribe();
        let cut = self.open.cut.clone();
        let work = async move {
            until_heard(&mut voice, &[Voice::Silent]).await;
            match tls {
                None => talk(stream, router).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        talk(stream, router).await;
                    }
                }
            }
        };
        self.open.tasks.spawn(async move {
            cut.run_until_cancelled(work).await;
        });
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + Send, router: Router) {
    let service = TowerToHyperService::new(router);
    // A connection that broke is the client's business.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn patiently<T>(attempt: impl Fn() -> io::Result<T>) -> Option<T> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Ok(done) = attempt() {
            return Some(done);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}
