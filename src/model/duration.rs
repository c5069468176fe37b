//! Durations as people write them: `90s`, `5m`, `21d`, `1h 30m`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A positive length of time in the configuration, at most ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

/// Nothing in a checklist is asked to last longer; it keeps every sum of times in range.
const LONGEST: Duration = Duration::from_hours(10 * 366 * 24);

impl Period {
    /// A period known to the program.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Its length.
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Reads `90s`, `5m`, `21d`, `1h 30m`.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}` is not a duration; write `90s`, `5m`, `21d`, `1h 30m`");
        let duration = humantime::parse_duration(text).map_err(|_| expected())?;
        if duration.is_zero() {
            return Err(format!("`{text}`: a duration here must be longer than nothing"));
        }
        if duration > LONGEST {
            return Err(format!("`{text}`: a duration here is at most ten years"));
        }
        Ok(Self(duration))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spoken(self.0))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration: `90s`, `5m`, `21d`, `1h 30m`.",
            "examples": ["90s", "5m", "21d", "1h 30m"],
        })
    }
}

/// A length of time for programs: seconds, as a number.
pub fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// A length of time for people: its two largest units, `3d 4h`, `350ms`.
pub fn spoken(duration: Duration) -> String {
    const UNITS: [(&str, u128); 6] = [
        ("d", 86_400_000_000),
        ("h", 3_600_000_000),
        ("m", 60_000_000),
        ("s", 1_000_000),
        ("ms", 1_000),
        ("µs", 1),
    ];
    let micros = duration.as_micros();
    let Some(first) = UNITS.iter().position(|(_, unit)| micros >= *unit) else {
        return "0s".to_owned();
    };
    let (name, unit) = UNITS[first];
    let rest = micros % unit;
    match UNITS.get(first + 1) {
        Some((next, size)) if rest / size > 0 && unit >= 1_000_000 * 60 => {
            format!("{}{name} {}{next}", micros / unit, rest / size)
        }
        Some((_, size)) if unit == 1_000_000 && rest / size >= 100 => {
            format!("{}.{}s", micros / unit, rest / size / 100)
        }
        _ => format!("{}{name}", micros / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_as_people_write_them() {
        assert_eq!(Period::parse("1h 30m").unwrap().get(), Duration::from_secs(5400));
        assert_eq!(Period::parse("21d").unwrap().get(), Duration::from_secs(21 * 86_400));
        for bad in ["", "5", "0s", "-5m", "five minutes", "99999999d"] {
            assert!(Period::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lengths_are_spoken_in_two_units() {
        for (millis, text) in [
            (0, "0s"),
            (350, "350ms"),
            (1_500, "1.5s"),
            (61_000, "1m 1s"),
            (5_400_000, "1h 30m"),
            (274_000_000, "3d 4h"),
        ] {
            assert_eq!(spoken(Duration::from_millis(millis)), text);
        }
    }
}
