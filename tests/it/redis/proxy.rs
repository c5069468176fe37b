//! A proxy that counts round trips, and that can stop passing anything on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A proxy before one server. Dropped, it is gone with all its connections.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    counts: Arc<Counts>,
    task: AbortHandle,
}

#[derive(Default)]
struct Counts {
    trips: AtomicU64,
    connections: AtomicU64,
    frozen: AtomicBool,
}

impl Proxy {
    /// Starts it before the server at `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let counts = Arc::<Counts>::default();
        let shared = Arc::clone(&counts);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let server = TcpStream::connect(target).await.expect("the server");
                connections.spawn(pass(client, server, Arc::clone(&shared)));
            }
        });
        Self { address, counts, task: task.abort_handle() }
    }

    /// Round trips and connections so far.
    pub fn counts(&self) -> [u64; 2] {
        let Counts { trips, connections, frozen: _ } = &*self.counts;
        [trips, connections].map(|count| count.load(Ordering::SeqCst))
    }

    /// The connections that are open now stay open, and nothing comes through them any more; new
    /// ones work.
    pub fn freeze(&self) {
        self.counts.frozen.store(true, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes bytes on. A trip begins when the client speaks after the server did.
async fn pass(mut client: TcpStream, mut server: TcpStream, counts: Arc<Counts>) {
    let born_frozen = counts.frozen.load(Ordering::SeqCst);
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut asking = false;
    loop {
        let frozen = counts.frozen.load(Ordering::SeqCst) && !born_frozen;
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                if frozen { continue; }
                if !asking {
                    asking = true;
                    counts.trips.fetch_add(1, Ordering::SeqCst);
                }
                if server.write_all(&asked[..read]).await.is_err() { return; }
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                if frozen { continue; }
                asking = false;
                if client.write_all(&answered[..read]).await.is_err() { return; }
            }
        }
    }
}
