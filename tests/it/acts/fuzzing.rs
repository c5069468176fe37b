//! The running daemon, asked whatever its own description allows and much that it does not.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::json;
use tokio::process::Command;

use super::{Ground, ahead};
use crate::drill::Daemon;

/// What of each operation is made up; with the fixed cases and those of sequences, a few hundred
/// requests a run.
const EXAMPLES: &str = "8";

/// Fuzzes the API; whoever runs it finds `schemathesis` on PATH, where tests/setup.sh puts it.
async fn fuzz(daemon: &Daemon, folder: &Path, more: &[&str]) -> Output {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis.toml");
    let url = format!("http://{}/api/v1/openapi.json", daemon.address());
    let mut command = Command::new("schemathesis");
    command.arg("--config-file").arg(config).args(["run", &url, "--max-examples", EXAMPLES]);
    command.args(more).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command.output().await.expect("schemathesis is not there: please run tests/setup.sh")
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
    let (daemon, folder) = (&ground.daemon, ground.folder.path());

    let bearer = ["--header", "Authorization: Bearer secret-1"];
    let (with, without) = tokio::join!(fuzz(daemon, folder, &bearer), fuzz(daemon, folder, &[]));
    for (run, tested) in [(&with, "with a token"), (&without, "without a token")] {
        assert!(run.status.success(), "{tested}: {}", tell(run));
        assert!(tell(run).contains("No issues found"), "{tested}: {}", tell(run));
    }
    for action in ["look", "reload", "announce", "attest"] {
        assert!(ground.written(action, "accepted").await > 1, "{action} was never let through");
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
