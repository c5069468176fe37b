//! What people read of it, and what they may change.

use std::collections::BTreeSet;
use std::fs;

use vigie::config::load::load;

use super::{ENVIRONMENTS, environment, folder, shipped, whole};

const RUNBOOKS: &str = "docs/runbooks/";

fn checklist() -> String {
    fs::read_to_string(folder().join("checklist.yaml")).expect("the checklist")
}

/// The names under `variables`.
fn declared(text: &str) -> BTreeSet<String> {
    let block = text.split("\nvariables:\n").nth(1).unwrap_or_default();
    let lines = block.lines().take_while(|line| line.is_empty() || line.starts_with("  "));
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split_once(':'));
    names.map(|(name, _)| name.to_owned()).filter(|name| !name.contains(['#', ' '])).collect()
}

/// The names within `${…}`.
fn used(text: &str) -> BTreeSet<String> {
    let names = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_variable_has_a_default_and_a_use() {
    let checklist = checklist();
    let known = declared(&checklist);
    assert!(known.len() > 40, "{known:?}");
    let mut all = checklist.clone();
    for name in ENVIRONMENTS {
        let text = fs::read_to_string(environment(name)).expect("an environment");
        let unknown: Vec<_> = declared(&text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{name} sets what nobody reads: {unknown:?}");
        all.push_str(&text);
    }
    let used = used(&all);
    // Named in the text of a comment: how a variable is written at all.
    let strange: Vec<_> = used.difference(&known).filter(|name| *name != "name").collect();
    assert!(strange.is_empty(), "without a default: {strange:?}");
    let idle: Vec<_> = known.difference(&used).collect();
    assert!(idle.is_empty(), "nobody reads {idle:?}");
}

#[test]
fn titles_are_short_and_told_apart() {
    for name in ENVIRONMENTS {
        let configuration = whole(name);
        let mut seen = BTreeSet::new();
        for item in &configuration.checklist.items {
            let title = &item.card.title;
            assert!((2..=80).contains(&title.chars().count()), "`{title}`");
            assert!(!title.contains("${") && !title.ends_with('.'), "`{title}`");
            assert!(seen.insert((&item.card.section, title)), "`{title}` stands twice");
        }
    }
}

/// Each line leads to a runbook, and the line about runbooks looks at each of them.
#[test]
fn every_line_has_a_runbook() {
    let text = checklist();
    let asked: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.split_once("\"${runbooks_url}/")?.1.split_once('"'))
        .map(|(path, _)| path.to_owned())
        .collect();
    assert!(asked.iter().all(|path| path.starts_with(RUNBOOKS)), "{asked:?}");
    for name in ENVIRONMENTS {
        let base = "https://runbooks.example.org/";
        for item in &shipped(name, &[]).checklist.items {
            let url = item.card.runbook_url.as_deref().unwrap_or_default();
            let path = url.strip_prefix(base).unwrap_or_default();
            assert!(path.starts_with(RUNBOOKS), "{}: `{url}`", item.card.id);
            assert!(asked.contains(path), "the line about runbooks does not look at {path}");
        }
    }
}

#[test]
fn twenty_lines_do_for_any_cluster() {
    let file = folder().with_file_name("minimal.yaml");
    let loaded = load(&[file]).unwrap_or_else(|flaws| {
        let flaws: Vec<_> = flaws.iter().map(ToString::to_string).collect();
        panic!("{}", flaws.join("\n"))
    });
    assert_eq!(loaded.checklist.items.len(), 20);
    assert!(loaded.checklist.items.iter().all(|item| item.applies));
}
