//! `services`: the Services that must be there are, with their ports, ready endpoints behind each,
//! and an address where a load balancer is to give one.
//! Witness: the API server, by watch. What it does not say is never taken for good.

mod parameters;
pub(super) mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::{Needs, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::endpoint_slice::{EndpointSlice, Endpoints};
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::service::Service;
use crate::systems::kubernetes::{ENDPOINT_SLICES, SERVICES, Table, Unseen, blind};

use parameters::{AddressWithin, Expected, MinReady};

static READY: Measure = Measure::gauge(
    "vigie_service_ready_endpoints",
    "Ready endpoints behind a Service, at the port that has the fewest.",
    &["object_namespace", "object"],
);

/// The most Services whose endpoints are exported.
const MOST_EXPORTED: usize = 200;

const MISSING: Reason = Reason::new("Missing");

/// Services are there, with ready endpoints behind each port.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Services {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// A label selector, such as `app=api`; without it all Services.
    #[serde(default)]
    selector: Option<Selector>,
    /// Services that must be there, by name, in any of the namespaces, and what is special about
    /// each: `api: {}` where nothing is.
    #[serde(default)]
    expect: BTreeMap<String, Expected>,
    /// Whether all others are left alone; by default they are judged, too.
    #[serde(default)]
    only_expected: bool,
    /// The fewest ready endpoints behind each port of a Service; 1 by default, and 0 where none is
    /// due. An `ExternalName` has none.
    #[serde(default)]
    min_ready: MinReady,
    /// How long a new Service of type `LoadBalancer` may wait for its address before that fails; it
    /// warns until then. 5m by default.
    #[serde(default)]
    address_within: AddressWithin,
}

/// The Services that a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    services: Vec<Arc<Service>>,
    endpoints: Endpoints,
    unseen: Unseen,
    /// The same of slices; where one of them can't be read, it is as if none could.
    blind_slices: BTreeMap<String, Obstacle>,
}

impl Check for Services {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(MISSING, "An expected Service is not there, or there is none at all."),
        verdict::WRONG_TYPE,
        verdict::WRONG_PORTS,
        verdict::TOO_FEW_READY,
        verdict::NO_ADDRESS,
        verdict::CLOCK_SKEW,
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&READY];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.only_expected && self.expect.is_empty() {
            flaws.push("`only_expected` needs names under `expect`".to_owned());
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let mut watches = self.watches();
        if self.counts_endpoints() {
            watches.extend(self.namespaces.watches(&ENDPOINT_SLICES, None));
        }
        Needs { watches, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let namespaces = self.namespaces.labels();
        let names: Vec<Option<String>> = if self.only_expected {
            self.expect.keys().cloned().map(Some).collect()
        } else {
            vec![None]
        };
        let row = |namespace: &Option<String>, name: &Option<String>| Series {
            measure: &READY,
            labels: vec![namespace.clone(), name.clone()],
        };
        let rows = |namespace| names.iter().map(move |name| row(namespace, name));
        namespaces.iter().flat_map(rows).collect()
    }

    fn bounds(&self) -> Vec<Bound> {
        let value = f64::from(self.min_ready.0);
        vec![Bound { measure: READY.name, bound: "fail_below", value }]
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        for watch in self.watches() {
            let read = kubernetes.read(look.needs, &watch, |table: &Table<Service>| {
                let judged = table.records().filter(|service| self.is_judged(&service.name));
                seen.services.extend(judged.cloned());
                seen.unseen.note(table, |name| self.is_judged(name));
            });
            if let Err(obstacle) = read {
                seen.unseen.blind(&watch, obstacle);
            }
        }
        if self.counts_endpoints() {
            for watch in self.namespaces.watches(&ENDPOINT_SLICES, None) {
                let read = kubernetes.read(look.needs, &watch, |table: &Table<EndpointSlice>| {
                    seen.take_slices(table);
                });
                if let Err(obstacle) = read {
                    seen.blind_slices.insert(watch.namespace.unwrap_or_default(), obstacle);
                }
            }
        }
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, _: &Past, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        seen.unseen.tell(&mut judgement);
        self.judge_presence(seen, &mut judgement);
        for (number, service) in seen.services.iter().enumerate() {
            let (namespace, name) = (&service.namespace, &service.name);
            for answer in self.answers(seen, service, now) {
                judgement.add(format!("{namespace}/{name}"), answer);
            }
            let Some(reach) = self.counted(seen, service) else { continue };
            if number >= MOST_EXPORTED {
                judgement.dropped += 1;
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "far from 2^52 endpoints")]
            judgement.measure(READY.is(reach.ready as f64, [namespace, name]));
        }
        judgement
    }
}

impl Services {
    fn watches(&self) -> Vec<Watch> {
        self.namespaces.watches(&SERVICES, self.selector.as_ref())
    }

    fn is_judged(&self, name: &str) -> bool {
        !self.only_expected || self.expect.contains_key(name)
    }

    /// The fewest ready endpoints of the Service of this name.
    fn least(&self, name: &str) -> u32 {
        self.expect.get(name).and_then(|expected| expected.min_ready).unwrap_or(self.min_ready.0)
    }

    /// Whether the endpoints of any Service that may be judged matter.
    fn counts_endpoints(&self) -> bool {
        let any = self.expect.keys().any(|name| self.least(name) > 0);
        any || (!self.only_expected && self.min_ready.0 > 0)
    }

    /// Whether all that is expected is there. Where Services can't be seen, nothing is missed.
    fn judge_presence(&self, seen: &Seen, judgement: &mut Judgement) {
        let there: BTreeSet<&str> = seen.services.iter().map(|service| &*service.name).collect();
        for name in seen.unseen.missing(self.expect.keys(), &there) {
            let because = "no Service of this name is there".to_owned();
            judgement.add(name.clone(), Finding::fail(MISSING, because));
        }
        if self.expect.is_empty() && there.is_empty() && seen.unseen.is_nothing() {
            let because = "no Service is there, at least one wanted".to_owned();
            judgement.add("", Finding::fail(MISSING, because));
        }
    }
}

impl Seen {
    fn take_slices(&mut self, table: &Table<EndpointSlice>) {
        self.endpoints.take(table);
        for (place, why) in table.garbled() {
            let namespace = place.split_once('/').map_or("", |(namespace, _)| namespace);
            let because = format!("the EndpointSlice {place} can't be read: {why}");
            let obstacle = Obstacle::new(Reason::GARBLED, because);
            self.blind_slices.entry(namespace.to_owned()).or_insert(obstacle);
        }
        if table.garbled_more() > 0 {
            let because = "many EndpointSlices can't be read".to_owned();
            let obstacle = Obstacle::new(Reason::GARBLED, because);
            self.blind_slices.entry(String::new()).or_insert(obstacle);
        }
    }

    /// Why not all endpoints of a namespace were seen.
    fn blindness(&self, namespace: &str) -> Option<&Obstacle> {
        self.blind_slices.get(namespace).or_else(|| self.blind_slices.get(""))
    }
}

#[cfg(test)]
mod tests;
