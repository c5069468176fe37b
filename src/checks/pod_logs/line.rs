//! A line of a log: how bad it is, and what of it may be shown.

use std::borrow::Cow;

use serde_json::Value;

pub use super::parameters::Errors;
use crate::model::judgement::legible;
use crate::model::pattern::Pattern;
use crate::systems::kubernetes::logs::Level;

/// The most of a line that is searched, in bytes.
const MOST_SEARCHED: usize = 64 << 10;
/// The most of a line that is shown, in characters.
const MOST_SHOWN: usize = 200;

/// The text of a line: no terminal's escapes, and characters whatever the bytes.
pub fn text(line: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(&line[..line.len().min(MOST_SEARCHED)]);
    if text.contains('\u{1b}') { Cow::Owned(without_escapes(&text)) } else { text }
}

/// The text without what tells a terminal to change colours, move or set its title.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            // Parameters, then one letter.
            Some('[') => drop(chars.find(|c| ('\u{40}'..='\u{7e}').contains(c))),
            // A command to the system, up to a bell or the next escape.
            Some(']') => drop(chars.find(|c| matches!(c, '\u{7}' | '\u{1b}' | '\\'))),
            _ => (),
        }
    }
    plain
}

/// What may be shown of a line, where lines are shown at all.
pub fn excerpt(text: &str) -> String {
    legible(text.trim(), MOST_SHOWN)
}

/// How bad a line is. What `ignore` names is no error, whatever else it looks like.
pub fn level(line: &[u8], text: &str, errors: &Errors) -> Level {
    let Errors { level_key, by_level, patterns, ignore } = errors;
    let found = |patterns: &[Pattern]| patterns.iter().any(|p| p.regex().is_match(text));
    let own = own_level(line, text, level_key);
    let is_error = (*by_level && own == Level::Error) || found(patterns);
    match (is_error, own) {
        (true, _) if found(ignore) => Level::Other,
        (true, _) => Level::Error,
        (false, Level::Error) => Level::Other,
        (false, own) => own,
    }
}

/// The level that a line gives itself.
fn own_level(line: &[u8], text: &str, key: &str) -> Level {
    if line.trim_ascii_start().starts_with(b"{")
        && let Ok(Value::Object(object)) = serde_json::from_slice(line)
    {
        return match object.get(key) {
            Some(Value::String(word)) => word_level(word.trim()).unwrap_or(Level::Other),
            Some(Value::Number(number)) => number.as_u64().map_or(Level::Other, numbered),
            _ => Level::Other,
        };
    }
    let text = text.trim_start();
    let text = text.strip_prefix('[').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    // `error: …`, `[error] …`, `ERROR …`; a sentence that begins with `Error` is told by its colon.
    let stands_alone = rest.starts_with([':', ']']) || word.chars().all(|c| c.is_ascii_uppercase());
    if word.eq_ignore_ascii_case("prisma")
        && let Some(rest) = rest.strip_prefix(':')
    {
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        return word_level(&rest[..end]).unwrap_or(Level::Other);
    }
    word_level(word).filter(|_| stands_alone).unwrap_or(Level::Other)
}

fn word_level(word: &str) -> Option<Level> {
    let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    let error =
        ["error", "err", "fatal", "critical", "crit", "alert", "emerg", "emergency", "panic"];
    if is(&error) {
        Some(Level::Error)
    } else if is(&["warn", "warning"]) {
        Some(Level::Warn)
    } else if is(&["info", "information", "notice"]) {
        Some(Level::Info)
    } else {
        None
    }
}

/// The levels of pino and bunyan.
const fn numbered(number: u64) -> Level {
    match number {
        50.. => Level::Error,
        40..50 => Level::Warn,
        30..40 => Level::Info,
        _ => Level::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(line: &[u8], errors: &Errors) -> Level {
        level(line, &text(line), errors)
    }

    #[test]
    fn levels_are_read_as_winston_pino_prisma_and_people_write_them() {
        use Level::{Error, Info, Other, Warn};
        for (line, level) in [
            (&br#"{"level":"error","message":"x"}"#[..], Error),
            (br#"{"message":"error","level":"info"}"#, Info),
            (br#"{"level":"warn"}"#, Warn),
            (br#"{"level":"debug"}"#, Other),
            (br#"{"level":50}"#, Error),
            (br#"{"level":30}"#, Info),
            (br#"{"message":"no level"}"#, Other),
            (br#"{"level":"error""#, Other),
            (b"error: it broke {\"a\":1}", Error),
            (b"\x1b[31merror\x1b[39m: it broke", Error),
            (b"[WARN] slow", Warn),
            (b"INFO started", Info),
            (b"Error: Cannot find module", Error),
            (b"Errors are rare", Other),
            (b"information about", Other),
            (b"prisma:error Invalid `x`", Error),
            (b"prisma:warn", Warn),
            (b"    at Object.<anonymous>", Other),
            (b"\xff\xfe", Other),
            (b"", Other),
        ] {
            assert_eq!(of(line, &Errors::default()), level, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn patterns_make_errors_and_ignored_lines_are_none() {
        let errors: Errors = serde_saphyr::from_str(
            "{ patterns: [ECONNREFUSED, P1001], ignore: ['favicon'], by_level: false }",
        )
        .unwrap();
        assert_eq!(of(b"connect ECONNREFUSED 10.0.0.1", &errors), Level::Error);
        assert_eq!(of(br#"{"level":"info","message":"P1001"}"#, &errors), Level::Error);
        assert_eq!(of(b"ECONNREFUSED for favicon", &errors), Level::Other);
        assert_eq!(of(b"error: another", &errors), Level::Other);
        assert_eq!(of(b"warn: favicon", &errors), Level::Warn);
    }

    #[test]
    fn what_is_shown_is_legible() {
        let line = b"\x1b]0;title\x07\x1b[1;31mbad\x1b[0m \x00\xff\r";
        assert_eq!(excerpt(&text(line)), "bad  \u{fffd}");
        assert_eq!(excerpt(&text(&[b'x'; 1000])).chars().count(), MOST_SHOWN + 1);
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(line: Vec<u8>, escapes in "[\u{1b}\\[\\];m\\\\a-e\u{7}]{0,40}") {
            for line in [&line[..], escapes.as_bytes()] {
                of(line, &Errors::default());
                let shown = excerpt(&text(line));
                prop_assert!(!shown.chars().any(char::is_control), "{shown:?}");
            }
        }
    }
}
