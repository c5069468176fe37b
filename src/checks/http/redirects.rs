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
    pub location: Pattern,
}

pub(super) fn redirects_as(
    expected: &ExpectedRedirect,
    response: &Response,
    target: Option<Result<WebUrl, String>>,
) -> Result<(), Wrong> {
    let ExpectedRedirect { status, location } = expected;
    let code = response.status.as_u16();
    let wrong = |because: String| Err((WRONG_REDIRECT, legible(&because, 400)));
    match target {
        Some(Ok(target)) if !status.hold(response.status) => {
            wrong(format!("redirects to {target} with {code}, {status} expected"))
        }
        Some(Ok(target)) if !location.regex().is_match(target.whole()) => {
            wrong(format!("redirects to {target}, `{}` expected", location.regex()))
        }
        Some(Ok(_)) => Ok(()),
        Some(Err(why)) => wrong(format!("redirects to what can't be followed: {why}")),
        None => wrong(format!("answers {code} and does not redirect, {status} expected")),
    }
}

/// Where a response redirects to; none if it does not.
pub(super) fn target(at: &WebUrl, response: &Response) -> Option<Result<WebUrl, String>> {
    if !leads_elsewhere(response.status, &response.headers) {
        return None;
    }
    let location = response.headers.get(LOCATION)?;
    let location = location.to_str().map_err(|_| "its `Location` is not text".to_owned());
    Some(location.and_then(|location| at.join(location)))
}

/// Whether an answer leads elsewhere.
pub(super) fn leads_elsewhere(status: StatusCode, headers: &HeaderMap) -> bool {
    [301, 302, 303, 307, 308].contains(&status.as_u16()) && headers.contains_key(LOCATION)
}
