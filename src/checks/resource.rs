//! `resource`: objects of any kind are there, in the number, the condition and the form they must be.
//! Witness: the API server, by watch. Secrets are seen by name alone, and never by their values.

mod judging;
mod looking;
mod parameters;
mod path;
mod preset;
mod references;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Form, Needs, Resource as Kind, Right, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::{SECRETS, blind, discovery, plurals, secret};

use super::expression::Expression;
use parameters::{
    ApiVersion, Claim, KindName, Names, Plural, Prefix, ReadyPods, ReadyWorkload, Reference,
};
use preset::{Parts, Preset};

static OBJECTS: Measure = Measure::gauge(
    "vigie_objects",
    "Objects of a kind that are there; `object` is the name, prefix or selector that is asked for.",
    &["object_namespace", "object_kind", "object"],
);

/// Objects of any kind are there, in the number, the condition and the form they must be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// What is generally true of a well-known custom resource, so that name and namespaces are enough:
    /// `cnpg-cluster`, `eck-elasticsearch`, `redis-failover`, `percona-mongodb`, `certificate`. What
    /// stands here besides is added to it.
    #[serde(default)]
    preset: Option<Preset>,
    /// The API version, such as `v1` or `postgresql.cnpg.io/v1`; it must be served.
    #[serde(default)]
    api_version: Option<ApiVersion>,
    /// The kind, such as `ConfigMap`. A Secret is looked at by name and by its metadata alone.
    #[serde(default)]
    kind: Option<KindName>,
    /// Its plural, where neither Vigie knows it nor discovery is to tell it.
    #[serde(default)]
    plural: Option<Plural>,
    /// Namespaces by name, or `all`; left out for kinds that have none.
    #[serde(default)]
    namespaces: Option<Namespaces>,
    /// The object's name, or a list of names, each of which must be there in each namespace.
    #[serde(default)]
    name: Option<Names>,
    /// How the names of the objects begin.
    #[serde(default)]
    prefix: Option<Prefix>,
    /// A label selector, such as `app=api`.
    #[serde(default)]
    selector: Option<Selector>,
    /// Which of them are meant: an expression in CEL; those of which it is false are left out, and not
    /// counted. Such as the default among the `StorageClasses`.
    #[serde(default)]
    matching: Option<Expression>,
    /// The fewest objects in each namespace (with `all`: in the cluster); 1 by default.
    #[serde(default)]
    min_count: Option<u64>,
    /// The most objects in each namespace (with `all`: in the cluster); without it any number.
    #[serde(default)]
    max_count: Option<u64>,
    /// Conditions that each object must bear, and the status of each: `{ Ready: "True" }`.
    #[serde(default)]
    conditions: BTreeMap<String, String>,
    /// Whether the controller must have seen the newest specification: `status.observedGeneration`,
    /// and that of the conditions where they bear one.
    #[serde(default)]
    observed: bool,
    /// Expressions in CEL that must be true of each object. Beside CEL's own functions there are
    /// `quantity('20Gi')`, `sum(list)`, and `past(text)` for a time that must not lie ahead.
    #[serde(default)]
    expressions: Vec<Claim>,
    /// Names in each object that must be those of Secrets or other objects.
    #[serde(default)]
    references: Vec<Reference>,
    /// Pods that must be ready for each object, whatever its status says; with `name` alone.
    #[serde(default)]
    ready_pods: Option<ReadyPods>,
    /// Workloads that must be ready for each object, whatever its status says; with `name` alone.
    #[serde(default)]
    ready_workloads: Vec<ReadyWorkload>,
}

impl Check for Resource {
    type Seen = looking::Seen;

    const REASONS: &'static [Documented] = &[
        judging::OBJECT_ABSENT,
        judging::TOO_FEW,
        judging::TOO_MANY,
        judging::BEING_DELETED,
        judging::CONDITION_ABSENT,
        judging::CONDITION_UNMET,
        judging::NOT_OBSERVED,
        judging::EXPRESSION_FALSE,
        judging::EVALUATION_ERROR,
        judging::EVALUATION_TIMED_OUT,
        judging::TOO_MANY_TO_JUDGE,
        references::REFERENCE_ABSENT,
        references::REFERENCE_MISSING,
        references::REFERENCE_KEY_MISSING,
        references::REFERENCE_NOT_NAMED,
        judging::PODS_NOT_READY,
        judging::WORKLOAD_NOT_READY,
        Documented::blinds(Reason::CLOCK_SKEW, "A time within `past(…)` lies ahead."),
        blind::GARBLED,
        blind::TOO_LARGE,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&OBJECTS];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        let mut unless = |good: bool, flaw: &str| {
            if !good {
                flaws.push(flaw.to_owned());
            }
        };
        let spelled = self.api_version.is_some() || self.kind.is_some() || self.plural.is_some();
        if self.preset.is_some() {
            unless(!spelled, "`preset` already names `api_version` and `kind`");
        } else {
            let whole = self.api_version.is_some() && self.kind.is_some();
            unless(whole, "name `api_version` and `kind`, or a `preset`");
        }
        let ways = [self.name.is_some(), self.prefix.is_some(), self.selector.is_some()];
        let ways = ways.into_iter().filter(|given| *given).count();
        unless(ways <= 1, "`name`, `prefix` and `selector` exclude each other");
        unless(
            self.matching.is_none() || self.name.is_none(),
            "`name` and `matching` exclude each other: write what must be true under `expressions`",
        );
        let counted = self.min_count.is_some() || self.max_count.is_some();
        unless(
            !counted || self.name.is_none(),
            "what is named is there once or not: leave `min_count` and `max_count` out",
        );
        let most = self.max_count.unwrap_or(u64::MAX);
        unless(self.min_count.unwrap_or_default() <= most, "`min_count` is above `max_count`");
        let beside = self.ready_pods().is_some() || self.ready_workloads().next().is_some();
        unless(
            !beside || (self.name.is_some() && self.named_namespaces().is_some()),
            "ready pods and workloads are those of an object: give its `name`, and its \
             `namespaces` by name",
        );
        flaws.extend(self.flaw_of_scope());
        if self.is_secret() {
            flaws.extend(self.flaws_of_secret());
        }
        if !self.references.is_empty() && self.named_namespaces().is_none() {
            flaws.push("references are followed in `namespaces` by name".to_owned());
        }
        flaws.extend(self.references.iter().filter_map(Reference::flaw));
        flaws
    }

    fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        let mut watches = Vec::new();
        if self.is_secret() {
            for (namespace, name) in self.places() {
                needs.rights.push(secret::right(&namespace, &name));
            }
        } else {
            watches.extend(self.targets().into_iter().map(|target| target.watch));
        }
        for reference in &self.references {
            let (more, rights) = self.needs_of(reference);
            watches.extend(more);
            needs.rights.extend(rights);
        }
        watches.extend(self.watches_beside());
        for watch in watches {
            let asked = discovery::right(&watch.resource);
            needs.merge(Needs {
                watches: vec![watch],
                rights: asked.into_iter().collect(),
                ..Needs::default()
            });
        }
        needs
    }

    fn series(&self) -> Vec<Series> {
        let kind = self.kind().kind.to_string();
        let row = |target: Target| Series {
            measure: &OBJECTS,
            labels: vec![target.watch.namespace, Some(kind.clone()), Some(target.asked)]
                .into_iter()
                .map(|label| Some(label.unwrap_or_default()))
                .collect(),
        };
        self.targets().into_iter().map(row).collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<looking::Seen, Obstacle> {
        Ok(self.look(look).await)
    }

    fn judge(&self, seen: &looking::Seen, _: &Past, _: Timestamp) -> Judgement {
        self.judged(seen)
    }
}

/// One watch's worth of objects.
struct Target {
    watch: Watch,
    /// The name, prefix or selector; empty where all objects are asked for.
    asked: String,
    /// Whether one object is asked for.
    named: bool,
}

impl Resource {
    fn parts(&self) -> Option<&'static Parts> {
        self.preset.map(|Preset(parts)| parts)
    }

    /// The kind; without a name where that is a flaw of the parameters.
    fn kind(&self) -> Kind {
        let parts = self.parts();
        let version = self.api_version.as_ref().or(parts.map(|parts| &parts.api_version));
        let kind = self.kind.as_ref().or(parts.map(|parts| &parts.kind));
        let Some((version, kind)) = version.zip(kind) else {
            return Kind::known("", "v1", "", "");
        };
        parameters::kind(version, kind, self.plural.as_ref())
    }

    fn is_secret(&self) -> bool {
        let kind = self.kind();
        kind.group == SECRETS.group && (kind.kind == SECRETS.kind || kind.plural == SECRETS.plural)
    }

    fn conditions(&self) -> impl Iterator<Item = (&String, &String)> {
        self.parts().map(|parts| &parts.conditions).into_iter().flatten().chain(&self.conditions)
    }

    fn observed(&self) -> bool {
        self.observed || self.parts().is_some_and(|parts| parts.observed)
    }

    fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.parts().map(|parts| &parts.expressions).into_iter().flatten().chain(&self.expressions)
    }

    fn ready_pods(&self) -> Option<&ReadyPods> {
        self.ready_pods.as_ref().or(self.parts().and_then(|parts| parts.ready_pods.as_ref()))
    }

    fn ready_workloads(&self) -> impl Iterator<Item = &ReadyWorkload> {
        let of_preset = self.parts().map(|parts| &parts.ready_workloads);
        of_preset.into_iter().flatten().chain(&self.ready_workloads)
    }

    /// Everything that is evaluated of an object: whether it is meant, the claims, then the numbers wanted beside it.
    fn evaluated(&self) -> impl Iterator<Item = &Expression> {
        let claims = self.claims().map(|claim| &claim.cel);
        let pods = self.ready_pods().map(|pods| &pods.at_least);
        self.matching
            .iter()
            .chain(claims)
            .chain(pods)
            .chain(self.ready_workloads().map(|workload| &workload.at_least))
    }

    /// What has to be kept of each object for that.
    fn form(&self) -> Form {
        let whole = self.observed()
            || self.conditions().next().is_some()
            || self.evaluated().next().is_some()
            || !self.references.is_empty();
        if whole { Form::Whole } else { Form::Metadata }
    }

    fn named_namespaces(&self) -> Option<&[String]> {
        self.namespaces.as_ref().and_then(Namespaces::names)
    }

    fn targets(&self) -> Vec<Target> {
        let all = match &self.namespaces {
            Some(namespaces) => namespaces.watches(&self.kind(), self.selector.as_ref()),
            None => Namespaces::All.watches(&self.kind(), self.selector.as_ref()),
        };
        let all = all.into_iter().map(|watch| watch.keeping(self.form()));
        if let Some(Names(names)) = &self.name {
            let named = |watch: Watch| {
                let one = move |name: &String| Target {
                    watch: watch.clone().named(name),
                    asked: name.clone(),
                    named: true,
                };
                names.iter().map(one)
            };
            return all.flat_map(named).collect();
        }
        let many = |watch: Watch| match &self.prefix {
            Some(Prefix(prefix)) => {
                Target { watch: watch.beginning(prefix), asked: format!("{prefix}*"), named: false }
            }
            None => {
                Target { asked: watch.selector.clone().unwrap_or_default(), watch, named: false }
            }
        };
        all.map(many).collect()
    }

    /// What is asked for by namespace and name.
    fn places(&self) -> Vec<(String, String)> {
        let namespaces = self.named_namespaces().unwrap_or_default();
        let names = self.name.as_ref().map(|Names(names)| names.as_slice()).unwrap_or_default();
        let pair = |namespace: &String| {
            let namespace = namespace.clone();
            names.iter().map(move |name| (namespace.clone(), name.clone()))
        };
        namespaces.iter().flat_map(pair).collect()
    }

    /// The pods and the workloads of the named objects.
    fn watches_beside(&self) -> Vec<Watch> {
        let mut watches = Vec::new();
        for (namespace, name) in self.places() {
            watches.extend(self.ready_pods().map(|pods| pods.watch(&namespace, &name)));
            let workloads = self.ready_workloads();
            watches.extend(workloads.map(|one| one.watch(&namespace, &name)));
        }
        watches
    }

    fn needs_of(&self, reference: &Reference) -> (Vec<Watch>, Vec<Right>) {
        let target = reference.target();
        let Names(names) = &reference.names;
        let Some(namespaces) = self.named_namespaces() else { return Default::default() };
        let places =
            namespaces.iter().flat_map(|space| names.iter().map(move |name| (space, name)));
        if target == SECRETS {
            let rights = places.map(|(namespace, name)| secret::right(namespace, name));
            return (Vec::new(), rights.collect());
        }
        let watches = places.map(|(namespace, name)| references::watch(reference, namespace, name));
        (watches.collect(), Vec::new())
    }

    fn flaw_of_scope(&self) -> Option<String> {
        let kind = self.kind();
        let known = plurals::known(&kind.group, &kind.kind)?;
        match (known.namespaced, &self.namespaces) {
            (true, None) => Some(format!(
                "a {} lives in a namespace: name them under `namespaces`, or `all`",
                kind.kind
            )),
            (false, Some(_)) => {
                Some(format!("a {} lives in no namespace: leave `namespaces` out", kind.kind))
            }
            (true, Some(_)) | (false, None) => None,
        }
    }

    fn flaws_of_secret(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.name.is_none() || self.named_namespaces().is_none() {
            let flaw = "Secrets are looked at by name: give `name`, and `namespaces` by name";
            flaws.push(flaw.to_owned());
        }
        if self.form() == Form::Whole {
            let flaw = "of a Secret nothing but its being there is seen: leave everything else to \
                        `secret_keys`";
            flaws.push(flaw.to_owned());
        }
        flaws
    }
}

#[cfg(test)]
mod tests;
