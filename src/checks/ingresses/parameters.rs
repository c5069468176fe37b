//! Parameters of `ingresses`, each with its default.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;

/// The fewest ready endpoints.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct MinReady(pub(super) u32);

impl Default for MinReady {
    fn default() -> Self {
        Self(1)
    }
}

/// How long a controller may take.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct AddressWithin(pub(super) Period);

impl Default for AddressWithin {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

/// What is judged of an Ingress.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "IngressConcerns")]
pub(super) struct Concerns(pub(super) Vec<Concern>);

/// One thing that is judged of an Ingress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "IngressConcern")]
pub(super) enum Concern {
    /// Each of its hosts is covered by a TLS entry.
    Tls,
    /// Its controller has given it an address.
    Address,
    /// The Services behind it exist, with their ports and ready endpoints.
    Backends,
}

impl Default for Concerns {
    fn default() -> Self {
        Self(vec![Concern::Tls, Concern::Address, Concern::Backends])
    }
}

/// A host of a rule: a name in lower case, perhaps with `*` as its first label, or `*` for any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(rename = "IngressHost")]
pub(super) struct Host(pub(super) String);

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let name = text.strip_prefix("*.").unwrap_or(&text);
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_label = |label: &str| !label.is_empty() && label.chars().all(word);
        if text == "*" || name.split('.').all(is_label) {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is not a host in lower case, such as `app.example.org`"))
        }
    }
}
