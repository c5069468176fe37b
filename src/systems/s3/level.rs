//! Levels: what a template says between two slashes, and how such names can be looked through.

use super::parts::{Matcher, Part, digits};
use super::stamp::{Civil, Stamp, Unit};

/// What a template says between two slashes.
#[derive(Clone, Debug)]
pub(super) struct Level {
    parts: Vec<Part>,
    matcher: Matcher,
}

/// How the names of one level can be looked through, what the levels above say being known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// There is one name.
    Fixed(String),
    /// Names sort by date; their dates are as fine as this.
    Ordered(Unit),
    /// Names do not sort by date, and all of one day share a beginning that can be computed.
    Daily,
    /// Nothing is known of their order.
    Plain,
}

impl Level {
    /// A level of these parts.
    ///
    /// # Errors
    /// It is too long.
    pub(super) fn of(parts: Vec<Part>) -> Result<Self, String> {
        Ok(Self { matcher: Matcher::of(&parts)?, parts })
    }

    /// Its parts.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Reads a name between two slashes, what the levels above said being known.
    pub(super) fn read(&self, name: &str, above: Stamp) -> Option<Stamp> {
        let stamp = self.matcher.read(name, above)?.stamp;
        (stamp.get(Unit::Year).is_none() || stamp.span().is_some()).then_some(stamp)
    }

    /// How its names can be looked through.
    pub(super) fn shape(&self, above: &Stamp) -> Shape {
        let news: Vec<Unit> = self.head_units().filter(|unit| above.get(*unit).is_none()).collect();
        if news.is_empty() {
            let star = self.parts.contains(&Part::Star);
            return if star { Shape::Plain } else { Shape::Fixed(self.written(above)) };
        }
        let in_order = Self::in_order(&news, above);
        match in_order.iter().max() {
            Some(finest) if in_order.len() == news.len() => Shape::Ordered(*finest),
            _ if self.day_ends(above).is_some() => Shape::Daily,
            Some(finest) => Shape::Ordered(*finest),
            None => Shape::Plain,
        }
    }

    /// What names begin with that bear the date `at` or, up to an order of dates, a later one.
    pub(super) fn bound(&self, at: Civil, above: &Stamp) -> String {
        let mut left = above.next();
        let mut bound = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => bound.push_str(text),
                Part::Star => break,
                Part::Date(unit) => {
                    if above.get(*unit).is_none() && *unit != Unit::Epoch {
                        if left.is_some_and(|next| next < *unit) {
                            break;
                        }
                        left = if left == Some(*unit) { unit.next() } else { left };
                    }
                    bound.push_str(&digits(*unit, unit.of(at)));
                }
            }
        }
        bound
    }

    /// What all names of the day of `at` begin with, where that can be computed.
    pub(super) fn day(&self, at: Civil, above: &Stamp) -> Option<String> {
        let end = self.day_ends(above)?;
        let written = self.parts[..end].iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Date(unit) => digits(*unit, unit.of(at)),
            Part::Star => String::new(),
        });
        Some(written.collect())
    }

    /// The parts up to which a name is the same for all of one day.
    fn day_ends(&self, above: &Stamp) -> Option<usize> {
        let mut known = *above;
        for (n, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(_) => {}
                Part::Date(unit @ (Unit::Year | Unit::Month | Unit::Day)) => {
                    let _known_twice = known.learn(*unit, 0);
                    if known.next() == Some(Unit::Hour) {
                        return Some(n + 1);
                    }
                }
                Part::Date(Unit::Hour | Unit::Minute | Unit::Second | Unit::Epoch) | Part::Star => {
                    return None;
                }
            }
        }
        None
    }

    /// The leading ones among `news` that continue the date from the coarse to the fine.
    fn in_order<'a>(news: &'a [Unit], above: &Stamp) -> &'a [Unit] {
        if news[0] == Unit::Epoch {
            return &news[..1];
        }
        let mut known = *above;
        let ordered = news.iter().take_while(|unit| {
            let fits = known.get(**unit).is_some() || known.next() == Some(**unit);
            fits && (known.get(**unit).is_some() || known.learn(**unit, 0))
        });
        &news[..ordered.count()]
    }

    /// The date codes before the first star.
    fn head_units(&self) -> impl Iterator<Item = Unit> {
        self.parts.iter().take_while(|part| **part != Part::Star).filter_map(Part::unit)
    }

    /// Whether it names a part of a date.
    pub(super) fn has_date(&self) -> bool {
        self.parts.iter().any(|part| part.unit().is_some())
    }

    fn written(&self, stamp: &Stamp) -> String {
        let written = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Date(unit) => digits(*unit, stamp.get(*unit).unwrap_or_default()),
            Part::Star => String::new(),
        });
        written.collect()
    }
}
