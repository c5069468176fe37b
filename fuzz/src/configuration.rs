//! The configuration: YAML, variables, the words of a checklist.

use std::collections::BTreeMap;
use std::path::PathBuf;

use vigie::config::load::{Source, compile};
use vigie::config::yaml::{self, Node, Position, Value};

/// A whole file.
pub fn configuration(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
    match yaml::parse(text) {
        Ok(tree) => {
            placed(&tree, lines);
            assert_eq!(yaml::parse(text).as_ref(), Ok(&tree));
            let mut put = tree.clone();
            let problems = yaml::interpolate(&mut put, &BTreeMap::new());
            if !text.contains("${") {
                assert!(problems.is_empty() && put == tree, "there are no variables in it");
            }
        }
        Err(problem) => assert!(problem.at.is_none_or(|at| at.line <= lines + 1), "{problem:?}"),
    }
    let source = || [Source { path: PathBuf::from("fuzzed.yaml"), text: text.to_owned() }];
    match compile(&source()) {
        Ok(configuration) => {
            let again = compile(&source()).map(|again| (again.checksum, again.settings));
            let told = (configuration.checksum.clone(), configuration.settings.clone());
            assert!(again.is_ok_and(|again| again == told), "read again, it says another thing");
            assert!(!configuration.settings.environment.is_empty(), "it is of no environment");
            let mut ids: Vec<_> =
                configuration.checklist.items.iter().map(|item| item.card.id.clone()).collect();
            let count = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), count, "two items bear one id");
            true
        }
        Err(flaws) => {
            assert!(!flaws.is_empty(), "it is refused, and nothing is wrong with it");
            for flaw in &flaws {
                assert!(!flaw.message.is_empty() && flaw.file.as_os_str() == "fuzzed.yaml");
                assert!(flaw.at.is_none_or(|at| at.line <= lines + 1), "{flaw}");
            }
            false
        }
    }
}

/// Whether every word has a place in the text.
fn placed(node: &Node, lines: usize) {
    let Position { line, column } = node.at;
    assert!((1..=lines + 1).contains(&line) && column >= 1, "{line}:{column} of {lines} lines");
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(elements) => elements.iter().for_each(|element| placed(element, lines)),
        Value::Mapping(pairs) => {
            for (at, (key, _, value)) in pairs.iter().enumerate() {
                assert!(pairs[..at].iter().all(|(other, ..)| other != key), "`{key}` stands twice");
                placed(value, lines);
            }
        }
    }
}
