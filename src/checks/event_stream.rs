//! `event_stream`: a stream of server-sent events opens, and stays alive.
//! Subject: the endpoint. Silence, an early end and lines that no client reads are failures.

mod judging;
pub mod lines;
mod watching;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use self::judging::refused;
use self::watching::{Head, Heard};
use super::http::params::FieldName;
use super::{Check, Look};
use crate::model::duration::{Period, spoken};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason, joined};
use crate::systems::net::dial::blamed;
use crate::systems::net::exchange::{Phases, Request};
use crate::systems::net::reasons::FETCHING;
use crate::systems::net::web::fetched;

const WRONG_STATUS: Reason = Reason::new("WrongStatus");
const WRONG_CONTENT_TYPE: Reason = Reason::new("WrongContentType");
const NO_FIRST_EVENT: Reason = Reason::new("NoFirstEvent");
const HEARTBEAT_MISSED: Reason = Reason::new("HeartbeatMissed");
const STREAM_ENDED: Reason = Reason::new("StreamEnded");

static FIRST: Measure = Measure::gauge(
    "vigie_event_stream_first_line_seconds",
    "Seconds from the request to the first line of the stream.",
    &["target"],
);
static SILENCE: Measure = Measure::gauge(
    "vigie_event_stream_longest_silence_seconds",
    "The longest time between two lines of the stream while it was watched.",
    &["target"],
);

const OWN: &[Documented] = &[
    Documented::fails(
        NO_FIRST_EVENT,
        "The first line did not come in time, or not even the head of an answer.",
    ),
    Documented::fails(
        HEARTBEAT_MISSED,
        "Nothing came for half as long again as a heartbeat takes.",
    ),
    Documented::fails(STREAM_ENDED, "The server ended the stream while it was watched."),
    Documented::fails(WRONG_CONTENT_TYPE, "The answer is no `text/event-stream`."),
    Documented::fails(WRONG_STATUS, "The status is not 200."),
    Documented::fails(
        Reason::GARBLED,
        "What came is not HTTP/1, compressed without being asked for, or a line that no client of \
         event streams reads.",
    ),
    Documented::fails(
        Reason::TOO_LARGE,
        "The head or a line is larger than is read, or more came than is read at all.",
    ),
    Documented::fails(Reason::THROTTLED, "It answers 429."),
    Documented::fails(Reason::UNAUTHORIZED, "It answers 401."),
    Documented::fails(Reason::FORBIDDEN, "It answers 403."),
    Documented::fails(Reason::SERVER_ERROR, "It answers 5xx."),
];

fetched! {
    /// A stream of server-sent events opens, and stays alive.
    ///
    /// Every line counts that clients read: comments and `retry` as much as events. Redirects are
    /// not followed.
    #[derive(Clone, Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct EventStream {
        /// Headers to send. Never shown.
        #[serde(default)]
        headers: BTreeMap<FieldName, String>,
        /// Fails if the first line comes later than this after the request; `5s` by default.
        #[serde(default)]
        #[schemars(default)]
        first_within: FirstWithin,
        /// How often the server says something at least, be it a comment. The stream is watched
        /// until something comes half of this or more after the first line, and fails where nothing
        /// comes for half as long again as this. The item's `timeout` must be twice this or longer.
        /// By default only the first line is waited for.
        #[serde(default)]
        heartbeat: Option<Period>,
    }
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
struct FirstWithin(Period);

impl Default for FirstWithin {
    fn default() -> Self {
        Self(Period::from_secs(5))
    }
}

/// What came of asking for the stream.
#[derive(Debug)]
pub struct Seen(Result<Streamed, Obstacle>);

#[derive(Debug)]
enum Streamed {
    /// Nothing, for as long as the first line is waited for.
    Nothing,
    /// An answer that promises no events.
    Answer(Head),
    /// A stream.
    Stream(Heard),
}

impl Check for EventStream {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &joined::<{ OWN.len() + FETCHING.len() }>(OWN, FETCHING);
    const MEASURES: &'static [&'static Measure] = &[&FIRST, &SILENCE];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = self.web().flaws();
        if self.headers.keys().any(|name| name.as_str() == "host") && self.host.is_some() {
            flaws.push("`host` and the header `host` exclude each other".to_owned());
        }
        flaws
    }

    fn flaws_in(&self, timeout: Duration) -> Vec<String> {
        let first = self.first_within.0;
        let Some((heartbeat, silence)) = self.heartbeat.zip(self.longest_silence()) else {
            let short = timeout <= first.get();
            let because =
                format!("the item's `timeout` must be longer than `first_within`, {first}");
            return Vec::from_iter(short.then_some(because));
        };
        let least = (2 * heartbeat.get()).max(first.get() + silence);
        if timeout >= least {
            return Vec::new();
        }
        vec![format!(
            "the item's `timeout` of {} is too short to hear heartbeats that come every \
             {heartbeat}: {} it must be, two heartbeats at least",
            spoken(timeout),
            spoken(least)
        )]
    }

    fn needs(&self) -> Needs {
        self.web().needs()
    }

    fn series(&self) -> Vec<Series> {
        let target = Some(self.url.to_string());
        [&FIRST, &SILENCE].map(|measure| Series { measure, labels: vec![target.clone()] }).into()
    }

    fn bounds(&self) -> Vec<Bound> {
        let above = |measure: &Measure, limit: Duration| Bound {
            measure: measure.name,
            bound: "fail_above",
            value: limit.as_secs_f64(),
        };
        let silence = self.longest_silence().map(|silence| above(&SILENCE, silence));
        [above(&FIRST, self.first_within.0.get())].into_iter().chain(silence).collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        match self.stream(look).await {
            Err(obstacle) if obstacle.ours => Err(obstacle),
            streamed => Ok(Seen(streamed)),
        }
    }

    fn judge(&self, Seen(streamed): &Seen, _past: &Past, _now: Timestamp) -> Judgement {
        let heard = match streamed {
            Ok(Streamed::Stream(heard)) => heard,
            Ok(Streamed::Answer(head)) => return refused(head).into(),
            Ok(Streamed::Nothing) => return self.nothing().into(),
            Err(obstacle) => return obstacle.clone().into_failure().into(),
        };
        let mut judgement = Judgement::from(self.find(heard));
        let target = self.url.to_string();
        if let Some(first) = heard.first {
            judgement.measure(FIRST.is(first.as_secs_f64(), [&target]));
            // Without a heartbeat it was not watched any longer.
            if self.heartbeat.is_some() {
                judgement.measure(SILENCE.is(heard.silence.as_secs_f64(), [&target]));
            }
        }
        judgement
    }
}

impl EventStream {
    /// The longest acceptable time without a line.
    fn longest_silence(&self) -> Option<Duration> {
        self.heartbeat.map(|heartbeat| heartbeat.get() * 3 / 2)
    }

    async fn stream(&self, look: &Look<'_>) -> Result<Streamed, Obstacle> {
        let request = self.request()?;
        let Look { systems, now, .. } = look;
        let visit = self.web().visit(&systems.net, &systems.secrets, look.until(), *now);
        let visit = visit.impatient(self.first_within.0.get());
        let started = Instant::now();
        let mut phases = Phases::default();
        let opened = match visit.open(request, None, &mut phases).await {
            Ok(opened) => opened,
            // Only the head of the answer is given less time than the look has.
            Err(obstacle)
                if obstacle.reason == Reason::TIMED_OUT && Instant::now() < look.until() =>
            {
                return Ok(Streamed::Nothing);
            }
            Err(obstacle) => return Err(blamed(obstacle, phases.resolve, started)),
        };
        let asked = Instant::now() - phases.processing;
        let head = Head::of(opened.head.status, &opened.head.headers);
        if !head.promises_events() {
            return Ok(Streamed::Answer(head));
        }
        Ok(Streamed::Stream(self.watch(opened, asked, look.until()).await))
    }

    fn request(&self) -> Result<Request, Obstacle> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in &self.headers {
            let ours = || {
                let because = format!("the value for the header `{name}` can't be sent");
                Obstacle::ours(Reason::SECRET_MISSING, because)
            };
            let field = HeaderName::try_from(name.as_str()).map_err(|_| ours())?;
            headers.insert(field, HeaderValue::try_from(value).map_err(|_| ours())?);
        }
        Ok(Request { method: Method::GET, url: self.url.clone(), headers, body: Bytes::new() })
    }
}
