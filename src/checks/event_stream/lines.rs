//! The lines of an event stream, as the HTML standard gives them (§9.2.6). Pure, and bounded.

use crate::model::judgement::legible;

/// The longest line that is read, in bytes.
pub const LONGEST_LINE: usize = 1024 * 1024;
/// The fields that a client knows. It ignores all others, and with them whatever they carry.
const FIELDS: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];
/// What a stream may begin with, and clients skip.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a line is none of an event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is longer than is read.
    TooLong,
    /// It is not UTF-8.
    NotText,
    /// It begins with a field that no client knows; here is its name, made legible.
    UnknownField(String),
    /// `retry` is not a number of milliseconds.
    Retry,
}

/// Splits the bytes of a stream into lines, wherever they were cut on the way.
#[derive(Debug, Default)]
pub struct Lines {
    /// The line that has begun.
    partial: Vec<u8>,
    /// Whether the last byte was a carriage return, which a line feed may belong to.
    returned: bool,
    /// Whether a line has ended.
    begun: bool,
}

impl Lines {
    /// Takes the next bytes; says how many lines they complete that hold a comment or a field.
    ///
    /// # Errors
    /// The first line that is wrong. What follows it is not looked at.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, Wrong> {
        let mut complete = 0;
        let mut rest = bytes;
        if self.returned
            && let Some((first, others)) = rest.split_first()
        {
            self.returned = false;
            rest = if *first == b'\n' { others } else { rest };
        }
        while let Some(end) = rest.iter().position(|byte| [b'\n', b'\r'].contains(byte)) {
            self.extend(&rest[..end])?;
            let line = std::mem::take(&mut self.partial);
            complete += usize::from(read(self.without_mark(&line))?);
            self.begun = true;
            let long = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
            self.returned = rest[end] == b'\r' && end + 1 == rest.len();
            rest = &rest[end + long..];
        }
        self.extend(rest)?;
        Ok(complete)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        if self.partial.len() + bytes.len() > LONGEST_LINE {
            return Err(Wrong::TooLong);
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    fn without_mark<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        if self.begun { line } else { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) }
    }
}

/// Reads a line; says whether it holds anything. An empty one only ends an event.
fn read(line: &[u8]) -> Result<bool, Wrong> {
    if std::str::from_utf8(line).is_err() {
        return Err(Wrong::NotText);
    }
    if line.is_empty() {
        return Ok(false);
    }
    let (name, value) = match line.iter().position(|byte| *byte == b':') {
        Some(0) => return Ok(true),
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        None => (line, &line[line.len()..]),
    };
    if !FIELDS.contains(&name) {
        return Err(Wrong::UnknownField(legible(&String::from_utf8_lossy(name), 40)));
    }
    let value = value.strip_prefix(b" ").unwrap_or(value);
    if name == b"retry" && (value.is_empty() || !value.iter().all(u8::is_ascii_digit)) {
        return Err(Wrong::Retry);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(text: &str) -> Result<usize, Wrong> {
        Lines::default().take(text.as_bytes())
    }

    #[test]
    fn comments_and_fields_are_signs_of_life() {
        for (text, lines) in [
            ("", 0),
            ("\n\r\n\r", 0),
            ("retry: 10000\n\n", 1),
            (": keep alive\n\n", 1),
            (":\n", 1),
            ("event: update\ndata: {\"a\": 1}\ndata\nid:7\n\n", 4),
            ("data: begun but not ended", 0),
            ("data: a\rdata: b\r\ndata: c\n", 3),
            ("\u{feff}data: a\n", 1),
        ] {
            assert_eq!(count(text), Ok(lines), "{text:?}");
        }
    }

    #[test]
    fn lines_that_clients_ignore_are_wrong() {
        let unknown = |name: &str| Wrong::UnknownField(name.to_owned());
        for (text, wrong) in [
            ("<html>\n", unknown("<html>")),
            ("{\"a\": 1}\n", unknown("{\"a\"")),
            ("Data: a\n", unknown("Data")),
            (" data: a\n", unknown(" data")),
            ("data: a\n\u{feff}data: b\n", unknown(" data")),
            ("retry: soon\n", Wrong::Retry),
            ("retry\n", Wrong::Retry),
            ("retry: -1\n", Wrong::Retry),
        ] {
            assert_eq!(count(text), Err(wrong), "{text:?}");
        }
        assert_eq!(Lines::default().take(b"data: \xff\n"), Err(Wrong::NotText));
        let long = "a".repeat(LONGEST_LINE);
        assert_eq!(count(&format!("data: {long}\n")), Err(Wrong::TooLong));
        assert_eq!(count(&format!(":{long}")), Err(Wrong::TooLong));
    }

    proptest! {
        #[test]
        fn where_bytes_are_cut_makes_no_difference(
            text in "((data|event|id|:|retry: 1|x)?(: [a-zé]{0,3})?(\r\n|\n|\r)){0,8}",
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        ) {
            let bytes = text.as_bytes();
            let whole = Lines::default().take(bytes);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut lines = Lines::default();
            let pieces = cuts.windows(2).map(|pair| lines.take(&bytes[pair[0]..pair[1]]));
            prop_assert_eq!(pieces.sum::<Result<usize, Wrong>>(), whole);
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(Lines::default().take(&bytes));
        }
    }
}
