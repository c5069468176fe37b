//! Templates of keys: where in a key its date is, so that the newest can be found without a list
//! of all.
//!
//! `%Y-%m-%d/dump-%H%M%S.sql.gz`: the format that the backup job gives to date(1), and `*` for what
//! differs in other ways. Every date code has a fixed width, so that keys sort as their dates do.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::level::Level;
use super::parts::{Matcher, Part, Read, digits, parts, whole_date};
use super::stamp::{Stamp, Unit};

/// The most bytes of a template; S3 allows 1024 in a key.
const LONGEST: usize = 1024;

/// A template of keys, below the prefix of a check.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    levels: Vec<Level>,
    whole: Matcher,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > LONGEST {
            return Err(format!("a template of keys has 1 to {LONGEST} bytes"));
        }
        let levels = text.split('/').map(parts).collect::<Result<Vec<_>, _>>()?;
        whole_date(&levels)?;
        let mut all = Vec::new();
        for (n, level) in levels.iter().enumerate() {
            if n > 0 {
                all.push(Part::Text("/".to_owned()));
            }
            all.extend(level.iter().cloned());
        }
        let whole = Matcher::of(&all)?;
        let levels = levels.into_iter().map(Level::of).collect::<Result<_, String>>()?;
        Ok(Self { text: text.to_owned(), levels, whole })
    }

    /// The template as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text that all keys begin with, up to the first date or star.
    pub(super) fn beginning(&self) -> &str {
        let end = self.text.find(['%', '*']).unwrap_or(self.text.len());
        &self.text[..end]
    }

    /// What stands between the slashes.
    pub(super) fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Reads what follows the prefix in a key; none where it is another kind of key.
    pub(super) fn read(&self, name: &str) -> Option<Read> {
        let read = self.whole.read(name, Stamp::default())?;
        let dated = self.levels.iter().any(Level::has_date);
        (!dated || read.stamp.span().is_some()).then_some(read)
    }

    /// Whether the template names a date at all.
    pub fn has_date(&self) -> bool {
        self.levels.iter().any(Level::has_date)
    }

    /// How many stars it has.
    pub fn stars(&self) -> usize {
        self.levels.iter().flat_map(Level::parts).filter(|p| **p == Part::Star).count()
    }

    /// The date codes that it has.
    pub(super) fn units(&self) -> Vec<Unit> {
        let parts = self.levels.iter().flat_map(Level::parts);
        parts.filter_map(Part::unit).collect()
    }

    /// Whether everything that `self` needs to be filled in is read by `keys`.
    pub fn is_filled_by(&self, keys: &Self) -> bool {
        let known = keys.units();
        self.stars() <= keys.stars() && self.units().iter().all(|unit| known.contains(unit))
    }

    /// The name with the date and the stars of another key filled in.
    pub(super) fn fill(&self, read: &Read) -> String {
        let mut stars = read.stars.iter();
        let levels = self.levels.iter().map(|level| {
            let mut name = String::new();
            for part in level.parts() {
                match part {
                    Part::Text(text) => name.push_str(text),
                    Part::Date(unit) => {
                        name.push_str(&digits(*unit, read.stamp.get(*unit).unwrap_or_default()));
                    }
                    Part::Star => name.push_str(stars.next().map_or("", String::as_str)),
                }
            }
            name
        });
        levels.collect::<Vec<_>>().join("/")
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "KeyTemplate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A template of keys: text, date codes as in date(1), `*` for anything but `/`.",
            "examples": ["%Y-%m-%d/dump-%H%M%S.sql.gz", "%F/*.tar"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::level::Shape;
    use super::super::stamp::{Civil, Unit};
    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text).unwrap()
    }

    fn shapes(text: &str) -> Vec<Shape> {
        let mut above = Stamp::default();
        let template = template(text);
        let shape = template.levels().iter().map(|level| {
            let shape = level.shape(&above);
            for unit in level.parts().iter().filter_map(Part::unit) {
                let _known_twice = above.learn(unit, 1);
            }
            shape
        });
        shape.collect()
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let dump = template("%Y-%m-%d/dump-%H%M%S-*.sql.gz");
        let read = dump.read("2026-03-01/dump-021500-full \"<b>\n.sql.gz").unwrap();
        assert_eq!(read.stamp.get(Unit::Minute), Some(15));
        assert_eq!(read.stars, ["full \"<b>\n"]);
        for other in [
            "2026-03-01/dump-021500-full.sql.gz.sha256",
            "2026-03-01/dump-0215-full.sql.gz",
            "2026-13-01/dump-021500-full.sql.gz",
            "2026-02-30/dump-021500-full.sql.gz",
            "x2026-03-01/dump-021500-full.sql.gz",
            "2026-03-01/dump-021500-a/b.sql.gz",
        ] {
            assert_eq!(dump.read(other), None, "{other}");
        }
    }

    #[test]
    fn a_date_that_is_written_twice_must_agree() {
        let twice = template("%F/dump-%Y%m%d.gz");
        assert!(twice.read("2026-03-01/dump-20260301.gz").is_some());
        assert!(twice.read("2026-03-01/dump-20260302.gz").is_none());
    }

    #[test]
    fn levels_are_looked_through_by_what_they_say() {
        use Shape::{Daily, Fixed, Ordered, Plain};
        let data = || Fixed("data.tar".to_owned());
        for (text, expected) in [
            (
                "%Y/%m/%d/*.gz",
                vec![Ordered(Unit::Year), Ordered(Unit::Month), Ordered(Unit::Day), Plain],
            ),
            ("%Y%m%dT%H%M%S/data.tar", vec![Ordered(Unit::Second), data()]),
            (
                "*/base/%Y%m%dT%H%M%S/data.tar",
                vec![Plain, Fixed("base".to_owned()), Ordered(Unit::Second), data()],
            ),
            ("dump-%d-%m-%Y.gz", vec![Daily]),
            ("%d-%m-%Y_%H%M/data.tar", vec![Daily, data()]),
            ("%H%M_%d-%m-%Y.gz", vec![Plain]),
            ("dump-*-%F.gz", vec![Plain]),
            ("%s.dump", vec![Ordered(Unit::Epoch)]),
            ("%F/dump-%Y%m%d.gz", vec![Ordered(Unit::Day), Fixed("dump-00010101.gz".to_owned())]),
        ] {
            assert_eq!(shapes(text), expected, "{text}");
        }
    }

    #[test]
    fn bounds_are_what_names_of_a_time_begin_with() {
        let at = Civil(1_772_331_300); // 2026-03-01T02:15:00
        let above = Stamp::default();
        for (text, bound) in [
            ("dump-%Y%m%dT%H%M%S.gz", "dump-20260301T021500.gz"),
            ("%F-*-%H.gz", "2026-03-01-"),
            ("%Y-%d-%m", "2026-"),
            ("%s", "1772331300"),
        ] {
            assert_eq!(template(text).levels()[0].bound(at, &above), bound, "{text}");
        }
        let day = template("dump-%d-%m-%Y_%H%M").levels()[0].day(at, &above);
        assert_eq!(day.as_deref(), Some("dump-01-03-2026"));
    }

    #[test]
    fn siblings_are_filled_in_from_a_key() {
        let keys = template("%F/dump-%H%M%S-*.gz");
        let read = keys.read("2026-03-01/dump-021500-a.gz").unwrap();
        let sibling = template("%F/sums-*-100%%.sha256");
        assert_eq!(sibling.fill(&read), "2026-03-01/sums-a-100%.sha256");
        assert!(sibling.is_filled_by(&keys));
        assert!(!template("%F/*-*").is_filled_by(&keys));
        assert!(!keys.is_filled_by(&template("%F/*")));
    }

    #[test]
    fn a_template_that_says_nothing_is_refused() {
        for (text, why) in [
            ("", "1 to 1024"),
            ("%d.gz", "larger parts"),
            ("%Y-%H.gz", "larger parts"),
            ("%s-%Y.gz", "whole date"),
            ("%q.gz", "`%q` is not a date code"),
            ("x%", "`%` is not a date code"),
        ] {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_text_that_all_keys_begin_with_ends_at_the_first_date_or_star() {
        assert_eq!(template("base/dump-%F").beginning(), "base/dump-");
        assert_eq!(template("*/x").beginning(), "");
    }
}
