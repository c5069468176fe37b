//! What templates do to words.
#![expect(
    unreachable_pub,
    clippy::inline_always,
    clippy::unused_self,
    reason = "the macro for filters writes its methods so"
)]

use std::fmt::Display;

use askama::filters::{Html, Safe, escape};
use askama::{Result, Values};

/// A sentence in which what stands between backticks is set as code; all of it is escaped. A backtick
/// without a partner stays as it is.
#[askama::filter_fn]
pub(super) fn prose(sentence: impl Display, _: &dyn Values) -> Result<Safe<String>> {
    set(&sentence.to_string())
}

fn set(sentence: &str) -> Result<Safe<String>> {
    let mut set = String::with_capacity(sentence.len() + 32);
    let mut rest = sentence;
    while let Some((before, code, after)) = code(rest) {
        set += &format!("{}<code>{}</code>", escape(before, Html)?, escape(code, Html)?);
        rest = after;
    }
    set += &escape(rest, Html)?.to_string();
    Ok(Safe(set))
}

/// What stands before the first code, the code, and what follows it.
fn code(sentence: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = sentence.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_set_as_such_and_everything_is_escaped() {
        for (sentence, expected) in [
            ("", ""),
            ("plain <b>", "plain &#60;b&#62;"),
            ("`a` and `b<c`", "<code>a</code> and <code>b&#60;c</code>"),
            ("a ` alone, `code`", "a <code> alone, </code>code`"),
            ("the last ` is one", "the last ` is one"),
            ("``", "<code></code>"),
        ] {
            assert_eq!(set(sentence).unwrap().0, expected, "{sentence}");
        }
    }
}
