//! What is said of the expressions over an answer, and of its numbers. Pure.

use super::claims::{Claim, Evaluated, Number, NumberName, Weight};
use super::expect::Expect;
use super::reasons::{
    EVALUATION_ERROR, EVALUATION_TIMED_OUT, EXPRESSION_FALSE, NUMBER_TOO_HIGH, NUMBER_TOO_LOW,
};
use super::{NOT_JSON, NUMBER};
use crate::checks::expression::evaluation::Outcome;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, legible};
use crate::model::measure::Sample;
use crate::model::reason::Reason;

/// What is wrong with an answer beside its form, each with what it is about.
pub(super) type Complaints = Vec<(String, Answer)>;

impl Expect {
    /// What is wrong by the expressions; and the numbers, which are told whatever they are.
    pub(super) fn complaints(
        &self,
        target: &str,
        evaluated: &Evaluated,
    ) -> (Complaints, Vec<Sample>) {
        if let Some(why) = &evaluated.not_json {
            let because = format!("answers what is not JSON: {why}");
            return (vec![(String::new(), Finding::fail(NOT_JSON, because).into())], Vec::new());
        }
        let mut complaints = Complaints::new();
        let mut samples = Vec::new();
        let mut outcomes = evaluated.outcomes.iter();
        for claim in &self.cel {
            // What was not evaluated had no time.
            let outcome = outcomes.next().unwrap_or(&Outcome::OutOfTime);
            complaints.extend(of_claim(claim, outcome).map(|answer| (String::new(), answer)));
        }
        for (name, number) in &self.numbers {
            let outcome = outcomes.next().unwrap_or(&Outcome::OutOfTime);
            match value(outcome, number.cel.text()) {
                Ok(value) => {
                    samples.push(NUMBER.is(value, [target, &name.to_string()]));
                    complaints.extend(
                        of_number(name, number, value)
                            .map(|found| (name.to_string(), found.into())),
                    );
                }
                Err(obstacle) => complaints.push((name.to_string(), obstacle.into())),
            }
        }
        (complaints, samples)
    }
}

fn of_claim(claim: &Claim, outcome: &Outcome) -> Option<Answer> {
    let Claim { cel, message, severity } = claim;
    let text = cel.text();
    match outcome {
        Outcome::True => None,
        Outcome::False(seen) => {
            let because = match (seen, message) {
                (Some(seen), Some(message)) => format!("{seen}: {message}"),
                (Some(seen), None) => format!("{seen}; `{}` wanted", legible(text, 200)),
                (None, Some(message)) => message.clone(),
                (None, None) => format!("`{}` is false of its answer", legible(text, 200)),
            };
            Some(match severity {
                Weight::Warn => Finding::warn(EXPRESSION_FALSE, because).into(),
                Weight::Fail => Finding::fail(EXPRESSION_FALSE, because).into(),
            })
        }
        Outcome::Number(_) | Outcome::Double(_) => {
            Some(mistake("a number, where true or false is wanted", text).into())
        }
        Outcome::Other(what) => {
            Some(mistake(&format!("{what}, where true or false is wanted"), text).into())
        }
        Outcome::Mistake(_) | Outcome::Ahead(_) | Outcome::OutOfTime => {
            Some(obstacle(outcome, text).into())
        }
    }
}

/// The number that an expression came to.
fn value(outcome: &Outcome, text: &str) -> Result<f64, Obstacle> {
    match outcome {
        #[expect(clippy::cast_precision_loss, reason = "a measurement has few digits")]
        Outcome::Number(number) => Ok(*number as f64),
        Outcome::Double(number) if number.is_finite() => Ok(*number),
        Outcome::Double(_) => Err(mistake("not a finite number", text)),
        Outcome::True | Outcome::False(_) => {
            Err(mistake("true or false, where a number is wanted", text))
        }
        Outcome::Other(what) => Err(mistake(&format!("{what}, where a number is wanted"), text)),
        Outcome::Mistake(_) | Outcome::Ahead(_) | Outcome::OutOfTime => {
            Err(obstacle(outcome, text))
        }
    }
}

fn of_number(name: &NumberName, number: &Number, value: f64) -> Option<Finding> {
    let Number { cel: _, warn_below, fail_below, warn_above, fail_above } = *number;
    let below = |limit: Option<f64>| limit.filter(|limit| value < *limit);
    let above = |limit: Option<f64>| limit.filter(|limit| value > *limit);
    let low = |limit: f64| format!("{name} is {value}, at least {limit} wanted");
    let high = |limit: f64| format!("{name} is {value}, at most {limit} allowed");
    if let Some(limit) = below(fail_below) {
        Some(Finding::fail(NUMBER_TOO_LOW, low(limit)))
    } else if let Some(limit) = above(fail_above) {
        Some(Finding::fail(NUMBER_TOO_HIGH, high(limit)))
    } else if let Some(limit) = below(warn_below) {
        Some(Finding::warn(NUMBER_TOO_LOW, low(limit)))
    } else {
        above(warn_above).map(|limit| Finding::warn(NUMBER_TOO_HIGH, high(limit)))
    }
}

fn mistake(why: &str, text: &str) -> Obstacle {
    Obstacle::ours(EVALUATION_ERROR, format!("{why} (`{}`)", legible(text, 200)))
}

/// Why an expression came to nothing.
fn obstacle(outcome: &Outcome, text: &str) -> Obstacle {
    match outcome {
        Outcome::Ahead(time) => {
            let because = format!("{time}, which must be past, lies ahead");
            Obstacle::new(Reason::CLOCK_SKEW, because)
        }
        Outcome::OutOfTime => {
            let because = format!("no time was left to evaluate `{}`", legible(text, 200));
            Obstacle::ours(EVALUATION_TIMED_OUT, because)
        }
        Outcome::Mistake(why) => mistake(why, text),
        Outcome::True
        | Outcome::False(_)
        | Outcome::Number(_)
        | Outcome::Double(_)
        | Outcome::Other(_) => mistake("something else than is wanted", text),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use tokio::time::Instant;

    use super::*;
    use crate::model::judgement::Judgement;
    use crate::systems::net::exchange::Response;

    async fn judged(expect: &str, body: &str, quotable: bool) -> Judgement {
        let expect: Expect = serde_saphyr::from_str(expect).unwrap();
        assert_eq!(expect.flaws(), Vec::<String>::new());
        let mut headers = HeaderMap::new();
        headers.append("x-many", "a".parse().unwrap());
        headers.append("x-many", "b".parse().unwrap());
        let body = Bytes::copy_from_slice(body.as_bytes());
        let response = Response { status: StatusCode::OK, headers, body, cut: false };
        let until = Instant::now() + Duration::from_secs(60);
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let evaluated = expect.evaluate(&response, quotable, now, until).await;
        let (complaints, samples) = expect.complaints("t", &evaluated);
        let mut judgement = Judgement::new();
        judgement.add("", Finding::pass("answers"));
        for (subject, answer) in complaints {
            judgement.add(subject, answer);
        }
        for sample in samples {
            judgement.measure(sample);
        }
        judgement
    }

    const ANSWER: &str = r#"{"credits": 250, "share": 0.5, "at": "2999-01-01T00:00:00Z",
        "plan": [{"type": "sms", "credits": 3}, {"type": "mail", "credits": 9.5}]}"#;

    #[tokio::test]
    async fn expressions_and_numbers_of_an_answer_are_judged() {
        for (expect, code) in [
            ("cel: [{ cel: 'json.credits > 100 && status == 200' }]", "-"),
            ("cel: [{ cel: 'headers[\"x-many\"] == \"a, b\"' }]", "-"),
            (
                "cel: [{ cel: '!(\"x-other\" in headers)' }, { cel: 'body.contains(\"mail\")' }]",
                "-",
            ),
            ("cel: [{ cel: 'json.credits > 1000' }]", "ExpressionFalse"),
            ("cel: [{ cel: 'json.credits > 1000', severity: warn }]", "ExpressionFalse"),
            ("cel: [{ cel: 'json.absent > 1000' }]", "EvaluationError"),
            ("cel: [{ cel: 'json.credits' }]", "EvaluationError"),
            ("cel: [{ cel: 'past(json.at) < now' }]", "ClockSkew"),
            ("numbers: { c: { cel: json.credits, fail_below: 250 } }", "-"),
            ("numbers: { c: { cel: json.credits, fail_below: 250.5 } }", "NumberTooLow"),
            ("numbers: { c: { cel: json.credits, warn_below: 300 } }", "NumberTooLow"),
            ("numbers: { c: { cel: json.credits, warn_above: 100 } }", "NumberTooHigh"),
            ("numbers: { c: { cel: json.share, fail_above: 0.4 } }", "NumberTooHigh"),
            ("numbers: { c: { cel: json.plan, fail_above: 1 } }", "EvaluationError"),
            ("numbers: { c: { cel: 'json.credits > 1' } }", "EvaluationError"),
            ("numbers: { c: { cel: 'json.share / 0.0' } }", "EvaluationError"),
            (
                "numbers: { c: { cel: 'json.plan.filter(p, p.type == \"mail\")[0].credits', \
                 fail_below: 9.5 } }",
                "-",
            ),
        ] {
            let judgement = judged(&format!("{{ {expect} }}"), ANSWER, true).await;
            let said = judgement.reason().map_or("-", Reason::code);
            assert_eq!(said, code, "{expect}: {}", judgement.because());
        }
    }

    #[tokio::test]
    async fn what_was_compared_is_told_where_an_answer_may_be_quoted() {
        let expect =
            "{ cel: [{ cel: 'json.plan[0].type == \"mail\"' }, { cel: 'json.credits < 3' }] }";
        let told = judged(expect, ANSWER, true).await;
        assert_eq!(told.lines()[2].because, "json.credits is 250; `json.credits < 3` wanted");
        let hidden = judged(expect, ANSWER, false).await;
        assert_eq!(hidden.lines()[2].because, "`json.credits < 3` is false of its answer");
    }

    #[tokio::test]
    async fn an_answer_that_is_no_json_matters_to_whoever_asks_about_it() {
        let json = judged("{ cel: [{ cel: json.a == 1 }] }", "<html>", true).await;
        assert_eq!(json.reason().map(Reason::code), Some("NotJson"));
        let body = judged("{ cel: [{ cel: body == '<html>' }] }", "<html>", true).await;
        assert_eq!(body.reason(), None, "{}", body.because());
    }

    #[test]
    fn limits_that_leave_nothing_good_are_told() {
        for (limits, flaws) in [
            ("fail_below: 1, warn_below: 2, warn_above: 3, fail_above: 4", 0),
            ("fail_below: 2, warn_below: 2", 1),
            ("warn_above: 4, fail_above: 3", 1),
            ("fail_below: 5, fail_above: 3", 1),
            ("warn_below: .nan", 1),
        ] {
            let text = format!("{{ numbers: {{ n: {{ cel: json, {limits} }} }} }}");
            let expect: Expect = serde_saphyr::from_str(&text).unwrap();
            assert_eq!(expect.flaws().len(), flaws, "{limits}: {:?}", expect.flaws());
        }
    }
}
