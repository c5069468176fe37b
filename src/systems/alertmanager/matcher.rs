//! Matchers of labels, as Alertmanager writes them: `severity=~"critical|warning"`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use regex::{Regex, RegexBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// What a label must be, or must not.
#[derive(Clone, Debug)]
pub struct Matcher {
    label: String,
    operator: Operator,
    value: String,
}

#[derive(Clone, Debug)]
enum Operator {
    Is,
    IsNot,
    Matches(Regex),
    MatchesNot(Regex),
}

/// What a compiled expression may weigh, in bytes.
const HEAVIEST: usize = 1 << 20;

impl Matcher {
    /// Reads a matcher.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            format!("`{text}` is no matcher; write `severity=\"critical\"` with =, !=, =~ or !~")
        };
        let text = text.trim();
        let end = text
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|end| *end > 0 && !text.starts_with(|c: char| c.is_ascii_digit()))
            .ok_or_else(expected)?;
        let (label, rest) = text.split_at(end);
        let rest = rest.trim_start();
        let forms = ["=~", "!~", "!=", "="];
        let form = forms.into_iter().find(|form| rest.starts_with(form)).ok_or_else(expected)?;
        let value = unquoted(rest[form.len()..].trim_start()).ok_or_else(expected)?;
        let operator = match form {
            "=~" => Operator::Matches(anchored(&value)?),
            "!~" => Operator::MatchesNot(anchored(&value)?),
            "!=" => Operator::IsNot,
            _ => Operator::Is,
        };
        Ok(Self { label: label.to_owned(), operator, value })
    }

    /// Whether it holds of these labels; one that is absent is empty.
    pub fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let is = labels.get(&self.label).map_or("", String::as_str);
        match &self.operator {
            Operator::Is => is == self.value,
            Operator::IsNot => is != self.value,
            Operator::Matches(regex) => regex.is_match(is),
            Operator::MatchesNot(regex) => !regex.is_match(is),
        }
    }

    /// Whether all of them hold.
    pub fn all_hold(matchers: &[Self], labels: &BTreeMap<String, String>) -> bool {
        matchers.iter().all(|matcher| matcher.holds(labels))
    }
}

fn anchored(expression: &str) -> Result<Regex, String> {
    let compiled = |text: &str| RegexBuilder::new(text).size_limit(HEAVIEST).build();
    // By itself first, lest it close our brackets.
    compiled(expression)
        .and_then(|_| compiled(&format!("^(?s:{expression})$")))
        .map_err(|_| format!("`{expression}` is not a regular expression"))
}

/// A value, in double quotes or without any.
fn unquoted(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else {
        let plain = !text.is_empty() && !text.contains(['"', ' ', ',', '{', '}']);
        return plain.then(|| text.to_owned());
    };
    let mut value = String::new();
    let mut characters = inner.chars();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(value),
            '\\' => match characters.next()? {
                'n' => value.push('\n'),
                escaped @ ('"' | '\\') => value.push(escaped),
                // Left as it is, for regular expressions.
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
}

/// As Alertmanager reads it.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.operator {
            Operator::Is => "=",
            Operator::IsNot => "!=",
            Operator::Matches(_) => "=~",
            Operator::MatchesNot(_) => "!~",
        };
        let value = self.value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        write!(f, "{}{form}\"{value}\"", self.label)
    }
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Matcher {
    fn schema_name() -> Cow<'static, str> {
        "Matcher".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A matcher of a label, with =, !=, =~ or !~.",
            "examples": ["severity=~\"critical|warning\"", "namespace=\"shop\""],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels() -> BTreeMap<String, String> {
        [("severity", "critical"), ("path", "a\\b\"c")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn matchers_hold_as_alertmanager_has_it() {
        for (text, holds) in [
            ("severity=critical", true),
            ("severity = \"critical\"", true),
            ("severity!=\"critical\"", false),
            ("severity=~\"critical|warning\"", true),
            ("severity=~\"crit\"", false),
            ("severity!~\"warn.*\"", true),
            ("team=\"\"", true),
            ("team!=\"\"", false),
            ("team=~\"a?\"", true),
            (r#"path="a\\b\"c""#, true),
            (r#"severity=~"critica\w""#, true),
        ] {
            let matcher = Matcher::parse(text).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!(matcher.holds(&labels()), holds, "{text}");
            let again = Matcher::parse(&matcher.to_string()).unwrap();
            assert_eq!(again.holds(&labels()), holds, "{matcher}");
        }
    }

    #[test]
    fn what_is_no_matcher_is_refused() {
        for text in [
            "",
            "severity",
            "=a",
            "1a=b",
            "severity=",
            "a=\"b",
            "a=\"b\"c",
            "a=b c",
            "a=~\"(\"",
            "a==b\"",
        ] {
            assert!(Matcher::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_breaks_it_and_any_value_survives(text in ".{0,40}", value in ".{0,20}") {
            let _any = Matcher::parse(&text);
            let quoted = Matcher { label: "a".to_owned(), operator: Operator::Is, value };
            let again = Matcher::parse(&quoted.to_string()).unwrap();
            prop_assert_eq!(again.value, quoted.value);
        }
    }
}
