//! A proxy before the API server that becomes a black hole: packets are dropped, nothing is closed.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// The shortest queue of connections that nobody has accepted yet.
const QUEUE: u32 = 1;

/// A proxy before one server. Dropped, it is gone with all its connections.
pub struct Hole {
    pub address: SocketAddr,
    swallows: watch::Sender<bool>,
    task: AbortHandle,
    /// What fills the queue, so that the kernel drops whatever else wants to connect.
    stuffing: Vec<TcpStream>,
}

impl Hole {
    /// Starts it before the server at `target`, passing everything on.
    pub fn before(target: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let listener = socket.listen(QUEUE).expect("a port");
        let address = listener.local_addr().expect("an address");
        let swallows = watch::Sender::new(false);
        let task = tokio::spawn(serve(listener, target, swallows.subscribe()));
        Self { address, swallows, task: task.abort_handle(), stuffing: Vec::new() }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on nothing comes through, in either direction: open connections stay open, new ones
    /// are neither accepted nor refused.
    pub async fn swallow(&mut self) {
        self.swallows.send_replace(true);
        while let Ok(connected) =
            timeout(Duration::from_millis(200), TcpStream::connect(self.address)).await
        {
            self.stuffing.push(connected.expect("a place in the queue"));
        }
    }

    /// Passes new connections on again; what was swallowed stays so.
    pub fn heal(&mut self) {
        self.stuffing.clear();
        self.swallows.send_replace(false);
    }
}

impl Drop for Hole {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, target: SocketAddr, mut swallows: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let may_pass = swallows.clone().wait_for(|swallows| !swallows).await.is_ok();
        assert!(may_pass, "whoever says so is there as long as this task");
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.expect("a connection");
                connections.spawn(pass(client, target, swallows.clone()));
            }
            _ = swallows.changed() => {}
        }
    }
}

/// Passes bytes on until they are swallowed; from then on for good.
async fn pass(mut client: TcpStream, target: SocketAddr, mut swallows: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let cut = async move { drop(swallows.wait_for(|swallows| *swallows).await) };
    tokio::select! {
        biased;
        () = cut => {}
        _ = copy_bidirectional(&mut client, &mut server) => return,
    }
    // Both sockets stay open, and nobody reads from them.
    std::future::pending::<()>().await;
}
