//! A way to a daemon that loses answers: what was asked arrives, and what came of it does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// It listens until it is dropped.
pub struct Lossy {
    pub url: String,
    connections: Arc<AtomicUsize>,
    listens: JoinHandle<()>,
}

impl Lossy {
    /// Before the daemon at this address; it loses the answers of so many connections.
    pub async fn before(daemon: &str, loses: usize) -> Self {
        let daemon = daemon.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let listens = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let n = counted.fetch_add(1, Ordering::SeqCst);
                let daemon = daemon.clone();
                tokio::spawn(async move { passed(client, &daemon, n < loses).await });
            }
        });
        Self { url, connections, listens }
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.listens.abort();
    }
}

/// Passes a request on, and its answer unless that is to be lost: then the connection ends once the
/// daemon has begun to answer.
async fn passed(mut client: TcpStream, daemon: &str, lost: bool) {
    let mut daemon = TcpStream::connect(daemon).await.expect("the daemon");
    if !lost {
        copy_bidirectional(&mut client, &mut daemon).await.ok();
        return;
    }
    let (mut answer, mut request) = daemon.split();
    let (mut asked, _) = client.split();
    let mut first = [0; 1];
    tokio::select! {
        _ = tokio::io::copy(&mut asked, &mut request) => {}
        _ = answer.read(&mut first) => {}
    }
}
