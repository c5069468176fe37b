//! The pages in a real browser: what a person sees and does, and what must not happen.

mod forms;

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use vigie::model::reason::Reason;
use vigie::server::Limits;

use crate::fixtures::{WORDS, Words, everything, item, snapshot, stood_for};
use crate::server::{Cardboard, Running};

const ATTACK: &str = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">\
                      </style></title>\"'><b id=taken>";

/// Runs a scenario of `tests/node/page.mjs` against pages, and breaks where it does.
pub async fn browse(scenario: &str, at: std::net::SocketAddr, told: Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    for (what, wanted) in [
        ("npm package playwright-core", folder.join("node_modules/playwright-core")),
        ("npm package axe-core", folder.join("node_modules/axe-core")),
        ("Debian package chromium", "/usr/bin/chromium".into()),
    ] {
        assert!(wanted.exists(), "the {what} is missing; `tests/setup.sh` installs it");
    }
    let child = Command::new("node")
        .arg(folder.join("page.mjs"))
        .args([scenario, &format!("http://{at}"), &told.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node; `tests/setup.sh` installs it");
    let ended = tokio::time::timeout(Duration::from_secs(300), child.wait_with_output()).await;
    let output = ended.expect("the browser ends").expect("node runs");
    assert!(output.status.success(), "{scenario}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn nothing_grave_is_to_be_said_against_any_page() {
    let mut all = everything();
    all.environment = "an-environment-with-a-rather-long-name".to_owned();
    let server = Running::start(Cardboard::new(all), None, Limits::default()).await;
    let paths = ["/", "/?standing=failing&q=pods", "/items/pods-running", "/items/queues", "/nope"];
    browse("accessible", server.at, json!({ "paths": paths })).await;
}

#[tokio::test]
async fn nothing_grave_is_to_be_said_against_forms() {
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = folder.path().join("tokens.yaml");
    let daemon = Cardboard::new(stood_for(WORDS));
    let server = Running::start(daemon, Some(tokens), Limits::default()).await;
    let paths = ["/", "/items/restore-tested", "/items/backup-fresh"];
    browse("accessible", server.at, json!({ "paths": paths })).await;
}

#[tokio::test]
async fn the_address_filters_alike_with_and_without_scripts() {
    let server = Running::plain().await;
    let queries = [
        "?standing=failing",
        "?standing=failing&severity=critical&q=pod",
        "?standing=failing,unknown",
        "?standing=passing&standing=warning&severity=warning",
        "?standing=not_applicable",
        "?standing=",
        "?standing=nonsense&severity=x",
        "?severity=info",
        "?q=QUEUE+alive",
        "?q=BackupTooOld",
        "?q=TimedOut",
        "?q=workloads",
        "?q=%3Cb%3E%22%26",
        "?q=+++",
    ];
    browse("filters", server.at, json!({ "queries": queries })).await;
}

#[tokio::test]
async fn a_keyboard_is_enough() {
    let server = Running::plain().await;
    let told = json!({
        "queue": ["items/queues", "items/every-measure"],
        "failing": ["items/pods-running"],
    });
    browse("keyboard", server.at, told).await;
}

#[tokio::test]
async fn foreign_text_is_shown_and_never_run() {
    let bad = item("bad", "s", ATTACK).told(ATTACK).fails(Reason::REFUSED, ATTACK, 60);
    let mut shown = snapshot([bad]);
    shown.environment = ATTACK.to_owned();
    let server = Running::start(Cardboard::new(shown), None, Limits::default()).await;
    browse("foreign", server.at, json!({ "paths": ["/", "/items/bad"] })).await;
    let link = format!("https://{ATTACK}");
    let said = stood_for(Words { who: ATTACK, text: ATTACK, link: &link });
    let server = Running::start(Cardboard::new(said), None, Limits::default()).await;
    let paths = ["/", "/items/restore-tested", "/items/backup-fresh", "/items/api-answers"];
    browse("foreign", server.at, json!({ "paths": paths })).await;
}

#[tokio::test]
async fn the_page_updates_itself() {
    let daemon = Cardboard::new(everything());
    let server = Running::start(Arc::clone(&daemon), None, Limits::default()).await;
    let healed = tokio::spawn(async move {
        // The first snapshot goes into the page that is opened; the others are its own doing.
        while daemon.snapshots.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let well = snapshot([item("healed", "s", "Healed by now").passes("all is well", 5)]);
        *daemon.snapshot.lock().unwrap() = Arc::new(well);
    });
    browse("updates", server.at, json!({})).await;
    healed.await.expect("no panic");
}

/// For whoever wants to look: `VIGIE_PICTURES=/some/folder cargo test --test it pictures`.
#[tokio::test]
async fn pictures_are_taken() {
    let kept = tempfile::tempdir().expect("a folder");
    #[expect(clippy::disallowed_methods, reason = "where somebody wants the pictures")]
    let folder = std::env::var("VIGIE_PICTURES").map_or(kept.path().to_owned(), Into::into);
    let server = Running::plain().await;
    let pictures = json!([
        { "name": "checklist", "path": "/", "full": true },
        { "name": "checklist-dark", "path": "/", "colorScheme": "dark" },
        { "name": "checklist-phone", "path": "/", "width": 360, "full": true },
        { "name": "item", "path": "/items/pods-running", "full": true },
        { "name": "item-phone", "path": "/items/pods-running", "width": 360, "full": true },
    ]);
    browse("pictures", server.at, json!({ "folder": folder, "pictures": pictures })).await;
    for picture in pictures.as_array().expect("a list") {
        let name = picture["name"].as_str().expect("a name");
        let bytes = std::fs::read(folder.join(format!("{name}.png"))).expect("a picture");
        assert!(bytes.len() > 20_000, "{name}: the picture shows something");
    }
}
