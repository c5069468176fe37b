//! Quotas: how much of each hard limit is used.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ResourceUsage;
use super::parameters::Quotas;
use crate::checks::Look;
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::measure::Measure;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::quantity::Quantity;
use crate::systems::kubernetes::quota::{Quota, QuotaLimit};
use crate::systems::kubernetes::{RESOURCE_QUOTAS, Table};

pub(super) static USE: Measure = Measure::gauge(
    "vigie_quota_used_ratio",
    "Share of a ResourceQuota's hard limit that is used.",
    &["object_namespace", "object", "resource"],
);

/// The most limits that are exported.
const MOST_EXPORTED: usize = 500;

pub(super) const QUOTA_USED: Documented = Documented::warns_or_fails(
    Reason::new("QuotaNearlyUsed"),
    "More of a quota's hard limit is used than `quotas.used` allows.",
);
pub(super) const MISSING: Documented = Documented::fails(
    Reason::new("Missing"),
    "An expected ResourceQuota is not there, or there is none at all.",
);
pub(super) const NOT_COUNTED: Documented = Documented::blinds(
    Reason::new("NotCounted"),
    "The quota controller has not counted what is used of a hard limit.",
);

/// The quotas that a look saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    quotas: Vec<Arc<Quota>>,
    garbled: Vec<(String, String)>,
    garbled_more: usize,
    blind: Vec<(String, Obstacle)>,
}

impl ResourceUsage {
    pub(super) fn look_at_quotas(&self, look: &Look<'_>) -> Seen {
        let mut seen = Seen::default();
        for watch in self.namespaces.watches(&RESOURCE_QUOTAS, None) {
            let kubernetes = &look.systems.kubernetes;
            let read = kubernetes.read(look.needs, &watch, |table| seen.take(table));
            if let Err(obstacle) = read {
                seen.blind.push((watch.namespace.unwrap_or_default(), obstacle));
            }
        }
        seen
    }
}

impl Seen {
    pub(super) fn take(&mut self, table: &Table<Quota>) {
        self.quotas.extend(table.records().cloned());
        self.garbled.extend(table.garbled().map(|(place, why)| (place.into(), why.into())));
        self.garbled_more += table.garbled_more();
    }

    /// Those that are for all pods and can be read.
    pub(super) fn readable(&self) -> impl Iterator<Item = &Arc<Quota>> {
        self.quotas.iter().filter(|quota| quota.missing.is_none() && !quota.scoped)
    }
}

impl Quotas {
    pub(super) fn judge(&self, seen: &Seen, judgement: &mut Judgement) {
        for (namespace, obstacle) in &seen.blind {
            judgement.add(format!("quotas {namespace}"), obstacle.clone());
        }
        for (name, why) in &seen.garbled {
            let because = format!("the object can't be read: {why}");
            judgement.add(format!("quota {name}"), Obstacle::new(Reason::GARBLED, because));
        }
        judgement.dropped += seen.garbled_more as u64;
        self.judge_presence(seen, judgement);
        let mut exported = 0;
        for quota in &seen.quotas {
            let Quota { namespace, name, scoped: _, limits, missing } = &**quota;
            judgement.add(format!("quota {namespace}/{name}"), self.answer(limits, *missing));
            for limit in limits {
                let Ok(Some(share)) = share(limit) else { continue };
                if exported >= MOST_EXPORTED {
                    judgement.dropped += 1;
                    continue;
                }
                exported += 1;
                judgement.measure(USE.is(share, [namespace, name, &limit.resource]));
            }
        }
    }

    fn judge_presence(&self, seen: &Seen, judgement: &mut Judgement) {
        if !seen.blind.is_empty() || seen.garbled_more > 0 {
            return;
        }
        let there: BTreeSet<&str> = seen.quotas.iter().map(|quota| &*quota.name).collect();
        let garbled = |name: &str| {
            let is_it = |place: &str| place.rsplit('/').next() == Some(name) || place.is_empty();
            seen.garbled.iter().any(|(place, _)| is_it(place))
        };
        for name in &self.expect {
            if !there.contains(name.as_str()) && !garbled(name) {
                let because = "no ResourceQuota of this name is there".to_owned();
                judgement.add(format!("quota {name}"), Finding::fail(MISSING.reason, because));
            }
        }
        if self.expect.is_empty() && there.is_empty() && seen.garbled.is_empty() {
            let because = "no ResourceQuota is there, at least one wanted".to_owned();
            judgement.add("quotas", Finding::fail(MISSING.reason, because));
        }
    }

    /// The worst of a quota's limits: fail > unknown > warn > pass.
    fn answer(&self, limits: &[QuotaLimit], missing: Option<&'static str>) -> Answer {
        if let Some(missing) = missing {
            let because = format!("the API server does not give {missing}");
            return Obstacle::new(Reason::GARBLED, because).into();
        }
        let mut blind = None;
        let mut worst: Option<(f64, &QuotaLimit)> = None;
        for limit in limits {
            match share(limit) {
                Ok(Some(share)) if worst.is_none_or(|(most, _)| share > most) => {
                    worst = Some((share, limit));
                }
                Ok(_) => {}
                Err(obstacle) => blind = blind.or(Some(obstacle)),
            }
        }
        let Some((share, limit)) = worst else {
            let because = "it has no limit above zero to be used".to_owned();
            return blind.map_or_else(|| Finding::pass(because).into(), Answer::from);
        };
        let grade = self.used.grade(share, QUOTA_USED.reason);
        let (used, resource) = (limit.used.as_deref(), legible(&limit.resource, 100));
        let (used, hard) = (used.unwrap_or_default(), &limit.hard);
        let because = if share.is_finite() {
            let (percent, allowed) = (share * 100.0, self.used.allowed(grade));
            format!("{used} of {hard} {resource} are used, {percent:.0} %{allowed}")
        } else {
            format!("{used} {resource} are used, none allowed")
        };
        match (grade, blind) {
            (Grade::Fail(reason), _) => Finding::fail(reason, because).into(),
            (_, Some(obstacle)) => obstacle.into(),
            (Grade::Warn(reason), None) => Finding::warn(reason, because).into(),
            (Grade::Pass, None) => Finding::pass(because).into(),
        }
    }
}

/// What may be taken at most, and what is taken.
pub(super) fn amounts(limit: &QuotaLimit) -> Result<(Quantity, Quantity), Obstacle> {
    let QuotaLimit { resource, hard, used } = limit;
    let Some(used) = used else {
        let because = format!("nobody has counted yet how much {} is used", legible(resource, 100));
        return Err(Obstacle::new(NOT_COUNTED.reason, because));
    };
    let read =
        |text: &str| Quantity::parse(text).map_err(|why| Obstacle::new(Reason::GARBLED, why));
    Ok((read(hard)?, read(used)?))
}

/// How much of a limit is used, 1 being all of it; none where there is nothing to use.
fn share(limit: &QuotaLimit) -> Result<Option<f64>, Obstacle> {
    let (hard, used) = amounts(limit)?;
    if hard <= Quantity::ZERO {
        // Nothing is allowed. What is there all the same was there before the limit.
        return Ok((used > Quantity::ZERO).then_some(f64::INFINITY));
    }
    Ok(Some(used.as_f64() / hard.as_f64()))
}
