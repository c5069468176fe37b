//! Checks: claims about systems, one file a kind.
//!
//! A check *observes* (all the I/O, no comparison with a limit), then *judges* (pure). The file's
//! name is the configuration key and the metric label. To add a kind, write its file and name it
//! twice below: once as a module, once in the list. A test over the list then fails until its
//! example, its documentation and the provocation of each of its reasons are there.

pub mod attestation;
pub mod autoscalers;
pub mod backup;
pub mod bull_queue;
pub mod cron_jobs;
pub mod deployment;
pub mod dns;
pub mod elasticsearch;
pub mod event_stream;
pub mod expression;
pub mod firing_alerts;
pub mod http;
pub mod images;
pub mod ingresses;
pub mod kubernetes_api;
pub mod nodes;
pub mod operator;
pub mod pod_logs;
pub mod pod_security;
pub mod pods;
pub mod postgres;
pub mod prometheus_query;
pub mod prometheus_server;
pub mod registry_image;
pub mod resource;
pub mod resource_usage;
pub mod rollup;
pub mod s3_bucket;
#[cfg(test)]
pub mod scripted;
pub mod secret_keys;
pub mod services;
pub mod tls;
pub mod tool;
pub mod workloads;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::model::deployment::Deployment as Rollout;
use crate::model::finding::{Obstacle, Verdict};
use crate::model::item::ItemId;
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::model::records::Records;
use crate::systems::Systems;

/// A claim about a system, of some kind: the parameters are the implementor.
pub trait Check: DeserializeOwned + JsonSchema + Send + Sync {
    /// What was seen: small, owned, no secret in it.
    type Seen: Send;

    /// Every reason that it can give, and what each means.
    const REASONS: &'static [Documented];
    /// Every figure that it can export or remember.
    const MEASURES: &'static [&'static Measure];

    /// What is wrong between its parameters, each of which is right by itself; one sentence each.
    fn flaws(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is wrong with its parameters in an item with this `timeout`; one sentence each.
    fn flaws_in(&self, _timeout: Duration) -> Vec<String> {
        Vec::new()
    }

    /// What it needs: watches, rights, hosts, connections.
    fn needs(&self) -> Needs;

    /// The rows that it may export, as far as its parameters tell.
    fn series(&self) -> Vec<Series>;

    /// Its limits, for panels.
    fn bounds(&self) -> Vec<Bound> {
        Vec::new()
    }

    /// Looks: all the I/O, no comparison with a limit.
    ///
    /// # Errors
    /// Nothing at all was seen. What was seen in part is part of `Seen`.
    fn observe(&self, look: &Look<'_>)
    -> impl Future<Output = Result<Self::Seen, Obstacle>> + Send;

    /// Thinks: compares what was seen with the limits. Pure.
    fn judge(&self, seen: &Self::Seen, past: &Past, now: Timestamp) -> Judgement;
}

/// What a look is given.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The item on whose behalf.
    pub item: &'a ItemId,
    /// What the item's checks have declared.
    pub needs: &'a Needs,
    /// The connections.
    pub systems: &'a Systems,
    /// What the record holds of that which the item's checks have declared to read.
    pub records: &'a Records,
    /// When the attempt will be given up.
    pub deadline: Instant,
    /// How old a shared look of another item may be to serve this one, too.
    pub fresh_within: Duration,
    /// The time, by the daemon's clock.
    pub now: Timestamp,
    /// What the item's checks remembered: where a look goes on from, never what it is held against.
    pub past: &'a Past,
}

/// What a check keeps of its time to judge what did not come.
const MARGIN: Duration = Duration::from_millis(100);

impl Look<'_> {
    /// The current deployment, where one is known; for checks that declare to read it.
    pub fn deployment(&self) -> Option<&Rollout> {
        self.records.deployment.as_deref()
    }

    /// When the look's own I/O has to end.
    ///
    /// A little before the deadline, so that the silence of a *subject* is still judged by its
    /// check, as a failure; at the deadline the engine can only say that nobody could tell.
    pub fn until(&self) -> Instant {
        self.deadline.checked_sub(MARGIN).unwrap_or(self.deadline)
    }
}

/// A kind of check, for documentation and for tests over all of them.
pub struct Kind {
    /// File name, configuration key and metric label.
    pub name: &'static str,
    /// Every reason that it can give.
    pub reasons: &'static [Documented],
    /// Every figure that it can export.
    pub measures: &'static [&'static Measure],
    /// A working example, a YAML document of one check.
    pub example: &'static str,
    /// The JSON Schema of its parameters.
    pub schema: fn() -> schemars::Schema,
}

macro_rules! check_kinds {
    ($($variant:ident: $module:ident),* $(,)?) => {
        /// Any check: in YAML a mapping with one key, the kind.
        #[derive(Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[expect(
            clippy::large_enum_variant,
            reason = "there are a few hundred, made once; a box would show in every kind"
        )]
        pub enum AnyCheck {
            $(#[doc = concat!("`", stringify!($module), "`")] $variant($module::$variant),)*
            /// A double for tests of the engine.
            #[cfg(test)]
            #[serde(skip)]
            Scripted(scripted::Scripted),
        }

        /// The kinds, in alphabetical order.
        pub const KINDS: &[Kind] = &[$(Kind {
            name: stringify!($module),
            reasons: <$module::$variant as Check>::REASONS,
            measures: <$module::$variant as Check>::MEASURES,
            example: include_str!(concat!("../../config/kinds/", stringify!($module), ".yaml")),
            schema: || schemars::schema_for!($module::$variant),
        }),*];

        impl AnyCheck {
            /// The kind's name.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => stringify!($module),)*
                    #[cfg(test)]
                    Self::Scripted(_) => "scripted",
                }
            }

            /// See [`Check::flaws`].
            pub fn flaws(&self) -> Vec<String> {
                match self {
                    $(Self::$variant(check) => check.flaws(),)*
                    #[cfg(test)]
                    Self::Scripted(check) => check.flaws(),
                }
            }

            /// See [`Check::flaws_in`].
            pub fn flaws_in(&self, timeout: Duration) -> Vec<String> {
                match self {
                    $(Self::$variant(check) => check.flaws_in(timeout),)*
                    #[cfg(test)]
                    Self::Scripted(check) => check.flaws_in(timeout),
                }
            }

            /// See [`Check::needs`].
            pub fn needs(&self) -> Needs {
                match self {
                    $(Self::$variant(check) => check.needs(),)*
                    #[cfg(test)]
                    Self::Scripted(check) => check.needs(),
                }
            }

            /// See [`Check::series`].
            pub fn series(&self) -> Vec<Series> {
                match self {
                    $(Self::$variant(check) => check.series(),)*
                    #[cfg(test)]
                    Self::Scripted(check) => check.series(),
                }
            }

            /// See [`Check::bounds`].
            pub fn bounds(&self) -> Vec<Bound> {
                match self {
                    $(Self::$variant(check) => check.bounds(),)*
                    #[cfg(test)]
                    Self::Scripted(check) => check.bounds(),
                }
            }

            /// Observes, then judges.
            pub async fn run(&self, look: &Look<'_>) -> Judgement {
                match self {
                    $(Self::$variant(check) => run(check, look).await,)*
                    #[cfg(test)]
                    Self::Scripted(check) => run(check, look).await,
                }
            }
        }
    };
}

check_kinds! {
    Attestation: attestation,
    Autoscalers: autoscalers,
    Backup: backup,
    BullQueue: bull_queue,
    CronJobs: cron_jobs,
    Deployment: deployment,
    Dns: dns,
    Elasticsearch: elasticsearch,
    EventStream: event_stream,
    FiringAlerts: firing_alerts,
    Http: http,
    Images: images,
    Ingresses: ingresses,
    KubernetesApi: kubernetes_api,
    Nodes: nodes,
    Operator: operator,
    PodLogs: pod_logs,
    PodSecurity: pod_security,
    Pods: pods,
    Postgres: postgres,
    PrometheusQuery: prometheus_query,
    PrometheusServer: prometheus_server,
    RegistryImage: registry_image,
    Resource: resource,
    ResourceUsage: resource_usage,
    Rollup: rollup,
    S3Bucket: s3_bucket,
    SecretKeys: secret_keys,
    Services: services,
    Tls: tls,
    Tool: tool,
    Workloads: workloads,
}

impl AnyCheck {
    /// Of a person's word: the reasons of failures and warnings that it answers.
    pub fn answers(&self) -> Vec<Reason> {
        let Self::Attestation(word) = self else { return Vec::new() };
        let named = |code: &str| word.answers().iter().any(|named| named == code);
        let mut answers: Vec<Reason> = KINDS
            .iter()
            .flat_map(|kind| kind.reasons)
            .map(|known| known.reason)
            .filter(|reason| named(reason.code()))
            .collect();
        answers.sort();
        answers.dedup();
        answers
    }
}

/// The codes that these kinds can give with one of these verdicts, in alphabetical order.
pub fn codes(kinds: &[&str], verdicts: &[Verdict]) -> BTreeSet<&'static str> {
    let kinds = KINDS.iter().filter(|kind| kinds.contains(&kind.name));
    kinds
        .flat_map(|kind| kind.reasons)
        .filter(|known| known.verdicts.iter().any(|verdict| verdicts.contains(verdict)))
        .map(|known| known.reason.code())
        .collect()
}

async fn run<C: Check>(check: &C, look: &Look<'_>) -> Judgement {
    // Boxed: some SDKs' futures are kilobytes deep, and every item would carry the largest.
    match check.observe(look).boxed().await {
        Ok(seen) => check.judge(&seen, look.past, look.now).capped(),
        Err(obstacle) => obstacle.into(),
    }
}
