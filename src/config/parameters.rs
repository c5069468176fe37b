//! What the checks were told, for people to read: the words of the configuration, variables put in.
//!
//! Its law: bounded, and no credential. The configuration names the places of secrets and refuses the
//! secrets themselves; what could yet be one in disguise, the user of an address or a header that
//! speaks of keys, is left out.

use super::yaml::{Node, Value};

/// The longest text of one check, in characters.
const LONGEST: usize = 4_000;
/// What a header that bears a credential speaks of.
const SECRETIVE: [&str; 6] = ["auth", "cookie", "key", "pass", "secret", "token"];
/// What stands for what is left out.
const LEFT_OUT: &str = "…";

/// One check as YAML.
pub(super) fn told(check: &Node) -> String {
    let mut shown = check.clone();
    veil(&mut shown, false);
    bounded(shown.yaml().trim_end())
}

fn veil(node: &mut Node, headers: bool) {
    match &mut node.value {
        Value::Scalar { text, .. } => without_user(text),
        Value::Sequence(elements) => elements.iter_mut().for_each(|element| veil(element, headers)),
        Value::Mapping(pairs) => {
            for (key, _, value) in pairs {
                match &mut value.value {
                    Value::Scalar { text, .. } if headers && secretive(key) => {
                        LEFT_OUT.clone_into(text);
                    }
                    Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => {
                        veil(value, key == "headers");
                    }
                }
            }
        }
    }
}

fn secretive(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    SECRETIVE.iter().any(|word| header.contains(word))
}

/// Takes who asks out of an address: `https://user:word@host` becomes `https://…@host`.
fn without_user(text: &mut String) {
    let mut from = 0;
    while let Some(start) = text[from..].find("://").map(|at| from + at + "://".len()) {
        let authority =
            text[start..].find(['/', '?', '#', ' ']).map_or(text.len(), |end| start + end);
        from = match text[start..authority].rfind('@') {
            Some(at) => {
                text.replace_range(start..start + at, LEFT_OUT);
                start + LEFT_OUT.len()
            }
            None => start,
        };
    }
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => {
            let kept = text[..end].rfind('\n').map_or(&text[..end], |line| &text[..line]);
            let more = text[kept.len()..].trim_start_matches('\n').lines().count();
            format!("{kept}\n# … and {more} more lines")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;

    fn shown(text: &str) -> String {
        told(&parse(text).unwrap())
    }

    #[test]
    fn a_check_is_told_as_it_is_written() {
        let text = "http:\n  url: https://example.org/\n  bearer:\n    env: TOKEN";
        assert_eq!(shown(text), text);
    }

    #[test]
    fn what_could_be_a_credential_is_left_out() {
        let text = "http:\n  url: \"https://jo:word@example.org/a@b https://x@y\"\n  request:\n    headers:\n      \
                    X-Api-Key: abc\n      Accept: text/html";
        let shown = shown(text);
        assert!(shown.contains("https://…@example.org/a@b https://…@y"), "{shown}");
        assert!(shown.contains("X-Api-Key: \"…\"") || shown.contains("X-Api-Key: …"), "{shown}");
        assert!(shown.contains("Accept: text/html") && !shown.contains("abc"), "{shown}");
    }

    #[test]
    fn a_long_one_is_cut_at_a_line_and_says_so() {
        let text =
            format!("a:\n{}", "  - word-of-some-length-that-fills-a-line: 1\n".repeat(1_000));
        let shown = shown(&text);
        assert!(shown.chars().count() <= LONGEST + 40 && shown.ends_with("more lines"), "{shown}");
    }
}
