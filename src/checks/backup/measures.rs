//! The figures of backups.

use std::time::Duration;

use crate::model::measure::Measure;

pub(super) static LAST_SUCCESS: Measure = Measure::gauge(
    "vigie_backup_last_success_timestamp_seconds",
    "When the newest complete backup was taken: what it restores to, and no later than its key says.",
    &["bucket", "prefix"],
);
pub(super) static LAST_SIZE: Measure = Measure::gauge(
    "vigie_backup_last_size_bytes",
    "The size of the newest complete backup.",
    &["bucket", "prefix"],
);
pub(super) static COUNT: Measure = Measure::gauge(
    "vigie_backups",
    "Complete backups, where all could be seen.",
    &["bucket", "prefix"],
);
pub(super) static OLDEST: Measure = Measure::gauge(
    "vigie_backup_oldest_timestamp_seconds",
    "When the oldest complete backup was taken, where it could be seen.",
    &["bucket", "prefix"],
);
pub(super) static LOG_ARCHIVED: Measure = Measure::gauge(
    "vigie_backup_log_last_archived_timestamp_seconds",
    "Up to when the log between backups is archived: the newest WAL segment, the newest oplog slice.",
    &["bucket", "prefix"],
);
pub(super) static FAILED: Measure = Measure::gauge(
    "vigie_backup_failed_attempts",
    "Backups after the newest complete one that broke off or can't be used.",
    &["bucket", "prefix"],
);
pub(super) static REQUESTS: Measure = Measure::gauge(
    "vigie_backup_look_requests",
    "Requests that listing and reading took the last time the store was asked.",
    &["bucket", "prefix"],
);
/// When the backup ended that was there before a deployment; it may be deleted afterwards.
pub(super) static BEFORE: Measure =
    Measure::memory("backup_before_deployment", &["started"], Duration::from_hours(24));
