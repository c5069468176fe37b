//! Stamps: the date that a key bears, as far as its layout says it.
//!
//! A search compares dates as the keys write them, so that daylight saving never reorders keys;
//! only the end result is placed in a time zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A part of a date, in the order in which keys sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    /// `%Y`
    Year,
    /// `%m`
    Month,
    /// `%d`
    Day,
    /// `%H`
    Hour,
    /// `%M`
    Minute,
    /// `%S`
    Second,
    /// `%s`: seconds since 1970, a whole date by itself.
    Epoch,
}

impl Unit {
    /// How many digits it is written with.
    pub(super) const fn width(self) -> usize {
        match self {
            Self::Year => 4,
            Self::Month | Self::Day | Self::Hour | Self::Minute | Self::Second => 2,
            Self::Epoch => 10,
        }
    }

    /// No shorter than one of it, in seconds.
    pub(super) const fn longest(self) -> i64 {
        match self {
            Self::Year => 366 * 86_400,
            Self::Month => 31 * 86_400,
            Self::Day => 86_400,
            Self::Hour => 3_600,
            Self::Minute => 60,
            Self::Second | Self::Epoch => 1,
        }
    }

    /// The first second of the one that `at` lies in.
    pub(super) fn floor(self, at: Civil) -> Civil {
        let date = at.datetime();
        let first = |month, day| {
            let date = jiff::civil::Date::new(date.year(), month, day).ok()?;
            Civil::written(date.to_datetime(jiff::civil::Time::midnight()))
        };
        match self {
            Self::Year => first(1, 1).unwrap_or(at),
            Self::Month => first(date.month(), 1).unwrap_or(at),
            Self::Day | Self::Hour | Self::Minute | Self::Second | Self::Epoch => {
                Civil(at.0 - at.0.rem_euclid(self.longest()))
            }
        }
    }

    /// The unit that must follow in a date, if any.
    pub(super) const fn next(self) -> Option<Self> {
        match self {
            Self::Year => Some(Self::Month),
            Self::Month => Some(Self::Day),
            Self::Day => Some(Self::Hour),
            Self::Hour => Some(Self::Minute),
            Self::Minute => Some(Self::Second),
            Self::Second | Self::Epoch => None,
        }
    }

    /// Its value at `at`.
    pub(super) fn of(self, at: Civil) -> i64 {
        let date = at.datetime();
        match self {
            Self::Year => date.year().into(),
            Self::Month => date.month().into(),
            Self::Day => date.day().into(),
            Self::Hour => date.hour().into(),
            Self::Minute => date.minute().into(),
            Self::Second => date.second().into(),
            Self::Epoch => at.0,
        }
    }
}

/// A date and time as written, in seconds as if it were UTC: for comparing and halving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Civil(pub(super) i64);

impl Civil {
    /// No backup is older.
    pub(super) const FIRST: Self = Self(946_684_800);

    /// What a clock in `zone` shows at `at`.
    pub(super) fn of(at: Timestamp, zone: &TimeZone) -> Self {
        Self::written(zone.to_datetime(at)).unwrap_or(Self(at.as_second()))
    }

    fn written(date: DateTime) -> Option<Self> {
        TimeZone::UTC.to_timestamp(date).ok().map(|at| Self(at.as_second()))
    }

    fn datetime(self) -> DateTime {
        TimeZone::UTC.to_datetime(Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    fn timestamp(self, zone: &TimeZone) -> Timestamp {
        zone.to_timestamp(self.datetime()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The parts of a date that are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp([Option<i64>; 7]);

impl Stamp {
    /// The value of a part.
    pub(super) fn get(&self, unit: Unit) -> Option<i64> {
        self.0[unit as usize]
    }

    /// Learns a part; false where it contradicts what is known.
    #[must_use]
    pub(super) fn learn(&mut self, unit: Unit, value: i64) -> bool {
        let known = self.0[unit as usize].get_or_insert(value);
        *known == value
    }

    /// The coarsest part that is not known yet, where the parts are to be read in order.
    pub(super) fn next(&self) -> Option<Unit> {
        let mut unit = Unit::Year;
        while self.get(unit).is_some() {
            unit = unit.next()?;
        }
        Some(unit)
    }

    /// The first and the last second that it may mean; none where no year is known, or where it is
    /// no date (a 31 February).
    pub(super) fn span(&self) -> Option<(Civil, Civil)> {
        if let Some(epoch) = self.get(Unit::Epoch) {
            return Some((Civil(epoch), Civil(epoch)));
        }
        let year = i16::try_from(self.get(Unit::Year)?).ok()?;
        let part =
            |unit, without: i8| i8::try_from(self.get(unit).unwrap_or_else(|| without.into())).ok();
        let at = |month, day, hour, minute, second| {
            let month = part(Unit::Month, month)?;
            let first = jiff::civil::Date::new(year, month, 1).ok()?;
            let day = part(Unit::Day, if day == 1 { 1 } else { first.days_in_month() })?;
            DateTime::new(
                year,
                month,
                day,
                part(Unit::Hour, hour)?,
                part(Unit::Minute, minute)?,
                part(Unit::Second, second)?,
                0,
            )
            .ok()
            .and_then(Civil::written)
        };
        Some((at(1, 1, 0, 0, 0)?, at(12, 31, 23, 59, 59)?))
    }

    /// The span in time, its hours meant in `zone`.
    pub(super) fn placed(&self, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = self.span()?;
        match self.get(Unit::Epoch) {
            Some(epoch) => Timestamp::from_second(epoch).ok().map(|at| (at, at)),
            None => Some((first.timestamp(zone), last.timestamp(zone))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(parts: &[(Unit, i64)]) -> Stamp {
        let mut stamp = Stamp::default();
        for (unit, value) in parts {
            assert!(stamp.learn(*unit, *value));
        }
        stamp
    }

    #[test]
    fn a_date_without_hours_spans_its_day_in_its_zone() {
        let day = stamp(&[(Unit::Year, 2026), (Unit::Month, 3), (Unit::Day, 29)]);
        let (first, last) = day.placed(&TimeZone::get("Europe/Paris").unwrap()).unwrap();
        assert_eq!(first.to_string(), "2026-03-28T23:00:00Z");
        assert_eq!(last.to_string(), "2026-03-29T21:59:59Z", "the clocks went forward");
    }

    #[test]
    fn a_month_ends_on_its_last_day() {
        let month = stamp(&[(Unit::Year, 2024), (Unit::Month, 2)]);
        let (_, last) = month.placed(&TimeZone::UTC).unwrap();
        assert_eq!(last.to_string(), "2024-02-29T23:59:59Z");
    }

    #[test]
    fn what_is_no_date_has_no_span() {
        assert!(stamp(&[(Unit::Year, 2026), (Unit::Month, 13)]).span().is_none());
        let thirtieth = [(Unit::Year, 2026), (Unit::Month, 2), (Unit::Day, 30)];
        assert!(stamp(&thirtieth).span().is_none());
        assert!(stamp(&[(Unit::Month, 2)]).span().is_none());
    }

    #[test]
    fn a_part_that_comes_twice_must_agree() {
        let mut day = stamp(&[(Unit::Year, 2026)]);
        assert!(day.learn(Unit::Year, 2026));
        assert!(!day.learn(Unit::Year, 2025));
    }
}
