//! `deployment`: facts of the current rollout: recorded, in the right place, in its time, complete.
//! Witnesses: the record, and the API server about labels and workloads, by watch.

mod environment;
mod rolled_out;
mod window;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::rollup::{Decided, UNDECIDED};
use super::{Check, Look};
use crate::model::deployment::Deployment as Rollout;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::{Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::model::zone::Zone;
use crate::systems::kubernetes::blind;
use environment::Environment;
use rolled_out::RolledOut;
use window::Window;

const ENVIRONMENT_MISMATCH: Reason = Reason::new("EnvironmentMismatch");
const ENVIRONMENT_UNMARKED: Reason = Reason::new("EnvironmentUnmarked");
const OUTSIDE_WINDOW: Reason = Reason::new("OutsideWindow");
const ROLLOUT_RUNNING: Reason = Reason::new("RolloutRunning");
const MISSING: Reason = Reason::new("Missing");

/// Facts of the current rollout: recorded, in the right place, in its time, complete. Costs a watch
/// of Namespaces by name, and of Deployments and `StatefulSets`, each shared with whoever else needs it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// A deployment of this environment is announced, with its date.
    #[serde(default)]
    recorded: bool,
    /// The environment that the live objects bear is the configured one.
    #[serde(default)]
    environment: Option<Environment>,
    /// Hours within one of which the rollout began, such as `Mon-Thu 08:00-18:00`.
    #[serde(default)]
    window: Vec<Window>,
    /// Where the hours of `window` are meant; UTC by default.
    #[serde(default)]
    timezone: Zone,
    /// All workloads have finished their rollout.
    #[serde(default)]
    rolled_out: Option<RolledOut>,
    /// When it is decided; by default at any time.
    #[serde(default)]
    decided: Decided,
}

/// What a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    deployment: Option<Rollout>,
    environment: environment::Seen,
    workloads: rolled_out::Seen,
}

impl Check for Deployment {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(
            ENVIRONMENT_MISMATCH,
            "A live object bears the label of another environment than the configured one.",
        ),
        Documented::blinds(
            ENVIRONMENT_UNMARKED,
            "No live object bears the label, so that nobody can tell which environment it is.",
        ),
        Documented::fails(OUTSIDE_WINDOW, "The rollout began outside of all windows."),
        Documented::fails(ROLLOUT_RUNNING, "A workload has not finished its rollout."),
        Documented::fails(MISSING, "The namespace, or any workload in it, is not there."),
        Documented::blinds(
            Reason::NO_DEPLOYMENT,
            "No deployment of this environment is announced.",
        ),
        Documented::blinds(Reason::NOT_YET, "The watch that decides has not ended."),
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[];

    fn flaws(&self) -> Vec<String> {
        let Self { recorded, environment, window, timezone, rolled_out, decided: _ } = self;
        let mut flaws = Vec::new();
        if !recorded && environment.is_none() && window.is_empty() && rolled_out.is_none() {
            flaws.push(
                "claims nothing: write `recorded: true`, `environment`, `window` or `rolled_out`"
                    .to_owned(),
            );
        }
        if window.is_empty() && *timezone != Zone::default() {
            flaws.push("`timezone` has a meaning with `window` alone".to_owned());
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let own = self.environment.iter().flat_map(Environment::watches);
        let watches = own.chain(self.rolled_out.iter().flat_map(RolledOut::watches)).collect();
        let deployment = self.recorded || !self.window.is_empty();
        Needs { watches, deployment, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        Vec::new()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        if self.decided == Decided::WatchEnd {
            return Err(Obstacle::not_yet(UNDECIDED));
        }
        let environment = self.environment.as_ref().map(|claim| claim.look(look));
        let workloads = self.rolled_out.as_ref().map(|claim| claim.look(look));
        Ok(Seen {
            deployment: look.deployment().cloned(),
            environment: environment.unwrap_or_default(),
            workloads: workloads.unwrap_or_default(),
        })
    }

    fn judge(&self, seen: &Seen, _: &Past, _: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        if self.recorded {
            judgement.add("record", recorded(seen.deployment.as_ref()));
        }
        if !self.window.is_empty() {
            judgement.add("window", self.in_window(seen.deployment.as_ref()));
        }
        if let Some(claim) = &self.environment {
            claim.judge(&seen.environment, &mut judgement);
        }
        if self.rolled_out.is_some() {
            rolled_out::judge(&seen.workloads, &mut judgement);
        }
        judgement
    }
}

impl Deployment {
    fn in_window(&self, deployment: Option<&Rollout>) -> Answer {
        let Some(Rollout { started, .. }) = deployment else {
            return Obstacle::no_deployment().into();
        };
        let local = started.to_zoned(self.timezone.get().clone());
        let at = local.strftime("%a %Y-%m-%d %H:%M");
        let zone = self.timezone.name();
        if let Some(window) = self.window.iter().find(|window| window.holds(&local)) {
            return Finding::pass(format!("began {at} ({zone}), within {window}")).into();
        }
        let windows: Vec<_> = self.window.iter().map(ToString::to_string).collect();
        let because = format!("began {at} ({zone}), outside of {}", windows.join(", "));
        Finding::fail(OUTSIDE_WINDOW, because).into()
    }
}

fn recorded(deployment: Option<&Rollout>) -> Answer {
    let Some(Rollout { id: _, version, who, started, .. }) = deployment else {
        return Obstacle::no_deployment().into();
    };
    Finding::pass(format!("{version} by {who}, begun {started:.0}")).into()
}

#[cfg(test)]
mod tests;
