use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NAME: &str = "2026-03-15T02:00:00Z";

/// As PBM 2.8 writes it for a logical backup of one replica set.
fn done() -> Value {
    let condition = json!({ "timestamp": 1_773_540_000, "status": "running" });
    json!({
        "type": "logical", "opid": "69049d5f4e8cca2a8d16adcd", "name": NAME,
        "replsets": [{
            "name": "rs0", "backup_name": format!("{NAME}/rs0/metadata.json"),
            "oplog_name": format!("{NAME}/rs0/oplog"), "start_ts": 1_773_540_000,
            "status": "done", "size": 720_000_000, "size_uncompressed": 2_100_000_000_u64,
            "last_transition_ts": 1_773_540_240, "first_write_ts": { "T": 1_773_540_001, "I": 2 },
            "last_write_ts": { "T": 1_773_540_238, "I": 5 }, "node": "mongodb-rs0-1:27017",
            "conditions": [condition],
        }],
        "compression": "s2",
        "store": { "type": "s3", "s3": {
            "region": "fr-par", "endpointUrl": "https://s3.example.org", "bucket": "mongodb",
            "prefix": "trackdechets", "credentials": {}, "insecureSkipTLSVerify": false,
        } },
        "size": 720_000_000, "size_uncompressed": 2_100_000_000_u64,
        "mongodb_version": "6.0.9-7", "fcv": "6.0", "start_ts": 1_773_540_000,
        "last_transition_ts": 1_773_540_241, "first_write_ts": { "T": 1_773_540_001, "I": 2 },
        "last_write_ts": { "T": 1_773_540_238, "I": 5 }, "hb": { "T": 1_773_540_241, "I": 1 },
        "status": "done", "conditions": [], "n": [], "pbm_version": "2.8.0", "balancer": "",
    })
}

fn read(value: &Value) -> Result<Metadata, String> {
    Metadata::read(NAME, value.to_string().as_bytes())
}

fn with(pointer: &str, value: Value) -> Value {
    let mut whole = done();
    *whole.pointer_mut(pointer).unwrap() = value;
    whole
}

#[test]
fn a_backup_that_is_done_is_read_in_all_that_is_judged() {
    let metadata = read(&done()).unwrap();
    assert_eq!(metadata.status, Status::Done);
    assert_eq!(metadata.kind, Kind::Logical);
    assert_eq!(metadata.restores_to, Some((1_773_540_238, 5)));
    assert_eq!(metadata.size, Some(720_000_000));
    assert_eq!(metadata.replica_sets, ["rs0"]);
    assert_eq!(metadata.store, Some(("mongodb".to_owned(), "trackdechets".to_owned())));
    assert!(!metadata.selective);
}

#[test]
fn what_contradicts_itself_is_not_believed() {
    for (pointer, value, why) in [
        ("/name", json!("2026-03-14T02:00:00Z"), "named after"),
        ("/replsets/0/status", json!("running"), "`rs0` is not"),
        ("/replsets", json!([]), "no replica set"),
        ("/replsets", json!(null), "no replica set"),
        ("/replsets/0/name", json!(null), "without a name"),
        ("/type", json!("telepathic"), "not known"),
        ("/type", json!(null), "no `type`"),
        ("/status", json!(null), "no `status`"),
        ("/status", json!(7), "not what PBM writes"),
        ("/last_write_ts/T", json!(0), "up to when"),
        ("/last_write_ts", json!(null), "up to when"),
        ("/last_transition_ts", json!(0), "up to when"),
    ] {
        let said = read(&with(pointer, value)).unwrap_err();
        assert!(said.contains(why), "{pointer}: {said}");
    }
}

#[test]
fn what_did_not_complete_says_so_and_why() {
    let mut failed = with("/status", json!("error"));
    failed["error"] = json!("check cluster for backup done: convergeCluster: lost shard rs0");
    let metadata = read(&failed).unwrap();
    assert_eq!(metadata.status, Status::Failed);
    assert!(metadata.error.unwrap().contains("lost shard"));
    assert_eq!(read(&with("/status", json!("canceled"))).unwrap().status, Status::Failed);
    assert_eq!(read(&with("/status", json!("dumpDone"))).unwrap().status, Status::Running);
}

#[test]
fn a_backup_of_some_collections_says_so() {
    let mut some = done();
    some["nss"] = json!(["trackdechets.events"]);
    assert!(read(&some).unwrap().selective);
    some["nss"] = json!(["*.*"]);
    assert!(!read(&some).unwrap().selective);
}

#[test]
fn no_field_can_be_taken_away_from_what_is_judged() {
    let whole = done();
    let judged = ["name", "type", "replsets", "last_transition_ts", "last_write_ts", "status"];
    for field in whole.as_object().unwrap().keys() {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().shift_remove(field);
        assert_eq!(read(&without).is_err(), judged.contains(&field.as_str()), "{field}");
    }
}

#[test]
fn a_file_that_was_cut_off_is_not_read() {
    let text = done().to_string();
    for end in 0..text.len() {
        assert!(Metadata::read(NAME, &text.as_bytes()[..end]).is_err(), "{end} bytes");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _read = Metadata::read(NAME, &bytes);
    }
}
