//! Runbooks hold: every item leads to one, and each is what whoever is on call needs of it, names only
//! reasons that its items can give, and leads nowhere that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use vigie::checks::KINDS;
use vigie::model::reason::Reason;

const FOLDER: &str = "docs/runbooks/";
const INDEX: &str = "README.md";
const HEADINGS: [&str; 4] = ["What it means", "How to look", "What to do", "What it does not mean"];
const MOST_LINES: usize = 150;
/// What the engine itself says of any item, whatever its kinds.
const OF_THE_ENGINE: [Reason; 7] = [
    Reason::CRASHED,
    Reason::DEPENDENCY_FAILING,
    Reason::NEVER_LOOKED,
    Reason::NOTHING_SEEN,
    Reason::NO_MEMBERS,
    Reason::STALE,
    Reason::UNDECLARED,
];
/// Words of commands that change something, which no command under `How to look` may.
const CHANGING: [&str; 20] = [
    " annotate ",
    " apply ",
    " config set ",
    " cordon ",
    " create ",
    " delete ",
    " drain ",
    " edit ",
    " kubectl run ",
    " label ",
    " patch ",
    " rollout restart ",
    " rollout undo ",
    " s3 mb ",
    " s3 rm ",
    " scale ",
    " set resources ",
    "pg_cancel_backend",
    "pg_terminate_backend",
    "-X POST",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The runbooks by file name, the index left out.
fn pages() -> BTreeMap<String, String> {
    let folder = fs::read_dir(root().join(FOLDER)).expect("the folder of runbooks");
    let files = folder.map(|entry| entry.expect("an entry").path());
    let named = files.map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).expect("a text"))
    });
    named.filter(|(name, _)| name != INDEX).collect()
}

fn index() -> String {
    fs::read_to_string(root().join(FOLDER).join(INDEX)).expect("the index")
}

/// An item as its YAML says.
struct Entry {
    id: String,
    severity: String,
    runbook: String,
    kinds: Vec<&'static str>,
}

/// What stands after `key` on a line, without its comment.
fn value<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    let rest = line.trim_start().strip_prefix(key)?;
    Some(rest.split(" #").next().unwrap_or_default().trim())
}

/// The items of a checklist: what begins with `- id:` and comes to a `runbook:` before the next does.
/// Read as text, so that what is held to the files is not the program's reading of them.
fn items(yaml: &str) -> Vec<Entry> {
    let lines: Vec<_> = yaml.lines().collect();
    let heads: Vec<_> =
        lines.iter().enumerate().filter(|(_, line)| value(line, "- id:").is_some()).collect();
    let ends = heads.iter().skip(1).map(|(at, _)| *at).chain([lines.len()]);
    let spans = heads.iter().zip(ends).map(|((from, _), to)| &lines[*from..to]);
    spans.filter_map(item).collect()
}

fn item(lines: &[&str]) -> Option<Entry> {
    let find = |key| lines.iter().find_map(|line| value(line, key)).map(str::to_owned);
    let checks = lines.iter().position(|line| line.trim_start().starts_with("checks:"))?;
    let checks = lines[checks..].join("\n");
    let terms = find("attestation:").map(|_| "attestation");
    let names = KINDS.iter().map(|kind| kind.name);
    let kinds = names.filter(|kind| {
        [" ", "[", "{ "].iter().any(|before| {
            [" ", "\n"].iter().any(|after| checks.contains(&format!("{before}{kind}:{after}")))
        })
    });
    Some(Entry {
        id: find("- id:")?,
        severity: find("severity:")?,
        runbook: find("runbook:")?,
        kinds: kinds.chain(terms).collect(),
    })
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn checklist() -> Vec<Entry> {
    items(&read("config/trackdechets/checklist.yaml"))
}

/// Every configuration that is shipped, but for the examples of kinds, which name no runbooks.
fn configurations() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("config/trackdechets")).expect("Trackdéchets' files");
    let files = folder.map(|entry| entry.expect("an entry").path());
    files.chain([root().join("config/minimal.yaml")]).collect()
}

/// The part of a page under a heading.
fn section<'t>(page: &'t str, heading: &str) -> &'t str {
    let from = page.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_default();
    from.split("\n## ").next().unwrap_or_default()
}

/// The blocks of commands in a text.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next())
}

/// The codes in the first column of the tables that are about reasons.
fn reasons(page: &str) -> Vec<String> {
    let tables = page.split("\n| reason |").skip(1);
    let rows = tables.flat_map(|table| table.lines().skip(2).take_while(|l| l.starts_with('|')));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// Where a page leads to, the web left out.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.starts_with("https://"))
}

fn nothing(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_runbook_that_a_configuration_names_is_there() {
    let mut wrong = Vec::new();
    for path in configurations() {
        let text = fs::read_to_string(&path).expect("a text");
        for runbook in text.lines().filter_map(|line| value(line, "runbook:")) {
            let is_there = runbook.starts_with(FOLDER) && root().join(runbook).is_file();
            if !is_there {
                wrong.push(format!("{}: {runbook} is not there", path.display()));
            }
        }
    }
    nothing(&wrong);
    let text = read("config/trackdechets/checklist.yaml");
    let named = text.lines().filter(|line| value(line, "runbook:").is_some()).count();
    assert!(named >= 100, "{named} items name a runbook");
    assert_eq!(checklist().len(), named, "each stands in an item that could be read");
}

#[test]
fn the_index_is_the_checklists_and_names_every_page() {
    let index = index();
    let rows = checklist().into_iter().map(|Entry { id, severity, runbook, kinds: _ }| {
        let file = runbook.strip_prefix(FOLDER).unwrap_or(&runbook).to_owned();
        let name = file.trim_end_matches(".md");
        format!("| `{id}` | {severity} | [{name}]({file}) |")
    });
    let rows: BTreeSet<_> = rows.collect();
    let indexed: BTreeSet<_> =
        index.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
    assert_eq!(indexed, rows);
    let lost = pages().into_keys().filter(|name| !index.contains(&format!("]({name})")));
    nothing(&lost.map(|name| format!("no way leads from the index to {name}")).collect::<Vec<_>>());
}

#[test]
fn each_runbook_has_its_four_parts_and_fits_on_a_page() {
    let mut wrong = Vec::new();
    for (name, page) in pages() {
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        if headings != HEADINGS {
            wrong.push(format!("{name}: its headings are {headings:?}"));
        }
        if !page.starts_with("# ") || page.lines().count() >= MOST_LINES {
            wrong.push(format!("{name}: no title, or {} lines", page.lines().count()));
        }
        if commands(section(&page, "How to look")).next().is_none() {
            wrong.push(format!("{name}: how to look, by which commands?"));
        }
        if reasons(section(&page, "What to do")).is_empty() {
            wrong.push(format!("{name}: what to do for which reasons?"));
        }
    }
    nothing(&wrong);
}

#[test]
fn looking_changes_nothing() {
    let mut wrong = Vec::new();
    for (name, page) in pages() {
        for line in commands(section(&page, "How to look")).flat_map(str::lines) {
            let line = format!(" {line}");
            wrong.extend(
                CHANGING
                    .iter()
                    .filter(|word| line.contains(*word))
                    .map(|_| format!("{name}: this changes something, under How to look:{line}")),
            );
        }
    }
    nothing(&wrong);
}

#[test]
fn runbooks_name_their_items_and_reasons_that_these_can_give() {
    let mut of_page: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in checklist() {
        of_page.entry(entry.runbook.replace(FOLDER, "")).or_default().push(entry);
    }
    let engine: BTreeSet<_> = OF_THE_ENGINE.iter().map(|reason| reason.code()).collect();
    let mut wrong = Vec::new();
    for (name, page) in pages() {
        let entries = of_page.remove(&name).unwrap_or_default();
        let kinds: BTreeSet<_> = entries.iter().flat_map(|entry| &entry.kinds).collect();
        // A page of no item is about all of them.
        let asked = KINDS.iter().filter(|kind| kinds.is_empty() || kinds.contains(&kind.name));
        let known: BTreeSet<_> =
            asked.flat_map(|kind| kind.reasons).map(|row| row.reason.code()).collect();
        for reason in reasons(&page) {
            if !known.contains(&*reason) && !engine.contains(&*reason) {
                wrong.push(format!("{name}: {kinds:?} never give {reason}"));
            }
        }
        for Entry { id, .. } in entries {
            if !page.contains(&format!("`{id}`")) {
                wrong.push(format!("{name}: says nothing of {id}"));
            }
        }
    }
    nothing(&wrong);
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut wrong = Vec::new();
    for (name, page) in pages().into_iter().chain([(INDEX.to_owned(), index())]) {
        let broken = links(&page).filter(|target| !root().join(FOLDER).join(target).is_file());
        wrong.extend(broken.map(|target| format!("{name}: {target} is not there")));
    }
    nothing(&wrong);
}
