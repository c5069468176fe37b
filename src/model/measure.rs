//! Measures: the figures that checks export, declared once each with name, help and labels.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// The longest label value, in bytes.
pub const LONGEST_LABEL: usize = 128;

/// How a figure behaves over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureType {
    /// Goes up and down.
    Gauge,
    /// Only grows; its name ends in `_total`.
    Counter,
}

/// A figure that a kind of check exports; always with the labels `item` and `environment` added.
#[derive(Debug, PartialEq, Eq)]
pub struct Measure {
    /// `vigie_…`, base units, as `/metrics` shows it.
    pub name: &'static str,
    /// The HELP text.
    pub help: &'static str,
    /// Gauge or counter.
    pub kind: MeasureType,
    /// The names of its own labels, in order; `item` and `environment` are not among them.
    pub labels: &'static [&'static str],
    /// Whether `/metrics` shows it; what is only remembered is not shown.
    pub exported: bool,
    /// How long its values are kept in an item's [`super::past::Past`]; zero keeps none.
    pub remembered: Duration,
}

impl Measure {
    /// A figure that goes up and down.
    pub const fn gauge(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            help,
            kind: MeasureType::Gauge,
            labels,
            exported: true,
            remembered: Duration::ZERO,
        }
    }

    /// A figure that only grows.
    pub const fn counter(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self { kind: MeasureType::Counter, ..Self::gauge(name, help, labels) }
    }

    /// A figure that is kept for later judgements and not exported.
    pub const fn memory(
        name: &'static str,
        labels: &'static [&'static str],
        remembered: Duration,
    ) -> Self {
        Self { exported: false, remembered, ..Self::gauge(name, "", labels) }
    }

    /// Keeps the values for later judgements, too.
    pub const fn remembered(self, remembered: Duration) -> Self {
        Self { remembered, ..self }
    }

    /// A value of this measure. `labels` are values, in the order of the declared names.
    pub fn is<const N: usize>(&'static self, value: f64, labels: [&str; N]) -> Sample {
        debug_assert_eq!(N, self.labels.len(), "labels of {}", self.name);
        Sample { measure: self, labels: labels.into_iter().map(bounded).collect(), value }
    }
}

/// One value of a measure, with its label values.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What it is a value of.
    pub measure: &'static Measure,
    /// The label values, in the order of the measure's label names; at most 128 bytes each.
    pub labels: Arc<[Box<str>]>,
    /// The value, in base units.
    pub value: f64,
}

/// What a check may export, as far as its configuration tells: for refusing checks that coincide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The measure.
    pub measure: &'static Measure,
    /// Its label values; `None` where only the look can tell.
    pub labels: Vec<Option<String>>,
}

impl Series {
    /// Whether a row of each could bear the same name and labels.
    pub fn may_coincide(&self, other: &Self) -> bool {
        self.measure == other.measure
            && self.labels.iter().zip(&other.labels).all(|pair| match pair {
                (Some(ours), Some(theirs)) => ours == theirs,
                (None, _) | (_, None) => true,
            })
    }
}

/// How a measure was before the deployment, or whatever a check compares with: `measure` is its name,
/// `subject` what it was measured of, such as a queue.
pub static BASELINE: Measure = Measure::gauge(
    "vigie_baseline",
    "The level that a measure is compared with, in its unit: as a rule that before the deployment.",
    &["measure", "subject"],
);

/// A limit of a check, exported as `vigie_limit` so that panels can draw the line.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The name of the measure it limits.
    pub measure: &'static str,
    /// `warn_above`, `fail_above`, `warn_below` or `fail_below`.
    pub bound: &'static str,
    /// The limit, in the measure's unit.
    pub value: f64,
}

/// A label value of at most [`LONGEST_LABEL`] bytes, cut at a character.
pub fn bounded(value: &str) -> Box<str> {
    Box::from(cut(value))
}

/// The beginning of a text that fits into a label, cut at a character.
pub fn cut(value: &str) -> &str {
    let mut end = value.len().min(LONGEST_LABEL);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

/// A label pair, where names are known to the program.
pub type LabelPair<'a> = (&'static str, Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    static QUEUE: Measure = Measure::gauge("vigie_test", "A test.", &["queue", "state"]);

    fn series(labels: [Option<&str>; 2]) -> Series {
        Series { measure: &QUEUE, labels: labels.map(|l| l.map(str::to_owned)).to_vec() }
    }

    #[test]
    fn series_coincide_only_where_every_label_may_be_equal() {
        assert!(series([Some("a"), None]).may_coincide(&series([Some("a"), None])));
        assert!(series([None, None]).may_coincide(&series([Some("a"), None])));
        assert!(!series([Some("a"), None]).may_coincide(&series([Some("b"), None])));
    }

    #[test]
    fn label_values_are_cut_at_a_character() {
        let long = "é".repeat(100);
        assert_eq!(bounded(&long).len(), 128);
        assert_eq!(&*bounded("short"), "short");
    }
}
