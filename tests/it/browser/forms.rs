//! Human acts from the page of a real daemon.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::browse;
use crate::drill::Daemon;

const TOKEN: &str = "let-me";
const CHECKLIST: &str = "\
sections:
  - id: s
    title: S
    items:
      - id: restore-tested
        title: A restore was tried
        severity: info
        mode: attested
        every: 1s
        checks: [{ attestation: { valid_for: 180d } }]
      - id: lost
        title: The site answers
        severity: warning
        every: 1s
        checks: [{ http: { url: 'http://127.0.0.1:9/' } }]
";

/// A daemon of its own, with a token that may attest and waive.
async fn daemon(folder: &std::path::Path) -> Daemon {
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let digest = hex::encode(Sha256::digest(TOKEN));
    let tokens = format!("- {{ name: ops, sha256: \"{digest}\", scopes: [attest, waive] }}\n");
    let tokens = write("tokens.yaml", &tokens);
    let more = ["--tokens", tokens.to_str().expect("a path")];
    Daemon::start_with(&[write("checklist.yaml", CHECKLIST)], &more).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_attested_from_its_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = daemon(folder.path()).await;
    let told = json!({ "item": "restore-tested", "who": "Jo Martin", "token": TOKEN });
    browse("mute", daemon.address(), told.clone()).await;
    browse("attest", daemon.address(), told).await;
    assert_eq!(daemon.standings().await["restore-tested"].0, "passing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_waived_from_its_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = daemon(folder.path()).await;
    let told = json!({ "item": "lost", "who": "Jo Martin", "token": TOKEN });
    browse("waive", daemon.address(), told).await;
    assert_eq!(daemon.standings().await["lost"].0, "waived");
}
