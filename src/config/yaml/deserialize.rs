//! From tree to types, by serde.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Node, Position, Problem, Value};
use crate::config::flaw;

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { at: None, message: message.to_string(), hint: None }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let problem = Self::custom(format_args!("`{field}` is not known here"));
        problem.hint(flaw::expected(field, expected))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        if expected.contains(&"env") {
            // It may be the secret itself.
            let problem = Self::custom("here stands the place of a secret, never the secret");
            return problem.hint(flaw::expected("", expected));
        }
        let problem = Self::custom(format_args!("`{variant}` is not known here"));
        problem.hint(flaw::expected(variant, expected))
    }

    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        // Serde and the libraries below speak of Rust's types here.
        match expected.to_string().as_str() {
            "a nonzero u32" => Self::custom("a whole number from 1 on is expected here"),
            "parsable string" => Self::custom(format_args!("{unexpected} is no size"))
                .hint("write `512 KiB` or `10 MiB`"),
            expected => Self::custom(format_args!("{unexpected} is not {expected}")),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is missing"))
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty, $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            let text = self.text()?;
            match text.parse::<$type>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(Problem::at(self.at, format!("`{text}` is not {}", range(stringify!($type))))),
            }
        }
    )*};
}

fn range(number: &str) -> &'static str {
    match number {
        "u8" | "u16" | "u32" | "u64" | "u128" => "a whole number from 0 on, or is too large",
        "f32" | "f64" => "a number",
        _ => "a whole number, or is too large",
    }
}

impl Node {
    fn text(&self) -> Result<&str, Problem> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Ok(text),
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => Err(Problem::at(
                self.at,
                format!("one word, number or text is expected here, not {}", self.description()),
            )),
        }
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Sequence(_) => self.deserialize_seq(visitor),
            Value::Mapping(_) => self.deserialize_map(visitor),
            Value::Scalar { .. } if self.is_null() => visitor.visit_unit(),
            Value::Scalar { text, plain: false } => visitor.visit_borrowed_str(text),
            Value::Scalar { text, plain: true } => match text.as_str() {
                "true" | "True" | "TRUE" => visitor.visit_bool(true),
                "false" | "False" | "FALSE" => visitor.visit_bool(false),
                text => match (text.parse::<i64>(), text.parse::<f64>()) {
                    (Ok(number), _) => visitor.visit_i64(number),
                    (_, Ok(number))
                        if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') =>
                    {
                        visitor.visit_f64(number)
                    }
                    _ => visitor.visit_borrowed_str(text),
                },
            },
        }
        .map_err(|problem| problem.or_at(self.at))
    }

    numbers! {
        deserialize_i8: i8, visit_i8;
        deserialize_i16: i16, visit_i16;
        deserialize_i32: i32, visit_i32;
        deserialize_i64: i64, visit_i64;
        deserialize_u8: u8, visit_u8;
        deserialize_u16: u16, visit_u16;
        deserialize_u32: u32, visit_u32;
        deserialize_u64: u64, visit_u64;
        deserialize_f32: f32, visit_f32;
        deserialize_f64: f64, visit_f64;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.text()? {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            text => Err(Problem::at(self.at, format!("`{text}` is neither `true` nor `false`"))),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.value {
            // An empty value that came from a variable is a text of no length.
            Value::Scalar { text, .. } if text.is_empty() => visitor.visit_borrowed_str(""),
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => {
                visitor.visit_borrowed_str(self.text()?)
            }
        }
        .map_err(|problem: Problem| problem.or_at(self.at))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self).map_err(|problem| problem.or_at(self.at))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Sequence(elements) => visitor.visit_seq(Elements(elements.iter())),
            Value::Scalar { .. } | Value::Mapping(_) => {
                let message = format!("a list is expected here, not {}", self.description());
                Err(Problem::at(self.at, message)
                    .hint("write it in brackets, `[…]`, or each entry behind a dash"))
            }
        }
        .map_err(|problem| problem.or_at(self.at))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Mapping(pairs) => visitor.visit_map(Pairs { pairs: pairs.iter(), value: None }),
            Value::Scalar { .. } | Value::Sequence(_) => Err(Problem::at(
                self.at,
                format!("a mapping is expected here, not {}", self.description()),
            )),
        }
        .map_err(|problem| problem.or_at(self.at))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Mapping(pairs) => match pairs.as_slice() {
                [(name, at, value)] => {
                    visitor.visit_enum(Variant { name, at: *at, value: Some(value) })
                }
                [] => Err(Problem::at(self.at, "one key is expected here, not none")),
                [(first, ..), (second, at, _), ..] => Err(Problem::at(
                    *at,
                    format!("one key is expected here, not both `{first}` and `{second}`"),
                )
                .hint("write each as an entry of its own, or indent what belongs to the first")),
            },
            Value::Scalar { .. } => {
                visitor.visit_enum(Variant { name: self.text()?, at: self.at, value: None })
            }
            Value::Sequence(_) => {
                Err(Problem::at(self.at, "a mapping is expected here, not a list"))
            }
        }
        .map_err(|problem| problem.or_at(self.at))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

struct Elements<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Problem> {
        let Some(node) = self.0.next() else { return Ok(None) };
        seed.deserialize(node).map(Some).map_err(|problem| problem.or_at(node.at))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Pairs<'de> {
    pairs: std::slice::Iter<'de, (String, Position, Node)>,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Pairs<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        let Some((name, at, value)) = self.pairs.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(word(name)).map(Some).map_err(|problem| problem.or_at(*at))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let Some(node) = self.value.take() else {
            return Err(Problem::custom("a value was asked for before its key"));
        };
        seed.deserialize(node).map_err(|problem| problem.or_at(node.at))
    }
}

struct Variant<'de> {
    name: &'de str,
    at: Position,
    value: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Problem;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Problem> {
        let variant =
            seed.deserialize(word(self.name)).map_err(|problem| problem.or_at(self.at))?;
        Ok((variant, self))
    }
}

impl<'de> Variant<'de> {
    fn value(&self) -> Result<&'de Node, Problem> {
        self.value.ok_or_else(|| Problem::at(self.at, format!("`{}` needs a value", self.name)))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Problem;

    fn unit_variant(self) -> Result<(), Problem> {
        match self.value {
            Some(node) if !node.is_null() => {
                Err(Problem::at(node.at, format!("`{}` takes no value", self.name)))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Problem> {
        let node = self.value()?;
        seed.deserialize(node).map_err(|problem| problem.or_at(self.at))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Problem> {
        self.value()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.value()?.deserialize_map(visitor)
    }
}

fn word(text: &str) -> StrDeserializer<'_, Problem> {
    text.into_deserializer()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::config::yaml::from_str;
    use crate::model::duration::Period;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Probe {
        host: String,
        #[serde(default)]
        within: Option<Period>,
        #[serde(default)]
        count: u8,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Tcp(Probe),
        Dns(Probe),
    }

    fn message(text: &str) -> String {
        from_str::<Vec<Kind>>(text).unwrap_err().to_string()
    }

    #[test]
    fn values_are_read_by_the_type_they_are_for() {
        let kinds: Vec<Kind> = from_str("- tcp: { host: 1.10, within: 5m, count: \"3\" }").unwrap();
        let within = Some(Period::from_secs(300));
        assert_eq!(kinds, [Kind::Tcp(Probe { host: "1.10".into(), within, count: 3 })]);
    }

    #[test]
    fn every_error_points_at_the_very_word() {
        for (text, error) in [
            ("- tcp:\n    host: a\n    withn: 5m\n", "3:5: `withn` is not known here"),
            (
                "- tcp:\n    host: a\n    within: soon\n",
                "3:13: `soon` is not a duration; write `90s`, `5m`, `21d`, `1h 30m`",
            ),
            (
                "- tcp: { host: a, count: 300 }",
                "1:26: `300` is not a whole number from 0 on, or is too large",
            ),
            ("- tcp: { within: 5m }", "1:8: `host` is missing"),
            ("- udp: { host: a }", "1:3: `udp` is not known here"),
            (
                "- tcp: { host: a }\n  dns: { host: a }",
                "2:3: one key is expected here, not both `tcp` and `dns`",
            ),
            ("- tcp", "1:3: `tcp` needs a value"),
            ("- tcp: { host: [a] }", "1:16: one word, number or text is expected here, not a list"),
            ("tcp: 1", "1:1: a list is expected here, not a mapping"),
        ] {
            assert_eq!(message(text), error, "{text}");
        }
    }
}
