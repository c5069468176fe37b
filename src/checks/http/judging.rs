//! What is thought of an answer. Pure.

use super::credential::until_when;
use super::expect::Wrong;
use super::redirects::{Redirects, redirects_as, target};
use super::{
    Answered, DURATION, Http, NUMBER, REDIRECT_LOOP, STATUS, Seen, TOO_MANY_REDIRECTS, TOO_SLOW,
    Unanswered, WRONG_REDIRECT, behind,
};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Grade, Obstacle, Verdict};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::measure::{Bound, Sample};
use crate::systems::net::url::WebUrl;

impl Http {
    /// Whether an answer may be repeated: not one of whoever was told a secret, or what is not to
    /// be shown.
    pub(super) fn quotable(&self) -> bool {
        !self.shows_a_secret() && !self.probes().any(|probe| probe.url.has_query())
    }

    /// Whether whoever is asked is told a secret.
    pub(super) fn shows_a_secret(&self) -> bool {
        !self.secret_headers.is_empty()
            || self.login.is_some()
            || self.first().sent.is_secret()
            || self.says_who_asks()
    }

    /// A URL that may be of an answer's own making: as it is where it may be repeated, or where the
    /// configuration has it, too.
    pub(super) fn named(&self, url: &WebUrl) -> String {
        let shown = url.to_string();
        let wanted = match &self.redirects {
            Redirects::Expect(expected) => expected.to.as_ref(),
            Redirects::Follow(_) => None,
        };
        let mut known =
            self.probes().map(|probe| probe.url.to_string()).chain(wanted.map(WebUrl::to_string));
        if self.quotable() || known.any(|known| known == shown) {
            shown
        } else if url.same_origin(&self.url) {
            format!("another path of {}", self.url.authority())
        } else if url.host() == self.url.host() {
            format!("{}:// on {}", url.scheme(), self.url.host())
        } else if self.shows_a_secret() || self.is_asked_in_a_query(&url.host()) {
            "another host".to_owned()
        } else {
            // Its path may repeat what was asked in a query.
            format!("{}://{}", url.scheme(), url.authority())
        }
    }

    /// Whether a name repeats anything of a query.
    fn is_asked_in_a_query(&self, name: &str) -> bool {
        self.probes().flat_map(|probe| probe.url.query_words()).any(|word| name.contains(&word))
    }

    /// What is in the way at `url`, without a name that an answer made up.
    pub(super) fn unquoted(&self, obstacle: Obstacle, url: &WebUrl) -> Obstacle {
        if self.quotable() || url.host() == self.url.host() {
            return obstacle;
        }
        let because = "redirects to another host, which can't be asked".to_owned();
        Obstacle { because, ..obstacle }
    }

    /// What is thought of all that was seen.
    pub(super) fn judged(&self, seen: &Seen) -> Judgement {
        let Seen { answers, trouble, left_out, dsn } = seen;
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
        if let Some(trouble) = dsn {
            judgement.add("DSN", trouble.clone());
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
            1 => format!("{which}after a redirect, {} ", self.named(at)),
            more => format!("{which}after {more} redirects, {} ", self.named(at)),
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
            Redirects::Expect(expected) => {
                return redirects_as(expected, at, response, |url| self.named(url));
            }
            Redirects::Follow(0) => {}
            Redirects::Follow(most) => match target(at, response) {
                Some(Ok(onward)) if answered.circle => {
                    let because = format!("redirects in a circle, back to {}", self.named(&onward));
                    return Err((REDIRECT_LOOP, legible(&because, 400)));
                }
                Some(Ok(onward)) => {
                    let onward = self.named(&onward);
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
