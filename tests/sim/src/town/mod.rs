//! A small Trackdéchets on loopback: cluster, object store, queues, databases, sites, names, and
//! whatever else the shipped checklist asks about.
//!
//! Everything in it is simulated, and everything that watches it is real. Faults are put into the
//! systems (an object patched, a key deleted, a worker killed, a certificate replaced), never into
//! whoever watches.

mod acts;
mod changes;
mod fault;
mod faults;
mod furnish;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use tokio_util::task::AbortOnDropHandle;

use crate::elasticsearch::Elasticsearch;
use crate::kubernetes::{ApiServer, Settings, trackdechets};
use crate::net::dns::Names;
use crate::net::mill::{Mill, Sort};
use crate::net::site::Site;
use crate::postgres::Postgres;
use crate::prometheus::{Alertmanager, Prometheus};
use crate::redis::{Redis, TRACKDECHETS_QUEUES, Worker};
use crate::registry::Registry;
use crate::s3::{ACCESS_KEY, SECRET_KEY, Store};

pub use acts::{Act, Ordinary, PLEDGE, Pledge};
pub use changes::CHANGES;
pub use fault::{Change, Fault, Turn, blind, fails, warns};
pub use faults::FAULTS;

/// The public names.
pub const UI: &str = "app.trackdechets.beta.gouv.fr";
/// See [`UI`].
pub const API: &str = "api.trackdechets.beta.gouv.fr";
/// See [`UI`].
pub const NOTIFIER: &str = "notifier.trackdechets.beta.gouv.fr";
/// All of them.
pub const HOSTS: [&str; 3] = [UI, API, NOTIFIER];

/// The load balancer's address.
const LOAD_BALANCER: &str = "51.159.0.10";
/// The name of Redis' master among the sentinels.
const MASTER: &str = "mymaster";
/// How long a healthy certificate lasts, in days.
const LASTS: i64 = 80;
/// How long a job takes.
const PACE: Duration = Duration::from_millis(20);

/// All systems, running; they stop when dropped.
pub struct Town {
    folder: PathBuf,
    /// The cluster.
    pub kubernetes: ApiServer,
    /// The object store.
    pub s3: Store,
    /// The queue store.
    pub redis: Redis,
    /// Who knows where its master is.
    sentinel: Redis,
    postgres: Postgres,
    search: Arc<Elasticsearch>,
    /// The ingress, over TLS and without.
    web: Site,
    plain: Site,
    /// Providers outside, all behind one address.
    outside: Site,
    /// What answers inside the cluster: Gotenberg, Grafana.
    inside: Site,
    registry: Registry,
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    /// A resolver of the town's own, and one outside.
    names: [Names; 2],
    mill: Mill,
    founded: Timestamp,
    workers: Mutex<BTreeMap<&'static str, Worker>>,
    remedies: Mutex<fault::Remedies>,
    _living: AbortOnDropHandle<()>,
}

impl Town {
    /// Starts all systems, healthy as of `now`; credentials and certificates go to `folder`.
    ///
    /// # Errors
    /// A port is not to be had, or the folder can't be written.
    pub async fn found(folder: &Path, now: Timestamp) -> Result<Self> {
        let mill = Mill::new(now, Duration::from_hours(5 * 365 * 24))?;
        let issue = |names: &[&str]| mill.issue(Sort::Good, names, began(now), until(now, LASTS));
        let web = issue(&HOSTS)?;
        let registry = Registry::start(&issue(&[trackdechets::REGISTRY])?).await?;
        let kubernetes = ApiServer::start(Settings { tls: true, ..Settings::default() }).await?;
        let images = furnish::images(&registry);
        trackdechets::furnish_from(&kubernetes, &images).context("the cluster")?;
        trackdechets::age(&kubernetes, &images).context("the cluster")?;
        furnish::let_vigie_in(&kubernetes, folder)?;
        let (s3, search) = (Store::start().await?, Arc::new(furnish::search().await?));
        let alertmanager = furnish::alertmanager(now).await?;
        let living = furnish::live(&kubernetes, &s3, &search, now);
        let town = Self {
            folder: folder.to_owned(),
            _living: AbortOnDropHandle::new(tokio::spawn(living)),
            s3,
            search,
            redis: Redis::start().await?,
            sentinel: Redis::start().await?,
            postgres: Postgres::start().await?,
            web: Site::secure(&web).await?,
            plain: Site::plain().await?,
            outside: Site::secure(&issue(&furnish::OUTSIDE)?).await?,
            inside: Site::plain().await?,
            prometheus: furnish::prometheus(&alertmanager).await?,
            alertmanager,
            names: [Names::start().await?, Names::start().await?],
            kubernetes,
            registry,
            mill,
            founded: now,
            workers: Mutex::default(),
            remedies: Mutex::default(),
        };
        town.furnish().await?;
        town.furnish_cluster().context("the cluster")?;
        Ok(town)
    }

    /// What a configuration has to know of the town, as variables: those of the shipped checklist
    /// that say where something is, and for connections `town_…`.
    pub fn variables(&self) -> BTreeMap<&'static str, String> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let at = |site: &Site| site.address().to_string();
        let inside = format!("http://{}", self.inside.address());
        let images = furnish::images(&self.registry);
        BTreeMap::from([
            ("town_kubernetes", self.kubernetes.url()),
            ("town_kubernetes_token", file("kubernetes-token")),
            ("town_kubernetes_ca", file("kubernetes-ca.pem")),
            ("town_ca", file("ca.pem")),
            ("town_access_key_file", file("s3-access-key")),
            ("town_secret_key_file", file("s3-secret-key")),
            ("s3_endpoint", self.s3.endpoint()),
            ("town_redis", self.redis.url()),
            ("town_sentinel", self.sentinel.address().to_string()),
            ("town_postgres_port", self.postgres.address().port().to_string()),
            ("town_elasticsearch", self.search.url()),
            ("town_web", at(&self.web)),
            ("town_plain_web", at(&self.plain)),
            ("town_outside", at(&self.outside)),
            ("gotenberg_url", inside.clone()),
            ("grafana_url", inside),
            ("image_registry", format!("{images}/{}", trackdechets::FOLDER)),
            ("town_prometheus", self.prometheus.url()),
            ("town_alertmanager", self.alertmanager.url()),
            ("resolver", self.names[0].address().to_string()),
            ("outside_resolver", self.names[1].address().to_string()),
            ("other_outside_resolver", self.names[1].address().to_string()),
            ("town_load_balancer", LOAD_BALANCER.to_owned()),
        ])
    }

    /// Gives the queues a little to do, so that their figures live; call it now and then.
    pub fn bustle(&self) {
        for queue in TRACKDECHETS_QUEUES.iter().step_by(4) {
            self.redis.queue(queue).add(1, Duration::ZERO);
        }
    }

    /// Writes what is read from files.
    fn write_files(&self) -> Result<()> {
        let write = |name: &str, text: &str| std::fs::write(self.folder.join(name), text);
        write("ca.pem", self.mill.root_pem())?;
        write("s3-access-key", ACCESS_KEY)?;
        write("s3-secret-key", SECRET_KEY)?;
        Ok(())
    }

    /// A worker for a queue takes up its work.
    async fn employ(&self, queue: &'static str) -> Result<()> {
        let worker = Worker::start(self.redis.address(), queue, PACE).await?;
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).insert(queue, worker);
        Ok(())
    }

    /// The worker of a queue is gone, as if it had been killed.
    fn dismiss(&self, queue: &str) {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).remove(queue);
    }

    fn remedies(&self) -> MutexGuard<'_, fault::Remedies> {
        self.remedies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn began(now: Timestamp) -> Timestamp {
    now - SignedDuration::from_hours(10 * 24)
}

fn until(now: Timestamp, days: i64) -> Timestamp {
    now + SignedDuration::from_hours(days * 24)
}
