//! Versions, as programs and vendors write them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::judgement::legible;

/// The oldest version that is accepted: `1.25`, or `1.25.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtLeast {
    numbers: [u64; 3],
    with_patch: bool,
}

impl AtLeast {
    /// Reads a limit.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}` is not a version, such as `1.25` or `1.25.3`");
        let numbers: Vec<u64> = text
            .split('.')
            .map(|part| part.parse().map_err(|_| expected()))
            .collect::<Result<_, _>>()?;
        match numbers[..] {
            [major, minor] => Ok(Self { numbers: [major, minor, 0], with_patch: false }),
            [major, minor, patch] => Ok(Self { numbers: [major, minor, patch], with_patch: true }),
            _ => Err(expected()),
        }
    }
}

impl fmt::Display for AtLeast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}")?;
        if self.with_patch { write!(f, ".{patch}") } else { Ok(()) }
    }
}

impl<'de> Deserialize<'de> for AtLeast {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for AtLeast {
    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^\d+\.\d+(\.\d+)?$" })
    }
}

/// What a program says of its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// As the program writes it, bounded.
    pub written: String,
    numbers: [u64; 3],
    /// Whether it comes before the release of these numbers.
    is_early: bool,
}

impl Version {
    /// Reads `v1.29.3`, `v1.29.3-eks-adc7111`, `v1.30.1+k3s1`, `v1.36.0-rc.1`, `2.39`.
    pub fn parse(written: &str) -> Option<Self> {
        let text = written.strip_prefix('v').unwrap_or(written);
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (text, suffix) = text.split_at(end);
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let numbers = [parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?];
        let is_early = ["-alpha", "-beta", "-rc"].iter().any(|early| suffix.starts_with(early));
        parts.next().is_none().then(|| Self { written: legible(written, 60), numbers, is_early })
    }

    /// A release of which no more is known than these two numbers.
    pub fn of(major: u64, minor: u64) -> Self {
        let written = format!("{major}.{minor}");
        Self { written, numbers: [major, minor, 0], is_early: false }
    }

    /// Whether it is this version or a later one; one that comes before a release is not it.
    pub fn reaches(&self, least: AtLeast) -> bool {
        self.numbers > least.numbers || (self.numbers == least.numbers && !self.is_early)
    }

    /// How many minor versions it is away from another; none where even the major ones differ.
    pub fn minors_from(&self, other: &Self) -> Option<u64> {
        let ([ours, minor, _], [theirs, other, _]) = (self.numbers, other.numbers);
        (ours == theirs).then(|| minor.abs_diff(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_versions_are_counted_within_a_major_one() {
        let apart = |one: &str, other: &str| {
            Version::parse(one).unwrap().minors_from(&Version::parse(other).unwrap())
        };
        assert_eq!(apart("v1.30.1", "v1.29.9-eks-1"), Some(1));
        assert_eq!(apart("v1.28.0", "v1.30.0"), Some(2));
        assert_eq!(apart("v2.0.0", "v1.30.0"), None);
    }

    #[test]
    fn a_limit_is_two_or_three_numbers() {
        for bad in ["1", "v1.25", "1.25.3.4", "1.x", "", "1.25+"] {
            assert!(AtLeast::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(AtLeast::parse("1.25").unwrap().to_string(), "1.25");
        assert_eq!(AtLeast::parse("1.25.0").unwrap().to_string(), "1.25.0");
    }
}
