//! Versions of API servers, as vendors write them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::model::judgement::legible;

/// The oldest version that is accepted: `1.25`, or `1.25.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AtLeast {
    numbers: [u64; 3],
    with_patch: bool,
}

impl AtLeast {
    fn parse(text: &str) -> Result<Self, String> {
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
        "KubernetesVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^\d+\.\d+(\.\d+)?$" })
    }
}

/// What a server says of its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// As the server writes it, bounded.
    pub(super) written: String,
    numbers: [u64; 3],
    /// Whether it comes before the release of these numbers.
    is_early: bool,
}

/// The answer to `/version`, in the fields that are read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Told {
    major: Option<String>,
    minor: Option<String>,
    git_version: Option<String>,
}

impl Version {
    /// The version in the answer to `/version`; none where there is none.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let Told { major, minor, git_version } = serde_json::from_slice(body).ok()?;
        if let Some(version) = git_version.as_deref().and_then(Self::parse) {
            return Some(version);
        }
        let (major, minor) = (major?, minor?);
        // `29+` is how some vendors write that they changed it.
        let numbers = [major.parse().ok()?, minor.trim_end_matches('+').parse().ok()?, 0];
        let written = legible(&format!("{major}.{minor}"), 60);
        Some(Self { written, numbers, is_early: false })
    }

    /// `v1.29.3`, `v1.29.3-eks-adc7111`, `v1.30.1+k3s1`, `v1.36.0-rc.1`.
    fn parse(written: &str) -> Option<Self> {
        let text = written.strip_prefix('v').unwrap_or(written);
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (text, suffix) = text.split_at(end);
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let numbers = [parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?];
        let is_early = ["-alpha", "-beta", "-rc"].iter().any(|early| suffix.starts_with(early));
        parts.next().is_none().then(|| Self { written: legible(written, 60), numbers, is_early })
    }

    /// Whether it is this version or a later one; one that comes before a release is not it.
    pub(super) fn reaches(&self, least: AtLeast) -> bool {
        self.numbers > least.numbers || (self.numbers == least.numbers && !self.is_early)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaches(body: &str, least: &str) -> Option<bool> {
        let least = AtLeast::parse(least).unwrap();
        Version::read(body.as_bytes()).map(|version| version.reaches(least))
    }

    #[test]
    fn vendors_suffixes_are_read_past_and_early_releases_are_not_releases() {
        for (git, least, enough) in [
            ("v1.29.3", "1.29", true),
            ("v1.29.3-eks-adc7111", "1.29.3", true),
            ("v1.29.3-gke.1282000", "1.29.4", false),
            ("v1.30.1+k3s1", "1.30.1", true),
            ("v1.30.1+k3s1", "1.31", false),
            ("v1.9.11", "1.25", false),
            ("v2.0.0", "1.25", true),
            ("1.25", "1.25", true),
            ("v1.36.0-rc.1", "1.36", false),
            ("v1.36.0-alpha.2.34+abcdef", "1.35", true),
            ("v1.25.0-rc1-with-vendor", "1.25", false),
        ] {
            let body = format!(r#"{{"major":"9","minor":"9","gitVersion":"{git}"}}"#);
            assert_eq!(reaches(&body, least), Some(enough), "{git} {least}");
        }
    }

    #[test]
    fn major_and_minor_serve_where_the_name_can_not_be_read() {
        for (body, enough) in [
            (r#"{"major":"1","minor":"29+"}"#, Some(true)),
            (r#"{"major":"1","minor":"24+","gitVersion":"custom"}"#, Some(false)),
            (r#"{"major":"1"}"#, None),
            (r#"{"major":"1","minor":""}"#, None),
            (r#"{"major":1,"minor":29}"#, None),
            (r#"{"gitVersion":"v1"}"#, None),
            (r#"{"gitVersion":"v1.29.3.4"}"#, None),
            (r#"{"gitVersion":null}"#, None),
            ("{}", None),
            ("[]", None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(reaches(body, "1.25"), enough, "{body}");
        }
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
