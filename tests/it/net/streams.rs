//! Event streams of a real Node.js server, by itself and behind a real nginx.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::net::broken::{Broken, Fault};

use super::ground::Ground;
use super::nginx::serve;
use crate::support::look_within;

/// How often the server says something, and what the checks expect. A busy machine is late at
/// times, and must not be so by half of it.
const CADENCE: Duration = Duration::from_secs(2);

struct Notifier {
    at: SocketAddr,
    _child: Child,
}

async fn notifier() -> Notifier {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/notifier.mjs");
    let mut child = Command::new("node")
        .arg(program)
        .arg(CADENCE.as_millis().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node; `tests/setup.sh` installs it");
    let mut output = BufReader::new(child.stdout.take().expect("an output")).lines();
    let port = output.next_line().await.expect("node speaks").expect("a port");
    let port: u16 = port.parse().expect("a port");
    Notifier { at: ([127, 0, 0, 1], port).into(), _child: child }
}

async fn look(ground: &Ground, url: &str, rest: &str) -> Judgement {
    let check = format!("event_stream: {{ url: '{url}', heartbeat: {CADENCE:?}, {rest} }}");
    look_within(5 * CADENCE, &check, &ground.systems).await
}

fn code(judgement: &Judgement) -> Option<&'static str> {
    judgement.reason().map(Reason::code)
}

fn figure(judgement: &Judgement, name: &str) -> f64 {
    let sample = judgement.samples().iter().find(|sample| sample.measure.name == name);
    sample.unwrap_or_else(|| panic!("`{name}`")).value
}

#[tokio::test]
async fn a_real_stream_is_heard_and_left_politely() {
    let (ground, notifier) = (Ground::new().await, notifier().await);
    let judgement = look(&ground, &format!("http://{}/updates/x", notifier.at), "").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let first = figure(&judgement, "vigie_event_stream_first_line_seconds");
    let silence = figure(&judgement, "vigie_event_stream_longest_silence_seconds");
    let cadence = CADENCE.as_secs_f64();
    assert!(first < cadence && (0.8 * cadence..1.5 * cadence).contains(&silence), "{silence}");
    let open = format!(
        "http: {{ url: 'http://{}/open', expect: {{ json: {{ /open: {{ is: 0 }}, /resets: {{ is: 0 }} }} }} }}",
        notifier.at
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let judgement = ground.look(&open).await;
        if judgement.verdict() == Verdict::Pass {
            break;
        }
        assert!(Instant::now() < deadline, "{}", judgement.because());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_real_stream_is_told() {
    let (ground, notifier) = (Ground::new().await, notifier().await);
    for (manner, reason) in
        [("mute", "NoFirstEvent"), ("deaf", "HeartbeatMissed"), ("brief", "StreamEnded")]
    {
        let url = format!("http://{}/updates/{manner}", notifier.at);
        let judgement = look(&ground, &url, "first_within: 1s").await;
        assert_eq!(code(&judgement), Some(reason), "{manner}: {}", judgement.because());
        assert_eq!(judgement.verdict(), Verdict::Fail, "{manner}");
    }
}

#[tokio::test]
async fn an_nginx_that_buffers_a_stream_is_found_out() {
    let (ground, notifier) = (Ground::new().await, notifier().await);
    let nginx = serve(&ground, |[buffering, flowing, cut]| {
        let stream = notifier.at;
        format!(
            "proxy_http_version 1.1; proxy_set_header Connection '';
             gzip on; gzip_types text/event-stream; gzip_min_length 0;
             server {{
               listen {buffering};
               location / {{ proxy_pass http://{stream}; proxy_http_version 1.0; proxy_buffering on; }}
             }}
             server {{
               listen {flowing} ssl;
               location / {{ proxy_pass http://{stream}; proxy_buffering off; }}
             }}
             server {{
               listen {cut};
               location / {{
                 proxy_pass http://{stream}; proxy_buffering off; proxy_read_timeout 1s;
               }}
             }}"
        )
    })
    .await;
    let [buffering, flowing, cut] = nginx.at;
    let (secure, plain) = (format!("https://app.test:{}", flowing.port()), "first_within: 1s");
    let judgement = look(&ground, &format!("{secure}/updates/x"), "").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let judgement = look(&ground, &format!("http://{buffering}/updates/x"), plain).await;
    assert_eq!(judgement.verdict(), Verdict::Fail, "{}", judgement.because());
    assert_eq!(code(&judgement), Some("NoFirstEvent"), "{}", judgement.because());
    assert!(judgement.because().contains("not even a head"), "{}", judgement.because());
    // nginx hangs up on a server that says nothing for a second, in the middle of the answer.
    let judgement = look(&ground, &format!("http://{cut}/updates/x"), plain).await;
    assert_eq!(code(&judgement), Some("Reset"), "{}", judgement.because());
    drop(notifier);
    let judgement = look(&ground, &format!("{secure}/updates/x"), "").await;
    assert_eq!(code(&judgement), Some("ServerError"), "{}", judgement.because());
}

#[tokio::test]
async fn a_stream_that_floods_drips_or_breaks_is_judged_in_time() {
    let ground = Ground::new().await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    let open = |text: &str| bytes::Bytes::from(format!("{head}\r\n{text}"));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n4\r\n:a\n\n\r\n");
    for (fault, reason) in [
        (Fault::Endless(open(""), format!(":{}\n", "a".repeat(60_000)).into()), Some("TooLarge")),
        (Fault::Endless(open(""), "a".repeat(10_000).into()), Some("TooLarge")),
        (Fault::Drips(open(&":".repeat(1000))), Some("NoFirstEvent")),
        (Fault::Says(chunked.clone().into()), Some("Reset")),
        (Fault::Says(format!("{chunked}0\r\n\r\n").into()), Some("StreamEnded")),
        (Fault::Says(open("<html>\n")), Some("Garbled")),
        (Fault::Says(open("data: a\n").into_iter().chain(*b"\xff\n").collect()), Some("Garbled")),
        (Fault::HangsUp, Some("Reset")),
    ] {
        let server = Broken::start(fault.clone()).await.expect("a server");
        let url = format!("http://{}/", server.address());
        let check = format!("event_stream: {{ url: '{url}', first_within: 1s, heartbeat: 1m }}");
        let judgement = look_within(Duration::from_secs(20), &check, &ground.systems).await;
        let told = format!("{fault:?}").chars().take(120).collect::<String>();
        assert_eq!(code(&judgement), reason, "{told}: {}", judgement.because());
        assert_eq!(judgement.verdict(), Verdict::Fail, "{told}");
    }
}
