//! How soon a volume will be full, if it goes on as it did.
//!
//! What is used is remembered every ten minutes for a day; the slope is that of the straight line
//! that fits best, so that a file that comes and goes is no alarm. Below six hours of memory nothing
//! is said: the night's backup would look like the end.

use std::time::Duration;

use jiff::Timestamp;

use super::parameters::Horizon;
use crate::model::duration::spoken;
use crate::model::finding::Finding;
use crate::model::measure::{Measure, Sample};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};

pub(super) static FILLED: Measure =
    Measure::memory("volume_filled_bytes", &["object_namespace", "object"], REMEMBERED);

pub(super) const VOLUME_FILLING: Documented = Documented::warns_or_fails(
    Reason::new("VolumeFilling"),
    "A volume will be full sooner than `full_within` allows, by the slope of the last day.",
);

/// How long a volume's use is remembered.
const REMEMBERED: Duration = Duration::from_hours(24);
/// How often.
const EVERY: Duration = Duration::from_mins(10);
/// The shortest memory from which a slope is read.
const LEAST_MEMORY: Duration = Duration::from_hours(6);
/// The fewest points on it.
const LEAST_POINTS: usize = 6;
/// Nothing is full in a time as long as this.
const NEVER: Duration = Duration::from_hours(365 * 24);

/// What is to be remembered of a volume now, if anything.
pub(super) fn remembered(
    namespace: &str,
    claim: &str,
    filled: f64,
    past: &Past,
    now: Timestamp,
) -> Option<Sample> {
    let labels = [namespace, claim];
    let last = past.points(&FILLED, &labels).next_back();
    let due = last.is_none_or(|(at, _)| {
        Duration::try_from(now.duration_since(at)).map_or(true, |age| age >= EVERY)
    });
    due.then(|| FILLED.is(filled, labels))
}

/// In how long a volume with `left` bytes will be full.
pub(super) enum Forecast {
    /// It is not known for long enough: so long.
    Unknown(Duration),
    /// Never, or not within a year.
    Never,
    /// In so long.
    In(Duration),
}

/// Reads the slope of what was filled.
pub(super) fn forecast(
    namespace: &str,
    claim: &str,
    filled: f64,
    left: f64,
    past: &Past,
    now: Timestamp,
) -> Forecast {
    let known = past.points(&FILLED, &[namespace, claim]).filter(|(at, _)| *at < now);
    let age = |at: Timestamp| now.duration_since(at).as_secs_f64();
    let points: Vec<(f64, f64)> =
        known.map(|(at, value)| (-age(at), value)).chain([(0.0, filled)]).collect();
    let span = points.first().map_or(0.0, |(oldest, _)| -oldest);
    if span < LEAST_MEMORY.as_secs_f64() || points.len() < LEAST_POINTS {
        return Forecast::Unknown(Duration::try_from_secs_f64(span).unwrap_or_default());
    }
    let slope = slope(&points);
    if slope <= 0.0 {
        return Forecast::Never;
    }
    match Duration::try_from_secs_f64(left / slope) {
        Ok(within) if within < NEVER => Forecast::In(within),
        Ok(_) | Err(_) => Forecast::Never,
    }
}

/// The slope of the line with the least squares, in bytes a second.
fn slope(points: &[(f64, f64)]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred points")]
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut both, mut square) = (0.0, 0.0);
    for (at, value) in points {
        both += (at - x) * (value - y);
        square += (at - x) * (at - x);
    }
    if square > 0.0 { both / square } else { 0.0 }
}

impl Horizon {
    /// What is said of a volume that will be full in a while; none where that is long enough.
    pub(super) fn judge(self, forecast: &Forecast) -> Option<Finding> {
        let Forecast::In(within) = forecast else { return None };
        let soon =
            |step: Option<crate::model::duration::Period>| step.filter(|step| *within < step.get());
        let reason = VOLUME_FILLING.reason;
        let because = |allowed: crate::model::duration::Period| {
            format!("will be full in {} if it goes on as it did, {allowed} wanted", spoken(*within))
        };
        if let Some(allowed) = soon(self.fail) {
            return Some(Finding::fail(reason, because(allowed)));
        }
        soon(self.warn).map(|allowed| Finding::warn(reason, because(allowed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minutes * 60).unwrap()
    }

    /// What is forecast after looks every ten minutes for so many hours.
    fn after(hours: i64, filled: impl Fn(f64) -> f64) -> Forecast {
        let mut past = Past::default();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let filled = |minutes: i64| filled(minutes as f64 / 60.0);
        for minutes in (0..hours * 60).step_by(10) {
            let sample = remembered("d", "a", filled(minutes), &past, at(minutes));
            past.remember(sample.as_slice(), at(minutes));
        }
        let minutes = hours * 60;
        forecast("d", "a", filled(minutes), 1000.0 - filled(minutes), &past, at(minutes))
    }

    fn hours(forecast: &Forecast) -> Option<f64> {
        match forecast {
            Forecast::In(within) => Some((within.as_secs_f64() / 3600.0).round()),
            Forecast::Never | Forecast::Unknown(_) => None,
        }
    }

    #[test]
    fn a_straight_line_is_read_after_six_hours_and_not_before() {
        assert!(matches!(after(5, |hour| 500.0 + 10.0 * hour), Forecast::Unknown(_)));
        assert_eq!(hours(&after(10, |hour| 500.0 + 10.0 * hour)), Some(40.0));
        assert_eq!(hours(&after(30, |hour| 500.0 + 10.0 * hour)), Some(20.0));
    }

    #[test]
    fn what_shrinks_or_stands_or_comes_and_goes_is_no_alarm() {
        for filled in [(|_| 500.0) as fn(f64) -> f64, |hour| 500.0 - hour] {
            assert!(matches!(after(12, filled), Forecast::Never));
        }
        let saw = after(24, |hour| 500.0 + 100.0 * hour.fract());
        assert!(hours(&saw).is_none_or(|hours| hours > 100.0));
    }

    #[test]
    fn points_are_kept_every_ten_minutes_however_often_it_is_looked() {
        let mut past = Past::default();
        for minute in 0..60 {
            let sample = remembered("d", "a", 1.0, &past, at(minute));
            past.remember(sample.as_slice(), at(minute));
        }
        assert_eq!(past.points(&FILLED, &["d", "a"]).count(), 6);
    }
}
