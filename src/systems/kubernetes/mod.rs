//! Kubernetes, watched: each needed (resource, namespace, selector) is watched once and shared.
//!
//! What arrives is decoded into our own structs and kept as compact records; kube carries the
//! requests and no more. kube-runtime's watcher and store are not used: they keep typed objects of
//! kilobytes, swallow bookmarks, notice a dead connection after five minutes, and tell of no
//! deletion after a list. Secrets are never listed or watched: one GET by name a look.

pub mod access;
mod annotated;
pub mod api_url;
mod ask;
pub mod asked;
pub mod autoscaler;
mod counted;
pub mod cron_job;
pub mod definition;
pub mod discovery;
pub mod endpoint_slice;
mod event;
mod feed;
pub mod ingress;
pub mod ingress_class;
pub mod job;
mod kept;
pub mod label_selector;
pub mod labels;
mod lines;
pub mod logs;
pub mod network_policy;
pub mod node;
mod pace;
pub mod plurals;
pub mod pod;
mod pool;
pub mod quantity;
pub mod quota;
mod record;
mod refusal;
mod request;
pub mod scope;
pub mod secret;
pub mod security;
pub mod service;
#[cfg(test)]
pub mod shapes;
mod stream;
mod subject;
mod table;
pub mod template;
mod unseen;
pub mod usage;
pub mod vulnerability_report;
pub mod whole;
pub mod workload;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use k8s_openapi::api;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub use ask::{Ask, Refused};
pub use pace::Pace;
pub use record::{Owner, Record};
pub use stream::{Pulse, Stream};
pub use subject::Answer;
pub use table::Table;
pub use unseen::Unseen;

use access::{Access, Connection};
use counted::Traffic;
use feed::Feed;
use request::Requests;

use crate::model::counted::either;
use crate::model::finding::Obstacle;
use crate::model::needs::{Needs, Resource, Watch};
use crate::model::reason::{Documented, Reason};
use crate::model::rights::Demands;
use crate::model::snapshot;
use crate::systems::clock::Clock;
use crate::systems::shared::Shared;

/// A kind of object as Kubernetes' own definitions name it.
pub const fn resource<K: k8s_openapi::Resource>() -> Resource {
    Resource::known(K::GROUP, K::VERSION, K::URL_PATH_SEGMENT, K::KIND)
}

/// Pods.
pub const PODS: Resource = resource::<api::core::v1::Pod>();
/// Jobs.
pub const JOBS: Resource = resource::<api::batch::v1::Job>();
/// Services.
pub const SERVICES: Resource = resource::<api::core::v1::Service>();
/// What is behind Services.
pub const ENDPOINT_SLICES: Resource = resource::<api::discovery::v1::EndpointSlice>();
/// Ingresses.
pub const INGRESSES: Resource = resource::<api::networking::v1::Ingress>();
/// Their classes.
pub const INGRESS_CLASSES: Resource = resource::<api::networking::v1::IngressClass>();
/// What namespaces may take.
pub const RESOURCE_QUOTAS: Resource = resource::<api::core::v1::ResourceQuota>();
/// Secrets: seen by name alone.
pub const SECRETS: Resource = resource::<api::core::v1::Secret>();

/// Why a check that reads watches may be blind, for the tables of the kinds.
pub mod blind {
    use super::{Documented, Reason, access};

    /// See [`Reason::WATCH_RUNNING`].
    pub const RUNNING: Documented =
        Documented::blinds(Reason::WATCH_RUNNING, "The first list is still under way.");
    /// See [`Reason::STREAM_DOWN`].
    pub const DOWN: Documented = Documented::blinds(
        Reason::STREAM_DOWN,
        "The API server can't be watched; the sentence says what came instead.",
    );
    /// See [`Reason::STREAM_SILENT`].
    pub const SILENT: Documented = Documented::blinds(
        Reason::STREAM_SILENT,
        "The watch has said nothing for 150 s, though bookmarks come every minute.",
    );
    /// See [`Reason::FORBIDDEN`].
    pub const FORBIDDEN: Documented =
        Documented::blinds(Reason::FORBIDDEN, "Vigie lacks the right to list and watch.");
    /// See [`Reason::UNAUTHORIZED`].
    pub const UNAUTHORIZED: Documented = Documented::blinds(
        Reason::UNAUTHORIZED,
        "The API server does not accept Vigie's credentials.",
    );
    /// See [`Reason::KIND_UNKNOWN`].
    pub const KIND_UNKNOWN: Documented = Documented::blinds(
        Reason::KIND_UNKNOWN,
        "The API server does not know this kind of object.",
    );
    /// See [`access::NO_ACCESS`].
    pub const NO_ACCESS: Documented = Documented::blinds(
        access::NO_ACCESS,
        "The address or the credentials of the API server can't be read on our side.",
    );
    /// See [`Reason::TOO_LARGE`].
    pub const TOO_LARGE: Documented = Documented::blinds(
        Reason::TOO_LARGE,
        "What is kept of the objects of a watch would take more than 32 MiB: ask for fewer of them.",
    );
    /// See [`Reason::GARBLED`].
    pub const GARBLED: Documented = Documented::blinds(
        Reason::GARBLED,
        "An object lacks a field that is always there, or has one of a wrong type.",
    );
}

/// The cluster. Cheap to clone; nothing is dialled before something is asked.
#[derive(Clone)]
pub struct Kubernetes(Arc<Inner>);

struct Inner {
    requests: Requests,
    traffic: Arc<Traffic>,
    pace: Pace,
    clock: Clock,
    watches: RwLock<BTreeMap<Watch, Watched>>,
    demands: RwLock<Arc<Demands>>,
    readers: logs::Readers,
    asked: Shared<(String, String), Result<Bytes, Refused>>,
    may_be_around_us: bool,
}

struct Watched {
    stream: Arc<dyn AnyStream>,
    _task: AbortOnDropHandle<()>,
}

/// A stream, whatever record it keeps.
trait AnyStream: Any + Send + Sync {
    fn pulse(&self) -> &Pulse;
}

impl<R: Record> AnyStream for Stream<R> {
    fn pulse(&self) -> &Pulse {
        &self.pulse
    }
}

impl Watched {
    fn pulse(&self) -> &Pulse {
        self.stream.pulse()
    }

    /// The stream, where it keeps such records.
    fn of<R: Record>(&self) -> Option<&Stream<R>> {
        let stream: &dyn Any = &*self.stream;
        stream.downcast_ref()
    }
}

impl Kubernetes {
    /// The cluster at `connection`.
    pub fn new(connection: Connection, clock: Clock) -> Self {
        Self::paced(connection, clock, Pace::default())
    }

    /// The same, with a patience of its own.
    pub fn paced(connection: Connection, clock: Clock, pace: Pace) -> Self {
        // Pods have no kubeconfig file: whoever needs one stands outside.
        let may_be_around_us = !matches!(connection, Connection::Kubeconfig(_));
        let traffic = Arc::new(Traffic::new(clock.clone()));
        let access = Arc::new(Access::new(connection, Arc::clone(&traffic)));
        let requests = Requests::new(access).within(pace.silence);
        let (watches, demands) = (RwLock::default(), RwLock::default());
        let (readers, asked) = (logs::Readers::default(), Shared::default());
        Self(Arc::new(Inner {
            requests,
            traffic,
            pace,
            clock,
            watches,
            demands,
            readers,
            asked,
            may_be_around_us,
        }))
    }

    /// Whether Vigie may run inside of it.
    pub fn may_be_around_us(&self) -> bool {
        self.0.may_be_around_us
    }

    /// Keeps exactly the `wanted` watches: opens new ones, closes those that nobody needs, leaves
    /// the others alone. Secrets are never watched, whoever wants it.
    pub fn keep(&self, wanted: &BTreeSet<Watch>) {
        let mut watches = self.0.watches.write().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch, _| wanted.contains(watch));
        for watch in wanted.iter().filter(|watch| !is_secret(&watch.resource)) {
            if !watches.contains_key(watch) {
                watches.insert(watch.clone(), kept::opener(watch)(self, watch));
            }
        }
    }

    /// Watches, keeping records of one kind.
    fn feed<R: Record>(&self, watch: &Watch) -> Watched {
        let Inner { requests, pace, clock, .. } = &*self.0;
        let stream = Arc::new(Stream::<R>::new(watch.clone()));
        let feed = Feed::new(Arc::clone(&stream), requests.clone(), *pace, clock.clone());
        let task = tokio::spawn(feed.run());
        Watched { stream, _task: AbortOnDropHandle::new(task) }
    }

    /// Reads the records of a watch under a short lock; `needs` must declare it.
    ///
    /// # Errors
    /// Why the records can't be believed.
    pub fn read<R: Record, T>(
        &self,
        needs: &Needs,
        watch: &Watch,
        work: impl FnOnce(&Table<R>) -> T,
    ) -> Result<T, Obstacle> {
        let what = stream::shown(watch);
        let undeclared = || {
            let because =
                format!("the check asks for the watch of {what}, which it did not declare");
            Obstacle::ours(Reason::UNDECLARED, because)
        };
        if !needs.watches.contains(watch) || is_secret(&watch.resource) {
            return Err(undeclared());
        }
        let watches = self.0.watches.read().unwrap_or_else(PoisonError::into_inner);
        let Some(watched) = watches.get(watch) else {
            let because = format!("the watch of {what} is not open yet");
            return Err(Obstacle::ours(Reason::WATCH_RUNNING, because));
        };
        let stream = watched.of::<R>().ok_or_else(undeclared)?;
        if let Some(obstacle) = stream.pulse.obstacle(self.0.pace.silence) {
            return Err(obstacle);
        }
        stream.read(|table| match table.left_out() {
            0 => Ok(work(table)),
            more => {
                let because = format!(
                    "the objects of {what} take more than {} MiB, {more} of them {} not kept",
                    table::ROOM >> 20,
                    either(&more, "is", "are")
                );
                Err(Obstacle::new(Reason::TOO_LARGE, because))
            }
        })
    }

    /// Hands down what the whole configuration asks of the cluster: checks of the permissions read
    /// it.
    pub fn expect(&self, demands: Demands) {
        *self.0.demands.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(demands);
    }

    /// What the whole configuration asks of the cluster.
    pub fn demands(&self) -> Arc<Demands> {
        Arc::clone(&self.0.demands.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts up whenever something changed; none where the watch is not kept.
    pub fn revision(&self, watch: &Watch) -> Option<watch::Receiver<u64>> {
        let watches = self.0.watches.read().unwrap_or_else(PoisonError::into_inner);
        watches.get(watch).map(|watched| watched.pulse().revision())
    }

    /// Waits until each of these watches has its first list, or it is known why not.
    pub async fn settled(&self, watches: &[Watch]) {
        for watch in watches {
            let Some(mut revision) = self.revision(watch) else { continue };
            while !self.is_settled(watch) {
                if revision.changed().await.is_err() {
                    break;
                }
            }
        }
    }

    fn is_settled(&self, watch: &Watch) -> bool {
        let watches = self.0.watches.read().unwrap_or_else(PoisonError::into_inner);
        watches.get(watch).is_none_or(|watched| watched.pulse().is_settled())
    }

    /// How the watches are doing.
    pub fn streams(&self) -> Vec<snapshot::Stream> {
        let watches = self.0.watches.read().unwrap_or_else(PoisonError::into_inner);
        let stream = |(watch, watched): (&Watch, &Watched)| {
            let (up, last_heard) = watched.pulse().vitals();
            snapshot::Stream { watch: watch.clone(), up, last_heard }
        };
        watches.iter().map(stream).collect()
    }

    /// Requests so far, by verb, resource and status code (`error` where none came).
    pub fn requests(&self) -> BTreeMap<[String; 3], u64> {
        self.0.traffic.requests().counts()
    }

    /// How far the API server's clock is ahead of ours, in seconds; none before it said so.
    pub fn clock_skew(&self) -> Option<f64> {
        self.0.traffic.skew()
    }
}

fn is_secret(resource: &Resource) -> bool {
    resource.group.is_empty()
        && (resource.plural == SECRETS.plural || resource.kind == SECRETS.kind)
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes").finish_non_exhaustive()
    }
}
