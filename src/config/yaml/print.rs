//! A tree as YAML again, for people to read: variables put in, comments and layout gone.

use super::node::{Node, Value};

/// Two more columns for each level.
const INDENT: &str = "  ";
/// Words that mean more than text where they stand without quotes.
const MEANT: &[&str] = &["~", "null", "true", "false", "yes", "no", "on", "off"];

impl Node {
    /// The tree as YAML, a line feed at its end. Read again, it has the same words.
    pub fn yaml(&self) -> String {
        let mut text = String::new();
        self.block(&mut text, 0);
        text
    }

    /// Writes what stands at the beginning of a line, already indented.
    fn block(&self, text: &mut String, depth: usize) {
        match &self.value {
            Value::Sequence(elements) if !elements.is_empty() => {
                for (n, element) in elements.iter().enumerate() {
                    indent(text, if n == 0 { 0 } else { depth });
                    text.push_str("- ");
                    element.block(text, depth + 1);
                }
            }
            Value::Mapping(pairs) if !pairs.is_empty() => {
                for (n, (key, _, value)) in pairs.iter().enumerate() {
                    indent(text, if n == 0 { 0 } else { depth });
                    text.push_str(&written(key, false));
                    text.push(':');
                    value.after_key(text, depth + 1);
                }
            }
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => {
                self.inline(text, depth);
                text.push('\n');
            }
        }
    }

    /// Writes what follows the colon behind a key.
    fn after_key(&self, text: &mut String, depth: usize) {
        let nested = match &self.value {
            Value::Sequence(elements) => !elements.is_empty() && !self.is_short(),
            Value::Mapping(pairs) => !pairs.is_empty(),
            Value::Scalar { .. } => false,
        };
        if nested {
            text.push('\n');
            indent(text, depth);
            self.block(text, depth);
        } else {
            text.push(' ');
            self.inline(text, depth);
            text.push('\n');
        }
    }

    /// Whether it is a list of few words, which is written in brackets.
    fn is_short(&self) -> bool {
        let lengths = self.elements().iter().map(|element| match &element.value {
            Value::Scalar { text, .. } if !text.contains('\n') => Some(text.len() + 4),
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => None,
        });
        lengths.sum::<Option<usize>>().is_some_and(|length| length <= 80)
    }

    /// Writes a word, a text, or a list in brackets.
    fn inline(&self, text: &mut String, depth: usize) {
        match &self.value {
            Value::Scalar { text: word, .. } if self.is_null() => {
                text.push_str(if word.is_empty() { "null" } else { word });
            }
            Value::Scalar { text: word, plain } => match block_lines(word) {
                Some((sign, lines)) => {
                    text.push_str(sign);
                    for line in lines {
                        text.push('\n');
                        if !line.is_empty() {
                            indent(text, depth);
                            text.push_str(line);
                        }
                    }
                }
                None => text.push_str(&written(word, *plain)),
            },
            Value::Sequence(elements) => {
                text.push('[');
                for (n, element) in elements.iter().enumerate() {
                    text.push_str(if n == 0 { "" } else { ", " });
                    element.inline(text, depth);
                }
                text.push(']');
            }
            Value::Mapping(_) => text.push_str("{}"),
        }
    }
}

fn indent(text: &mut String, depth: usize) {
    for _ in 0..depth {
        text.push_str(INDENT);
    }
}

/// The lines of a text that may stand as they are below a bar, and the bar.
fn block_lines(text: &str) -> Option<(&'static str, std::str::Lines<'_>)> {
    let odd = |c: char| c.is_control() && c != '\n';
    let body = text.strip_suffix('\n');
    let lines = body.unwrap_or(text);
    let fits = lines.contains('\n') && !lines.ends_with('\n') && !lines.contains(odd);
    let starts = lines.starts_with(|c: char| !c.is_whitespace());
    let wide = lines.lines().any(|line| line.trim().is_empty() && !line.is_empty());
    (fits && starts && !wide && !lines.contains(foreign))
        .then(|| (if body.is_some() { "|" } else { "|-" }, lines.lines()))
}

/// A sign that some reader of YAML takes for the end of a line, or for none.
fn foreign(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A word without quotes where it reads the same so, else in quotes.
fn written(word: &str, plain: bool) -> String {
    let kept = |c: char| c.is_alphanumeric() || "_./-+%~ ()<>=*'\"{}[]|&!?@^$;\\:#,".contains(c);
    let first = |c: char| c.is_alphanumeric() || "_./+<=^(;~$".contains(c);
    let meant = MEANT.iter().any(|known| known.eq_ignore_ascii_case(word));
    let number = word.parse::<f64>().is_ok();
    let fits = word.starts_with(|c| first(c) || (plain && number && c == '-'))
        && word.chars().all(kept)
        && !word.ends_with([' ', ':'])
        && !word.contains([',', '[', ']', '{', '}'])
        && !word.contains(": ")
        && !word.contains(" #");
    if fits && (plain || !(meant || number)) { word.to_owned() } else { quoted(word) }
}

fn quoted(word: &str) -> String {
    let mut text = String::with_capacity(word.len() + 2);
    text.push('"');
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() || foreign(c) => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Position, parse};
    use super::*;

    fn again(text: &str) -> String {
        parse(text).unwrap().yaml()
    }

    #[test]
    fn what_is_written_reads_as_people_write_it() {
        let text = "\
http:
  url: https://example.org/health?a=b
  expect:
    status: [200, 204]
    cel:
      - cel: json.status == \"up\"
        because: |-
          one line
            and another
    body: \"true\"
    empty: {}
    none: null
    odd: \"a: b, c\"
    number: \"12\"
    limit: -1.5
";
        assert_eq!(again(text), text);
        assert_eq!(again("a: { b: ['x, y', z], c: \"\" }"), "a:\n  b: [\"x, y\", z]\n  c: \"\"\n");
    }

    fn tree() -> impl Strategy<Value = Node> {
        let at = Position::default();
        let word = "(\\PC|[ \n\t:#,'\"\\[\\]{}|>&*!%@`~-]|[0-9.]|true|null){0,12}";
        let scalar =
            word.prop_map(move |text| Node { value: Value::Scalar { text, plain: false }, at });
        scalar.prop_recursive(4, 24, 4, move |inner| {
            let list = proptest::collection::vec(inner.clone(), 0..4);
            let pairs = proptest::collection::btree_map("[a-z ${}:#-]{1,6}", inner, 0..4);
            prop_oneof![
                list.prop_map(move |elements| Node { value: Value::Sequence(elements), at }),
                pairs.prop_map(move |pairs| {
                    let pairs = pairs.into_iter().map(|(key, node)| (key, at, node)).collect();
                    Node { value: Value::Mapping(pairs), at }
                }),
            ]
        })
    }

    /// The words alone: whether they stood in quotes may change, their meaning as text may not.
    fn told(node: &Node) -> String {
        match &node.value {
            Value::Scalar { text, .. } => {
                assert!(!node.is_null() || text.is_empty(), "{text} became nothing");
                format!("{text:?}")
            }
            Value::Sequence(all) => {
                format!("[{}]", all.iter().map(told).collect::<Vec<_>>().join(","))
            }
            Value::Mapping(pairs) => {
                let pairs = pairs.iter().map(|(key, _, node)| format!("{key:?}:{}", told(node)));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
            }
        }
    }

    proptest! {
        #[test]
        fn read_again_it_has_the_same_words(tree in tree()) {
            let text = tree.yaml();
            let read = parse(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
            prop_assert_eq!(told(&read), told(&tree), "{}", text);
        }
    }
}
