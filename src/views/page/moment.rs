//! Moments: times as people read them, with the exact time behind.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::duration::spoken;

/// A time, and how far it lies from now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// RFC 3339 to the second, for machines and for the tooltip.
    pub(super) exact: String,
    /// The distance in words: `4m 12s`.
    pub(super) distance: String,
    /// Whether it lies ahead.
    pub(super) ahead: bool,
}

impl Moment {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        let apart = at.duration_since(now);
        Self {
            exact: format!("{at:.0}"),
            distance: length(apart.unsigned_abs()),
            ahead: apart.is_positive(),
        }
    }

    /// `2026-11-23 14:03:22 UTC`.
    pub(super) fn spelled(&self) -> String {
        self.exact.replace('T', " ").replace('Z', " UTC")
    }

    /// `11-23 14:03:22`, in UTC: enough to find the place in a log.
    pub(super) fn stamp(&self) -> String {
        self.exact.get(5..19).unwrap_or_default().replace('T', " ")
    }

    /// `4m 12s ago`, `in 3s`, `just now`.
    pub(super) fn ago(&self) -> String {
        match (self.distance.as_str(), self.ahead) {
            ("0s", _) => "just now".to_owned(),
            (distance, true) => format!("in {distance}"),
            (distance, false) => format!("{distance} ago"),
        }
    }
}

/// A length of time to the second: on a page, milliseconds of hours are noise.
pub(super) fn length(apart: Duration) -> String {
    spoken(Duration::from_secs(apart.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Moment {
        let now = Timestamp::from_second(1_000_000).unwrap();
        Moment::new(Timestamp::from_millisecond(1_000_000_000 + millis).unwrap(), now)
    }

    #[test]
    fn times_are_told_by_their_distance() {
        for (millis, told) in [
            (-900, "just now"),
            (-12_300, "12s ago"),
            (-3_725_000, "1h 2m ago"),
            (90_000, "in 1m 30s"),
        ] {
            assert_eq!(at(millis).ago(), told);
        }
        assert_eq!(at(0).exact, "1970-01-12T13:46:40Z");
    }
}
