//! What is thought of an answer. Pure.

use super::credential::until_when;
use super::expect::Wrong;
use super::redirects::{Redirects, redirects_as, target};
use super::{
    Answered, DURATION, Http, NUMBER, REDIRECT_LOOP, STATUS, Seen, TOO_MANY_REDIRECTS, TOO_SLOW,
    Unanswered, WRONG_REDIRECT, behind,
};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Grade, Verdict};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::measure::{Bound, Sample};

impl Http {
    /// Whether an answer may be repeated: not one of whoever was told a secret.
    pub(super) fn quotable(&self) -> bool {
        self.secret_headers.is_empty() && self.login.is_none() && !self.first().sent.is_secret()
    }

    /// What is thought of all that was seen.
    pub(super) fn judged(&self, seen: &Seen) -> Judgement {
        let Seen { answers, trouble, left_out } = seen;
        let mut judgement = Judgement::new();
        judgement.dropped += *left_out as u64;
        let target = self.url.to_string();
        let mut worst: Option<(Verdict, &Answered, Vec<Sample>)> = None;
        for (address, outcome) in answers {
            let subject = address.map(|address| format!("{target} at {address}"));
            let subject = subject.unwrap_or_default();
            let before = judgement.lines().len();
            let samples = match outcome {
                Ok(answered) => self.judge_answer(answered, &subject, &mut judgement),
                Err(unanswered) => {
                    judgement.add(subject, without_answer(unanswered));
                    Vec::new()
                }
            };
            let lines = judgement.lines()[before..].iter();
            let verdict = lines.map(|line| line.verdict).max().unwrap_or(Verdict::Unknown);
            if let Ok(answered) = outcome
                && worst.as_ref().is_none_or(|(worse, _, _)| verdict > *worse)
            {
                worst = Some((verdict, answered, samples));
            }
        }
        if let Some((_, Answered { response, phases, .. }, samples)) = worst {
            judgement.measure(STATUS.is(f64::from(response.status.as_u16()), [&target]));
            for (phase, took) in phases.named() {
                judgement.measure(DURATION.is(took.as_secs_f64(), [&target, phase]));
            }
            for sample in samples {
                judgement.measure(sample);
            }
        }
        if let Some(trouble) = trouble {
            judgement.add(target, trouble.clone());
        }
        judgement
    }

    /// Adds what was found, and what expressions over the answer say, unless it is the wrong one
    /// altogether; returns the numbers.
    fn judge_answer(
        &self,
        answered: &Answered,
        subject: &str,
        judgement: &mut Judgement,
    ) -> Vec<Sample> {
        let found = self.find(answered);
        let is_wrong = matches!(found.grade, Grade::Fail(reason) if reason != TOO_SLOW);
        judgement.add(subject, found);
        if is_wrong {
            return Vec::new();
        }
        let probe = self.probe(answered.number);
        let target = self.url.to_string();
        let (complaints, samples) = probe.expect.complaints(&target, &answered.evaluated);
        for (name, answer) in complaints {
            let between = if subject.is_empty() || name.is_empty() { "" } else { ", " };
            judgement.add(format!("{subject}{between}{name}"), answer);
        }
        samples
    }

    fn find(&self, answered: &Answered) -> Finding {
        let Answered { at, redirects, circle: _, response, phases, .. } = answered;
        let which = self.place(answered.number, &answered.passed_over);
        let place = match redirects {
            0 => which,
            1 => format!("{which}after a redirect, {at} "),
            more => format!("{which}after {more} redirects, {at} "),
        };
        if let Err((reason, because)) = self.assert(answered) {
            let then = answered.again.map(|again| format!("; {}", until_when(again)));
            return Finding::fail(reason, format!("{place}{because}{}", then.unwrap_or_default()));
        }
        // The endpoint is not to blame for our own resolver.
        let took = phases.total().saturating_sub(phases.resolve);
        let slower = |limit: Option<Period>| limit.filter(|limit| took > limit.get());
        let because =
            |limit: Period| format!("{place}answered after {}, {limit} allowed", spoken(took));
        if let Some(limit) = slower(self.fail_slower_than) {
            Finding::fail(TOO_SLOW, because(limit))
        } else if let Some(limit) = slower(self.warn_slower_than) {
            Finding::warn(TOO_SLOW, because(limit))
        } else {
            let status = response.status.as_u16();
            Finding::pass(format!("{place}answers {status} within {}", spoken(took)))
        }
    }

    fn assert(&self, answered: &Answered) -> Result<(), Wrong> {
        let Answered { at, response, .. } = answered;
        match &self.redirects {
            Redirects::Expect(expected) => return redirects_as(expected, at, response),
            Redirects::Follow(0) => {}
            Redirects::Follow(most) => match target(at, response) {
                Some(Ok(onward)) if answered.circle => {
                    let because = format!("redirects in a circle, back to {onward}");
                    return Err((REDIRECT_LOOP, legible(&because, 400)));
                }
                Some(Ok(onward)) => {
                    let because = format!("redirects once more, to {onward}; {most} are followed");
                    return Err((TOO_MANY_REDIRECTS, legible(&because, 400)));
                }
                Some(Err(why)) => {
                    return Err((
                        WRONG_REDIRECT,
                        format!("redirects to what can't be followed: {why}"),
                    ));
                }
                None => {}
            },
        }
        let probe = self.probe(answered.number);
        probe.expect.judge(response, self.quotable(), self.max_bytes.is_some())
    }

    /// The limits of the only number that has some: those of several could not be told apart.
    pub(super) fn bounds_of_numbers(&self) -> Vec<Bound> {
        let numbers: Vec<_> =
            self.probes().flat_map(|probe| probe.expect.numbers.values()).collect();
        let [number] = numbers.as_slice() else { return Vec::new() };
        let bound = |(bound, value): (&'static str, Option<f64>)| {
            Some(Bound { measure: NUMBER.name, bound, value: value? })
        };
        number.limits().into_iter().filter_map(bound).collect()
    }
}

fn without_answer(unanswered: &Unanswered) -> Answer {
    let Unanswered { obstacle, readiness } = unanswered;
    match readiness {
        None => obstacle.clone().into_failure().into(),
        Some(readiness) => behind::judged(obstacle.clone(), readiness).into(),
    }
}
