//! Flaws: what is wrong with a configuration, where, and what to do.

use std::fmt;
use std::path::PathBuf;

use super::yaml::{Position, Problem};
use crate::model::likeness::alike;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// In which file.
    pub file: PathBuf,
    /// Where in it; none where the file as a whole is meant.
    pub at: Option<Position>,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Flaw {
    /// A problem of this file.
    pub fn new(file: impl Into<PathBuf>, problem: Problem) -> Self {
        let Problem { at, message, hint } = problem;
        Self { file: file.into(), at, message, hint }
    }

    /// `file:line:column`.
    fn place(&self) -> String {
        let file = self.file.display();
        self.at.map_or_else(|| file.to_string(), |at| format!("{file}:{at}"))
    }
}

/// `file:line:column: message`, and the hint on a line of its own: editors jump to it.
impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// How many of the other places of one mistake are named.
const MOST_PLACES: usize = 5;

/// All mistakes for people to read: what is said of several places is said once, at the first.
pub fn listing(flaws: &[Flaw]) -> String {
    let is_same = |a: &Flaw, b: &Flaw| (&a.message, &a.hint) == (&b.message, &b.hint);
    let mut told: Vec<String> = Vec::new();
    for (index, flaw) in flaws.iter().enumerate() {
        if flaws[..index].iter().any(|before| is_same(before, flaw)) {
            continue;
        }
        let others = flaws[index + 1..].iter().filter(|other| is_same(other, flaw));
        let places: Vec<_> = others.map(Flaw::place).collect();
        told.push(flaw.to_string());
        if places.is_empty() {
            continue;
        }
        let more = match places.len().saturating_sub(MOST_PLACES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = &places[..places.len().min(MOST_PLACES)];
        told.push(format!("  the same at {}{more}", named.join(", ")));
    }
    told.join("\n")
}

/// The word among `known` that `word` was probably meant to be.
pub fn closest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    alike(word, known).first().copied()
}

/// A hint where one of `known` was expected.
pub fn expected(word: &str, known: &[&str]) -> String {
    match closest(word, known.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None if known.is_empty() => "nothing is expected here".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_recognised_and_a_stranger_is_not() {
        assert_eq!(expected("withn", &["within", "host"]), "did you mean `within`?");
        assert_eq!(expected("colour", &["within", "host"]), "known here: within, host");
    }

    #[test]
    fn a_flaw_reads_as_editors_expect() {
        let at = Position { line: 3, column: 5 };
        let flaw = Flaw::new("a.yaml", Problem::at(at, "`x` is missing").hint("add it"));
        assert_eq!(flaw.to_string(), "a.yaml:3:5: `x` is missing\n  hint: add it");
    }

    #[test]
    fn what_is_said_of_many_places_is_said_once() {
        let flaw = |line, message: &str| {
            Flaw::new("a.yaml", Problem::at(Position { line, column: 1 }, message))
        };
        let mut flaws = vec![flaw(1, "x"), flaw(2, "y"), flaw(3, "x")];
        assert_eq!(listing(&flaws), "a.yaml:1:1: x\n  the same at a.yaml:3:1\na.yaml:2:1: y");
        flaws.extend((4..=10).map(|line| flaw(line, "x")));
        let text = listing(&flaws);
        assert!(text.contains("a.yaml:7:1 and 3 more\na.yaml:2:1: y"), "{text}");
    }
}
