//! Another file in the place of ours, under whatever number, is not ours.

use std::fs;

use super::damage_tests::{kept, versions};
use super::room_tests::{files, index, killed, without_room};
use super::tests::{Ground, assert_recalled, at, open, record};
use super::*;
use crate::model::finding::Finding;

/// Takes the journal away, and all that belongs to it.
fn take_away(folder: &Path) {
    for part in ["", "-wal", "-shm"] {
        fs::remove_file(folder.join(format!("{FILE}{part}"))).ok();
    }
}

/// The journal of another daemon, which has one deployment.
async fn of_another() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::new(&["other"]);
    let (journal, _) = open(folder.path());
    journal.keep(ground.known(1_000)).await;
    journal.record(record(&ground.announce("theirs", 900)), at(1_000)).await.unwrap();
    drop(journal);
    fs::read(folder.path().join(FILE)).unwrap()
}

async fn assert_refused(journal: &Journal, ground: &Ground) {
    for second in [1_010, 1_011] {
        ground.report("c", Finding::pass("holds"), second);
        journal.keep(ground.known(second)).await;
        let refused = journal.record(record(&ground.announce("4", 960)), at(second)).await;
        assert!(refused.unwrap_err().0.contains("another file"));
    }
    assert!(!journal.health().up);
}

/// File systems give the number of a deleted file to the next. Here the second name of one keeps the
/// number, whatever is written under it.
#[tokio::test]
async fn a_file_with_the_number_of_one_that_is_gone_is_not_taken_for_it() {
    let (folder, ground) = kept().await;
    let (file, number) = (folder.path().join(FILE), folder.path().join("number"));
    let (journal, _) = open(folder.path());
    journal.keep(ground.known(1_001)).await;
    fs::hard_link(&file, &number).unwrap();
    take_away(folder.path());
    journal.keep(ground.known(1_002)).await;
    assert!(journal.health().up, "{:?}", journal.health());

    let theirs = of_another().await;
    fs::write(&number, &theirs).unwrap();
    fs::rename(&number, &file).unwrap();
    assert_refused(&journal, &ground).await;
    drop(journal);
    assert_eq!(fs::read(&file).unwrap(), theirs);
    let (journal, recalled) = open(folder.path());
    assert_eq!(versions(&recalled.deployments), ["theirs"], "and nothing out of our log");
    assert_eq!((journal.health().up, journal.health().set_aside.len()), (true, 0));
}

#[tokio::test]
async fn what_was_read_without_room_is_held_so_that_no_other_gets_its_number() {
    let (folder, ground) = killed().await;
    let (folder, file) = (folder.path(), folder.path().join(FILE));
    without_room(folder);
    let (journal, recalled) = open(folder);
    assert_recalled(&recalled, &ground);
    assert!(!journal.health().up);
    fs::remove_file(&file).unwrap();
    let deleted = PathBuf::from(format!("{} (deleted)", file.display()));
    let open = fs::read_dir("/proc/self/fd").unwrap();
    let mut open = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    assert!(open.any(|path| path == deleted), "or its number would be free");

    let theirs = of_another().await;
    fs::write(&file, &theirs).unwrap();
    fs::remove_file(index(folder)).unwrap();
    assert_refused(&journal, &ground).await;
    assert_eq!(files(folder), [Some(theirs), None], "our log would be read into it");
}

#[tokio::test]
async fn the_log_of_a_file_that_is_gone_is_not_read_into_the_next() {
    let (folder, _) = killed().await;
    let folder = folder.path();
    let log = files(folder)[1].clone();
    fs::remove_file(folder.join(FILE)).unwrap();
    let (journal, recalled) = open(folder);
    assert!(recalled.items.is_empty() && recalled.deployments.is_empty());
    assert_eq!((journal.health().up, journal.health().set_aside.len()), (true, 0));
    assert_eq!(fs::read(folder.join("vigie.db-wal.left")).ok(), log, "kept for whoever asks");
}
