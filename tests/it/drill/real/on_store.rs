//! Faults of a real object store and of the backups in it.

use jiff::Timestamp;
use vigie::systems::clock::Clock;
use vigie_sim::town::{Town, Turn, blind, fails, warns};

use super::archive::{Archive, Taken};
use crate::drill::{Drill, Place};
use crate::real::store::REGION;

/// The items that look at PostgreSQL's backups, whatever they want of them.
const BACKUPS: [&str; 6] = [
    "postgres-backup",
    "watch-backups",
    "backups-visible",
    "backup-retention",
    "backups-encrypted",
    "backup-before-deployment",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_real_store_turns_its_items_and_no_other_and_heals() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path(), Clock::System.now()).await.expect("a town");
    let Some(archive) = Archive::open(&town).await else { return };
    let place = Place {
        variables: vec![("s3_endpoint", archive.endpoint().to_owned())],
        environment: vec![("region: fr-par".to_owned(), format!("region: {REGION}"))],
        not_applicable: &[],
        looked_at: [BACKUPS.as_slice(), &BUCKETS, &OF_APPLICATION].concat(),
    };
    let mut drill = Drill::in_place(&town, folder.path(), place).await;
    of_backups(&mut drill, &archive, town.deployed()).await;
    of_buckets(&mut drill, &archive).await;
    drill.end();
}

async fn of_backups(drill: &mut Drill, archive: &Archive, deployed: Timestamp) {
    let taken = Taken::default();
    let back = async || archive.put_back(&taken).await;
    let turns = BACKUPS.map(|item| fails(item, "LogGap"));
    drill.fault("segment-lost", &turns, async || archive.lose_segment(&taken).await, back).await;
    let turns = [
        fails("postgres-backup", "BackupTooOld"),
        fails("watch-backups", "BackupTooOld"),
        warns("backup-retention", "TooFewBackups"),
    ];
    drill.fault("backups-lost", &turns, async || archive.lose_backups(&taken).await, back).await;
    let mut turns = BACKUPS.map(|item| warns(item, "BackupFailed"));
    // The operator says that it completed.
    turns[0] = fails(BACKUPS[0], "BackupNotInBucket");
    // Where the deployment is of yesterday, it was the first since then, and there is time for one.
    if !archive.is_older_since(deployed) {
        let watch = turns.iter_mut().find(|turn| turn.item == "watch-backups");
        *watch.expect("it") = Turn { item: "watch-backups", standing: "pending", reason: "" };
    }
    drill.fault("backup-broke-off", &turns, async || archive.break_off(&taken).await, back).await;
    let turns = BACKUPS.map(|item| fails(item, "BackupUnreadable"));
    drill.fault("backup-info-cut", &turns, async || archive.truncate(&taken).await, back).await;
    let turns = BACKUPS.map(|item| fails(item, "BackupDataMissing"));
    drill.fault("backup-data-lost", &turns, async || archive.lose_data(&taken).await, back).await;
    let turns = [fails("backups-encrypted", "NotEncrypted")];
    let encrypt = async || archive.encrypt().await;
    drill.fault("backup-in-the-clear", &turns, async || archive.decrypt().await, encrypt).await;
}

async fn of_buckets(drill: &mut Drill, archive: &Archive) {
    let turns = [fails("s3-access-control", "PublicAccess")];
    let close = async || archive.close_exports().await;
    drill.fault("exports-public", &turns, async || archive.open_exports().await, close).await;
    let turns = [
        fails("s3-bucket-registry-imports", "BucketMissing"),
        blind("s3-access-control", "BucketMissing"),
    ];
    let make = async || archive.make_imports().await;
    drill.fault("imports-lost", &turns, async || archive.lose_imports().await, make).await;
    let mut turns = vec![
        fails("s3-storage", "Unauthorized"),
        fails("s3-bucket-postgres-backups", "Unauthorized"),
        fails("s3-bucket-mongodb-backups", "Unauthorized"),
        fails("backup-buckets", "MemberFailing"),
        fails("s3-access-keys", "Unauthorized"),
        blind("s3-access-control", "Unauthorized"),
        blind("mongodb-backup", "Unauthorized"),
    ];
    turns.extend(BACKUPS.map(|item| blind(item, "Unauthorized")));
    turns.extend(OF_APPLICATION.map(|item| fails(item, "Unauthorized")));
    let accept = async || archive.accept_key().await;
    drill.fault("key-revoked", &turns, async || archive.revoke_key().await, accept).await;
    drill.change("document-written", &[], async || archive.another_object().await).await;
}

/// The items that look at the store, whatever lies in it.
const BUCKETS: [&str; 7] = [
    "s3-storage",
    "s3-bucket-postgres-backups",
    "s3-bucket-mongodb-backups",
    "backup-buckets",
    "s3-access-keys",
    "s3-access-control",
    "mongodb-backup",
];
/// The items that look at the application's buckets, one each.
const OF_APPLICATION: [&str; 8] = [
    "s3-bucket-main",
    "s3-bucket-registry-errors",
    "s3-bucket-registry-imports",
    "s3-bucket-registry-exports",
    "s3-bucket-texs-analysis",
    "s3-bucket-registry-models",
    "s3-bucket-registry-exhaustive-exports",
    "s3-bucket-bsd-templates",
];
