//! A real API server: etcd, `kube-apiserver` and, where Deployments must roll, the controller manager.
//!
//! One cluster serves all tests of this binary that ask for it: each works in namespaces of its own.
//! It has neither nodes nor controllers, so that what a test writes stays as it is. Where its programs
//! can't be had (`tests/cluster.sh` says why), these tests are not run, and say so.

mod backup;
pub mod barman;
mod guard;
pub mod programs;
mod rolling;
mod s3_bucket;
pub mod store;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::kubernetes::client::client;
use crate::redis::server::{certificates, free_port};
use crate::simulation::facts;
use guard::{Guard, runs};
use programs::{NOBODY, Plan, ROOT};

/// How long the programs may take to be ready. Not an expectation: a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// A cluster that runs.
pub struct Cluster {
    /// Where the API server listens.
    pub url: String,
    /// The certificate that its own is signed by.
    pub authority: PathBuf,
    etcd: u16,
    guard: Guard,
}

/// The cluster without controllers, which all tests share; none where it can't be run here.
///
/// # Panics
/// It could be run, and does not start.
pub async fn shared() -> Option<Arc<Cluster>> {
    static CLUSTER: OnceCell<Started<Cluster>> = OnceCell::const_new();
    let started = CLUSTER.get_or_init(async || start(false, programs::find(SCRIPT)).await);
    given("API server", started.await.clone())
}

/// A cluster without controllers for one test; none where it can't be run here.
///
/// # Panics
/// It could be run, and does not start.
pub async fn own() -> Option<Arc<Cluster>> {
    given("API server", start(false, programs::find(SCRIPT)).await)
}

/// A cluster with controllers for one test; none where it can't be run here.
///
/// # Panics
/// It could be run, and does not start.
async fn with_controllers() -> Option<Arc<Cluster>> {
    let programs = programs::find(SCRIPT).and_then(|programs| {
        let there = programs.join(CONTROLLERS).exists();
        there
            .then_some(programs)
            .ok_or_else(|| format!("KUBEBUILDER_ASSETS holds no {CONTROLLERS}"))
    });
    given("API server", start(true, programs).await)
}

/// What became of something that is started once for all.
enum Started<T> {
    Runs(Arc<T>),
    /// It can't be run here.
    Not(String),
    /// It could be run, and does not start.
    Fails(String),
}

impl<T> Clone for Started<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Runs(it) => Self::Runs(Arc::clone(it)),
            Self::Not(why) => Self::Not(why.clone()),
            Self::Fails(why) => Self::Fails(why.clone()),
        }
    }
}

async fn start(with_controllers: bool, programs: Result<PathBuf, String>) -> Started<Cluster> {
    let programs = match programs {
        Ok(programs) => programs,
        Err(why) => return Started::Not(why),
    };
    // Another program may take a port before ours does: then ours ends, and we choose again.
    let mut why = String::new();
    for _ in 0..3 {
        match Cluster::start(&programs, with_controllers).await {
            Ok(cluster) => return Started::Runs(Arc::new(cluster)),
            Err(said) => why = said,
        }
        if !why.contains("address already in use") {
            break;
        }
    }
    Started::Fails(why)
}

/// What was started, where it runs. Where it can't, that is told past what hides the words of tests
/// that pass.
fn given<T>(what: &str, started: Started<T>) -> Option<Arc<T>> {
    let why = match started {
        Started::Runs(it) => return Some(it),
        Started::Fails(why) => panic!("a real {what} does not start: {why}"),
        Started::Not(why) => why,
    };
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // In one piece: others tell the same at the same time.
    let told = format!("NOT RUN on a real {what}: {test}: {why}\n");
    std::io::stderr().write_all(told.as_bytes()).expect("somebody who listens");
    None
}

/// What makes the programs of a cluster.
const SCRIPT: &str = "tests/cluster.sh";
const ETCD: &str = "etcd";
const API_SERVER: &str = "kube-apiserver";
/// How many versions there are before the API server starts.
const VERSIONS_BEFORE: u32 = 20;
/// Kubebuilder's own archives come without it.
const CONTROLLERS: &str = "kube-controller-manager";

impl Cluster {
    /// Starts its programs, and waits until the API server is ready.
    ///
    /// # Errors
    /// They end, or it never is; with the ends of their logs.
    async fn start(programs: &Path, with_controllers: bool) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("vigie-cluster-").tempdir();
        let folder = folder.expect("a folder").keep();
        let certificates = certificates(&folder);
        let ports = [free_port(), free_port(), free_port()];
        let plan = Plan { folder: folder.clone(), certificates, ports };
        plan.write();
        let [authority, _, _] = plan.certificates.clone();
        let guard = Guard::start(folder);
        let mut cluster = Self { url: plan.url(), authority, etcd: ports[0], guard };
        let mut children = Vec::new();
        for (name, arguments) in [(ETCD, plan.etcd()), (API_SERVER, plan.api_server())] {
            children.push(cluster.guard.run(name, &programs.join(name), &arguments));
            let end = Instant::now() + PATIENCE;
            while !cluster.is_up(name).await {
                let ended = children.iter().any(|process| !runs(*process));
                if ended || Instant::now() > end {
                    let how = if ended { "ended" } else { "is not ready in time" };
                    let logs = [ETCD, API_SERVER].map(|name| cluster.guard.said(name));
                    return Err(format!(
                        "{name} {how}; the ends of the logs:\n{}",
                        logs.join("\n")
                    ));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        if with_controllers {
            cluster.guard.run(CONTROLLERS, &programs.join(CONTROLLERS), &plan.controllers());
        }
        Ok(cluster)
    }

    async fn is_up(&self, name: &str) -> bool {
        if name == ETCD {
            return self.age().await.is_ok();
        }
        let request = http::Request::get("/readyz").body(Vec::new()).expect("a request");
        self.client(Some(ROOT)).request_text(request).await.is_ok()
    }

    /// Gives etcd a past: the API server remembers nothing from before its start, and so there are
    /// versions that are gone.
    async fn age(&self) -> reqwest::Result<()> {
        for _ in 0..VERSIONS_BEFORE {
            self.make_version().await?;
        }
        Ok(())
    }

    /// Makes a version of etcd's own, and returns its answer.
    async fn make_version(&self) -> reqwest::Result<Value> {
        self.ask_etcd("kv/put", json!({ "key": "cGFzdA==", "value": "" })).await
    }

    /// A client of its own, which repeats nothing by itself: its connections end with the test.
    pub fn client(&self, token: Option<&str>) -> Client {
        client(&self.url, Some(&self.authority), token)
    }

    /// A client of somebody who may do everything.
    pub fn admin(&self) -> Client {
        self.client(Some(ROOT))
    }

    /// Makes etcd forget all versions that anybody has seen.
    async fn compact(&self) {
        let newest = self.make_version().await.expect("a version");
        let compact = json!({ "revision": newest["header"]["revision"], "physical": true });
        self.ask_etcd("kv/compaction", compact).await.expect("a compaction");
    }

    async fn ask_etcd(&self, what: &str, body: Value) -> reqwest::Result<Value> {
        let url = format!("http://127.0.0.1:{}/v3/{what}", self.etcd);
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        client.post(url).json(&body).send().await?.error_for_status()?.json().await
    }
}

#[tokio::test]
async fn the_facts_hold_on_a_real_server() {
    let Some(cluster) = shared().await else { return };
    let (client, stranger) = (cluster.admin(), Some(cluster.client(Some(NOBODY))));
    let anonymous = Some(cluster.client(None));
    let compact: facts::Compact = Box::new(move || {
        let cluster = Arc::clone(&cluster);
        async move { cluster.compact().await }.boxed()
    });
    facts::hold(&facts::Cluster { client, stranger, anonymous, compact: Some(compact) }).await;
}
