//! Which environment the live objects say they are.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{ENVIRONMENT_MISMATCH, ENVIRONMENT_UNMARKED, MISSING};
use crate::checks::Look;
use crate::model::counted::{counted, either};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::needs::{Form, Resource, Watch};
use crate::systems::kubernetes::whole::Metadata;
use crate::systems::kubernetes::workload::WorkloadKind;
use crate::systems::kubernetes::{Table, Unseen, resource};

const NAMESPACES: Resource = resource::<Namespace>();
/// The longest value of a label that is told.
const LONGEST_VALUE: usize = 63;

/// The environment that the live objects bear is the configured one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Environment {
    /// Namespaces whose label is read, and that of the Deployments in them.
    namespaces: Vec<String>,
    /// The label; `environment` by default.
    #[serde(default)]
    label: Label,
    /// The value that it must have; the name of the configuration's environment by default.
    #[serde(default)]
    value: Option<String>,
}

/// A label's key.
#[derive(Debug, Deserialize, JsonSchema)]
struct Label(String);

impl Default for Label {
    fn default() -> Self {
        Self("environment".to_owned())
    }
}

/// What the labels say.
#[derive(Debug, Default)]
pub(super) struct Seen {
    wanted: String,
    namespaces: Vec<Labelled>,
    unseen: Unseen,
}

/// One namespace.
#[derive(Debug)]
struct Labelled {
    name: String,
    /// Whether it is there; none where that can't be seen.
    is_there: Option<bool>,
    /// How many objects bear which value.
    values: BTreeMap<String, usize>,
}

impl Environment {
    pub(super) fn watches(&self) -> Vec<Watch> {
        let namespace = |name| Watch::all(NAMESPACES).named(name).keeping(Form::Metadata);
        let own = self.namespaces.iter().map(namespace);
        let workloads = self.namespaces.iter().map(|name| deployments(name));
        own.chain(workloads).collect()
    }

    pub(super) fn look(&self, look: &Look<'_>) -> Seen {
        let wanted = self.value.clone().unwrap_or_else(|| look.records.environment.clone());
        let mut seen = Seen { wanted, ..Seen::default() };
        for name in &self.namespaces {
            let labelled = self.look_at(name, look, &mut seen.unseen);
            seen.namespaces.push(labelled);
        }
        seen
    }

    fn look_at(&self, name: &str, look: &Look<'_>, unseen: &mut Unseen) -> Labelled {
        let kubernetes = &look.systems.kubernetes;
        let Self { label: Label(label), .. } = self;
        let mut values = BTreeMap::<String, usize>::new();
        let mut count = |object: &Metadata| {
            if let Some(value) = object.labels.get(label) {
                *values.entry(value.to_string()).or_default() += 1;
            }
        };
        let mut is_there = None;
        let own = Watch::all(NAMESPACES).named(name).keeping(Form::Metadata);
        let read = kubernetes.read(look.needs, &own, |table: &Table<Metadata>| {
            is_there = Some(table.records().next().is_some());
            table.records().for_each(|object| count(object));
            unseen.note(table, |_| true);
        });
        if let Err(obstacle) = read {
            unseen.blind(&own, obstacle);
        }
        let workloads = deployments(name);
        let read = kubernetes.read(look.needs, &workloads, |table: &Table<Metadata>| {
            table.records().for_each(|object| count(object));
            unseen.note(table, |_| true);
        });
        if let Err(obstacle) = read {
            unseen.blind(&workloads, obstacle);
        }
        Labelled { name: name.to_owned(), is_there, values }
    }

    pub(super) fn judge(&self, seen: &Seen, judgement: &mut Judgement) {
        seen.unseen.tell(judgement);
        for labelled in &seen.namespaces {
            if let Some(answer) = self.answer(labelled, &seen.wanted, &seen.unseen) {
                judgement.add(labelled.name.clone(), answer);
            }
        }
    }

    fn answer(&self, labelled: &Labelled, wanted: &str, unseen: &Unseen) -> Option<Answer> {
        let Labelled { name: _, is_there, values } = labelled;
        let Self { label: Label(label), .. } = self;
        let label = legible(label, LONGEST_VALUE);
        if *is_there == Some(false) {
            return Some(Finding::fail(MISSING, "the namespace is not there").into());
        }
        if let Some((other, count)) = values.iter().find(|(value, _)| *value != wanted) {
            let other = legible(other, LONGEST_VALUE);
            let objects = bearers(*count);
            let because = format!("{objects} {label}={other}, {label}={wanted} wanted");
            return Some(Finding::fail(ENVIRONMENT_MISMATCH, because).into());
        }
        if let Some(count) = values.get(wanted) {
            let because = format!("{} {label}={wanted}", bearers(*count));
            return Some(Finding::pass(because).into());
        }
        // What can't be seen may bear it: that is told already.
        unseen.is_nothing().then(|| {
            let because = format!("neither it nor a Deployment in it bears the label {label}");
            Obstacle::new(ENVIRONMENT_UNMARKED, because).into()
        })
    }
}

fn deployments(namespace: &str) -> Watch {
    Watch::all(WorkloadKind::Deployment.resource()).within(namespace).keeping(Form::Metadata)
}

/// `1 object bears`, `2 objects bear`.
fn bearers(count: usize) -> String {
    format!("{} {}", counted(count, "object"), either(&count, "bears", "bear"))
}
