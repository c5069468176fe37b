//! `http`: an endpoint answers as it should, soon enough.
//! Subject: the endpoint. Silence, refusal and every kind of nonsense are failures, not blindness.

mod credential;
pub mod expect;
mod fetch;
mod judging;
pub mod params;
pub mod redirects;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use self::expect::Expect;
use self::params::{FieldName, MostBytes, SecretHeader, Verb};
use self::redirects::Redirects;
use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::{Obstacle, Verdict};
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::model::secret::SecretSource;
use crate::systems::net::exchange::{Phases, Response};
use crate::systems::net::url::WebUrl;
use crate::systems::net::web::fetched;

const WRONG_STATUS: Reason = Reason::new("WrongStatus");
const WRONG_HEADER: Reason = Reason::new("WrongHeader");
const WRONG_BODY: Reason = Reason::new("WrongBody");
const WRONG_JSON: Reason = Reason::new("WrongJson");
const NOT_JSON: Reason = Reason::new("NotJson");
const WRONG_REDIRECT: Reason = Reason::new("WrongRedirect");
const TOO_MANY_REDIRECTS: Reason = Reason::new("TooManyRedirects");
const TOO_SLOW: Reason = Reason::new("TooSlow");

static STATUS: Measure = Measure::gauge(
    "vigie_http_status_code",
    "Status code of the last answer, redirects followed.",
    &["target"],
);
static DURATION: Measure = Measure::gauge(
    "vigie_http_duration_seconds",
    "How long each phase of the last exchange took, redirects included; the phases add up to all.",
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
    }
}

/// What an exchange came to.
#[derive(Debug)]
pub struct Answered {
    /// The last URL asked.
    at: WebUrl,
    /// How many redirects led there.
    redirects: u8,
    response: Response,
    phases: Phases,
}

impl Check for Http {
    type Seen = Result<Answered, Obstacle>;

    const REASONS: &'static [Documented] = &[
        Documented::fails(WRONG_STATUS, "The status is not among the accepted ones."),
        Documented::fails(WRONG_HEADER, "A header is absent or other than expected."),
        Documented::fails(
            WRONG_BODY,
            "The body lacks what it must hold, or holds what it must not.",
        ),
        Documented::fails(NOT_JSON, "The body is not JSON."),
        Documented::fails(WRONG_JSON, "A value of the JSON body is absent or other than expected."),
        Documented::fails(WRONG_REDIRECT, "No redirect, or another than the expected one."),
        Documented::fails(TOO_MANY_REDIRECTS, "More redirects than are followed."),
        Documented::warns_or_fails(TOO_SLOW, "The answer took longer than allowed."),
        Documented::fails(Reason::TOO_LARGE, "The body, or the head, is larger than is read."),
        Documented::fails(
            Reason::GARBLED,
            "What came is not HTTP/1, or in an encoding not asked for.",
        ),
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
        Documented::fails(Reason::REFUSED, "It refuses the connection."),
        Documented::fails(Reason::RESET, "The connection broke before the answer was complete."),
        Documented::fails(Reason::TIMED_OUT, "It did not answer in time."),
        Documented {
            reason: Reason::UNREACHABLE,
            verdicts: &[Verdict::Fail, Verdict::Unknown],
            means: "The network says that it can't be reached; unknown if this host has no way there.",
        },
        Documented::fails(Reason::NAME_NOT_FOUND, "The name has no address record."),
        Documented::blinds(
            Reason::RESOLVER_FAILED,
            "Our own resolver could not tell the address, or left no time to ask there.",
        ),
        Documented::fails(Reason::TLS_FAILED, "TLS could not be established."),
        Documented::fails(Reason::CERTIFICATE_EXPIRED, "A certificate of the chain has ended."),
        Documented::fails(
            Reason::CERTIFICATE_NOT_YET_VALID,
            "A certificate of the chain begins later.",
        ),
        Documented::fails(Reason::NAME_MISMATCH, "The certificate is for other names."),
        Documented::fails(
            Reason::UNKNOWN_ISSUER,
            "The chain ends at an issuer that is not trusted.",
        ),
        Documented::fails(
            Reason::SELF_SIGNED,
            "The certificate is its own issuer, and not trusted.",
        ),
        Documented::fails(Reason::CHAIN_INCOMPLETE, "The issuer's certificate is not sent along."),
        Documented::fails(Reason::CERTIFICATE_INVALID, "The certificate can't serve a server."),
        Documented::blinds(
            Reason::SECRET_MISSING,
            "A secret, a CA or a client certificate can't be read.",
        ),
    ];
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
        flaws.extend(self.web().flaws());
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

    async fn observe(&self, look: &Look<'_>) -> Result<Self::Seen, Obstacle> {
        match self.fetch(look).await {
            Err(obstacle) if obstacle.ours => Err(obstacle),
            answered => Ok(answered),
        }
    }

    fn judge(&self, seen: &Self::Seen, _past: &Past, _now: Timestamp) -> Judgement {
        let answered = match seen {
            Ok(answered) => answered,
            Err(obstacle) => return obstacle.clone().into_failure().into(),
        };
        let target = self.url.to_string();
        let status = answered.response.status.as_u16();
        let mut finding = self.find(answered).measured(STATUS.is(f64::from(status), [&target]));
        for (phase, took) in answered.phases.named() {
            finding = finding.measured(DURATION.is(took.as_secs_f64(), [&target, phase]));
        }
        finding.into()
    }
}
