//! `s3_bucket`: a bucket is there, its key works, nobody else's does, and it is kept as stated.
//!
//! Subject: the object store. Silence, refusal of the key and trouble of its own are failures; a
//! setting that it does not tell is unknown. Never writes: that a key may write is not proven here.

mod exposure;
mod judging;
mod parameters;
mod retention;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use self::parameters::{
    About, BucketName, Encryption, Grants, PublicAccessBlock, Retention, Unsigned, Versioning,
};
use super::backup::parameters::StoreName;
use super::{Check, Look};
use crate::model::finding::{Obstacle, Verdict};
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::s3::{
    self, Block, DefaultEncryption, Grant, Held, NO_CONNECTION, NOT_IMPLEMENTED, Patience, Policy,
    REDIRECTED, REJECTED, Rule, Told, WRONG_REGION,
};

static READABLE: Measure = Measure::gauge(
    "vigie_s3_bucket_readable",
    "Whether the bucket is there and its listing is answered to the key: 1 or 0.",
    &["bucket"],
);
static UNSIGNED_REFUSED: Measure = Measure::gauge(
    "vigie_s3_bucket_unsigned_refused",
    "Whether requests without a signature are refused: 1 or 0.",
    &["bucket"],
);
static PUBLIC_GRANTS: Measure = Measure::gauge(
    "vigie_s3_bucket_public_grants",
    "Rights that a list of rights (acl) or a policy (policy) grants to everybody.",
    &["bucket", "by"],
);
static PUBLIC_ACCESS_BLOCKED: Measure = Measure::gauge(
    "vigie_s3_bucket_public_access_blocked",
    "Whether all four settings that block public access are on: 1 or 0.",
    &["bucket"],
);
static ENCRYPTED: Measure = Measure::gauge(
    "vigie_s3_bucket_encrypted",
    "Whether what is written is encrypted by default: 1 or 0.",
    &["bucket"],
);
static VERSIONED: Measure = Measure::gauge(
    "vigie_s3_bucket_versioned",
    "Whether older versions of objects are kept: 1 or 0.",
    &["bucket"],
);
static KEPT_FOR: Measure = Measure::gauge(
    "vigie_s3_bucket_kept_for_seconds",
    "After which age the first rule of lifecycle deletes objects; no row where none does.",
    &["bucket"],
);

const BUCKET_MISSING: Reason = Reason::new("BucketMissing");
const PUBLIC_ACCESS: Reason = Reason::new("PublicAccess");
const PUBLIC_GRANT: Reason = Reason::new("PublicGrant");
const PUBLIC_ACCESS_NOT_BLOCKED: Reason = Reason::new("PublicAccessNotBlocked");
const NOT_ENCRYPTED: Reason = Reason::new("NotEncrypted");
const WRONG_VERSIONING: Reason = Reason::new("WrongVersioning");
const DELETED_TOO_SOON: Reason = Reason::new("DeletedTooSoon");
const NEVER_DELETED: Reason = Reason::new("NeverDeleted");

/// A bucket is there, its key works, nobody else's does, and it is kept as stated. Never writes:
/// that the key may write is not proven.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct S3Bucket {
    /// The store: a name under `connections.s3`. Its keys are those that must work; they may be read
    /// from the application's own Secret. Default: `default`.
    #[serde(default)]
    connection: StoreName,
    /// The bucket. The key must have the right `s3:ListBucket` to it.
    bucket: BucketName,
    /// What the keys of objects begin with that are listed, and that `retention` is about. Default:
    /// nothing.
    #[serde(default)]
    prefix: String,
    /// What the item is about: the `bucket` (the default: it is there, its key works, its store is
    /// well), or its `exposure` to strangers. What keeps Vigie from seeing that, be it a silent store, a
    /// key that is refused or a bucket that is gone, is then unknown, and no failure.
    #[serde(default)]
    about: About,
    /// What becomes of requests without a signature, a listing of one name and a `HEAD` of the first
    /// object under `prefix`: `refused` (the default), or `any`. Where there is no object yet, the item
    /// waits for one (`NotYet`), unless `grants` tells what would become of it.
    #[serde(default)]
    unsigned: Unsigned,
    /// What ACL and policy of the bucket may grant to everybody: `any` (the default: they are not
    /// asked for), `private` (nothing), or `private_where_told` (the same; what a store lacks the call
    /// for is left to `unsigned`). Needs `s3:GetBucketAcl` and `s3:GetBucketPolicy`.
    #[serde(default)]
    grants: Grants,
    /// Whether all four settings that block public access must be on: `any` (the default), or `all`.
    /// Few stores but AWS have them. Needs `s3:GetBucketPublicAccessBlock`.
    #[serde(default)]
    public_access_block: PublicAccessBlock,
    /// How what is written is encrypted by default: `any` (the default: not asked for), `enabled`, or
    /// `kms` (by a key from a key management service). Needs `s3:GetEncryptionConfiguration`.
    #[serde(default)]
    encryption: Encryption,
    /// Whether older versions of objects are kept: `any` (the default: not asked for), `enabled`, or
    /// `disabled` (suspended, or never enabled). Needs `s3:GetBucketVersioning`.
    #[serde(default)]
    versioning: Versioning,
    /// How long objects are kept, against the rules of lifecycle. Needs
    /// `s3:GetLifecycleConfiguration`, and with `gone_after` also `s3:GetBucketVersioning`.
    #[serde(default)]
    retention: Option<Retention>,
}

/// What was seen; what was not asked for is none.
#[derive(Debug)]
pub struct Seen {
    held: Told<Held>,
    unsigned: Option<s3::Unsigned>,
    grants: Option<Told<std::sync::Arc<[Grant]>>>,
    policy: Option<Told<Option<std::sync::Arc<Policy>>>>,
    block: Option<Told<Option<Block>>>,
    encryption: Option<Told<Option<DefaultEncryption>>>,
    versioning: Option<Told<s3::Versioning>>,
    lifecycle: Option<Told<std::sync::Arc<[Rule]>>>,
}

/// A failure of the bucket, and unknown in the way of what is asked beside it.
const fn either(reason: Reason, means: &'static str) -> Documented {
    Documented { reason, verdicts: &[Verdict::Fail, Verdict::Unknown], means }
}

impl Check for S3Bucket {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        either(BUCKET_MISSING, "The store says that there is no such bucket."),
        Documented::fails(PUBLIC_ACCESS, "A request without a signature is answered."),
        Documented::warns_or_fails(
            PUBLIC_GRANT,
            "ACL or policy let everybody in; warns where the policy also denies something to \
             everybody, which may take that back.",
        ),
        Documented::fails(
            PUBLIC_ACCESS_NOT_BLOCKED,
            "Not all four settings that block public access are on.",
        ),
        Documented::fails(NOT_ENCRYPTED, "What is written is not encrypted as wanted by default."),
        Documented::fails(
            WRONG_VERSIONING,
            "Older versions are kept, or not, against `versioning`.",
        ),
        Documented::fails(
            DELETED_TOO_SOON,
            "A rule of lifecycle deletes objects that are to be kept.",
        ),
        Documented::fails(NEVER_DELETED, "No rule deletes all objects within `gone_after`."),
        either(WRONG_REGION, "Requests are signed for another region than the bucket's."),
        either(REDIRECTED, "The endpoint sends requests elsewhere."),
        either(Reason::UNAUTHORIZED, "The store does not know or accept the key."),
        either(
            Reason::FORBIDDEN,
            "The key may not list the bucket (fail; some stores say so of a wrong key, too), or may \
             not ask for a setting (unknown).",
        ),
        either(
            REJECTED,
            "The store refuses the question itself, such as a name that no bucket may have; unknown \
             where it is about a setting.",
        ),
        either(
            Reason::GARBLED,
            "The answer is not S3's, or no whole one; unknown where it is about a setting.",
        ),
        either(
            Reason::TOO_LARGE,
            "An answer is larger than 8 MiB; unknown where it is about a setting.",
        ),
        Documented::blinds(
            Reason::NOT_YET,
            "There is no object yet that could be asked for without a signature, and `grants` does not \
             ask what would come: the item waits for one.",
        ),
        Documented::blinds(NOT_IMPLEMENTED, "The store lacks the call that would tell."),
        Documented::blinds(
            Reason::NOT_FOUND,
            "The bucket was there for the listing, and not for a question about a setting.",
        ),
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "The store finds our clock wrong; whose is, can't be told from here.",
        ),
        either(Reason::THROTTLED, "The store asks to be left alone for a while."),
        either(Reason::SERVER_ERROR, "The store is in trouble itself (5xx)."),
        either(Reason::TIMED_OUT, "No answer within the time allowed."),
        either(Reason::REFUSED, "The store's host refuses the connection."),
        either(Reason::RESET, "The connection broke before the answer was complete."),
        either(Reason::UNREACHABLE, "The network does not reach the store's host."),
        either(Reason::NAME_NOT_FOUND, "The name of the store's host is not known."),
        either(Reason::TLS_FAILED, "TLS to the store could not be established."),
        Documented::blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell the address."),
        Documented::blinds(Reason::SECRET_MISSING, "A key or `ca` can't be read on our side."),
        Documented::blinds(NO_CONNECTION, "No connection of this name is configured."),
    ];
    const MEASURES: &'static [&'static Measure] = &[
        &READABLE,
        &UNSIGNED_REFUSED,
        &PUBLIC_GRANTS,
        &PUBLIC_ACCESS_BLOCKED,
        &ENCRYPTED,
        &VERSIONED,
        &KEPT_FOR,
    ];

    fn flaws(&self) -> Vec<String> {
        let flaws = self.retention.map(Retention::flaws);
        flaws.unwrap_or_default()
    }

    fn needs(&self) -> Needs {
        let connections = vec![(SystemName::S3, self.connection.0.clone())];
        // Permits are by store, whatever its host is called.
        let hosts = vec![format!("s3.{}", self.connection.0)];
        Needs { hosts, connections, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let row = |measure, by: Option<&str>| {
            let labels = [Some(self.bucket.as_str()), by];
            let labels = labels.into_iter().flatten().map(|label| Some(label.to_owned()));
            Series { measure, labels: labels.collect() }
        };
        let mut series: Vec<_> =
            ["acl", "policy"].into_iter().map(|by| row(&PUBLIC_GRANTS, Some(by))).collect();
        let plain = Self::MEASURES.iter().filter(|measure| measure.labels.len() == 1);
        series.extend(plain.map(|measure| row(measure, None)));
        series
    }

    fn bounds(&self) -> Vec<Bound> {
        let retention = self.retention.unwrap_or_default();
        let bound = |bound, value: Option<f64>| {
            value.map(|value| Bound { measure: KEPT_FOR.name, bound, value })
        };
        let [kept, gone_after] = [retention.kept, retention.gone_after]
            .map(|period| period.map(|period| period.get().as_secs_f64()));
        [bound("fail_below", kept), bound("fail_above", gone_after)].into_iter().flatten().collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let patience = Patience { until: look.until(), fresh_within: look.fresh_within };
        let opened = look.systems.s3.open(&self.connection.0, patience).await;
        let store = opened.map_err(|obstacle| {
            // Nobody was asked yet: whatever it is, it is ours.
            let known = obstacle.reason == NO_CONNECTION;
            let reason = if known { NO_CONNECTION } else { Reason::SECRET_MISSING };
            Obstacle::ours(reason, obstacle.because)
        })?;
        let bucket = self.bucket.as_str();
        let held = store.held(bucket, &self.prefix).await;
        let first = match &held {
            Err(obstacle) if obstacle.ours => return Err(obstacle.clone()),
            // Strangers may get in where our key does not.
            Err(Obstacle { reason: Reason::UNAUTHORIZED | Reason::FORBIDDEN, .. })
                if self.about == About::Exposure && self.unsigned == Unsigned::Refused =>
            {
                let unsigned = Some(store.unsigned(bucket, None).await);
                return Ok(Seen { unsigned, ..Seen::nothing_but(held) });
            }
            Err(_) | Ok(Held::Missing) => return Ok(Seen::nothing_but(held)),
            Ok(Held::There { first }) => first.clone(),
        };
        let granted = self.grants != Grants::Any;
        let blocked = granted || self.public_access_block != PublicAccessBlock::Any;
        let until_gone = self.retention.is_some_and(|retention| retention.gone_after.is_some());
        let versioned = until_gone || self.versioning != Versioning::Any;
        let (unsigned, grants, policy, block, encryption, versioning, lifecycle) = futures::join!(
            when(self.unsigned == Unsigned::Refused, store.unsigned(bucket, first.as_deref())),
            when(granted, store.grants(bucket)),
            when(granted, store.policy(bucket)),
            when(blocked, store.block(bucket)),
            when(self.encryption != Encryption::Any, store.encryption(bucket)),
            when(versioned, store.versioning(bucket)),
            when(self.retention.is_some(), store.lifecycle(bucket)),
        );
        Ok(Seen { held, unsigned, grants, policy, block, encryption, versioning, lifecycle })
    }

    fn judge(&self, seen: &Seen, _past: &Past, _now: Timestamp) -> Judgement {
        judging::judge(self, seen)
    }
}

impl Seen {
    /// Only whether the bucket is there was asked.
    fn nothing_but(held: Told<Held>) -> Self {
        Self {
            held,
            unsigned: None,
            grants: None,
            policy: None,
            block: None,
            encryption: None,
            versioning: None,
            lifecycle: None,
        }
    }
}

/// Asks, if it is wanted.
async fn when<T>(wanted: bool, asks: impl Future<Output = T>) -> Option<T> {
    if wanted { Some(asks.await) } else { None }
}
