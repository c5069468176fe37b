//! The fields that people fill in: what of their text is taken into the record, and what is refused.

use std::collections::BTreeSet;

use super::requests::Refused;
use crate::model::judgement::{is_hidden, says_nothing};

/// The longest name, in characters.
pub(super) const LONGEST_NAME: usize = 128;
/// The longest note, in characters.
const LONGEST_NOTE: usize = 4_000;
/// The longest link, in characters.
const LONGEST_LINK: usize = 2_000;

/// The most names that are told where another was wanted.
const MOST_NAMES: usize = 40;

/// One line that says something.
pub(super) fn name(field: &str, given: String) -> Result<String, Refused> {
    if says_nothing(&given) {
        return Err(Refused::invalid(format!("`{field}` is empty: it says who answers for it")));
    }
    if given.chars().count() > LONGEST_NAME || given.contains(is_hidden) {
        return Err(Refused::invalid(format!(
            "`{field}` is one line of 1 to {LONGEST_NAME} characters, none of them a control \
             character or invisible"
        )));
    }
    Ok(given)
}

/// A few lines that say something.
pub(super) fn text(field: &str, given: String) -> Result<String, Refused> {
    // What joins letters, or keeps them apart, is a part of some scripts.
    let is_foreign = |c: char| is_hidden(c) && !matches!(c, '\n' | '\t' | '\u{200c}' | '\u{200d}');
    let length = given.chars().count();
    if says_nothing(&given) || length > LONGEST_NOTE || given.contains(is_foreign) {
        return Err(Refused::invalid(format!(
            "`{field}` is 1 to {LONGEST_NOTE} characters, none of them invisible, or a control \
             character but line ends and tabs"
        )));
    }
    Ok(given)
}

/// A link that a browser may follow.
pub(super) fn web_link(given: String) -> Result<String, Refused> {
    let is_web = given.starts_with("https://") || given.starts_with("http://");
    let is_foreign = |c: char| is_hidden(c) || c.is_whitespace();
    if !is_web || given.chars().count() > LONGEST_LINK || given.contains(is_foreign) {
        return Err(Refused::invalid(format!(
            "`link` begins with https:// or http:// and has at most {LONGEST_LINK} characters, none \
             of them a space or invisible"
        )));
    }
    Ok(given)
}

/// What there is instead, what is most like it first.
pub(super) fn by_likeness(stranger: &str, known: &BTreeSet<&str>) -> String {
    let mut known: Vec<_> = known.iter().copied().collect();
    known.sort_by_key(|name| strsim::damerau_levenshtein(stranger, name));
    let more = known.len().saturating_sub(MOST_NAMES);
    known.truncate(MOST_NAMES);
    match (known.as_slice(), more) {
        ([], _) => "there is none".to_owned(),
        (named, 0) => format!("there are {}", named.join(", ")),
        (named, more) => format!("there are {}, and {more} more", named.join(", ")),
    }
}
