//! The parts of a template of keys: literal text, parts of a date, stars.

use regex::Regex;

use super::stamp::{Stamp, Unit};

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It stands there as it is.
    Text(String),
    /// A part of a date, in digits of a fixed number.
    Date(Unit),
    /// Anything but a slash.
    Star,
}

/// What a name says, read by the template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// Its date.
    pub stamp: Stamp,
    /// What stands where the template has stars.
    pub stars: Vec<String>,
}

impl Part {
    /// The part of a date, if it is one.
    pub(super) fn unit(&self) -> Option<Unit> {
        match self {
            Self::Date(unit) => Some(*unit),
            Self::Text(_) | Self::Star => None,
        }
    }
}

/// Reads names by a regular expression whose groups are parts, in order.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    regex: Regex,
    groups: Vec<Option<Unit>>,
}

impl Matcher {
    /// A reader of names made of these parts.
    pub(super) fn of(parts: &[Part]) -> Result<Self, String> {
        let mut pattern = "^".to_owned();
        let mut groups = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => pattern.push_str(&regex::escape(text)),
                Part::Date(unit) => {
                    pattern.extend(["([0-9]{", &unit.width().to_string(), "})"]);
                    groups.push(Some(*unit));
                }
                Part::Star => {
                    pattern.push_str("([^/]*)");
                    groups.push(None);
                }
            }
        }
        pattern.push('$');
        let regex = Regex::new(&pattern).map_err(|_| "the template is too long".to_owned())?;
        Ok(Self { regex, groups })
    }

    /// What `name` says, beside what is known; none where it is another kind of name.
    pub(super) fn read(&self, name: &str, above: Stamp) -> Option<Read> {
        let found = self.regex.captures(name)?;
        let mut read = Read { stamp: above, stars: Vec::new() };
        for (group, text) in self.groups.iter().zip(found.iter().skip(1)) {
            let text = text?.as_str();
            match group {
                Some(unit) if !read.stamp.learn(*unit, text.parse().ok()?) => return None,
                Some(_) => {}
                None => read.stars.push(text.to_owned()),
            }
        }
        Some(read)
    }
}

/// A part of a date as it is written.
pub(super) fn digits(unit: Unit, value: i64) -> String {
    format!("{value:0width$}", width = unit.width())
}

/// The parts of what stands between two slashes.
///
/// # Errors
/// A date code that is not known.
pub(super) fn parts(level: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = level.chars();
    let mut add = |text: &mut String, more: &[Part]| {
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(text)));
        }
        parts.extend_from_slice(more);
    };
    while let Some(c) = rest.next() {
        match c {
            '*' => add(&mut text, &[Part::Star]),
            '%' => match rest.next() {
                Some('%') => text.push('%'),
                Some(code) => code_parts(code, &mut text, &mut add)?,
                None => return Err(unknown_code("")),
            },
            c => text.push(c),
        }
    }
    add(&mut text, &[]);
    Ok(parts)
}

fn code_parts(
    code: char,
    text: &mut String,
    add: &mut impl FnMut(&mut String, &[Part]),
) -> Result<(), String> {
    use Unit::{Day, Epoch, Hour, Minute, Month, Second, Year};
    let (units, between): (&[Unit], &str) = match code {
        'Y' => (&[Year], ""),
        'm' => (&[Month], ""),
        'd' => (&[Day], ""),
        'H' => (&[Hour], ""),
        'M' => (&[Minute], ""),
        'S' => (&[Second], ""),
        's' => (&[Epoch], ""),
        'F' => (&[Year, Month, Day], "-"),
        'T' => (&[Hour, Minute, Second], ":"),
        'R' => (&[Hour, Minute], ":"),
        other => return Err(unknown_code(&other.to_string())),
    };
    for (n, unit) in units.iter().enumerate() {
        if n > 0 {
            text.push_str(between);
        }
        add(text, &[Part::Date(*unit)]);
    }
    Ok(())
}

fn unknown_code(code: &str) -> String {
    format!(
        "`%{code}` is not a date code; write %Y %m %d %H %M %S %F %T %R %s, or %% for a percent"
    )
}

/// A day without its month, or hours without a day, say nothing.
///
/// # Errors
/// A sentence that says what is missing.
pub(super) fn whole_date(levels: &[Vec<Part>]) -> Result<(), String> {
    let units: Vec<Unit> = levels.iter().flatten().filter_map(Part::unit).collect();
    if units.contains(&Unit::Epoch) {
        return if units.iter().all(|unit| *unit == Unit::Epoch) {
            Ok(())
        } else {
            Err("`%s` is a whole date; leave the other date codes out".to_owned())
        };
    }
    let mut stamp = Stamp::default();
    for unit in &units {
        let _known_twice = stamp.learn(*unit, 0);
    }
    let missing = stamp.next();
    match units.iter().max() {
        Some(finest) if missing.is_some_and(|missing| missing < *finest) => {
            Err("a date needs its larger parts, too: a day its month, a month its year".to_owned())
        }
        _ => Ok(()),
    }
}
