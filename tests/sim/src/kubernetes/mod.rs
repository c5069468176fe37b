//! A simulated Kubernetes API server on loopback: `kubectl get -w` and kube's client work with it.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use serde_json::json;
//! use vigie_sim::kubernetes::{Act, ApiServer, Blow, Fault, Rule, Settings, User, Voice};
//!
//! let server = ApiServer::start(Settings::default()).await?;      // stops when the last clone drops
//! server.apply(json!({ "apiVersion": "v1", "kind": "Pod",           // made or replaced as a whole,
//!     "metadata": { "namespace": "shop", "name": "web-1" },         // its namespace too
//!     "spec": {}, "status": { "phase": "Running" } }))?;
//! server.patch("pods/shop/web-1", &json!({ "status": { "phase": "Failed" } }))?; // a merge patch
//! server.log("shop/web-1", "web", &["started"]);
//! server.delete("pods/shop/web-1")?;
//! server.register(vigie_sim::kubernetes::Kind::custom("cert-manager.io/v1", "Certificate", "certificates"));
//! server.load(&vigie_sim::kubernetes::pods::typical("shop", "web"), 10_000, 50)?;
//!
//! server.inject(Fault::new(Act::Status { code: 429, retry_after: Some(1) }).verb("list").times(2));
//! server.inject(Fault::new(Act::CutAfter(10_000)).resource("pods").times(1));
//! server.speak(Voice::Silent);                                      // and Voice::Speaking again
//! server.blow(Blow::Cut);                                           // on all open watches
//! server.expire_history();                                          // older versions are gone: 410
//! server.refuse().await;                                            // the port refuses …
//! server.listen().await;                                            // … and is back
//! server.admit("s3cret", User::new("vigie", vec![Rule::cluster(&["list"], &[""], &["pods"])]));
//! server.behave(|behaviour| behaviour.streaming_lists = false);
//! server.heal();                                                    // no fault is left
//!
//! server.write_kubeconfig("kubeconfig".as_ref(), Some("s3cret"))?;
//! assert_eq!(server.count("list", "pods"), 0);                      // from the log of requests
//! # Ok(()) }
//! ```
//!
//! Law: it says what a real server says; where it must differ, the difference is written where it is
//! made. No controllers run: [`workloads`] and [`story`] write what they would have written, and
//! [`trackdechets`] furnishes a whole cluster.

mod access;
mod call;
mod discovery;
mod failure;
mod faults;
mod hashes;
mod identity;
mod kinds;
mod list;
mod managed_fields;
mod memory;
mod object;
mod patch;
mod pod_logs;
pub mod pods;
mod rbac;
mod review;
mod route;
mod selector;
mod serve;
mod settings;
mod store;
pub mod story;
mod table;
mod template;
pub mod trackdechets;
mod traffic;
mod usage;
mod watch;
pub mod workloads;
mod write;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, oneshot, watch as channel};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use access::{Rule, User};
pub use failure::Failure;
pub use faults::{Act, Blow, Fault, Voice};
pub use kinds::Kind;
pub use memory::{Changes, Memory};
pub use settings::{Behaviour, Settings, Version};
pub use traffic::Request;
pub use usage::{Metrics, Volume};

use object::now;
use serve::{Order, Orders};
use store::Store;
use template::Template;
use write::{Dialect, Part};

/// What handlers share.
#[derive(Debug)]
struct Shared {
    store: Mutex<Store>,
    access: Mutex<access::Access>,
    faults: Mutex<Vec<Fault>>,
    behaviour: Mutex<Behaviour>,
    logs: Mutex<pod_logs::PodLogs>,
    usage: Mutex<usage::Usage>,
    traffic: traffic::Traffic,
    voice: channel::Sender<Voice>,
    blows: broadcast::Sender<Blow>,
}

/// Locks, whatever happened to who held it before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running server. Clones are handles of the same one; it stops when the last is dropped.
#[derive(Clone, Debug)]
pub struct ApiServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    authority: Option<Arc<str>>,
    orders: Orders,
    _stop: Arc<DropGuard>,
}

impl ApiServer {
    /// Starts a server on a free port of 127.0.0.1. It holds the namespaces `default` and
    /// `kube-system`, and lets everybody do everything until the first token is admitted.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let identity = if settings.tls { Some(identity::Identity::generate()?) } else { None };
        let shared = Arc::new(Shared {
            store: Mutex::new(Store::new(settings.history)),
            access: Mutex::default(),
            faults: Mutex::default(),
            behaviour: Mutex::default(),
            logs: Mutex::default(),
            usage: Mutex::default(),
            traffic: traffic::Traffic::default(),
            voice: channel::Sender::new(Voice::Speaking),
            blows: broadcast::Sender::new(16),
        });
        let router = Router::new().fallback(route::handle).with_state(Arc::clone(&shared));
        let stop = CancellationToken::new();
        let authority = identity.as_ref().map(|identity| identity.authority.as_str().into());
        let tls = identity.map(|identity| identity.acceptor);
        let orders =
            serve::serve(listener, address, router, tls, Arc::clone(&shared), stop.clone());
        let stop = Arc::new(stop.drop_guard());
        let server = Self { shared, address, authority, orders, _stop: stop };
        for name in ["default", "kube-system"] {
            server.make_namespace(name).map_err(io::Error::other)?;
        }
        Ok(server)
    }

    fn make_namespace(&self, name: &str) -> Result<Value, Failure> {
        self.apply(serde_json::json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "name": name, "labels": { "kubernetes.io/metadata.name": name } },
            "spec": { "finalizers": ["kubernetes"] },
            "status": { "phase": "Active" },
        }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://…` or `https://…`.
    pub fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The certificate of its authority in PEM, where it speaks TLS.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Writes a kubeconfig for `kubectl` and kube.
    pub fn write_kubeconfig(&self, path: &Path, token: Option<&str>) -> io::Result<()> {
        identity::write_kubeconfig(path, &self.url(), self.authority(), token)
    }

    /// Writes `token`, `namespace` and `ca.crt` into `folder`, as a pod finds them.
    pub fn write_service_account(
        &self,
        folder: &Path,
        token: &str,
        namespace: &str,
    ) -> io::Result<()> {
        identity::write_service_account(folder, self.authority(), token, namespace)
    }
}

/// What it holds.
impl ApiServer {
    /// Makes a kind known; to HTTP clients it is as if its definition had been applied.
    pub fn register(&self, kind: Kind) {
        lock(&self.shared.store).register(kind);
    }

    /// Creates `object`, or replaces it as a whole, status included. A missing namespace is made.
    pub fn apply(&self, object: Value) -> Result<Value, Failure> {
        write::apply(&mut lock(&self.shared.store), object)
    }

    /// Applies a merge patch to the whole object at `path`: `pods/namespace/name`, `nodes/name`,
    /// `deployments.apps/namespace/name`.
    pub fn patch(&self, path: &str, changes: &Value) -> Result<Value, Failure> {
        let mut store = lock(&self.shared.store);
        let (kind, key) = write::place(&store, path)?;
        write::patch(&mut store, &kind, &key, changes, Dialect::Merge, Part::Whole)
    }

    /// Deletes the object at `path`; a namespace takes its objects with it.
    pub fn delete(&self, path: &str) -> Result<Value, Failure> {
        let mut store = lock(&self.shared.store);
        let (kind, key) = write::place(&store, path)?;
        write::delete(&mut store, &kind, &key)
    }

    /// The object at `path`.
    pub fn get(&self, path: &str) -> Option<Value> {
        let store = lock(&self.shared.store);
        let (kind, key) = write::place(&store, path).ok()?;
        store.get(&kind, &key).ok().map(|object| object.value(&kind))
    }

    /// All objects of a resource in `namespace`, or everywhere.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Result<Vec<Value>, Failure> {
        let store = lock(&self.shared.store);
        let kind = store.called(resource)?;
        let all = store.collection(&kind)?.objects.iter();
        let here = all.filter(|(key, _)| namespace.is_none_or(|namespace| namespace == &*key.0));
        Ok(here.map(|(_, object)| object.value(&kind)).collect())
    }

    /// Loads `count` objects like `template` at once, without history, spread over `nodes` nodes.
    /// They are named by the template's `generateName` and a number from 0; the texts `<name>`,
    /// `<namespace>`, `<revision>`, `<uid>`, `<index>`, `<ip>` and `<node>` in the template become
    /// each object's own. Nothing else of the template may differ between them.
    pub fn load(&self, template: &Value, count: u32, nodes: usize) -> Result<(), Failure> {
        let mut store = lock(&self.shared.store);
        let kind = store.kind_of(template)?;
        let text = |name: &str| template["metadata"][name].as_str().unwrap_or_default();
        let (prefix, namespace) = (text("generateName"), Arc::<str>::from(text("namespace")));
        let first = store.take_numbers(count);
        let made = Arc::new(Template::new(&kind, template, nodes, first));
        store.load(&kind, count, |number, revision| {
            let name = format!("{prefix}{number}").into();
            made.make(number, (Arc::clone(&namespace), name), revision)
        })
    }

    /// Adds lines to the log of a container of `pod` (`namespace/name`), written now.
    pub fn log(&self, pod: &str, container: &str, lines: &[&str]) {
        self.log_at(pod, container, lines, now());
    }

    /// The same, written at `at`.
    pub fn log_at(&self, pod: &str, container: &str, lines: &[&str], at: Timestamp) {
        let written: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
        self.write_log(pod, container, written.as_bytes(), at);
    }

    /// Adds bytes, written at `at`: lines, of which the last may lack its end.
    pub fn write_log(&self, pod: &str, container: &str, written: &[u8], at: Timestamp) {
        lock(&self.shared.logs).add(pod, container, written, at);
    }

    /// What the container wrote so far becomes the log of its previous run.
    pub fn turn_log(&self, pod: &str, container: &str) {
        lock(&self.shared.logs).turn(pod, container);
    }

    /// The newest version.
    pub fn revision(&self) -> u64 {
        lock(&self.shared.store).revision
    }
}

/// Who may do what.
impl ApiServer {
    /// Lets the bearer of `token` in as `user`. From the first token on, nobody gets in without one.
    pub fn admit(&self, token: &str, user: User) {
        lock(&self.shared.access).admit(token, user);
    }

    /// Takes a token back; returns whose it was.
    pub fn revoke(&self, token: &str) -> Option<User> {
        lock(&self.shared.access).revoke(token)
    }

    /// Gives the user of `old` the token `new` instead.
    pub fn rotate(&self, old: &str, new: &str) {
        let mut access = lock(&self.shared.access);
        if let Some(user) = access.revoke(old) {
            access.admit(new, user);
        }
    }
}

/// What it does wrong.
impl ApiServer {
    /// Adds a fault; those added first strike first.
    pub fn inject(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// Sets how much it says.
    pub fn speak(&self, voice: Voice) {
        self.shared.voice.send_replace(voice);
    }

    /// Strikes all open watches; returns how many there were.
    pub fn blow(&self, blow: Blow) -> usize {
        self.shared.blows.send(blow).unwrap_or_default()
    }

    /// Makes every version older than now unknown: watches and pages from there are expired. Open
    /// watches go on.
    pub fn expire_history(&self) {
        lock(&self.shared.store).expire_history();
    }

    /// Changes its behaviour.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.shared.behaviour));
    }

    /// Stops listening and cuts all connections; connecting is refused when this returns.
    pub async fn refuse(&self) {
        self.order(Order::Refuse).await;
    }

    /// Listens again, on the same port.
    pub async fn listen(&self) {
        self.order(Order::Listen).await;
    }

    /// Cuts all connections, idle ones too.
    pub async fn drop_connections(&self) {
        self.order(Order::Drop).await;
    }

    async fn order(&self, order: Order) {
        let (done, obeyed) = oneshot::channel();
        if self.orders.send((order, done)).is_ok() {
            // An error says that the port is gone, and with it what the order was about.
            drop(obeyed.await);
        }
    }

    /// Takes all faults back, and speaks; whether it listens and behaves otherwise is left as it is.
    pub fn heal(&self) {
        lock(&self.shared.faults).clear();
        self.speak(Voice::Speaking);
    }
}

/// What it was asked.
impl ApiServer {
    /// The requests so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.traffic.requests()
    }

    /// How many requests had this verb and resource, as `list`, `pods` or `get`, `pods/log`.
    pub fn count(&self, verb: &str, resource: &str) -> usize {
        let asked = |request: &&Request| request.verb == verb && request.resource == resource;
        self.requests().iter().filter(asked).count()
    }

    /// Forgets requests and bytes so far.
    pub fn forget_requests(&self) {
        self.shared.traffic.forget();
    }

    /// How many bytes of bodies it sent.
    pub fn bytes_sent(&self) -> u64 {
        self.shared.traffic.bytes()
    }

    /// How many watches of a resource are open.
    pub fn open_watches(&self, resource: &str) -> usize {
        self.shared.traffic.open_watches(resource)
    }
}
