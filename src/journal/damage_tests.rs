//! A file that is broken, a disk that is full: told, and nothing stops for it.

use std::fs;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::tests::{Ground, assert_recalled, at, open, record, words};
use super::*;
use crate::model::deployment::Deployment;
use crate::model::finding::Finding;

/// A folder in which a daemon has kept all that [`Ground::lively`] knows, and three deployments.
pub(super) async fn kept() -> (tempfile::TempDir, Ground) {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::lively();
    let (journal, _) = open(folder.path());
    journal.keep(ground.known(1_000)).await;
    for n in 1..=3 {
        let deployment = ground.announce(&n.to_string(), 900 + n);
        journal.record(record(&deployment), at(1_000)).await.unwrap();
    }
    (folder, ground)
}

pub(super) fn versions(deployments: &[Deployment]) -> Vec<&str> {
    deployments.iter().map(|deployment| deployment.version.as_str()).collect()
}

/// A new one works, the old one lies aside, and both are told.
async fn assert_begun_anew(folder: &Path, damaged: &[u8]) {
    let (journal, recalled) = open(folder);
    let health = journal.health();
    assert_eq!(health.set_aside.len(), 1, "{health:?}");
    assert!(health.up);
    assert_eq!(fs::read(folder.join(&health.set_aside[0])).unwrap(), damaged, "as it was found");
    assert!(recalled.items.is_empty());
    let ground = Ground::lively();
    journal.keep(ground.known(1_000)).await;
    journal.record(record(&ground.announce("9", 990)), at(1_000)).await.unwrap();
    drop(journal);
    let (journal, recalled) = open(folder);
    assert_recalled(&recalled, &ground);
    assert_eq!(journal.health().set_aside.len(), 1, "told until somebody takes it away");
}

#[tokio::test]
async fn a_file_that_is_no_journal_is_moved_aside() {
    for content in [&b""[..], b"x", b"not a database, but as long as one has to be. ", &[0; 8_192]]
    {
        let folder = tempfile::tempdir().unwrap();
        let content = content.repeat(100);
        fs::write(folder.path().join(FILE), &content).unwrap();
        assert_begun_anew(folder.path(), &content).await;
    }
}

#[tokio::test]
async fn a_truncated_file_is_moved_aside() {
    let (folder, _) = kept().await;
    let file = folder.path().join(FILE);
    let whole = fs::read(&file).unwrap();
    for length in [100, 4_096, 10_000, whole.len() / 2, whole.len() - 4_096] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), &whole[..length]).unwrap();
        assert_begun_anew(folder.path(), &whole[..length]).await;
    }
}

#[tokio::test]
async fn acts_behind_an_overwritten_first_page_are_found() {
    for with in [0, 7, 0xff, b'x'] {
        let (folder, ground) = kept().await;
        let file = folder.path().join(FILE);
        // The last act stands in the log, and the first page does not.
        let mut other = Connection::open(&file).unwrap();
        other.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        record::write(&mut other, &record(&ground.announce("4", 960))).unwrap();
        drop(other);
        let mut damaged = fs::read(&file).unwrap();
        damaged[..4_096].fill(with);
        fs::write(&file, &damaged).unwrap();
        let (journal, recalled) = open(folder.path());
        assert_eq!(versions(&recalled.deployments), ["1", "2", "3", "4"], "filled with {with}");
        let health = journal.health();
        assert_eq!((health.up, health.set_aside.len()), (true, 1));
        let aside = folder.path().join(&health.set_aside[0]);
        assert_eq!(fs::read(aside).unwrap(), damaged, "as it was found");
        assert!(!folder.path().join(salvage::COPY).exists());
        journal.keep(ground.known(1_002)).await;
        drop(journal);
        let (_, recalled) = open(folder.path());
        assert_eq!(versions(&recalled.deployments), ["1", "2", "3", "4"], "after another start");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_in_one_line_of_bounded_length() {
    let (folder, _) = kept().await;
    let file = folder.path().join(FILE);
    let mut bytes = fs::read(&file).unwrap();
    // The page that says which page belongs to which.
    bytes[4_096..8_192].fill(7);
    fs::write(&file, bytes).unwrap();
    let found = file::check(&Connection::open(&file).unwrap()).unwrap_err().to_string();
    assert!(found.starts_with("the journal is damaged: *** in database main ***"), "{found}");
    assert!(found.lines().count() == 1 && !found.contains("  "), "{found}");
    let long = Trouble::damaged(&"a word\n".repeat(1_000)).to_string();
    assert!(long.lines().count() == 1 && long.chars().count() < 400, "{long}");
}

#[tokio::test]
async fn no_flipped_byte_is_believed() {
    let (folder, ground) = kept().await;
    let whole = fs::read(folder.path().join(FILE)).unwrap();
    let (mut aside, mut saved) = (0, 0);
    for n in 0..200 {
        let place = (n * 7_919) % whole.len();
        let mut flipped = whole.clone();
        flipped[place] ^= 0x41;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), &flipped).unwrap();
        // What is marked as of a newer schema, or as nobody's, is refused: that is told, too.
        let opened = Journal::open(folder.path(), &words(), at(2_000));
        let Ok((journal, recalled)) = opened else { continue };
        let versions = versions(&recalled.deployments);
        let health = journal.health();
        if health.set_aside.is_empty() {
            assert_eq!(versions, ["1", "2", "3"], "byte {place}");
            for item in &ground.board.snapshot().items {
                let memory = recalled.items.get(&item.card.id);
                let memory = memory.unwrap_or_else(|| panic!("byte {place}: {health:?}"));
                assert_eq!(memory.folded.as_ref(), Some(&item.folded), "byte {place}");
                assert_eq!(memory.turns, item.turns, "byte {place}");
            }
        } else {
            aside += 1;
            saved += versions.len();
            assert!(versions.iter().all(|version| ["1", "2", "3"].contains(version)));
        }
    }
    assert!(aside > 20 && saved > aside, "{aside} were moved aside, {saved} records saved");
}

#[tokio::test]
async fn a_file_that_breaks_while_it_is_used_is_begun_anew_with_all_that_is_known() {
    let (folder, ground) = kept().await;
    let (journal, _) = open(folder.path());
    journal.keep(ground.known(1_000)).await;
    let other = Connection::open(folder.path().join(FILE)).unwrap();
    other.execute_batch("DROP TABLE part").unwrap();
    drop(other);
    ground.report("a", Finding::pass("holds"), 1_001);
    journal.keep(ground.known(1_001)).await;
    let health = journal.health();
    assert_eq!((health.up, health.write_errors, health.set_aside.len()), (false, 1, 1));
    let act = record(&ground.announce("4", 960));
    let refused = journal.record(act.clone(), at(1_001)).await.unwrap_err();
    assert!(refused.0.contains("a new journal was begun"), "{refused:?}");
    journal.keep(ground.known(1_002)).await;
    assert!(journal.health().up);
    journal.record(act, at(1_002)).await.unwrap();
    drop(journal);
    let (_, recalled) = open(folder.path());
    assert_recalled(&recalled, &ground);
    assert_eq!(versions(&recalled.deployments), ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_file_that_was_taken_away_is_begun_anew_with_all_that_is_known() {
    let (folder, ground) = kept().await;
    let (journal, _) = open(folder.path());
    for part in ["", "-wal", "-shm"] {
        fs::remove_file(folder.path().join(format!("{FILE}{part}"))).ok();
    }
    let deployment = record(&ground.announce("4", 960));
    for second in [1_001, 1_002] {
        ground.report("c", Finding::pass("holds"), second);
        journal.keep(ground.known(second)).await;
    }
    journal.record(deployment, at(1_003)).await.unwrap();
    drop(journal);
    let (_, recalled) = open(folder.path());
    assert_recalled(&recalled, &ground);
    assert_eq!(versions(&recalled.deployments), ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn without_room_nothing_is_acknowledged_and_nothing_lost() {
    let (folder, ground) = kept().await;
    let mut acknowledged = vec!["1".to_owned(), "2".to_owned(), "3".to_owned()];
    {
        // As large as it is: not a page more.
        let (journal, recalled) =
            Journal::open_bounded(folder.path(), 1, &words(), at(1_000)).unwrap();
        assert_recalled(&recalled, &ground);
        let mut refused = 0;
        for n in 4..60 {
            let deployment = ground.announce(&n.to_string(), 900 + n);
            match journal.record(record(&deployment), at(1_000)).await {
                Ok(()) => acknowledged.push(n.to_string()),
                Err(Unrecorded(why)) => {
                    assert!(why.contains("no room"), "{why}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 0);
        let health = journal.health();
        assert_eq!((health.up, health.write_errors), (false, refused));
        assert!(health.trouble.unwrap().contains("no room"));
    }
    let (journal, recalled) = open(folder.path());
    assert_eq!(versions(&recalled.deployments), acknowledged);
    journal.keep(ground.known(2_000)).await;
    assert!(journal.health().up, "there is room again");
}

#[tokio::test]
async fn a_disk_that_is_well_again_is_written_again() {
    let (folder, ground) = kept().await;
    let (journal, _) = open(folder.path());
    let locked = Connection::open(folder.path().join(FILE)).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    ground.report("a", Finding::pass("holds"), 1_001);
    journal.keep(ground.known(1_001)).await;
    let health = journal.health();
    assert_eq!((health.up, health.write_errors), (false, 1));
    locked.execute_batch("ROLLBACK").unwrap();
    journal.keep(ground.known(1_002)).await;
    assert_eq!((journal.health().up, journal.health().trouble), (true, None));
    drop(journal);
    assert_recalled(&open(folder.path()).1, &ground);
}

#[test]
fn so_many_damaged_files_are_kept_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1..=12 {
        fs::write(folder.path().join(FILE), "scribble").unwrap();
        let (journal, _) = open(folder.path());
        let health = journal.health();
        assert_eq!((health.set_aside.len(), health.up), (n.min(10), n <= 10), "{health:?}");
    }
}
