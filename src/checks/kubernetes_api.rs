//! `kubernetes_api`: the API server is ready, answers soon, is new enough, and grants what the
//! configuration needs. Subject: the API server itself, so that its silence fails. Whether a right
//! is granted is another question: a review that is not answered is blindness.

mod permissions;
pub(super) mod version;

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Obstacle, Verdict};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::{Needs, Right};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::model::version::AtLeast;
use crate::systems::kubernetes::{self, blind};

use permissions::Reviewed;

static LATENCY: Measure = Measure::gauge(
    "vigie_kubernetes_api_latency_seconds",
    "Seconds until the API server had answered, by endpoint.",
    &["endpoint"],
);
static MISSING: Measure = Measure::gauge(
    "vigie_kubernetes_api_missing_permissions",
    "Rights that the configuration needs and that are not granted.",
    &[],
);

const READYZ: &str = "/readyz";
pub(super) const VERSION: &str = "/version";
/// The most failing checks of the API server that are named.
const MOST_NAMED: usize = 20;

const NOT_READY: Reason = Reason::new("NotReady");
const TOO_OLD: Reason = Reason::new("VersionTooOld");
const TOO_SLOW: Reason = Reason::new("TooSlow");
pub(super) const MISSING_PERMISSION: Reason = Reason::new("MissingPermission");
pub(super) const NOT_REVIEWED: Reason = Reason::new("NotReviewed");

/// The API server is ready, answers soon, is new enough, and grants what the configuration needs.
///
/// Permissions are reviewed by the API server itself, one `SelfSubjectAccessReview` for each verb on
/// each resource in each namespace, at most eight at a time: a configuration that needs 60 rights
/// costs 62 requests a look. Reviews are posted, and create nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KubernetesApi {
    /// The oldest version of the server that is accepted: `"1.25"`, or `"1.25.3"`.
    #[serde(default)]
    version_at_least: Option<AtLeast>,
    /// Whether every right that the whole configuration needs must be granted; `true` by default.
    #[serde(default)]
    #[schemars(default)]
    permissions: Permissions,
    /// Warns if `/readyz` or `/version` takes longer, connecting included.
    #[serde(default)]
    warn_slower_than: Option<Period>,
    /// Fails if `/readyz` or `/version` takes longer, connecting included.
    #[serde(default)]
    fail_slower_than: Option<Period>,
}

/// Whether the rights are reviewed.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, serde::Serialize)]
#[serde(transparent)]
struct Permissions(bool);

impl Default for Permissions {
    fn default() -> Self {
        Self(true)
    }
}

/// What the API server said of itself, and of us.
#[derive(Debug)]
pub struct Seen {
    readyz: Result<kubernetes::Answer, Obstacle>,
    version: Result<kubernetes::Answer, Obstacle>,
    reviewed: Option<Reviewed>,
}

impl Check for KubernetesApi {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(NOT_READY, "`/readyz` names checks that fail."),
        Documented::fails(TOO_OLD, "The server is older than `version_at_least`."),
        Documented::warns_or_fails(TOO_SLOW, "An answer took longer than allowed."),
        Documented::fails(
            MISSING_PERMISSION,
            "A right that the configuration needs is not granted; each is named.",
        ),
        Documented::fails(Reason::TIMED_OUT, "No answer within the time allowed."),
        Documented::fails(Reason::REFUSED, "The connection is refused."),
        Documented::fails(
            Reason::RESET,
            "The connection broke before the answer was complete, or HTTP is not spoken there.",
        ),
        Documented {
            reason: Reason::UNREACHABLE,
            verdicts: &[Verdict::Fail, Verdict::Unknown],
            means: "The network says that it can't be reached; unknown where no connection can be \
                    made from here.",
        },
        Documented::fails(
            Reason::TLS_FAILED,
            "TLS could not be established; the sentence says why.",
        ),
        Documented::fails(Reason::UNAUTHORIZED, "The credentials are not accepted."),
        Documented::fails(Reason::SERVER_ERROR, "It answers 5xx."),
        Documented::fails(Reason::THROTTLED, "It answers 429."),
        Documented::fails(Reason::NOT_FOUND, "It answers 404: this is no API server."),
        Documented::fails(Reason::GARBLED, "It answers something else than an API server would."),
        Documented::fails(Reason::TOO_LARGE, "An answer is longer than is read."),
        Documented::blinds(
            Reason::FORBIDDEN,
            "Vigie lacks the right to read `/readyz` or `/version`, or to review its own rights.",
        ),
        Documented::blinds(
            NOT_REVIEWED,
            "A right could not be reviewed; the sentence says what came instead.",
        ),
        Documented::blinds(
            Reason::KIND_UNKNOWN,
            "The API server does not know a kind that the configuration names without its plural.",
        ),
        Documented::blinds(
            Reason::RESOLVER_FAILED,
            "The server's name could not be resolved on our side.",
        ),
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&LATENCY, &MISSING];

    fn flaws(&self) -> Vec<String> {
        match (self.warn_slower_than, self.fail_slower_than) {
            (Some(warn), Some(fail)) if warn.get() > fail.get() => {
                vec![format!("`warn_slower_than` ({warn}) is over `fail_slower_than` ({fail})")]
            }
            (Some(_), Some(_)) | (None, _) | (_, None) => Vec::new(),
        }
    }

    fn needs(&self) -> Needs {
        let mut rights = vec![Right::path(READYZ), Right::path(VERSION)];
        if self.permissions.0 {
            rights.push(review_right());
        }
        Needs { rights, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let latency =
            |endpoint: &str| Series { measure: &LATENCY, labels: vec![Some(endpoint.to_owned())] };
        let mut series = vec![latency("readyz"), latency("version")];
        if self.permissions.0 {
            series.push(Series { measure: &MISSING, labels: Vec::new() });
        }
        series
    }

    fn bounds(&self) -> Vec<Bound> {
        let bound = |limit: Option<Period>, bound| {
            let value = limit?.get().as_secs_f64();
            Some(Bound { measure: LATENCY.name, bound, value })
        };
        let limits = [
            bound(self.warn_slower_than, "warn_above"),
            bound(self.fail_slower_than, "fail_above"),
        ];
        limits.into_iter().flatten().collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let server = &look.systems.kubernetes;
        let (ready, version) = (Right::path(READYZ), Right::path(VERSION));
        let reviewed =
            async { if self.permissions.0 { Some(Reviewed::look(look).await) } else { None } };
        let (readyz, version, reviewed) = tokio::join!(
            server.probe(look.needs, &ready, "?verbose", look.until()),
            server.probe(look.needs, &version, "", look.until()),
            reviewed,
        );
        Ok(Seen { readyz, version, reviewed })
    }

    fn judge(&self, seen: &Seen, _: &Past, _: Timestamp) -> Judgement {
        let Seen { readyz, version, reviewed } = seen;
        let mut judgement = Judgement::new();
        for (path, answer) in [(READYZ, readyz), (VERSION, version)] {
            let told: Answer = match answer {
                Ok(answer) => {
                    let endpoint = path.trim_start_matches('/');
                    judgement.measure(LATENCY.is(answer.took.as_secs_f64(), [endpoint]));
                    self.judge_answer(path, answer)
                }
                Err(obstacle) => obstacle.clone().into_failure().into(),
            };
            judgement.add(path, told);
        }
        if let Some(reviewed) = reviewed {
            if let Some(missing) = reviewed.missing() {
                #[expect(clippy::cast_precision_loss, reason = "far from 2^52 rights")]
                judgement.measure(MISSING.is(missing as f64, []));
            }
            reviewed.judge(&mut judgement);
        }
        judgement
    }
}

/// The right to review one's own rights.
pub(super) fn review_right() -> Right {
    Right {
        verb: "create",
        group: Cow::Borrowed("authorization.k8s.io"),
        resource: Cow::Borrowed("selfsubjectaccessreviews"),
        namespace: None,
        name: None,
    }
}

impl KubernetesApi {
    fn judge_answer(&self, path: &str, answer: &kubernetes::Answer) -> Answer {
        let said = if path == READYZ { ready(answer) } else { self.new_enough(answer) };
        let said = match said {
            Ok(said) => said,
            Err(not) => return not,
        };
        self.soon_enough(answer.took, &said).into()
    }

    fn new_enough(&self, answer: &kubernetes::Answer) -> Result<String, Answer> {
        if answer.code != 200 {
            return Err(refused(answer));
        }
        let Some(version) = version::read(&answer.body) else {
            return Err(Finding::fail(Reason::GARBLED, "the answer does not tell a version").into());
        };
        let written = &version.written;
        match self.version_at_least {
            Some(least) if !version.reaches(least) => {
                let because = format!("the server is {written}, at least {least} wanted");
                Err(Finding::fail(TOO_OLD, because).into())
            }
            Some(least) => Ok(format!("the server is {written}, at least {least} wanted")),
            None => Ok(format!("the server is {written}")),
        }
    }

    fn soon_enough(&self, took: Duration, said: &str) -> Finding {
        let limits =
            [(self.fail_slower_than, Verdict::Fail), (self.warn_slower_than, Verdict::Warn)];
        let passed = limits.into_iter().find_map(|(limit, verdict)| {
            limit.filter(|limit| took > limit.get()).map(|limit| (limit, verdict))
        });
        let took = spoken(took);
        let Some((limit, verdict)) = passed else {
            return Finding::pass(format!("{said}; answered in {took}"));
        };
        let because = format!("answered in {took}, {limit} allowed");
        if verdict == Verdict::Fail {
            Finding::fail(TOO_SLOW, because)
        } else {
            Finding::warn(TOO_SLOW, because)
        }
    }
}

/// Whether the server says that it is ready; where it is not, which of its checks fail.
fn ready(answer: &kubernetes::Answer) -> Result<String, Answer> {
    let body = String::from_utf8_lossy(&answer.body);
    let failing: Vec<&str> = body
        .lines()
        .filter_map(|line| line.strip_prefix("[-]"))
        .map(|line| line.split_whitespace().next().unwrap_or("?"))
        .collect();
    if !failing.is_empty() {
        let named: Vec<_> = failing.iter().take(MOST_NAMED).map(|name| legible(name, 60)).collect();
        let mut because = format!("the API server is not ready: {} fail", named.join(", "));
        if failing.len() > MOST_NAMED {
            because = format!("{because}, and {} more", failing.len() - MOST_NAMED);
        }
        return Err(Finding::fail(NOT_READY, because).into());
    }
    if answer.code != 200 {
        return Err(refused(answer));
    }
    // Whatever answers 200 to everything is no API server.
    if body == "ok" || body.contains("check passed") {
        return Ok("the API server is ready".to_owned());
    }
    Err(Finding::fail(Reason::GARBLED, "the answer is not that of an API server").into())
}

/// An answer that is none.
fn refused(answer: &kubernetes::Answer) -> Answer {
    let because = format!("the API server answers {}", answer.code);
    match answer.code {
        401 => Finding::fail(Reason::UNAUTHORIZED, because).into(),
        403 => Obstacle::new(Reason::FORBIDDEN, because).into(),
        404 => Finding::fail(Reason::NOT_FOUND, because).into(),
        429 => Finding::fail(Reason::THROTTLED, because).into(),
        500..=599 => Finding::fail(Reason::SERVER_ERROR, because).into(),
        _ => Finding::fail(Reason::GARBLED, because).into(),
    }
}
