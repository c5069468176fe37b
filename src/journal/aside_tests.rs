//! A daemon that is killed while it puts a new journal in the place of a damaged one.

use std::fs;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::damage_tests::versions;
use super::room_tests::killed;
use super::tests::{at, open};
use super::*;

const DAMAGED: &str = "vigie.db.damaged-20261123T143000Z";

/// A folder with a damaged journal, the last act in its log, and a new one with all acts that is not
/// in its place yet.
async fn begun() -> tempfile::TempDir {
    let (folder, _) = killed().await;
    let other = Connection::open(folder.path().join(FILE)).unwrap();
    other.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    other.execute_batch("UPDATE part SET json = json || ' '").unwrap();
    drop(other);
    let salvaged = salvage::records(&folder.path().join(FILE));
    file::make(folder.path(), file::MOST_PAGES, at(1_001), &salvaged).unwrap();
    folder
}

/// Moves so many of the damaged one's files aside, as a daemon does.
fn moved(folder: &Path, count: usize) {
    for part in ["", "-wal", "-shm"].iter().take(count) {
        let from = folder.join(format!("{FILE}{part}"));
        fs::rename(from, folder.join(format!("{DAMAGED}{part}"))).unwrap();
    }
}

#[tokio::test]
async fn a_kill_between_any_two_steps_loses_no_act() {
    for count in 0..=3 {
        let folder = begun().await;
        let folder = folder.path();
        moved(folder, count);
        let (journal, recalled) = open(folder);
        assert_eq!(versions(&recalled.deployments), ["1", "2", "3", "4"], "{count} moved");
        let health = journal.health();
        assert_eq!((health.up, health.set_aside.len()), (true, 1), "{count} moved: {health:?}");
        let log = format!("{}-wal", health.set_aside[0]);
        assert!(folder.join(log).exists(), "{count} moved: what is damaged has its log");
        assert!(!folder.join(aside::NEW).exists() && !folder.join("vigie.db-wal.left").exists());
    }
}

#[tokio::test]
async fn a_new_one_that_is_not_whole_is_not_used() {
    let folder = begun().await;
    let folder = folder.path();
    moved(folder, 3);
    let whole = fs::read(folder.join(aside::NEW)).unwrap();
    fs::remove_file(folder.join(aside::NEW)).unwrap();
    let part = folder.join("vigie.db.begun");
    fs::write(&part, &whole[..whole.len() / 2]).unwrap();
    let (journal, recalled) = open(folder);
    assert!(recalled.deployments.is_empty() && !part.exists());
    assert_eq!((journal.health().up, journal.health().set_aside.len()), (true, 1));
}

#[tokio::test]
async fn a_new_one_without_a_damaged_one_is_not_used() {
    let folder = begun().await;
    let folder = folder.path();
    for part in ["", "-wal", "-shm"] {
        fs::remove_file(folder.join(format!("{FILE}{part}"))).unwrap();
    }
    let (_, recalled) = open(folder);
    assert!(recalled.deployments.is_empty(), "somebody took the journal away");
}
