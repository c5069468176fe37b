//! Builders: backup buckets as operators leave them.

use jiff::{SignedDuration, Timestamp};

use super::{Object, Store};

/// Where nightly dumps of PostgreSQL lie: `dumps/<date>/postgres-<time>.sql.gz` and its checksum.
pub const POSTGRES_BUCKET: &str = "trackdechets-postgres-backups";
/// Where Percona Backup for MongoDB writes: `<time>.pbm.json` beside the archives in `<time>/`.
pub const MONGODB_BUCKET: &str = "trackdechets-mongodb-backups";

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Store {
    /// Nightly dumps of the last `days`, the newest taken `age` before `now`, growing a little.
    pub fn fill_postgres(&self, now: Timestamp, age: SignedDuration, days: u32) {
        self.create(POSTGRES_BUCKET);
        for back in 0..days {
            let taken = earlier(now, age + DAY * i32::try_from(back).unwrap_or(i32::MAX));
            let size = 1_500_000_000 - 2_000_000 * u64::from(back);
            let key = taken.strftime("dumps/%Y-%m-%d/postgres-%H%M%S.sql.gz").to_string();
            let written = earlier(taken, -SignedDuration::from_mins(12));
            self.put(POSTGRES_BUCKET, &format!("{key}.sha256"), 64, written);
            self.put(POSTGRES_BUCKET, &key, size, written);
        }
    }

    /// Daily backups of the last `days`, the newest taken `age` before `now`: for each a metadata
    /// file and the archives of three collections.
    pub fn fill_mongodb(&self, now: Timestamp, age: SignedDuration, days: u32) {
        self.create(MONGODB_BUCKET);
        for back in 0..days {
            let taken = earlier(now, age + DAY * i32::try_from(back).unwrap_or(i32::MAX));
            let name = taken.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let written = earlier(taken, -SignedDuration::from_mins(4));
            for collection in ["admin.system.users", "trackdechets.events", "trackdechets.streams"]
            {
                let key = format!("{name}/rs0/{collection}.gz");
                self.put(MONGODB_BUCKET, &key, 240_000_000 + u64::from(back), written);
            }
            self.put(MONGODB_BUCKET, &format!("{name}.pbm.json"), 14_000, written);
        }
    }

    /// `count` keys `<prefix><date>/<time>.dump`, one every `apart`, the newest at `newest`.
    pub fn fill_many(
        &self,
        bucket: &str,
        prefix: &str,
        newest: Timestamp,
        apart: SignedDuration,
        count: u32,
    ) {
        let step = apart.as_secs();
        self.extend(
            bucket,
            (0..count).rev().map(|back| {
                let taken = earlier(newest, SignedDuration::from_secs(step * i64::from(back)));
                let date = jiff::tz::TimeZone::UTC.to_datetime(taken);
                let key = format!(
                    "{prefix}{:04}-{:02}-{:02}/{:02}{:02}{:02}.dump",
                    date.year(),
                    date.month(),
                    date.day(),
                    date.hour(),
                    date.minute(),
                    date.second()
                );
                (key, Object { size: 5_000_000, modified: taken })
            }),
        );
    }
}

fn earlier(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_sub(by).unwrap_or(now)
}
