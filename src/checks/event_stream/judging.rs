//! What is thought of a stream. Pure.

use std::time::Duration;

use super::lines::{LONGEST_LINE, Wrong};
use super::watching::{End, Head, Heard, MOST_BYTES};
use super::{
    EventStream, HEARTBEAT_MISSED, NO_FIRST_EVENT, STREAM_ENDED, WRONG_CONTENT_TYPE, WRONG_STATUS,
};
use crate::model::duration::spoken;
use crate::model::finding::Finding;
use crate::model::judgement::Answer;
use crate::model::reason::Reason;

impl EventStream {
    pub(super) fn find(&self, heard: &Heard) -> Answer {
        let watched = spoken(heard.watched);
        let lines = counted(heard.lines);
        let (reason, because) = match (&heard.end, heard.first) {
            (End::Broke(obstacle), _) => return obstacle.clone().into_failure().into(),
            (End::Ended, _) => {
                (STREAM_ENDED, format!("ends the stream after {watched} and {lines}"))
            }
            (End::Wrong(wrong), _) => told(wrong),
            (End::Flood, _) => {
                let most = MOST_BYTES / (1024 * 1024);
                (Reason::TOO_LARGE, format!("sends more than {most} MiB within {watched}"))
            }
            (End::Silence, None) => {
                let limit = self.first_within.0;
                let because = format!("opens and says nothing for {watched}, {limit} allowed");
                (NO_FIRST_EVENT, because)
            }
            (End::OutOfTime, None) => (Reason::TIMED_OUT, too_late(&watched)),
            (end, Some(first)) => return self.of_times(end, first, heard).into(),
            (End::Enough, None) => (NO_FIRST_EVENT, "opens and says nothing".to_owned()),
        };
        Finding::fail(reason, because).into()
    }

    /// What is thought of a server that takes the request, and answers nothing.
    pub(super) fn nothing(&self) -> Finding {
        let limit = self.first_within.0;
        let because = format!(
            "takes the request and answers nothing for {limit}, not even a head: a proxy that keeps \
             back what it should pass on does so"
        );
        Finding::fail(NO_FIRST_EVENT, because)
    }

    /// What is thought of a stream whose first line came, and that only its times can fault.
    fn of_times(&self, end: &End, first: Duration, heard: &Heard) -> Finding {
        let within = self.first_within.0;
        if first > within.get() {
            let because = format!("the first line came after {}, {within} allowed", spoken(first));
            return Finding::fail(NO_FIRST_EVENT, because);
        }
        let first = format!("the first line came after {}", spoken(first));
        let Some((heartbeat, longest)) = self.heartbeat.zip(self.longest_silence()) else {
            return Finding::pass(first);
        };
        let silence = heard.silence;
        // Cut short by the end of the look, a silence is one where a heartbeat should have come.
        let cut_short = matches!(end, End::OutOfTime) && silence > heartbeat.get();
        if matches!(end, End::Silence) || silence > longest || cut_short {
            let because = format!(
                "falls silent after {}: nothing for {}, a heartbeat every {heartbeat} wanted and {} \
                 at most allowed",
                counted(heard.lines),
                spoken(silence),
                spoken(longest)
            );
            return Finding::fail(HEARTBEAT_MISSED, because);
        }
        if matches!(end, End::OutOfTime) {
            return Finding::fail(Reason::TIMED_OUT, too_late(&spoken(heard.watched)));
        }
        Finding::pass(format!("{first}, the longest silence lasted {}", spoken(silence)))
    }
}

fn too_late(watched: &str) -> String {
    format!("answers so late that its stream could be watched for {watched} only")
}

fn told(wrong: &Wrong) -> (Reason, String) {
    match wrong {
        Wrong::TooLong => {
            (Reason::TOO_LARGE, format!("sends a line of more than {LONGEST_LINE} bytes"))
        }
        Wrong::NotText => (Reason::GARBLED, "sends a line that is not UTF-8".to_owned()),
        Wrong::UnknownField(name) => {
            let because = format!("sends a line with the field `{name}`, which clients ignore");
            (Reason::GARBLED, because)
        }
        Wrong::Retry => {
            (Reason::GARBLED, "sends a `retry` that is not a number of milliseconds".to_owned())
        }
    }
}

fn counted(lines: usize) -> String {
    if lines == 1 { "one line".to_owned() } else { format!("{lines} lines") }
}

/// What is wrong with an answer that promises no events.
pub(super) fn refused(head: &Head) -> Finding {
    let Head { status, content_type, encoding, location } = head;
    let code = status.as_u16();
    let reason = match code {
        200 => return no_stream(content_type.as_deref(), encoding.as_deref()),
        401 => Reason::UNAUTHORIZED,
        403 => Reason::FORBIDDEN,
        429 => Reason::THROTTLED,
        500..=599 => Reason::SERVER_ERROR,
        _ => WRONG_STATUS,
    };
    let onward = match location {
        Some(_) if status.is_redirection() => " and redirects, which is not followed",
        Some(_) | None => "",
    };
    Finding::fail(reason, format!("answers {code}{onward}, 200 expected"))
}

fn no_stream(content_type: Option<&str>, encoding: Option<&str>) -> Finding {
    match (content_type, encoding) {
        (Some("text/event-stream"), encoding) => {
            let encoding = encoding.unwrap_or("identity");
            let because = format!("answers in `{encoding}`, which was not asked for");
            Finding::fail(Reason::GARBLED, because)
        }
        (Some(other), _) => {
            let because = format!("answers with `{other}`, `text/event-stream` expected");
            Finding::fail(WRONG_CONTENT_TYPE, because)
        }
        (None, _) => {
            let because = "answers without a content type, `text/event-stream` expected";
            Finding::fail(WRONG_CONTENT_TYPE, because)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::*;
    use crate::model::finding::{Grade, Obstacle};

    const STREAM: &str = "{url: 'https://a.test/', first_within: 5s, heartbeat: 30s}";

    fn stream(yaml: &str) -> EventStream {
        serde_saphyr::from_str(yaml).unwrap()
    }

    fn heard(first: Option<u64>, silence: u64, end: End) -> Heard {
        let [first, silence] = [first, Some(silence)].map(|s| s.map(Duration::from_secs));
        let silence = silence.unwrap_or_default();
        Heard { first, silence, lines: 2, watched: Duration::from_secs(59), end }
    }

    fn code(answer: &Answer) -> &'static str {
        match answer {
            Answer::Found(Finding { grade: Grade::Pass, .. }) => "-",
            Answer::Found(Finding { grade: Grade::Fail(reason) | Grade::Warn(reason), .. }) => {
                reason.code()
            }
            Answer::Blind(Obstacle { reason, .. }) => reason.code(),
        }
    }

    #[test]
    fn a_stream_is_judged_by_what_was_heard() {
        for (heard, expected) in [
            (heard(Some(0), 30, End::Enough), "-"),
            (heard(Some(5), 45, End::Enough), "-"),
            (heard(Some(6), 30, End::Enough), "NoFirstEvent"),
            (heard(Some(0), 46, End::Enough), "HeartbeatMissed"),
            (heard(None, 0, End::Silence), "NoFirstEvent"),
            (heard(Some(0), 45, End::Silence), "HeartbeatMissed"),
            (heard(Some(0), 31, End::OutOfTime), "HeartbeatMissed"),
            (heard(Some(0), 30, End::OutOfTime), "TimedOut"),
            (heard(None, 0, End::OutOfTime), "TimedOut"),
            (heard(None, 0, End::Ended), "StreamEnded"),
            (heard(Some(0), 1, End::Ended), "StreamEnded"),
            (heard(Some(0), 1, End::Flood), "TooLarge"),
            (heard(Some(0), 1, End::Wrong(Wrong::TooLong)), "TooLarge"),
            (heard(Some(0), 1, End::Wrong(Wrong::Retry)), "Garbled"),
            (heard(Some(0), 1, End::Broke(Obstacle::new(Reason::RESET, "x"))), "Reset"),
        ] {
            assert_eq!(code(&stream(STREAM).find(&heard)), expected, "{heard:?}");
        }
        let quiet = stream("{url: 'https://a.test/'}");
        assert_eq!(code(&quiet.find(&heard(Some(1), 0, End::Enough))), "-");
    }

    #[test]
    fn an_answer_that_is_no_stream_says_what_it_is() {
        for (status, headers, expected) in [
            (200, vec![], "WrongContentType"),
            (200, vec![("content-type", "text/html")], "WrongContentType"),
            (
                200,
                vec![("content-type", "text/event-stream"), ("content-encoding", "gzip")],
                "Garbled",
            ),
            (204, vec![("content-type", "text/event-stream")], "WrongStatus"),
            (302, vec![("location", "/login")], "WrongStatus"),
            (401, vec![], "Unauthorized"),
            (403, vec![], "Forbidden"),
            (429, vec![], "Throttled"),
            (502, vec![], "ServerError"),
        ] {
            let pair = |(name, value): (&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            let headers: HeaderMap = headers.into_iter().map(pair).collect();
            let head = Head::of(StatusCode::from_u16(status).unwrap(), &headers);
            assert!(!head.promises_events());
            assert_eq!(code(&refused(&head).into()), expected, "{status}");
        }
        let kind = HeaderValue::from_static("Text/Event-Stream; charset=utf-8");
        let good = HeaderMap::from_iter([(http::header::CONTENT_TYPE, kind)]);
        assert!(Head::of(StatusCode::OK, &good).promises_events());
    }

    #[test]
    fn a_timeout_must_leave_time_for_two_heartbeats() {
        use crate::checks::Check;
        for (yaml, timeout, flawed) in [
            (STREAM, 60, false),
            (STREAM, 59, true),
            ("{url: 'https://a.test/', first_within: 20s, heartbeat: 30s}", 60, true),
            ("{url: 'https://a.test/', first_within: 20s, heartbeat: 30s}", 65, false),
            ("{url: 'https://a.test/', first_within: 10s}", 10, true),
            ("{url: 'https://a.test/', first_within: 10s}", 11, false),
        ] {
            let flaws = stream(yaml).flaws_in(Duration::from_secs(timeout));
            assert_eq!(!flaws.is_empty(), flawed, "{yaml} {timeout}: {flaws:?}");
        }
    }
}
