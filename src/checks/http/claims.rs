//! Expressions over an answer, and numbers out of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use http::HeaderMap;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use tokio::time::Instant;

use super::expect::Expect;
use crate::checks::expression::Expression;
use crate::checks::expression::evaluation::{Outcome, Quoting, Scene, Work, evaluate};
use crate::systems::net::exchange::Response;

/// What an expression over an answer may name, beside `now`.
const VARIABLES: &[&str] = &["status", "headers", "body", "json"];
const JSON: &str = "json";

/// An expression of the Common Expression Language over an answer: its `status` (a number), its
/// `headers` (by lower-case name, several values joined by commas), its `body` (a text) and its
/// `json` (the body, read as JSON); and over `now`. For instance `json.credits > 100`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct AnswerExpression(Expression);

impl TryFrom<String> for AnswerExpression {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Expression::over(text, VARIABLES).map(Self)
    }
}

impl AnswerExpression {
    pub(super) fn text(&self) -> &str {
        self.0.text()
    }
}

/// What it means that an expression is false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The claim holds, and somebody should look.
    Warn,
    /// The claim does not hold.
    #[default]
    Fail,
}

/// An expression that must be true of the answer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The expression, over `status`, `headers`, `body`, `json` and `now`.
    pub(super) cel: AnswerExpression,
    /// What it means when it is false; the expression itself by default.
    #[serde(default)]
    pub(super) message: Option<String>,
    /// Whether it then warns or fails; `fail` by default.
    #[serde(default)]
    pub(super) severity: Weight,
}

/// A number out of the answer, exported and held to limits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// An expression that gives a number, such as `json.plan[0].credits`.
    pub(super) cel: AnswerExpression,
    /// Warns below this.
    #[serde(default)]
    pub(super) warn_below: Option<f64>,
    /// Fails below this.
    #[serde(default)]
    pub(super) fail_below: Option<f64>,
    /// Warns above this.
    #[serde(default)]
    pub(super) warn_above: Option<f64>,
    /// Fails above this.
    #[serde(default)]
    pub(super) fail_above: Option<f64>,
}

impl Number {
    /// The limits, with their names.
    pub(super) fn limits(&self) -> [(&'static str, Option<f64>); 4] {
        let Self { cel: _, warn_below, fail_below, warn_above, fail_above } = *self;
        [
            ("warn_below", warn_below),
            ("fail_below", fail_below),
            ("warn_above", warn_above),
            ("fail_above", fail_above),
        ]
    }

    /// What is wrong between the limits of the number of this name.
    pub(super) fn flaws(&self, name: &NumberName) -> Vec<String> {
        let Self { cel: _, warn_below, fail_below, warn_above, fail_above } = *self;
        let mut flaws = Vec::new();
        if self.limits().iter().any(|(_, limit)| limit.is_some_and(|limit| !limit.is_finite())) {
            flaws.push(format!("a limit of `{name}` is not a number"));
        }
        let crossed = |lower: Option<f64>, higher: Option<f64>| {
            lower.zip(higher).is_some_and(|(lower, higher)| lower >= higher)
        };
        if crossed(fail_below, warn_below) {
            flaws.push(format!("`fail_below` of `{name}` must be below its `warn_below`"));
        }
        if crossed(warn_above, fail_above) {
            flaws.push(format!("`warn_above` of `{name}` must be below its `fail_above`"));
        }
        if crossed(warn_below.or(fail_below), warn_above.or(fail_above)) {
            flaws.push(format!("no `{name}` would be good between its limits"));
        }
        flaws
    }
}

/// The name of a number: a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberName(String);

impl fmt::Display for NumberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NumberName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let first = |c: char| c.is_ascii_lowercase();
        if text.len() > 63 || !text.starts_with(first) || !text.chars().all(plain) {
            return Err(de::Error::custom(format!(
                "`{text}` is not a name such as `credits_left`"
            )));
        }
        Ok(Self(text.into_owned()))
    }
}

impl JsonSchema for NumberName {
    fn schema_name() -> Cow<'static, str> {
        "NumberName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$" })
    }
}

/// What the expressions of an expectation came to.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// By claim and then by number, in their order.
    pub(super) outcomes: Vec<Outcome>,
    /// Why the body is not the JSON that an expression is about.
    pub(super) not_json: Option<String>,
}

/// An answer, as expressions see it.
struct Seen {
    status: Value,
    headers: Value,
    body: Value,
    json: Value,
}

impl Scene for Seen {
    fn values(&self) -> Vec<(&'static str, &Value)> {
        let Self { status, headers, body, json } = self;
        vec![("status", status), ("headers", headers), ("body", body), (JSON, json)]
    }
}

impl Expect {
    /// The expressions: claims, then numbers.
    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let claims = self.cel.iter().map(|claim| &claim.cel.0);
        claims.chain(self.numbers.values().map(|number| &number.cel.0))
    }

    /// Whether an expression says anything of the body.
    pub(super) fn evaluates_body(&self) -> bool {
        self.expressions().any(|one| one.names("body") || one.names(JSON))
    }

    /// Evaluates the expressions over an answer. Without `quotable`, what was compared is not told.
    pub(super) async fn evaluate(
        &self,
        response: &Response,
        quotable: bool,
        now: Timestamp,
        until: Instant,
    ) -> Evaluated {
        let expressions: Vec<_> = self.expressions().map(Expression::compiled).collect();
        if expressions.is_empty() {
            return Evaluated::default();
        }
        let mut seen = Seen {
            status: response.status.as_u16().into(),
            headers: joined(&response.headers),
            body: Value::Null,
            json: Value::Null,
        };
        if self.expressions().any(|one| one.names("body")) {
            seen.body = String::from_utf8_lossy(&response.body).into_owned().into();
        }
        if self.expressions().any(|one| one.names(JSON)) {
            match serde_json::from_slice(&response.body) {
                Ok(json) => seen.json = json,
                Err(error) => {
                    let not_json = Some(error.to_string());
                    return Evaluated { outcomes: Vec::new(), not_json };
                }
            }
        }
        let quoting = if quotable { Quoting::All } else { Quoting::Nothing };
        let work = Work { scenes: vec![seen], expressions, quoting, now };
        let mut outcomes = evaluate(work, until).await;
        Evaluated { outcomes: outcomes.pop().unwrap_or_default(), not_json: None }
    }
}

/// Header fields by name, several values of one joined as HTTP says.
fn joined(headers: &HeaderMap) -> Value {
    let mut all = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let entry = all.entry(name.as_str().to_owned());
        entry.and_modify(|before| *before = format!("{before}, {value}")).or_insert(value);
    }
    all.into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
