//! Small types of the `http` kind's parameters.

use std::borrow::Cow;
use std::fmt;

use bytesize::ByteSize;
use http::{HeaderName, Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::model::secret::SecretSource;

/// The most bytes of a body that can be asked to be read.
const MOST: u64 = 64 * 1024 * 1024;

/// A header whose value is a secret.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretHeader {
    /// Where the secret is read from, at each look.
    pub from: SecretSource,
    /// What stands before it, such as `Bearer `.
    #[serde(default)]
    pub prefix: String,
}

/// The name of a header field, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldName(String);

impl FieldName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FieldName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let name = HeaderName::try_from(&*text)
            .map_err(|_| de::Error::custom(format!("`{text}` is not the name of a header")))?;
        Ok(Self(name.as_str().to_owned()))
    }
}

impl JsonSchema for FieldName {
    fn schema_name() -> Cow<'static, str> {
        "FieldName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "The name of a header." })
    }
}

/// A request's method; `GET` by default. Nothing is changed anywhere: `POST` is there for queries
/// (GraphQL, tokens) that can't be asked otherwise, and what changes or deletes is not.
#[derive(Clone, Debug, Default)]
pub struct Verb(pub Method);

impl<'de> Deserialize<'de> for Verb {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let known = [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST];
        known.into_iter().find(|method| method.as_str() == text).map(Self).ok_or_else(|| {
            let because =
                format!("`{text}` is none of the methods `GET`, `HEAD`, `OPTIONS`, `POST`");
            de::Error::custom(because)
        })
    }
}

impl JsonSchema for Verb {
    fn schema_name() -> Cow<'static, str> {
        "Verb".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A method of HTTP; `POST` is for queries, nothing is changed.",
            "enum": ["GET", "HEAD", "OPTIONS", "POST"],
        })
    }
}

/// The most bytes of a body that are read; 1 MiB by default, at most 64 MiB.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "ByteSize")]
#[schemars(with = "String")]
pub struct MostBytes(usize);

impl MostBytes {
    /// The number.
    pub fn get(self) -> usize {
        self.0
    }
}

impl Default for MostBytes {
    fn default() -> Self {
        Self(1024 * 1024)
    }
}

impl TryFrom<ByteSize> for MostBytes {
    type Error = String;

    fn try_from(size: ByteSize) -> Result<Self, String> {
        match usize::try_from(size.as_u64()) {
            Ok(bytes) if bytes > 0 && size.as_u64() <= MOST => Ok(Self(bytes)),
            _ => Err(format!("{size}: between 1 byte and 64 MiB are read")),
        }
    }
}

/// Acceptable status codes; `200-299` by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Vec<Range>);

/// Status codes from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
}

impl Statuses {
    /// `301` and `308`.
    pub fn permanent() -> Self {
        Self([301, 308].map(|code| Range { first: code, last: code }).to_vec())
    }

    /// Whether `status` is among them.
    pub fn hold(&self, status: StatusCode) -> bool {
        let code = status.as_u16();
        self.0.iter().any(|range| (range.first..=range.last).contains(&code))
    }
}

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![Range { first: 200, last: 299 }])
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Range { first, last }) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ranges = Vec::<Range>::deserialize(deserializer)?;
        if ranges.is_empty() {
            return Err(de::Error::custom("no status code at all would be accepted"));
        }
        Ok(Self(ranges))
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RangeVisitor)
    }
}

/// YAML writes a code as a number and a range as text.
struct RangeVisitor;

impl de::Visitor<'_> for RangeVisitor {
    type Value = Range;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status code such as `204` or a range such as `200-299`")
    }

    fn visit_u64<E: de::Error>(self, code: u64) -> Result<Range, E> {
        match u16::try_from(code) {
            Ok(code) if (100..=999).contains(&code) => Ok(Range { first: code, last: code }),
            _ => Err(E::invalid_value(de::Unexpected::Unsigned(code), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, code: i64) -> Result<Range, E> {
        self.visit_u64(u64::try_from(code).unwrap_or(0))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Range, E> {
        let wrong = || E::invalid_value(de::Unexpected::Str(text), &self);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let code = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong());
        let (first, last) = (code(first)?, code(last)?);
        if first < 100 || last > 999 || first > last {
            return Err(wrong());
        }
        Ok(Range { first, last })
    }
}

impl JsonSchema for Statuses {
    fn schema_name() -> Cow<'static, str> {
        "Statuses".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "minItems": 1,
            "items": { "type": ["integer", "string"] },
            "description": "Status codes and ranges of them.",
            "examples": [[204, "200-299"]],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_codes_and_ranges() {
        let statuses: Statuses = serde_saphyr::from_str("[204, 300-399, '418']").unwrap();
        assert_eq!(statuses.to_string(), "204, 300-399, 418");
        assert!(statuses.hold(StatusCode::IM_A_TEAPOT) && !statuses.hold(StatusCode::OK));
        for bad in ["[]", "[99]", "[-1]", "[500-400]", "[ok]", "204"] {
            assert!(serde_saphyr::from_str::<Statuses>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn methods_that_change_something_are_none() {
        for good in ["GET", "HEAD", "OPTIONS", "POST"] {
            assert_eq!(serde_saphyr::from_str::<Verb>(good).unwrap().0.as_str(), good);
        }
        for bad in ["DELETE", "PUT", "PATCH", "CONNECT", "TRACE", "PURGE", "get", "''"] {
            assert!(serde_saphyr::from_str::<Verb>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(serde_saphyr::from_str::<MostBytes>("2 KiB").unwrap().get(), 2048);
        for bad in ["0", "1 GiB", "many"] {
            assert!(serde_saphyr::from_str::<MostBytes>(bad).is_err(), "{bad}");
        }
    }
}
