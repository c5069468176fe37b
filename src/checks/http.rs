//! `http`: an endpoint answers as it should, soon enough.
//! Subject: the endpoint. Silence, refusal and every kind of nonsense are failures, not blindness.

mod credential;
pub mod expect;
mod fetch;
mod judging;
pub mod params;
pub mod redirects;

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use self::expect::Expect;
use self::params::{FieldName, MostBytes, SecretHeader, Verb};
use self::redirects::Redirects;
use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::{Obstacle, Verdict};
use crate::model::judgement::{self, Judgement};
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason, joined};
use crate::model::secret::SecretSource;
use crate::systems::net::exchange::{Phases, Response};
use crate::systems::net::reasons::FETCHING;
use crate::systems::net::url::WebUrl;
use crate::systems::net::web::fetched;

/// The most bytes of a body that can be asked to be read where each address is asked: they are all
/// in memory at once.
const MOST_AT_EACH_ADDRESS: usize = 4 * 1024 * 1024;

const WRONG_STATUS: Reason = Reason::new("WrongStatus");
const WRONG_HEADER: Reason = Reason::new("WrongHeader");
const WRONG_BODY: Reason = Reason::new("WrongBody");
const WRONG_JSON: Reason = Reason::new("WrongJson");
const NOT_JSON: Reason = Reason::new("NotJson");
const WRONG_REDIRECT: Reason = Reason::new("WrongRedirect");
const TOO_MANY_REDIRECTS: Reason = Reason::new("TooManyRedirects");
const REDIRECT_LOOP: Reason = Reason::new("RedirectLoop");
const TOO_SLOW: Reason = Reason::new("TooSlow");

const OWN: &[Documented] = &[
    Documented::fails(WRONG_STATUS, "The status is not among the accepted ones."),
    Documented::fails(WRONG_HEADER, "A header is absent or other than expected."),
    Documented::fails(WRONG_BODY, "The body lacks what it must hold, or holds what it must not."),
    Documented::fails(NOT_JSON, "The body is not JSON."),
    Documented::fails(WRONG_JSON, "A value of the JSON body is absent or other than expected."),
    Documented::fails(WRONG_REDIRECT, "No redirect, or another than the expected one."),
    Documented::fails(TOO_MANY_REDIRECTS, "More redirects than are followed."),
    Documented::fails(REDIRECT_LOOP, "Redirects lead back to where they came from."),
    Documented::warns_or_fails(TOO_SLOW, "The answer took longer than allowed."),
    Documented::fails(Reason::TOO_LARGE, "The body, or the head, is larger than is read."),
    Documented::fails(Reason::GARBLED, "What came is not HTTP/1, or in an encoding not asked for."),
    Documented::fails(Reason::THROTTLED, "It answers 429."),
    Documented::fails(
        Reason::UNAUTHORIZED,
        "It answers 401 or refuses a grant; or did, and the same credential is not sent again.",
    ),
    Documented::fails(
        Reason::FORBIDDEN,
        "It answers 403; or did, and the same credential is not sent again.",
    ),
    Documented::fails(Reason::SERVER_ERROR, "It answers 5xx."),
];

static STATUS: Measure = Measure::gauge(
    "vigie_http_status_code",
    "Status code of the last answer, redirects followed; of several addresses, of the worst.",
    &["target"],
);
static DURATION: Measure = Measure::gauge(
    "vigie_http_duration_seconds",
    "How long each phase of the last exchange took, redirects included; the phases add up to all. Of several addresses, at the worst.",
    &["target", "phase"],
);

fetched! {
    /// An endpoint answers as it should, soon enough.
    #[derive(Clone, Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct Http {
        /// The method: `GET` (the default), `HEAD`, `OPTIONS`, or `POST` for queries such as those of
        /// GraphQL and for tokens. Methods that change something are none.
        #[serde(default)]
        #[schemars(default)]
        method: Verb,
        /// Headers to send. Never shown.
        #[serde(default)]
        headers: BTreeMap<FieldName, String>,
        /// Headers whose values are secrets. With one of them, nothing of the answer is quoted. Once
        /// refused (401, 403, a 400 with `invalid_grant`, unless expected), they are sent at most twice
        /// a day until they change; the check fails meanwhile.
        #[serde(default)]
        secret_headers: BTreeMap<FieldName, SecretHeader>,
        /// A body to send. Never shown.
        #[serde(default)]
        body: String,
        /// A body that is a secret, instead of `body`. With it, nothing of the answer is quoted, and once
        /// refused it is treated as `secret_headers` are.
        #[serde(default)]
        body_from: Option<SecretSource>,
        /// What the answer must be like; without anything, a status of 200-299.
        #[serde(default)]
        expect: Expect,
        /// What is done with redirects: `follow: 5` (the default), or `expect:` one.
        #[serde(default)]
        #[schemars(default)]
        redirects: Redirects,
        /// Warns if the answer, complete, takes longer. Finding the address is not counted.
        #[serde(default)]
        warn_slower_than: Option<Period>,
        /// Fails if the answer, complete, takes longer. Finding the address is not counted.
        #[serde(default)]
        fail_slower_than: Option<Period>,
        /// The largest acceptable body; `1 MiB` by default where `expect` asks about the body. Without
        /// either, bodies may be of any size and are not read, except to time them.
        #[serde(default)]
        max_bytes: Option<MostBytes>,
        /// Asks each address of the host, at most sixteen, instead of the first that answers. Each
        /// is judged by itself; with secrets they are asked one after the other.
        #[serde(default)]
        every_address: bool,
    }
}

/// What was answered.
#[derive(Debug)]
pub struct Seen {
    /// By address, where each was asked.
    answers: Vec<(Option<IpAddr>, Result<Answered, Obstacle>)>,
    /// Why there may be other addresses, which could not be looked up.
    trouble: Option<Obstacle>,
    /// How many addresses were not asked.
    left_out: usize,
}

/// What an exchange came to.
#[derive(Debug)]
pub struct Answered {
    /// The last URL asked.
    at: WebUrl,
    /// How many redirects led there.
    redirects: u8,
    /// Whether the next one leads back.
    circle: bool,
    response: Response,
    phases: Phases,
}

impl Check for Http {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &joined::<{ OWN.len() + FETCHING.len() }>(OWN, FETCHING);
    const MEASURES: &'static [&'static Measure] = &[&STATUS, &DURATION];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = self.expect.flaws();
        if !self.body.is_empty() && self.body_from.is_some() {
            flaws.push("`body` and `body_from` exclude each other".to_owned());
        }
        let twice = |name: &&FieldName| self.headers.contains_key(*name);
        flaws.extend(
            self.secret_headers
                .keys()
                .filter(twice)
                .map(|name| format!("header `{name}` is both in `headers` and `secret_headers`")),
        );
        if let (Some(warn), Some(fail)) = (self.warn_slower_than, self.fail_slower_than)
            && warn >= fail
        {
            flaws.push("`warn_slower_than` must be shorter than `fail_slower_than`".to_owned());
        }
        flaws.extend(self.redirects.flaws());
        flaws.extend(self.web().flaws());
        if self.every_address && self.proxy.is_some() {
            flaws.push("through a `proxy` there is no `every_address`".to_owned());
        }
        let most = self.max_bytes.unwrap_or_default().get();
        if self.every_address && most > MOST_AT_EACH_ADDRESS {
            flaws.push("with `every_address`, `max_bytes` is at most 4 MiB".to_owned());
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let mut needs = self.web().needs();
        let headers = self.secret_headers.values().map(|header| &header.from);
        needs.secrets.extend(headers.chain(&self.body_from).cloned());
        needs
    }

    fn series(&self) -> Vec<Series> {
        let target = self.url.to_string();
        let phases = Phases::default().named().map(|(phase, _)| Series {
            measure: &DURATION,
            labels: vec![Some(target.clone()), Some(phase.to_owned())],
        });
        let status = Series { measure: &STATUS, labels: vec![Some(target.clone())] };
        phases.into_iter().chain([status]).collect()
    }

    fn bounds(&self) -> Vec<Bound> {
        let limit = |bound, period: Option<Period>| {
            period.map(|period| Bound {
                measure: DURATION.name,
                bound,
                value: period.get().as_secs_f64(),
            })
        };
        [limit("warn_above", self.warn_slower_than), limit("fail_above", self.fail_slower_than)]
            .into_iter()
            .flatten()
            .collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        self.look_at_all(look).await
    }

    fn judge(&self, seen: &Seen, _past: &Past, _now: Timestamp) -> Judgement {
        let Seen { answers, trouble, left_out } = seen;
        let mut judgement = Judgement::new();
        judgement.dropped += *left_out as u64;
        let target = self.url.to_string();
        let mut worst: Option<(Verdict, &Answered)> = None;
        for (address, outcome) in answers {
            let subject = address.map(|address| format!("{target} at {address}"));
            let answer: judgement::Answer = match outcome {
                Ok(answered) => self.find(answered).into(),
                Err(obstacle) => obstacle.clone().into_failure().into(),
            };
            judgement.add(subject.unwrap_or_default(), answer);
            let verdict = judgement.lines().last().map_or(Verdict::Unknown, |line| line.verdict);
            if let Ok(answered) = outcome
                && worst.is_none_or(|(worse, _)| verdict > worse)
            {
                worst = Some((verdict, answered));
            }
        }
        if let Some((_, Answered { response, phases, .. })) = worst {
            judgement.measure(STATUS.is(f64::from(response.status.as_u16()), [&target]));
            for (phase, took) in phases.named() {
                judgement.measure(DURATION.is(took.as_secs_f64(), [&target, phase]));
            }
        }
        if let Some(trouble) = trouble {
            judgement.add(target, trouble.clone());
        }
        judgement
    }
}
