//! A process that is killed at any moment has lost nothing that it acknowledged.
//!
//! A child records acts one after the other, and says each time that one was acknowledged. It is
//! killed a hundred times, in the middle of opening, of recording, of keeping what machines saw.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use vigie::journal::{FILE, Journal, Known, Recalled, Record};
use vigie::model::acts::{Act, Maintenance};
use vigie::model::memory::Vocabulary;

use crate::fixtures::{ago, everything, now};

const FOLDER: &str = "VIGIE_TEST_JOURNAL";
const FIRST: &str = "VIGIE_TEST_FIRST";
const ACKNOWLEDGED: &str = "acknowledged: ";
const KILLS: usize = 100;

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_hundred_kills() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged = BTreeSet::new();
    for kill in 0..KILLS {
        acknowledged.extend(killed(folder.path(), kill));
        if kill % 10 == 9 || kill < 5 {
            assert_held(folder.path(), &acknowledged);
        }
    }
    assert!(acknowledged.len() >= 2 * KILLS, "{} acts in {KILLS} runs", acknowledged.len());
}

/// A child, killed at a random moment; returns what it said it had recorded.
fn killed(folder: &Path, run: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["journal::kill::a_child_records_until_it_is_killed", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, (run * 10_000).to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let random = RandomState::new().hash_one(run);
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let told = |line: std::io::Result<String>| {
        let line = line.expect("a line");
        line.split_once(ACKNOWLEDGED).map(|(_, id)| id.to_owned())
    };
    let until = usize::try_from(random % 9).expect("a number");
    let mut acknowledged: Vec<_> = lines.by_ref().filter_map(told).take(until).collect();
    assert_eq!(acknowledged.len(), until, "the child of run {run} ended by itself");
    std::thread::sleep(Duration::from_micros((random >> 32) % 6_000));
    child.kill().expect("killed");
    child.wait().expect("its end");
    acknowledged.extend(lines.filter_map(told));
    acknowledged
}

fn assert_held(folder: &Path, acknowledged: &BTreeSet<String>) {
    let (journal, recalled) = open(folder);
    let health = journal.health();
    assert_eq!((health.up, &health.set_aside), (true, &Vec::new()), "{health:?}");
    let held: BTreeSet<_> = recalled.maintenance.iter().map(|span| span.id.clone()).collect();
    let lost: Vec<_> = acknowledged.difference(&held).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    drop(journal);
    let connection = rusqlite::Connection::open(folder.join(FILE)).expect("a file");
    let sound: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(sound, "ok");
}

fn open(folder: &Path) -> (Journal, Recalled) {
    Journal::open(folder, &Vocabulary::new([], []), now()).expect("a journal")
}

/// Does nothing, but in the child of the test above.
#[tokio::test]
async fn a_child_records_until_it_is_killed() {
    let (Some(folder), Some(first)) = (std::env::var_os(FOLDER), std::env::var_os(FIRST)) else {
        return;
    };
    let (journal, _) = open(Path::new(&folder));
    let first: usize = first.to_str().and_then(|first| first.parse().ok()).expect("a number");
    let mut snapshot = everything();
    for n in first.. {
        let id = format!("m{n}");
        let span = Maintenance {
            id: id.clone(),
            who: Some("Jo".to_owned()),
            token: Some("team".to_owned()),
            at: ago(60),
            from: ago(60),
            until: now() + jiff::SignedDuration::from_hours(1),
            sections: vec![],
            why: "a disk is changed ".repeat(n % 40),
            ended: None,
        };
        let record = Record::act(&Act::Maintenance(span)).expect("JSON");
        journal.record(vec![record], now()).await.expect("recorded");
        writeln!(std::io::stdout(), "{ACKNOWLEDGED}{id}").expect("somebody who listens");
        for item in &mut snapshot.items {
            Arc::make_mut(item).attempts[0] += 1;
        }
        let known = Known { snapshot: snapshot.clone(), pasts: vec![], now: now() };
        journal.keep(known).await;
    }
}
