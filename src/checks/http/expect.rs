//! What a response must be like: types of the configuration, and their judging. Pure.

use std::collections::BTreeMap;
use std::fmt;

use http::header::{CONTENT_ENCODING, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::model::judgement::legible;
use crate::model::pattern::Pattern;
use crate::model::reason::Reason;
use crate::systems::net::exchange::Response;

use super::claims::{Claim, Number, NumberName};
use super::params::{FieldName, Statuses};
use super::{NOT_JSON, WRONG_BODY, WRONG_HEADER, WRONG_JSON, WRONG_STATUS};

/// The most characters of an answer that are quoted.
const LONGEST_QUOTE: usize = 120;

/// What an answer must be like. Everything that is set must hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Acceptable status codes, `204` or `200-299` (the default).
    pub status: Statuses,
    /// Header fields, by name, and what one value of each must match.
    pub headers: BTreeMap<FieldName, Pattern>,
    /// The body.
    pub body: BodyExpect,
    /// Values of a JSON body, by JSON Pointer (`/status`; the empty pointer is the whole document).
    pub json: BTreeMap<String, JsonExpect>,
    /// Expressions in CEL that must be true of the answer, over its `status`, `headers`, `body` and
    /// `json`, and over `now`.
    pub cel: Vec<Claim>,
    /// Numbers out of the answer, by names of your choice: exported as `vigie_http_number`, and held
    /// to limits.
    pub numbers: BTreeMap<NumberName, Number>,
}

/// What a body must be like. Invalid UTF-8 is replaced before matching.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BodyExpect {
    /// Every one of these must match somewhere.
    pub must_match: Vec<Pattern>,
    /// None of these may match anywhere.
    pub must_not_match: Vec<Pattern>,
    /// Every one of these must stand somewhere, letter by letter.
    pub must_contain: Vec<String>,
    /// None of these may stand anywhere.
    pub must_not_contain: Vec<String>,
}

/// What a value must be like.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JsonExpect {
    /// Equal to this value; `1` and `1.0` are equal.
    Is(Value),
    /// A string, number or boolean whose text matches.
    Matches(Pattern),
}

/// What is wrong with an answer.
pub type Wrong = (Reason, String);

impl Expect {
    /// What is wrong between the expectations.
    pub fn flaws(&self) -> Vec<String> {
        let bad = |pointer: &&String| !pointer.is_empty() && !pointer.starts_with('/');
        let pointers = self.json.keys().filter(bad);
        let pointers = pointers
            .map(|pointer| format!("`{pointer}` is not a JSON Pointer; write `/{pointer}`"));
        let numbers = self.numbers.iter().flat_map(|(name, number)| number.flaws(name));
        pointers.chain(numbers).collect()
    }

    /// Whether anything is asked about the body.
    pub fn asks_for_body(&self) -> bool {
        !self.body.is_empty() || !self.json.is_empty() || self.evaluates_body()
    }

    /// The first thing that is wrong with `response`. Nothing of it is quoted unless `quotable`.
    /// That its body was cut matters where the body is asked for, or else if `bounded`.
    pub fn judge(&self, response: &Response, quotable: bool, bounded: bool) -> Result<(), Wrong> {
        // Expressions are evaluated while looking.
        let Self { status, headers, body, json, cel: _, numbers: _ } = self;
        judge_status(status, response, quotable)?;
        judge_headers(headers, &response.headers, quotable)?;
        if response.cut && (bounded || self.asks_for_body()) {
            let most = response.body.len();
            return Err((Reason::TOO_LARGE, format!("answers with more than {most} bytes")));
        }
        if !self.asks_for_body() {
            return Ok(());
        }
        judge_encoding(&response.headers, quotable)?;
        body.judge(&response.body, quotable)?;
        judge_json(json, &response.body, quotable)
    }
}

fn judge_status(accepted: &Statuses, response: &Response, quotable: bool) -> Result<(), Wrong> {
    let status = response.status;
    if accepted.hold(status) {
        return Ok(());
    }
    let wait = response.headers.get(RETRY_AFTER).filter(|_| quotable);
    let wait = wait.map(|wait| text(wait.as_bytes(), 60));
    let wait = wait.map(|wait| format!(" and asks to wait (`Retry-After: {wait}`)"));
    let said = match text(&response.body, LONGEST_QUOTE) {
        said if quotable && !said.is_empty() => format!(" (`{said}`)"),
        _ => String::new(),
    };
    let wait = wait.unwrap_or_default();
    let because = format!("answers {}{wait}{said}, {accepted} expected", status.as_u16());
    let reason = match status.as_u16() {
        401 => Reason::UNAUTHORIZED,
        400 if refuses_grant(&response.body) => Reason::UNAUTHORIZED,
        403 => Reason::FORBIDDEN,
        429 => Reason::THROTTLED,
        500..=599 => Reason::SERVER_ERROR,
        _ => WRONG_STATUS,
    };
    Err((reason, because))
}

/// Whether a body says, as OAuth does with a status of 400, that a credential is not accepted.
pub fn refuses_grant(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|document| {
        let error = document.get("error").and_then(Value::as_str);
        error.is_some_and(|error| ["invalid_grant", "invalid_client"].contains(&error))
    })
}

fn judge_headers(
    expected: &BTreeMap<FieldName, Pattern>,
    headers: &HeaderMap,
    quotable: bool,
) -> Result<(), Wrong> {
    for (name, pattern) in expected {
        let values: Vec<String> = headers
            .get_all(name.as_str())
            .iter()
            .map(|value| text(value.as_bytes(), 4096))
            .collect();
        if values.iter().any(|value| pattern.regex().is_match(value)) {
            continue;
        }
        let seen = match values.first() {
            None => format!("answers without the header `{name}`"),
            Some(value) if quotable => {
                format!("answers with `{name}: {}`", legible(value, LONGEST_QUOTE))
            }
            Some(_) => format!("answers with another `{name}`"),
        };
        return Err((WRONG_HEADER, format!("{seen}, `{}` expected", pattern.regex())));
    }
    Ok(())
}

fn judge_encoding(headers: &HeaderMap, quotable: bool) -> Result<(), Wrong> {
    let encoded = |value: &&HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    let Some(encoding) = headers.get_all(CONTENT_ENCODING).iter().find(encoded) else {
        return Ok(());
    };
    let encoding = if quotable {
        format!("`{}`", text(encoding.as_bytes(), 40))
    } else {
        "an encoding".to_owned()
    };
    Err((Reason::GARBLED, format!("answers in {encoding}, which was not asked for")))
}

impl BodyExpect {
    fn is_empty(&self) -> bool {
        let Self { must_match, must_not_match, must_contain, must_not_contain } = self;
        must_match.is_empty()
            && must_not_match.is_empty()
            && must_contain.is_empty()
            && must_not_contain.is_empty()
    }

    fn judge(&self, body: &[u8], quotable: bool) -> Result<(), Wrong> {
        let Self { must_match, must_not_match, must_contain, must_not_contain } = self;
        let whole = String::from_utf8_lossy(body);
        let seen = || {
            let length = body.len();
            if quotable {
                format!("a body of {length} bytes (`{}`)", legible(&whole, LONGEST_QUOTE))
            } else {
                format!("a body of {length} bytes")
            }
        };
        if let Some(missed) = must_match.iter().find(|wanted| !wanted.regex().is_match(&whole)) {
            let because = format!("answers with {}, no match for `{}`", seen(), missed.regex());
            return Err((WRONG_BODY, because));
        }
        if let Some(met) = must_not_match.iter().find(|banned| banned.regex().is_match(&whole)) {
            let because =
                format!("answers with {}, which must not match `{}`", seen(), met.regex());
            return Err((WRONG_BODY, because));
        }
        if let Some(missed) = must_contain.iter().find(|wanted| !whole.contains(*wanted)) {
            let because = format!("answers with {}, `{}` expected", seen(), legible(missed, 100));
            return Err((WRONG_BODY, because));
        }
        if let Some(met) = must_not_contain.iter().find(|banned| whole.contains(*banned)) {
            let because =
                format!("answers with {}, which must not contain `{}`", seen(), legible(met, 100));
            return Err((WRONG_BODY, because));
        }
        Ok(())
    }
}

fn judge_json(
    expected: &BTreeMap<String, JsonExpect>,
    body: &[u8],
    quotable: bool,
) -> Result<(), Wrong> {
    if expected.is_empty() {
        return Ok(());
    }
    let document: Value = serde_json::from_slice(body).map_err(|error| {
        (NOT_JSON, format!("answers {} bytes that are not JSON: {error}", body.len()))
    })?;
    for (pointer, expect) in expected {
        let found = document.pointer(pointer);
        if found.is_some_and(|found| expect.holds(found)) {
            continue;
        }
        let place = if pointer.is_empty() { "the document" } else { pointer };
        let seen = match found {
            None => format!("answers without `{place}`"),
            Some(found) if quotable => {
                format!("`{place}` is {}", legible(&found.to_string(), LONGEST_QUOTE))
            }
            Some(_) => format!("`{place}` is something else"),
        };
        return Err((WRONG_JSON, format!("{seen}, {expect} expected")));
    }
    Ok(())
}

impl JsonExpect {
    fn holds(&self, found: &Value) -> bool {
        match (self, found) {
            (Self::Is(wanted), found) => same(wanted, found),
            (Self::Matches(pattern), Value::String(found)) => pattern.regex().is_match(found),
            (Self::Matches(pattern), Value::Number(_) | Value::Bool(_)) => {
                pattern.regex().is_match(&found.to_string())
            }
            (Self::Matches(_), Value::Null | Value::Array(_) | Value::Object(_)) => false,
        }
    }
}

/// Whether two values are equal, `1` and `1.0` among them; whole numbers are to their last digit,
/// where a float has none.
fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Number(wanted), Value::Number(found)) => {
            let whole = |number: &serde_json::Number| !number.is_f64();
            wanted == found || !(whole(wanted) && whole(found)) && wanted.as_f64() == found.as_f64()
        }
        (Value::Array(wanted), Value::Array(found)) => {
            let mut pairs = wanted.iter().zip(found);
            wanted.len() == found.len() && pairs.all(|(wanted, found)| same(wanted, found))
        }
        (Value::Object(wanted), Value::Object(found)) => {
            let held = |(name, wanted): (&String, &Value)| {
                found.get(name).is_some_and(|found| same(wanted, found))
            };
            wanted.len() == found.len() && wanted.iter().all(held)
        }
        (wanted, found) => wanted == found,
    }
}

impl fmt::Display for JsonExpect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(value) => write!(f, "{value}"),
            Self::Matches(pattern) => write!(f, "a match of `{}`", pattern.regex()),
        }
    }
}

fn text(bytes: &[u8], most: usize) -> String {
    // A character takes at most four bytes: what lies beyond is not shown anyway.
    let bytes = &bytes[..bytes.len().min(4 * most + 4)];
    legible(String::from_utf8_lossy(bytes).trim(), most)
}

#[cfg(test)]
mod tests;
