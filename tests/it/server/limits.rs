//! What clients can't do: hold connections, memory, or the daemon's end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use vigie::server::Limits;

use super::{Cardboard, Running};
use crate::fixtures::everything;

const PATIENCE: Duration = Duration::from_secs(20);

async fn started(limits: Limits) -> Running {
    Running::start(Cardboard::new(everything()), None, limits).await
}

/// All that comes until the server closes the connection.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let reading = stream.read_to_end(&mut heard);
    // A reset is an end, too: the server may close what still has bytes underway.
    tokio::time::timeout(PATIENCE, reading).await.expect("the connection is closed").ok();
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let limits = Limits { head: Duration::from_millis(200), ..Limits::default() };
    let server = started(limits).await;
    let mut stream = TcpStream::connect(server.at).await.expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ").await.expect("it takes it");
    until_closed(&mut stream).await;
    assert_eq!(server.get("/-/healthy").await.status(), 200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = started(Limits::default()).await;
    let mut stream = TcpStream::connect(server.at).await.expect("a connection");
    let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx-large: {}\r\n\r\n", "x".repeat(200_000));
    // It may be refused before it is all there.
    stream.write_all(head.as_bytes()).await.ok();
    assert!(!until_closed(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert_eq!(server.get("/-/healthy").await.status(), 200);
}

#[tokio::test]
async fn a_connection_does_not_last_for_ever() {
    let limits = Limits { connection: Duration::from_millis(200), ..Limits::default() };
    let server = started(limits).await;
    let mut stream = TcpStream::connect(server.at).await.expect("a connection");
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("it takes it");
    assert!(until_closed(&mut stream).await.contains("Vigie is healthy."));
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_their_turn() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = started(limits).await;
    let mut first = TcpStream::connect(server.at).await.expect("a connection");
    first.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("it takes it");
    let mut some = [0; 12];
    first.read_exact(&mut some).await.expect("an answer");
    let waiting = tokio::spawn(server.request(reqwest::Method::GET, "/-/healthy").send());
    drop(first);
    assert_eq!(waiting.await.expect("no panic").expect("an answer").status(), 200);
}

#[tokio::test]
async fn what_is_not_http_harms_nobody() {
    let server = started(Limits::default()).await;
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"\0\0\0\r\n\r\n", b"GET\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.at).await.expect("a connection");
        stream.write_all(bytes).await.expect("it takes it");
        stream.shutdown().await.expect("it ends");
        until_closed(&mut stream).await;
    }
    assert_eq!(server.get("/-/healthy").await.status(), 200);
}

#[tokio::test]
async fn a_stop_lets_requests_in_flight_end_and_closes_idle_connections() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens.yaml");
    // The digest of `token`.
    let digest = "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0";
    std::fs::write(&file, format!("- {{ name: a, sha256: \"{digest}\", scopes: [reload] }}"))
        .expect("a file of tokens");
    let daemon = Cardboard::new(everything());
    let gate = Arc::new(Notify::new());
    *daemon.gate.lock().unwrap() = Some(Arc::clone(&gate));
    let limits = Limits { farewell: PATIENCE, ..Limits::default() };
    let mut server = Running::start(daemon, Some(file), limits).await;
    assert_eq!(server.get("/-/healthy").await.status(), 200, "an idle connection is kept");
    let before = server.daemon.snapshots.load(Ordering::SeqCst);
    let mut stream = TcpStream::connect(server.at).await.expect("a connection");
    let request = "POST /-/reload HTTP/1.1\r\nhost: a\r\nauthorization: Bearer token\r\n\
                   content-length: 0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("it takes it");
    // A later request that is answered proves nothing about the first; its permit at the gate does.
    while Arc::strong_count(&gate) < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop();
    gate.notify_one();
    assert!(until_closed(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert_eq!(before, server.daemon.snapshots.load(Ordering::SeqCst));
    let at = server.at;
    server.stopped().await;
    assert!(TcpStream::connect(at).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let limits = Limits { farewell: Duration::from_millis(100), ..Limits::default() };
    let mut server = started(limits).await;
    let mut stream = TcpStream::connect(server.at).await.expect("a connection");
    stream.write_all(b"POST /-/reload HTTP/1.1\r\nhost: a\r\ncontent-le").await.expect("taken");
    server.stop();
    server.stopped().await;
}
