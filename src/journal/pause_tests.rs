//! Times of which there is no record.

use super::tests::{Ground, at, id, words};
use super::*;
use crate::board::Event;
use crate::model::finding::Finding;
use crate::model::pause::Pause;

fn open(folder: &Path, second: u64) -> (Journal, Recalled) {
    Journal::open(folder, &words(), at(second)).unwrap()
}

fn pause(from: u64, to: u64) -> Pause {
    Pause { from: at(from), to: at(to) }
}

#[tokio::test]
async fn the_time_in_which_no_daemon_ran_is_known_for_a_month() {
    const MONTH: u64 = 31 * 86_400;
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::new(&["a"]);
    ground.report("a", Finding::pass("holds"), 1_000);
    let (journal, recalled) = open(folder.path(), 1_000);
    assert!(recalled.pauses.is_empty(), "nothing is known of before");
    // Nothing happens, and it is written down that somebody would see it.
    for second in (1_000..2_000).step_by(10) {
        journal.keep(ground.known(second)).await;
    }
    drop(journal);
    let (journal, recalled) = open(folder.path(), 2_060);
    assert_eq!(recalled.pauses, [], "a restart is none");
    journal.keep(ground.known(2_060)).await;
    drop(journal);

    let mut pauses = vec![pause(2_060, 9_000)];
    for (start, end) in [(9_000, 9_100), (20_000, 20_100)] {
        let (journal, recalled) = open(folder.path(), start);
        assert_eq!(recalled.pauses, pauses);
        ground.board.apply(Event::Recalled(vec![], vec![], recalled.pauses), at(start));
        journal.keep(ground.known(start)).await;
        journal.keep(ground.known(end)).await;
        pauses.push(pause(end, 20_000));
    }
    let (journal, _) = open(folder.path(), 20_110);
    journal.keep(ground.known(20_100 + MONTH)).await;
    drop(journal);
    let (_, recalled) = open(folder.path(), 20_110 + MONTH);
    assert_eq!(recalled.pauses, [], "forgotten");
}

#[tokio::test]
async fn the_time_in_which_the_machine_slept_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::new(&["a"]);
    let (journal, _) = open(folder.path(), 1_000);
    for second in [1_000, 1_001, 8_000, 8_001] {
        ground.board.apply(Event::Ticked(vec![]), at(second));
        journal.keep(ground.known(second)).await;
    }
    drop(journal);
    let (_, recalled) = open(folder.path(), 8_010);
    assert_eq!(recalled.pauses, [pause(1_001, 8_000)]);
}

#[tokio::test]
async fn a_file_without_a_sign_of_life_is_as_old_as_its_last_look() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::new(&["a", "b"]);
    ground.report("a", Finding::pass("holds"), 1_000);
    ground.report("b", Finding::pass("holds"), 970);
    open(folder.path(), 1_000).0.keep(ground.known(1_010)).await;
    let connection = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    assert_eq!(connection.execute("DELETE FROM record WHERE kind = 'pulse'", []).unwrap(), 1);
    drop(connection);
    let (_, recalled) = open(folder.path(), 5_000);
    assert_eq!(recalled.items[&id("a")].last_attempt, Some(at(1_000)));
    assert_eq!(recalled.pauses, [pause(1_000, 5_000)]);
}
