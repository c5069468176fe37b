//! The architecture, read from the sources: who may name whom, and how long a file may be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each part, and the parts that it may name.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("telemetry", &[]),
    ("systems", &["model"]),
    ("checks", &["model", "systems"]),
    ("checklist", &["checks", "model", "systems"]),
    ("config", &["checklist", "checks", "model", "systems"]),
    ("board", &["model"]),
    ("journal", &["model"]),
    ("views", &["model"]),
    ("engine", &["board", "checklist", "checks", "model", "systems"]),
    ("server", &["model", "views"]),
];

/// What wires everything together may name everything.
const MAY_NAME_ALL: &[&str] = &["app", "cli", "lib", "main"];

/// The longest file, in lines.
const LONGEST: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust sources below a folder.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let below = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    below.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// The part of the program that a file of `src` belongs to.
fn part(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("a source");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The parts that a source names by `crate::`.
fn named(text: &str) -> BTreeSet<String> {
    let mentions = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mentions = mentions.flat_map(|line| line.split("crate::").skip(1));
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let mentions =
        mentions.inspect(|rest| assert!(!rest.starts_with('{'), "one part a line: {rest}"));
    mentions.map(word).collect()
}

#[test]
fn each_part_names_only_what_follows() {
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        let part = part(&path);
        if MAY_NAME_ALL.contains(&part.as_str()) {
            continue;
        }
        let may = MAY_NAME.iter().find(|(name, _)| *name == part);
        let (_, may) = may.unwrap_or_else(|| panic!("`{part}` is not in the table"));
        let text = fs::read_to_string(&path).expect("a source");
        // A part's tests may look further, to see what their part does to others.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        if path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests")) {
            continue;
        }
        let strangers =
            named(code).into_iter().filter(|name| *name != part && !may.contains(&name.as_str()));
        wrong.extend(strangers.map(|name| format!("{} names `{name}`", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long_to_find_ones_way_in() {
    let folders = ["src", "tests", "examples", "benches"];
    let files = folders.iter().flat_map(|folder| sources(&root().join(folder)));
    let long: Vec<_> = files
        .map(|path| (fs::read_to_string(&path).expect("a source").lines().count(), path))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, path)| format!("{lines} lines: {}", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn no_source_is_unsafe_or_skips_a_test() {
    let own = Path::new(file!()).file_name().expect("a name");
    for path in ["src", "tests"].iter().flat_map(|folder| sources(&root().join(folder))) {
        let text = fs::read_to_string(&path).expect("a source");
        if path.file_name() == Some(own) {
            continue;
        }
        for word in ["unsafe {", "#[ignore", "todo!(", "unimplemented!("] {
            assert!(!text.contains(word), "{} holds `{word}`", path.display());
        }
    }
}
