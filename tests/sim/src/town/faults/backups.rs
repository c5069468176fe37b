//! The object store: buckets, and the backups in them.

use jiff::SignedDuration;

use super::super::fault::Deed::{Later, Now};
use super::super::fault::{Doing, Fault, blind, fails, warns};
use super::super::furnish::{BUCKETS, POSTGRES_SERVER, Taken};
use super::fault;
use crate::s3::{MONGODB_BUCKET, POSTGRES_BUCKET, Settings};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "bucket-gone",
        "the bucket of registry imports is deleted",
        &[
            fails("s3-bucket-registry-imports", "BucketMissing"),
            blind("s3-access-control", "BucketMissing"),
        ],
        Now(|doing| {
            doing.town.s3.delete(BUCKETS[2]);
            doing.mend(|town| {
                town.furnish_bucket(BUCKETS[2]);
                Ok(())
            });
            Ok(())
        }),
    ),
    fault(
        "bucket-public",
        "everybody may list the bucket of exports",
        &[fails("s3-access-control", "PublicAccess")],
        Now(|doing| {
            let open = Settings { open: &["ListObjectsV2"], ..Settings::default() };
            doing.town.s3.set(BUCKETS[3], open);
            doing.mend(|town| {
                town.furnish_bucket(BUCKETS[3]);
                Ok(())
            });
            Ok(())
        }),
    ),
    fault(
        "main-bucket-granted",
        "the list of rights of the main bucket lets everybody read",
        &[fails("s3-access-control", "PublicGrant"), fails("s3-access-keys", "PublicGrant")],
        Now(|doing| {
            let grants = vec![("global/AllUsers", "READ")];
            doing.town.s3.set(BUCKETS[0], Settings { grants, ..Settings::default() });
            doing.mend(|town| {
                town.furnish_bucket(BUCKETS[0]);
                Ok(())
            });
            Ok(())
        }),
    ),
    fault(
        "store-refuses",
        "the object store refuses connections",
        &[
            fails("s3-storage", "Refused"),
            fails("s3-bucket-main", "Refused"),
            fails("s3-bucket-registry-errors", "Refused"),
            fails("s3-bucket-registry-imports", "Refused"),
            fails("s3-bucket-registry-exports", "Refused"),
            fails("s3-bucket-texs-analysis", "Refused"),
            fails("s3-bucket-registry-models", "Refused"),
            fails("s3-bucket-registry-exhaustive-exports", "Refused"),
            fails("s3-bucket-bsd-templates", "Refused"),
            fails("s3-bucket-postgres-backups", "Refused"),
            fails("s3-bucket-mongodb-backups", "Refused"),
            fails("backup-buckets", "MemberFailing"),
            fails("s3-access-keys", "Refused"),
            blind("s3-access-control", "Refused"),
            blind("postgres-backup", "Refused"),
            blind("mongodb-backup", "Refused"),
            blind("backups-visible", "Refused"),
            blind("backup-retention", "Refused"),
            blind("backups-encrypted", "Refused"),
            blind("backup-before-deployment", "Refused"),
            blind("watch-backups", "Refused"),
        ],
        Later(|doing| {
            doing.town.s3.stop();
            doing.mend_later(|town| Box::pin(town.s3.start_again()));
            Box::pin(std::future::ready(Ok(())))
        }),
    ),
    fault(
        "backup-stale",
        "PostgreSQL's bucket has no base backup of the last week",
        &[
            fails("postgres-backup", "BackupTooOld"),
            fails("watch-backups", "BackupTooOld"),
            warns("backup-retention", "TooFewBackups"),
        ],
        Now(|doing| {
            let since = doing.town.now() - SignedDuration::from_hours(7 * 24);
            let lost = |key: &str| {
                let folder =
                    key.strip_prefix("postgres/base/").and_then(|rest| rest.split('/').next());
                folder.is_some_and(|id| *id > *since.strftime("%Y%m%dT%H%M%S").to_string())
            };
            doing.town.s3.remove_all(POSTGRES_BUCKET, |key, _| lost(key));
            fill_again(doing);
            Ok(())
        }),
    ),
    fault(
        "log-has-a-gap",
        "a segment of PostgreSQL's log is missing in the archive",
        &[
            fails("postgres-backup", "LogGap"),
            fails("watch-backups", "LogGap"),
            fails("backups-visible", "LogGap"),
            fails("backup-retention", "LogGap"),
            fails("backups-encrypted", "LogGap"),
            fails("backup-before-deployment", "LogGap"),
        ],
        Now(|doing| {
            let town = doing.town;
            let lost = town.segment(town.now() - SignedDuration::from_hours(2));
            town.s3.lose_wal(POSTGRES_BUCKET, POSTGRES_SERVER, 1, lost);
            fill_again(doing);
            Ok(())
        }),
    ),
    fault(
        "log-stopped",
        "nothing of PostgreSQL's log was archived for half an hour",
        &[warns("postgres-backup", "LogTooOld"), warns("watch-backups", "LogTooOld")],
        Now(|doing| {
            let since = doing.town.now() - SignedDuration::from_mins(30);
            doing.town.s3.remove_all(POSTGRES_BUCKET, |key, object| {
                key.contains("/wals/") && object.modified > since
            });
            fill_again(doing);
            Ok(())
        }),
    ),
    fault(
        "backup-tiny",
        "the newest base backup of PostgreSQL is a tenth of what it was",
        &[
            warns("postgres-backup", "BackupSizeOdd"),
            warns("backups-visible", "BackupSizeOdd"),
            warns("backup-retention", "BackupSizeOdd"),
            warns("backups-encrypted", "BackupSizeOdd"),
            warns("backup-before-deployment", "BackupSizeOdd"),
            warns("watch-backups", "BackupSizeOdd"),
        ],
        Now(|doing| {
            let taken = Taken::as_of(doing.town.founded);
            doing.town.put_base_backup(taken.postgres[0], 100_000_000);
            fill_again(doing);
            Ok(())
        }),
    ),
    fault(
        "backups-never-deleted",
        "a base backup of two months ago is still there",
        &[fails("backup-retention", "RetentionOverrun")],
        Now(|doing| {
            let old = doing.town.now() - SignedDuration::from_hours(60 * 24);
            doing.town.put_base_backup(old, 900_000_000);
            fill_again(doing);
            Ok(())
        }),
    ),
    fault(
        "backups-in-the-clear",
        "nothing tells that what is written to MongoDB's bucket is encrypted",
        &[blind("backups-encrypted", "EncryptionUnknown")],
        Now(|doing| {
            doing.town.s3.delete(MONGODB_BUCKET);
            doing.town.fill_mongodb_in_the_clear();
            doing.mend(|town| {
                town.fill_mongodb();
                Ok(())
            });
            Ok(())
        }),
    ),
    fault(
        "mongodb-backup-broke-off",
        "MongoDB's newest backup broke off, and so did the one before it",
        &[
            fails("mongodb-backup", "BackupFailed"),
            fails("watch-backups", "BackupFailed"),
            fails("backups-visible", "BackupFailed"),
            fails("backup-before-deployment", "BackupFailed"),
            fails("backup-retention", "BackupFailed"),
            fails("backups-encrypted", "BackupFailed"),
        ],
        Now(|doing| {
            for hours in [1, 2] {
                let at = doing.town.now() - SignedDuration::from_hours(hours);
                doing.town.s3.pbm_backup(MONGODB_BUCKET, at, |metadata| {
                    metadata["status"] = "error".into();
                    metadata["error"] = "no space left".into();
                });
            }
            doing.mend(|town| {
                town.fill_mongodb();
                Ok(())
            });
            Ok(())
        }),
    ),
];

fn fill_again(doing: &mut Doing<'_>) {
    doing.mend(|town| {
        town.fill_postgres();
        Ok(())
    });
}
