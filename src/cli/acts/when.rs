//! A time as people write it on a command line: a date, a timestamp, or a period from now.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::duration::Period;

/// A time, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// `2026-12-01T08:00:00Z`
    At(Timestamp),
    /// `2026-12-01`, in the time zone of this machine.
    On(Date),
    /// `7d`, from now.
    In(Duration),
}

/// Which end of a day a date means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// Its first moment.
    Start,
    /// The moment it is over: who says "until Friday" means Friday as well.
    End,
}

/// Reads a time that is over.
///
/// # Errors
/// It is no timestamp; a sentence.
pub(super) fn past(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is no timestamp; write when it was, as `2026-12-01T08:00:00Z`")
    })
}

impl When {
    /// Reads what was written.
    ///
    /// # Errors
    /// It is none of the three; a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        // A date that is followed by anything is a timestamp that lacks its offset.
        if text.len() == "2026-12-01".len()
            && let Ok(date) = text.parse()
        {
            return Ok(Self::On(date));
        }
        Period::parse(text).map(|period| Self::In(period.get())).map_err(|because| {
            format!(
                "{because}. A time is a period from now (`7d`), a date (`2026-12-01`) or a timestamp \
                 (`2026-12-01T08:00:00Z`)"
            )
        })
    }

    /// The time that is meant, said at `now`.
    ///
    /// # Errors
    /// No calendar goes so far; a sentence.
    pub(super) fn resolve(self, edge: Edge, now: Timestamp) -> Result<Timestamp, String> {
        let told = |error: jiff::Error| format!("this time can't be worked out: {error}");
        match self {
            Self::At(at) => Ok(at),
            Self::In(period) => now.checked_add(period).map_err(told),
            Self::On(date) => {
                let date = match edge {
                    Edge::Start => date,
                    Edge::End => date.tomorrow().map_err(told)?,
                };
                Ok(date.to_zoned(TimeZone::system()).map_err(told)?.timestamp())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn dates_timestamps_and_periods_are_times() {
        let now = at("2026-11-23T10:00:00Z");
        for (text, wanted) in [
            ("7d", at("2026-11-30T10:00:00Z")),
            ("1h 30m", at("2026-11-23T11:30:00Z")),
            ("2026-12-01T08:00:00Z", at("2026-12-01T08:00:00Z")),
            ("2026-12-01T08:00:00+01:00", at("2026-12-01T07:00:00Z")),
        ] {
            assert_eq!(When::parse(text).unwrap().resolve(Edge::End, now), Ok(wanted), "{text}");
        }
        for wrong in
            ["", "soon", "yesterday", "7", "-7d", "2026-13-01", "2026-12-01T08:00:00", "0d"]
        {
            assert!(When::parse(wrong).unwrap_err().contains("`7d`"), "{wrong}");
        }
    }

    #[test]
    fn what_is_over_is_a_timestamp() {
        assert_eq!(past("2026-11-22T10:00:00+01:00"), Ok(at("2026-11-22T09:00:00Z")));
        for wrong in ["", "yesterday", "1h", "2026-11-22", "2026-11-22T10:00:00"] {
            let told =
                format!("`{wrong}` is no timestamp; write when it was, as `2026-12-01T08:00:00Z`");
            assert_eq!(past(wrong), Err(told));
        }
    }

    #[test]
    fn a_date_is_a_whole_day_here() {
        let now = at("2026-11-23T10:00:00Z");
        let date = When::parse("2026-12-01").unwrap();
        let (start, end) = (date.resolve(Edge::Start, now), date.resolve(Edge::End, now));
        let zoned = |when: Result<Timestamp, String>| when.unwrap().to_zoned(TimeZone::system());
        assert_eq!(zoned(start).date().to_string(), "2026-12-01");
        assert_eq!(zoned(end).datetime().to_string(), "2026-12-02T00:00:00");
    }

    #[test]
    fn the_end_of_the_calendar_is_no_time() {
        let now = at("9999-12-29T00:00:00Z");
        assert!(When::parse("3650d").unwrap().resolve(Edge::End, now).is_err());
    }
}
