//! What a configuration file may say: the words users write, and their documentation.
//!
//! Several files make one configuration, usually a checklist and the environment it is for. The
//! JSON Schema is generated from these types.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::num::NonZeroU32;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::acts::WaivableFor;
use super::boxes::Boxes;
use crate::checks::AnyCheck;
use crate::checks::attestation::Attestation;
use crate::model::duration::Period;
use crate::model::item::{ItemId, Mode, Severity};
use crate::systems::Connections;

/// A configuration file of Vigie.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// The environment's name, such as `production`: a label of every series. In one file only.
    pub environment: Option<String>,
    /// Put before the `runbook` of each item to make a link.
    pub runbook_base_url: Option<String>,
    /// Values for `${name}`; a later file's win.
    pub variables: BTreeMap<String, String>,
    /// How the watched systems are reached. In one file only.
    pub connections: Option<Connections>,
    /// The checklist. A section may be continued in another file under the same id.
    pub sections: Vec<Later<SectionEntry>>,
    /// Spans in which failures are expected: items of these sections that fail or can't be seen show as
    /// waived while they last.
    pub maintenance: Vec<MaintenanceEntry>,
    /// Changes to items of other files, by id: what this environment does differently.
    pub overrides: BTreeMap<String, Later<ItemOverride>>,
}

/// A heading with its items.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SectionEntry {
    /// The section's id.
    pub id: ItemId,
    /// The heading.
    pub title: String,
    /// Boxes under which items are indented.
    #[serde(default)]
    pub groups: Vec<GroupEntry>,
    /// The items.
    pub items: Vec<Later<ItemEntry>>,
}

/// A box that heads indented items.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// The group's id.
    pub id: ItemId,
    /// Its text.
    pub title: String,
}

/// One line of the checklist.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemEntry {
    /// The item's id, unique in the checklist: a label of its series.
    pub id: ItemId,
    /// The line as people read it.
    pub title: String,
    /// The group of the section under whose box it stands.
    pub group: Option<ItemId>,
    /// `critical` only if users or data are hurt now.
    pub severity: Severity,
    /// Who decides it; by default `auto`, a look at the real system.
    #[serde(default)]
    pub mode: Mode,
    /// How often it is looked at. Either this or `cron`; by default every minute.
    pub every: Option<Period>,
    /// When it is looked at, as a cron expression of five or six fields.
    pub cron: Option<String>,
    /// Where the hours of `cron` are meant, such as `Europe/Paris`; by default UTC.
    pub timezone: Option<String>,
    /// How long a look may take; by default 10s.
    pub timeout: Option<Period>,
    /// Failures in a row until it fails; by default 1.
    pub fail_after: Option<NonZeroU32>,
    /// Good looks in a row until it recovers; by default 1.
    pub recover_after: Option<NonZeroU32>,
    /// Blind looks in a row until it is unknown; by default 2.
    pub unknown_after: Option<NonZeroU32>,
    /// The least time between two looks that count; by default `every`, at most 30s, and 1s where
    /// nothing but other items, people's words and the deployment are read.
    pub confirm_every: Option<Period>,
    /// How long it may be pending after a start; by default 5m.
    pub grace: Option<Period>,
    /// Items that must hold before this one is looked at.
    #[serde(default)]
    pub depends_on: Vec<ItemId>,
    /// Where to read what to do: a link, or a path below `runbook_base_url`.
    pub runbook: Option<String>,
    /// Empty or `false`: the item does not apply. Meant for `when: ${some_variable}`.
    pub when: Option<String>,
    /// The furthest end of a waiver, from when it is given, or `never`; by default 7d for critical
    /// items, 30d for others.
    pub waivable_for: Option<WaivableFor>,
    /// On what terms a person's word stands in for the checks; for items of mode `auto_attestable`.
    pub attestation: Option<Attestation>,
    /// What is printed instead of one box: a box for each environment, by its name, of which this
    /// environment's bears the standing.
    #[serde(default)]
    pub boxes: Boxes,
    /// What must hold; the item is the worst of them.
    #[serde(default)]
    pub checks: Vec<Later<AnyCheck>>,
}

/// A span in which failures are expected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceEntry {
    /// When it begins, such as `2026-12-01T20:00:00Z`.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// When it ends.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// Sections by id, with those below them, and what is added there while it lasts: `configuration`
    /// means `configuration.files`, too. All of them, where it is left out.
    #[serde(default)]
    pub sections: Vec<ItemId>,
    /// What is being done: it is shown wherever an item is waived for it.
    pub why: String,
}

/// What an environment changes of an item; what is left out stays as it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemOverride {
    /// The line as people read it.
    pub title: Option<String>,
    /// How much it hurts while it fails.
    pub severity: Option<Severity>,
    /// How often it is looked at; takes the place of `cron`, too.
    pub every: Option<Period>,
    /// When it is looked at; takes the place of `every`, too.
    pub cron: Option<String>,
    /// Where the hours of `cron` are meant.
    pub timezone: Option<String>,
    /// How long a look may take.
    pub timeout: Option<Period>,
    /// Failures in a row until it fails.
    pub fail_after: Option<NonZeroU32>,
    /// Good looks in a row until it recovers.
    pub recover_after: Option<NonZeroU32>,
    /// Blind looks in a row until it is unknown.
    pub unknown_after: Option<NonZeroU32>,
    /// The least time between two looks that count.
    pub confirm_every: Option<Period>,
    /// How long it may be pending after a start.
    pub grace: Option<Period>,
    /// Items that must hold before this one is looked at.
    pub depends_on: Option<Vec<ItemId>>,
    /// Where to read what to do.
    pub runbook: Option<String>,
    /// Empty or `false`: the item does not apply here.
    pub when: Option<String>,
    /// The furthest end of a waiver, from when it is given, or `never`.
    pub waivable_for: Option<WaivableFor>,
    /// On what terms a person's word stands in for the checks.
    pub attestation: Option<Attestation>,
    /// What must hold, in place of the item's own checks.
    pub checks: Option<Vec<Later<AnyCheck>>>,
}

/// A `T` that is read later, by itself, so that one mistake does not hide the next.
pub struct Later<T>(PhantomData<fn() -> T>);

impl<'de, T> Deserialize<'de> for Later<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Later<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
