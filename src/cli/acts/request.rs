//! One request to the daemon, and what can be known of what came of it.
//!
//! Not every answer but a success says that nothing was done: whatever answers in the daemon's place
//! does not know, and what breaks late may break after the act was recorded.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::judgement::legible;
use crate::views::api::Problem;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;
/// The longest part of an answer that is shown, in characters.
const LONGEST: usize = 2_000;
/// What the daemon answers where it could not do it, and has not. All else that breaks there may
/// break after it was recorded.
const NOT_DONE: [&str; 2] = [Problem::NOT_RECORDED, "Token file unusable"];
/// What it is called that a key was used: with 422 for another request, so that this one was never
/// done; with 409 for this one, whose act has ended since.
const KEY_USED: &str = "Key used before";
/// What some proxies answer where the client goes away while the daemon is at work.
const CLIENT_GONE: u16 = 499;

/// What is sent.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) key: String,
}

/// Why nothing is known to be recorded.
pub(super) struct Untold {
    pub(super) sort: Sort,
    pub(super) why: String,
}

/// What can be known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// This request is refused, for what it says: so was any other like it.
    Never,
    /// This request is refused; one like it may have been done before.
    Refused,
    /// It did not arrive.
    Unsent,
    /// The connection broke before the answer: it may be recorded.
    Broken,
    /// Nobody knows, or it goes on: it may be recorded.
    Open,
}

/// What the daemon has recorded.
pub(super) struct Told {
    /// Whether it was recorded before, for the same request.
    repeated: bool,
    /// Until when it holds.
    until: Option<String>,
    /// Reasons that it covers, and for which nothing fails now.
    not_failing: Vec<String>,
    /// Where it can be looked at.
    place: String,
}

/// What of an answer is told on.
#[derive(Deserialize)]
struct Recorded {
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    not_failing: Vec<String>,
}

/// A problem, as it arrives.
#[derive(Deserialize)]
struct Heard {
    title: String,
    detail: String,
}

/// A time as people read it: what it says beyond the second is noise.
fn to_the_second(time: &str) -> String {
    time.parse::<jiff::Timestamp>()
        .map_or_else(|_| legible(time, LONGEST), |time| format!("{time:.0}"))
}

impl Told {
    /// The same as the answer to two tries of one invocation: nobody asked before it.
    pub(super) fn of_both(self) -> Self {
        Self { repeated: false, ..self }
    }

    /// A line for people.
    pub(super) fn spoken(&self, what: &str) -> String {
        let Self { repeated, until, not_failing, place } = self;
        let until = until
            .as_ref()
            .map(|until| format!(" until {}", to_the_second(until)))
            .unwrap_or_default();
        let before = if *repeated { ", by this very request before" } else { "" };
        let idle = match not_failing.as_slice() {
            [] => String::new(),
            codes => {
                let codes = legible(&codes.join(", "), LONGEST);
                format!("it does not fail for {codes} now\n")
            }
        };
        format!("{what}{until}{before}: {place}\n{idle}")
    }
}

/// What can be known by an answer that is no success, and by the problem that it may bear.
fn sort_of(status: StatusCode, problem: Option<&Heard>) -> Sort {
    let unreadable = [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE];
    match problem.map(|problem| problem.title.as_str()) {
        Some(KEY_USED) if status == StatusCode::UNPROCESSABLE_ENTITY => Sort::Never,
        Some(title) if NOT_DONE.contains(&title) => Sort::Refused,
        Some(_) if unreadable.contains(&status) => Sort::Never,
        Some(_) if status.is_client_error() => Sort::Refused,
        Some(_) => Sort::Open,
        // Somebody on the way: what they turn away does not arrive, what they pass on may be done.
        None if status == StatusCode::REQUEST_TIMEOUT || status == CLIENT_GONE => Sort::Open,
        None if status.is_server_error() => Sort::Open,
        None => Sort::Refused,
    }
}

impl Untold {
    /// What is known where this is the answer to the second try, and the first one's was lost.
    pub(super) fn after(self, first: &str) -> Self {
        let Self { sort, why } = self;
        match sort {
            Sort::Never => Self { sort, why },
            Sort::Refused | Sort::Unsent | Sort::Broken | Sort::Open => {
                Self { sort: Sort::Open, why: format!("{first}; the second try: {why}") }
            }
        }
    }
}

/// The headers of whatever this token sends under this key, unless they hold what no header can bear.
pub(super) fn headers(token: &SecretString, key: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", token.expose_secret());
    let mut bearer = HeaderValue::try_from(bearer).ok()?;
    bearer.set_sensitive(true);
    headers.insert(AUTHORIZATION, bearer);
    headers.insert("idempotency-key", HeaderValue::try_from(key).ok()?);
    Some(headers)
}

impl Request {
    /// What was recorded, or why nothing is known to be.
    pub(super) async fn sent(
        &self,
        token: &SecretString,
        body: &impl Serialize,
    ) -> Result<Told, Untold> {
        let Self { method, url, key } = self;
        let unheard = |error: reqwest::Error| {
            let sort = if error.is_builder() || error.is_connect() {
                Sort::Unsent
            } else if error.is_timeout() {
                Sort::Open
            } else {
                Sort::Broken
            };
            let mut cause: &dyn std::error::Error = &error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            Untold { sort, why: format!("{url} does not answer: {cause}") }
        };
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(headers(token, key).unwrap_or_default())
            .build()
            .map_err(unheard)?;
        let asked = client.request(method.clone(), url).json(body);
        let mut answer = asked.send().await.map_err(unheard)?;
        let header = |name| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (status, kind, place) = (answer.status(), header(CONTENT_TYPE), header(LOCATION));
        let mut text = Vec::new();
        while let Some(more) = answer.chunk().await.map_err(unheard)? {
            text.extend_from_slice(&more);
            if text.len() > LARGEST_ANSWER {
                let why = format!("{url} answers {status} at endless length: is it Vigie?");
                return Err(Untold { sort: Sort::Open, why });
            }
        }
        let text = String::from_utf8_lossy(&text);
        if status.is_success() {
            return self.recorded(status, &place, &text);
        }
        let heard = Some(&text).filter(|_| kind.starts_with(Problem::CONTENT_TYPE));
        let heard: Option<Heard> = heard.and_then(|text| serde_json::from_str(text).ok());
        let sort = sort_of(status, heard.as_ref());
        let why = match heard {
            Some(Heard { title, detail }) => {
                format!("{}: {}", legible(&title, LONGEST), legible(&detail, LONGEST))
            }
            None => format!("{url} answers {status}: {}", legible(text.trim(), 200)),
        };
        Err(Untold { sort, why })
    }

    fn recorded(&self, status: StatusCode, place: &str, text: &str) -> Result<Told, Untold> {
        let url = &self.url;
        let Recorded { until, not_failing } = serde_json::from_str(text).map_err(|error| {
            let why = format!("{url} answers {status}, but not as Vigie does: {error}");
            Untold { sort: Sort::Open, why }
        })?;
        let whole = Url::parse(url).and_then(|url| url.join(place));
        let place = whole.map_or_else(|_| place.to_owned(), String::from);
        Ok(Told { repeated: status == StatusCode::OK, until, not_failing, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(status: u16, title: Option<&str>) -> Sort {
        let heard = title.map(|title| Heard { title: title.to_owned(), detail: String::new() });
        sort_of(StatusCode::from_u16(status).unwrap(), heard.as_ref())
    }

    #[test]
    fn only_who_knows_that_nothing_is_recorded_refuses() {
        for (status, title, wanted) in [
            (400, Some("Not understood"), Sort::Never),
            (413, Some("Body too large"), Sort::Never),
            (422, Some("Key used before"), Sort::Never),
            (409, Some("Key used before"), Sort::Refused),
            (401, Some("Token unknown"), Sort::Refused),
            (404, Some("Not found"), Sort::Refused),
            (408, Some("Body too slow"), Sort::Refused),
            (409, Some("Not possible"), Sort::Refused),
            (422, Some("Not valid"), Sort::Refused),
            (503, Some("Not recorded"), Sort::Refused),
            (503, Some("Token file unusable"), Sort::Refused),
            (503, Some("Not done yet"), Sort::Open),
            (500, Some("Defect"), Sort::Open),
            (301, None, Sort::Refused),
            (404, None, Sort::Refused),
            (408, None, Sort::Open),
            (499, None, Sort::Open),
            (500, None, Sort::Open),
            (502, None, Sort::Open),
            (503, None, Sort::Open),
            (504, None, Sort::Open),
            (524, None, Sort::Open),
        ] {
            assert_eq!(sort(status, title), wanted, "{status} {title:?}");
        }
    }

    #[test]
    fn a_refusal_of_the_second_try_says_nothing_of_the_first() {
        for (sort, wanted) in [
            (Sort::Never, Sort::Never),
            (Sort::Refused, Sort::Open),
            (Sort::Unsent, Sort::Open),
            (Sort::Broken, Sort::Open),
            (Sort::Open, Sort::Open),
        ] {
            let untold = Untold { sort, why: "no".to_owned() }.after("lost");
            assert_eq!(untold.sort, wanted, "{sort:?}");
        }
    }
}
