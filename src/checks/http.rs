//! `http`: an endpoint answers as it should, soon enough.
//! Subject: the endpoint. Silence, refusal and every kind of nonsense are failures, not blindness.
//! Witnesses: another system that issues a token for it, and the API server, asked what stands
//! behind it.

mod behind;
mod body;
pub mod claims;
mod complaints;
mod credential;
pub mod dsn;
pub mod expect;
mod fetch;
mod grant;
mod judging;
mod login;
pub mod params;
mod probe;
mod reasons;
pub mod redirects;
mod request;
mod text;
mod token;

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use self::behind::{Behind, Readiness};
use self::claims::Evaluated;
use self::expect::Expect;
use self::login::Login;
use self::params::{FieldName, MostBytes, SecretHeader, Verb};
use self::probe::{Alternative, NotThere, PassedOver};
use self::reasons::OWN;
use self::redirects::Redirects;
use self::text::Text;
use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::Obstacle;
use crate::model::judgement::{Answer, Judgement};
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

static NUMBER: Measure = Measure::gauge(
    "vigie_http_number",
    "A number out of the last answer, by the name that the configuration gives it; of several addresses, of the worst.",
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
        /// Headers to send. Never shown; with `Authorization` or `Cookie` among them, they are
        /// treated as `secret_headers` are.
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
        /// A DSN of Sentry that must be well formed and lead to the URL's scheme, host and port; read
        /// at each look. Nothing of it is sent or shown.
        #[serde(default)]
        dsn: Option<SecretSource>,
        /// What of the cluster stands behind the URL, for a Vigie that runs inside the same cluster:
        /// where the URL gives no answer at all while the endpoints there are ready, nobody can
        /// tell, and the check is unknown (`HairpinSuspected`). Where they are not, it fails. With
        /// `connect_to` there is no need for it; where `connections.net.connect_to` leads
        /// elsewhere, it is not asked.
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
        /// either, bodies may be of any size and are not read, except to time them, to their end (64
        /// MiB at most).
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
    answers: Vec<(Option<IpAddr>, Result<Answered, Unanswered>)>,
    /// Why there may be other addresses, which could not be looked up.
    trouble: Option<Obstacle>,
    /// How many addresses were not asked.
    left_out: usize,
    /// What is wrong with the DSN.
    dsn: Option<Answer>,
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
    /// Which request it answers; the first is 0.
    number: usize,
    /// Those before it, which are not there.
    passed_over: Vec<PassedOver>,
    /// What expressions over the answer came to.
    evaluated: Evaluated,
    /// When the credential is tried again that it refuses.
    again: Option<Timestamp>,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Unanswered {
    obstacle: Obstacle,
    /// What stands behind it, where that may explain it.
    readiness: Option<Readiness>,
}

impl Check for Http {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &joined::<{ OWN.len() + FETCHING.len() }>(OWN, FETCHING);
    const MEASURES: &'static [&'static Measure] = &[&STATUS, &DURATION, &NUMBER];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = self.expect.flaws();
        flaws.extend(self.flaws_of_requests());
        if let (Some(warn), Some(fail)) = (self.warn_slower_than, self.fail_slower_than)
            && warn >= fail
        {
            flaws.push("`warn_slower_than` must be shorter than `fail_slower_than`".to_owned());
        }
        if self.host.is_some() && self.headers.keys().any(|name| name.as_str() == "host") {
            flaws.push("`host` and the header `host` exclude each other".to_owned());
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
        needs.secrets.extend(headers.chain(self.first().sent.secrets()).cloned());
        needs.secrets.extend(self.login.iter().flat_map(Login::secrets));
        needs.secrets.extend(self.dsn.clone());
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
        let mut names: Vec<_> =
            self.probes().flat_map(|probe| probe.expect.numbers.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let numbers = names.into_iter().map(|name| Series {
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

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let dsn = self.trouble_of_dsn(look).await;
        let seen = self.look_at_all(look).await?;
        Ok(Seen { dsn, ..seen })
    }

    fn judge(&self, seen: &Seen, _past: &Past, _now: Timestamp) -> Judgement {
        self.judged(seen)
    }
}
