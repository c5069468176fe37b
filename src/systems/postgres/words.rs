//! The words of a statement: what stands in it outside of texts, quoted names and remarks.

/// The furthest that `SET` stands behind `UPDATE`, in tokens: `UPDATE ONLY a.b * AS c SET`.
const SET_WITHIN: usize = 9;

/// A part of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A key word, a name without quotes, or a number.
    Word(&'a [u8]),
    /// `(`
    Open,
    /// `)`
    Close,
    /// A text, a quoted name, a sign.
    Other,
}

impl Token<'_> {
    fn is(self, wanted: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(wanted.as_bytes()))
    }
}

/// Whether a statement that reads has one within its `WITH` that writes.
pub(super) fn writes_in_with(sql: &str) -> bool {
    let tokens = tokens(sql.as_bytes());
    let begins = |at: usize| {
        let first = |wanted: &str| tokens.get(at).is_some_and(|token| token.is(wanted));
        let then = |wanted: &str| tokens.get(at + 1).is_some_and(|token| token.is(wanted));
        let sets = || tokens.iter().skip(at + 2).take(SET_WITHIN).any(|token| token.is("set"));
        ((first("insert") || first("merge")) && then("into"))
            || (first("delete") && then("from"))
            || (first("update") && sets())
    };
    // Behind `)` where it has a `WITH` of its own.
    let opens = |token: &Token<'_>| matches!(token, Token::Open | Token::Close);
    tokens.iter().any(|token| token.is("with"))
        && tokens.iter().enumerate().any(|(at, token)| opens(token) && begins(at + 1))
}

fn tokens(sql: &[u8]) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some((first, after)) = rest.split_first() {
        let (length, token) = match first {
            b'-' if after.starts_with(b"-") => (to_line_end(rest), None),
            b'/' if after.starts_with(b"*") => (remark(rest), None),
            b'\'' | b'"' => (quoted(rest, *first, false), Some(Token::Other)),
            b'e' | b'E' if after.starts_with(b"'") => {
                (1 + quoted(after, b'\'', true), Some(Token::Other))
            }
            b'$' => (in_dollars(rest).unwrap_or(1), Some(Token::Other)),
            b'(' => (1, Some(Token::Open)),
            b')' => (1, Some(Token::Close)),
            first if first.is_ascii_whitespace() => (1, None),
            first if of_word(*first) => {
                let length = run(rest);
                (length, Some(Token::Word(&rest[..length])))
            }
            _ => (1, Some(Token::Other)),
        };
        tokens.extend(token);
        rest = &rest[length.min(rest.len())..];
    }
    tokens
}

fn of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// How long the word is that begins here; within one, `$` is a letter.
fn run(text: &[u8]) -> usize {
    text.iter().take_while(|byte| of_word(**byte) || **byte == b'$').count()
}

fn to_line_end(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len())
}

/// How long a remark between `/*` and `*/` is; remarks nest.
fn remark(text: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1_usize);
    while depth > 0 {
        match text.get(at..) {
            None | Some([]) => return text.len(),
            Some([b'/', b'*', ..]) => (at, depth) = (at + 2, depth + 1),
            Some([b'*', b'/', ..]) => (at, depth) = (at + 2, depth - 1),
            Some(_) => at += 1,
        }
    }
    at
}

/// How long a text or name within `quote`s is; within, one that is doubled does not end it.
fn quoted(text: &[u8], quote: u8, escapes: bool) -> usize {
    let mut at = 1;
    loop {
        match text.get(at..) {
            None | Some([]) => return text.len(),
            Some([b'\\', ..]) if escapes => at += 2,
            Some([first, second, ..]) if *first == quote && *second == quote => at += 2,
            Some([first, ..]) if *first == quote => return at + 1,
            Some(_) => at += 1,
        }
    }
}

/// How long a text between `$tag$` and `$tag$` is, where one begins here.
fn in_dollars(text: &[u8]) -> Option<usize> {
    let tag = text.iter().skip(1).take_while(|byte| of_word(**byte)).count();
    let (mark, body) = text.split_at_checked(tag + 2)?;
    if !mark.ends_with(b"$") || mark.get(1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let end = body.windows(mark.len()).position(|window| window == mark);
    Some(end.map_or(text.len(), |end| end + 2 * mark.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statements_that_write_are_found_within_with() {
        for sql in [
            "WITH x AS (INSERT INTO t VALUES (1) RETURNING n) SELECT * FROM x",
            "with x as materialized (\n-- one\n delete /* ( */ from t returning n) table x",
            "WITH x AS (SELECT 1), y AS (UPDATE ONLY a.\"b\" * AS c SET n = 1 RETURNING n) TABLE y",
            "WITH x AS (MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING n) TABLE x",
            "WITH x AS (WITH y AS (SELECT 1) INSERT INTO t TABLE y RETURNING n) TABLE x",
            "WITH x AS (SELECT E'\\'', $$'$$, 'a''b'), y AS (DELETE FROM t) TABLE x",
        ] {
            assert!(writes_in_with(sql), "{sql}");
        }
    }

    #[test]
    fn words_that_only_look_so_are_none() {
        for sql in [
            "SELECT 1",
            "WITH x AS (SELECT 1) SELECT * FROM x FOR UPDATE",
            "WITH x AS (SELECT '(INSERT INTO t') TABLE x",
            "WITH x AS (SELECT E'\\' (DELETE FROM t') TABLE x",
            "WITH x AS (SELECT $a$ (DELETE FROM t $$ $a$, \"(delete from\") TABLE x",
            "WITH x AS (SELECT 1 /* /* */ (DELETE FROM t */) TABLE x -- (INSERT INTO t",
            "WITH x AS (SELECT count(*) update FROM t) TABLE x",
            "WITH x AS (SELECT (delete) FROM t) TABLE x",
            "SELECT * FROM (INSERT INTO t VALUES (1) RETURNING n) s",
        ] {
            assert!(!writes_in_with(sql), "{sql}");
        }
    }

    proptest! {
        #[test]
        fn no_statement_breaks_it(sql in "([ ()'\"$\\\\/*\n-]|E'|\\$a\\$|with|insert into|é){0,40}") {
            writes_in_with(&sql);
        }
    }
}
