//! What is thought of an answer. Pure.

use super::expect::Wrong;
use super::redirects::{Redirects, redirects_as, target};
use super::{Answered, Http, REDIRECT_LOOP, TOO_MANY_REDIRECTS, TOO_SLOW, WRONG_REDIRECT};
use crate::model::duration::{Period, spoken};
use crate::model::finding::Finding;
use crate::model::judgement::legible;
use crate::systems::net::exchange::Response;
use crate::systems::net::url::WebUrl;

impl Http {
    pub(super) fn quotable(&self) -> bool {
        self.secret_headers.is_empty() && self.body_from.is_none()
    }

    pub(super) fn find(&self, answered: &Answered) -> Finding {
        let Answered { at, redirects, circle, response, phases } = answered;
        let place = match redirects {
            0 => String::new(),
            1 => format!("after a redirect, {at} "),
            more => format!("after {more} redirects, {at} "),
        };
        if let Err((reason, because)) = self.assert(at, *circle, response) {
            return Finding::fail(reason, format!("{place}{because}"));
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

    fn assert(&self, at: &WebUrl, circle: bool, response: &Response) -> Result<(), Wrong> {
        match &self.redirects {
            Redirects::Expect(expected) => return redirects_as(expected, at, response),
            Redirects::Follow(0) => {}
            Redirects::Follow(most) => match target(at, response) {
                Some(Ok(onward)) if circle => {
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
        self.expect.judge(response, self.quotable(), self.max_bytes.is_some())
    }
}
