//! An object store in memory that speaks S3: real signatures and real XML over real sockets.
//!
//! Objects are names, sizes and dates of one's choice; only what is put over the wire has a body.
//! Made for a million keys: a page costs what it shows, whatever lies before and between.

mod backend;
mod barman;
mod content;
mod fault;
mod fill;
mod listing;
mod serve;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub use barman::{BaseBackup, Wals};
pub use content::Kept;
pub use fault::Fault;
pub use fill::{MONGODB_BUCKET, POSTGRES_BUCKET};
pub use serve::WITHOUT_A_KEY;
pub use settings::Settings;

/// The access key that a new store accepts.
pub const ACCESS_KEY: &str = "VIGIESIMULATED";
/// Its secret.
pub const SECRET_KEY: &str = "not-a-secret";

/// A store. It stops when the last clone of it is dropped.
#[derive(Clone)]
pub struct Store {
    held: Arc<Held>,
    address: SocketAddr,
    ca: Option<String>,
    running: Arc<Mutex<Running>>,
}

/// Stops the server when dropped.
struct Running(CancellationToken);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What the store holds.
#[derive(Default)]
struct Held {
    buckets: Mutex<BTreeMap<String, Bucket>>,
    keys: Mutex<BTreeMap<String, String>>,
    requests: Mutex<Vec<&'static str>>,
    fault: Mutex<Option<Fault>>,
    page: Mutex<Option<usize>>,
}

#[derive(Default)]
struct Bucket {
    objects: BTreeMap<Box<str>, Object>,
    bodies: BTreeMap<Box<str>, Bytes>,
    /// How objects are encrypted whose keys begin so.
    kept: Vec<(String, Kept)>,
    settings: Settings,
}

/// What a listing shows of an object, beside its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Timestamp,
}

impl Store {
    /// A store on a free port of loopback, over plain HTTP.
    ///
    /// # Errors
    /// No port is to be had.
    pub async fn start() -> anyhow::Result<Self> {
        Self::serve(None).await
    }

    /// A store over TLS with a certificate for `localhost` from an authority of its own.
    ///
    /// # Errors
    /// No port is to be had.
    pub async fn start_tls() -> anyhow::Result<Self> {
        Self::serve(Some(serve::Tls::new()?)).await
    }

    async fn serve(tls: Option<serve::Tls>) -> anyhow::Result<Self> {
        let held = Arc::new(Held::default());
        let ca = tls.as_ref().map(|tls| tls.ca.clone());
        let (address, stop) = serve::start(Arc::clone(&held), "127.0.0.1:0".parse()?, tls).await?;
        let running = Arc::new(Mutex::new(Running(stop)));
        let store = Self { held, address, ca, running };
        store.accept(ACCESS_KEY, SECRET_KEY);
        Ok(store)
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        match self.ca {
            None => format!("http://{}", self.address),
            Some(_) => format!("https://localhost:{}", self.address.port()),
        }
    }

    /// The certificate of the authority that signed the store's, as PEM; none over plain HTTP.
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// Closes all connections and refuses new ones.
    pub fn stop(&self) {
        locked(&self.running).0.cancel();
    }

    /// Comes back on the same port, over plain HTTP.
    ///
    /// # Errors
    /// Somebody else has taken the port.
    pub async fn start_again(&self) -> anyhow::Result<()> {
        let (_, stop) = serve::start(Arc::clone(&self.held), self.address, None).await?;
        *locked(&self.running) = Running(stop);
        Ok(())
    }

    /// Accepts requests signed with these.
    pub fn accept(&self, access_key: &str, secret_key: &str) {
        locked(&self.held.keys).insert(access_key.to_owned(), secret_key.to_owned());
    }

    /// Accepts them no more.
    pub fn revoke(&self, access_key: &str) {
        locked(&self.held.keys).remove(access_key);
    }

    /// Creates a bucket, if it is not there.
    pub fn create(&self, bucket: &str) {
        locked(&self.held.buckets).entry(bucket.to_owned()).or_default();
    }

    /// Deletes a bucket with all that is in it.
    pub fn delete(&self, bucket: &str) {
        locked(&self.held.buckets).remove(bucket);
    }

    /// Puts an object without a body, and its bucket with it.
    pub fn put(&self, bucket: &str, key: &str, size: u64, modified: Timestamp) {
        self.extend(bucket, [(key.to_owned(), Object { size, modified })]);
    }

    /// Puts many.
    pub fn extend(&self, bucket: &str, objects: impl IntoIterator<Item = (String, Object)>) {
        let mut buckets = locked(&self.held.buckets);
        let objects = objects.into_iter().map(|(key, object)| (key.into_boxed_str(), object));
        buckets.entry(bucket.to_owned()).or_default().objects.extend(objects);
    }

    /// Deletes an object.
    pub fn remove(&self, bucket: &str, key: &str) {
        if let Some(bucket) = locked(&self.held.buckets).get_mut(bucket) {
            bucket.objects.remove(key);
            bucket.bodies.remove(key);
        }
    }

    /// Deletes the objects whose key and description satisfy `which`; returns them.
    pub fn remove_all(
        &self,
        bucket: &str,
        mut which: impl FnMut(&str, &Object) -> bool,
    ) -> Vec<(String, Object)> {
        let mut buckets = locked(&self.held.buckets);
        let Some(bucket) = buckets.get_mut(bucket) else { return Vec::new() };
        let removed = bucket.objects.extract_if(.., |key, object| which(key, object));
        removed.map(|(key, object)| (key.into_string(), object)).collect()
    }

    /// The keys of a bucket.
    pub fn keys(&self, bucket: &str) -> BTreeSet<String> {
        let buckets = locked(&self.held.buckets);
        let keys = buckets.get(bucket).into_iter().flat_map(|bucket| bucket.objects.keys());
        keys.map(ToString::to_string).collect()
    }

    /// Gives at most so many names a page, as a store may.
    pub fn set_page(&self, most: usize) {
        *locked(&self.held.page) = Some(most);
    }

    /// Puts a fault into the store, or takes it out.
    pub fn set_fault(&self, fault: Option<Fault>) {
        *locked(&self.held.fault) = fault;
    }

    /// How many requests were answered, by the operation's name.
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for operation in locked(&self.held.requests).iter() {
            *counts.entry(*operation).or_default() += 1;
        }
        counts
    }

    /// How many requests were answered.
    pub fn request_count(&self) -> usize {
        locked(&self.held.requests).len()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
