//! `http`: an endpoint answers as it should, soon enough.
//! Subject: the endpoint. Silence, refusal and every kind of nonsense are failures, not blindness.
//! Witnesses: another system that issues a token for it, and the API server, asked what stands
//! behind it.

mod behind;
mod body;
pub mod claims;
mod complaints;
mod credential;
pub mod expect;
mod fetch;
mod grant;
mod judging;
mod login;
pub mod params;
mod probe;
mod reasons;
pub mod redirects;
mod text;
mod token;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use self::behind::{Behind, Readiness, may_be_astray};
use self::claims::Evaluated;
use self::expect::Expect;
use self::login::Login;
use self::params::{FieldName, MostBytes, SecretHeader, Verb};
use self::probe::{Alternative, NotThere, PassedOver};
use self::redirects::Redirects;
use self::text::Text;
use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::Obstacle;
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

static NUMBER: Measure = Measure::gauge(
    "vigie_http_number",
    "A number out of the last answer, by the name that the configuration gives it.",
    &["target", "number"],
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
        /// A credential to show: `basic`, `bearer`, `api_key` or `oauth2`. With it, nothing of the
        /// answer is quoted. Once refused (401, 403, a grant that is refused; unless expected) it is
        /// tried at most twice a day until it changes, by all checks together; the check fails
        /// meanwhile. What was refused is forgotten when Vigie stops.
        #[serde(default)]
        login: Option<Login>,
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
        /// A body to send as JSON, instead of `body`. Never shown.
        #[serde(default)]
        json: Option<Value>,
        /// A body to send as a form, instead of `body`: texts, or places of secrets. With a secret
        /// in it, nothing of the answer is quoted, and once refused it is treated as
        /// `secret_headers` are.
        #[serde(default)]
        form: Option<BTreeMap<String, Text>>,
        /// What the answer must be like; without anything, a status of 200-299.
        #[serde(default)]
        expect: Expect,
        /// Other requests to the same host, whose good answers are as good: each is asked only where
        /// the one before is not there. The first that is there decides: its trouble is not made
        /// good by the next. The sentence says which one answered.
        #[serde(default)]
        alternatives: Vec<Alternative>,
        /// Statuses that say that there is no such thing, so that the next alternative is asked:
        /// `404`, `405` and `410` by default; never those of 500 and above.
        #[serde(default)]
        #[schemars(default)]
        alternatives_on: NotThere,
        /// What of the cluster stands behind the URL, for a Vigie that runs inside the same cluster:
        /// where the URL gives no answer at all while the endpoints there are ready, nobody can
        /// tell, and the check is unknown (`HairpinSuspected`). Where they are not, it fails. With
        /// `connect_to` there is no need for it.
        #[serde(default)]
        behind: Option<Behind>,
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
    /// Which request it answers; the first is 0.
    number: usize,
    /// Those before it, which are not there.
    passed_over: Vec<PassedOver>,
    /// What expressions over the answer came to.
    evaluated: Evaluated,
    /// When the credential is tried again that it refuses.
    again: Option<Timestamp>,
}

/// Why there is no answer, and whether there could be one from inside the cluster.
#[derive(Debug)]
pub struct Unanswered {
    obstacle: Obstacle,
    /// What stands behind it, where that may explain it.
    readiness: Option<Readiness>,
}

impl Check for Http {
    type Seen = Result<Answered, Unanswered>;

    const REASONS: &'static [Documented] = reasons::REASONS;
    const MEASURES: &'static [&'static Measure] = &[&STATUS, &DURATION, &NUMBER];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = self.expect.flaws();
        flaws.extend(self.first().sent.flaws());
        flaws.extend(self.login.iter().flat_map(Login::flaws));
        flaws.extend(self.flaws_of_alternatives());
        if !self.alternatives.is_empty() && matches!(self.redirects, Redirects::Expect(_)) {
            flaws.push("`alternatives` and an expected redirect exclude each other".to_owned());
        }
        if self.behind.is_some() && self.connect_to.is_some() {
            flaws.push("`behind` is of no use with `connect_to`".to_owned());
        }
        let login = self.login.as_ref().and_then(Login::field);
        if let Some(name) = login.filter(|name| {
            self.headers.contains_key(name) || self.secret_headers.contains_key(name)
        }) {
            flaws.push(format!("header `{name}` is the `login`'s"));
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
        needs.secrets.extend(headers.chain(self.first().sent.secrets()).cloned());
        needs.secrets.extend(self.login.iter().flat_map(Login::secrets));
        let issuer = self.login.iter().filter_map(Login::grant).map(|grant| grant.token_url.host());
        for host in issuer {
            needs.merge(Needs::host(host));
        }
        needs.watches.extend(self.behind.iter().flat_map(Behind::watches));
        needs
    }

    fn series(&self) -> Vec<Series> {
        let target = self.url.to_string();
        let phases = Phases::default().named().map(|(phase, _)| Series {
            measure: &DURATION,
            labels: vec![Some(target.clone()), Some(phase.to_owned())],
        });
        let status = Series { measure: &STATUS, labels: vec![Some(target.clone())] };
        let numbers = self.probes().flat_map(|probe| probe.expect.numbers.keys());
        let numbers = numbers.map(|name| Series {
            measure: &NUMBER,
            labels: vec![Some(target.clone()), Some(name.to_string())],
        });
        phases.into_iter().chain([status]).chain(numbers).collect()
    }

    fn bounds(&self) -> Vec<Bound> {
        let limit = |bound, period: Option<Period>| {
            period.map(|period| Bound {
                measure: DURATION.name,
                bound,
                value: period.get().as_secs_f64(),
            })
        };
        let slow = [
            limit("warn_above", self.warn_slower_than),
            limit("fail_above", self.fail_slower_than),
        ];
        slow.into_iter().flatten().chain(self.bounds_of_numbers()).collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Self::Seen, Obstacle> {
        let mut phases = Phases::default();
        match self.fetch(look, &mut phases).await {
            Ok(answered) => Ok(Ok(answered)),
            Err(obstacle) if obstacle.ours => Err(obstacle),
            Err(obstacle) => {
                let astray = look.systems.kubernetes.may_be_around_us()
                    && may_be_astray(&obstacle, &self.url, &phases);
                let behind = self.behind.as_ref().filter(|_| astray);
                let readiness = behind.map(|behind| behind.look(look, &self.url));
                Ok(Err(Unanswered { obstacle, readiness }))
            }
        }
    }

    fn judge(&self, seen: &Self::Seen, _past: &Past, _now: Timestamp) -> Judgement {
        let answered = match seen {
            Ok(answered) => answered,
            Err(Unanswered { obstacle, readiness: None }) => {
                return obstacle.clone().into_failure().into();
            }
            Err(Unanswered { obstacle, readiness: Some(readiness) }) => {
                return behind::judged(obstacle.clone(), readiness).into();
            }
        };
        let target = self.url.to_string();
        let status = answered.response.status.as_u16();
        let mut finding = self.find(answered).measured(STATUS.is(f64::from(status), [&target]));
        for (phase, took) in answered.phases.named() {
            finding = finding.measured(DURATION.is(took.as_secs_f64(), [&target, phase]));
        }
        let mut judgement = Judgement::new();
        self.complain(answered, finding, &mut judgement);
        judgement
    }
}
