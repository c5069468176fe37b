//! `pod_logs`: what containers write: no more error lines than allowed or usual, and lines at all.
//! Witness: the API server, which asks the kubelets. Logs are read on from the last line, capped in
//! bytes and pods; what was not read is said, and never taken for good.

mod judging;
pub mod line;
mod parameters;

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Needs, Right, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::logs::{Heard, Level, Plan, Read, Source, right};
use crate::systems::kubernetes::pod::Pod;
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::template::Role;
use crate::systems::kubernetes::{PODS, Table, Unseen, blind};

use parameters::{Baseline, Errors, Expected, Label, Limit, Names, Patience, Window};

static LINES: Measure = Measure::counter(
    "vigie_log_lines_total",
    "Lines that were read of the logs of a workload's containers, by level.",
    &["workload", "level"],
);
/// Error lines a minute, for what is usual.
static ERROR_RATE: Measure = Measure::memory("log_error_rate", &["workload"], LONGEST_MEMORY);

/// How long what is usual is remembered.
const LONGEST_MEMORY: Duration = Duration::from_hours(13);
/// The longest window.
const LONGEST_WINDOW: Duration = Duration::from_hours(1);
/// The most lines of a workload that are shown.
const MOST_SHOWN: usize = 3;

/// Containers write no more error lines than allowed or usual, and do write.
///
/// Each look reads what is new, at most 1 MiB a container and 50 pods, those first that waited
/// longest: a request a container, another once a restart for the run before, and another while a
/// log is empty. A line that was read is counted and not kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PodLogs {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// The workloads, as the label `label` of their pods names them.
    workloads: Names,
    /// The label of pods that names their workload; `app` by default.
    #[serde(default)]
    label: Label,
    /// A label selector; without it all pods are watched, and `label` alone selects.
    #[serde(default)]
    selector: Option<Selector>,
    /// The containers that are read, by name; all but init containers by default.
    #[serde(default)]
    containers: Names,
    /// Whether init containers are read, too.
    #[serde(default)]
    init_containers: bool,
    /// Which lines are errors; those at the level error by default.
    #[serde(default)]
    errors: Errors,
    /// Over how long errors are counted; 5m by default, at most 1h.
    #[serde(default)]
    window: Window,
    /// How many error lines a minute each workload may write.
    #[serde(default)]
    limit: Option<Limit>,
    /// How many error lines a minute each workload may write, against what it usually does.
    #[serde(default)]
    baseline: Option<Baseline>,
    /// A line that each container must write after its start.
    #[serde(default)]
    expect: Option<Expected>,
    /// How long a container may write nothing at all after its start, before that warns; 5m by
    /// default.
    #[serde(default)]
    silent_within: Patience,
    /// Whether the last error lines are shown. They may hold secrets: false by default, and then
    /// they are counted alone.
    #[serde(default)]
    show_lines: bool,
}

/// What a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// None where nothing was to be read.
    read: Option<Read>,
    /// The last error lines by workload, where they may be shown.
    shown: BTreeMap<String, Vec<String>>,
    unseen: Unseen,
}

impl Check for PodLogs {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        judging::TOO_MANY_ERRORS,
        judging::MORE_THAN_USUAL,
        judging::LINE_MISSING,
        judging::NO_LINES,
        judging::NO_PODS,
        judging::NOT_STARTED,
        judging::NOT_ALL_READ,
        judging::UNREADABLE,
        Documented::blinds(Reason::CLOCK_SKEW, "A line's time lies more than two minutes ahead."),
        Documented::blinds(
            Reason::TOO_LARGE,
            "A kubelet sends more of a log than it was asked for.",
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
    const MEASURES: &'static [&'static Measure] = &[&LINES, &ERROR_RATE];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.workloads.is_empty() {
            flaws.push("`workloads` is empty: nothing would be read".to_owned());
        }
        let Window(window) = self.window;
        if window.get() > LONGEST_WINDOW {
            flaws.push(format!("`window` is {window}, at most 1h is counted"));
        }
        if let Some(Limit { warn_above, fail_above }) = self.limit {
            match (warn_above, fail_above) {
                (None, None) => {
                    flaws.push("`limit` has neither `warn_above` nor `fail_above`".to_owned());
                }
                (Some(warn), Some(fail)) if warn > fail => {
                    flaws.push("`limit.warn_above` is larger than `limit.fail_above`".to_owned());
                }
                _ => (),
            }
            if warn_above.into_iter().chain(fail_above).any(|limit| !is_rate(limit)) {
                flaws.push("`limit` has a number that is no rate".to_owned());
            }
        }
        if let Some(Baseline { factor, floor, over, at_least }) = self.baseline {
            if !is_rate(factor) || !is_rate(floor) || factor < 1.0 {
                flaws.push("`baseline` needs a `factor` of 1 at least, and a `floor`".to_owned());
            }
            if over.get() > Duration::from_hours(12) || at_least > over {
                flaws.push("`baseline.over` is at most 12h, `at_least` no longer".to_owned());
            }
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let rights: Vec<Right> = match self.namespaces.names() {
            Some(names) => names.iter().map(|name| right(Some(name))).collect(),
            None => vec![right(None)],
        };
        Needs { watches: self.watches(), rights, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let rows = self.workloads.iter().flat_map(|workload| {
            Level::ALL.map(|level| {
                let labels = vec![Some(workload.clone()), Some(level.label().to_owned())];
                Series { measure: &LINES, labels }
            })
        });
        rows.collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        let mut sources = Vec::new();
        for watch in self.watches() {
            let read = kubernetes.read(look.needs, &watch, |table: &Table<Pod>| {
                sources.extend(table.records().flat_map(|pod| self.sources(pod)));
                seen.unseen.note(table, |_| true);
            });
            if let Err(obstacle) = read {
                seen.unseen.blind(&watch, obstacle);
            }
        }
        if seen.unseen.is_blind() && sources.is_empty() {
            // Nothing can be read, and what was read stays where it is.
            return Ok(seen);
        }
        let Window(window) = self.window;
        let plan = Plan {
            window: window.get(),
            from_the_start: self.expect.is_some(),
            is_all: !seen.unseen.is_blind(),
            fresh_within: look.fresh_within,
            until: look.until(),
            now: look.now,
        };
        let cluster_wide = self.namespaces.names().is_none();
        let right = |namespace: &str| right((!cluster_wide).then_some(namespace));
        let shown = &mut seen.shown;
        let classify = |source: &Source, bytes: &[u8]| self.heard(source, bytes, shown);
        let name = self.reader(look);
        let read = kubernetes.read_logs(look.needs, right, &name, sources, plan, classify).await;
        seen.read = Some(read);
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
        self.judged(seen, past, now)
    }
}

fn is_rate(number: f64) -> bool {
    number.is_finite() && number >= 0.0
}

impl PodLogs {
    fn watches(&self) -> Vec<Watch> {
        self.namespaces.watches(&PODS, self.selector.as_ref())
    }

    /// The name under which it is known what was read: that of the item, and a digest of the
    /// parameters, so that another check starts anew and the same one does not.
    fn reader(&self, look: &Look<'_>) -> String {
        let mut digest = DefaultHasher::new();
        format!("{self:?}").hash(&mut digest);
        format!("{}/{:x}", look.item, digest.finish())
    }

    /// The containers of a pod that are read.
    fn sources(&self, pod: &Arc<Pod>) -> Vec<Source> {
        let Label(label) = &self.label;
        let workload = pod.labels.get(label).filter(|name| self.workloads.contains(&***name));
        let Some(workload) = workload else { return Vec::new() };
        let is_read = |name: &str, role: Role| {
            let named = self.containers.contains(name);
            match role {
                Role::Main | Role::Sidecar => named || self.containers.is_empty(),
                Role::Init => named || (self.init_containers && self.containers.is_empty()),
                Role::Ephemeral => false,
            }
        };
        let containers = pod.template.containers.iter();
        let read = containers.filter(|container| is_read(&container.name, container.role));
        read.map(|container| Source {
            workload: workload.to_string(),
            pod: Arc::clone(pod),
            container: container.name.clone(),
            role: container.role,
        })
        .collect()
    }

    fn heard(
        &self,
        source: &Source,
        bytes: &[u8],
        shown: &mut BTreeMap<String, Vec<String>>,
    ) -> Heard {
        let text = line::text(bytes);
        let level = line::level(bytes, &text, &self.errors);
        if self.show_lines && level == Level::Error {
            let lines = shown.entry(source.workload.clone()).or_default();
            if lines.len() >= MOST_SHOWN {
                lines.remove(0);
            }
            lines.push(line::excerpt(&text));
        }
        let wanted = |expected: &Expected| expected.pattern.regex().is_match(&text);
        Heard { level, wanted: self.expect.as_ref().is_some_and(wanted) }
    }
}

#[cfg(test)]
mod tests;
