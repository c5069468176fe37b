//! `backup`: backups are there, fresh, whole, as many and as old as they should be.
//!
//! Witness: the object store. Where it is silent nobody can tell; where it says that there is no
//! such bucket, the backups can't be there. What a backup is, its layout says, one file each.

mod limits;
mod objects;

use bytesize::ByteSize;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::s3::{NO_CONNECTION, NOT_IMPLEMENTED, NOT_LISTABLE, REJECTED};

static LAST_SUCCESS: Measure = Measure::gauge(
    "vigie_backup_last_success_timestamp_seconds",
    "When the newest backup was taken: when it was written, and no later than its key says.",
    &["bucket", "prefix"],
);
static LAST_SIZE: Measure = Measure::gauge(
    "vigie_backup_last_size_bytes",
    "The size of the newest backup.",
    &["bucket", "prefix"],
);
static COUNT: Measure =
    Measure::gauge("vigie_backups", "Backups, where all could be seen.", &["bucket", "prefix"]);
static OLDEST: Measure = Measure::gauge(
    "vigie_backup_oldest_timestamp_seconds",
    "When the oldest backup was taken, where it could be seen.",
    &["bucket", "prefix"],
);

const BUCKET_MISSING: Reason = Reason::new("BucketMissing");
const NO_BACKUP: Reason = Reason::new("NoBackup");
const TOO_OLD: Reason = Reason::new("BackupTooOld");
const TOO_SMALL: Reason = Reason::new("BackupTooSmall");
const SIZE_ODD: Reason = Reason::new("BackupSizeOdd");
const TOO_FEW: Reason = Reason::new("TooFewBackups");
const RETENTION_OVERRUN: Reason = Reason::new("RetentionOverrun");
const SIBLING_MISSING: Reason = Reason::new("SiblingMissing");
const DATES_DISAGREE: Reason = Reason::new("DatesDisagree");

/// Backups in an object store are there, fresh, whole, as many and as old as they should be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The store: a name under `connections.s3`. Default: `default`.
    #[serde(default)]
    connection: StoreName,
    /// The bucket.
    bucket: String,
    /// What the keys of all these backups begin with, as written. Default: nothing.
    #[serde(default)]
    prefix: String,
    /// What a backup is made of.
    layout: Layout,
    /// How old the newest backup may be; `fail` must be given.
    #[serde(default)]
    max_age: MaxAge,
    /// The least size of the newest backup, such as `10 MiB`. Default: no limit.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    min_size: Option<ByteSize>,
    /// Warns where the newest backup is so many times smaller or larger than the median of up to
    /// seven before it; from four backups on. Default `2`.
    #[serde(default)]
    size_factor: SizeFactor,
    /// The least number of backups. Default: no limit.
    #[serde(default)]
    min_count: Option<u32>,
    /// For how long backups are kept. The oldest may be older by one `period`; fewer than one for
    /// each `period` since the oldest warn. Default: no limit.
    #[serde(default)]
    retention: Option<Period>,
    /// How often backups are taken. Default `1d`.
    #[serde(default)]
    period: Every,
    /// The most requests that a look may spend on finding the newest; a listing of everything
    /// takes one for each thousand keys. Default `20`.
    #[serde(default)]
    max_requests: MaxRequests,
}

/// The name of a store, `default` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct StoreName(String);

impl Default for StoreName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// What a backup is made of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Layout {
    /// Each backup is one object.
    Objects(Box<objects::Objects>),
}

/// How old the newest backup may be.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MaxAge {
    /// Older warns. Default: nothing does.
    #[serde(default)]
    warn: Option<Period>,
    /// Older fails. Must be given, with time for one backup that is late.
    #[serde(default)]
    fail: Option<Period>,
}

/// How many times smaller or larger a backup is odd. Default 2.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct SizeFactor(f64);

impl Default for SizeFactor {
    fn default() -> Self {
        Self(2.0)
    }
}

/// How often backups are taken. Default one day.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Every(Period);

impl Default for Every {
    fn default() -> Self {
        Self(Period::from_secs(86_400))
    }
}

/// The most requests of a look. Default 20.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct MaxRequests(u32);

impl Default for MaxRequests {
    fn default() -> Self {
        Self(20)
    }
}

/// What was seen.
#[derive(Debug)]
pub enum Seen {
    /// There is no such bucket.
    NoBucket,
    /// Backups of one object each, or none.
    Objects(objects::Seen),
}

impl Check for Backup {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(BUCKET_MISSING, "The store says that there is no such bucket."),
        Documented::fails(NO_BACKUP, "No key has the form of a backup."),
        Documented::warns_or_fails(TOO_OLD, "The newest backup is older than `max_age`."),
        Documented::fails(
            TOO_SMALL,
            "The newest backup is smaller than `min_size`, or it or a sibling is empty.",
        ),
        Documented::warns(SIZE_ODD, "The newest backup is far from the median of those before it."),
        Documented::warns_or_fails(
            TOO_FEW,
            "There are fewer backups than `min_count` (fail), or than one for each `period` since \
             the oldest (warn).",
        ),
        Documented::fails(
            RETENTION_OVERRUN,
            "The oldest backup is older than `retention` and one `period`.",
        ),
        Documented::fails(SIBLING_MISSING, "An object that belongs to the newest is not there."),
        Documented::warns(
            DATES_DISAGREE,
            "The newest backup was written before the date in its key, or over a day after it.",
        ),
        Documented::blinds(
            NOT_LISTABLE,
            "Neither dates nor an order in the keys tell, and there are too many to list.",
        ),
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "A backup lies over two minutes in the future, or the store finds our clock wrong.",
        ),
        Documented::blinds(Reason::SECRET_MISSING, "A key or `ca` can't be read on our side."),
        Documented::blinds(NO_CONNECTION, "No connection of this name is configured."),
        Documented::blinds(Reason::UNAUTHORIZED, "The store does not know or accept the key."),
        Documented::blinds(
            Reason::FORBIDDEN,
            "The key may not list the bucket; some stores say so of a wrong key, too.",
        ),
        Documented::blinds(Reason::THROTTLED, "The store asks to be left alone for a while."),
        Documented::blinds(Reason::SERVER_ERROR, "The store is in trouble itself (5xx)."),
        Documented::blinds(NOT_IMPLEMENTED, "The store does not offer listings of version 2."),
        Documented::blinds(REJECTED, "The store refuses the question itself: a name, a region."),
        Documented::blinds(Reason::GARBLED, "The answer is not S3's, or contradicts itself."),
        Documented::blinds(Reason::TOO_LARGE, "An answer is larger than 8 MiB."),
        Documented::blinds(Reason::TIMED_OUT, "No answer within the time allowed."),
        Documented::blinds(Reason::REFUSED, "The store's host refuses the connection."),
        Documented::blinds(Reason::RESET, "The connection broke before the answer was complete."),
        Documented::blinds(Reason::UNREACHABLE, "The network does not reach the store's host."),
        Documented::blinds(Reason::NAME_NOT_FOUND, "The name of the store's host is not known."),
        Documented::blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell the address."),
        Documented::blinds(Reason::TLS_FAILED, "TLS to the store could not be established."),
    ];
    const MEASURES: &'static [&'static Measure] = &[&LAST_SUCCESS, &LAST_SIZE, &COUNT, &OLDEST];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if let MaxAge { warn: Some(warn), fail: Some(fail) } = self.max_age
            && warn >= fail
        {
            flaws.push(format!("`max_age`: `warn` ({warn}) is not below `fail` ({fail})"));
        }
        if self.max_age.fail.is_none() {
            let write = "write `max_age: { fail: 50h }` for a backup that is taken every day";
            flaws.push(format!("nothing says how old the newest backup may be: {write}"));
        }
        if !(self.size_factor.0.is_finite() && self.size_factor.0 > 1.0) {
            flaws.push("`size_factor` is not above 1".to_owned());
        }
        if self.min_count == Some(0) {
            flaws.push("`min_count` is at least 1".to_owned());
        }
        if !(1..=1_000).contains(&self.max_requests.0) {
            flaws.push("`max_requests` is between 1 and 1000".to_owned());
        }
        match &self.layout {
            Layout::Objects(objects) => flaws.extend(objects.flaws()),
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let connections = vec![(SystemName::S3, self.connection.0.clone())];
        // Permits are by store, whatever its host is called.
        let hosts = vec![format!("s3.{}", self.connection.0)];
        Needs { hosts, connections, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let labels = || vec![Some(self.bucket.clone()), Some(self.prefix.clone())];
        Self::MEASURES.iter().map(|measure| Series { measure, labels: labels() }).collect()
    }

    fn bounds(&self) -> Vec<Bound> {
        let mut bounds = Vec::new();
        let mut add = |measure: &Measure, bound, value: Option<f64>| {
            bounds.extend(value.map(|value| Bound { measure: measure.name, bound, value }));
        };
        let seconds = |period: Option<Period>| period.map(|period| period.get().as_secs_f64());
        add(&LAST_SUCCESS, "warn_above", seconds(self.max_age.warn));
        add(&LAST_SUCCESS, "fail_above", seconds(self.max_age.fail));
        #[expect(clippy::cast_precision_loss, reason = "a limit in a panel")]
        add(&LAST_SIZE, "fail_below", self.min_size.map(|size| size.as_u64() as f64));
        add(&COUNT, "fail_below", self.min_count.map(f64::from));
        let tolerated = seconds(Some(self.period.0)).unwrap_or_default();
        add(&OLDEST, "fail_above", seconds(self.retention).map(|kept| kept + tolerated));
        bounds
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        match &self.layout {
            Layout::Objects(objects) => objects.observe(self, look).await,
        }
    }

    fn judge(&self, seen: &Seen, _past: &Past, now: Timestamp) -> Judgement {
        match seen {
            Seen::NoBucket => {
                let because = format!(
                    "there is no bucket `{}` at the store `{}`, so no backup can be in it",
                    self.bucket, self.connection.0
                );
                Finding::fail(BUCKET_MISSING, because).measured(self.is(&COUNT, 0.0)).into()
            }
            Seen::Objects(seen) => limits::judge(self, seen, now),
        }
    }
}

impl Backup {
    /// A value of one of the measures.
    fn is(&self, measure: &'static Measure, value: f64) -> crate::model::measure::Sample {
        measure.is(value, [&self.bucket, &self.prefix])
    }

    /// Where the backups are, for sentences.
    fn place(&self) -> String {
        format!("`{}/{}`", self.bucket, self.prefix)
    }
}
