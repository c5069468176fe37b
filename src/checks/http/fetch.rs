//! Fetching: the requests as configured, and what they redirect to as far as that is wanted.

use std::net::SocketAddr;

use futures::{FutureExt, StreamExt};
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use super::behind::may_be_astray;
use super::claims::Evaluated;
use super::expect::Expect;
use super::probe::{PassedOver, Probe};
use super::redirects::{Redirects, leads_elsewhere, target};
use super::request::Written;
use super::token::Held;
use super::{Answered, Http, Seen, Unanswered};
use crate::checks::Look;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::net::dial::blamed;
use crate::systems::net::exchange::{Phases, Reading};
use crate::systems::net::url::WebUrl;
use crate::systems::net::web::Visit;

/// The most bytes of an unwanted answer that are read, to quote from.
const EXCERPT: usize = 4096;

/// What the fetches of one look have in common.
#[derive(Clone, Copy)]
struct Fetching<'a> {
    look: &'a Look<'a>,
    visit: &'a Visit<'a>,
    started: Instant,
    /// How long it took to find the addresses, where each is asked.
    before: Phases,
}

impl Http {
    /// Fetches the URL, at each of its addresses where that is wanted.
    pub(super) async fn look_at_all(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let Look { systems, now, .. } = look;
        let visit = self.web().visit(&systems.net, &systems.secrets, look.until(), *now);
        let (started, before) = (Instant::now(), Phases::default());
        let mut fetching = Fetching { look, visit: &visit, started, before };
        if !self.every_address {
            let outcome = self.fetch(fetching, None).await;
            return Ok(Seen {
                answers: vec![(None, outcome)],
                trouble: None,
                left_out: 0,
                dsn: None,
            });
        }
        let (addresses, found) = match visit.addresses().await {
            Ok(found) => found,
            Err(obstacle) => {
                let unanswered = Unanswered { obstacle, readiness: None };
                let answers = vec![(None, Err(unanswered))];
                return Ok(Seen { answers, trouble: None, left_out: 0, dsn: None });
            }
        };
        fetching.before.resolve = started.elapsed();
        // A wrong credential must be sent once, not sixteen times.
        let at_once = if self.shows_a_secret() { 1 } else { addresses.len() };
        let answers = futures::stream::iter(addresses)
            .map(|address| {
                let fetched = self.fetch(fetching, Some(address));
                fetched.map(move |outcome| (Some(address.ip()), about(address, outcome)))
            })
            .buffered(at_once)
            .collect()
            .await;
        Ok(Seen { answers, trouble: found.trouble, left_out: found.left_out, dsn: None })
    }

    /// Sends the requests, one after the other, until one of them is there.
    async fn fetch(
        &self,
        fetching: Fetching<'_>,
        address: Option<SocketAddr>,
    ) -> Result<Answered, Unanswered> {
        let look = fetching.look;
        let mut phases = fetching.before;
        let outcome = self.first_there(fetching, address, &mut phases).await;
        outcome.map_err(|obstacle| {
            let led = look.systems.net.leads_elsewhere(&self.url.endpoint());
            let astray = !led
                && look.systems.kubernetes.may_be_around_us()
                && may_be_astray(&obstacle, &self.url, &phases);
            let behind = self.behind.as_ref().filter(|_| astray);
            let readiness = behind.map(|behind| behind.look(look, &self.url));
            Unanswered { obstacle, readiness }
        })
    }

    async fn first_there(
        &self,
        fetching: Fetching<'_>,
        address: Option<SocketAddr>,
        phases: &mut Phases,
    ) -> Result<Answered, Obstacle> {
        let mut passed_over = Vec::new();
        let last = self.alternatives.len();
        for probe in self.probes() {
            let answered = self.ask(fetching, &probe, address, phases).await?;
            let status = answered.response.status;
            let another = probe.number < last && !self.accepts(probe.expect, status);
            if another && self.is_not_there(status) {
                passed_over.push(PassedOver::new(&probe.url, status.as_u16()));
                continue;
            }
            let evaluated = self.evaluate(fetching.look, &probe, &answered).await;
            return Ok(Answered { passed_over, evaluated, ..answered });
        }
        Err(Obstacle::ours(Reason::NOTHING_SEEN, "no request was to be sent"))
    }

    async fn evaluate(&self, look: &Look<'_>, probe: &Probe<'_>, answered: &Answered) -> Evaluated {
        let response = &answered.response;
        if response.cut || !self.accepts(probe.expect, response.status) {
            return Evaluated::default();
        }
        probe.expect.evaluate(response, self.quotable(), look.now, look.until()).await
    }

    /// Sends one request. A kept token that is refused is replaced once by a new one: it may have
    /// been revoked since, and says nothing of the grant.
    async fn ask(
        &self,
        fetching: Fetching<'_>,
        probe: &Probe<'_>,
        address: Option<SocketAddr>,
        phases: &mut Phases,
    ) -> Result<Answered, Obstacle> {
        let look = fetching.look;
        let mut held = self.token(look, None).await?;
        loop {
            *phases = fetching.before;
            let written = self.write(look, probe, held.as_ref()).await?;
            let credential = written.credential;
            let turn = match credential {
                Some(credential) => Some(credential.turn(look).await?),
                None => None,
            };
            let followed = self.follow(fetching, probe, written, address, phases).await?;
            let (mut answered, at_home) = followed;
            let status = answered.response.status;
            let (Some(turn), Some(credential), true) = (turn, credential, at_home) else {
                return Ok(answered);
            };
            if self.accepts(probe.expect, status) {
                turn.accepted();
                return Ok(answered);
            }
            let denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
            if let Some(Held { token, fresh: false, .. }) = &held
                && denied
            {
                held = self.token(look, Some(token)).await?;
                continue;
            }
            answered.again = credential.note(look, &answered.response);
            return Ok(answered);
        }
    }

    /// Sends a request, and those that its redirects lead to. Says, too, whether the answer came from
    /// the origin that the credential is for: what another says is not about it.
    async fn follow(
        &self,
        fetching: Fetching<'_>,
        probe: &Probe<'_>,
        written: Written,
        address: Option<SocketAddr>,
        phases: &mut Phases,
    ) -> Result<(Answered, bool), Obstacle> {
        let Fetching { look, visit, started, before: _ } = fetching;
        let Written { mut request, credential: _, shown } = written;
        let mut seen = Vec::new();
        let mut at_home = true;
        loop {
            let reading = |status, headers: &HeaderMap| self.reading(probe.expect, status, headers);
            let response = async {
                let opened = visit.open(request.clone(), address, phases).await?;
                opened.read(reading, look.until(), phases).await
            };
            let response = response.await;
            let response = response
                .map_err(|obstacle| blamed(obstacle, phases.resolve, started))
                .map_err(|obstacle| self.unquoted(obstacle, &request.url))?;
            let redirects = u8::try_from(seen.len()).unwrap_or(u8::MAX);
            let onward = match self.redirects {
                Redirects::Follow(most) if redirects < most => {
                    target(&request.url, &response).and_then(Result::ok)
                }
                Redirects::Follow(_) | Redirects::Expect(_) => None,
            };
            let mut answered = Answered {
                at: request.url.clone(),
                redirects,
                circle: false,
                response,
                phases: *phases,
                number: probe.number,
                passed_over: Vec::new(),
                evaluated: Evaluated::default(),
                again: None,
            };
            let Some(onward) = onward else { return Ok((answered, at_home)) };
            seen.push((request.method.clone(), request.url.clone()));
            let home = at_home;
            at_home &= self.url.same_origin(&onward);
            self.redirect(probe, &mut request, answered.response.status, onward, &shown);
            let again = |(method, url): &(Method, WebUrl)| {
                *method == request.method && url.same_resource(&request.url)
            };
            if seen.iter().any(again) {
                answered.circle = true;
                return Ok((answered, home));
            }
        }
    }

    /// Whether a status is what the check wants to see.
    fn accepts(&self, expect: &Expect, status: StatusCode) -> bool {
        match &self.redirects {
            Redirects::Follow(_) => expect.status.hold(status),
            Redirects::Expect(expected) => expected.status.hold(status),
        }
    }

    /// What is read of an answer's body: what the check asks about. One with the wrong status is
    /// quoted at most, and that of a redirect is for nobody.
    fn reading(&self, expect: &Expect, status: StatusCode, headers: &HeaderMap) -> Reading {
        let follows = !matches!(self.redirects, Redirects::Follow(0));
        if follows && leads_elsewhere(status, headers) {
            return Reading::Nothing;
        }
        if !self.accepts(expect, status) {
            return Reading::Excerpt(EXCERPT);
        }
        let timed = self.warn_slower_than.or(self.fail_slower_than).is_some();
        if expect.asks_for_body() || self.max_bytes.is_some() {
            Reading::Whole(self.max_bytes.unwrap_or_default().get())
        } else if timed {
            Reading::Timed
        } else {
            Reading::Nothing
        }
    }
}

/// The line that this goes to is about the address already.
fn about(
    address: SocketAddr,
    outcome: Result<Answered, Unanswered>,
) -> Result<Answered, Unanswered> {
    outcome.map_err(|Unanswered { obstacle, readiness }| {
        let named = format!("{address} ");
        let because = obstacle.because.strip_prefix(&named).unwrap_or(&obstacle.because);
        let obstacle = Obstacle { because: because.to_owned(), ..obstacle };
        Unanswered { obstacle, readiness }
    })
}
