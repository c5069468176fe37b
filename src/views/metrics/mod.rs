//! `/metrics`: all series, worked out at each scrape from what the board holds.
//!
//! No figure is kept here: series of vanished objects vanish, and a scrape never starts work. The
//! same families are written in two formats: Prometheus' text 0.0.4 by an encoder of our own, and
//! OpenMetrics 1.0 by that of `prometheus-client`.

mod acts;
mod daemon;
mod deployment;
mod family;
mod items;
mod journal;
mod open_metrics;
mod samples;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

pub use family::{Family, Row, Type, Value};

use crate::model::item::ItemId;
use crate::model::snapshot::Snapshot;
use crate::model::vitals::Vitals;

/// The formats of `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus' text format, 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The value of the header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What the server counts itself, as it was when the scrape came in.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// Writes by action and outcome, zero counts included.
    pub writes: BTreeMap<[&'static str; 2], u64>,
    /// Rows that earlier scrapes left out, by item.
    pub series_dropped: BTreeMap<ItemId, u64>,
}

/// Everything that one scrape shows.
#[derive(Debug)]
pub struct Exposition {
    snapshot: Arc<Snapshot>,
    vitals: Vitals,
    served: Served,
    now: Timestamp,
    coinciding: samples::Coinciding,
}

impl Exposition {
    /// What there is to show at `now`.
    pub fn new(
        snapshot: Arc<Snapshot>,
        vitals: Vitals,
        mut served: Served,
        now: Timestamp,
    ) -> Self {
        let coinciding = samples::coinciding(&snapshot);
        for (item, dropped) in coinciding.by_item(&snapshot) {
            *served.series_dropped.entry(item.clone()).or_default() += dropped;
        }
        Self { snapshot, vitals, served, now, coinciding }
    }

    /// The rows that this scrape leaves out, by item: two rows of a name can't bear the same labels.
    pub fn dropped(&self) -> BTreeMap<ItemId, u64> {
        self.coinciding.by_item(&self.snapshot).map(|(id, count)| (id.clone(), count)).collect()
    }

    /// The families that have rows, ours first, then those of the kinds by name.
    pub fn families(&self) -> Vec<Family<'_>> {
        let mut families = items::families(&self.snapshot, self.now);
        families.extend(acts::families(&self.snapshot, self.now));
        families.extend(daemon::families(&self.snapshot, &self.vitals, &self.served));
        families.extend(journal::families(&self.vitals));
        families.extend(deployment::families(&self.snapshot));
        families.extend(samples::families(&self.snapshot, &self.coinciding));
        for family in &mut families {
            family.environment = Some(&self.snapshot.environment);
        }
        families.extend(daemon::process(&self.vitals));
        families.retain(|family| !family.is_empty());
        families
    }

    /// The whole exposition in one format.
    ///
    /// # Errors
    /// `prometheus-client` refused a family: a defect of Vigie.
    pub fn render(self: Arc<Self>, format: Format) -> Result<String, std::fmt::Error> {
        match format {
            Format::Text => Ok(text::encode(&self.families())),
            Format::OpenMetrics => open_metrics::encode(self),
        }
    }
}

/// Unix seconds, to the millisecond.
#[expect(clippy::cast_precision_loss, reason = "exact until the year 287396")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// A count as a value: exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn count(count: u64) -> f64 {
    count as f64
}

/// A condition as a value: 1 is good.
fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
