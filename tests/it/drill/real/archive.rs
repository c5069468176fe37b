//! The object store: MinIO with the town's buckets, closed and encrypted, and in them what
//! `barman-cli-cloud` truly wrote of a PostgreSQL, and MongoDB's backups as the town has them.
//!
//! What barman wrote is from today: daily backups since before the deployment are copies of it under
//! other dates.

use std::sync::Arc;

use anyhow::Result;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::json;
use tokio::sync::Mutex;
use vigie_sim::kubernetes::trackdechets::NAMESPACE;
use vigie_sim::s3::{ACCESS_KEY, MONGODB_BUCKET, POSTGRES_BUCKET, SECRET_KEY};
use vigie_sim::town::Town;

use crate::real::barman::{self, Barman, SERVER};
use crate::real::store::{Store, client};

/// The application's buckets.
const BUCKETS: [&str; 8] = [
    "trackdechets",
    "trackdechets-registry-errors",
    "trackdechets-registry-imports",
    "trackdechets-registry-exports",
    "trackdechets-texs-analysis",
    "trackdechets-registry-models",
    "trackdechets-registry-exhaustive-exports",
    "trackdechets-bsd-templates",
];
/// The bucket that is left open.
const EXPORTS: &str = BUCKETS[3];
/// The bucket that is lost.
const IMPORTS: &str = BUCKETS[2];
/// The fewest days of which there are backups: when all but the oldest are lost, it is too old.
const DAYS: usize = 4;
/// How PostgreSQL's server is called in its bucket.
const FOLDER: &str = "postgres/";

/// The store, filled.
pub struct Archive {
    written: Arc<Barman>,
    /// The names of the base backups, oldest first.
    backups: Vec<String>,
}

impl Archive {
    /// Fills the store that all tests share; none where it can't be run here.
    pub async fn open(town: &Town) -> Option<Self> {
        let written = barman::shared().await?;
        let store = &written.store;
        for bucket in BUCKETS.into_iter().chain([POSTGRES_BUCKET, MONGODB_BUCKET]) {
            store.create(bucket).await;
            store.administer(&["encrypt", "set", "sse-s3", &format!("store/{bucket}")]).await;
        }
        let buckets: Vec<_> =
            BUCKETS.into_iter().chain([POSTGRES_BUCKET, MONGODB_BUCKET]).collect();
        store.user(ACCESS_KEY, SECRET_KEY, &buckets, &["s3:*"]).await;
        let of_today = written.backups().await;
        let mut archive = Self { written, backups: Vec::new() };
        archive.bring_postgres(&of_today, town.deployed()).await;
        archive.bring_mongodb(town).await;
        archive.tell(town).expect("the cluster takes it");
        Some(archive)
    }

    /// The store's URL.
    pub fn endpoint(&self) -> &str {
        &self.store().endpoint
    }

    fn store(&self) -> &Store {
        &self.written.store
    }

    /// Brings the log and the newest backup as they were written, and the one before it as that of
    /// every day since before the deployment, and of [`DAYS`] at least.
    async fn bring_postgres(&mut self, of_today: &[String], deployed: Timestamp) {
        let [first, newest] = of_today else { panic!("two backups: {of_today:?}") };
        for key in self.written.store.keys(&self.written.bucket, "").await {
            if !key.contains(&format!("/base/{first}/")) {
                self.bring(&key, &key.replacen(SERVER, FOLDER.trim_end_matches('/'), 1)).await;
            }
        }
        let (today, time) = first.split_once('T').expect("a backup's name");
        let mut day: Date = today.parse().expect("a date");
        let is_before = |day: Date| {
            let name = format!("{}T{time}", day.strftime("%Y%m%d"));
            *name < *deployed.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%S").to_string()
        };
        while self.backups.len() < DAYS || !is_before(day) {
            day -= 1.day();
            self.back_date(first, day).await;
        }
        self.backups.reverse();
        self.backups.push(newest.clone());
    }

    async fn bring(&self, key: &str, new: &str) {
        self.store().copy(&self.written.bucket, POSTGRES_BUCKET, (key, new)).await;
    }

    /// Copies a backup of today to another day.
    async fn back_date(&mut self, backup: &str, day: Date) {
        let (today, time) = backup.split_once('T').expect("a backup's name");
        let name = format!("{}T{time}", day.strftime("%Y%m%d"));
        let from = format!("{SERVER}/base/{backup}/");
        for key in self.store().keys(&self.written.bucket, &from).await {
            let file = key.rsplit('/').next().expect("a name");
            self.bring(&key, &format!("{FOLDER}base/{name}/{file}")).await;
        }
        let today: Date = today.parse().expect("a date");
        self.rewrite(&name, |text| text.replace(&today.to_string(), &day.to_string())).await;
        self.backups.push(name);
    }

    /// Writes the `backup.info` of a backup anew.
    async fn rewrite(&self, backup: &str, how: impl FnOnce(String) -> String) {
        let key = format!("{FOLDER}base/{backup}/backup.info");
        let text = self.store().read(POSTGRES_BUCKET, &key).await;
        let text = how(String::from_utf8(text).expect("text"));
        self.store().write(POSTGRES_BUCKET, &key, text).await;
    }

    /// Copies what is in the town's store.
    async fn bring_mongodb(&self, town: &Town) {
        let simulated = client(&town.s3.endpoint(), ACCESS_KEY, SECRET_KEY);
        let list = simulated.list_objects_v2().bucket(MONGODB_BUCKET).send().await;
        for object in list.expect("a listing").contents() {
            let key = object.key().expect("a key");
            let found = simulated.get_object().bucket(MONGODB_BUCKET).key(key).send().await;
            let body = match found {
                Ok(object) => object.body.collect().await.expect("a body").to_vec(),
                Err(_) => b"data".to_vec(),
            };
            self.store().write(MONGODB_BUCKET, key, body).await;
        }
    }

    /// Has the cluster's objects name this store, and the newest backup in it.
    fn tell(&self, town: &Town) -> Result<()> {
        let (kubernetes, endpoint) = (&town.kubernetes, self.endpoint());
        let kind = "backups.postgresql.cnpg.io";
        for object in kubernetes.list(kind, Some(NAMESPACE))? {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            kubernetes.delete(&format!("{kind}/{NAMESPACE}/{name}"))?;
        }
        let [oldest, newest] = [self.backups.first(), self.backups.last()];
        let [oldest, newest] = [oldest, newest].map(|name| name.expect("a backup"));
        self.tell_of(town, newest)?;
        let at = began(newest);
        let schedules = format!("scheduledbackups/{NAMESPACE}/postgres-backup-schedule");
        let schedule = at.strftime("%-S %-M %-H * * *").to_string();
        let schedule =
            json!({ "spec": { "schedule": schedule }, "status": { "lastScheduleTime": at } });
        kubernetes.patch(&schedules, &schedule)?;
        let store = json!({ "endpointURL": endpoint });
        let cluster = json!({
            "spec": { "backup": { "barmanObjectStore": store } },
            "status": { "firstRecoverabilityPoint": began(oldest), "lastSuccessfulBackup": at },
        });
        kubernetes.patch(&format!("clusters.postgresql.cnpg.io/{NAMESPACE}/postgres"), &cluster)?;
        let storage = json!({ "s3-backup": { "s3": { "endpointUrl": endpoint } } });
        let mongodb = json!({ "spec": { "backup": { "storages": storage } } });
        kubernetes.patch(&format!("perconaservermongodbs/{NAMESPACE}/mongodb"), &mongodb)?;
        Ok(())
    }

    /// What the operator says of a backup.
    fn tell_of(&self, town: &Town, backup: &str) -> Result<()> {
        let at = began(backup);
        town.kubernetes.apply(json!({
            "apiVersion": "postgresql.cnpg.io/v1", "kind": "Backup",
            "metadata": {
                "name": format!("postgres-{}", backup.to_lowercase()), "namespace": NAMESPACE,
            },
            "spec": { "cluster": { "name": "postgres" }, "method": "barmanObjectStore" },
            "status": {
                "phase": "completed", "method": "barmanObjectStore", "startedAt": at,
                "stoppedAt": at, "backupId": backup, "serverName": "postgres",
                "destinationPath": format!("s3://{POSTGRES_BUCKET}/"),
                "endpointURL": self.endpoint(),
            },
        }))?;
        Ok(())
    }

    fn newest(&self) -> &str {
        self.backups.last().expect("a backup")
    }

    /// All keys below a folder of PostgreSQL's, with what they hold.
    async fn take(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let mut taken = Vec::new();
        for key in self.store().keys(POSTGRES_BUCKET, &format!("{FOLDER}{folder}")).await {
            let content = self.store().read(POSTGRES_BUCKET, &key).await;
            taken.push((key, content));
        }
        taken
    }

    /// Puts back what was taken away.
    pub async fn put_back(&self, taken: &Taken) {
        for (key, content) in &*taken.lock().await {
            self.store().write(POSTGRES_BUCKET, key, content.clone()).await;
        }
    }

    async fn lose(&self, lost: Vec<(String, Vec<u8>)>, taken: &Taken) {
        assert!(!lost.is_empty(), "nothing to lose");
        for (key, _) in &lost {
            self.store().remove(POSTGRES_BUCKET, key).await;
        }
        *taken.lock().await = lost;
    }

    /// A segment of the log that the newest backup needs is lost.
    pub async fn lose_segment(&self, taken: &Taken) {
        let wals = self.take("wals/00000002").await;
        let segments = wals.into_iter().filter(|(key, _)| !key.contains(".history"));
        let segments: Vec<_> = segments.collect();
        let lost = segments.into_iter().next().expect("a segment");
        self.lose(vec![lost], taken).await;
    }

    /// The base backups of today and of the days since the deployment are lost.
    pub async fn lose_backups(&self, taken: &Taken) {
        let mut lost = Vec::new();
        for name in &self.backups[1..] {
            lost.extend(self.take(&format!("base/{name}/")).await);
        }
        self.lose(lost, taken).await;
    }

    /// Whether a backup but the newest was taken since then.
    pub fn is_older_since(&self, time: Timestamp) -> bool {
        let older = self.backups.iter().rev().skip(1);
        older.map(|name| began(name)).any(|at| at >= time)
    }

    /// The newest backup's data are lost.
    pub async fn lose_data(&self, taken: &Taken) {
        let all = self.take(&format!("base/{}/", self.newest())).await;
        let data = all.into_iter().filter(|(key, _)| !key.ends_with("backup.info"));
        self.lose(data.collect(), taken).await;
    }

    /// The newest backup broke off, as barman says of it then.
    pub async fn break_off(&self, taken: &Taken) {
        let info = self.take(&format!("base/{}/backup.info", self.newest())).await;
        *taken.lock().await = info;
        self.rewrite(self.newest(), |text| {
            assert!(text.contains("status=DONE"), "{text}");
            text.replace("status=DONE", "status=FAILED").replace("error=None", "error=no space")
        })
        .await;
    }

    /// The file that describes the newest backup is cut off.
    pub async fn truncate(&self, taken: &Taken) {
        let info = self.take(&format!("base/{}/backup.info", self.newest())).await;
        *taken.lock().await = info;
        self.rewrite(self.newest(), |text| text[..text.len() / 2].to_owned()).await;
    }

    /// Everybody may read the bucket of exports, and list it.
    pub async fn open_exports(&self) {
        self.publish("public").await;
    }

    /// Nobody but who holds a key may.
    pub async fn close_exports(&self) {
        self.publish("private").await;
    }

    async fn publish(&self, to: &str) {
        self.store().administer(&["anonymous", "set", to, &format!("store/{EXPORTS}")]).await;
    }

    /// The bucket of imports is deleted.
    pub async fn lose_imports(&self) {
        self.store().administer(&["rb", "--force", &format!("store/{IMPORTS}")]).await;
    }

    /// It is made anew.
    pub async fn make_imports(&self) {
        self.store().create(IMPORTS).await;
    }

    /// The application's access key is revoked.
    pub async fn revoke_key(&self) {
        self.store().administer(&["admin", "user", "disable", "store", ACCESS_KEY]).await;
    }

    /// It is accepted again.
    pub async fn accept_key(&self) {
        self.store().administer(&["admin", "user", "enable", "store", ACCESS_KEY]).await;
    }

    /// The newest backup was written in the clear.
    pub async fn decrypt(&self) {
        self.store().administer(&["encrypt", "clear", &format!("store/{POSTGRES_BUCKET}")]).await;
        self.write_newest_again().await;
    }

    /// It is encrypted again.
    pub async fn encrypt(&self) {
        let place = format!("store/{POSTGRES_BUCKET}");
        self.store().administer(&["encrypt", "set", "sse-s3", &place]).await;
        self.write_newest_again().await;
    }

    async fn write_newest_again(&self) {
        for (key, content) in self.take(&format!("base/{}/", self.newest())).await {
            self.store().write(POSTGRES_BUCKET, &key, content).await;
        }
    }

    /// The application writes a document.
    pub async fn another_object(&self) {
        self.store().write(BUCKETS[0], "bsdd/one-more.pdf", "a document").await;
    }
}

/// What was taken out of PostgreSQL's bucket.
pub type Taken = Mutex<Vec<(String, Vec<u8>)>>;

/// When a backup of this name was begun.
fn began(backup: &str) -> Timestamp {
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", backup).expect("a backup's name");
    at.to_zoned(TimeZone::UTC).expect("a time").timestamp()
}
