//! Whether all workloads have finished their rollout.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{MISSING, ROLLOUT_RUNNING};
use crate::checks::Look;
use crate::model::counted::{counted, either};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::needs::Watch;
use crate::model::reason::Reason;
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::workload::{Workload, WorkloadKind};
use crate::systems::kubernetes::{Table, Unseen};

/// What is rolled out by a deployment.
const KINDS: [WorkloadKind; 2] = [WorkloadKind::Deployment, WorkloadKind::StatefulSet];

/// All workloads have finished their rollout.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RolledOut {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// A label selector; without it all Deployments and `StatefulSets`.
    #[serde(default)]
    selector: Option<Selector>,
}

/// Workloads as they are.
#[derive(Debug, Default)]
pub(super) struct Seen {
    workloads: Vec<(WorkloadKind, Arc<Workload>)>,
    unseen: Unseen,
}

impl RolledOut {
    pub(super) fn watches(&self) -> Vec<Watch> {
        KINDS.iter().flat_map(|kind| self.watches_of(*kind)).collect()
    }

    fn watches_of(&self, kind: WorkloadKind) -> Vec<Watch> {
        self.namespaces.watches(&kind.resource(), self.selector.as_ref())
    }

    pub(super) fn look(&self, look: &Look<'_>) -> Seen {
        let mut seen = Seen::default();
        for kind in KINDS {
            for watch in self.watches_of(kind) {
                let read =
                    look.systems.kubernetes.read(look.needs, &watch, |table: &Table<Workload>| {
                        seen.workloads.extend(table.records().map(|one| (kind, Arc::clone(one))));
                        seen.unseen.note(table, |_| true);
                    });
                if let Err(obstacle) = read {
                    seen.unseen.blind(&watch, obstacle);
                }
            }
        }
        seen
    }
}

pub(super) fn judge(seen: &Seen, judgement: &mut Judgement) {
    seen.unseen.tell(judgement);
    if seen.workloads.is_empty() && seen.unseen.is_nothing() {
        judgement.add("", Finding::fail(MISSING, "no workload is there, at least one wanted"));
    }
    for (kind, workload) in &seen.workloads {
        let Workload { namespace, name, .. } = &**workload;
        judgement.add(format!("{kind} {namespace}/{name}"), answer(workload));
    }
}

fn answer(workload: &Workload) -> Answer {
    let Workload { desired, updated, total, .. } = workload;
    if let Some(missing) = workload.missing {
        let because = format!("the API server does not give {missing}");
        return Obstacle::new(Reason::GARBLED, because).into();
    }
    if workload.is_rolling_out() {
        let (replicas, are) = (counted(*desired, "replica"), either(updated, "is", "are"));
        let run = either(total, "runs", "run");
        let because =
            format!("{updated} of {replicas} {are} of the newest revision, {total} {run}");
        return Finding::fail(ROLLOUT_RUNNING, because).into();
    }
    Finding::pass(match desired {
        1 => "the only replica is of the newest revision".to_owned(),
        desired => format!("all {desired} replicas are of the newest revision"),
    })
    .into()
}
