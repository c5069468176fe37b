//! A way to a daemon that loses answers: what was asked arrives, and what came of it does not, or
//! somebody on the way answers in its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What becomes of an answer.
#[derive(Clone)]
pub enum Fate {
    /// The connection ends once the daemon has begun to answer.
    Lost,
    /// Once the daemon has begun to answer, this is answered instead: status, content type, body.
    Instead(u16, &'static str, String),
}

/// It listens until it is dropped.
pub struct Lossy {
    pub url: String,
    connections: Arc<AtomicUsize>,
    listens: JoinHandle<()>,
}

impl Lossy {
    /// Before the daemon at this address; it loses the answers of so many connections.
    pub async fn before(daemon: &str, loses: usize) -> Self {
        Self::with(daemon, vec![Fate::Lost; loses]).await
    }

    /// The same with these fates of the first connections' answers; all others are passed on.
    pub async fn with(daemon: &str, fates: Vec<Fate>) -> Self {
        let daemon = daemon.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let listens = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let n = counted.fetch_add(1, Ordering::SeqCst);
                let (daemon, fate) = (daemon.clone(), fates.get(n).cloned());
                tokio::spawn(async move { passed(client, &daemon, fate).await });
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

/// Passes a request on, and its answer unless that has another fate.
async fn passed(mut client: TcpStream, daemon: &str, fate: Option<Fate>) {
    let mut daemon = TcpStream::connect(daemon).await.expect("the daemon");
    let Some(fate) = fate else {
        copy_bidirectional(&mut client, &mut daemon).await.ok();
        return;
    };
    let (mut answer, mut request) = daemon.split();
    let (mut asked, mut told) = client.split();
    let mut first = [0; 1];
    tokio::select! {
        _ = tokio::io::copy(&mut asked, &mut request) => {}
        _ = answer.read(&mut first) => {}
    }
    if let Fate::Instead(status, kind, body) = fate {
        let length = body.len();
        let whole = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        );
        told.write_all(whole.as_bytes()).await.ok();
    }
}
