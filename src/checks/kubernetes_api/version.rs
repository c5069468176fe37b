//! What an API server says of its version, as vendors write it.

use serde::Deserialize;

use crate::model::version::Version;

/// The answer to `/version`, in the fields that are read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Told {
    major: Option<String>,
    minor: Option<String>,
    git_version: Option<String>,
}

/// The version in the answer to `/version`; none where there is none.
pub(in crate::checks) fn read(body: &[u8]) -> Option<Version> {
    let Told { major, minor, git_version } = serde_json::from_slice(body).ok()?;
    if let Some(version) = git_version.as_deref().and_then(Version::parse) {
        return Some(version);
    }
    let (major, minor) = (major?, minor?);
    // `29+` is how some vendors write that they changed it.
    Some(Version::of(major.parse().ok()?, minor.trim_end_matches('+').parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::version::AtLeast;

    fn reaches(body: &str, least: &str) -> Option<bool> {
        let least = AtLeast::parse(least).unwrap();
        read(body.as_bytes()).map(|version| version.reaches(least))
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
}
