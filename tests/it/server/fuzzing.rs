//! The running daemon, asked whatever its own description allows and much that it does not.

use std::path::Path;
use std::process::{Output, Stdio};

use tokio::process::Command;
use vigie_sim::net::site::{Answer, Site};

use super::writing::write_tokens;
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
    let site = Site::plain().await.expect("a site");
    site.answer("/", Answer::new(200, "fine"));
    let folder = tempfile::tempdir().expect("a folder");
    let (file, tokens) = (folder.path().join("checklist.yaml"), folder.path().join("tokens.yaml"));
    let checklist = CHECKLIST.replace("SITE", &site.address().to_string());
    std::fs::write(&file, checklist).expect("written");
    write_tokens(&tokens, &[("fuzzer", "secret-1", "look, reload, announce, attest, waive")]);
    let tokens = tokens.to_str().expect("a path");
    let daemon = Daemon::start_with(&[file], &["--tokens", tokens]).await;

    let bearer = ["--header", "Authorization: Bearer secret-1"];
    let (with, without) =
        tokio::join!(fuzz(&daemon, folder.path(), &bearer), fuzz(&daemon, folder.path(), &[]));
    for (run, tested) in [(&with, "with a token"), (&without, "without a token")] {
        assert!(run.status.success(), "{tested}: {}", tell(run));
        assert!(tell(run).contains("No issues found"), "{tested}: {}", tell(run));
    }
    let metrics = daemon.get("/metrics").await;
    let count = |action: &str, outcome: &str| -> u64 {
        let row = format!("vigie_writes_total{{action=\"{action}\",outcome=\"{outcome}\"");
        let line = metrics.lines().find(|line| line.starts_with(&row)).expect("the row");
        line.rsplit(' ').next().expect("a value").parse().expect("a count")
    };
    for action in ["look", "reload", "announce", "attest", "waive", "maintain"] {
        assert!(count(action, "accepted") > 0, "{action} was never let through");
        assert!(count(action, "denied") > 0, "{action} was never tried without a token");
    }
    assert_eq!(daemon.get("/-/healthy").await, "Vigie is healthy.\n");
}

/// The ids are those of the examples in the description.
const CHECKLIST: &str = "\
environment: staging
sections:
  - id: cluster
    title: Cluster
    items:
      - { id: pods-running, title: P, severity: info, every: 1s, mode: auto_attestable, attestation: { valid_for: 3650d }, waivable_for: 3650d, checks: [{ http: { url: 'http://SITE/' } }] }
      - { id: other, title: O, severity: info, every: 1h, checks: [{ http: { url: 'http://SITE/' } }] }
";
