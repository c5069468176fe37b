//! Builders: what barman-cloud writes of a PostgreSQL server, and Percona's tool of a MongoDB.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::{Object, Store};

/// How many segments of 16 MiB a log has.
const PER_LOG: u64 = 256;

/// A base backup, as barman-cloud describes it.
#[derive(Clone, Debug)]
pub struct BaseBackup {
    /// When it began; its name tells.
    pub began: Timestamp,
    /// The number of the first and the last segment of log that it needs.
    pub log: (u64, u64),
    /// Its timeline.
    pub timeline: u32,
    /// What barman says of it.
    pub status: &'static str,
    /// The size of its archive.
    pub size: u64,
}

impl BaseBackup {
    /// One that is complete.
    pub fn done(began: Timestamp, log: (u64, u64)) -> Self {
        Self { began, log, timeline: 1, status: "DONE", size: 1_000_000 }
    }

    /// Its name.
    pub fn id(&self) -> String {
        self.began.strftime("%Y%m%dT%H%M%S").to_string()
    }

    /// When it ended: it takes ten minutes.
    pub fn ended(&self) -> Timestamp {
        later(self.began, 10)
    }

    /// The text of its `backup.info`.
    pub fn info(&self) -> String {
        let Self { began, log: (first, last), timeline, status, size: _ } = self;
        let time = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S.123456+00:00").to_string();
        let error =
            if *status == "FAILED" { "failure uploading data (no space = left)" } else { "None" };
        format!(
            "backup_label='START WAL LOCATION: 0/2000028\\nLABEL: Barman backup = cloud\\n'\n\
             begin_offset=40\nbegin_time={}\nbegin_wal={}\nbegin_xlog=0/2000028\ncompression=gzip\n\
             end_offset=80\nend_time={}\nend_wal={}\nend_xlog=0/3000050\nerror={error}\n\
             mode=concurrent\npgdata=/var/lib/postgresql/data\nserver_name=cloud\nsize=None\n\
             status={status}\nsystemid=7346104572138954771\ntablespaces=None\ntimeline={timeline}\n\
             version=160004\nxlog_segment_size=16777216\n",
            time(*began),
            segment(*timeline, *first),
            time(self.ended()),
            segment(*timeline, *last),
        )
    }
}

/// Segments of log, archived one after the other.
#[derive(Clone, Debug)]
pub struct Wals {
    /// The timeline.
    pub timeline: u32,
    /// The numbers of the segments.
    pub numbers: Range<u64>,
    /// When the last of them was archived.
    pub newest: Timestamp,
    /// How long after each other they were, in seconds.
    pub apart: i64,
}

/// The name of a segment of 16 MiB.
fn segment(timeline: u32, number: u64) -> String {
    format!("{timeline:08X}{:08X}{:08X}", number / PER_LOG, number % PER_LOG)
}

impl Store {
    /// Writes a base backup of the server in this folder, such as `pg/`.
    pub fn base_backup(&self, bucket: &str, server: &str, backup: &BaseBackup) {
        let folder = format!("{server}base/{}/", backup.id());
        self.put(bucket, &format!("{folder}data.tar.gz"), backup.size, backup.ended());
        self.write(bucket, &format!("{folder}backup.info"), backup.info(), backup.ended());
    }

    /// Writes segments of log of the server in this folder.
    pub fn wals(&self, bucket: &str, server: &str, wals: &Wals) {
        let Wals { timeline, numbers, newest, apart } = wals.clone();
        let last = numbers.end.saturating_sub(1);
        let objects = numbers.map(|number| {
            let back = i64::try_from(last - number).unwrap_or(i64::MAX).saturating_mul(apart);
            let modified = newest.saturating_sub(SignedDuration::from_secs(back)).unwrap_or(newest);
            (wal_key(server, timeline, number), Object { size: 4_000_000, modified })
        });
        self.extend(bucket, objects);
    }

    /// Removes a segment of log.
    pub fn lose_wal(&self, bucket: &str, server: &str, timeline: u32, number: u64) {
        self.remove(bucket, &wal_key(server, timeline, number));
    }

    /// Daily base backups of the server in this folder, the newest ended `age` before `now`, and
    /// `log` segments between one and the next, archived up to five minutes ago.
    pub fn fill_barman(
        &self,
        bucket: &str,
        server: &str,
        now: Timestamp,
        age: SignedDuration,
        (backups, log): (u32, u64),
    ) {
        self.create(bucket);
        for back in 0..backups {
            let days = SignedDuration::from_hours(24) * i32::try_from(back).unwrap_or(i32::MAX);
            let ended = now.saturating_sub(age + days).unwrap_or(now);
            let first = 1 + u64::from(backups - 1 - back) * log;
            let backup = BaseBackup {
                size: 1_000_000_000 - 1_000_000 * u64::from(back),
                ..BaseBackup::done(later(ended, -10), (first, first + 1))
            };
            self.base_backup(bucket, server, &backup);
        }
        let numbers = 1..1 + u64::from(backups) * log;
        let apart = i64::try_from(86_400 / log.max(1)).unwrap_or(1).max(1);
        self.wals(bucket, server, &Wals { timeline: 1, numbers, newest: later(now, -5), apart });
    }

    /// A backup of one replica set by Percona's tool, taken at `at`, four minutes long; `change`
    /// changes what is said of it.
    pub fn pbm_backup(
        &self,
        bucket: &str,
        at: Timestamp,
        change: impl FnOnce(&mut serde_json::Value),
    ) {
        let name = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let ended = later(at, 4).as_second();
        let place = |second: i64| serde_json::json!({ "T": second, "I": 3 });
        let mut metadata = serde_json::json!({
            "type": "logical", "opid": "69049d5f4e8cca2a8d16adcd", "name": name, "replsets": [{
                "name": "rs0", "status": "done", "start_ts": at.as_second(), "size": 720_000_000,
                "last_transition_ts": ended, "first_write_ts": place(at.as_second()),
                "last_write_ts": place(ended), "node": "mongodb-rs0-1:27017", "conditions": [],
            }],
            "compression": "s2", "store": { "type": "s3", "s3": { "bucket": bucket } },
            "size": 720_000_000, "mongodb_version": "6.0.9-7", "start_ts": at.as_second(),
            "last_transition_ts": ended, "first_write_ts": place(at.as_second()),
            "last_write_ts": place(ended), "hb": place(ended), "status": "done", "conditions": [],
            "n": [], "pbm_version": "2.8.0", "balancer": "",
        });
        change(&mut metadata);
        let written = later(at, 4);
        for file in ["metadata.json", "oplog/chunk.s2", "shop.orders.s2"] {
            self.put(bucket, &format!("{name}/rs0/{file}"), 240_000_000, written);
        }
        self.write(bucket, &format!("{name}.pbm.json"), metadata.to_string(), written);
    }

    /// Slices of the oplog of `rs0`, one every ten minutes, the last of `count` ending at `end`.
    pub fn oplog(&self, bucket: &str, end: Timestamp, count: i64) {
        for back in 0..count {
            let (to, from) = (later(end, -10 * back), later(end, -10 * (back + 1)));
            let key = format!(
                "pbmPitr/rs0/{}/{}-1.{}-1.oplog.s2",
                from.strftime("%Y%m%d"),
                from.strftime("%Y%m%d%H%M%S"),
                to.strftime("%Y%m%d%H%M%S"),
            );
            self.put(bucket, &key, 10_000, to);
        }
    }
}

fn wal_key(server: &str, timeline: u32, number: u64) -> String {
    let name = segment(timeline, number);
    format!("{server}wals/{}/{name}.gz", &name[..16])
}

fn later(at: Timestamp, minutes: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(at)
}
