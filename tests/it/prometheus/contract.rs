//! Names are an API: rules, their tests and dashboards name nothing that the golden exposition lacks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

#[test]
fn rules_and_dashboards_name_only_metrics_of_the_golden_exposition() {
    let known = families();
    assert!(known.contains("vigie_item_standing"), "{known:?}");
    let names = Regex::new(r"\bvigie_[a-z0-9_]+\b").expect("a pattern");
    let mut seen = 0;
    for folder in ["deploy/prometheus", "deploy/prometheus/tests", "dashboards"] {
        for file in files(folder).into_iter().filter(|file| shipped(file)) {
            let text = fs::read_to_string(&file).expect("a text");
            for name in names.find_iter(&text).map(|found| found.as_str()) {
                assert!(known.contains(name), "{} names {name}", file.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "only {seen} names were found");
}

/// Every name that a row of the golden exposition has or may have.
fn families() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for file in files("tests/it/golden") {
        let text = fs::read_to_string(&file).unwrap_or_default();
        for line in text.lines() {
            let mut words = line.strip_prefix("# TYPE ").unwrap_or_default().split(' ');
            match (words.next(), words.next()) {
                (Some(name), Some("histogram")) => {
                    known.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
                }
                (Some(name), Some(_)) => {
                    known.insert(name.to_owned());
                }
                _ => {}
            }
        }
    }
    known
}

fn shipped(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "yaml" || end == "json")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect()
}
