//! Kubernetes, watched over real sockets.
//!
//! What a real API server can do as well (create, change and delete objects, admit and refuse
//! tokens) goes through [`Cluster`] alone; what only a simulated one can do (go silent, cut, lie) is
//! asked of `cluster.server` by the tests that need it.

mod access;
pub mod client;
mod forms;
mod rights;
mod secret;
mod stream;
pub mod trouble;
mod watched;
mod weather;

use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie::systems::kubernetes::access::Connection;
use vigie::systems::kubernetes::{Kubernetes, Pace};
use vigie::systems::secrets::Secrets;
use vigie_sim::kubernetes::{ApiServer, Settings};

use crate::support;

/// The namespace in which tests put their objects.
pub const NAMESPACE: &str = "shop";

/// A cluster, and Vigie's connection to it.
pub struct Cluster {
    pub server: ApiServer,
    pub clock: Clock,
    pub systems: Systems,
    folder: TempDir,
}

/// A pace that tests can wait for.
pub fn brisk() -> Pace {
    Pace {
        silence: Duration::from_secs(60),
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(100),
        ..Pace::default()
    }
}

impl Cluster {
    pub async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    pub async fn start_with(settings: Settings) -> Self {
        let server = ApiServer::start(settings).await.expect("a simulated API server");
        let clock = Clock::manual(Clock::System.now());
        let folder = tempfile::tempdir().expect("a folder");
        let systems = support::systems("{}", clock.clone());
        let mut cluster = Self { server, clock, systems, folder };
        let connection = cluster.connection("");
        cluster.connect(&connection, brisk());
        cluster
    }

    /// The connection to the server's URL; `more` are further keys.
    pub fn connection(&self, more: &str) -> String {
        format!("{{ server: {{ url: '{}', {more} }} }}", self.server.url())
    }

    /// Connects anew; `connection` is what stands under `connections.kubernetes`.
    pub fn connect(&mut self, connection: &str, pace: Pace) {
        let connection: Connection =
            serde_saphyr::from_str(connection).unwrap_or_else(|e| panic!("{connection}: {e}"));
        self.systems.kubernetes = Kubernetes::paced(connection, self.clock.clone(), pace);
    }

    /// Systems whose secrets are read from this cluster.
    pub fn systems_with_secrets(&self) -> Systems {
        let secrets = Secrets::with(self.systems.kubernetes.clone());
        Systems { secrets, ..self.systems.clone() }
    }

    /// A file with this content.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// The folder of its files.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Creates an object, or replaces it, status included.
    pub fn put(&self, object: Value) {
        self.server.apply(object).expect("an object that the server takes");
    }

    /// Deletes the object at `path`, such as `pods/shop/web`.
    pub fn remove(&self, path: &str) {
        self.server.delete(path).expect("an object that is there");
    }

    /// Lets Vigie's clock go on.
    pub fn advance(&self, minutes: i64) {
        self.clock.set(self.clock.now() + SignedDuration::from_mins(minutes));
    }

    pub async fn look(&self, check: &str) -> Judgement {
        support::look(check, &self.systems).await
    }

    /// Looks until the check gives this reason.
    pub async fn look_until(&self, check: &str, reason: Reason) -> Judgement {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let judgement = self.look(check).await;
            if judgement.reason() == Some(reason) || tokio::time::Instant::now() > end {
                return judgement;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// How long tests wait for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until the answer is good, returns the last answer.
pub async fn until<T>(mut ask: impl AsyncFnMut() -> T, good: impl Fn(&T) -> bool) -> T {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = ask().await;
        if good(&answer) || tokio::time::Instant::now() > end {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The time by which objects are stamped.
pub fn now() -> Timestamp {
    let now = Clock::System.now();
    Timestamp::from_second(now.as_second()).expect("a time")
}

/// A pod of one container that runs and is ready.
pub fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "namespace": NAMESPACE, "name": name, "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "web", "image": "registry.example/web:1" }] },
        "status": {
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": now() }],
            "containerStatuses": [{
                "name": "web", "image": "registry.example/web:1", "imageID": "", "ready": true,
                "restartCount": 0, "state": { "running": { "startedAt": now() } },
            }],
        },
    })
}

/// A Deployment of two replicas that is as desired.
pub fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "namespace": NAMESPACE, "name": name },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "web", "image": "registry.example/web:1" }] },
            },
        },
        "status": {
            "observedGeneration": 1,
            "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
            "conditions": [
                { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
            ],
        },
    })
}

/// The same object with another value at a pointer.
pub fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    object.pointer_mut(parent).expect("a parent")[name] = value;
    object
}
