//! The parameters of `s3_bucket`, as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;

/// The name of a bucket.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct BucketName(String);

impl BucketName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BucketName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if (3..=255).contains(&name.len()) && name.chars().all(known) {
            return Ok(Self(name));
        }
        Err("a bucket's name has 3 to 255 letters, digits, `.`, `-` and `_`".to_owned())
    }
}

/// What an item is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum About {
    /// The bucket: it is there, and its key works.
    #[default]
    Bucket,
    /// Whether strangers get in.
    Exposure,
}

/// What becomes of requests without a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unsigned {
    /// They are refused.
    #[default]
    Refused,
    /// It does not matter, and they are not made.
    Any,
}

/// What ACL and policy may grant to everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grants {
    /// It does not matter, and they are not asked for.
    #[default]
    Any,
    /// Nothing.
    Private,
    /// Nothing; what a store lacks the call for is left to requests without a signature.
    PrivateWhereTold,
}

/// Whether public access must be blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PublicAccessBlock {
    /// It does not matter.
    #[default]
    Any,
    /// By all four settings.
    All,
}

/// How what is written is encrypted by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Encryption {
    /// It does not matter, and is not asked for.
    #[default]
    Any,
    /// Somehow.
    Enabled,
    /// By a key from a key management service.
    Kms,
}

/// Whether older versions are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Versioning {
    /// It does not matter, and is not asked for.
    #[default]
    Any,
    /// They are.
    Enabled,
    /// They are not: suspended, or never enabled.
    Disabled,
}

/// How long objects are kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Retention {
    /// No rule deletes an object that is younger. Default: nothing is said.
    #[serde(default)]
    pub(super) kept: Option<Period>,
    /// A rule deletes every object once it is so old, older versions included. Default: nothing is
    /// said.
    #[serde(default)]
    pub(super) gone_after: Option<Period>,
}

impl Retention {
    /// What is wrong between its parts.
    pub(super) fn flaws(self) -> Vec<String> {
        match (self.kept, self.gone_after) {
            (None, None) => {
                vec!["`retention`: write `kept`, `gone_after`, or both".to_owned()]
            }
            (Some(kept), Some(gone)) if kept > gone => vec![format!(
                "`retention`: what is to be kept for {kept} can't be gone after {gone}"
            )],
            (_, _) => Vec::new(),
        }
    }
}
