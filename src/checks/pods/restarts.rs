//! How often a pod's containers restarted, as far as is remembered or the pod itself tells.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::complaint::{Complaint, TOO_MANY_RESTARTS};
use super::parameters::Concern;
use super::{Pods, RESTARTS};
use crate::model::finding::Finding;
use crate::model::measure::Sample;
use crate::model::past::Past;
use crate::systems::kubernetes::pod::Pod;

/// An unchanged count is remembered so many times within the window.
const REPEATED: i32 = 12;
/// The count before the window began may be older than that by this part of the window.
const OLDER: u32 = 6;

impl Pods {
    /// More restarts than are allowed.
    pub(super) fn restarted(&self, pod: &Pod, past: &Past, now: Timestamp) -> Option<Complaint> {
        let restarts = self.restarts_within(pod, past, now);
        let limits = self.restarts;
        let (allowed, fails) = if restarts > limits.fail_above {
            (limits.fail_above, true)
        } else if restarts > limits.warn_above {
            (limits.warn_above, false)
        } else {
            return None;
        };
        let because = format!("{restarts} restarts within {}, {allowed} allowed", limits.window);
        let reason = TOO_MANY_RESTARTS.reason;
        let finding =
            if fails { Finding::fail(reason, because) } else { Finding::warn(reason, because) };
        Some(Complaint::new(Concern::Crashes, finding))
    }

    /// Restarts within the window, as far as they are remembered or the pod itself tells.
    fn restarts_within(&self, pod: &Pod, past: &Past, now: Timestamp) -> u32 {
        let window = self.restarts.window.get();
        let within = |at: Option<Timestamp>| {
            at.is_some_and(|at| {
                Duration::try_from(now.duration_since(at)).unwrap_or_default() <= window
            })
        };
        if within(pod.created) {
            return pod.restarts;
        }
        let told = u32::from(pod.restarts > 0 && within(pod.last_restart));
        let created = created(pod);
        let mut points = past.points(&RESTARTS, &[&pod.namespace, &pod.name, &created]);
        let age = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        // The count as it was when the window began: the last before it, or the first within it.
        let mut before = points.find(|(at, _)| age(*at) <= window + window / OLDER);
        for (at, count) in points {
            if age(at) >= window {
                before = Some((at, count));
            }
        }
        let counted = before.map_or(0, |(_, before)| pod.restarts.saturating_sub(rounded(before)));
        counted.max(told)
    }

    /// The count of restarts, where it is worth remembering: it changed, or the last is old.
    ///
    /// The first that is remembered of a pod is the count *before* the restart that made it worth
    /// remembering, so that this one is counted, too.
    pub(super) fn remembered(&self, pod: &Pod, past: &Past, now: Timestamp) -> Option<Sample> {
        if pod.restarts == 0 {
            return None;
        }
        let created = created(pod);
        let labels = [&*pod.namespace, &*pod.name, &*created];
        let window = SignedDuration::try_from(self.restarts.window.get()).ok()?;
        let last = past.points(&RESTARTS, &labels).next_back();
        let value = match last {
            None => {
                let told = pod.last_restart.is_some_and(|at| now.duration_since(at) <= window);
                pod.restarts - u32::from(told)
            }
            Some((at, count)) => {
                let fresh = now.duration_since(at) < window / REPEATED;
                if fresh && rounded(count) == pod.restarts {
                    return None;
                }
                pod.restarts
            }
        };
        Some(RESTARTS.is(f64::from(value), labels))
    }
}

fn created(pod: &Pod) -> String {
    pod.created.map(|at| at.to_string()).unwrap_or_default()
}

/// A remembered count as the integer that it was.
fn rounded(count: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "only counts of restarts are remembered; a cast saturates"
    )]
    let count = count as u32;
    count
}
