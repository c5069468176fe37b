//! For how long an answer may be kept. Pure.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::{Period, spoken};
use crate::model::finding::Finding;
use crate::model::measure::Bound;
use crate::model::reason::Reason;

pub(super) const TOO_LONG: Reason = Reason::new("TtlTooLong");
pub(super) const TOO_SHORT: Reason = Reason::new("TtlTooShort");

/// Limits for the shortest time to live of the records and of the aliases that lead to them. A
/// resolver that has kept an answer counts down: lower limits are for the servers of the zone.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ttl {
    /// Warns if it is longer.
    warn_above: Option<Period>,
    /// Fails if it is longer.
    fail_above: Option<Period>,
    /// Warns if it is shorter.
    warn_below: Option<Period>,
    /// Fails if it is shorter.
    fail_below: Option<Period>,
}

impl Ttl {
    pub(super) fn flaws(self) -> Vec<String> {
        let Self { warn_above, fail_above, warn_below, fail_below } = self;
        let mut flaws = Vec::new();
        if let (Some(warn), Some(fail)) = (warn_above, fail_above)
            && warn >= fail
        {
            flaws.push("`ttl.warn_above` must be shorter than `ttl.fail_above`".to_owned());
        }
        if let (Some(warn), Some(fail)) = (warn_below, fail_below)
            && warn <= fail
        {
            flaws.push("`ttl.warn_below` must be longer than `ttl.fail_below`".to_owned());
        }
        let least = warn_below.into_iter().chain(fail_below).max();
        let most = warn_above.into_iter().chain(fail_above).min();
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            flaws.push("nothing can be as long and as short as `ttl` wants it".to_owned());
        }
        flaws
    }

    pub(super) fn bounds(self, measure: &'static str) -> Vec<Bound> {
        let Self { warn_above, fail_above, warn_below, fail_below } = self;
        let bound = |bound, limit: Option<Period>| {
            limit.map(|limit| Bound { measure, bound, value: limit.get().as_secs_f64() })
        };
        [
            bound("warn_above", warn_above),
            bound("fail_above", fail_above),
            bound("warn_below", warn_below),
            bound("fail_below", fail_below),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What is wrong with a time to live.
    pub(super) fn wrong(self, seen: Duration) -> Option<Finding> {
        let Self { warn_above, fail_above, warn_below, fail_below } = self;
        let above = |limit: &Period| seen > limit.get();
        let below = |limit: &Period| seen < limit.get();
        let kept = if seen.is_zero() { "0s".to_owned() } else { spoken(seen) };
        let long = |limit: Period| format!("may be kept for {kept}, {limit} allowed");
        let short = |limit: Period| format!("may be kept for {kept}, {limit} wanted");
        if let Some(limit) = fail_above.filter(above) {
            Some(Finding::fail(TOO_LONG, long(limit)))
        } else if let Some(limit) = fail_below.filter(below) {
            Some(Finding::fail(TOO_SHORT, short(limit)))
        } else if let Some(limit) = warn_above.filter(above) {
            Some(Finding::warn(TOO_LONG, long(limit)))
        } else {
            let limit = warn_below.filter(below)?;
            Some(Finding::warn(TOO_SHORT, short(limit)))
        }
    }
}
