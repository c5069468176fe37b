//! A small Trackdéchets on loopback: cluster, object store, queues, sites, names.
//!
//! Everything in it is simulated, and everything that watches it is real. Faults are put into the
//! systems (an object patched, a key deleted, a worker killed, a certificate replaced), never into
//! whoever watches.

mod faults;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

use crate::kubernetes::{ApiServer, Settings, trackdechets};
use crate::net::dns::Names;
use crate::net::mill::{Mill, Sort};
use crate::net::site::{Answer, Site};
use crate::redis::{Redis, TRACKDECHETS_QUEUES, Worker};
use crate::s3::{ACCESS_KEY, SECRET_KEY, Store};

pub use faults::{FAULTS, Fault};

/// The public names.
pub const UI: &str = "app.trackdechets.beta.gouv.fr";
/// See [`UI`].
pub const API: &str = "api.trackdechets.beta.gouv.fr";
/// See [`UI`].
pub const NOTIFIER: &str = "notifier.trackdechets.beta.gouv.fr";

/// The load balancer's address, from the range for documentation.
const LOAD_BALANCER: &str = "192.0.2.10";
/// How long a healthy certificate lasts, in days.
const LASTS: i64 = 80;
/// How old the newest of the healthy backups is.
const BACKUP_AGE: SignedDuration = SignedDuration::from_hours(6);
/// How many backups there are, one a day.
const BACKUPS: u32 = 14;
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
    ui: Site,
    api: Site,
    notifier: Site,
    names: Names,
    mill: Mill,
    founded: Timestamp,
    workers: Mutex<BTreeMap<&'static str, Worker>>,
}

impl Town {
    /// Starts all systems, healthy as of `now`; credentials and certificates go to `folder`.
    ///
    /// # Errors
    /// A port is not to be had, or the folder can't be written.
    pub async fn found(folder: &Path, now: Timestamp) -> Result<Self> {
        let mill = Mill::new(now, Duration::from_hours(5 * 365 * 24))?;
        let good = mill.issue(Sort::Good, &[UI, API, NOTIFIER], began(now), until(now, LASTS))?;
        let (ui, api, notifier) =
            (Site::secure(&good).await?, Site::secure(&good).await?, Site::secure(&good).await?);
        let kubernetes = ApiServer::start(Settings::default()).await?;
        trackdechets::furnish(&kubernetes).context("the cluster")?;
        kubernetes.write_kubeconfig(&folder.join("kubeconfig"), None)?;
        let town = Self {
            folder: folder.to_owned(),
            kubernetes,
            s3: Store::start().await?,
            redis: Redis::start().await?,
            names: Names::start().await?,
            ui,
            api,
            notifier,
            mill,
            founded: now,
            workers: Mutex::default(),
        };
        town.furnish().await?;
        Ok(town)
    }

    /// What a configuration has to know of the town, as variables.
    pub fn variables(&self) -> BTreeMap<&'static str, String> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        BTreeMap::from([
            ("kubeconfig", file("kubeconfig")),
            ("ca", file("ca.pem")),
            ("s3_access_key_file", file("s3-access-key")),
            ("s3_secret_key_file", file("s3-secret-key")),
            ("s3_endpoint", self.s3.endpoint()),
            ("redis_url", self.redis.url()),
            ("ui_host", UI.to_owned()),
            ("ui_at", self.ui.address().to_string()),
            ("api_host", API.to_owned()),
            ("api_at", self.api.address().to_string()),
            ("notifier_host", NOTIFIER.to_owned()),
            ("notifier_at", self.notifier.address().to_string()),
            ("resolver", self.names.address().to_string()),
            ("load_balancer", LOAD_BALANCER.to_owned()),
        ])
    }

    /// Gives the queues a little to do, so that their figures live; call it now and then.
    pub fn bustle(&self) {
        for queue in TRACKDECHETS_QUEUES.iter().step_by(4) {
            self.redis.queue(queue).add(1, Duration::ZERO);
        }
    }

    async fn furnish(&self) -> Result<()> {
        let write = |name: &str, text: &str| std::fs::write(self.folder.join(name), text);
        write("ca.pem", self.mill.root_pem())?;
        write("s3-access-key", ACCESS_KEY)?;
        write("s3-secret-key", SECRET_KEY)?;
        self.s3.fill_postgres(self.founded, BACKUP_AGE, BACKUPS);
        self.s3.fill_mongodb(self.founded, BACKUP_AGE, BACKUPS);
        self.open_sites();
        let balancer: IpAddr = LOAD_BALANCER.parse()?;
        for name in [UI, API, NOTIFIER] {
            self.names.point(name, balancer);
        }
        for queue in TRACKDECHETS_QUEUES {
            self.employ(queue).await?;
        }
        Ok(())
    }

    fn open_sites(&self) {
        let page =
            Answer::new(200, "<!doctype html><title>Trackdéchets</title><div id=\"root\"></div>");
        self.ui.answer("*", page.header("content-type", "text/html; charset=utf-8"));
        for site in [&self.api, &self.notifier] {
            site.answer("/ping", Answer::new(200, "Pong!").header("content-type", "text/html"));
        }
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
}

fn began(now: Timestamp) -> Timestamp {
    now - SignedDuration::from_hours(10 * 24)
}

fn until(now: Timestamp, days: i64) -> Timestamp {
    now + SignedDuration::from_hours(days * 24)
}
