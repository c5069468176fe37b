//! What is asked: one request, or the first of several that the server has.
//!
//! Releases move their health endpoints, and a checklist outlives them. An alternative is asked where
//! the one before it is *not there* (404, 405 or 410), and for no other reason: whatever else comes,
//! trouble, refusal or a wrong answer, is the answer.

use std::fmt;

use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Http;
use super::body::Sent;
use super::expect::Expect;
use super::params::{Statuses, Verb};
use crate::systems::net::url::WebUrl;

/// Another request, at the same scheme, host and port, whose good answer is as good.
///
/// It is sent as the first one is: with the same headers, credential, redirects and limits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Alternative {
    /// Path and query, such as `/ping`. The query is never shown.
    path: String,
    /// Its method; `GET` by default.
    #[serde(default)]
    #[schemars(default)]
    method: Verb,
    /// A body to send. Never shown.
    #[serde(default)]
    body: String,
    /// A body to send as JSON, instead of `body`. Never shown.
    #[serde(default)]
    json: Option<Value>,
    /// What its answer must be like; without anything, a status of 200-299.
    #[serde(default)]
    expect: Expect,
}

/// Statuses that say that there is no such thing; `404`, `405` and `410` by default.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct NotThere(Statuses);

impl Default for NotThere {
    fn default() -> Self {
        Self(Statuses::of([404, 405, 410]))
    }
}

/// A request of a check, and what is expected of its answer.
#[derive(Clone, Debug)]
pub(super) struct Probe<'a> {
    /// Its number; the first is 0.
    pub(super) number: usize,
    pub(super) url: WebUrl,
    pub(super) method: &'a Method,
    pub(super) sent: Sent<'a>,
    pub(super) expect: &'a Expect,
}

/// A request whose answer said that there is no such thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PassedOver {
    url: String,
    status: u16,
}

impl PassedOver {
    pub(super) fn new(url: &WebUrl, status: u16) -> Self {
        Self { url: url.to_string(), status }
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, status } = self;
        write!(f, "{url} answers {status}")
    }
}

impl Http {
    /// The first request.
    pub(super) fn first(&self) -> Probe<'_> {
        let sent = Sent {
            text: &self.body,
            from: self.body_from.as_ref(),
            json: self.json.as_ref(),
            form: self.form.as_ref(),
        };
        let url = self.url.clone();
        Probe { number: 0, url, method: &self.method.0, sent, expect: &self.expect }
    }

    /// All requests, in order.
    pub(super) fn probes(&self) -> impl Iterator<Item = Probe<'_>> {
        let others = self.alternatives.iter().enumerate().filter_map(|(place, alternative)| {
            let Alternative { path, method, body, json, expect } = alternative;
            // What can't be joined is refused as a flaw.
            let url = self.url.join(path).ok()?;
            let sent = Sent { text: body, from: None, json: json.as_ref(), form: None };
            Some(Probe { number: place + 1, url, method: &method.0, sent, expect })
        });
        std::iter::once(self.first()).chain(others)
    }

    /// The request of this number, or else the first.
    pub(super) fn probe(&self, number: usize) -> Probe<'_> {
        self.probes().find(|probe| probe.number == number).unwrap_or_else(|| self.first())
    }

    /// Whether an answer says that there is no such thing, and not merely something else.
    pub(super) fn is_not_there(&self, status: http::StatusCode) -> bool {
        self.alternatives_on.0.hold(status)
    }

    /// What is wrong with the alternatives.
    pub(super) fn flaws_of_alternatives(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        for Alternative { path, method: _, body, json, expect } in &self.alternatives {
            let joined = self.url.join(path);
            let here = joined.is_ok_and(|url| url.same_origin(&self.url));
            if !here || !path.starts_with('/') {
                flaws.push(format!("`{path}` is not a path such as `/ping`"));
            }
            if !body.is_empty() && json.is_some() {
                flaws.push("`body` and `json` exclude each other".to_owned());
            }
            flaws.extend(expect.flaws());
        }
        let trouble = |code: &u16| {
            http::StatusCode::from_u16(*code).is_ok_and(|status| self.is_not_there(status))
        };
        if let Some(code) = (500..=599).find(trouble) {
            flaws.push(format!("{code} is trouble, which no alternative makes good"));
        }
        flaws
    }

    /// What stands before a sentence about the answer to a request, where there are several.
    pub(super) fn place(&self, number: usize, passed_over: &[PassedOver]) -> String {
        if self.alternatives.is_empty() {
            return String::new();
        }
        let all = self.alternatives.len() + 1;
        let url = self.probe(number).url;
        let before: Vec<_> = passed_over.iter().map(ToString::to_string).collect();
        let before = match before.len() {
            0 => String::new(),
            _ => format!("{}; ", before.join(", ")),
        };
        format!("{before}{url}, {} of {all}, ", number + 1)
    }
}
