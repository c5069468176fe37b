//! A process that is killed at any moment has lost nothing that it acknowledged.
//!
//! A child records acts one after the other, and says each time that one was acknowledged. It is
//! killed a hundred times, in the middle of opening, of recording, of keeping what machines saw.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use vigie::journal::{FILE, Journal, Known, Recalled, Record};
use vigie::model::acts::{Act, Attestation, Covers, Maintenance, Waiver};
use vigie::model::memory::Vocabulary;

use crate::fixtures::{ago, everything, id, now};

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
        assert_held(copy(folder.path()).path(), &acknowledged);
    }
    assert_held(folder.path(), &acknowledged);
    assert!(acknowledged.len() >= 2 * KILLS, "{} acts in {KILLS} runs", acknowledged.len());
}

/// A child, killed at a random moment; returns what it said it had recorded.
fn killed(folder: &Path, run: usize) -> Vec<usize> {
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
        line.split_once(ACKNOWLEDGED).map(|(_, act)| act.parse().expect("its number"))
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

/// What a kill left, in another folder: the next child is to find it as it was left, its log
/// included, and not as somebody has closed it who looked.
fn copy(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for part in ["", "-wal"] {
        let name = format!("{FILE}{part}");
        match fs::copy(folder.join(&name), copy.path().join(&name)) {
            Ok(_) => {}
            // Killed before there was anything.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("{name}: {error}"),
        }
    }
    copy
}

/// Each act is there, and says what was said.
fn assert_held(folder: &Path, acknowledged: &BTreeSet<usize>) {
    let (journal, recalled) = open(folder);
    let health = journal.health();
    assert_eq!((health.up, &health.set_aside), (true, &Vec::new()), "{health:?}");
    let held = held(recalled);
    for n in acknowledged {
        let said = act(*n);
        assert_eq!(held.get(said.id()), Some(&said), "act {n}");
    }
    drop(journal);
    let connection = rusqlite::Connection::open(folder.join(FILE)).expect("a file");
    let sound: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(sound, "ok");
}

fn open(folder: &Path) -> (Journal, Recalled) {
    Journal::open(folder, &Vocabulary::new([], []), now()).expect("a journal")
}

/// All acts that are recalled, by their names.
fn held(recalled: Recalled) -> HashMap<String, Act> {
    let mut acts: Vec<_> = recalled.maintenance.into_iter().map(Act::Maintenance).collect();
    for memory in recalled.items.into_values() {
        acts.extend(memory.attestations.iter().map(|act| Act::Attestation((**act).clone())));
        acts.extend(memory.waivers.iter().map(|act| Act::Waiver((**act).clone())));
    }
    acts.into_iter().map(|act| (act.id().to_owned(), act)).collect()
}

/// The act of this number, long or short, each sort in its turn.
fn act(n: usize) -> Act {
    let (name, who, token) = (format!("act-{n}"), "Jo".to_owned(), "team".to_owned());
    let (at, until) = (ago(60), ago(-3_600));
    let why = "a disk is changed ".repeat(n % 40);
    match n % 3 {
        0 => Act::Maintenance(Maintenance {
            id: name,
            who: Some(who),
            token: Some(token),
            at,
            from: at,
            until,
            sections: vec![],
            why,
            ended: None,
        }),
        1 => Act::Attestation(Attestation {
            id: name,
            item: id("restore-tested"),
            who,
            token,
            at,
            covers: Covers::Until(until),
            note: Some(why),
            link: None,
            ended: None,
        }),
        _ => Act::Waiver(Waiver {
            id: name,
            item: id("backup-fresh"),
            who,
            token,
            at,
            until,
            reasons: vec!["TooOld".to_owned()],
            why,
            ended: None,
        }),
    }
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
        let record = Record::act(&act(n)).expect("JSON");
        journal.record(vec![record], now()).await.expect("recorded");
        writeln!(std::io::stdout(), "{ACKNOWLEDGED}{n}").expect("somebody who listens");
        for item in &mut snapshot.items {
            Arc::make_mut(item).attempts[0] += 1;
        }
        let known = Known { snapshot: snapshot.clone(), pasts: vec![], now: now() };
        journal.keep(known).await;
    }
}
