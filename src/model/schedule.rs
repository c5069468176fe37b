//! Schedules and damping: when an item is due, and how many attempts it takes to turn.

use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// When an item is due.
///
/// All questions are answered from the time alone, so that a late tick, a lost one, a clock that was
/// set or a machine that slept all end in "due now", once.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// Every so often, the first instant spread by a hash of the item's id.
    Every(Duration),
    /// At the instants of a cron expression, in a time zone.
    Cron(Box<CronSchedule>),
}

/// A cron expression in its time zone.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    /// The parsed expression.
    pub cron: Cron,
    /// The expression as written.
    pub text: String,
    /// Where its hours are meant.
    pub zone: TimeZone,
}

impl PartialEq for CronSchedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl Schedule {
    /// The schedule in words, as the page and the API show it.
    pub fn spoken(&self) -> String {
        match self {
            Self::Every(every) => format!("every {}", super::duration::spoken(*every)),
            Self::Cron(cron) => {
                format!("{} ({})", cron.text, cron.zone.iana_name().unwrap_or("UTC"))
            }
        }
    }
}

impl Schedule {
    /// The newest scheduled instant that is not after `now`.
    ///
    /// `phase`, a hash of the item's id, spreads intervals: items of the same interval are not all
    /// due in the same second. `None` where a cron expression has never matched.
    pub fn slot(&self, phase: u64, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(every) => {
                let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
                let phase = i64::try_from(phase % every.unsigned_abs()).unwrap_or(0);
                let now = now.as_millisecond();
                Timestamp::from_millisecond(now - (now - phase).rem_euclid(every)).ok()
            }
            Self::Cron(schedule) => {
                let now = now.to_zoned(schedule.zone.clone());
                let slot = schedule.cron.find_previous_occurrence(&now, true).ok()?;
                Some(slot.timestamp())
            }
        }
    }

    /// When an item whose last attempt ended at `ended` is to be held stale.
    ///
    /// Intervals: after `max(2 × every, every + timeout + 60 s)`; cron: 60 s and the timeout after
    /// the next scheduled instant. `None` where a cron expression never matches again.
    pub fn stale_after(&self, ended: Timestamp, timeout: Duration) -> Option<Timestamp> {
        match self {
            Self::Every(every) => Some(later(ended, (*every * 2).max(*every + timeout + LENIENCE))),
            Self::Cron(schedule) => {
                let ended = ended.to_zoned(schedule.zone.clone());
                let next = schedule.cron.find_next_occurrence(&ended, false).ok()?;
                Some(later(next.timestamp(), timeout + LENIENCE))
            }
        }
    }

    /// The interval, or for cron the longest time over which first attempts may be spread.
    pub fn spread(&self) -> Duration {
        match self {
            Self::Every(every) => *every,
            Self::Cron(_) => LENIENCE,
        }
    }
}

/// How late an attempt may be before the item counts as stale.
const LENIENCE: Duration = Duration::from_secs(60);

/// `at` and a while, as far as time is counted.
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// How attempts turn into standings: the parameters of the fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damping {
    /// Counted failures until the item fails.
    pub fail_after: u32,
    /// Counted good looks until a failing item recovers.
    pub recover_after: u32,
    /// Counted blind looks until the item is unknown.
    pub unknown_after: u32,
    /// Two attempts closer than this count as one; while a verdict contradicts the standing, the
    /// next attempt is due after it.
    pub confirm_every: Duration,
    /// How long an item may be pending before the last verdict decides.
    pub grace: Duration,
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn paris(text: &str) -> Schedule {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let cron = Cron::from_str(text).unwrap();
        Schedule::Cron(Box::new(CronSchedule { cron, text: text.to_owned(), zone }))
    }

    #[test]
    fn an_interval_is_spread_by_its_phase() {
        let every = Schedule::Every(Duration::from_mins(1));
        let now = at("2026-11-23T12:00:59.9Z");
        assert_eq!(every.slot(0, now), Some(at("2026-11-23T12:00:00Z")));
        assert_eq!(every.slot(61_500, now), Some(at("2026-11-23T12:00:01.5Z")));
        assert_eq!(
            every.slot(1_500, at("2026-11-23T12:00:01Z")),
            Some(at("2026-11-23T11:59:01.5Z"))
        );
    }

    #[test]
    fn a_cron_slot_is_the_instant_itself_or_the_one_before() {
        let nightly = paris("30 2 * * *");
        assert_eq!(nightly.slot(0, at("2026-11-23T01:30:00Z")), Some(at("2026-11-23T01:30:00Z")));
        assert_eq!(nightly.slot(0, at("2026-11-23T01:29:59Z")), Some(at("2026-11-22T01:30:00Z")));
    }

    #[test]
    fn daylight_saving_moves_the_instant_and_not_the_hour() {
        let nightly = paris("30 4 * * *");
        assert_eq!(nightly.slot(0, at("2026-03-29T12:00:00Z")), Some(at("2026-03-29T02:30:00Z")));
        assert_eq!(nightly.slot(0, at("2026-03-28T12:00:00Z")), Some(at("2026-03-28T03:30:00Z")));
        let skipped = paris("30 2 * * *");
        let slot = skipped.slot(0, at("2026-03-29T12:00:00Z")).unwrap();
        assert_eq!(slot, at("2026-03-29T01:00:00Z"), "the hour that is left out runs at its end");
    }

    #[test]
    fn staleness_follows_the_schedule() {
        let ended = at("2026-11-23T12:00:00Z");
        let ten = Duration::from_secs(10);
        let every = Schedule::Every(Duration::from_mins(1));
        assert_eq!(every.stale_after(ended, ten), Some(at("2026-11-23T12:02:10Z")));
        let hourly = paris("0 * * * *");
        assert_eq!(hourly.stale_after(ended, ten), Some(at("2026-11-23T13:01:10Z")));
    }
}
