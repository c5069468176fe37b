//! What is thought of an answer. Pure.

use super::credential::until_when;
use super::expect::Wrong;
use super::redirects::{Redirects, redirects_as, target};
use super::{Answered, Http, NUMBER, TOO_MANY_REDIRECTS, TOO_SLOW, WRONG_REDIRECT};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Grade};
use crate::model::judgement::{Judgement, legible};
use crate::model::measure::Bound;
use crate::systems::net::exchange::Response;
use crate::systems::net::url::WebUrl;

impl Http {
    /// Whether an answer may be repeated: not one to whom a secret was told.
    pub(super) fn quotable(&self) -> bool {
        self.secret_headers.is_empty() && self.login.is_none() && !self.first().sent.is_secret()
    }

    /// Adds what was found, and what expressions over the answer say unless it is the wrong one
    /// altogether.
    pub(super) fn complain(&self, answered: &Answered, found: Finding, judgement: &mut Judgement) {
        let is_wrong = matches!(found.grade, Grade::Fail(reason) if reason != TOO_SLOW);
        judgement.add("", found);
        if is_wrong {
            return;
        }
        let probe = self.probe(answered.number);
        let target = self.url.to_string();
        let (complaints, samples) = probe.expect.complaints(&target, &answered.evaluated);
        for (subject, answer) in complaints {
            judgement.add(subject, answer);
        }
        samples.into_iter().for_each(|sample| judgement.measure(sample));
    }

    pub(super) fn find(&self, answered: &Answered) -> Finding {
        let Answered { at, redirects, response, phases, number, passed_over, .. } = answered;
        let which = self.place(*number, passed_over);
        let place = match redirects {
            0 => which,
            1 => format!("{which}after a redirect, {at} "),
            more => format!("{which}after {more} redirects, {at} "),
        };
        if let Err((reason, because)) = self.assert(answered, at, response) {
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

    fn assert(&self, answered: &Answered, at: &WebUrl, response: &Response) -> Result<(), Wrong> {
        let target = target(at, response);
        match &self.redirects {
            Redirects::Expect(expected) => return redirects_as(expected, response, target),
            Redirects::Follow(0) => {}
            Redirects::Follow(most) => match target {
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
