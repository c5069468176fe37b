//! `operator`: an operator's kinds can be used, and somebody acts on their objects.
//! Witness: the API server, by watch: definitions and workloads by name.

mod judging;
mod parameters;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::networking::v1::IngressClass;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Form, Needs, Resource, Watch};
use crate::model::past::Past;
use crate::model::reason::Documented;
use crate::systems::kubernetes::definition::{DEFINITIONS, Definition};
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::whole::Whole;
use crate::systems::kubernetes::workload::{Workload, WorkloadKind};
use crate::systems::kubernetes::{Record, Table, blind, resource};

use parameters::{Controller, Crd, ObjectName, Parts, Preset};

static ESTABLISHED: Measure = Measure::gauge(
    "vigie_operator_crd_established",
    "Whether a definition of custom resources is established.",
    &["crd"],
);
static REPLICAS: Measure = Measure::gauge(
    "vigie_operator_replicas",
    "Replicas of an operator's workloads by state: desired, available.",
    &["object_namespace", "workload_kind", "workload", "state"],
);

const INGRESS_CLASSES: Resource = resource::<IngressClass>();

/// An operator's kinds can be used, and somebody acts on their objects.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// A well-known operator as its own manifests install it: `cloudnative-pg`, `eck`,
    /// `redis-operator`, `percona-mongodb`, `ingress-nginx`, `cert-manager`. What stands here besides
    /// takes the place of what the preset says.
    #[serde(default)]
    preset: Option<Preset>,
    /// Definitions of custom resources that must be established, with the version that must be
    /// served: `clusters.postgresql.cnpg.io/v1`.
    #[serde(default)]
    crds: Option<Vec<Crd>>,
    /// The namespace of the operator's workloads.
    #[serde(default)]
    namespace: Option<ObjectName>,
    /// The workloads that the operator runs as, by kind and name; each must be available.
    #[serde(default)]
    controllers: Option<Vec<Controller>>,
    /// Instead of `controllers`: a label selector of its workloads, at least one of which must be
    /// there. They are sought in `namespace`, or in all of them where that is left out.
    #[serde(default)]
    selector: Option<Selector>,
    /// Which kinds of workloads the selector is for; Deployments by default.
    #[serde(default)]
    selected_kind: SelectedKind,
    /// An `IngressClass` that must be there.
    #[serde(default)]
    ingress_class: Option<ObjectName>,
    /// The controller that the `IngressClass` must name, such as `k8s.io/ingress-nginx`.
    #[serde(default)]
    ingress_controller: Option<String>,
}

/// The kind of workloads that a selector is for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
struct SelectedKind(WorkloadKind);

impl Default for SelectedKind {
    fn default() -> Self {
        Self(WorkloadKind::Deployment)
    }
}

/// What a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    definitions: Vec<(Crd, Result<Held<Definition>, Obstacle>)>,
    controllers: Vec<(Wanted, Result<Held<Workload>, Obstacle>)>,
    ingress_class: Option<(String, Result<Held<Whole>, Obstacle>)>,
}

/// Workloads that are asked for.
#[derive(Clone, Debug)]
struct Wanted {
    kind: WorkloadKind,
    /// The name; none where a selector is asked for.
    name: Option<String>,
    watch: Watch,
}

/// What a watch holds.
#[derive(Debug)]
struct Held<R> {
    records: Vec<Arc<R>>,
    garbled: Vec<(String, String)>,
    garbled_more: usize,
}

impl Check for Operator {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        judging::CRD_ABSENT,
        judging::CRD_NOT_ESTABLISHED,
        judging::CRD_NAMES_TAKEN,
        judging::CRD_BEING_DELETED,
        judging::VERSION_NOT_SERVED,
        judging::CONVERSION_UNSIGNED,
        judging::CONTROLLER_ABSENT,
        judging::CONTROLLER_UNAVAILABLE,
        judging::INGRESS_CLASS_ABSENT,
        judging::INGRESS_CLASS_OTHERS,
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&ESTABLISHED, &REPLICAS];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        let mut unless = |good: bool, flaw: &str| {
            if !good {
                flaws.push(flaw.to_owned());
            }
        };
        let both = self.selector.is_some() && self.controllers.is_some();
        unless(!both, "`controllers` and `selector` exclude each other");
        let named = self.selector.is_none() && !self.controllers().is_empty();
        unless(
            self.selector.is_some() || named,
            "name the operator's `controllers` or a `selector` of them, or a `preset`",
        );
        let placed = !named || self.namespace().is_some();
        unless(placed, "`controllers` are sought in a `namespace`");
        let classed = self.ingress_controller().is_none() || self.ingress_class().is_some();
        unless(classed, "`ingress_controller` is that of an `ingress_class`");
        flaws
    }

    fn needs(&self) -> Needs {
        let mut watches: Vec<Watch> = self.crds().iter().map(definition_watch).collect();
        watches.extend(self.wanted().into_iter().map(|wanted| wanted.watch));
        watches.extend(self.ingress_class().map(class_watch));
        Needs { watches, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let crd =
            |crd: &Crd| Series { measure: &ESTABLISHED, labels: vec![Some(crd.name.clone())] };
        let mut series: Vec<_> = self.crds().iter().map(crd).collect();
        series.extend(self.wanted().into_iter().map(|Wanted { kind, name, watch }| Series {
            measure: &REPLICAS,
            labels: vec![watch.namespace, Some(kind.label().to_owned()), name, None],
        }));
        series
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let mut seen = Seen::default();
        for crd in self.crds() {
            seen.definitions.push((crd.clone(), held(look, &definition_watch(crd))));
        }
        for wanted in self.wanted() {
            let held = held(look, &wanted.watch);
            seen.controllers.push((wanted, held));
        }
        let class = self.ingress_class();
        seen.ingress_class = class.map(|name| (name.to_owned(), held(look, &class_watch(name))));
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, _: &Past, _: Timestamp) -> Judgement {
        self.judged(seen)
    }
}

impl Operator {
    fn parts(&self) -> Option<&'static Parts> {
        self.preset.map(|Preset(parts)| parts)
    }

    fn crds(&self) -> &[Crd] {
        let of_preset = || self.parts().map(|parts| parts.crds.as_slice());
        self.crds.as_deref().or_else(of_preset).unwrap_or_default()
    }

    fn controllers(&self) -> &[Controller] {
        let of_preset = || self.parts().map(|parts| parts.controllers.as_slice());
        self.controllers.as_deref().or_else(of_preset).unwrap_or_default()
    }

    fn namespace(&self) -> Option<&str> {
        let of_preset = self.parts().map(|parts| &parts.namespace);
        // A selector finds its workloads wherever they are.
        let of_preset = of_preset.filter(|_| self.selector.is_none());
        self.namespace.as_ref().or(of_preset).map(|ObjectName(name)| name.as_str())
    }

    fn ingress_class(&self) -> Option<&str> {
        let of_preset = self.parts().and_then(|parts| parts.ingress_class.as_ref());
        self.ingress_class.as_ref().or(of_preset).map(|ObjectName(name)| name.as_str())
    }

    fn ingress_controller(&self) -> Option<&str> {
        let of_preset = self.parts().and_then(|parts| parts.ingress_controller.as_deref());
        self.ingress_controller.as_deref().or(of_preset)
    }

    /// The workloads that are asked for.
    fn wanted(&self) -> Vec<Wanted> {
        if let Some(selector) = &self.selector {
            let SelectedKind(kind) = self.selected_kind;
            let place = match self.namespace() {
                Some(namespace) => Namespaces::Named(vec![namespace.to_owned()]),
                None => Namespaces::All,
            };
            let watches = place.watches(&kind.resource(), Some(selector)).into_iter();
            return watches.map(|watch| Wanted { kind, name: None, watch }).collect();
        }
        let Some(namespace) = self.namespace() else { return Vec::new() };
        let one = |Controller { kind, name: ObjectName(name) }: &Controller| Wanted {
            kind: *kind,
            name: Some(name.clone()),
            watch: Watch::all(kind.resource()).within(namespace).named(name),
        };
        self.controllers().iter().map(one).collect()
    }
}

fn definition_watch(crd: &Crd) -> Watch {
    Watch::all(DEFINITIONS).named(&crd.name)
}

fn class_watch(name: &str) -> Watch {
    Watch::all(INGRESS_CLASSES).named(name).keeping(Form::Whole)
}

fn held<R: Record>(look: &Look<'_>, watch: &Watch) -> Result<Held<R>, Obstacle> {
    look.systems.kubernetes.read(look.needs, watch, |table: &Table<R>| Held {
        records: table.records().map(Arc::clone).collect(),
        garbled: table.garbled().map(|(name, why)| (name.to_owned(), why.to_owned())).collect(),
        garbled_more: table.garbled_more(),
    })
}

#[cfg(test)]
mod tests;
