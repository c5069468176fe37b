//! Redirects: followed, or the very thing that is expected.

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::WRONG_REDIRECT;
use super::expect::Wrong;
use super::params::Statuses;
use crate::model::judgement::legible;
use crate::model::pattern::Pattern;
use crate::systems::net::exchange::Response;
use crate::systems::net::url::WebUrl;

/// What is done with a redirect.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Redirects {
    /// It is followed, at most so many times; one more is `TooManyRedirects`. With 0 a redirect is
    /// an answer like any other. Secret headers go to the first scheme, host and port alone.
    Follow(u8),
    /// It is what must come.
    Expect(ExpectedRedirect),
}

/// Five are followed.
impl Default for Redirects {
    fn default() -> Self {
        Self::Follow(5)
    }
}

/// The redirect that must come.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRedirect {
    /// Acceptable status codes; `301` and `308` by default: permanent.
    #[serde(default = "Statuses::permanent")]
    pub status: Statuses,
    /// What the target, as an absolute URL, must match.
    #[serde(default)]
    pub location: Option<Pattern>,
    /// What the target, as an absolute URL, must be.
    #[serde(default)]
    pub to: Option<WebUrl>,
    /// That the target is `https`: on the `same_host`, or the `same_url` there, path and query
    /// included.
    #[serde(default)]
    pub https: Option<Https>,
}

/// What a redirect to `https` must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Https {
    /// The host.
    SameHost,
    /// The host, the path and the query.
    SameUrl,
}

impl Redirects {
    /// What is wrong between the parameters.
    pub(super) fn flaws(&self) -> Option<String> {
        match self {
            Self::Expect(ExpectedRedirect { status: _, location: None, to: None, https: None }) => {
                Some("a redirect is expected; say where to: `to`, `https` or `location`".to_owned())
            }
            Self::Follow(_) | Self::Expect(_) => None,
        }
    }
}

impl ExpectedRedirect {
    /// What the target of a redirect from `at` should have been; none if it is right.
    fn missed(&self, at: &WebUrl, target: &WebUrl) -> Option<String> {
        let Self { status: _, location, to, https } = self;
        if let Some(to) = to.as_ref().filter(|to| *to != target) {
            return Some(format!("{to} expected{}", same_but_hidden(to, target)));
        }
        let kept = https.is_none_or(|https| {
            let path = https == Https::SameHost || at.path_and_query() == target.path_and_query();
            target.is_secure() && at.host() == target.host() && path
        });
        if let Some(https) = https.filter(|_| !kept) {
            let what = match https {
                Https::SameHost => format!("`https` on {}", at.host()),
                Https::SameUrl => format!("the same URL by `https` as {at}"),
            };
            return Some(format!("{what} expected"));
        }
        let pattern = location.as_ref()?;
        let missed = !pattern.regex().is_match(target.whole());
        missed.then(|| format!("`{}` expected", pattern.regex()))
    }
}

/// Queries are not shown: where they alone differ, that must be said.
fn same_but_hidden(wanted: &WebUrl, found: &WebUrl) -> &'static str {
    if wanted.to_string() == found.to_string() { ", with another query" } else { "" }
}

pub(super) fn redirects_as(
    expected: &ExpectedRedirect,
    at: &WebUrl,
    response: &Response,
    named: impl Fn(&WebUrl) -> String,
) -> Result<(), Wrong> {
    let status = &expected.status;
    let code = response.status.as_u16();
    let wrong = |because: String| Err((WRONG_REDIRECT, legible(&because, 400)));
    match target(at, response) {
        Some(Ok(target)) if !status.hold(response.status) => {
            wrong(format!("redirects to {} with {code}, {status} expected", named(&target)))
        }
        Some(Ok(target)) => match expected.missed(at, &target) {
            Some(missed) => wrong(format!("redirects to {}, {missed}", named(&target))),
            None => Ok(()),
        },
        Some(Err(why)) => wrong(format!("redirects to what can't be followed: {why}")),
        None => wrong(format!("answers {code} and does not redirect, {status} expected")),
    }
}

/// Where a response redirects to; none if it does not.
pub(super) fn target(at: &WebUrl, response: &Response) -> Option<Result<WebUrl, String>> {
    if !leads_elsewhere(response.status, &response.headers) {
        return None;
    }
    let mut all = response.headers.get_all(LOCATION).iter();
    let first = all.next()?;
    if all.any(|other| other != first) {
        // Clients differ in which of them they follow, or follow none.
        return Some(Err("it has several `Location`s".to_owned()));
    }
    let location = std::str::from_utf8(first.as_bytes());
    Some(match location {
        Ok(location) => at.join(location),
        Err(_) => Err("its `Location` is not text".to_owned()),
    })
}

/// Whether an answer leads elsewhere.
pub(super) fn leads_elsewhere(status: StatusCode, headers: &HeaderMap) -> bool {
    [301, 302, 303, 307, 308].contains(&status.as_u16()) && headers.contains_key(LOCATION)
}
