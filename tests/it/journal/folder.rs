//! `vigie once --records DIR`: what a daemon has recorded, read from its folder.

use std::path::Path;
use std::process::{Command, Output};

use reqwest::StatusCode;
use serde_json::{Value, json};
use vigie::systems::clock::Clock;
use vigie_sim::net::site::Answer;

use super::vigie::{Ground, Vigie, until};

/// `vigie once` on the daemon's checklist.
fn once(ground: &Ground, records: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    let file = ground.path("checklist.yaml");
    command.args(["once", "--format", "json", "-c", &file, "--records", records]);
    command.output().expect("vigie once")
}

/// What was recorded of items and of the deployment, as `vigie once` tells it.
fn recorded(output: &Output) -> Vec<Value> {
    let whole: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let items = whole["items"].as_array().expect("items").iter();
    let words = ["id", "standing", "reason", "attestations", "waivers"];
    items.map(|item| words.iter().map(|word| item[word].clone()).collect()).collect()
}

async fn filled(ground: &Ground) -> Vigie {
    let data = ground.data();
    let vigie = Vigie::start(ground, Some(&data), "");
    vigie.ready().await;
    until("it passes", async || vigie.item("item-0").await["standing"] == "passing").await;
    for version in ["2026.11.1", "2026.11.2"] {
        assert_eq!(vigie.announce(version).await.0, StatusCode::CREATED);
    }
    for (who, item) in [("Jo", "seen"), ("Al", "seen"), ("Bo", "deployed")] {
        let path = format!("/api/v1/items/{item}/attestations");
        let (status, said) = vigie.post(&path, json!({ "who": who, "note": "ok" })).await;
        assert_eq!(status, StatusCode::CREATED, "{said}");
    }
    ground.site.answer("/", Answer::new(500, "moved"));
    until("it fails", async || vigie.item("item-0").await["standing"] == "failing").await;
    let end = Clock::System.now() + jiff::SignedDuration::from_hours(1);
    let waiver = json!({ "who": "Al", "why": "moved", "reasons": ["WrongStatus"], "until": end });
    let (status, said) = vigie.post("/api/v1/items/item-0/waivers", waiver).await;
    assert_eq!(status, StatusCode::CREATED, "{said}");
    vigie
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_tells_what_its_daemon_tells() {
    let ground = Ground::with_attested(1).await;
    let vigie = filled(&ground).await;
    let folder = ground.data().display().to_string();
    let told = recorded(&once(&ground, &vigie.url()));
    assert!(told.iter().any(|item| item[3][1]["who"] == "Jo"), "the newest first: {told:?}");
    assert_eq!(recorded(&once(&ground, &folder)), told, "while the daemon runs");
    vigie.kill();
    assert_eq!(recorded(&once(&ground, &folder)), told, "after its death");
    let before = listing(&ground.data());
    once(&ground, &folder);
    assert_eq!(listing(&ground.data()), before, "nothing is written");
}

fn listing(folder: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("one"));
    let mut files: Vec<_> = entries
        .map(|file| {
            (file.file_name().to_string_lossy().into_owned(), file.metadata().expect("it").len())
        })
        // The index of SQLite's log is memory that its readers share.
        .filter(|(name, _)| name != "vigie.db-shm")
        .collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_record_of_this_environment_is_told() {
    let ground = Ground::with_attested(1).await;
    let mut vigie = filled(&ground).await;
    assert_eq!(vigie.end(), Some(0));
    let file = ground.path("checklist.yaml");
    let text = std::fs::read_to_string(&file).expect("a checklist");
    std::fs::write(&file, text.replace("environment: test", "environment: staging")).expect("it");
    let folder = ground.data().display().to_string();
    let refused = |records: &str, why: &str| {
        let output = once(&ground, records);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(why), "{why:?} in {said}");
    };
    refused(&folder, "watches `test`, and this configuration is for `staging`");
    let empty = tempfile::tempdir().expect("a folder");
    let path = empty.path().display().to_string();
    refused(&path, "no Vigie has kept a journal here");
    refused("./nowhere", "neither the URL of a running Vigie (http://…) nor its data folder");
    std::fs::write(
        empty.path().join("vigie.db"),
        "no database at all, but long enough\n".repeat(99),
    )
    .expect("written");
    refused(&path, "vigie.db: ");
    let journal = ground.data().join("vigie.db");
    let connection = rusqlite::Connection::open(&journal).expect("a journal");
    connection.execute_batch("PRAGMA user_version = 7").expect("written");
    drop(connection);
    refused(&folder, "the journal is of schema 7");
}
