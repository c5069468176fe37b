//! Watching a stream: as long as it takes to hear whether it lives.

use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION};
use tokio::time::{Instant, timeout_at};

use super::EventStream;
use super::lines::{Lines, Wrong};
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;
use crate::systems::net::opened::Opened;

/// The most bytes of a stream that are read.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What the head of an answer says.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    /// Media type, without its parameters, in lower case.
    pub(super) content_type: Option<String>,
    /// How it is compressed.
    pub(super) encoding: Option<String>,
    /// Where it redirects to.
    pub(super) location: Option<String>,
}

impl Head {
    pub(super) fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| {
            let value = headers.get(name)?;
            Some(legible(String::from_utf8_lossy(value.as_bytes()).trim(), 100))
        };
        let media = |whole: String| whole.split(';').next().unwrap_or("").trim().to_lowercase();
        Self {
            status,
            content_type: text(CONTENT_TYPE).map(media),
            encoding: text(CONTENT_ENCODING).filter(|encoding| encoding != "identity"),
            location: text(LOCATION),
        }
    }

    /// Whether what follows is an event stream.
    pub(super) fn promises_events(&self) -> bool {
        let Self { status, content_type, encoding, location: _ } = self;
        *status == StatusCode::OK
            && content_type.as_deref() == Some("text/event-stream")
            && encoding.is_none()
    }
}

/// What was heard of a stream, in times since it was asked for.
#[derive(Debug)]
pub(super) struct Heard {
    /// When the first line came.
    pub(super) first: Option<Duration>,
    /// The longest time between two lines, or between the last one and the end.
    pub(super) silence: Duration,
    /// How many lines came that hold something.
    pub(super) lines: usize,
    /// How long it was watched.
    pub(super) watched: Duration,
    /// Why no longer.
    pub(super) end: End,
}

/// Why a stream is not watched any longer.
#[derive(Debug)]
pub(super) enum End {
    /// There is no more to hear.
    Enough,
    /// Nothing came for as long as is waited for.
    Silence,
    /// The look's time is up.
    OutOfTime,
    /// The server ended it.
    Ended,
    /// A line is wrong.
    Wrong(Wrong),
    /// More came than is read.
    Flood,
    /// The connection broke.
    Broke(Obstacle),
}

impl EventStream {
    /// Watches a stream that was asked for at `asked`, and hangs up.
    pub(super) async fn watch(&self, mut opened: Opened, asked: Instant, until: Instant) -> Heard {
        let mut lines = Lines::default();
        let mut heard = Heard {
            first: None,
            silence: Duration::ZERO,
            lines: 0,
            watched: Duration::ZERO,
            end: End::Enough,
        };
        let mut last = asked;
        let mut bytes = 0;
        heard.end = loop {
            let patience = last + self.patience(heard.first.is_some());
            let piece = match opened.piece(patience.min(until)).await {
                Ok(Some(piece)) => piece,
                Ok(None) => break End::Ended,
                Err(obstacle) if obstacle.reason != Reason::TIMED_OUT => {
                    break End::Broke(obstacle);
                }
                Err(_) if patience <= until => break End::Silence,
                Err(_) => break End::OutOfTime,
            };
            bytes += piece.len();
            let now = Instant::now();
            match lines.take(&piece) {
                Ok(0) => {}
                Ok(more) => {
                    heard.lines += more;
                    if heard.first.is_some() {
                        heard.silence = heard.silence.max(now - last);
                    }
                    last = now;
                    let first = *heard.first.get_or_insert(now - asked);
                    if self.enough((now - asked).saturating_sub(first)) {
                        break End::Enough;
                    }
                }
                Err(wrong) => break End::Wrong(wrong),
            }
            if bytes > MOST_BYTES {
                break End::Flood;
            }
        };
        heard.watched = asked.elapsed();
        if heard.first.is_some() {
            heard.silence = heard.silence.max(last.elapsed());
        }
        timeout_at(until, opened.hang_up()).await.ok();
        heard
    }

    /// How long the next line is waited for.
    fn patience(&self, begun: bool) -> Duration {
        match self.longest_silence() {
            Some(silence) if begun => silence,
            Some(_) | None => self.first_within.0.get(),
        }
    }

    /// Whether a line that comes so long after the first is all that has to be heard. One that
    /// comes soon after it may be part of the stream's beginning, and no heartbeat.
    fn enough(&self, since_first: Duration) -> bool {
        self.heartbeat.is_none_or(|heartbeat| since_first >= heartbeat.get() / 2)
    }
}
