//! `prometheus_server`: a Prometheus scrapes what it should, evaluates its rules, and reaches an
//! Alertmanager.
//!
//! Subject: the Prometheus itself. That it can't be reached, refuses our credential or answers in
//! another form is a failure. Its own words count: a target is up when it says so and scraped it
//! lately. Notifications are counted by the metrics that it, or another, scrapes of it; without
//! these nobody can tell.

mod alerting;
mod parameters;
mod rules;
mod targets;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::{Finding, Obstacle, Verdict};
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::prometheus::rules::Group;
use crate::systems::prometheus::{Asking, NO_CONNECTION, QUERY_REFUSED, Row};
use parameters::{Alertmanagers, ConnectionName, Reloaded, Rules, Targets};
use targets::TargetsSeen;

const NO_TARGETS: Reason = Reason::new("NoTargets");
const JOB_MISSING: Reason = Reason::new("JobMissing");
const TOO_FEW_TARGETS: Reason = Reason::new("TooFewTargets");
const TARGET_DOWN: Reason = Reason::new("TargetDown");
const OWN_TARGET_MISSING: Reason = Reason::new("OwnTargetMissing");
const OWN_TARGET_DOWN: Reason = Reason::new("OwnTargetDown");
const NO_RULES: Reason = Reason::new("NoRules");
const RULE_MISSING: Reason = Reason::new("RuleMissing");
const RULE_FAILING: Reason = Reason::new("RuleFailing");
const RULE_LATE: Reason = Reason::new("RuleLate");
const NOT_EVALUATED: Reason = Reason::new("NotEvaluated");
const TOO_FEW_ALERTMANAGERS: Reason = Reason::new("TooFewAlertmanagers");
const NOTIFICATIONS_DROPPED: Reason = Reason::new("NotificationsDropped");
const NOTIFICATIONS_FAILING: Reason = Reason::new("NotificationsFailing");
const NOT_COUNTED: Reason = Reason::new("NotCounted");
const RELOAD_FAILED: Reason = Reason::new("ReloadFailed");

static TARGETS: Measure = Measure::gauge(
    "vigie_prometheus_targets",
    "Targets of the expected jobs, of all together without any, by how their last scrape went.",
    &["connection", "scrape_job", "state"],
);
static RULES: Measure = Measure::gauge(
    "vigie_prometheus_rules",
    "Rules that are loaded, by how their last evaluation went.",
    &["connection", "state"],
);
static ALERTMANAGERS: Measure = Measure::gauge(
    "vigie_prometheus_alertmanagers",
    "Alertmanagers that alerts are sent to.",
    &["connection"],
);

/// A Prometheus scrapes the expected targets, evaluates its rules, and reaches an Alertmanager.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrometheusServer {
    /// The name of a connection under `connections.prometheus`. Default: `default`.
    #[serde(default)]
    connection: ConnectionName,
    /// What it must scrape. Default: not looked at.
    #[serde(default)]
    targets: Option<Targets>,
    /// What it must evaluate. Default: not looked at.
    #[serde(default)]
    rules: Option<Rules>,
    /// Whom it must notify. Default: not looked at.
    #[serde(default)]
    alertmanagers: Option<Alertmanagers>,
    /// Whether it must have taken its configuration when it last read it. Default `true`.
    #[serde(default)]
    reloaded: Reloaded,
}

/// What was seen, part by part.
#[derive(Debug)]
pub struct Seen {
    targets: Option<Result<TargetsSeen, Obstacle>>,
    rules: Option<Result<Vec<Group>, Obstacle>>,
    alertmanagers: Option<Result<usize, Obstacle>>,
    /// What was dropped, and what failed by Alertmanager, within the window.
    dropped: Option<Result<Vec<Row>, Obstacle>>,
    failed: Option<Result<Vec<Row>, Obstacle>>,
    reloaded: Option<Result<bool, Obstacle>>,
}

impl Check for PrometheusServer {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(NO_TARGETS, "It scrapes nothing at all."),
        Documented::fails(JOB_MISSING, "An expected job has no target; dropped ones are counted."),
        Documented::fails(TOO_FEW_TARGETS, "Of an expected job fewer targets are up than wanted."),
        Documented::warns_or_fails(
            TARGET_DOWN,
            "A target is down, was never scraped, or not lately; `targets.down` says which.",
        ),
        Documented::fails(OWN_TARGET_MISSING, "This daemon is none of its targets."),
        Documented::fails(OWN_TARGET_DOWN, "This daemon is a target that is not up."),
        Documented::fails(NO_RULES, "No rule is loaded."),
        Documented::fails(RULE_MISSING, "An expected group or rule is not loaded."),
        Documented::warns_or_fails(
            RULE_FAILING,
            "The last evaluation of a rule failed: an expected one, or any where none is named \
             (fail), or another (warn).",
        ),
        Documented::warns_or_fails(
            RULE_LATE,
            "A rule was last evaluated more than three of its intervals ago, and two minutes for \
             clocks that differ: an expected one, or any where none is named (fail), or another \
             (warn).",
        ),
        Documented::blinds(NOT_EVALUATED, "A rule was never evaluated yet, or nobody says."),
        Documented::fails(
            TOO_FEW_ALERTMANAGERS,
            "It sends alerts to fewer Alertmanagers than wanted, or to none.",
        ),
        Documented::fails(NOTIFICATIONS_DROPPED, "Notifications reached no Alertmanager."),
        Documented::warns(NOTIFICATIONS_FAILING, "Notifications did not reach one of several."),
        Documented::blinds(
            NOT_COUNTED,
            "Nobody scrapes the counters of notifications: let the server scrape itself.",
        ),
        Documented::fails(RELOAD_FAILED, "It did not take its configuration when it last read it."),
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "A scrape or an evaluation lies more than two minutes in the future.",
        ),
        Documented::blinds(
            QUERY_REFUSED,
            "It refuses the query of its counters: `alertmanagers.counters` names no labels.",
        ),
        Documented::blinds(NO_CONNECTION, "No connection of this name is configured."),
        Documented::fails(Reason::TIMED_OUT, "It does not answer in time."),
        Documented::fails(Reason::REFUSED, "It refuses the connection."),
        Documented::fails(Reason::RESET, "It broke the connection off."),
        Documented {
            reason: Reason::UNREACHABLE,
            verdicts: &[Verdict::Fail, Verdict::Unknown],
            means: "The network says that it can't be reached; unknown if this host has no way there.",
        },
        Documented::fails(Reason::NAME_NOT_FOUND, "Its name has no address."),
        Documented::blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell the address."),
        Documented::fails(Reason::TLS_FAILED, "TLS can't be established, or can't be trusted."),
        Documented::fails(
            Reason::UNAUTHORIZED,
            "It refuses the credential; it is not sent again until it changes, at most twice a day.",
        ),
        Documented::fails(Reason::FORBIDDEN, "It accepts the credential and forbids to look."),
        Documented::fails(Reason::NOT_FOUND, "Nothing at the URL speaks the API."),
        Documented::fails(Reason::THROTTLED, "It asks to be left alone for a while (429)."),
        Documented::fails(Reason::SERVER_ERROR, "It is in trouble itself (5xx)."),
        Documented::fails(Reason::GARBLED, "What came is not the API's answer."),
        Documented::blinds(Reason::TOO_LARGE, "A list is longer than 16 MiB."),
        Documented::blinds(Reason::SECRET_MISSING, "A credential or `ca` can't be read."),
    ];

    const MEASURES: &'static [&'static Measure] = &[&TARGETS, &RULES, &ALERTMANAGERS];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.targets.is_none() && self.rules.is_none() && self.alertmanagers.is_none() {
            flaws.push("write at least one of `targets`, `rules`, `alertmanagers`".to_owned());
        }
        flaws.extend(self.targets.iter().flat_map(Targets::flaws));
        flaws.extend(self.rules.iter().flat_map(Rules::flaws));
        flaws.extend(self.alertmanagers.iter().flat_map(Alertmanagers::flaws));
        flaws
    }

    fn needs(&self) -> Needs {
        Needs {
            // Permits are by connection, whatever its host is called.
            hosts: vec![format!("prometheus.{}", self.connection.0)],
            connections: vec![(SystemName::Prometheus, self.connection.0.clone())],
            ..Needs::default()
        }
    }

    fn series(&self) -> Vec<Series> {
        let connection = Some(self.connection.0.clone());
        let mut series = Vec::new();
        if let Some(targets) = &self.targets {
            for job in targets.exported() {
                series.extend(targets::STATES.map(|state| Series {
                    measure: &TARGETS,
                    labels: vec![connection.clone(), Some(job.to_owned()), Some(state.to_owned())],
                }));
            }
        }
        if self.rules.is_some() {
            series.extend(rules::STATES.map(|state| Series {
                measure: &RULES,
                labels: vec![connection.clone(), Some(state.to_owned())],
            }));
        }
        if self.alertmanagers.is_some() {
            series.push(Series { measure: &ALERTMANAGERS, labels: vec![connection] });
        }
        series
    }

    fn bounds(&self) -> Vec<Bound> {
        let least = self.alertmanagers.as_ref().map(|alertmanagers| Bound {
            measure: ALERTMANAGERS.name,
            bound: "fail_below",
            value: f64::from(alertmanagers.at_least.0),
        });
        least.into_iter().collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let asking = Asking { name: &self.connection.0, now: look.now, until: look.until() };
        let prometheus = &look.systems.prometheus;
        let targets = async {
            let wanted = self.targets.as_ref()?;
            Some(targets::look(wanted, prometheus, asking).await)
        };
        let rules = async {
            self.rules.as_ref()?;
            Some(prometheus.rules(asking).await)
        };
        let alertmanagers = async {
            self.alertmanagers.as_ref()?;
            Some(prometheus.alertmanagers(asking).await)
        };
        let counted = |expression: Option<String>| async move {
            Some(alerting::counted(prometheus.query(asking, &expression?).await))
        };
        let wanted = self.alertmanagers.as_ref();
        let reloaded = async {
            self.reloaded.0.then_some(())?;
            Some(prometheus.reloaded(asking).await)
        };
        let (targets, rules, alertmanagers, dropped, failed, reloaded) = futures::join!(
            targets,
            rules,
            alertmanagers,
            counted(wanted.map(Alertmanagers::dropped)),
            counted(wanted.map(Alertmanagers::failed)),
            reloaded
        );
        Ok(Seen { targets, rules, alertmanagers, dropped, failed, reloaded })
    }

    fn judge(&self, seen: &Seen, _past: &Past, now: Timestamp) -> Judgement {
        let Seen { targets, rules, alertmanagers, dropped, failed, reloaded } = seen;
        let mut judgement = Judgement::new();
        if let (Some(wanted), Some(seen)) = (&self.targets, targets) {
            match seen {
                Ok(seen) => targets::judge(wanted, seen, &self.connection.0, now, &mut judgement),
                Err(obstacle) => judgement.add("targets", blamed(obstacle)),
            }
        }
        if let (Some(wanted), Some(seen)) = (&self.rules, rules) {
            match seen {
                Ok(groups) => rules::judge(wanted, groups, &self.connection.0, now, &mut judgement),
                Err(obstacle) => judgement.add("rules", blamed(obstacle)),
            }
        }
        if let (Some(wanted), Some(seen)) = (&self.alertmanagers, alertmanagers) {
            match seen {
                Ok(count) => alerting::judge(wanted, *count, &self.connection.0, &mut judgement),
                Err(obstacle) => judgement.add("alertmanagers", blamed(obstacle)),
            }
        }
        if let (Some(wanted), Some(dropped), Some(failed)) = (&self.alertmanagers, dropped, failed)
        {
            match (dropped, failed) {
                (Ok(dropped), Ok(failed)) => {
                    alerting::judge_counted(wanted, dropped, failed, &mut judgement);
                }
                (Ok(dropped), Err(obstacle)) if alerting::any(dropped) => {
                    alerting::judge_counted(wanted, dropped, &[], &mut judgement);
                    judgement.add("failed notifications", blamed(obstacle));
                }
                (Err(obstacle), _) | (_, Err(obstacle)) => {
                    judgement.add("notifications", blamed(obstacle));
                }
            }
        }
        match reloaded {
            None => {}
            Some(Ok(true)) => judgement.add("configuration", Finding::pass("it was taken")),
            Some(Ok(false)) => {
                let because = "it was not taken when it was last read: an older one is in force";
                judgement.add("configuration", Finding::fail(RELOAD_FAILED, because));
            }
            Some(Err(obstacle)) => judgement.add("configuration", blamed(obstacle)),
        }
        judgement
    }
}

/// Its silence is evidence; what is beyond us, or of our own making, is not.
fn blamed(obstacle: &Obstacle) -> Answer {
    let ours = [Reason::TOO_LARGE, QUERY_REFUSED, NOT_COUNTED].contains(&obstacle.reason);
    let ours = ours || obstacle.ours;
    Obstacle { ours, ..obstacle.clone() }.into_failure().into()
}
