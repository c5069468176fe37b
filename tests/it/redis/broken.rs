//! Redis that refuses, hides, hangs or is something else.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::redis::Worker;

use super::proxy::Proxy;
use super::server::{Server, certificates, free_port, say};
use super::until;
use crate::support::{look, look_within, systems};

const CHECK: &str = "bull_queue: { queues: [q] }";

fn over(connection: &str) -> Systems {
    systems(&format!("redis: {{ default: {{ {connection} }} }}"), Clock::System)
}

fn code(judgement: &Judgement) -> Option<&'static str> {
    judgement.reason().map(Reason::code)
}

async fn worker(port: u16) -> Worker {
    let address = ([127, 0, 0, 1], port).into();
    Worker::start(address, "q", Duration::ZERO).await.expect("a worker")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_not_tried_again_until_it_changes() {
    let redis = Server::redis(&[]).await;
    let _worker = worker(redis.port).await;
    say(redis.port, "CONFIG SET requirepass sesame").await.expect("an answer");
    let proxy = Proxy::start(([127, 0, 0, 1], redis.port).into()).await;
    let secret = redis.folder().join("password");
    std::fs::write(&secret, "wrong\n").expect("a file");
    let file = secret.display();
    let systems =
        over(&format!("url: 'redis://{}', password: {{ file: '{file}' }}", proxy.address));

    for _ in 0..3 {
        let refused = look(CHECK, &systems).await;
        assert_eq!(code(&refused), Some("Unauthorized"), "{:#?}", refused.lines());
        assert_eq!(refused.verdict(), Verdict::Unknown);
        assert!(!refused.because().contains("wrong"), "{}", refused.because());
    }
    assert_eq!(proxy.counts()[1], 1, "one try for three looks");

    std::fs::write(&secret, "sesame\n").expect("a file");
    let seen = look(CHECK, &systems).await;
    assert_eq!(seen.verdict(), Verdict::Pass, "{:#?}", seen.lines());

    // Changed under an open connection: the next look shows the new one, and is refused.
    std::fs::write(&secret, "other").expect("a file");
    assert_eq!(code(&look(CHECK, &systems).await), Some("Unauthorized"));
    let none = over(&format!("url: '{}'", redis.url()));
    assert_eq!(code(&look(CHECK, &none).await), Some("Unauthorized"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_see_clients_the_rest_is_judged() {
    let redis = Server::redis(&[]).await;
    let _worker = worker(redis.port).await;
    let rights = "ACL SETUSER vigie on >secret ~bull:* +@read +@connection -client +select";
    assert_eq!(say(redis.port, rights).await.expect("an answer"), "+OK\r\n");
    let file = redis.folder().join("secret");
    std::fs::write(&file, "secret").expect("a file");
    let systems = over(&format!(
        "url: '{}', username: vigie, password: {{ file: '{}' }}, db: 0",
        redis.url(),
        file.display()
    ));
    let seen = look("bull_queue: { queues: [q], workers_at_least: 1 }", &systems).await;
    assert_eq!((seen.verdict(), code(&seen)), (Verdict::Unknown, Some("Forbidden")));

    say(redis.port, "RPUSH bull:q:wait 1 2 3").await.expect("an answer");
    say(redis.port, "SET bull:q:id 3").await.expect("an answer");
    say(redis.port, "SET bull:q:meta-paused 1").await.expect("an answer");
    let seen = look(CHECK, &systems).await;
    assert_eq!((seen.verdict(), code(&seen)), (Verdict::Fail, Some("QueuePaused")));
    let reasons: Vec<_> = seen.lines().iter().filter_map(|line| line.reason).collect();
    assert_eq!(reasons.last().copied().map(Reason::code), Some("Forbidden"));
    let free = look("bull_queue: { queues: [q], workers_at_least: 0, paused: allowed }", &systems);
    assert_eq!(free.await.verdict(), Verdict::Pass);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let [ca, certificate, key] = certificates(folder.path());
    let port = free_port();
    let lines = [
        format!("tls-port {port}"),
        format!("tls-cert-file {}", certificate.display()),
        format!("tls-key-file {}", key.display()),
        format!("tls-ca-cert-file {}", ca.display()),
        "tls-auth-clients no".to_owned(),
    ];
    let redis = Server::redis(&lines.each_ref().map(String::as_str)).await;
    let _worker = worker(redis.port).await;
    let url = format!("url: 'rediss://127.0.0.1:{port}'");

    let trusted = over(&format!("{url}, tls: {{ ca: '{}' }}", ca.display()));
    let seen = look(CHECK, &trusted).await;
    assert_eq!(seen.verdict(), Verdict::Pass, "{:#?}", seen.lines());

    let stranger = look(CHECK, &over(&url)).await;
    assert_eq!(code(&stranger), Some("TlsFailed"), "{:#?}", stranger.lines());
    let another = format!("{url}, tls: {{ ca: '{}', server_name: other.test }}", ca.display());
    assert_eq!(code(&look(CHECK, &over(&another)).await), Some("TlsFailed"));
    let absent = over(&format!("{url}, tls: {{ ca: /nowhere/ca.pem }}"));
    assert_eq!(code(&look(CHECK, &absent).await), Some("SecretMissing"));
    let large = folder.path().join("large.pem");
    let padded = [std::fs::read(&ca).expect("a CA"), vec![b'\n'; 1 << 20]].concat();
    std::fs::write(&large, padded).expect("a file");
    let large = over(&format!("{url}, tls: {{ ca: '{}' }}", large.display()));
    assert_eq!(code(&look(CHECK, &large).await), Some("SecretMissing"));
    let plain = over(&format!("url: 'redis://127.0.0.1:{port}'"));
    assert_eq!(look(CHECK, &plain).await.verdict(), Verdict::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_dies_and_comes_back_is_seen_so() {
    let mut redis = Server::redis(&[]).await;
    let systems = over(&format!("url: '{}'", redis.url()));
    let here = worker(redis.port).await;
    until(|| look(CHECK, &systems), |seen| seen.verdict() == Verdict::Pass).await;

    redis.freeze();
    let second = Duration::from_secs(1);
    let hung = look_within(second, CHECK, &systems).await;
    assert_eq!(code(&hung), Some("TimedOut"), "a kept connection");
    let hung = look_within(second, CHECK, &systems).await;
    assert_eq!(code(&hung), Some("TimedOut"), "a new connection");
    redis.thaw();
    until(|| look(CHECK, &systems), |seen| seen.verdict() == Verdict::Pass).await;

    redis.kill().await;
    let gone = until(|| look(CHECK, &systems), |seen| code(seen) == Some("Refused")).await;
    assert_eq!(gone.verdict(), Verdict::Unknown);
    drop(here);
}

/// Says `answer`, before being asked or after, and hangs up.
async fn talk(mut stream: TcpStream, first: bool, answer: &[u8]) -> std::io::Result<()> {
    if !first && stream.read(&mut vec![0; 64 * 1024]).await? == 0 {
        return Ok(());
    }
    stream.write_all(answer).await?;
    stream.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_not_redis_is_an_obstacle() {
    for (first, answer, reason) in [
        (false, &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "Garbled"),
        (false, b"*-7\r\n*99999999999999999999\r\n", "Garbled"),
        (false, b"*2\r\n:1\r\n%999999999999\r\n", "Reset"),
        (false, b"\x00\xff\xfe", "Garbled"),
        (false, b"+OK\r\n+OK\r\n", "Reset"),
        (false, b"$-5\r\n:1\r\n", "Reset"),
        (false, b"", "Reset"),
        (true, b"SSH-2.0-OpenSSH_9.2\r\n", "Garbled"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let peer = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever hangs up first, the connection has ended.
                let _ended = talk(stream, first, answer).await;
            }
        });
        let systems = over(&format!("url: 'redis://{address}'"));
        let seen = look(CHECK, &systems).await;
        let text = String::from_utf8_lossy(answer);
        assert_eq!(seen.verdict(), Verdict::Unknown, "{text}");
        assert_eq!(code(&seen), Some(reason), "{text}: {:#?}", seen.lines());
        peer.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_not_asked_about_workers() {
    let master = Server::redis(&[]).await;
    let follows = format!("replicaof 127.0.0.1 {}", master.port);
    let replica = Server::redis(&[&follows]).await;
    let seen = look(CHECK, &over(&format!("url: '{}'", replica.url()))).await;
    assert_eq!(code(&seen), Some("NoMaster"), "{:#?}", seen.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_applications_own_url_serves() {
    let redis = Server::redis(&["requirepass p@ss"]).await;
    let file = redis.folder().join("url");
    let url = format!("redis://:p%40ss@127.0.0.1:{}/3\n", redis.port);
    std::fs::write(&file, url).expect("a file");
    let systems = over(&format!("url_from: {{ file: '{}' }}", file.display()));
    let seen = look(CHECK, &systems).await;
    assert_eq!(code(&seen), Some("QueueMissing"), "{:#?}", seen.lines());
    std::fs::write(&file, "not a url, and secret").expect("a file");
    let seen = look(CHECK, &systems).await;
    assert_eq!(code(&seen), Some("SecretMissing"));
    assert!(!seen.because().contains("secret,"), "{}", seen.because());
}
