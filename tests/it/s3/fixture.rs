//! A store, a daemon's connection to it, and checks of what it holds.

use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::time::Instant;
use vigie::checks::{AnyCheck, Look};
use vigie::model::item::ItemId;
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::model::records::Records;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::s3::{ACCESS_KEY, SECRET_KEY, Store};

use crate::support;

/// The bucket of most tests.
pub const BUCKET: &str = "dumps";
/// The keys of most tests.
pub const KEYS: &str = "%Y-%m-%d/dump-%H%M%S.gz";

/// The time of all tests.
pub fn now() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().expect("a time")
}

/// So many hours before [`now`].
pub fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

/// The key of a dump, by [`KEYS`].
pub fn key(taken: Timestamp) -> String {
    taken.strftime("%Y-%m-%d/dump-%H%M%S.gz").to_string()
}

/// A store and what a daemon knows of it.
pub struct Fixture {
    pub store: Store,
    pub systems: Systems,
    pub secret_file: PathBuf,
    folder: TempDir,
}

impl Fixture {
    /// With an empty bucket [`BUCKET`].
    pub async fn new() -> Self {
        Self::with(Store::start().await.expect("a store"))
    }

    /// Over TLS.
    pub async fn tls() -> Self {
        Self::with(Store::start_tls().await.expect("a store"))
    }

    /// Of a store of one's own.
    pub fn with(store: Store) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let secret_file = folder.path().join("secret");
        std::fs::write(folder.path().join("access"), format!("{ACCESS_KEY}\n")).expect("a file");
        std::fs::write(&secret_file, format!("{SECRET_KEY}\n")).expect("a file");
        let mut connection = connection(&store.endpoint(), &folder);
        if let Some(ca) = store.ca() {
            let file = folder.path().join("ca.pem");
            std::fs::write(&file, ca).expect("a file");
            connection.extend([", ca: { file: ", &file.display().to_string(), " }"]);
        }
        let connections = format!("s3: {{ backups: {{ {connection} }} }}");
        let systems = support::systems(&connections, Clock::manual(now()));
        store.create(BUCKET);
        Self { store, systems, secret_file, folder }
    }

    /// The same store at another endpoint.
    pub fn at(mut self, endpoint: &str) -> Self {
        let connection = connection(endpoint, &self.folder);
        let connections = format!("s3: {{ backups: {{ {connection} }} }}");
        self.systems = support::systems(&connections, Clock::manual(now()));
        self
    }

    /// With daily dumps, the newest taken so many hours ago, of these sizes from the newest on.
    pub fn daily(self, newest: i64, sizes: &[u64]) -> Self {
        let mut taken = ago(newest);
        for size in sizes {
            self.store.put(BUCKET, &key(taken), *size, taken);
            taken -= SignedDuration::from_hours(24);
        }
        self
    }

    /// One look at [`BUCKET`] with [`KEYS`], and these parameters more.
    pub async fn look(&self, more: &str) -> Judgement {
        support::look(&check(KEYS, more), &self.systems).await
    }

    /// One look at the backups of the PostgreSQL server in `pg/`, with these parameters more.
    pub async fn look_at_barman(&self, more: &str) -> Judgement {
        support::look(&barman(more), &self.systems).await
    }

    /// One look at the backups of a MongoDB.
    pub async fn look_at_pbm(&self, more: &str) -> Judgement {
        support::look(&pbm("{}", more), &self.systems).await
    }

    /// One look with keys of another form.
    pub async fn look_for(&self, keys: &str, more: &str) -> Judgement {
        support::look(&check(keys, more), &self.systems).await
    }
}

/// A check of [`BUCKET`]; how old the newest may be does not matter, unless `more` says it.
pub fn check(keys: &str, more: &str) -> String {
    let age = if more.contains("max_age") { "" } else { ", max_age: { fail: 3650d }" };
    let more = if more.is_empty() { age.to_owned() } else { format!("{age}, {more}") };
    format!(
        "backup: {{ connection: backups, bucket: {BUCKET}, layout: {{ objects: {{ keys: {keys:?} \
         }} }}{more} }}"
    )
}

/// A check of the PostgreSQL server in `pg/`; how old the newest may be does not matter, unless `more`
/// says it.
pub fn barman(more: &str) -> String {
    layout("{ barman: { server: pg } }", more)
}

/// The same of a MongoDB.
pub fn pbm(layout: &str, more: &str) -> String {
    self::layout(&format!("{{ pbm: {layout} }}"), more)
}

/// A check of another layout.
pub fn layout(layout: &str, more: &str) -> String {
    let age = if more.contains("max_age") { "" } else { ", max_age: { fail: 3650d }" };
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    format!("backup: {{ connection: backups, bucket: {BUCKET}, layout: {layout}{age}{more} }}")
}

/// One look with a patience of one's own.
pub async fn look_within(
    check: &str,
    systems: &Systems,
    allowed: Duration,
    fresh_within: Duration,
) -> Judgement {
    let check: AnyCheck = serde_saphyr::from_str(check).expect("a check");
    let needs = check.needs();
    let item = ItemId::parse("test").expect("an id");
    let now = systems.clock.now();
    let deadline = Instant::now() + allowed;
    let (records, past) = (&Records::default(), &Past::default());
    let look =
        Look { item: &item, needs: &needs, systems, records, deadline, fresh_within, now, past };
    tokio::time::timeout(allowed, check.run(&look)).await.expect("an answer in time")
}

fn connection(endpoint: &str, folder: &TempDir) -> String {
    let folder = folder.path().display();
    format!(
        "endpoint: \"{endpoint}\", region: test, access_key: {{ file: {folder}/access }}, \
         secret_key: {{ file: {folder}/secret }}"
    )
}
