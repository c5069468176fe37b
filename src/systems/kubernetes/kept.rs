//! Which record is kept of which kind of object: to watch another kind in the fields that are read
//! of it, write its record and name it here.

use super::autoscaler::{AUTOSCALERS, Autoscaler};
use super::cron_job::{CRON_JOBS, CronJob};
use super::definition::{DEFINITIONS, Definition};
use super::job::Job;
use super::node::{NODES, Node};
use super::pod::Pod;
use super::whole::{Metadata, Whole};
use super::workload::{REPLICA_SETS, Workload, WorkloadKind};
use super::{JOBS, Kubernetes, PODS, Watched};
use crate::model::needs::{Form, Resource, Watch};

/// Opens a watch.
type Open = fn(&Kubernetes, &Watch) -> Watched;

/// The kinds of which fields are known.
const KEPT: &[(Resource, Open)] = &[
    (PODS, Kubernetes::feed::<Pod>),
    (JOBS, Kubernetes::feed::<Job>),
    (CRON_JOBS, Kubernetes::feed::<CronJob>),
    (NODES, Kubernetes::feed::<Node>),
    (AUTOSCALERS, Kubernetes::feed::<Autoscaler>),
    (REPLICA_SETS, Kubernetes::feed::<Workload>),
    (WorkloadKind::Deployment.resource(), Kubernetes::feed::<Workload>),
    (WorkloadKind::StatefulSet.resource(), Kubernetes::feed::<Workload>),
    (WorkloadKind::DaemonSet.resource(), Kubernetes::feed::<Workload>),
    (DEFINITIONS, Kubernetes::feed::<Definition>),
];

/// How a watch is opened. Of a kind whose fields are not known, metadata is kept.
pub(super) fn opener(watch: &Watch) -> Open {
    match watch.form {
        Form::Whole => Kubernetes::feed::<Whole>,
        Form::Metadata => Kubernetes::feed::<Metadata>,
        Form::Fields => {
            let kept = KEPT.iter().find(|(resource, _)| *resource == watch.resource);
            kept.map_or(Kubernetes::feed::<Metadata> as Open, |(_, open)| *open)
        }
    }
}
