//! `prometheus_query`: what an expression amounts to lies within limits.
//!
//! Witness: Prometheus, asked about something else. Its silence, half an answer, an empty one and one
//! that is no number are each an outcome of their own, never a good one unless configuration says so.
//! What this can't see: Prometheus itself shows a sample for up to five minutes after the last one
//! came (its `lookback`); `max_age` asks for the samples' own times.

mod baseline;
mod judging;
mod parameters;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::{Obstacle, Verdict};
use crate::model::judgement::Judgement;
use crate::model::measure::{BASELINE, Bound, LONGEST_LABEL, Measure, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::model::steps::Steps;
use crate::systems::prometheus::{Answer, Asking, NO_CONNECTION, QUERY_REFUSED, Row};
use baseline::{Baseline, Before};
use parameters::{ConnectionName, Expected, Outcome, QueryName};

const ABOVE_LIMIT: Reason = Reason::new("AboveLimit");
const BELOW_LIMIT: Reason = Reason::new("BelowLimit");
const ABOVE_BASELINE: Reason = Reason::new("AboveBaseline");
const BELOW_BASELINE: Reason = Reason::new("BelowBaseline");
const NO_BASELINE: Reason = Reason::new("NoBaseline");
const NO_SERIES: Reason = Reason::new("NoSeries");
const NOT_A_NUMBER: Reason = Reason::new("NotANumber");
const INFINITE: Reason = Reason::new("Infinite");
const NOT_A_FIGURE: Reason = Reason::new("NotAFigure");
const PARTIAL_ANSWER: Reason = Reason::new("PartialAnswer");
const SAMPLE_TOO_OLD: Reason = Reason::new("SampleTooOld");
const ANSWER_TOO_OLD: Reason = Reason::new("AnswerTooOld");

static VALUE: Measure = Measure::gauge(
    "vigie_query_value",
    "What an expression amounts to: of each expected series, else of the highest and the lowest.",
    &["query", "subject"],
);
static SERIES: Measure =
    Measure::gauge("vigie_query_series", "Series that an expression amounts to.", &["query"]);

/// The longest expression, in bytes.
const LONGEST_EXPRESSION: usize = 16 << 10;

/// What an expression of `PromQL` amounts to lies within limits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrometheusQuery {
    /// The name of a connection under `connections.prometheus`. Default: `default`.
    #[serde(default)]
    connection: ConnectionName,
    /// The expression, evaluated at each look by the server's clock.
    expression: String,
    /// What the figure is called in `/metrics`. Default: `value`.
    #[serde(default)]
    name: QueryName,
    /// The unit, for sentences. Default: none.
    #[serde(default)]
    unit: String,
    /// What no series may be above. Default: nothing.
    #[serde(default)]
    above: Steps<f64>,
    /// What no series may be below. Default: nothing.
    #[serde(default)]
    below: Steps<f64>,
    /// How far each series may be from what it was. Default: any distance.
    #[serde(default)]
    baseline: Option<Baseline>,
    /// The series that must be there, by one label's values; each is exported. Default: any.
    #[serde(default)]
    expect: Option<Expected>,
    /// The labels that a series is named by in evidence. Default: all of them, as far as they fit.
    #[serde(default)]
    labels: Vec<String>,
    /// What it amounts to where there is no series, or an expected one is not there: `unknown` (the
    /// default), `fail`, `pass`.
    #[serde(default)]
    empty: Outcome,
    /// What it amounts to where a value is not a number (0/0): `unknown` (the default), `fail`, `pass`.
    #[serde(default)]
    nan: Outcome,
    /// What it amounts to where a value is infinite (1/0): `unknown` (the default), `fail`, `pass`.
    #[serde(default)]
    infinite: Outcome,
    /// What it amounts to where the server warns that figures may be missing: `unknown` (the
    /// default), `fail`, `pass`.
    #[serde(default)]
    partial: Outcome,
    /// How old the newest sample of each series may be, where the expression is a plain selector: of
    /// any other only the server knows the samples. Costs one more query. Default: as old as the
    /// server shows samples, five minutes unless it is told otherwise.
    #[serde(default)]
    max_age: Option<Period>,
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    now: Answer,
    /// When each series was sampled, in seconds.
    sampled: Option<Result<Vec<Row>, Obstacle>>,
    /// What it was before.
    before: Option<Result<Before, Obstacle>>,
}

impl Check for PrometheusQuery {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::warns_or_fails(ABOVE_LIMIT, "A series is above a limit."),
        Documented::warns_or_fails(BELOW_LIMIT, "A series is below a limit."),
        Documented::warns_or_fails(ABOVE_BASELINE, "A series is too many times what it was."),
        Documented::warns_or_fails(BELOW_BASELINE, "A series is too small a part of what it was."),
        Documented {
            reason: NO_BASELINE,
            verdicts: &[Verdict::Unknown, Verdict::Fail],
            means: "Of a series there are too few figures from before, or negative ones; or `baseline.missing` says so.",
        },
        Documented {
            reason: NO_SERIES,
            verdicts: &[Verdict::Unknown, Verdict::Fail],
            means: "The expression amounts to no series, or an expected one is not there; `empty` says which.",
        },
        Documented {
            reason: NOT_A_NUMBER,
            verdicts: &[Verdict::Unknown, Verdict::Fail],
            means: "A value is not a number; `nan` says which.",
        },
        Documented {
            reason: INFINITE,
            verdicts: &[Verdict::Unknown, Verdict::Fail],
            means: "A value is infinite; `infinite` says which.",
        },
        Documented {
            reason: PARTIAL_ANSWER,
            verdicts: &[Verdict::Unknown, Verdict::Fail],
            means: "The server warns that figures may be missing; `partial` says which.",
        },
        Documented::blinds(NOT_A_FIGURE, "The expression gives text, ranges or histograms."),
        Documented::blinds(
            SAMPLE_TOO_OLD,
            "The newest sample of a series is older than `max_age`.",
        ),
        Documented::blinds(ANSWER_TOO_OLD, "The answer was worked out over two minutes ago."),
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "The answer, or a sample, lies more than two minutes in the future.",
        ),
        Documented::blinds(Reason::NO_DEPLOYMENT, "No deployment is known to compare with."),
        Documented::blinds(QUERY_REFUSED, "Prometheus refuses the expression."),
        Documented::blinds(NO_CONNECTION, "No connection of this name is configured."),
        Documented::blinds(Reason::TIMED_OUT, "Prometheus did not answer in time."),
        Documented::blinds(Reason::REFUSED, "Prometheus refuses connections."),
        Documented::blinds(Reason::RESET, "Prometheus broke the connection off."),
        Documented::blinds(Reason::UNREACHABLE, "The network has no way to Prometheus."),
        Documented::blinds(Reason::NAME_NOT_FOUND, "The host's name has no address."),
        Documented::blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell the address."),
        Documented::blinds(Reason::TLS_FAILED, "TLS could not be established, or not be trusted."),
        Documented::blinds(
            Reason::UNAUTHORIZED,
            "The credential is refused; it is not sent again until it changes, at most twice a day.",
        ),
        Documented::blinds(Reason::FORBIDDEN, "The credential may not query."),
        Documented::blinds(Reason::NOT_FOUND, "Nothing at the URL speaks the query API."),
        Documented::blinds(Reason::THROTTLED, "It asks to be left alone for a while (429)."),
        Documented::blinds(Reason::SERVER_ERROR, "It is in trouble itself (5xx)."),
        Documented::blinds(Reason::GARBLED, "What came is not the query API's answer."),
        Documented::blinds(Reason::TOO_LARGE, "The answer is longer than 8 MiB."),
        Documented::blinds(Reason::SECRET_MISSING, "A credential or `ca` can't be read."),
    ];

    const MEASURES: &'static [&'static Measure] = &[&VALUE, &SERIES, &BASELINE];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.expression.trim().is_empty() || self.expression.len() > LONGEST_EXPRESSION {
            flaws.push(format!("`expression` has between one and {LONGEST_EXPRESSION} bytes"));
        }
        if !self.above.any() && !self.below.any() && self.baseline.is_none() {
            flaws.push("write `above`, `below` or `baseline`: without any, all is well".to_owned());
        }
        let limits = [self.above.warn, self.above.fail, self.below.warn, self.below.fail];
        if limits.into_iter().flatten().any(|limit| !limit.is_finite()) {
            flaws.push("a limit is a finite number".to_owned());
        }
        if self.name.0.is_empty() || self.name.0.len() > LONGEST_LABEL {
            flaws.push(format!("`name` has between one and {LONGEST_LABEL} bytes"));
        }
        flaws.extend(self.above.ceiling_flaw("above"));
        flaws.extend(self.below.floor_flaw("below"));
        flaws.extend(self.expect.iter().flat_map(Expected::flaws));
        flaws.extend(self.baseline.iter().flat_map(Baseline::flaws));
        flaws
    }

    fn needs(&self) -> Needs {
        Needs {
            // Permits are by connection, whatever its host is called.
            hosts: vec![format!("prometheus.{}", self.connection.0)],
            connections: vec![(SystemName::Prometheus, self.connection.0.clone())],
            deployment: self.baseline.as_ref().is_some_and(Baseline::reads_deployment),
            ..Needs::default()
        }
    }

    fn series(&self) -> Vec<Series> {
        let query = Some(self.name.0.clone());
        let value = |subject: &str| Series {
            measure: &VALUE,
            labels: vec![query.clone(), Some(subject.to_owned())],
        };
        let mut series = match &self.expect {
            Some(expected) => expected.values.iter().map(|subject| value(subject)).collect(),
            None => judging::EXTREMES.map(value).to_vec(),
        };
        series.push(Series { measure: &SERIES, labels: vec![query.clone()] });
        if self.baseline.is_some() {
            let compared = |value: Option<&str>| Series {
                measure: &BASELINE,
                labels: vec![
                    Some(VALUE.name.to_owned()),
                    Some(judging::compared(&self.name.0, value)),
                ],
            };
            match &self.expect {
                Some(expected) => {
                    series.extend(expected.values.iter().map(|value| compared(Some(value))));
                }
                None => series.push(compared(None)),
            }
        }
        series
    }

    fn bounds(&self) -> Vec<Bound> {
        let mut bounds = self.above.above(VALUE.name, |limit| limit);
        bounds.extend(self.below.below(VALUE.name, |limit| limit));
        bounds
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let asking = Asking { name: &self.connection.0, now: look.now, until: look.until() };
        let prometheus = &look.systems.prometheus;
        let before = async {
            Some(match self.baseline.as_ref()?.span(look) {
                Ok(span) => {
                    let asked = prometheus.query_range(asking, &self.expression, span).await;
                    asked.map(|(ranges, notes)| Before::new(ranges, notes.warnings))
                }
                Err(obstacle) => Err(obstacle),
            })
        };
        let sampled = async {
            self.max_age?;
            let expression = format!("timestamp({})", self.expression);
            Some(prometheus.query(asking, &expression).await.and_then(judging::rows))
        };
        let now = prometheus.query(asking, &self.expression);
        let (now, sampled, before) = futures::join!(now, sampled, before);
        Ok(Seen { now: now?, sampled, before })
    }

    fn judge(&self, seen: &Seen, _past: &Past, now: Timestamp) -> Judgement {
        judging::judge(self, seen, now)
    }
}
