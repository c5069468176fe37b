//! Items: the lines of a checklist, as they are known before anybody has looked.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name of an item, a section or a group: lower-case letters, digits, `-` and, for sections, `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(as = Id, value_type = String, pattern = "^[a-z0-9]([a-z0-9.-]{0,98}[a-z0-9])?$")]
pub struct ItemId(Arc<str>);

impl ItemId {
    /// Reads an id.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let inner = |c: char| word(c) || c == '-' || c == '.';
        if text.len() <= 100
            && text.starts_with(word)
            && text.ends_with(word)
            && text.chars().all(inner)
        {
            Ok(Self(text.into()))
        } else {
            Err(format!(
                "`{}` is not an id; ids are at most 100 lower-case letters, digits, `-` and `.`",
                super::judgement::legible(text, 100)
            ))
        }
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names this section, or one above it: `configuration` is above
    /// `configuration.files`.
    pub fn covers(&self, section: &Self) -> bool {
        let below = section.as_str().strip_prefix(self.as_str());
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// All that sections can be meant by: their own ids, and those above them.
pub fn names_of_sections<'s>(sections: impl Iterator<Item = &'s ItemId>) -> BTreeSet<&'s str> {
    sections
        .flat_map(|id| {
            let above = id.as_str().match_indices('.').map(|(at, _)| &id.as_str()[..at]);
            above.chain([id.as_str()])
        })
        .collect()
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for ItemId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Serialize for ItemId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl JsonSchema for ItemId {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9.-]{0,98}[a-z0-9])?$" })
    }
}

/// How much it hurts while an item fails. The order is from least to most.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Deserialize,
    Serialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[derive(utoipa::ToSchema)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Somebody should look within the day.
    Warning,
    /// Users or data are hurt now.
    Critical,
}

impl Severity {
    /// The word in labels, the API and the configuration.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Who decides an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(utoipa::ToSchema)]
pub enum Mode {
    /// A look at the real system.
    #[default]
    Auto,
    /// A human act that no program can see.
    Attested,
    /// Either of the two; the page says which.
    AutoAttestable,
}

impl Mode {
    /// All of them, for series that must exist at zero.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Attested, Self::AutoAttestable];

    /// The word in labels, the API and the configuration.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Attested => "attested",
            Self::AutoAttestable => "auto_attestable",
        }
    }
}

/// What is printed of an item: all that is known without looking. A change of it alone needs no new
/// look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// The item's id, unique in the checklist.
    pub id: ItemId,
    /// The line as people read it.
    pub title: String,
    /// The section it stands in.
    pub section: ItemId,
    /// The group under whose box it stands, if any.
    pub group: Option<ItemId>,
    /// How much it hurts while it fails.
    pub severity: Severity,
    /// Who decides it.
    pub mode: Mode,
    /// The kinds of its checks, without repetition, in file order.
    pub kinds: Vec<&'static str>,
    /// Where to read what to do, joined with the configuration's `runbook_base_url`.
    pub runbook_url: Option<String>,
    /// The boxes that are printed for it instead of one, one for each environment: its name, and the
    /// text. The one of this environment bears the standing.
    pub boxes: Vec<(String, String)>,
}

/// A heading with its items, in file order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The section's id.
    pub id: ItemId,
    /// The heading as people read it.
    pub title: String,
    /// The boxes under which some of the items are indented.
    pub groups: Vec<Group>,
    /// The items, in file order.
    pub items: Vec<ItemId>,
}

/// A box that heads indented items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Group {
    /// The group's id.
    pub id: ItemId,
    /// Its text.
    pub title: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lower_case_words() {
        for good in ["a", "post-deployment.dns-tls", "tls-certificates", "x2"] {
            assert!(ItemId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a b", "é", "a_b", &"a".repeat(101)] {
            assert!(ItemId::parse(bad).is_err(), "{bad}");
        }
    }
}
