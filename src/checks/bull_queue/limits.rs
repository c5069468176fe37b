//! The spans that rates are worked out over, and figures of counts and periods.

use std::time::Duration;

use crate::model::duration::Period;

/// The longest `window`.
pub(in crate::checks) const LONGEST_WINDOW: Period = Period::from_secs(3_600);
/// How long counts are remembered: long enough for an item that is looked at every two hours.
pub(in crate::checks) const MEMORY: Duration = Duration::from_hours(3);

/// How long is remembered what is found once in a walk.
pub(super) const A_DAY: Duration = Duration::from_hours(24);

/// How long rates are remembered: what was before a deployment, until the day after it.
pub(super) const LONGER_THAN_A_DAY: Duration = Duration::from_hours(30);

/// A period in seconds.
pub(in crate::checks) fn seconds(period: Period) -> f64 {
    period.get().as_secs_f64()
}

/// A count as a figure; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "no queue holds 2^53 jobs")]
pub(in crate::checks) fn real(count: u64) -> f64 {
    count as f64
}
