//! docs/trackdechets.md tells the truth: its commands run, and its example loads.

use std::fs;
use std::path::Path;
use std::process::Command;

use vigie::config::load::load_for_elsewhere;

use super::{environment, folder};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/trackdechets.md");
    fs::read_to_string(path).expect("the page")
}

/// The blocks in a language.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn its_commands_run() {
    let page = page();
    let commands: Vec<_> = blocks(&page, "sh").iter().flat_map(|block| block.lines()).collect();
    assert_eq!(commands.len(), 3);
    for command in commands {
        let arguments = command.strip_prefix("vigie ").expect("a command of ours");
        let output = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .args(arguments.split_whitespace())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the binary");
        let told = String::from_utf8_lossy(&output.stderr);
        // What a workstation lacks is for `once` to tell: 1, or 2 without a cluster.
        let fine = if arguments.starts_with("once") { 0..=2 } else { 0..=0 };
        assert!(output.status.code().is_some_and(|code| fine.contains(&code)), "{command}: {told}");
    }
}

#[test]
fn its_example_loads_beside_an_environment() {
    let page = page();
    let example = tempfile::tempdir().expect("a folder");
    for block in blocks(&page, "yaml") {
        let file = example.path().join("own.yaml");
        fs::write(&file, block).expect("a file");
        let files = [folder().join("checklist.yaml"), environment("production"), file];
        let flaws = load_for_elsewhere(&files).err().unwrap_or_default();
        let flaws: Vec<_> = flaws.iter().map(ToString::to_string).collect();
        assert!(flaws.is_empty(), "{}", flaws.join("\n"));
    }
}
