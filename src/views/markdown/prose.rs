//! Foreign text as prose that stays prose: none of it becomes structure, HTML, a link, an image or
//! a mention, whoever renders it.
//!
//! Escapes alone do not do: renderers link bare addresses, mail addresses and `@names` after they
//! have read the escapes. So a word is printed as it is only where all of it is harmless, and as
//! code otherwise, which nobody looks into. What stands between backticks is code already.

use crate::model::judgement::visible;

/// Marks that may open a word without being a part of it.
const OPENING: [char; 4] = ['(', '"', '\'', '«'];
/// Marks that may close one.
const CLOSING: [char; 11] = [')', '"', '\'', '»', ',', '.', ';', ':', '!', '?', '…'];

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Code(String),
    Space,
}

/// The text on one line, for any place that takes words.
pub(super) fn prose(text: &str) -> String {
    let text: String = text.chars().map(visible).collect();
    let mut pieces = Vec::new();
    match quoted(&text) {
        Some(parts) => {
            for (n, part) in parts.into_iter().enumerate() {
                if n % 2 == 0 {
                    words(part, &mut pieces);
                } else {
                    push(&mut pieces, Piece::Code(one_line(part)));
                }
            }
        }
        None => words(&text, &mut pieces),
    }
    pieces.iter().map(written).collect::<String>().trim().to_owned()
}

/// One word of a closed vocabulary or an id, as code.
pub(super) fn code(text: &str) -> String {
    written(&Piece::Code(one_line(&text.chars().map(visible).collect::<String>())))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text cut at its backticks, where they come in pairs with something between.
fn quoted(text: &str) -> Option<Vec<&str>> {
    let parts: Vec<_> = text.split('`').collect();
    let sound =
        parts.len() % 2 == 1 && parts.iter().skip(1).step_by(2).all(|part| !part.trim().is_empty());
    sound.then_some(parts)
}

fn words(text: &str, pieces: &mut Vec<Piece>) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == ' ' {
            push(pieces, Piece::Space);
            rest = rest.trim_start();
        } else {
            let (one, after) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
            word(one, pieces);
            rest = after;
        }
    }
}

/// A word, and the marks around it.
fn word(word: &str, pieces: &mut Vec<Piece>) {
    // At the start of a line these would begin a list.
    let begins = pieces.iter().all(|piece| *piece == Piece::Space);
    if begins && (word.chars().all(|c| matches!(c, '-' | '+')) || numbers_a_list(word)) {
        return push(pieces, Piece::Code(word.to_owned()));
    }
    let core = word.trim_start_matches(OPENING);
    let (before, core) = word.split_at(word.len() - core.len());
    let (core, after) = core.split_at(core.trim_end_matches(CLOSING).len());
    push(pieces, Piece::Plain(before.to_owned()));
    if harmless(core) {
        push(pieces, Piece::Plain(core.to_owned()));
    } else {
        push(pieces, Piece::Code(core.to_owned()));
    }
    push(pieces, Piece::Plain(after.to_owned()));
}

fn numbers_a_list(word: &str) -> bool {
    let digits = word.trim_end_matches(['.', ')']);
    digits.len() < word.len() && digits.chars().all(|c| c.is_ascii_digit())
}

/// Whether no renderer sees more in it than a word: letters and digits, and marks between them that
/// mean nothing anywhere.
fn harmless(core: &str) -> bool {
    // By itself it begins no entity.
    if core == "&" {
        return true;
    }
    if refers(core) {
        return false;
    }
    let letters: Vec<char> = core.chars().collect();
    letters.iter().enumerate().all(|(n, c)| match c {
        '-' | '–' | '—' | '%' | '°' | '’' | '+' | '×' | '√' | '≥' | '≤' | '(' | ')' | '\'' => {
            true
        }
        '.' | ',' | ':' | '/' => {
            let digit = |at: Option<usize>| {
                at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit)
            };
            digit(n.checked_sub(1)) && digit(Some(n + 1))
        }
        c => c.is_alphanumeric(),
    })
}

/// So many hexadecimal digits and more may be the name of a commit.
const SHORTEST_COMMIT: usize = 7;

/// Whether GitHub may link it: to a commit, or to an issue as `GH-26`.
fn refers(core: &str) -> bool {
    let parts: Vec<_> = core.split(|c: char| !c.is_alphanumeric()).collect();
    let commit =
        |part: &&str| part.len() >= SHORTEST_COMMIT && part.chars().all(|c| c.is_ascii_hexdigit());
    let issue = |pair: &[&str]| {
        pair[0].eq_ignore_ascii_case("gh") && pair[1].starts_with(|c: char| c.is_ascii_digit())
    };
    parts.iter().any(commit) || parts.windows(2).any(issue)
}

/// Adds a piece; code beside code would be read as one span with other ends, so it becomes one.
fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    match (pieces.last_mut(), piece) {
        (_, Piece::Plain(text) | Piece::Code(text)) if text.is_empty() => {}
        (Some(Piece::Code(last)), Piece::Code(next)) => last.push_str(&next),
        (_, piece) => pieces.push(piece),
    }
}

fn written(piece: &Piece) -> String {
    match piece {
        Piece::Space => " ".to_owned(),
        Piece::Plain(text) => text.clone(),
        Piece::Code(text) if text.is_empty() => String::new(),
        Piece::Code(text) => {
            let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
            let fence = "`".repeat(longest + 1);
            let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
            format!("{fence}{pad}{text}{pad}{fence}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_plain_and_all_else_is_code() {
        for (text, shown) in [
            ("the API server answered in 12ms", "the API server answered in 12ms"),
            ("2.5 GiB of 8, 31% (3/3, since 12:30)", "2.5 GiB of 8, 31% (3/3, since 12:30)"),
            ("`bad` does not hold", "`bad` does not hold"),
            ("api.example.org: answers 404", "`api.example.org`: answers 404"),
            ("see https://evil.example/x?y=1.", "see `https://evil.example/x?y=1`."),
            ("ask @everyone or jo@example.org", "ask `@everyone` or `jo@example.org`"),
            ("[x](y) ![z](w) <b>", "`[x](y`) `![z](w`) `<b>`"),
            ("*a* _b_ ~~c~~ #1 $x$ a|b", "`*a*` `_b_` `~~c~~` `#1` `$x$` `a|b`"),
            ("a ` b", "a `` ` `` b"),
            ("`a``b`", "`ab`"),
            ("a\nb\u{202e}c  d", "a b c d"),
            ("DNS & TLS, a&b", "DNS & TLS, `a&b`"),
            ("- item", "`-` item"),
            ("1. item", "`1.` item"),
            ("a - b", "a - b"),
            ("GH-26 (gh-7), ghost-26", "`GH-26` (`gh-7`), ghost-26"),
            ("runs 2b1ff3e, not 0525E4B.", "runs `2b1ff3e`, not `0525E4B`."),
            ("web-7d9f8b6c5-x2 of 123456 or 1234567", "`web-7d9f8b6c5-x2` of 123456 or `1234567`"),
            (":smile: &amp; \\*", "`:smile`: `&amp`; `\\*`"),
            ("", ""),
        ] {
            assert_eq!(prose(text), shown, "{text:?}");
        }
        assert_eq!(code("a`b"), "``a`b``");
    }
}
