//! `firing_alerts`: no alert of the watched ones fires.
//!
//! Witness: Alertmanager, or a Prometheus, asked about alerts. That none is seen is believed only
//! while the alert that always fires is seen. What somebody silenced, what another alert stands for,
//! and this daemon's own alerts are named and left out; a Prometheus knows nothing of silences.
//! Since when an alert fires, Alertmanager says from the end of the rule's `for`, Prometheus from
//! its beginning.

mod judging;
mod looking;
mod parameters;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::alertmanager::Matcher;
use crate::systems::api::NO_CONNECTION;
use looking::Seen;
use parameters::{AlwaysFiring, Began, Older, Own, Source};

const ALERT_FIRING: Reason = Reason::new("AlertFiring");
const NO_WATCHDOG: Reason = Reason::new("NoWatchdog");
const MEMBER_DOWN: Reason = Reason::new("MemberDown");

static ALERTS: Measure = Measure::gauge(
    "vigie_alerts",
    "Alerts that fire, by what is made of them.",
    &["source", "state"],
);

/// No alert of the watched ones fires, or none that began after the deployment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FiringAlerts {
    /// Who is asked: `{ alertmanager: name }` or `{ prometheus: name }`, connections of that name.
    from: Source,
    /// Which alerts are watched: those that all of these matchers hold of, such as
    /// `severity=~"critical|warning"`.
    matchers: Vec<Matcher>,
    /// Which alerts are this daemon's own and left out: those that all of these matchers hold of;
    /// none with `[]`. Default: `[alertname=~"Vigie.+"]`.
    #[serde(default)]
    own: Own,
    /// The alert that always fires: the one that all of these matchers hold of. While it is not
    /// seen, no other can be; `[]` to do without. Default: `[alertname="Watchdog"]`.
    #[serde(default)]
    always_firing: AlwaysFiring,
    /// Which alerts fail the claim: those that began `after_deployment` (the default) of the current
    /// one, or those that began at `any_time`.
    #[serde(default)]
    began: Began,
    /// What an alert amounts to that began before the deployment: `warn` (the default), `fail`,
    /// `allowed`.
    #[serde(default)]
    older: Older,
}

impl Check for FiringAlerts {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::warns_or_fails(
            ALERT_FIRING,
            "A watched alert fires: one that began after the deployment (fail), or an older one \
             (`older`, by default a warning).",
        ),
        Documented::blinds(
            NO_WATCHDOG,
            "The alert that always fires is not seen: others may not be, either.",
        ),
        Documented::warns(MEMBER_DOWN, "A member of the Alertmanager does not answer, others do."),
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "An alert began more than two minutes in the future.",
        ),
        Documented::blinds(
            Reason::NO_DEPLOYMENT,
            "No deployment is known that an alert could have begun after.",
        ),
        Documented::blinds(NO_CONNECTION, "No connection of this name is configured."),
        Documented::blinds(Reason::TIMED_OUT, "No answer came in time."),
        Documented::blinds(Reason::REFUSED, "Connections are refused."),
        Documented::blinds(Reason::RESET, "The connection was broken off."),
        Documented::blinds(Reason::UNREACHABLE, "The network has no way there."),
        Documented::blinds(Reason::NAME_NOT_FOUND, "The host's name has no address."),
        Documented::blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell the address."),
        Documented::blinds(Reason::TLS_FAILED, "TLS could not be established, or not be trusted."),
        Documented::blinds(
            Reason::UNAUTHORIZED,
            "The credential is refused; it is not sent again until it changes, at most twice a day.",
        ),
        Documented::blinds(Reason::FORBIDDEN, "The credential may not read alerts."),
        Documented::blinds(Reason::NOT_FOUND, "Nothing at the URL speaks the API."),
        Documented::blinds(Reason::THROTTLED, "It asks to be left alone for a while (429)."),
        Documented::blinds(Reason::SERVER_ERROR, "It is in trouble itself (5xx)."),
        Documented::blinds(
            Reason::GARBLED,
            "What came is no list of alerts, or refuses the question.",
        ),
        Documented::blinds(
            Reason::TOO_LARGE,
            "The list of alerts is longer than 8 MiB; matchers make it shorter.",
        ),
        Documented::blinds(Reason::SECRET_MISSING, "A credential or `ca` can't be read."),
    ];

    const MEASURES: &'static [&'static Measure] = &[&ALERTS];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.matchers.is_empty() {
            flaws.push("`matchers` must hold at least one: which alerts are watched".to_owned());
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let (system, name) = match &self.from {
            Source::Alertmanager(name) => (SystemName::Alertmanager, name),
            Source::Prometheus(name) => (SystemName::Prometheus, name),
        };
        Needs {
            // Permits are by connection, whatever its host is called.
            hosts: vec![format!("{system}.{name}")],
            connections: vec![(system, name.clone())],
            deployment: self.began == Began::AfterDeployment,
            ..Needs::default()
        }
    }

    fn series(&self) -> Vec<Series> {
        let row = |state: &str| Series {
            measure: &ALERTS,
            labels: vec![Some(self.from.name().to_owned()), Some(state.to_owned())],
        };
        judging::STATES.map(row).to_vec()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        looking::look(self, look).await
    }

    fn judge(&self, seen: &Seen, _past: &Past, now: Timestamp) -> Judgement {
        judging::judge(self, seen, now)
    }
}
