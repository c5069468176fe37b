//! `vigie once` and its neighbours on the command line, by the real binary.

mod records;
mod workloads;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use vigie_sim::net::site::{Answer, Site};

/// A checklist of three items: one that passes, one whose status is chosen, one that asks a Redis
/// where nobody listens.
struct Ground {
    folder: TempDir,
    site: Site,
}

impl Ground {
    async fn new() -> Self {
        let site = Site::plain().await.expect("a site");
        site.answer("/good", Answer::new(200, "fine"));
        Self { folder: tempfile::tempdir().expect("a folder"), site }
    }

    fn file(&self, items: &str) -> PathBuf {
        let at = self.site.address();
        let text = format!(
            "environment: test\nvariables: {{ at: \"{at}\" }}\n\
             connections: {{ redis: {{ default: {{ url: redis://127.0.0.1:1 }} }} }}\n\
             sections:\n  - id: web\n    title: Web & more\n    items:\n{items}"
        );
        let path = self.folder.path().join("checklist.yaml");
        fs::write(&path, text).expect("written");
        path
    }
}

const GOOD: &str = "      - { id: good, title: Good <answers>, severity: critical, checks: [{ http: { url: \"http://${at}/good\" } }] }\n";
const BAD: &str = "      - { id: bad, title: Bad answers, severity: warning, checks: [{ http: { url: \"http://${at}/bad\" } }] }\n";
const BLIND: &str = "      - { id: blind, title: Queues, severity: info, checks: [{ bull_queue: { queues: [mail] } }] }\n";
const AFTER: &str = "      - { id: after, title: After bad, severity: info, depends_on: [bad], checks: [{ http: { url: \"http://${at}/good\" } }] }\n";
const BOXES: &str = "      - { id: boxes, title: Applied, severity: info, boxes: { staging: Staging, test: Testing }, checks: [{ http: { url: \"http://${at}/good\" } }] }\n";
const ATTESTED: &str = "      - { id: tried, title: A restore was tried, severity: info, mode: attested, checks: [{ attestation: { valid_for: 180d } }] }\n";
const NOT_HERE: &str =
    "      - { id: not-here, title: Not here, severity: critical, when: \"\", checks: [] }\n";

async fn vigie(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command.args(arguments).kill_on_drop(true).output().await.expect("the binary")
}

async fn once(file: &Path, more: &[&str]) -> Output {
    vigie(&[&["once", "-c", file.to_str().expect("a path")], more].concat()).await
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn the_exit_code_says_whether_something_fails_or_is_unknown() {
    let ground = Ground::new().await;
    for (items, more, code) in [
        (vec![GOOD, NOT_HERE], vec![], 0),
        (vec![GOOD, BAD, BLIND], vec![], 1),
        (vec![GOOD, BLIND], vec![], 2),
        (vec![GOOD, BAD, BLIND], vec!["--item", "good"], 0),
        (vec![GOOD, BAD, BLIND], vec!["--item", "good", "--item", "blind"], 2),
        (vec![GOOD, BAD], vec!["--section", "web"], 1),
        (vec![GOOD, BAD, BLIND], vec!["--fail-on", "critical"], 0),
        (vec![GOOD, BAD], vec!["--item", "godo"], 3),
        (vec![GOOD], vec!["--format", "yaml"], 3),
        (vec!["      - { id: x }\n"], vec![], 3),
    ] {
        let output = once(&ground.file(&items.concat()), &more).await;
        assert_eq!(output.status.code(), Some(code), "{items:?} {more:?}: {output:?}");
    }
    assert_eq!(vigie(&["once"]).await.status.code(), Some(3));
    assert_eq!(vigie(&["--help"]).await.status.code(), Some(0));
}

#[tokio::test]
async fn text_spells_out_what_is_wrong() {
    let ground = Ground::new().await;
    let output = once(&ground.file(&[GOOD, BAD, AFTER, NOT_HERE].concat()), &[]).await;
    let text = text(&output);
    for words in [
        "Web & more\n",
        "  ✓ Good <answers>\n",
        "  ✗ Bad answers\n      failing WrongStatus bad\n      answers 404",
        "  ? After bad\n      unknown DependencyFailing after\n      not looked at while `bad` does not hold\n",
        "  – Not here\n",
        "4 items: 1 failing, 1 unknown, 1 passing, 1 not applicable\n",
    ] {
        assert!(text.contains(words), "{words:?} in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours where nobody sees them");
    assert!(output.stderr.is_empty(), "no progress into a pipe: {output:?}");
}

#[tokio::test]
async fn json_carries_items_evidence_and_summary() {
    let ground = Ground::new().await;
    let output = once(&ground.file(&[GOOD, BAD].concat()), &["--format", "json"]).await;
    let whole: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(whole["summary"]["failing"], 1);
    assert_eq!(whole["items"][1]["id"], "bad");
    assert_eq!(whole["items"][1]["reason"], "WrongStatus");
    assert_eq!(whole["items"][0]["report"]["checks"][0]["kind"], "http");
    assert!(whole["items"][0]["report"]["took"].is_f64(), "seconds");
}

#[tokio::test]
async fn markdown_is_the_checklist_with_its_boxes_ticked() {
    let ground = Ground::new().await;
    let file = ground.file(&[GOOD, BAD, AFTER, NOT_HERE, BOXES, ATTESTED].concat());
    let output = once(&file, &["--format", "markdown"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = text(&output);
    for words in [
        "# Deployment checklist: `test`\n",
        "- deployment: none is known\n",
        "| of 6 items | |\n|---|---:|\n| failing | 1 |\n| unknown | 1 |\n",
        "Each line was looked at one time, by `vigie once`.\n",
        "1 item is not applicable only because",
        "### 1 item failing\n\n- Bad answers `bad` (warning, Web & more)\n  - **failing** `WrongStatus` since ",
        "## Web & more\n\n- [x] Good `<answers>` `good`\n  - **passing** since ",
        "- [ ] Bad answers `bad`\n",
        "- [ ] After bad `after`\n  - **unknown** `DependencyFailing` since ",
        "- [ ] ~~Not here~~ `not-here`\n  - **not applicable**: does not apply to this environment\n",
        "- [ ] Staging `boxes`\n  - another environment than this one\n- [x] Testing `boxes`\n  - **passing** since ",
        "- [ ] ~~A restore was tried~~ `tried`\n  - **not applicable**: is decided by a person's word",
        "- **Environment:** `test`\n- **Version/Tag:** \\_",
    ] {
        assert!(text.contains(words), "{words:?} in:\n{text}");
    }
}

#[tokio::test]
async fn what_is_worked_out_from_others_comes_last_and_from_the_same_run() {
    let ground = Ground::new().await;
    let rollup = |of: &str| {
        format!(
            "      - {{ id: all, title: All, severity: info, checks: [{{ rollup: {{ items: [{of}] }} }}] }}\n"
        )
    };
    for (of, more, code, said) in [
        ("good", vec![], 1, "  ✓ All\n"),
        (
            "good, bad",
            vec![],
            1,
            "  ✗ All\n      failing MemberFailing all\n      bad: failing, WrongStatus",
        ),
        ("good, blind", vec![], 1, "  ? All\n      unknown MemberUnknown all\n"),
        // What it reads is looked at, and only what was asked for is printed.
        ("good, bad", vec!["--item", "all"], 1, "1 item: 1 failing\n"),
        ("good", vec!["--item", "all"], 0, "1 item: 1 passing\n"),
    ] {
        let file = ground.file(&[&rollup(of), GOOD, BAD, BLIND].concat());
        let output = once(&file, &more).await;
        let text = text(&output);
        assert!(text.contains(said), "{said:?} in:\n{text}");
        assert_eq!(output.status.code(), Some(code), "{text}");
    }
}

#[tokio::test]
async fn junit_tells_failures_errors_and_skipped_apart() {
    let ground = Ground::new().await;
    let file = ground.file(&[GOOD, BAD, BLIND, NOT_HERE].concat());
    let text = text(&once(&file, &["--format", "junit"]).await);
    for words in [
        "<testsuites name=\"vigie\" tests=\"4\" skipped=\"1\" failures=\"1\" errors=\"1\">",
        "<testsuite name=\"Web &amp; more\"",
        "<testcase name=\"Good &lt;answers&gt;\" classname=\"good\"",
        "type=\"WrongStatus\"",
        "type=\"Refused\"",
    ] {
        assert!(text.contains(words), "{words:?} in:\n{text}");
    }
}

#[tokio::test]
async fn the_documentation_comes_from_the_code() {
    let kinds = text(&vigie(&["kinds"]).await);
    assert!(kinds.lines().any(|line| line.starts_with("bull_queue ")), "{kinds}");
    let pods = text(&vigie(&["kinds", "pods"]).await);
    for words in [
        "Parameters\n",
        "namespaces (word or list of text, required)",
        "      fail_above (whole number, default 3)",
        "CrashLoopBackOff",
        "vigie_pods{item, ",
        "Example\n",
    ] {
        assert!(pods.contains(words), "{words:?} in:\n{pods}");
    }
    let stranger = vigie(&["kinds", "pdos"]).await;
    assert_eq!(stranger.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&stranger.stderr).contains("did you mean `pods`?"));
    let schema: Value = serde_json::from_slice(&vigie(&["schema"]).await.stdout).expect("JSON");
    assert!(schema["properties"]["sections"].is_object());
}

#[tokio::test]
async fn check_config_counts_what_there_is_and_what_is_wrong() {
    let ground = Ground::new().await;
    let file = ground.file(&[GOOD, BAD, NOT_HERE].concat());
    let path = file.to_str().expect("a path");
    let output = vigie(&["check-config", "-c", path]).await;
    assert_eq!(output.status.code(), Some(0));
    let wanted = "3 items in 1 section for environment `test`: 1 critical, 1 warning, 0 info, 1 not applicable\n";
    assert_eq!(text(&output), wanted);
    ground.file("      - { id: x }\n      - { id: y }\n");
    let output = vigie(&["check-config", "-c", path]).await;
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("\n2 mistakes; "), "{said}");
}
