//! Why backups are not as they should be, and why nobody can tell.

use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::blind;
use crate::systems::s3::{NO_CONNECTION, NOT_IMPLEMENTED, NOT_LISTABLE, REJECTED};

pub(super) const BUCKET_MISSING: Reason = Reason::new("BucketMissing");
pub(super) const NO_BACKUP: Reason = Reason::new("NoBackup");
pub(super) const TOO_OLD: Reason = Reason::new("BackupTooOld");
pub(super) const TOO_SMALL: Reason = Reason::new("BackupTooSmall");
pub(super) const SIZE_ODD: Reason = Reason::new("BackupSizeOdd");
pub(super) const TOO_FEW: Reason = Reason::new("TooFewBackups");
pub(super) const RETENTION_OVERRUN: Reason = Reason::new("RetentionOverrun");
pub(super) const SIBLING_MISSING: Reason = Reason::new("SiblingMissing");
pub(super) const DATES_DISAGREE: Reason = Reason::new("DatesDisagree");
pub(super) const FAILED: Reason = Reason::new("BackupFailed");
pub(super) const UNREADABLE: Reason = Reason::new("BackupUnreadable");
pub(super) const DATA_MISSING: Reason = Reason::new("BackupDataMissing");
pub(super) const LOG_TOO_OLD: Reason = Reason::new("LogTooOld");
pub(super) const LOG_GAP: Reason = Reason::new("LogGap");
pub(super) const LOG_MISSING: Reason = Reason::new("LogMissing");
pub(super) const TIMELINE_LEFT: Reason = Reason::new("TimelineLeft");
pub(super) const HISTORY_MISSING: Reason = Reason::new("HistoryMissing");
pub(super) const HISTORY_UNREADABLE: Reason = Reason::new("HistoryUnreadable");
pub(super) const NOT_ENCRYPTED: Reason = Reason::new("NotEncrypted");
pub(super) const ENCRYPTION_UNKNOWN: Reason = Reason::new("EncryptionUnknown");
pub(super) const NONE_BEFORE: Reason = Reason::new("NoBackupBeforeDeployment");
pub(super) const NONE_AFTER: Reason = Reason::new("NoBackupAfterDeployment");
pub(super) const TOO_LONG_AGO: Reason = Reason::new("DeploymentTooLongAgo");
pub(super) const RESOURCE_ABSENT: Reason = Reason::new("CustomResourceAbsent");
pub(super) const STORE_DIFFERS: Reason = Reason::new("StoreDiffers");
pub(super) const STORE_UNKNOWN: Reason = Reason::new("StoreUnknown");
pub(super) const NOT_IN_BUCKET: Reason = Reason::new("BackupNotInBucket");
pub(super) const STATUS_BEHIND: Reason = Reason::new("StatusBehind");
pub(super) const RETENTION_DIFFERS: Reason = Reason::new("RetentionDiffers");
pub(super) const NO_SCHEDULE: Reason = Reason::new("NoSchedule");
pub(super) const SUSPENDED: Reason = Reason::new("ScheduleSuspended");
pub(super) const SCHEDULE_MISSED: Reason = Reason::new("ScheduleMissed");

/// All of them.
pub(super) const ALL: &[Documented] = &[
    Documented::fails(BUCKET_MISSING, "The store says that there is no such bucket."),
    Documented::fails(NO_BACKUP, "Nothing has the form of a backup, or none is complete."),
    Documented::warns_or_fails(TOO_OLD, "The newest complete backup is older than `max_age`."),
    Documented::fails(
        TOO_SMALL,
        "The newest backup is smaller than `min_size`, or it or a sibling is empty.",
    ),
    Documented::warns(SIZE_ODD, "The newest backup is far from the median of those before it."),
    Documented::warns_or_fails(
        TOO_FEW,
        "There are fewer backups than `min_count` (fail), than `redundancy`, or than one for each \
         `period` since the oldest (warn).",
    ),
    Documented::fails(
        RETENTION_OVERRUN,
        "The oldest backup is older than `retention` and one `period`, or there are over one more \
         than `redundancy`: nothing deletes them.",
    ),
    Documented::fails(
        SIBLING_MISSING,
        "An object that belongs to the newest is not there 15 min after it.",
    ),
    Documented::warns(
        DATES_DISAGREE,
        "The newest backup was written before the date in its key, or over a day after it.",
    ),
    Documented::warns_or_fails(
        FAILED,
        "A backup after the newest complete one broke off or did not end within a `period` (warn); \
         two or more did, or there is no complete one (fail).",
    ),
    Documented::warns_or_fails(
        UNREADABLE,
        "What is said about a backup can't be believed: a file that was cut off. One after the \
         newest complete one fails, an older one warns.",
    ),
    Documented::warns_or_fails(
        DATA_MISSING,
        "A backup is said to be complete, and its data or the backup that it is an increment of are \
         not there. One after the newest complete one fails, an older one warns.",
    ),
    Documented::warns_or_fails(LOG_TOO_OLD, "The log is not archived up to now."),
    Documented::fails(
        LOG_GAP,
        "Between the newest complete backup and now a part of the log is missing: nothing after it \
         can be restored.",
    ),
    Documented::fails(LOG_MISSING, "Nothing of the log is there since the newest complete backup."),
    Documented::fails(
        TIMELINE_LEFT,
        "The newest complete backup is of a timeline from which none leads to the one in use: no \
         backup can be rolled forward to now.",
    ),
    Documented::fails(
        HISTORY_MISSING,
        "The file that tells how the timeline in use began is not in the archive.",
    ),
    Documented::blinds(
        HISTORY_UNREADABLE,
        "The file that tells how the timeline in use began is garbled, or compressed otherwise than \
         by gzip: whether the log has a gap can't be told.",
    ),
    Documented::fails(
        NOT_ENCRYPTED,
        "A new object is not encrypted as `encrypted` demands, at a store that tells.",
    ),
    Documented::blinds(ENCRYPTION_UNKNOWN, "The store does not tell of encryption."),
    Documented::fails(
        NONE_BEFORE,
        "No complete backup ended within `before_deployment` before the deployment began.",
    ),
    Documented::fails(
        NONE_AFTER,
        "`after_deployment` has passed since the deployment began, and no backup has ended since.",
    ),
    Documented::blinds(
        TOO_LONG_AGO,
        "The deployment began so long ago that the backups from before are deleted.",
    ),
    Documented::blinds(
        Reason::NO_DEPLOYMENT,
        "No deployment was announced, so that nothing is before or after it.",
    ),
    Documented::blinds(
        Reason::NOT_YET,
        "No backup has ended since the deployment began, and there is time left for one.",
    ),
    Documented::fails(RESOURCE_ABSENT, "The custom resource that is named is not there."),
    Documented::warns_or_fails(
        STORE_DIFFERS,
        "The custom resource backs up to another bucket, path or endpoint than the one looked at, or \
         nowhere (fail); or names no endpoint, or the newest backup says that it was written elsewhere \
         (warn).",
    ),
    Documented::blinds(
        STORE_UNKNOWN,
        "The custom resource does not tell where it backs up to, or not in a way that is read.",
    ),
    Documented::fails(
        NOT_IN_BUCKET,
        "A custom resource says that its backup completed, 3 minutes ago or more, and the bucket has none of \
         that name.",
    ),
    Documented::warns(
        STATUS_BEHIND,
        "The bucket has a newer complete backup than any custom resource knows of.",
    ),
    Documented::warns(
        RETENTION_DIFFERS,
        "The custom resource keeps backups for another time, or in another number, than stated here.",
    ),
    Documented::warns(NO_SCHEDULE, "No schedule takes backups of this cluster to this store."),
    Documented::warns(SUSPENDED, "A schedule of backups is suspended, or backups are off."),
    Documented::warns(SCHEDULE_MISSED, "A backup was due by its schedule, and none was begun."),
    Documented::blinds(
        NOT_LISTABLE,
        "Neither dates nor an order in the keys tell, or there is more to list than `max_requests` \
         allows.",
    ),
    Documented::blinds(
        Reason::CLOCK_SKEW,
        "A backup lies over two minutes in the future, or the store finds our clock wrong.",
    ),
    Documented::blinds(Reason::SECRET_MISSING, "A key or `ca` can't be read on our side."),
    Documented::blinds(NO_CONNECTION, "No connection of this name is configured."),
    Documented::blinds(
        Reason::UNAUTHORIZED,
        "The store, or the API server, does not know or accept the key.",
    ),
    Documented::blinds(
        Reason::FORBIDDEN,
        "The key may not list the bucket or read its objects (some stores say so of a wrong key, too), \
         or Vigie may not list and watch the custom resources.",
    ),
    Documented::blinds(Reason::THROTTLED, "The store asks to be left alone for a while."),
    Documented::blinds(Reason::SERVER_ERROR, "The store is in trouble itself (5xx)."),
    Documented::blinds(NOT_IMPLEMENTED, "The store does not offer what is asked of it."),
    Documented::blinds(REJECTED, "The store refuses the question itself: a name, a region."),
    Documented::blinds(
        Reason::GARBLED,
        "The answer is not S3's, or contradicts itself; or a custom resource lacks what it must have.",
    ),
    Documented::blinds(Reason::TOO_LARGE, "An answer is larger than 8 MiB."),
    Documented::blinds(Reason::TIMED_OUT, "No answer within the time allowed."),
    Documented::blinds(Reason::REFUSED, "The store's host refuses the connection."),
    Documented::blinds(Reason::RESET, "The connection broke before the answer was complete."),
    Documented::blinds(Reason::UNREACHABLE, "The network does not reach the store's host."),
    Documented::blinds(Reason::NAME_NOT_FOUND, "The name of the store's host is not known."),
    Documented::blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell the address."),
    Documented::blinds(Reason::TLS_FAILED, "TLS to the store could not be established."),
    blind::RUNNING,
    blind::DOWN,
    blind::SILENT,
    blind::KIND_UNKNOWN,
    blind::NO_ACCESS,
];
