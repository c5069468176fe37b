//! Connections to the watched systems, one file or folder a system.
//!
//! Each maps its SDK's errors to obstacles in one place, so that `?` in a check never chooses a
//! reason by accident. Read-only: nothing in here creates, changes or deletes anything.

pub mod alertmanager;
pub mod api;
pub mod catalogue;
pub mod clock;
pub mod elasticsearch;
pub mod kubernetes;
mod lookup;
pub mod net;
pub mod oauth;
pub mod postgres;
pub mod programs;
pub mod prometheus;
pub mod redis;
pub mod refusals;
pub mod registry;
pub mod s3;
pub mod secrets;
pub mod shared;
pub mod tally;
pub mod trials;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::needs::{SystemName, Watch};
use crate::model::rights::Demands;
use crate::model::secret::SecretSource;
use crate::model::snapshot::Stream;
use alertmanager::Alertmanager;
use clock::Clock;
use elasticsearch::Elasticsearch;
use kubernetes::Kubernetes;
use net::Net;
use oauth::Tokens;
use postgres::Postgres;
use programs::Programs;
use prometheus::Prometheus;
use redis::Redis;
use registry::{ALL_REGISTRIES, Registries};
use s3::S3;
use secrets::Secrets;

/// How the watched systems are reached: `connections` in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Connections {
    /// Alertmanagers, by a name of your choice.
    pub alertmanager: BTreeMap<String, alertmanager::Connection>,
    /// Clusters of Elasticsearch or OpenSearch, by a name of your choice; `default` is what checks use
    /// that name none.
    pub elasticsearch: BTreeMap<String, elasticsearch::Connection>,
    /// The cluster whose objects are watched; by default the one that Vigie runs in.
    pub kubernetes: kubernetes::access::Connection,
    /// Names and certificates: how endpoints outside are found and trusted.
    pub net: net::Settings,
    /// Databases of PostgreSQL, by a name of your choice; `default` is what checks use that name none.
    pub postgres: BTreeMap<String, postgres::Connection>,
    /// Prometheus servers, or whatever else speaks their query API, by a name of your choice.
    pub prometheus: BTreeMap<String, prometheus::Connection>,
    /// Redis servers, by a name of your choice; `default` is what checks use that name none.
    pub redis: BTreeMap<String, redis::Connection>,
    /// Registries of images, by the name that references to images give them (`ghcr.io`). One that
    /// is not named here is asked over TLS, by nobody in particular.
    pub registries: BTreeMap<registry::RegistryHost, registry::Connection>,
    /// Object stores that speak S3, by a name of your choice.
    pub s3: BTreeMap<String, s3::Connection>,
}

impl Connections {
    /// The names of the connections to a system.
    pub fn names(&self, system: SystemName) -> Vec<String> {
        match system {
            // There is one cluster, and it needs no description where Vigie runs in it.
            SystemName::Kubernetes => vec!["default".to_owned()],
            SystemName::Postgres => self.postgres.keys().cloned().collect(),
            SystemName::Alertmanager => self.alertmanager.keys().cloned().collect(),
            SystemName::Elasticsearch => self.elasticsearch.keys().cloned().collect(),
            SystemName::Prometheus => self.prometheus.keys().cloned().collect(),
            SystemName::Redis => self.redis.keys().cloned().collect(),
            SystemName::Registries => vec![ALL_REGISTRIES.to_owned()],
            SystemName::S3 => self.s3.keys().cloned().collect(),
        }
    }

    /// The secrets that whoever uses a connection reads with it.
    pub fn secrets(&self, system: SystemName, name: &str) -> Vec<&SecretSource> {
        match system {
            // The credentials of the cluster itself can't lie in it.
            SystemName::Kubernetes => Vec::new(),
            SystemName::Postgres => {
                let own = self.postgres.get(name).map(postgres::Connection::secrets);
                own.into_iter().flatten().chain(self.authorities()).collect()
            }
            SystemName::Alertmanager => {
                let own = self.alertmanager.get(name).map(alertmanager::Connection::secrets);
                own.into_iter().flatten().chain(self.authorities()).collect()
            }
            SystemName::Elasticsearch => {
                let own = self.elasticsearch.get(name).map(elasticsearch::Connection::secrets);
                own.into_iter().flatten().chain(self.authorities()).collect()
            }
            SystemName::Prometheus => {
                let own = self.prometheus.get(name).map(prometheus::Connection::secrets);
                own.into_iter().flatten().chain(self.authorities()).collect()
            }
            SystemName::Redis => {
                self.redis.get(name).map(redis::Connection::secrets).unwrap_or_default()
            }
            SystemName::Registries => {
                let own = self.registries.values().flat_map(registry::Connection::secrets);
                own.chain(self.authorities()).collect()
            }
            SystemName::S3 => self.s3.get(name).map(s3::Connection::secrets).unwrap_or_default(),
        }
    }

    /// The secret that whoever trusts certificates of hosts reads.
    pub fn authorities(&self) -> Option<&SecretSource> {
        self.net.ca.as_ref()
    }
}

/// All connections, handed to every look.
///
/// Each field is cheap to clone and shares what is behind it, so that a reload keeps whatever did
/// not change.
#[derive(Clone)]
pub struct Systems {
    /// The time.
    pub clock: Clock,
    /// The cluster.
    pub kubernetes: Kubernetes,
    /// Secrets, read at each use.
    pub secrets: Secrets,
    /// Endpoints by name: resolving, dialling, TLS, HTTP.
    pub net: Net,
    /// Alertmanager, by connection.
    pub alertmanager: Alertmanager,
    /// Elasticsearch, by connection.
    pub elasticsearch: Elasticsearch,
    /// Programs of the machine, where it is somebody's workstation.
    pub programs: Programs,
    /// PostgreSQL, by connection.
    pub postgres: Postgres,
    /// Prometheus, by connection.
    pub prometheus: Prometheus,
    /// Redis, by connection.
    pub redis: Redis,
    /// Registries of images.
    pub registries: Registries,
    /// Object stores, by connection.
    pub s3: S3,
    /// Tokens that were issued for grants.
    pub tokens: Tokens,
}

impl Systems {
    /// Connections as configured. Nothing is dialled before the first look.
    pub fn new(connections: &Connections, clock: Clock) -> Self {
        let kubernetes = Kubernetes::new(connections.kubernetes.clone(), clock.clone());
        Self::around(kubernetes, connections, clock)
    }

    /// Connections for `after`, where these were built for `before`: what did not change is kept,
    /// and stays connected.
    pub fn changed(&self, before: &Connections, after: &Connections) -> Self {
        let clock = self.clock.clone();
        if before.kubernetes != after.kubernetes {
            // All others read their secrets through it.
            let systems = Self::new(after, clock);
            let net = self.net_for(before, after);
            let secrets = systems.secrets.clone();
            let registries = self.registries.reconfigured(&after.registries, net.clone(), secrets);
            let secrets = systems.secrets.clone();
            let postgres = self.postgres.reconfigured(&after.postgres, net.clone(), secrets);
            let tokens = self.tokens.clone();
            return Self { net, postgres, registries, tokens, ..systems }.over_net(after);
        }
        let mut systems = Self::around(self.kubernetes.clone(), after, clock);
        systems.net = self.net_for(before, after);
        systems.tokens = self.tokens.clone();
        systems = systems.over_net(after);
        let (net, secrets) = (systems.net.clone(), systems.secrets.clone());
        systems.postgres = self.postgres.reconfigured(&after.postgres, net, secrets);
        systems.redis = self.redis.reconfigured(&after.redis, systems.secrets.clone());
        systems.registries = self.registries.reconfigured(
            &after.registries,
            systems.net.clone(),
            systems.secrets.clone(),
        );
        systems.s3 = self.s3.reconfigured(&after.s3);
        systems
    }

    /// Endpoints for `after`: what was refused before stays refused.
    fn net_for(&self, before: &Connections, after: &Connections) -> Net {
        if before.net == after.net { self.net.clone() } else { self.net.reconfigured(&after.net) }
    }

    /// Whatever holds nothing but what is configured, over `net` as it is now.
    fn over_net(self, connections: &Connections) -> Self {
        let (net, secrets) = (&self.net, &self.secrets);
        Self {
            alertmanager: Alertmanager::new(
                &connections.alertmanager,
                net.clone(),
                secrets.clone(),
            ),
            elasticsearch: Elasticsearch::new(
                &connections.elasticsearch,
                net.clone(),
                secrets.clone(),
            ),
            prometheus: Prometheus::new(&connections.prometheus, net.clone(), secrets.clone()),
            ..self
        }
    }

    fn around(kubernetes: Kubernetes, connections: &Connections, clock: Clock) -> Self {
        let Connections {
            alertmanager,
            elasticsearch,
            kubernetes: _,
            net,
            postgres,
            prometheus,
            redis,
            registries,
            s3,
        } = connections;
        let secrets = Secrets::with(kubernetes.clone());
        let net = Net::new(net);
        Self {
            alertmanager: Alertmanager::new(alertmanager, net.clone(), secrets.clone()),
            elasticsearch: Elasticsearch::new(elasticsearch, net.clone(), secrets.clone()),
            programs: Programs::default(),
            postgres: Postgres::new(postgres, net.clone(), secrets.clone()),
            prometheus: Prometheus::new(prometheus, net.clone(), secrets.clone()),
            registries: Registries::new(registries, net.clone(), secrets.clone()),
            net,
            redis: Redis::new(redis, secrets.clone()),
            s3: S3::new(s3, secrets.clone(), clock.clone()),
            tokens: Tokens::default(),
            kubernetes,
            secrets,
            clock,
        }
    }

    /// Requests to the API server, by verb, resource and status code.
    pub fn kubernetes_requests(&self) -> BTreeMap<[String; 3], u64> {
        self.kubernetes.requests()
    }

    /// Requests to object stores, by operation and status code.
    pub fn s3_requests(&self) -> BTreeMap<[String; 2], u64> {
        self.s3.requests()
    }

    /// How far each system's clock is ahead of ours, in seconds.
    pub fn clock_skew(&self) -> BTreeMap<String, f64> {
        let mut skews = self.s3.skews();
        skews.extend(self.kubernetes.clock_skew().map(|skew| ("kubernetes".to_owned(), skew)));
        skews
    }

    /// Opens the watches that are wanted and closes all others; those that stay are left alone.
    /// `demands` is what the whole configuration asks of the cluster, these watches or more.
    pub fn keep(&self, wanted: &BTreeSet<Watch>, demands: Demands) {
        self.kubernetes.expect(demands);
        self.kubernetes.keep(wanted);
    }

    /// Waits until each of the watches has delivered its first list or said why not, at most this
    /// long. A watch that has not by then says so itself.
    pub async fn settle(&self, watches: &[Watch], at_most: Duration) {
        tokio::time::timeout(at_most, self.kubernetes.settled(watches)).await.ok();
    }

    /// The revisions of watches: each changes whenever something behind its watch did. Watches that
    /// are not kept have none.
    pub fn revisions(&self, watches: &[Watch]) -> Vec<tokio::sync::watch::Receiver<u64>> {
        watches.iter().filter_map(|watch| self.kubernetes.revision(watch)).collect()
    }

    /// How the watches are doing.
    pub fn streams(&self) -> Vec<Stream> {
        self.kubernetes.streams()
    }
}
