//! Which record is kept of which kind of object: to watch another kind in the fields that are read
//! of it, write its record and name it here.

use super::autoscaler::{AUTOSCALERS, Autoscaler};
use super::cron_job::{CRON_JOBS, CronJob};
use super::endpoint_slice::EndpointSlice;
use super::ingress::Ingress;
use super::ingress_class::IngressClass;
use super::job::Job;
use super::network_policy::{NETWORK_POLICIES, NetworkPolicy};
use super::node::{NODES, Node};
use super::pod::Pod;
use super::quota::Quota;
use super::service::Service;
use super::vulnerability_report::{VULNERABILITY_REPORTS, VulnerabilityReport};
use super::whole::{Metadata, Whole};
use super::workload::{REPLICA_SETS, Workload, WorkloadKind};
use super::{
    ENDPOINT_SLICES, INGRESS_CLASSES, INGRESSES, JOBS, Kubernetes, PODS, RESOURCE_QUOTAS, SERVICES,
    Watched,
};
use crate::model::needs::{Form, Resource, Watch};

/// Opens a watch.
type Open = fn(&Kubernetes, &Watch) -> Watched;

/// The kinds of which fields are known.
const KEPT: &[(Resource, Open)] = &[
    (PODS, Kubernetes::feed::<Pod>),
    (NETWORK_POLICIES, Kubernetes::feed::<NetworkPolicy>),
    (VULNERABILITY_REPORTS, Kubernetes::feed::<VulnerabilityReport>),
    (JOBS, Kubernetes::feed::<Job>),
    (CRON_JOBS, Kubernetes::feed::<CronJob>),
    (NODES, Kubernetes::feed::<Node>),
    (AUTOSCALERS, Kubernetes::feed::<Autoscaler>),
    (REPLICA_SETS, Kubernetes::feed::<Workload>),
    (WorkloadKind::Deployment.resource(), Kubernetes::feed::<Workload>),
    (WorkloadKind::StatefulSet.resource(), Kubernetes::feed::<Workload>),
    (WorkloadKind::DaemonSet.resource(), Kubernetes::feed::<Workload>),
    (SERVICES, Kubernetes::feed::<Service>),
    (ENDPOINT_SLICES, Kubernetes::feed::<EndpointSlice>),
    (INGRESSES, Kubernetes::feed::<Ingress>),
    (INGRESS_CLASSES, Kubernetes::feed::<IngressClass>),
    (RESOURCE_QUOTAS, Kubernetes::feed::<Quota>),
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
