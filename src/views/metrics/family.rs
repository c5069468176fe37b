//! Families: what `/metrics` shows, before it is written in either of its two formats.

use std::borrow::Cow;

use crate::model::measure::MeasureType;
use crate::model::vitals::Histogram;

/// How the rows of a family behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Goes up and down.
    Gauge,
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Facts as labels, always 1; its name ends in `_info`.
    Info,
    /// Counts of durations by length.
    Histogram,
}

impl From<MeasureType> for Type {
    fn from(kind: MeasureType) -> Self {
        match kind {
            MeasureType::Gauge => Self::Gauge,
            MeasureType::Counter => Self::Counter,
        }
    }
}

/// The value of one row.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Of a gauge, a counter or an info.
    Number(f64),
    /// Of a histogram.
    Histogram(&'a Histogram),
}

/// All rows of one name. The cells lie in one vector, so that a row costs no allocation.
#[derive(Clone, Debug)]
pub struct Family<'a> {
    /// The name as Prometheus stores it, `_total` and `_info` included.
    pub name: &'static str,
    /// The HELP text, not escaped.
    pub help: &'static str,
    /// How the rows behave.
    pub kind: Type,
    /// The names of the labels that every row bears, without `environment`.
    pub labels: Vec<&'static str>,
    /// The label `environment` of every row; families of the process have none.
    pub environment: Option<&'a str>,
    cells: Vec<Cow<'a, str>>,
    values: Vec<Value<'a>>,
}

/// One row: its label values in the order of the family's labels, and its value.
#[derive(Clone, Copy, Debug)]
pub struct Row<'f, 'a> {
    /// The label values.
    pub cells: &'f [Cow<'a, str>],
    /// The value.
    pub value: Value<'a>,
}

impl<'a> Family<'a> {
    /// A family without rows.
    pub fn new(
        kind: Type,
        name: &'static str,
        help: &'static str,
        labels: impl Into<Vec<&'static str>>,
    ) -> Self {
        Self {
            name,
            help,
            kind,
            labels: labels.into(),
            environment: None,
            cells: Vec::new(),
            values: Vec::new(),
        }
    }

    /// A family of gauges without rows.
    pub fn gauge<const N: usize>(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Self {
        Self::new(Type::Gauge, name, help, labels)
    }

    /// A family of counters without rows.
    pub fn counter<const N: usize>(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Self {
        Self::new(Type::Counter, name, help, labels)
    }

    /// Adds a row with a number; one cell a label.
    pub fn row<const N: usize>(&mut self, cells: [&'a str; N], value: f64) {
        self.push(cells.into_iter().map(Cow::Borrowed), Value::Number(value));
    }

    /// Adds a row; one cell a label.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cow<'a, str>>, value: Value<'a>) {
        self.cells.extend(cells);
        self.values.push(value);
        debug_assert_eq!(self.cells.len(), self.values.len() * self.labels.len(), "{}", self.name);
    }

    /// The rows, as they were added.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_, 'a>> {
        let width = self.labels.len();
        self.values
            .iter()
            .enumerate()
            .map(move |(n, value)| Row { cells: &self.cells[n * width..][..width], value: *value })
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }
}
