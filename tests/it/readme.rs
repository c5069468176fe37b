//! The README tells the truth: its configuration loads, its table of kinds is the code's, and so are
//! the pages beside it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use vigie::checks::{KINDS, Kind};
use vigie::config::load::load;

use crate::acts::Ground;

const BEGIN: &str = "<!-- kinds: kept by a test -->\n";
const END: &str = "<!-- end of kinds -->\n";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

fn text() -> String {
    fs::read_to_string(path()).expect("the README")
}

/// The code blocks in a language.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn row(kind: &Kind) -> String {
    let schema = (kind.schema)().to_value();
    let about = schema["description"].as_str().unwrap_or_default();
    let first = about.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    format!("| `{}` | {first} |\n", kind.name)
}

/// `VIGIE_BLESS=1` writes the table.
#[test]
fn the_table_of_kinds_is_the_codes_own() {
    let text = text();
    let (before, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (table, after) = rest.split_once(END).expect("where it ends");
    let rows: String = KINDS.iter().map(row).collect();
    if std::env::var_os("VIGIE_BLESS").is_some() {
        fs::write(path(), format!("{before}{BEGIN}{rows}{END}{after}")).expect("written");
    } else {
        assert_eq!(table, rows);
    }
}

/// `VIGIE_BLESS=1` writes the pages.
#[test]
fn the_pages_of_documentation_are_what_the_program_prints() {
    for (page, arguments) in [
        ("kinds.md", ["kinds", "--format", "markdown"]),
        ("configuration.md", ["schema", "--format", "markdown"]),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_vigie")).args(arguments).output();
        let output = output.expect("vigie runs");
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8(output.stdout).expect("text");
        let path = path().with_file_name("docs").join(page);
        if std::env::var_os("VIGIE_BLESS").is_some() {
            fs::write(path, printed).expect("written");
        } else {
            let written = fs::read_to_string(&path).expect("a page");
            assert!(
                written == printed,
                "docs/{page} is not what `vigie {}` prints",
                arguments.join(" ")
            );
        }
    }
}

#[test]
fn its_configurations_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = text();
    let blocks = blocks(&text, "yaml");
    assert!(!blocks.is_empty());
    for block in blocks {
        assert!(block.lines().count() <= 25, "short enough to be read");
        let file = folder.path().join("checklist.yaml");
        fs::write(&file, block).expect("written");
        let flaws: Vec<_> =
            load(&[file]).err().unwrap_or_default().iter().map(ToString::to_string).collect();
        assert!(flaws.is_empty(), "{}", flaws.join("\n"));
    }
}

#[test]
fn each_kinds_example_loads_as_an_item() {
    let folder = tempfile::tempdir().expect("a folder");
    for kind in KINDS {
        let check = kind.example.lines().map(|line| format!("            {line}\n"));
        let text = format!(
            "connections:\n  alertmanager: {{ main: {{ urls: ['http://127.0.0.1'] }} }}\n  \
             elasticsearch: {{ default: {{ url: 'http://127.0.0.1' }} }}\n  prometheus: {{ main: {{ url: 'http://127.0.0.1' }} }}\n  \
             postgres: {{ default: {{ host: db, user: vigie }} }}\n  \
             redis: {{ default: {{ url: 'redis://127.0.0.1' }} }}\n  s3:\n    backups:\n      \
             endpoint: https://127.0.0.1\n      region: r\n      access_key: {{ env: A }}\n      \
             secret_key: {{ env: B }}\nsections:\n  - id: deployment.verify\n    title: S\n    items:\n      - id: a\n        \
             title: A\n        severity: info\n        mode: {}\n        timeout: 1m\n        checks:\n          -\n{}",
            if kind.name == "attestation" { "attested" } else { "auto" },
            check.collect::<String>()
        );
        let file = folder.path().join("checklist.yaml");
        fs::write(&file, &text).expect("written");
        let flaws: Vec<_> =
            load(&[file]).err().unwrap_or_default().iter().map(ToString::to_string).collect();
        assert!(flaws.is_empty(), "{}: {}\n{text}", kind.name, flaws.join("\n"));
    }
}

#[test]
fn its_command_for_rights_prints_roles_for_its_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = text();
    fs::write(folder.path().join("checklist.yaml"), blocks(&text, "yaml")[0]).expect("written");
    let lines = blocks(&text, "sh").concat();
    let command = lines.lines().find(|line| line.starts_with("vigie rbac ")).expect("the command");
    let (ours, theirs) = command.split_once(" | ").expect("what reads it");
    assert_eq!(theirs, "kubectl apply -f -");
    let output = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(ours.split_whitespace().skip(1))
        .current_dir(folder.path())
        .output()
        .expect("the binary");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("kind: RoleBinding"), "{printed}");
    assert!(printed.contains("# pods (pods-running)"), "{printed}");
}

/// Those of the README, and of the page that tells more.
#[tokio::test(flavor = "multi_thread")]
async fn its_commands_for_acts_are_taken() {
    for page in ["README.md", "docs/acts.md"] {
        let text = fs::read_to_string(path().with_file_name(page)).expect("a page");
        let acts = ["attest", "waive", "maintain", "announce"].map(|act| format!("vigie {act} "));
        let lines = blocks(&text, "sh").concat();
        let told = |line: &&str| acts.iter().any(|act| line.starts_with(act));
        let commands: Vec<_> = lines.lines().filter(told).collect();
        assert_eq!(commands.len(), acts.len(), "{page}: {commands:?}");
        let ground = Ground::of(ACTS).await;
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_vigie"));
        let folder = binary.parent().expect("a folder").display().to_string();
        for command in commands {
            let output = tokio::process::Command::new("sh")
                .args(["-c", command])
                .env("PATH", format!("{folder}:/usr/bin:/bin"))
                .env("VIGIE_URL", ground.url(""))
                .env("VIGIE_TOKEN_FILE", ground.token_file("secret-1"))
                .output();
            let output = output.await.expect("a shell");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{page}: {command}: {said}");
        }
    }
}

/// What the commands speak of.
const ACTS: &str = "\
sections:
  - id: post-deployment
    title: After the deployment
    items:
      - { id: load-test, title: L, severity: info, mode: attested, checks: [{ attestation: { valid_for: 180d } }] }
      - { id: broken, title: B, severity: info, every: 1s, checks: [{ http: { url: 'http://SITE/broken' } }] }
      - { id: api-answers, title: Q, severity: info, every: 1s, checks: [{ http: { url: 'http://SITE/broken' } }] }
";
