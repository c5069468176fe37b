//! `ingresses`: the Ingresses serve the hosts that they should, over TLS, at an address, and lead to
//! Services with ready endpoints.
//! Witness: the API server, by watch. Whether a TLS Secret exists is for `resource` to say: no
//! Secret is looked at here.

mod backends;
mod class;
mod hosts;
mod parameters;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::services::verdict::waited;
use super::{Check, Look};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Needs, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::ingress::{Ingress, LONGEST_ANNOTATION};
use crate::systems::kubernetes::ingress_class::IngressClass;
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::{INGRESS_CLASSES, INGRESSES, Table, Unseen, blind};

use backends::Behind;
use parameters::{AddressWithin, Concern, Concerns, Host, MinReady};

static BACKENDS: Measure = Measure::gauge(
    "vigie_ingress_backends",
    "Ports of Services behind an Ingress, by state: ready, unready.",
    &["object_namespace", "object", "state"],
);

/// The most Ingresses whose backends are exported.
const MOST_EXPORTED: usize = 200;

const MISSING: Reason = Reason::new("Missing");
const NO_ADDRESS: Documented = Documented::warns_or_fails(
    Reason::new("NoAddress"),
    "The controller has given no address; it fails after `address_within`.",
);
const CLOCK_SKEW: Documented = Documented::blinds(
    Reason::CLOCK_SKEW,
    "An Ingress without an address was created more than two minutes ahead of our clock.",
);
const WRONG_ANNOTATION: Documented = Documented::fails(
    Reason::new("WrongAnnotation"),
    "An Ingress lacks an annotation that it must have, or it has another value.",
);

/// Ingresses serve the right hosts over TLS and lead to Services with ready endpoints.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ingresses {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// A label selector; without it all Ingresses. `!acme.cert-manager.io/http01-solver` leaves out
    /// those that cert-manager makes for a moment to prove a name.
    #[serde(default)]
    selector: Option<Selector>,
    /// Names that must be there, in any of the namespaces.
    #[serde(default)]
    expect: BTreeSet<String>,
    /// Whether all others are left alone; by default they are judged, too.
    #[serde(default)]
    only_expected: bool,
    /// What is judged beside `class`, `hosts` and `annotations`, which are judged where they are
    /// given: `tls`, `address`, `backends`; all three by default. A canary of ingress-nginx is
    /// covered by the TLS entries of the Ingress that it diverts requests from.
    #[serde(default)]
    concerns: Concerns,
    /// The class that each must have: by `ingressClassName`, in which case an `IngressClass` of that
    /// name must exist, by the annotation `kubernetes.io/ingress.class`, or because it is the
    /// cluster's default. Without it no class is judged.
    #[serde(default)]
    class: Option<String>,
    /// The hosts that the Ingresses serve all together, exactly: one that is missing fails, and so
    /// does one that is not named here. `*` stands for a rule without a host. Without it hosts are
    /// not compared.
    #[serde(default)]
    hosts: Option<BTreeSet<Host>>,
    /// Whether TLS entries that name no Secret are good enough: the controller's own certificate
    /// serves them. They warn by default.
    #[serde(default)]
    default_certificate: bool,
    /// The fewest ready endpoints behind each backend; 1 by default. 0: the Service and its port must
    /// exist, and no more.
    #[serde(default)]
    min_ready: MinReady,
    /// How long a new Ingress may wait for its address before that fails; it warns until then. 5m by
    /// default.
    #[serde(default)]
    address_within: AddressWithin,
    /// Annotations that each must have, with their values, such as
    /// `nginx.ingress.kubernetes.io/force-ssl-redirect: "true"`.
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The Ingresses that a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    ingresses: Vec<Arc<Ingress>>,
    /// The classes, where they are needed.
    classes: Vec<Arc<IngressClass>>,
    blind_classes: Option<Obstacle>,
    behind: Behind,
    unseen: Unseen,
}

impl Check for Ingresses {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(MISSING, "An expected Ingress is not there, or there is none at all."),
        class::WRONG_CLASS,
        class::CLASS_MISSING,
        hosts::HOST_MISSING,
        hosts::HOST_UNEXPECTED,
        hosts::NO_TLS,
        hosts::DEFAULT_CERTIFICATE,
        NO_ADDRESS,
        backends::BACKEND_MISSING,
        backends::BACKEND_NOT_READY,
        WRONG_ANNOTATION,
        CLOCK_SKEW,
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&BACKENDS];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.only_expected && self.expect.is_empty() {
            flaws.push("`only_expected` needs names under `expect`".to_owned());
        }
        if self.hosts.as_ref().is_some_and(BTreeSet::is_empty) {
            flaws.push("`hosts` is empty: leave it out, or name those that are served".to_owned());
        }
        if let Some(key) = self
            .annotations
            .iter()
            .find_map(|(key, value)| (value.len() > LONGEST_ANNOTATION).then_some(key))
        {
            flaws.push(format!(
                "`annotations.{key}` is longer than the {LONGEST_ANNOTATION} bytes that are read"
            ));
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let mut watches = self.watches();
        if self.class.is_some() {
            watches.push(Watch::all(INGRESS_CLASSES));
        }
        if self.concerned(Concern::Backends) {
            watches.extend(backends::watches(&self.namespaces, self.min_ready.0));
        }
        Needs { watches, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        if !self.concerned(Concern::Backends) {
            return Vec::new();
        }
        let namespaces = self.namespaces.labels();
        let names: Vec<Option<String>> = if self.only_expected {
            self.expect.iter().cloned().map(Some).collect()
        } else {
            vec![None]
        };
        let row = |namespace: &Option<String>, name: &Option<String>| Series {
            measure: &BACKENDS,
            labels: vec![namespace.clone(), name.clone(), None],
        };
        let rows = |namespace| names.iter().map(move |name| row(namespace, name));
        namespaces.iter().flat_map(rows).collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        for watch in self.watches() {
            let read = kubernetes.read(look.needs, &watch, |table: &Table<Ingress>| {
                let judged = table.records().filter(|ingress| self.is_judged(&ingress.name));
                seen.ingresses.extend(judged.cloned());
                seen.unseen.note(table, |name| self.is_judged(name));
            });
            if let Err(obstacle) = read {
                seen.unseen.blind(&watch, obstacle);
            }
        }
        if self.class.is_some() {
            let watch = Watch::all(INGRESS_CLASSES);
            let read = kubernetes.read(look.needs, &watch, |table: &Table<IngressClass>| {
                (table.records().cloned().collect(), class::garbled(table))
            });
            match read {
                Ok((classes, garbled)) => (seen.classes, seen.blind_classes) = (classes, garbled),
                Err(obstacle) => seen.blind_classes = Some(obstacle),
            }
        }
        if self.concerned(Concern::Backends) {
            seen.behind = Behind::look(look, &self.namespaces, self.min_ready.0);
        }
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, _: &Past, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        seen.unseen.tell(&mut judgement);
        self.judge_presence(seen, &mut judgement);
        self.judge_hosts(seen, &mut judgement);
        for (number, ingress) in seen.ingresses.iter().enumerate() {
            let (namespace, name) = (&ingress.namespace, &ingress.name);
            for answer in self.answers(seen, ingress, now) {
                judgement.add(format!("{namespace}/{name}"), answer);
            }
            let Some((ready, unready)) = self.counted(seen, ingress) else { continue };
            if number >= MOST_EXPORTED {
                judgement.dropped += 1;
                continue;
            }
            for (state, count) in [("ready", ready), ("unready", unready)] {
                judgement.measure(BACKENDS.is(f64::from(count), [namespace, name, state]));
            }
        }
        judgement
    }
}

impl Ingresses {
    fn watches(&self) -> Vec<Watch> {
        self.namespaces.watches(&INGRESSES, self.selector.as_ref())
    }

    fn is_judged(&self, name: &str) -> bool {
        !self.only_expected || self.expect.contains(name)
    }

    fn concerned(&self, concern: Concern) -> bool {
        self.concerns.0.contains(&concern)
    }

    /// Whether all that is expected is there. Where Ingresses can't be seen, nothing is missed.
    fn judge_presence(&self, seen: &Seen, judgement: &mut Judgement) {
        let there: BTreeSet<&str> = seen.ingresses.iter().map(|ingress| &*ingress.name).collect();
        for name in seen.unseen.missing(&self.expect, &there) {
            let because = "no Ingress of this name is there".to_owned();
            judgement.add(name.clone(), Finding::fail(MISSING, because));
        }
        if self.expect.is_empty() && there.is_empty() && seen.unseen.is_nothing() {
            let because = "no Ingress is there, at least one wanted".to_owned();
            judgement.add("", Finding::fail(MISSING, because));
        }
    }

    /// What is wrong with an Ingress, or what is right.
    fn answers(&self, seen: &Seen, ingress: &Ingress, now: Timestamp) -> Vec<Answer> {
        if let Some(missing) = ingress.missing {
            let because = format!("the API server does not give {missing}");
            return vec![Obstacle::new(Reason::GARBLED, because).into()];
        }
        let mut told = Vec::new();
        let mut wrong: Vec<Answer> = Vec::new();
        if let Some(wanted) = &self.class {
            match class::of(seen, ingress, wanted) {
                Ok(words) => told.push(words),
                Err(answer) => wrong.push(answer),
            }
        }
        if self.concerned(Concern::Tls) {
            match hosts::covered(ingress, &seen.ingresses, self.default_certificate) {
                Ok(words) => told.push(words),
                Err(finding) => wrong.push(finding.into()),
            }
        }
        if self.concerned(Concern::Address) {
            if ingress.addresses.is_empty() {
                wrong.push(waited(ingress.created, self.address_within.0.get(), now));
            } else {
                let addresses: Vec<&str> =
                    ingress.addresses.iter().take(4).map(|address| &**address).collect();
                told.push(format!("is served at {}", addresses.join(", ")));
            }
        }
        if self.concerned(Concern::Backends) {
            match seen.behind.answers(ingress, self.min_ready.0) {
                Ok(words) => told.push(words),
                Err(answers) => wrong.extend(answers),
            }
        }
        wrong.extend(self.annotated(ingress).map(Answer::from));
        if wrong.is_empty() {
            if told.is_empty() {
                told.push("is there, as it should be".to_owned());
            }
            wrong.push(Finding::pass(told.join("; ")).into());
        }
        wrong
    }

    /// Backends that are ready and that are not, where both are known.
    fn counted(&self, seen: &Seen, ingress: &Ingress) -> Option<(u32, u32)> {
        let known = self.concerned(Concern::Backends) && ingress.missing.is_none();
        known.then(|| seen.behind.counts(ingress, self.min_ready.0))?
    }

    fn annotated(&self, ingress: &Ingress) -> Option<Finding> {
        let mut wrong = Vec::new();
        for (key, wanted) in &self.annotations {
            match ingress.annotation(key) {
                Some(value) if value == wanted => {}
                Some(value) => wrong.push(format!("{key} is `{value}`, `{wanted}` wanted")),
                None => wrong.push(format!("{key} is not set, `{wanted}` wanted")),
            }
        }
        let because = format!("the annotation {}", wrong.join("; "));
        (!wrong.is_empty()).then(|| Finding::fail(WRONG_ANNOTATION.reason, because))
    }
}

#[cfg(test)]
mod tests;
