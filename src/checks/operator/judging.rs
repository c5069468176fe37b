//! What is said of an operator: its definitions, its workloads, its class of Ingresses.

use serde_json::Value;

use super::parameters::Crd;
use super::{ESTABLISHED, Held, Operator, REPLICAS, Seen, Wanted};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::definition::{Definition, Told};
use crate::systems::kubernetes::whole::Whole;
use crate::systems::kubernetes::workload::Workload;

pub(super) const CRD_ABSENT: Documented =
    Documented::fails(Reason::new("CrdAbsent"), "A definition of custom resources is not there.");
pub(super) const CRD_NOT_ESTABLISHED: Documented = Documented::fails(
    Reason::new("CrdNotEstablished"),
    "A definition is there, and its kind can't be used; the sentence repeats why.",
);
pub(super) const CRD_NAMES_TAKEN: Documented = Documented::fails(
    Reason::new("CrdNamesTaken"),
    "The names of a definition are those of another one (`NamesAccepted`).",
);
pub(super) const CRD_BEING_DELETED: Documented = Documented::fails(
    Reason::new("CrdBeingDeleted"),
    "A definition is being deleted, and all its objects with it.",
);
pub(super) const VERSION_NOT_SERVED: Documented = Documented::fails(
    Reason::new("VersionNotServed"),
    "The version that is asked for is not served.",
);
pub(super) const CONVERSION_UNSIGNED: Documented = Documented::warns(
    Reason::new("ConversionUnsigned"),
    "Objects are converted between versions by a webhook in the cluster that bears no authority's \
     certificate (`caBundle`) yet.",
);
pub(super) const CONTROLLER_ABSENT: Documented =
    Documented::fails(Reason::new("ControllerAbsent"), "A workload of the operator is not there.");
pub(super) const CONTROLLER_UNAVAILABLE: Documented = Documented::warns_or_fails(
    Reason::new("ControllerUnavailable"),
    "A workload of the operator has no available replica, or is to have none; it warns where some \
     of several are.",
);
pub(super) const INGRESS_CLASS_ABSENT: Documented =
    Documented::fails(Reason::new("IngressClassAbsent"), "The IngressClass is not there.");
pub(super) const INGRESS_CLASS_OTHERS: Documented = Documented::fails(
    Reason::new("IngressClassOthers"),
    "The IngressClass names another controller than `ingress_controller`.",
);

impl Operator {
    pub(super) fn judged(&self, seen: &Seen) -> Judgement {
        let mut judgement = Judgement::new();
        for (crd, held) in &seen.definitions {
            let subject = format!("CustomResourceDefinition {}", crd.name);
            if let Some(held) = readable(&subject, held, &mut judgement) {
                let definition = held.records.first();
                let established = definition.and_then(|one| one.established.as_ref());
                let established = established.is_some_and(|told| told.holds);
                judgement.measure(ESTABLISHED.is(f64::from(u8::from(established)), [&crd.name]));
                let absent = || Finding::fail(CRD_ABSENT.reason, "is not there").into();
                judgement
                    .add(subject, definition.map_or_else(absent, |one| of_definition(crd, one)));
            }
        }
        for (wanted, held) in &seen.controllers {
            judge_controller(wanted, held, &mut judgement);
        }
        if let Some((name, held)) = &seen.ingress_class {
            let subject = format!("IngressClass {name}");
            if let Some(held) = readable(&subject, held, &mut judgement) {
                let class = held.records.first();
                let absent = || Finding::fail(INGRESS_CLASS_ABSENT.reason, "is not there").into();
                let answer = class.map_or_else(absent, |class| self.of_class(class));
                judgement.add(subject, answer);
            }
        }
        judgement
    }

    fn of_class(&self, class: &Whole) -> Answer {
        let controller = class.object.pointer("/spec/controller").and_then(Value::as_str);
        let Some(wanted) = self.ingress_controller() else {
            return Finding::pass("is there").into();
        };
        let Some(controller) = controller else {
            let because = "the API server does not give spec.controller".to_owned();
            return Obstacle::new(Reason::GARBLED, because).into();
        };
        let because = format!("its controller is {}", legible(controller, 100));
        if controller == wanted {
            return Finding::pass(because).into();
        }
        Finding::fail(INGRESS_CLASS_OTHERS.reason, format!("{because}, {wanted} wanted")).into()
    }
}

fn judge_controller(
    wanted: &Wanted,
    held: &Result<Held<Workload>, Obstacle>,
    judgement: &mut Judgement,
) {
    let namespace = wanted.watch.namespace.as_deref().unwrap_or_default();
    let subject = match &wanted.name {
        Some(name) => format!("{} {namespace}/{name}", wanted.kind),
        None => format!("{} {namespace}", wanted.kind).trim_end().to_owned(),
    };
    let Some(held) = readable(&subject, held, judgement) else { return };
    if held.records.is_empty() {
        let because = match &wanted.watch.selector {
            Some(selector) => format!("no workload bears {}", legible(selector, 200)),
            None => "is not there".to_owned(),
        };
        return judgement.add(subject, Finding::fail(CONTROLLER_ABSENT.reason, because));
    }
    for workload in &held.records {
        let Workload { namespace, name, desired, available, .. } = &**workload;
        judgement.add(format!("{} {namespace}/{name}", wanted.kind), of_controller(workload));
        for (state, count) in [("desired", *desired), ("available", *available)] {
            let labels = [&**namespace, wanted.kind.label(), &**name, state];
            #[expect(clippy::cast_precision_loss, reason = "far from 2^52 replicas")]
            judgement.measure(REPLICAS.is(count as f64, labels));
        }
    }
}

/// What is held, where that could be seen; what could not is told.
fn readable<'h, R>(
    subject: &str,
    held: &'h Result<Held<R>, Obstacle>,
    judgement: &mut Judgement,
) -> Option<&'h Held<R>> {
    let held = match held {
        Ok(held) => held,
        Err(obstacle) => {
            judgement.add(subject, obstacle.clone());
            return None;
        }
    };
    for (name, why) in &held.garbled {
        let because = format!("the object can't be read: {why}");
        judgement.add(name.clone(), Obstacle::new(Reason::GARBLED, because));
    }
    judgement.dropped += held.garbled_more as u64;
    let garbled = !held.garbled.is_empty() || held.garbled_more > 0;
    // What can't be read is not absent.
    (!held.records.is_empty() || !garbled).then_some(held)
}

fn of_definition(crd: &Crd, definition: &Definition) -> Answer {
    let Definition { served, established, accepted, deleted, unconvertible, name: _ } = definition;
    if *deleted {
        return Finding::fail(CRD_BEING_DELETED.reason, "is being deleted, with its objects")
            .into();
    }
    let said = |told: &Told| match told.words.as_str() {
        "" => String::new(),
        words => format!(": {words}"),
    };
    if let Some(told) = accepted.as_ref().filter(|told| !told.holds) {
        let because = format!("its names are not accepted{}", said(told));
        return Finding::fail(CRD_NAMES_TAKEN.reason, because).into();
    }
    let Some(told) = established else {
        let because = "nobody says that it is established".to_owned();
        return Finding::fail(CRD_NOT_ESTABLISHED.reason, because).into();
    };
    if !told.holds {
        let because = format!("is not established{}", said(told));
        return Finding::fail(CRD_NOT_ESTABLISHED.reason, because).into();
    }
    let versions = legible(&served.join(", "), 100);
    if let Some(wanted) = &crd.version
        && !served.contains(wanted)
    {
        let because = format!("serves {versions}, {wanted} wanted");
        return Finding::fail(VERSION_NOT_SERVED.reason, because).into();
    }
    if served.is_empty() {
        let because = "serves no version".to_owned();
        return Finding::fail(VERSION_NOT_SERVED.reason, because).into();
    }
    if *unconvertible {
        let because = format!("serves {versions}, and its conversion webhook bears no caBundle");
        return Finding::warn(CONVERSION_UNSIGNED.reason, because).into();
    }
    Finding::pass(format!("is established and serves {versions}")).into()
}

fn of_controller(workload: &Workload) -> Answer {
    if let Some(missing) = workload.missing {
        let because = format!("the API server does not give {missing}");
        return Obstacle::new(Reason::GARBLED, because).into();
    }
    let Workload { desired, available, ready, observed, .. } = workload;
    let because = format!("{desired} desired, {ready} ready, {available} available");
    let working = (*available).min(*ready);
    if working <= 0 || *desired <= 0 {
        return Finding::fail(CONTROLLER_UNAVAILABLE.reason, because).into();
    }
    if working < *desired {
        return Finding::warn(CONTROLLER_UNAVAILABLE.reason, because).into();
    }
    if !observed {
        let because = format!("{because}; the newest version is not seen by its controller yet");
        return Finding::warn(CONTROLLER_UNAVAILABLE.reason, because).into();
    }
    Finding::pass(because).into()
}
