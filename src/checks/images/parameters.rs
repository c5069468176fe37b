//! Parameters of `images`: places, tags, groups and limits of reports.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;
use crate::model::image::{ImageName, parse_host};
use crate::model::pattern::Pattern;
use crate::systems::kubernetes::vulnerability_report::Severity;

/// A registry, or a registry and the first parts of a path: `ghcr.io`, `ghcr.io/example`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub(super) struct Place(#[schemars(example = "ghcr.io/example")] String);

impl Place {
    pub(super) fn holds(&self, image: &ImageName) -> bool {
        image.lies_in(&self.0)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let told = |why| format!("{why}; write `ghcr.io` or `ghcr.io/example`");
        let text = text.trim_end_matches('/');
        let (host, path) = text.split_once('/').map_or((text, ""), |(host, path)| (host, path));
        let host = parse_host(host).map_err(told)?;
        if !path.is_empty() {
            let image = format!("localhost/{path}");
            let read = ImageName::parse(&image).map_err(told)?;
            if read.tag().is_some() || read.digest().is_some() {
                return Err(format!("`{text}` is an image, not a place of images"));
            }
            return Ok(Self(format!("{host}/{path}")));
        }
        Ok(Self(host))
    }
}

/// The form of a whole tag.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct TagForm {
    whole: Pattern,
    text: String,
}

impl TagForm {
    pub(super) fn holds(&self, tag: &str) -> bool {
        self.whole.regex().is_match(tag)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for TagForm {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // By itself first, so that its mistakes are told of it alone.
        Pattern::parse(&text)?;
        Ok(Self { whole: Pattern::parse(&format!("^(?:{text})$"))?, text })
    }
}

/// Tags that are never right.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct ForbiddenTags(pub(super) Vec<String>);

/// `latest`, written or left out.
impl Default for ForbiddenTags {
    fn default() -> Self {
        Self(vec!["latest".to_owned()])
    }
}

/// Images that must bear one tag.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// The group's name, for sentences.
    pub(super) name: String,
    /// The images: places that hold them, such as `ghcr.io/example/api`.
    pub(super) images: Vec<Place>,
}

/// What is wanted of the reports of the Trivy operator.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Reports {
    /// How old a report may be. Default `7d`.
    pub(super) max_age: MaxAge,
    /// How many vulnerabilities of each severity an image may have. Default: no critical one.
    pub(super) most: Most,
}

/// How old a report may be.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct MaxAge(pub(super) Period);

/// A week.
impl Default for MaxAge {
    fn default() -> Self {
        Self(Period::from_secs(7 * 24 * 3600))
    }
}

/// How many vulnerabilities of each severity an image may have; any number where none is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Most {
    /// Critical ones. Default 0.
    pub(super) critical: u64,
    /// High ones.
    pub(super) high: Option<u64>,
    /// Medium ones.
    pub(super) medium: Option<u64>,
    /// Low ones.
    pub(super) low: Option<u64>,
    /// Those that nobody has rated.
    pub(super) unknown: Option<u64>,
}

impl Most {
    /// The limit of a severity.
    pub(super) fn of(&self, severity: Severity) -> Option<u64> {
        let Self { critical, high, medium, low, unknown } = *self;
        match severity {
            Severity::Critical => Some(critical),
            Severity::High => high,
            Severity::Medium => medium,
            Severity::Low => low,
            Severity::Unknown => unknown,
        }
    }
}
