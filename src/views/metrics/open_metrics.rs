//! OpenMetrics 1.0, written by `prometheus-client` from our families.
//!
//! The crate appends `_total` and `_info` by itself and takes a unit as a suffix: it is handed
//! names without the former and never the latter, so that no series is named differently here.

use std::borrow::Cow;
use std::fmt::Error;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder,
    NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Exposition;
use super::family::{Family, Row, Type, Value};
use crate::model::vitals::Histogram;

/// Writes everything, the end mark included.
pub(super) fn encode(exposition: Arc<Exposition>) -> Result<String, Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(exposition));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        for family in self.families() {
            write(&family, &mut encoder)?;
        }
        Ok(())
    }
}

fn write(family: &Family<'_>, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
    let (suffix, kind) = match family.kind {
        Type::Gauge => ("", MetricType::Gauge),
        Type::Counter => ("_total", MetricType::Counter),
        Type::Info => ("_info", MetricType::Info),
        Type::Histogram => ("", MetricType::Histogram),
    };
    let name = family.name.strip_suffix(suffix).unwrap_or(family.name);
    let mut metric = encoder.encode_descriptor(name, &escaped(family.help), None, kind)?;
    for row in family.rows() {
        let labels = Labels { family, row: &row };
        match (family.kind, row.value) {
            (Type::Info, _) => metric.encode_info(&labels)?,
            (Type::Counter, Value::Number(value)) => {
                ConstCounter::new(value).encode(metric.encode_family(&labels)?)?;
            }
            (Type::Gauge | Type::Histogram, Value::Number(value)) => {
                ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
            }
            (_, Value::Histogram(histogram)) => {
                write_histogram(histogram, metric.encode_family(&labels)?)?;
            }
        }
    }
    Ok(())
}

fn write_histogram(histogram: &Histogram, mut metric: MetricEncoder<'_>) -> Result<(), Error> {
    let bounds = histogram.bounds().iter().copied().chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(histogram.counts().iter().copied()).collect();
    metric.encode_histogram::<NoLabelSet>(histogram.sum(), histogram.count(), &buckets, None)
}

/// A HELP text with the escapes that OpenMetrics asks for; the crate writes it as it is.
fn escaped(help: &str) -> Cow<'_, str> {
    if help.contains(['\\', '\n', '"']) {
        Cow::Owned(help.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\""))
    } else {
        Cow::Borrowed(help)
    }
}

/// The labels of one row.
struct Labels<'r> {
    family: &'r Family<'r>,
    row: &'r Row<'r, 'r>,
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), Error> {
        let cells = self.row.cells.iter().map(AsRef::as_ref).chain(self.family.environment);
        let names = self.family.labels.iter().copied().chain(["environment"]);
        for (name, cell) in names.zip(cells) {
            (name, cell).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}
