//! The running daemon, asked whatever its own description allows and much that it does not.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::json;
use tokio::process::Command;

use super::{Ground, ahead};
use crate::drill::Daemon;
use crate::server::write_tokens;

/// What is made up of each operation, beside the fixed cases; some hundred requests in all.
const EXAMPLES: &str = "4";
/// Each has a token of its own: one alone would be told to wait.
const WRITES: [&str; 8] = [
    "POST /-/reload",
    "POST /api/v1/items/{id}/attempts",
    "POST /api/v1/items/{id}/attestations",
    "POST /api/v1/items/{id}/waivers",
    "DELETE /api/v1/items/{id}/waivers/{waiver}",
    "POST /api/v1/maintenance",
    "DELETE /api/v1/maintenance/{id}",
    "POST /api/v1/deployments",
];

/// Fuzzes the API; whoever runs it finds `schemathesis` on PATH, where tests/setup.sh puts it.
async fn fuzz(daemon: &Daemon, config: &Path, more: &[&str]) -> Output {
    let url = format!("http://{}/api/v1/openapi.json", daemon.address());
    let mut command = Command::new("schemathesis");
    command.arg("--config-file").arg(config).args(["run", &url, "--max-examples", EXAMPLES]);
    let folder = config.parent().expect("a folder");
    command.args(more).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command.output().await.expect("schemathesis is not there: please run tests/setup.sh")
}

/// The settings in the tree, and a token for each write.
fn configured(ground: &Ground) -> (PathBuf, PathBuf) {
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis.toml");
    let mut text = std::fs::read_to_string(&settings).expect("settings");
    let names: Vec<_> = (0..WRITES.len()).map(|n| format!("fuzzer-{n}")).collect();
    let all = "look, reload, announce, attest, waive";
    let tokens: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_str(), all)).collect();
    write_tokens(&ground.folder.path().join("tokens.yaml"), &tokens);
    for (write, token) in WRITES.iter().zip(&names) {
        text += &format!(
            "\n[[operations]]\ninclude-name = \"{write}\"\nheaders = {{ Authorization = \"Bearer \
             {token}\" }}\n"
        );
        if write.contains("/waivers") {
            text += "parameters = { \"path.id\" = \"broken\" }\n";
        }
    }
    let with_tokens = ground.folder.path().join("schemathesis.toml");
    std::fs::write(&with_tokens, text).expect("written");
    let without = ground.folder.path().join("without.toml");
    std::fs::copy(settings, &without).expect("copied");
    (with_tokens, without)
}

fn tell(run: &Output) -> String {
    String::from_utf8_lossy(&run.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_breaks_the_daemon_or_its_description() {
    let ground = Ground::of(CHECKLIST).await;
    // So that what is answered about acts is looked at, too: a made-up end is hardly ever one that
    // an item allows.
    let item = "/api/v1/items/pods-running";
    let until = ahead(3_600);
    ground.made(&format!("{item}/attestations"), &json!({ "who": "Jo" })).await;
    ground.made("/api/v1/maintenance", &json!({ "who": "Jo", "why": "w", "until": until })).await;
    let waiver = json!({ "who": "Jo", "why": "w", "reasons": ["WrongStatus"], "until": until });
    ground.made("/api/v1/items/broken/waivers", &waiver).await;
    ground.made("/api/v1/deployments", &json!({ "version": "7", "who": "Jo" })).await;
    let (daemon, (tokens, none)) = (&ground.daemon, configured(&ground));
    let (with, without) = tokio::join!(
        fuzz(daemon, &tokens, &[]),
        fuzz(daemon, &none, &["--phases", "examples,fuzzing"])
    );
    for (run, tested) in [(&with, "with a token"), (&without, "without a token")] {
        assert!(run.status.success(), "{tested}: {}", tell(run));
    }
    for (action, ours) in [("look", 0), ("reload", 0), ("announce", 1), ("attest", 1)] {
        assert!(ground.written(action, "accepted").await > ours, "{action} was never let through");
    }
    for action in ["waive", "maintain", "end_waiver", "end_maintenance"] {
        assert!(ground.written(action, "rejected").await > 0, "{action} was never tried");
        assert!(ground.written(action, "denied").await > 0, "{action} was never tried by nobody");
    }
    assert_eq!(daemon.get("/-/healthy").await, "Vigie is healthy.\n");
}

/// An id is that of the examples in the description.
const CHECKLIST: &str = "\
environment: staging
sections:
  - id: cluster
    title: Cluster
    items:
      - { id: pods-running, title: P, severity: info, every: 1s, mode: auto_attestable, attestation: { valid_for: 3650d }, checks: [{ http: { url: 'http://SITE/fine' } }] }
      - { id: broken, title: B, severity: info, every: 1s, waivable_for: 7d, checks: [{ http: { url: 'http://SITE/broken' } }] }
";
