//! Acts and deployments that another version of Vigie has written.

use rusqlite::{Connection, params};

use super::record::digest;
use super::tests::{Ground, at, id, words};
use super::*;
use crate::model::acts::{Attestation, Covers, Ended, EndedBy};
use crate::model::standing::Standing;

/// What a Vigie has written that knew of no attestation that is taken back.
const OLDER: &str = include_str!("of_schema_1.sql");
/// An hour after that.
const LATER: u64 = 481_086;

fn older() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    connection.execute_batch(OLDER).unwrap();
    folder
}

fn opened(folder: &Path) -> (Journal, Recalled) {
    Journal::open(folder, &words(), at(LATER)).unwrap()
}

fn withdrawn() -> Ended {
    let by = EndedBy::Withdrawal { who: "Al".to_owned(), token: "jo".to_owned() };
    Ended { at: at(LATER), by }
}

#[tokio::test]
async fn all_that_an_older_version_wrote_is_kept() {
    let folder = older();
    let (journal, recalled) = opened(folder.path());
    assert_eq!(journal.health().trouble, None);
    let [load, through, broken] =
        ["load-test", "read-through", "broken"].map(|name| &recalled.items[&id(name)]);
    let word = &load.attestations[0];
    assert_eq!((&*word.who, word.ended.as_ref()), ("Jo Doe", None));
    assert_eq!(word.note.as_deref(), Some("500 users\n1 % errors"));
    let covers: Vec<_> = through.attestations.iter().map(|word| word.covers.clone()).collect();
    let deployment = recalled.deployments[0].id.clone();
    assert_eq!(covers, [Covers::NextDeployment, Covers::Deployment(deployment)]);
    let open: Vec<_> = broken.waivers.iter().map(|waiver| waiver.is_open(at(LATER))).collect();
    assert_eq!(open, [true, false], "the second was taken back");
    assert_eq!(recalled.maintenance[0].why, "disks");
    for (item, standing) in [(load, Standing::Passing), (broken, Standing::Failing)] {
        assert_eq!(item.folded.as_ref().unwrap().standing, standing);
        assert!(item.known_since.is_some() && !item.turns.is_empty());
    }
    assert_eq!(broken.failing.len(), 1);

    // And goes on to be: the word is taken back, by who knows of that.
    let ended = Attestation { ended: Some(withdrawn()), ..(**word).clone() };
    journal.record(vec![Record::attestation(&ended).unwrap()], at(LATER)).await.unwrap();
    drop(journal);
    let (_, recalled) = opened(folder.path());
    assert_eq!(*recalled.items[&id("load-test")].attestations[0], ended);
    let kept = read(folder.path()).unwrap();
    assert_eq!((kept.attestations.len(), kept.waivers.len(), kept.maintenance.len()), (3, 2, 1));
}

#[test]
fn an_older_version_reads_each_word_that_was_not_taken_back() {
    let folder = older();
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    let sql = "SELECT json FROM record WHERE kind = 'attestation' AND json LIKE '%load-test%'";
    let json: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    let word: Attestation = serde_json::from_str(&json).unwrap();
    assert_eq!(Record::attestation(&word).unwrap().json, json, "to the byte");
    let ended = Attestation { ended: Some(withdrawn()), ..word };
    let json = Record::attestation(&ended).unwrap().json;
    assert!(json.contains(",\"ended\":{"), "it knows no such field, and does not count it: {json}");
}

#[tokio::test]
async fn an_act_of_which_a_part_is_unknown_is_not_believed_and_stays_in_the_file() {
    let folder = older();
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    let newer = [
        ("attestation", "n1", r#","note":null,"link":null,"only_for":"a part of it"}"#),
        (
            "attestation",
            "n2",
            r#","note":null,"link":null,"ended":{"at":"2026-11-23T23:50:00Z","by":"a_vote"}}"#,
        ),
        ("pledge", "n3", "}"),
    ];
    for (kind, name, more) in newer {
        let json = format!(
            "{{\"id\":\"{name}\",\"item\":\"load-test\",\"who\":\"Al\",\"token\":\"jo\",\
             \"at\":\"2026-11-23T23:49:00Z\",\"covers\":{{\"until\":\"2027-05-22T23:44:29Z\"}}{more}"
        );
        let sql = "INSERT INTO record VALUES (?1, ?2, 1795477740, ?3, ?4)";
        connection.execute(sql, params![kind, name, json, digest(&[kind, name, &json])]).unwrap();
    }
    drop(connection);
    let rows = || {
        let connection = Connection::open(folder.path().join(FILE)).unwrap();
        // Signs of life come and go.
        let sql = "SELECT id, json FROM record WHERE kind <> 'pulse' ORDER BY id";
        let mut all = connection.prepare(sql).unwrap();
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<Vec<(String, String)>, _>>().unwrap()
    };
    let before = rows();
    let (journal, recalled) = opened(folder.path());
    let words = &recalled.items[&id("load-test")].attestations;
    assert_eq!(words.iter().map(|word| &*word.who).collect::<Vec<_>>(), ["Jo Doe"]);
    journal.keep(Ground::new(&["load-test"]).known(LATER)).await;
    drop(journal);
    assert_eq!(rows(), before);
}
