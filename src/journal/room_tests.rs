//! Starts on a disk without room. The index of SQLite's log is what a start needs room for first, so
//! here a link that leads nowhere lies in its place.

use std::fs;
use std::os::unix::fs::symlink;

use super::damage_tests::{kept, versions};
use super::tests::{Ground, assert_recalled, at, open, record, words};
use super::*;
use crate::model::finding::Finding;

/// A folder as a killed daemon left it: what it kept stands in the log.
pub(super) async fn killed() -> (tempfile::TempDir, Ground) {
    let (folder, ground) = kept().await;
    let (journal, _) = open(folder.path());
    ground.report("a", Finding::pass("holds"), 1_001);
    journal.keep(ground.known(1_001)).await;
    journal.record(record(&ground.announce("4", 960)), at(1_001)).await.unwrap();
    let left = tempfile::tempdir().unwrap();
    for part in ["", "-wal"] {
        let name = format!("{FILE}{part}");
        fs::copy(folder.path().join(&name), left.path().join(&name)).unwrap();
    }
    assert!(fs::metadata(left.path().join(format!("{FILE}-wal"))).unwrap().len() > 0);
    (left, ground)
}

pub(super) fn index(folder: &Path) -> PathBuf {
    folder.join(format!("{FILE}-shm"))
}

pub(super) fn without_room(folder: &Path) {
    symlink("/nowhere/at/all", index(folder)).unwrap();
}

/// The files of the journal, as they are.
pub(super) fn files(folder: &Path) -> Vec<Option<Vec<u8>>> {
    ["", "-wal"].iter().map(|part| fs::read(folder.join(format!("{FILE}{part}"))).ok()).collect()
}

#[tokio::test]
async fn what_can_be_read_is_remembered_told_and_kept_when_there_is_room() {
    for (folder, ground) in [kept().await, killed().await] {
        let folder = folder.path();
        let before = files(folder)[0].clone();
        without_room(folder);
        let (journal, recalled) = open(folder);
        assert_recalled(&recalled, &ground);
        let deployments = recalled.deployments.len();
        assert_eq!(files(folder)[0], before);
        let health = journal.health();
        assert_eq!((health.up, health.write_errors, health.set_aside.len()), (false, 1, 0));
        assert!(health.trouble.is_some());
        let act = record(&ground.announce("9", 990));
        journal.record(act.clone(), at(1_002)).await.unwrap_err();
        journal.keep(ground.known(1_002)).await;
        assert!(!journal.health().up);
        fs::remove_file(index(folder)).unwrap();
        ground.report("c", Finding::pass("holds"), 1_003);
        journal.keep(ground.known(1_003)).await;
        assert!(journal.health().up, "{:?}", journal.health());
        journal.record(act, at(1_003)).await.unwrap();
        drop(journal);
        let (_, recalled) = open(folder);
        assert_recalled(&recalled, &ground);
        assert_eq!(recalled.deployments.len(), deployments + 1);
    }
}

#[tokio::test]
async fn what_can_not_be_read_is_waited_for_and_not_written_over() {
    let (folder, ground) = killed().await;
    let (folder, log) = (folder.path(), folder.path().join(format!("{FILE}-wal")));
    without_room(folder);
    let before = files(folder);
    let aside = folder.join("log");
    fs::rename(&log, &aside).unwrap();
    fs::create_dir(&log).unwrap();
    for _ in 0..2 {
        let unread = Journal::open(folder, &words(), at(1_002)).unwrap_err();
        assert!(matches!(&unread, Unopened::Unread(_)), "{unread:?}");
    }
    fs::remove_dir(&log).unwrap();
    fs::rename(&aside, &log).unwrap();
    assert_eq!(files(folder), before, "untouched");
    fs::remove_file(index(folder)).unwrap();
    let (journal, recalled) = open(folder);
    assert!(journal.health().up);
    assert_recalled(&recalled, &ground);
    assert_eq!(versions(&recalled.deployments), ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn of_a_damaged_file_the_acts_are_remembered_and_it_is_moved_aside_when_there_is_room() {
    let (folder, ground) = kept().await;
    let folder = folder.path();
    let other = rusqlite::Connection::open(folder.join(FILE)).unwrap();
    other.execute_batch("UPDATE part SET json = json || ' '").unwrap();
    other.close().unwrap();
    without_room(folder);
    let (journal, recalled) = open(folder);
    assert_eq!(versions(&recalled.deployments), ["1", "2", "3"]);
    assert_eq!((journal.health().up, journal.health().set_aside.len()), (false, 0));
    fs::remove_file(index(folder)).unwrap();
    journal.keep(ground.known(1_002)).await;
    let health = journal.health();
    assert_eq!((health.up, health.set_aside.len()), (true, 1), "{health:?}");
    drop(journal);
    let (_, recalled) = open(folder);
    assert_recalled(&recalled, &ground);
    assert_eq!(versions(&recalled.deployments), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_file_that_was_not_read_is_not_written_to() {
    let (folder, ground) = kept().await;
    let (journal, _) = open(folder.path());
    journal.keep(ground.known(1_001)).await;
    let (other, _) = kept().await;
    let theirs = fs::read(other.path().join(FILE)).unwrap();
    let (file, new) = (folder.path().join(FILE), folder.path().join("restored"));
    fs::write(&new, &theirs).unwrap();
    fs::rename(&new, &file).unwrap();
    for second in [1_002, 1_003] {
        ground.report("c", Finding::pass("holds"), second);
        journal.keep(ground.known(second)).await;
        let refused = journal.record(record(&ground.announce("4", 960)), at(second)).await;
        assert!(refused.unwrap_err().0.contains("another file"));
    }
    assert!(!journal.health().up && fs::read(&file).unwrap() == theirs);
    fs::remove_file(&file).unwrap();
    for part in ["-wal", "-shm"] {
        fs::remove_file(format!("{}{part}", file.display())).ok();
    }
    journal.keep(ground.known(1_004)).await;
    assert!(journal.health().up, "{:?}", journal.health());
}
