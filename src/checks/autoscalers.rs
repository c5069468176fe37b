//! `autoscalers`: `HorizontalPodAutoscalers` work, are not at their limit, and do not swing.
//! Witness: the API server, by watch. How long and how often is remembered from look to look.

mod memory;
mod parameters;
mod verdict;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Needs, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::autoscaler::{AUTOSCALERS, Autoscaler};
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::{Table, Unseen, blind};

use parameters::{AtMaximumWithin, Concern, Concerns, ObservedWithin, Reversals, ScaledWithin};

static REPLICAS: Measure = Measure::gauge(
    "vigie_autoscaler_replicas",
    "Replicas by bound: min and max (what is allowed), current, desired.",
    &["object_namespace", "autoscaler", "bound"],
);
/// Since when it is `at_maximum` or `unobserved`.
static SINCE: Measure = Measure::memory(
    "autoscaler_since",
    &["object_namespace", "autoscaler", "about"],
    Duration::from_hours(1),
);
/// How many replicas it wanted, each time that this changed.
static DESIRED: Measure = Measure::memory(
    "autoscaler_desired",
    &["object_namespace", "autoscaler"],
    LONGEST_WINDOW.saturating_mul(2),
);

/// The longest window in which reversals are counted.
const LONGEST_WINDOW: Duration = Duration::from_hours(12);
/// The most autoscalers whose replicas are exported.
const MOST_EXPORTED: usize = 200;

const MISSING: Reason = Reason::new("Missing");

/// `HorizontalPodAutoscalers` work, are not at their limit, and do not swing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Autoscalers {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// A label selector, such as `app=api`; without it all autoscalers.
    #[serde(default)]
    selector: Option<Selector>,
    /// Names that must be there, in any of the namespaces.
    #[serde(default)]
    expect: BTreeSet<String>,
    /// Whether all others are left alone; by default they are judged, too.
    #[serde(default)]
    only_expected: bool,
    /// Names of autoscalers whose targets may have no replicas, which turns them off: such as those
    /// that KEDA makes, while there is nothing to do.
    #[serde(default)]
    may_be_off: BTreeSet<String>,
    /// What is judged: `activity`, `maximum` and `reversals` by default; `scaled` beside them or
    /// alone.
    #[serde(default)]
    concerns: Concerns,
    /// How long its controller may take to see a new autoscaler, or a new version of one, before
    /// that fails; it warns until then. 5m by default.
    #[serde(default)]
    observed_within: ObservedWithin,
    /// How long an autoscaler may want all the replicas that it is allowed, or more, before that
    /// fails; it warns until then. 30m by default. Not judged where the least is the most.
    #[serde(default)]
    at_maximum_within: AtMaximumWithin,
    /// How often the number of replicas that is wanted may turn from growing to shrinking or back.
    #[serde(default)]
    reversals: Reversals,
    /// How long ago an autoscaler may last have scaled, where `scaled` is judged; 180d by default.
    #[serde(default)]
    scaled_within: ScaledWithin,
}

/// The autoscalers that a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    autoscalers: Vec<Arc<Autoscaler>>,
    unseen: Unseen,
}

impl Check for Autoscalers {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(MISSING, "An expected autoscaler is not there, or there is none at all."),
        verdict::TARGET_MISSING,
        verdict::UNABLE_TO_SCALE,
        verdict::SCALING_INACTIVE,
        verdict::SCALING_DISABLED,
        verdict::METRIC_UNKNOWN,
        verdict::NOT_OBSERVED,
        verdict::AT_MAXIMUM,
        verdict::FLAPPING,
        verdict::NEVER_SCALED,
        verdict::NOT_SCALED_LATELY,
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "An autoscaler's time lies more than two minutes ahead.",
        ),
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&REPLICAS, &SINCE, &DESIRED];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.only_expected && self.expect.is_empty() {
            flaws.push("`only_expected` needs names under `expect`".to_owned());
        }
        if self.concerns.0.is_empty() {
            flaws.push("`concerns` is empty: nothing would be judged".to_owned());
        }
        if self.reversals.window.get() > LONGEST_WINDOW {
            let window = self.reversals.window;
            flaws.push(format!("`reversals.window` is {window}, at most 12h can be remembered"));
        }
        flaws
    }

    fn needs(&self) -> Needs {
        Needs { watches: self.watches(), ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let namespaces = self.namespaces.labels();
        let names: Vec<Option<String>> = if self.only_expected {
            self.expect.iter().cloned().map(Some).collect()
        } else {
            vec![None]
        };
        let rows = |namespace: Option<String>| {
            let row = move |name: &Option<String>| Series {
                measure: &REPLICAS,
                labels: vec![namespace.clone(), name.clone(), None],
            };
            names.iter().map(row).collect::<Vec<_>>()
        };
        namespaces.into_iter().flat_map(rows).collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        for watch in self.watches() {
            let read = kubernetes.read(look.needs, &watch, |table| self.take(table, &mut seen));
            if let Err(obstacle) = read {
                seen.unseen.blind(&watch, obstacle);
            }
        }
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        seen.unseen.tell(&mut judgement);
        self.judge_presence(seen, &mut judgement);
        for (number, autoscaler) in seen.autoscalers.iter().enumerate() {
            let (answer, remember) = self.answer(autoscaler, past, now);
            let Autoscaler { namespace, name, .. } = &**autoscaler;
            judgement.add(format!("{namespace}/{name}"), answer);
            for sample in remember {
                judgement.measure(sample);
            }
            if autoscaler.missing.is_some() {
                continue;
            }
            if number >= MOST_EXPORTED {
                judgement.dropped += 1;
                continue;
            }
            for (bound, count) in [
                ("min", autoscaler.min),
                ("max", autoscaler.max),
                ("current", autoscaler.current),
                ("desired", autoscaler.desired),
            ] {
                #[expect(clippy::cast_precision_loss, reason = "far from 2^52 replicas")]
                judgement.measure(REPLICAS.is(count as f64, [namespace, name, bound]));
            }
        }
        judgement
    }
}

impl Autoscalers {
    fn watches(&self) -> Vec<Watch> {
        self.namespaces.watches(&AUTOSCALERS, self.selector.as_ref())
    }

    fn concerned(&self, concern: Concern) -> bool {
        self.concerns.0.contains(&concern)
    }

    fn is_judged(&self, name: &str) -> bool {
        !self.only_expected || self.expect.contains(name)
    }

    fn take(&self, table: &Table<Autoscaler>, seen: &mut Seen) {
        let judged = table.records().filter(|autoscaler| self.is_judged(&autoscaler.name));
        seen.autoscalers.extend(judged.map(Arc::clone));
        seen.unseen.note(table, |name| self.is_judged(name));
    }

    /// Whether all that is expected is there. Where autoscalers can't be seen, nothing is missed.
    fn judge_presence(&self, seen: &Seen, judgement: &mut Judgement) {
        let there: BTreeSet<&str> =
            seen.autoscalers.iter().map(|autoscaler| &*autoscaler.name).collect();
        for name in seen.unseen.missing(&self.expect, &there) {
            let because = "no autoscaler of this name is there".to_owned();
            judgement.add(name.clone(), Finding::fail(MISSING, because));
        }
        if self.expect.is_empty() && there.is_empty() && seen.unseen.is_nothing() {
            let because = "no autoscaler is there, at least one wanted".to_owned();
            judgement.add("", Finding::fail(MISSING, because));
        }
    }
}

#[cfg(test)]
mod tests;
