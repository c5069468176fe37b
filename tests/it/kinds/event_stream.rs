//! `event_stream`: every reason, from servers that say exactly what they must not.

use std::time::Duration;

use vigie::checks::event_stream::EventStream;
use vigie::model::judgement::Judgement;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::site::{Answer, Site};

use super::{Provocation, provoke};
use crate::net::ground::Ground;
use crate::support::look_within;

#[tokio::test(flavor = "multi_thread")]
async fn event_stream_gives_every_reason() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    let mut rows = rows! { EventStream:
        "NoFirstEvent" Fail stream(Fault::SaysAndHolds(opens("")));
        "HeartbeatMissed" Fail stream(Fault::SaysAndHolds(opens("retry: 10000\n\n")));
        "StreamEnded" Fail stream(Fault::Says(opens("retry: 10000\n\n")));
        "Garbled" Fail stream(Fault::SaysAndHolds(opens("retry: soon\n\n")));
        "TooLarge" Fail stream(Fault::Endless(opens("data: "), "a".repeat(10_000).into()));
        "WrongContentType" Fail site(Answer::new(200, "<html>").header("content-type", "text/html"));
        "WrongStatus" Fail site(Answer::new(404, ""));
        "Throttled" Fail site(Answer::new(429, ""));
        "Unauthorized" Fail site(Answer::new(401, ""));
        "Forbidden" Fail site(Answer::new(403, ""));
        "ServerError" Fail site(Answer::new(503, ""));
    };
    rows.extend(fetching!(EventStream, "event_stream"));
    rows
}

/// A head that promises events, and what follows it.
fn opens(text: &str) -> bytes::Bytes {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{text}").into()
}

async fn stream(fault: Fault) -> Judgement {
    let ground = Ground::new().await;
    let server = Broken::start(fault).await.expect("a server");
    let check = format!(
        "event_stream: {{ url: 'http://{}/', first_within: 1s, heartbeat: 1s }}",
        server.address()
    );
    look_within(Duration::from_secs(5), &check, &ground.systems).await
}

async fn site(answer: Answer) -> Judgement {
    let ground = Ground::new().await;
    let site = Site::plain().await.expect("a site");
    site.answer("*", answer);
    ground.look(&format!("event_stream: {{ url: 'http://{}/' }}", site.address())).await
}
