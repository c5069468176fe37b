//! Room in quotas for the replicas that autoscalers may still ask for.
//!
//! What one more asks is read from the newest pod of an autoscaler's target: what a `LimitRange` fills
//! in stands there, and not in the target's own template.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::ResourceUsage;
use super::pods::{Place, place_of};
use super::quotas::{self, amounts};
use crate::checks::Look;
use crate::model::counted::{counted, either};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::asked::{asked, limited};
use crate::systems::kubernetes::autoscaler::{AUTOSCALERS, Autoscaler};
use crate::systems::kubernetes::node::Room;
use crate::systems::kubernetes::pod::{Phase, Pod};
use crate::systems::kubernetes::quantity::Quantity;
use crate::systems::kubernetes::quota::Quota;
use crate::systems::kubernetes::{PODS, Table};

pub(super) const NO_ROOM: Documented = Documented::fails(
    Reason::new("NoRoom"),
    "A quota has not left what all replicas would request that autoscalers may still ask for.",
);
pub(super) const NO_REPLICA: Documented = Documented::blinds(
    Reason::new("NoReplica"),
    "No pod of an autoscaler's target is there to tell what one more would request.",
);

/// The autoscalers that a look saw, and a pod of each workload.
#[derive(Debug, Default)]
pub(super) struct Seen {
    autoscalers: Vec<Arc<Autoscaler>>,
    newest: HashMap<Place, Arc<Pod>>,
    /// Autoscalers that can't be read, and what is wrong with them.
    garbled: Vec<(String, String)>,
    /// Namespaces (empty: all) of which not everything can be seen.
    blind: Vec<(String, Obstacle)>,
}

/// What the autoscalers of a namespace may still ask for.
#[derive(Default)]
struct Growth {
    replicas: i64,
    requests: Room,
    limits: Room,
    /// Why that is not all.
    blind: Option<Obstacle>,
}

impl ResourceUsage {
    pub(super) fn look_for_room(&self, look: &Look<'_>) -> Seen {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        for watch in self.namespaces.watches(&AUTOSCALERS, None) {
            let read = kubernetes.read(look.needs, &watch, |table| seen.take(table));
            if let Err(obstacle) = read {
                seen.blind.push((watch.namespace.unwrap_or_default(), obstacle));
            }
        }
        for watch in self.namespaces.watches(&PODS, None) {
            let read = kubernetes.read(look.needs, &watch, |table| seen.take_pods(table));
            if let Err(obstacle) = read {
                seen.blind.push((watch.namespace.unwrap_or_default(), obstacle));
            }
        }
        seen
    }
}

impl Seen {
    pub(super) fn take(&mut self, table: &Table<Autoscaler>) {
        self.autoscalers.extend(table.records().cloned());
        self.garbled.extend(table.garbled().map(|(place, why)| (place.into(), why.into())));
        if table.garbled_more() > 0 {
            self.garbled.push((String::new(), "it is one of many".to_owned()));
        }
    }

    pub(super) fn take_pods(&mut self, table: &Table<Pod>) {
        let ended = |pod: &Pod| matches!(pod.phase, Phase::Succeeded | Phase::Failed);
        let told = |pod: &Pod| !pod.template.containers.is_empty();
        for pod in table.records().filter(|pod| told(pod) && !ended(pod)) {
            match self.newest.entry(place_of(pod)) {
                Entry::Occupied(mut newest) if newest.get().created < pod.created => {
                    newest.insert(Arc::clone(pod));
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(none) => {
                    none.insert(Arc::clone(pod));
                }
            }
        }
    }

    /// Whether quotas have room for what may be asked.
    pub(super) fn judge(&self, quotas: &quotas::Seen, judgement: &mut Judgement) {
        for (namespace, obstacle) in &self.blind {
            judgement.add(format!("room {namespace}"), obstacle.clone());
        }
        let is_blind = |namespace: &str| {
            self.blind.iter().any(|(blind, _)| blind.is_empty() || blind == namespace)
        };
        let mut grown: HashMap<&str, Growth> = HashMap::new();
        for quota in quotas.readable().filter(|quota| !is_blind(&quota.namespace)) {
            let namespace = &*quota.namespace;
            let growth = grown.entry(namespace).or_insert_with(|| self.growth(namespace));
            let subject = format!("room in quota {namespace}/{}", quota.name);
            judgement.add(subject, growth.answer(quota));
        }
    }

    fn growth(&self, namespace: &str) -> Growth {
        let mut growth = Growth::default();
        let garbled = self.garbled.iter().find(|(place, _)| {
            place.split_once('/').is_none_or(|(namespace_of, _)| namespace_of == namespace)
        });
        growth.blind = garbled.map(|(place, why)| {
            let because = format!("the autoscaler {place} can't be read: {why}");
            Obstacle::new(Reason::GARBLED, because)
        });
        for autoscaler in self.autoscalers.iter().filter(|one| *one.namespace == *namespace) {
            if let Err(obstacle) = self.add(autoscaler, &mut growth) {
                growth.blind.get_or_insert(obstacle);
            }
        }
        growth
    }

    fn add(&self, autoscaler: &Autoscaler, growth: &mut Growth) -> Result<(), Obstacle> {
        let Autoscaler { namespace, name, target, max, current, missing, .. } = autoscaler;
        if let Some(missing) = missing {
            let because = format!("the API server does not give {missing} of autoscaler {name}");
            return Err(Obstacle::new(Reason::GARBLED, because));
        }
        let more = max.saturating_sub(*current);
        if more <= 0 {
            return Ok(());
        }
        growth.replicas = growth.replicas.saturating_add(more);
        let (kind, workload) = target.split_once(' ').unwrap_or_default();
        let place = (Arc::clone(namespace), kind.to_owned(), workload.to_owned());
        let Some(pod) = self.newest.get(&place) else {
            let because = format!(
                "autoscaler {name} may ask for {}, and no pod of {target} is there to tell what \
                 each requests",
                counted(more, "more replica")
            );
            return Err(Obstacle::new(NO_REPLICA.reason, because));
        };
        let (Some(requests), Some(limits)) = (asked(&pod.template), limited(&pod.template)) else {
            let because = format!("what pod {} requests can't be read", pod.name);
            return Err(Obstacle::new(Reason::GARBLED, because));
        };
        growth.requests = growth.requests.and(requests.times(more));
        growth.limits = growth.limits.and(limits.times(more));
        Ok(())
    }
}

impl Growth {
    /// How much of a quota's resource may be asked for; none of what pods do not ask for.
    fn of(&self, resource: &str) -> Option<Quantity> {
        Some(match resource {
            "requests.cpu" | "cpu" => self.requests.cpu,
            "requests.memory" | "memory" => self.requests.memory,
            "limits.cpu" => self.limits.cpu,
            "limits.memory" => self.limits.memory,
            "pods" | "count/pods" => self.requests.pods,
            _ => return None,
        })
    }

    fn answer(&self, quota: &Quota) -> Answer {
        let Self { replicas, blind, .. } = self;
        let (mut wanting, mut uncounted) = (Vec::new(), None);
        for limit in &quota.limits {
            let Some(more) = self.of(&limit.resource).filter(|more| *more > Quantity::ZERO) else {
                continue;
            };
            match amounts(limit) {
                Ok((hard, used)) if more > hard - used => {
                    let left = (hard - used).max(Quantity::ZERO);
                    let resource = legible(&limit.resource, 100);
                    wanting.push(format!("{more} more of {resource}, {left} of {hard} left"));
                }
                Ok(_) => {}
                Err(obstacle) => uncounted = uncounted.or(Some(obstacle)),
            }
        }
        if !wanting.is_empty() {
            let because = format!(
                "autoscalers may ask for {}, which {} {}",
                counted(*replicas, "more replica"),
                either(replicas, "requests", "request"),
                wanting.join("; ")
            );
            return Finding::fail(NO_ROOM.reason, because).into();
        }
        if let Some(obstacle) = blind.clone().or(uncounted) {
            return obstacle.into();
        }
        let because = match replicas {
            0 => "no autoscaler may ask for more replicas".to_owned(),
            1 => "autoscalers may ask for 1 more replica, which fits in".to_owned(),
            more => format!("autoscalers may ask for {more} more replicas, which fit in"),
        };
        Finding::pass(because).into()
    }
}

#[cfg(test)]
pub(super) mod fixture {
    use super::{Obstacle, Seen};

    pub(in crate::checks::resource_usage) fn blind(namespace: &str, why: Obstacle) -> Seen {
        Seen { blind: vec![(namespace.to_owned(), why)], ..Seen::default() }
    }
}
