//! Judging, as tables; and that nothing passes by absence.

use proptest::prelude::*;

use super::*;
use crate::model::finding::Verdict;

fn check(parameters: &str) -> SecretKeys {
    let text = format!("namespace: shop\n{parameters}");
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// A Secret's values by key; none is one that is no base64.
type Values<'v> = &'v [(&'v str, Option<&'v [u8]>)];

fn absent() -> Refused {
    let obstacle = Obstacle::new(Reason::KIND_UNKNOWN, "404");
    Refused { obstacle, code: Some(404), absent: true }
}

fn forbidden() -> Refused {
    let obstacle = Obstacle::new(Reason::FORBIDDEN, "403");
    Refused { obstacle, code: Some(403), absent: false }
}

fn judged(check: &SecretKeys, secrets: &[(&str, Result<Values<'_>, Refused>)]) -> Judgement {
    assert_eq!(check.flaws(), Vec::<String>::new());
    let (mut seen, mut marks) = (Seen::default(), Marks::new().unwrap());
    for (name, read) in secrets {
        let contents = read.clone().map(|values| {
            let mut contents = Contents::default();
            for (key, value) in values {
                let value = value.map_or(SecretValue::Garbled, SecretValue::Bytes);
                check.note(&mut contents, &mut marks, key, value);
            }
            contents
        });
        seen.secrets.push(((*name).to_owned(), contents));
    }
    if check.distinct {
        seen.equal = marks.equal();
    }
    check.judged(&seen)
}

fn said(judgement: &Judgement) -> (Verdict, &'static str) {
    (judgement.verdict(), judgement.reason().map_or("", Reason::code))
}

#[test]
fn a_value_is_judged_by_what_is_wanted_of_it() {
    use Verdict::{Fail, Pass};
    let random = b"q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=";
    let thirty_two = b"0123456789abcdef0123456789abcdef";
    for (wanted, value, expected) in [
        ("{}", &b"hunter2"[..], (Pass, "")),
        ("{}", b"", (Fail, "Empty")),
        ("{}", b" \n\t", (Fail, "Empty")),
        ("{}", b"xChangemex", (Fail, "Placeholder")),
        ("{ at_least: 7 }", b"hunter2", (Pass, "")),
        ("{ at_least: 8 }", b"hunter2", (Fail, "WrongLength")),
        ("{ exactly: 32 }", thirty_two, (Pass, "")),
        ("{ exactly: 32 }", b"0123456789abcdef0123456789abcdef\n", (Fail, "WrongLength")),
        ("{ at_least: 32, decoded: base64 }", random, (Pass, "")),
        ("{ at_least: 33, decoded: base64 }", random, (Fail, "WrongLength")),
        ("{ exactly: 16, decoded: hex }", thirty_two, (Pass, "")),
        ("{ decoded: hex }", b"hunter2", (Fail, "NotDecodable")),
        ("{ url: { schemes: [postgres] } }", b"postgres://u:p@db/shop", (Pass, "")),
        ("{ url: { schemes: [postgres] } }", b"mysql://u:p@db/shop", (Fail, "MalformedUrl")),
        ("{ url: {} }", b"hunter2", (Fail, "MalformedUrl")),
        ("{ url: {} }", b"postgres://u:p@host/shop", (Fail, "Placeholder")),
        ("{ url: {} }", b"postgres://u:changeme@db/shop", (Fail, "Placeholder")),
        ("{ url: { password_at_least: 8 } }", b"redis://:hunter22@r", (Pass, "")),
        ("{ url: { password_at_least: 8 } }", b"redis://:hunter2@r", (Fail, "WrongLength")),
        ("{ url: { password_at_least: 8 } }", b"redis://r", (Fail, "WrongLength")),
        ("{ sentry_dsn: true }", b"https://k@sentry.internal/1", (Pass, "")),
        ("{ sentry_dsn: true }", b"https://sentry.internal/1", (Fail, "MalformedUrl")),
    ] {
        let check = check(&format!("secrets: [s]\nkeys: {{ K: {wanted} }}"));
        let judgement = judged(&check, &[("s", Ok(&[("K", Some(value))]))]);
        let shown = String::from_utf8_lossy(value);
        assert_eq!(said(&judgement), expected, "{wanted} {shown}: {}", judgement.because());
    }
}

#[test]
fn sentences_say_what_was_measured_and_what_is_wanted() {
    let check = check("secrets: [s]\nkeys: { K: { exactly: 4 } }");
    for (value, sentence) in [
        (&b"1234"[..], "K: in Secret s: 4 bytes; exactly 4 wanted"),
        (b"1234\n", "K: in Secret s: 5 bytes, a line break at the end included; exactly 4 wanted"),
    ] {
        let judgement = judged(&check, &[("s", Ok(&[("K", Some(value))]))]);
        assert_eq!(judgement.because(), sentence);
    }
}

#[test]
fn presence_is_wanted_of_all_secrets_or_of_one_of_them() {
    use Verdict::{Fail, Pass, Unknown};
    let value: Values<'_> = &[("K", Some(b"hunter2"))];
    let other: Values<'_> = &[("X", Some(b"hunter2"))];
    let (all, any) = ("", "alternatives: true\n");
    for (mode, one, two, expected) in [
        (all, Ok(value), Ok(other), (Pass, "")),
        (all, Ok(value), Err(absent()), (Fail, "NotFound")),
        (all, Ok(value), Err(forbidden()), (Unknown, "Forbidden")),
        (all, Ok(other), Ok(other), (Fail, "KeyMissing")),
        (any, Ok(value), Err(absent()), (Pass, "")),
        (any, Err(absent()), Ok(other), (Fail, "KeyMissing")),
        (any, Err(absent()), Err(absent()), (Fail, "NotFound")),
        // The key may be in the one that can't be read.
        (any, Ok(other), Err(forbidden()), (Unknown, "Forbidden")),
        (any, Err(absent()), Err(forbidden()), (Unknown, "Forbidden")),
        (all, Err(forbidden()), Err(forbidden()), (Unknown, "Forbidden")),
    ] {
        let check = check(&format!("secrets: [one, two]\n{mode}keys: {{ K: {{}} }}"));
        let judgement = judged(&check, &[("one", one), ("two", two)]);
        assert_eq!(said(&judgement), expected, "{mode}: {}", judgement.because());
    }
}

#[test]
fn an_optional_key_may_be_absent_and_is_judged_where_it_is_there() {
    use Verdict::{Fail, Pass, Unknown};
    let check = check("secrets: [s]\nkeys: { K: { optional: true } }");
    for (read, expected) in [
        (Ok(&[][..]), (Pass, "")),
        (Ok(&[("K", Some(&b"changeme"[..]))][..]), (Fail, "Placeholder")),
        (Ok(&[("K", None)][..]), (Unknown, "Garbled")),
        (Err(absent()), (Fail, "NotFound")),
    ] {
        assert_eq!(said(&judged(&check, &[("s", read)])), expected);
    }
}

#[test]
fn all_keys_are_searched_for_placeholders() {
    use Verdict::{Fail, Pass, Unknown};
    let check = check("secrets: [s]\nall_keys: true\nexcept: [DOCS]");
    let (good, bad) = (("A", Some(&b"hunter2"[..])), ("B", Some(&b"https://your-host"[..])));
    for (read, expected) in [
        (Ok(&[good, ("DOCS", Some(&b"https://example.com"[..]))][..]), (Pass, "")),
        (Ok(&[good, bad][..]), (Fail, "Placeholder")),
        (Ok(&[good, ("B", None)][..]), (Unknown, "Garbled")),
        (Ok(&[][..]), (Fail, "Empty")),
        (Err(absent()), (Fail, "NotFound")),
    ] {
        assert_eq!(said(&judged(&check, &[("s", read)])), expected);
    }
}

#[test]
fn equal_values_of_different_keys_fail() {
    let check = check("secrets: [s, t]\ndistinct: true\nkeys: { A: {}, B: {} }");
    let a: Values<'_> = &[("A", Some(b"hunter2"))];
    let (same, differs): (Values<'_>, Values<'_>) =
        (&[("B", Some(b"hunter2"))], &[("B", Some(b"hunter3"))]);
    let judgement = judged(&check, &[("s", Ok(a)), ("t", Ok(same))]);
    assert_eq!(judgement.because(), "A: has the same value as B; all must differ");
    assert_eq!(judged(&check, &[("s", Ok(a)), ("t", Ok(differs))]).verdict(), Verdict::Pass);
}

#[test]
fn what_can_not_be_meant_is_refused() {
    for (parameters, flaw) in [
        ("secrets: []\nall_keys: true", "`secrets` is empty"),
        ("secrets: [s, s]\nall_keys: true", "names a Secret twice"),
        ("secrets: [s]", "nothing would be judged"),
        ("secrets: [s]\nkeys: { A: {} }\ndistinct: true", "two `keys`"),
        ("secrets: [s]\nkeys: { A: {} }\nexcept: [A]", "`except` is for `all_keys`"),
        ("secrets: [s]\nkeys: { A: { exactly: 1, at_least: 1 } }", "one of them is enough"),
        ("secrets: [s]\nkeys: { A: { at_least: 0 } }", "length of 0"),
        ("secrets: [s]\nkeys: { A: { url: {}, sentry_dsn: true } }", "more than one"),
        ("secrets: [s]\nall_keys: true\nplaceholders: ['']", "random values"),
    ] {
        let flaws = check(parameters).flaws();
        assert!(flaws.len() == 1 && flaws[0].contains(flaw), "{parameters}: {flaws:?}");
    }
    for bad in ["../x", "A", "", "a/b", "-a", "a?x=1"] {
        let text = format!("namespace: shop\nsecrets: ['{bad}']\nall_keys: true");
        assert!(serde_saphyr::from_str::<SecretKeys>(&text).is_err(), "{bad}");
    }
}

proptest! {
    /// Whatever a value is, no sentence repeats a part of it.
    #[test]
    fn no_sentence_repeats_a_value(value in "[0-9a-zA-Z:/@+=_\\-é]{12,80}", wanted in 0usize..5) {
        let wanted = [
            "{}", "{ exactly: 3 }", "{ decoded: base64 }", "{ url: { schemes: [zz] } }",
            "{ sentry_dsn: true }",
        ][wanted];
        let check = check(&format!("secrets: [s]\nall_keys: true\nkeys: {{ K: {wanted} }}"));
        let bytes = Some(value.as_bytes());
        let judgement = judged(&check, &[("s", Ok(&[("K", bytes), ("L", bytes)]))]);
        for line in judgement.lines() {
            for part in value.as_bytes().windows(12) {
                let part = String::from_utf8_lossy(part);
                prop_assert!(!line.because.contains(&*part), "{}", line.because);
            }
        }
    }
}
