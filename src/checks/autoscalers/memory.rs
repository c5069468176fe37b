//! What is remembered of an autoscaler: since when something is so, and how often it turned.

use std::time::Duration;

use jiff::Timestamp;

use super::{Autoscaler, DESIRED, SINCE};
use crate::model::measure::Sample;
use crate::model::past::Past;

/// How long a remembered value is good for without being repeated.
const REPEATED_AFTER: Duration = Duration::from_secs(300);
/// The same of a number of replicas: only changes count.
const REPLICAS_REPEATED_AFTER: Duration = Duration::from_hours(1);

/// It wants as many replicas as it may.
pub(super) const AT_MAXIMUM: &str = "at_maximum";
/// Its controller has not seen its newest version.
pub(super) const UNOBSERVED: &str = "unobserved";

/// Since when something is so that is so now, as far as is remembered; and what is to be remembered.
/// 0 is remembered of what ended.
pub(super) fn since(
    autoscaler: &Autoscaler,
    about: &'static str,
    is_so: bool,
    past: &Past,
    now: Timestamp,
) -> (Option<Timestamp>, Option<Sample>) {
    let labels = [&*autoscaler.namespace, &*autoscaler.name, about];
    let last = past.points(&SINCE, &labels).next_back();
    let begun = last.filter(|(_, since)| *since > 0.0);
    if !is_so {
        return (None, begun.map(|_| SINCE.is(0.0, labels)));
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds are far from 2^52")]
    let seconds = now.as_second() as f64;
    let since = begun.map_or(seconds, |(_, before)| before.min(seconds));
    let is_fresh = begun.is_some_and(|(at, _)| age(at, now) < REPEATED_AFTER);
    #[expect(clippy::cast_possible_truncation, reason = "it was an integer")]
    let at = Timestamp::from_second(since as i64).unwrap_or(now);
    (Some(at), (!is_fresh).then(|| SINCE.is(since, labels)))
}

/// How often the wanted number changed its direction within the window; and what is to be
/// remembered.
pub(super) fn reversals(
    autoscaler: &Autoscaler,
    window: Duration,
    past: &Past,
    now: Timestamp,
) -> (u32, Option<Sample>) {
    let labels = [&*autoscaler.namespace, &*autoscaler.name];
    #[expect(clippy::cast_precision_loss, reason = "far from 2^52 replicas")]
    let desired = autoscaler.desired as f64;
    let mut points: Vec<(Timestamp, f64)> = past.points(&DESIRED, &labels).collect();
    let is_new = points.last().is_none_or(|(at, before)| {
        age(*at, now) >= REPLICAS_REPEATED_AFTER || (before - desired).abs() > 0.5
    });
    if is_new {
        points.push((now, desired));
    }
    let mut turns = 0;
    let mut grew: Option<bool> = None;
    for pair in points.windows(2) {
        let [(_, before), (at, after)] = pair else { continue };
        if (after - before).abs() < 0.5 {
            continue;
        }
        let grows = after > before;
        if grew.is_some_and(|grew| grew != grows) && age(*at, now) <= window {
            turns += 1;
        }
        grew = Some(grows);
    }
    (turns, is_new.then(|| DESIRED.is(desired, labels)))
}

fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}
