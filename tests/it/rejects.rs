//! One file a mistake: the comment at its head is what Vigie must say, to the letter.
//!
//! `VIGIE_BLESS=1` writes what it says into the files (twice, where the head grows and so moves the
//! lines it speaks of); read the difference before you commit it.

use std::fs;
use std::path::{Path, PathBuf};

use vigie::config::load::load;

fn said(paths: &[PathBuf]) -> String {
    let flaws = load(paths).err().expect("a refusal");
    let lines = flaws.iter().map(|flaw| {
        let file = flaw.file.file_name().unwrap_or_default().to_string_lossy();
        flaw.to_string().replace(&*flaw.file.to_string_lossy(), &file)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The comment lines at the head of a file.
fn head(text: &str) -> Vec<&str> {
    text.lines().take_while(|line| line.starts_with('#')).collect()
}

#[test]
fn each_mistake_is_told_in_the_words_of_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rejects");
    let bless = std::env::var_os("VIGIE_BLESS").is_some();
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder).expect("the folder of mistakes") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text");
        let said = said(std::slice::from_ref(&path));
        let said: Vec<_> = said.lines().map(|line| format!("# {line}")).collect();
        count += 1;
        if head(&text) != said {
            wrong.push(format!("{}:\n{}", path.display(), said.join("\n")));
            if bless {
                let body = text.lines().skip(head(&text).len()).collect::<Vec<_>>().join("\n");
                fs::write(&path, format!("{}\n{body}\n", said.join("\n"))).expect("written");
            }
        }
    }
    assert!(bless || wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 25, "{count} mistakes");
}

#[test]
fn files_that_are_no_text_of_bounded_size_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    };
    for (path, message) in [
        (
            file("latin1.yaml", b"environment: a\ntitle: caf\xe9\n"),
            "latin1.yaml: line 2 is not UTF-8",
        ),
        (
            file("large.yaml", &vec![b'#'; 10 << 20]),
            "large.yaml: is larger than 4.0 MiB: not a checklist",
        ),
        (file("empty.yaml", b""), "empty.yaml:1:1: the file is empty"),
        (
            folder.path().join("absent.yaml"),
            "absent.yaml: can't be read: No such file or directory (os error 2)",
        ),
    ] {
        assert_eq!(said(&[path]), message);
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("many.yaml");
    let item = |id: &str, rest: &str| {
        format!("      - {{ id: {id}, title: T, severity: info, {rest} }}\n")
    };
    let text = "sections:\n  - id: s\n    title: S\n    items:\n".to_owned()
        + &item("a", "evry: 5m, checks: [{ dns: { name: example.org } }]")
        + &item("b", "checks: [{ dns: { nam: example.org } }, { udp: {} }]")
        + &item("c", "depends_on: [d], checks: [{ dns: { name: example.org } }]");
    fs::write(&path, text).expect("written");
    let said = said(&[path]);
    assert_eq!(said.lines().filter(|line| line.starts_with("many.yaml:")).count(), 4, "{said}");
}

/// The cluster that Vigie runs in, and registries, need no description: with the block of connections
/// they go.
#[test]
fn what_needs_no_description_needs_no_block() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("short.yaml");
    let text = "sections:\n  - id: s\n    title: S\n    items:\n      - id: a\n        title: T\n        \
                severity: info\n        checks:\n          - registry_image: { images: [\"ghcr.io/x/y:1\"] }\n";
    for connections in ["", "connections: {}\n"] {
        fs::write(&path, format!("{connections}{text}")).expect("written");
        let taken = load(std::slice::from_ref(&path));
        assert!(taken.is_ok(), "{connections:?}: {:?}", taken.err());
    }
}
