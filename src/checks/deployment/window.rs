//! Windows: days of the week and hours of the day in which a rollout may begin.

use std::borrow::Cow;
use std::fmt;

use jiff::Zoned;
use jiff::civil::{Time, Weekday};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// `Mon-Thu 08:00-18:00`: each of these days, from the first minute on, until before the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    text: String,
    days: Vec<Weekday>,
    from: Time,
    /// None is midnight.
    until: Option<Time>,
}

impl Window {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            format!("`{text}` is not a window; write `Mon-Thu 08:00-18:00` or `Sat 22:00-24:00`")
        };
        let (days, hours) = text.split_once(' ').ok_or_else(expected)?;
        let (from, until) = hours.split_once('-').ok_or_else(expected)?;
        let from = hour(from).ok_or_else(expected)?;
        let until = match until {
            "24:00" => None,
            until => Some(hour(until).ok_or_else(expected)?),
        };
        if until.is_some_and(|until| until <= from) {
            return Err(format!("`{text}`: a window ends after it begins, on the same day"));
        }
        let days = days_of(days).ok_or_else(expected)?;
        Ok(Self { text: text.to_owned(), days, from, until })
    }

    /// Whether a moment lies within.
    pub(super) fn holds(&self, at: &Zoned) -> bool {
        let time = at.time();
        self.days.contains(&at.weekday())
            && time >= self.from
            && self.until.is_none_or(|until| time < until)
    }
}

/// `08:00`
fn hour(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let is_digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(hour) || !is_digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// `Sat`, or `Mon-Thu`, which may go over the end of the week.
fn days_of(text: &str) -> Option<Vec<Weekday>> {
    let place = |day: &str| DAYS.iter().position(|(name, _)| *name == day);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (place(first)?, place(last)?);
    let length = (last + DAYS.len() - first) % DAYS.len() + 1;
    Some(DAYS.iter().cycle().skip(first).take(length).map(|(_, day)| *day).collect())
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Window {
    fn schema_name() -> Cow<'static, str> {
        "Window".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))? [0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$"
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn holds(window: &str, at: &str) -> bool {
        let at: jiff::civil::DateTime = at.parse().unwrap();
        Window::parse(window).unwrap().holds(&at.to_zoned(TimeZone::UTC).unwrap())
    }

    #[test]
    fn a_window_holds_its_days_from_the_first_minute_to_before_the_last() {
        // 2026-11-23 is a Monday.
        let week = "Mon-Thu 08:00-18:00";
        for (at, wanted) in [
            ("2026-11-23T08:00", true),
            ("2026-11-23T07:59:59", false),
            ("2026-11-26T17:59:59", true),
            ("2026-11-26T18:00", false),
            ("2026-11-27T12:00", false),
        ] {
            assert_eq!(holds(week, at), wanted, "{at}");
        }
        assert!(holds("Sat 22:00-24:00", "2026-11-28T23:59:59"));
        assert!(holds("Fri-Mon 00:00-24:00", "2026-11-29T03:00"), "over the week's end");
        assert!(!holds("Fri-Mon 00:00-24:00", "2026-11-25T03:00"));
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for wrong in [
            "",
            "Mon",
            "Mon 8:00-18:00",
            "Mon 08:00",
            "mon 08:00-18:00",
            "Mon-Xyz 08:00-18:00",
            "Mon 08:00-08:00",
            "Mon 18:00-08:00",
            "Mon 08:00-25:00",
            "Mon 24:00-24:00",
            "Mon +1:00-02:00",
        ] {
            assert!(Window::parse(wrong).is_err(), "{wrong}");
        }
    }
}
