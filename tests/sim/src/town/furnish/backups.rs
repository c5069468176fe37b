//! Backups as barman-cloud and Percona's tool leave them, and the custom resources that tell of them.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::kubernetes::trackdechets::NAMESPACE;
use crate::s3::{BaseBackup, MONGODB_BUCKET, POSTGRES_BUCKET, Store, Wals};
use crate::town::Town;
use crate::town::acts::deployed;

/// The folder of the server in its bucket.
pub(in crate::town) const POSTGRES_SERVER: &str = "postgres/";
/// How many days backups are kept.
const DAYS: [i64; 2] = [30, 7];
/// How long ago the newest was begun, somewhat more or less, in hours.
const AGES: [i64; 2] = [6, 5];
/// How far apart segments of PostgreSQL's log are, in seconds.
const APART: i64 = 300;

/// When backups were begun, the newest first: daily ones, and one before the deployment.
#[derive(Clone, Debug)]
pub(in crate::town) struct Taken {
    pub(in crate::town) postgres: Vec<Timestamp>,
    pub(in crate::town) mongodb: Vec<Timestamp>,
}

impl Taken {
    pub(in crate::town) fn as_of(now: Timestamp) -> Self {
        let [postgres, mongodb] = [0, 1].map(|which| {
            let mut all: Vec<_> =
                (0..DAYS[which]).map(|day| hour(ago(now, AGES[which] + 24 * day))).collect();
            all.push(ago(deployed(now), 1));
            all.sort_by(|a, b| b.cmp(a));
            all
        });
        Self { postgres, mongodb }
    }
}

/// PostgreSQL's log, a segment every five minutes.
pub(super) struct LogOf {
    begins: Timestamp,
    last: u64,
}

impl LogOf {
    /// The log of a town founded at `now`, archived up to then.
    pub(super) fn up_to(now: Timestamp) -> Self {
        let mut log = Self { begins: ago(hour(now), 24 * DAYS[0] + 48), last: 0 };
        log.last = log.number(now);
        log
    }

    /// The number of the segment that was written at a time.
    pub(super) fn number(&self, at: Timestamp) -> u64 {
        let seconds = at.duration_since(self.begins).as_secs();
        1 + u64::try_from(seconds / APART).unwrap_or_default()
    }

    /// Archives what was written up to `at`.
    pub(super) fn archive(&mut self, store: &Store, (bucket, server): (&str, &str), at: Timestamp) {
        let numbers = self.last + 1..self.number(at) + 1;
        self.last = numbers.end - 1;
        if !numbers.is_empty() {
            store.wals(bucket, server, &Wals { timeline: 1, numbers, newest: at, apart: APART });
        }
    }
}

impl Town {
    /// Fills both buckets with all backups and logs up to now.
    pub(in crate::town) fn fill_backups(&self) {
        self.fill_postgres();
        self.fill_mongodb();
    }

    /// Fills PostgreSQL's bucket anew.
    pub(in crate::town) fn fill_postgres(&self) {
        self.s3.delete(POSTGRES_BUCKET);
        self.furnish_bucket(POSTGRES_BUCKET);
        for (back, began) in Taken::as_of(self.founded).postgres.into_iter().enumerate() {
            self.put_base_backup(began, 1_000_000_000 - 1_000_000 * back as u64);
        }
        let mut log = LogOf::up_to(self.founded);
        log.last = 0;
        log.archive(&self.s3, (POSTGRES_BUCKET, POSTGRES_SERVER), self.now());
    }

    /// A base backup that was begun then.
    pub(in crate::town) fn put_base_backup(&self, began: Timestamp, size: u64) {
        let log = LogOf::up_to(self.founded);
        let mut backup = BaseBackup { size, ..BaseBackup::done(began, (0, 0)) };
        backup.log = (log.number(began), log.number(backup.ended()));
        self.s3.base_backup(POSTGRES_BUCKET, POSTGRES_SERVER, &backup);
    }

    /// The number of the segment of PostgreSQL's log that was written at a time.
    pub(in crate::town) fn segment(&self, at: Timestamp) -> u64 {
        LogOf::up_to(self.founded).number(at)
    }

    /// Fills MongoDB's bucket anew.
    pub(in crate::town) fn fill_mongodb(&self) {
        self.s3.delete(MONGODB_BUCKET);
        self.furnish_bucket(MONGODB_BUCKET);
        self.fill_mongodb_in_the_clear();
    }

    /// Puts MongoDB's backups into their bucket, whatever that says of encryption.
    pub(in crate::town) fn fill_mongodb_in_the_clear(&self) {
        for began in Taken::as_of(self.founded).mongodb {
            self.s3.pbm_backup(MONGODB_BUCKET, began, |_| {});
        }
        self.s3.put(MONGODB_BUCKET, ".pbm.init", 6, ago(self.founded, 9_000));
    }

    /// What the operators say of the backups.
    pub(in crate::town) fn tell_of_backups(&self) -> Result<()> {
        let taken = Taken::as_of(self.founded);
        self.clear("backups.postgresql.cnpg.io")?;
        self.clear("perconaservermongodbbackups")?;
        self.tell_of_postgres(&taken.postgres)?;
        self.tell_of_mongodb(&taken.mongodb)
    }

    fn clear(&self, resource: &str) -> Result<()> {
        for object in self.kubernetes.list(resource, Some(NAMESPACE))? {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            self.kubernetes.delete(&format!("{resource}/{NAMESPACE}/{name}"))?;
        }
        Ok(())
    }

    /// What the operators say of a backup of each database that was begun then.
    pub(in crate::town) fn tell_of_another_backup(&self, began: Timestamp) -> Result<()> {
        self.tell_of_base_backup(began)?;
        self.tell_of_dump(began)
    }

    fn tell_of_base_backup(&self, began: Timestamp) -> Result<()> {
        let ended = began + SignedDuration::from_mins(10);
        let status = json!({
            "phase": "completed", "method": "barmanObjectStore", "startedAt": began,
            "stoppedAt": ended, "backupId": began.strftime("%Y%m%dT%H%M%S").to_string(),
            "destinationPath": format!("s3://{POSTGRES_BUCKET}/"),
            "endpointURL": self.s3.endpoint(), "serverName": "postgres",
        });
        let name = began.strftime("postgres-backup-schedule-%Y%m%d%H%M%S").to_string();
        let spec = json!({ "cluster": { "name": "postgres" }, "method": "barmanObjectStore" });
        self.custom("postgresql.cnpg.io/v1", "Backup", &name, &spec, &status)
    }

    fn tell_of_dump(&self, began: Timestamp) -> Result<()> {
        let ended = began + SignedDuration::from_mins(4);
        let pbm = began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let status = json!({
            "state": "ready", "type": "logical", "pbmName": pbm, "start": began,
            "completed": ended, "lastTransition": ended, "storageName": "s3-backup",
            "destination": format!("s3://{MONGODB_BUCKET}/{pbm}"), "replsetNames": ["rs0"],
        });
        let spec = json!({ "clusterName": "mongodb", "storageName": "s3-backup" });
        let name = began.strftime("cron-mongodb-%Y%m%d%H%M%S").to_string();
        self.custom("psmdb.percona.com/v1", "PerconaServerMongoDBBackup", &name, &spec, &status)
    }

    fn tell_of_postgres(&self, taken: &[Timestamp]) -> Result<()> {
        let endpoint = self.s3.endpoint();
        for began in taken {
            self.tell_of_base_backup(*began)?;
        }
        let [Some(newest), Some(oldest)] = [taken.first(), taken.last()] else { return Ok(()) };
        let schedule = newest.strftime("0 0 %-H * * *").to_string();
        self.kubernetes.patch(
            &format!("scheduledbackups/{NAMESPACE}/postgres-backup-schedule"),
            &json!({ "spec": { "schedule": schedule }, "status": { "lastScheduleTime": newest } }),
        )?;
        let cluster = format!("clusters.postgresql.cnpg.io/{NAMESPACE}/postgres");
        let store = json!({ "endpointURL": endpoint });
        let changes = json!({
            "spec": { "backup": { "barmanObjectStore": store } },
            "status": {
                "firstRecoverabilityPoint": *oldest + SignedDuration::from_mins(10),
                "lastSuccessfulBackup": *newest + SignedDuration::from_mins(10),
            },
        });
        self.kubernetes.patch(&cluster, &changes)?;
        Ok(())
    }

    fn tell_of_mongodb(&self, taken: &[Timestamp]) -> Result<()> {
        for began in taken {
            self.tell_of_dump(*began)?;
        }
        let schedule = taken.first().map(|newest| newest.strftime("0 %-H * * *").to_string());
        let task = json!({
            "name": "daily-backup", "enabled": true, "schedule": schedule, "keep": 7,
            "storageName": "s3-backup", "compressionType": "gzip",
        });
        let storage = json!({ "type": "s3", "s3": {
            "bucket": MONGODB_BUCKET, "region": "fr-par", "endpointUrl": self.s3.endpoint(),
            "credentialsSecret": "mongodb-backup-credentials",
        } });
        let backup = json!({
            "enabled": true, "storages": { "s3": null, "s3-backup": storage }, "tasks": [task],
        });
        self.kubernetes.patch(
            &format!("perconaservermongodbs/{NAMESPACE}/mongodb"),
            &json!({ "spec": { "backup": backup } }),
        )?;
        Ok(())
    }

    fn custom(
        &self,
        api: &str,
        kind: &str,
        name: &str,
        spec: &Value,
        status: &Value,
    ) -> Result<()> {
        self.kubernetes.apply(json!({
            "apiVersion": api,
            "kind": kind,
            "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": spec,
            "status": status,
        }))?;
        Ok(())
    }
}

pub(in crate::town) fn ago(now: Timestamp, hours: i64) -> Timestamp {
    now - SignedDuration::from_hours(hours)
}

/// The beginning of the hour.
fn hour(at: Timestamp) -> Timestamp {
    let over = at.as_second().rem_euclid(3_600);
    at - SignedDuration::from_secs(over)
        - SignedDuration::from_nanos(i64::from(at.subsec_nanosecond()))
}
