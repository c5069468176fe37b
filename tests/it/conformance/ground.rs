//! A place for objects and for looks at them: a namespace of its own on an API server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::Instant;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie::systems::kubernetes::{Kubernetes, Pace};
use vigie_sim::kubernetes::{ApiServer, Settings, User};

use super::rights::{self, ACCOUNT};
use super::server::{PAUSE, Server};
use crate::kubernetes::brisk;
use crate::kubernetes::client::client;
use crate::{real, support};

/// A pace that tests can wait for. A real server's bookmarks come every minute.
fn pace() -> Pace {
    Pace { silence: Pace::default().silence, ..brisk() }
}

/// How long a look may take to say what it is to say. Not an expectation: a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace of its own on an API server, simulated or real.
pub struct Ground {
    place: Place,
    /// Somebody who may do everything.
    server: Server,
    namespace: String,
    clock: Clock,
    visitors: Mutex<BTreeMap<String, Visitor>>,
    beside: Mutex<Vec<String>>,
    folder: TempDir,
}

enum Place {
    Simulated(ApiServer),
    Real(Arc<real::Cluster>),
}

/// A Vigie with an account of its own, and with what it remembers.
struct Visitor {
    systems: Systems,
    past: Past,
}

/// The token of who may do everything, on the simulation.
const ROOT: &str = "root";

impl Ground {
    /// On a simulated API server of its own.
    pub async fn simulated() -> Self {
        let server = ApiServer::start(Settings::default()).await.expect("a simulated API server");
        server.admit(ROOT, User::admin());
        let admin = client(&server.url(), None, Some(ROOT));
        Self::on(Place::Simulated(server), Server(admin)).await
    }

    /// On a real API server that others use as well.
    pub async fn real(cluster: Arc<real::Cluster>) -> Self {
        let admin = cluster.admin();
        Self::on(Place::Real(cluster), Server(admin)).await
    }

    async fn on(place: Place, server: Server) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let namespace = format!("case-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        server.namespace(&namespace).await;
        Self {
            place,
            server,
            namespace,
            clock: Clock::manual(Clock::System.now()),
            visitors: Mutex::default(),
            beside: Mutex::default(),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A name that no other case uses, for what lives in no namespace.
    pub fn own(&self, name: &str) -> String {
        format!("{name}-{}", self.namespace)
    }

    /// Somebody who may do everything, for what is not done here.
    pub fn admin(&self) -> kube::Client {
        self.server.0.clone()
    }

    /// Creates an object, or replaces it: first the object, then its status, where it has one.
    /// Objects of namespaced kinds go into the ground's own namespace. What the server made of it is
    /// returned.
    pub async fn put(&self, object: Value) -> Value {
        self.server.put(object, &self.namespace).await
    }

    /// Deletes an object, which must be there: its kind and its name are what count.
    pub async fn remove(&self, object: &Value) {
        self.server.remove(object, &self.namespace).await;
    }

    /// Defines namespaced custom resources of `api_version` (`cert-manager.io/v1`), with a status and
    /// without a schema, and waits until they are served.
    pub async fn define(&self, api_version: &str, kind: &str, plural: &str) {
        self.server.define(api_version, kind, plural, true).await;
    }

    /// The same, of a kind whose objects live in no namespace.
    pub async fn define_cluster_wide(&self, api_version: &str, kind: &str, plural: &str) {
        self.server.define(api_version, kind, plural, false).await;
    }

    /// The configurations of all that look from now on hold this check as well: they have its rights,
    /// and ask for them.
    pub async fn beside(&self, check: &str) {
        self.beside.lock().await.push(check.to_owned());
    }

    /// Lets Vigie's clock go on.
    pub fn advance(&self, minutes: i64) {
        self.clock.set(self.clock.now() + SignedDuration::from_mins(minutes));
    }

    /// The check passes, at once or in a moment.
    pub async fn passes(&self, check: &str) -> Judgement {
        self.says(check, Verdict::Pass, None).await
    }

    /// The check warns for this reason.
    pub async fn warns(&self, check: &str, reason: &'static str) -> Judgement {
        self.says(check, Verdict::Warn, Some(reason)).await
    }

    /// The check fails for this reason.
    pub async fn fails(&self, check: &str, reason: &'static str) -> Judgement {
        self.says(check, Verdict::Fail, Some(reason)).await
    }

    /// The check can't tell for this reason.
    pub async fn blind(&self, check: &str, reason: &'static str) -> Judgement {
        self.says(check, Verdict::Unknown, Some(reason)).await
    }

    /// Without the rights on one resource (`pods`, `deployments.apps`) that `vigie rbac` gives it, the
    /// check says that it is forbidden; the judgement may hold other lines.
    pub async fn lacks(&self, check: &str, resource: &str) -> Judgement {
        let is_said = |judgement: &Judgement| {
            let lines = judgement.lines();
            lines.iter().any(|line| line.reason == Some(Reason::FORBIDDEN))
        };
        self.looked(check, resource, is_said, "a line that is Forbidden").await
    }

    /// Without the rights on one resource the check fails for this reason.
    pub async fn fails_without(
        &self,
        check: &str,
        resource: &str,
        reason: &'static str,
    ) -> Judgement {
        let reason = Some(Reason::new(reason));
        let is_said = |judgement: &Judgement| {
            (judgement.verdict(), judgement.reason()) == (Verdict::Fail, reason)
        };
        self.looked(check, resource, is_said, "another failure").await
    }

    /// Looks until the judgement is as `wanted` describes.
    pub async fn sees(
        &self,
        check: &str,
        wanted: &str,
        is_so: impl Fn(&Judgement) -> bool,
    ) -> Judgement {
        self.looked(check, "", is_so, wanted).await
    }

    async fn says(&self, check: &str, verdict: Verdict, reason: Option<&'static str>) -> Judgement {
        let reason = reason.map(Reason::new);
        let is_said =
            |judgement: &Judgement| (judgement.verdict(), judgement.reason()) == (verdict, reason);
        let wanted = format!("{verdict} {}", reason.map(Reason::code).unwrap_or_default());
        self.looked(check, "", is_said, &wanted).await
    }

    /// Looks until it is said; whoever looks has all rights that `vigie rbac` gives for the check, but
    /// those on the resource that is `lacking`. Same rights, same visitor.
    async fn looked(
        &self,
        check: &str,
        lacking: &str,
        is_said: impl Fn(&Judgement) -> bool,
        wanted: &str,
    ) -> Judgement {
        let mut visitors = self.visitors.lock().await;
        let who = format!("{lacking} {check}");
        if !visitors.contains_key(&who) {
            let home = self.own(&format!("vigie-{}", visitors.len()));
            visitors.insert(who.clone(), self.visitor(&home, check, lacking).await);
        }
        let Visitor { systems, past } = visitors.get_mut(&who).expect("a visitor");
        let end = Instant::now() + PATIENCE;
        loop {
            let judgement = support::look_back(check, systems, past).await;
            if is_said(&judgement) {
                return judgement;
            }
            assert!(
                Instant::now() < end,
                "{wanted} wanted of {check}; this came: {:#?}",
                judgement.lines()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A Vigie with its account in a namespace `home`, which may do what its configuration needs, but
    /// for what is `lacking`, and no more.
    async fn visitor(&self, home: &str, check: &str, lacking: &str) -> Visitor {
        let beside = self.beside.lock().await;
        let checks: Vec<&str> = beside.iter().map(String::as_str).chain([check]).collect();
        let demands = rights::demands(&checks);
        let (mut plurals, undiscovered) = rights::undiscovered(&demands);
        for resource in undiscovered {
            let plural = self.server.plural(&resource).await;
            plurals.insert(resource, plural);
        }
        self.server.namespace(home).await;
        let mut objects = rights::objects(&demands, home, &plurals);
        let taken = !lacking.is_empty() && rights::take_away(&mut objects, lacking);
        assert_eq!(taken, !lacking.is_empty(), "{lacking} is not needed: {check}");
        for object in &objects {
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            self.server.put(object.clone(), namespace).await;
        }
        let (url, authority, token) = self.admit(home).await;
        let visitor = Server(client(&url, authority.as_deref(), Some(&token)));
        let end = Instant::now() + PATIENCE;
        for question in objects.iter().flat_map(rights::questions) {
            while !visitor.may(question.clone()).await {
                assert!(Instant::now() < end, "never granted: {question}");
                tokio::time::sleep(PAUSE).await;
            }
        }
        let file = self.folder.path().join(home);
        std::fs::write(&file, token).expect("a file");
        let authority = authority.map_or("null".to_owned(), |path| path.display().to_string());
        let connection = format!(
            "{{ server: {{ url: '{url}', token: {{ file: '{}' }}, ca: {authority} }} }}",
            file.display()
        );
        let connection = vigie::config::yaml::from_str(&connection).expect("a connection");
        let mut systems = support::systems("{}", self.clock.clone());
        systems.kubernetes = Kubernetes::paced(connection, self.clock.clone(), pace());
        systems.kubernetes.expect(demands);
        Visitor { systems, past: Past::default() }
    }

    /// Where the server is, whom it is signed by, and a token for the service account in `home`.
    async fn admit(&self, home: &str) -> (String, Option<PathBuf>, String) {
        match &self.place {
            Place::Simulated(server) => {
                let user = format!("system:serviceaccount:{home}:{ACCOUNT}");
                server.admit(&user, User::new(&user, Vec::new()));
                (server.url(), None, user)
            }
            Place::Real(cluster) => {
                let path = format!("/api/v1/namespaces/{home}/serviceaccounts/{ACCOUNT}/token");
                let request = json!({
                    "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {},
                });
                let answer = self.server.must(Method::POST, &path, request).await;
                let token = answer["status"]["token"].as_str().expect("a token").to_owned();
                (cluster.url.clone(), Some(cluster.authority.clone()), token)
            }
        }
    }
}
