//! Prometheus' text format, 0.0.4, for whoever does not ask for OpenMetrics.

use std::fmt::Write;

use super::family::{Family, Row, Type, Value};
use crate::model::vitals::Histogram;

/// What a row takes at most, usually: room is made once.
const USUAL_ROW: usize = 160;
/// The largest power of two below which every whole number is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes all families.
pub(super) fn encode(families: &[Family<'_>]) -> String {
    let rows: usize = families.iter().map(Family::len).sum();
    let mut out = String::with_capacity(rows * USUAL_ROW);
    for family in families {
        head(&mut out, family);
        for row in family.rows() {
            match row.value {
                Value::Number(value) => line(&mut out, family, "", &row, None, value),
                Value::Histogram(histogram) => buckets(&mut out, family, &row, histogram),
            }
        }
    }
    out
}

fn head(out: &mut String, family: &Family<'_>) {
    let kind = match family.kind {
        Type::Gauge | Type::Info => "gauge",
        Type::Counter => "counter",
        Type::Histogram => "histogram",
    };
    out.push_str("# HELP ");
    out.push_str(family.name);
    out.push(' ');
    escape(out, family.help, false);
    out.push_str("\n# TYPE ");
    out.push_str(family.name);
    out.push(' ');
    out.push_str(kind);
    out.push('\n');
}

fn buckets(out: &mut String, family: &Family<'_>, row: &Row<'_, '_>, histogram: &Histogram) {
    for (bound, count) in histogram.cumulative() {
        line(out, family, "_bucket", row, Some(bound), super::count(count));
    }
    line(out, family, "_sum", row, None, histogram.sum());
    line(out, family, "_count", row, None, super::count(histogram.count()));
}

fn line(
    out: &mut String,
    family: &Family<'_>,
    suffix: &str,
    row: &Row<'_, '_>,
    bound: Option<f64>,
    value: f64,
) {
    out.push_str(family.name);
    out.push_str(suffix);
    let mut next = '{';
    let cells = row.cells.iter().map(AsRef::as_ref).chain(family.environment);
    let names = family.labels.iter().copied().chain(["environment"]);
    for (name, cell) in names.zip(cells) {
        label(out, &mut next, name, cell);
    }
    if let Some(bound) = bound {
        label(out, &mut next, "le", &spelled(bound));
    }
    out.push_str(if next == ',' { "} " } else { " " });
    number(out, value);
    out.push('\n');
}

fn label(out: &mut String, next: &mut char, name: &str, value: &str) {
    out.push(std::mem::replace(next, ','));
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value, true);
    out.push('"');
}

/// A bucket's bound, spelled as OpenMetrics does (`1.0`): it is a label, and must not differ.
fn spelled(bound: f64) -> String {
    if bound.is_infinite() { "+Inf".to_owned() } else { format!("{bound:?}") }
}

fn number(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if value.abs() < EXACT {
        append(out, format_args!("{value}"));
    } else {
        append(out, format_args!("{value:e}"));
    }
}

fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    #[expect(clippy::let_underscore_must_use, reason = "a String takes whatever is written")]
    let _ = out.write_fmt(text);
}

/// Whole stretches at a time: what must be escaped is rare, and is a byte of its own in UTF-8.
fn escape(out: &mut String, text: &str, quotes: bool) {
    let special = |byte: u8| byte == b'\\' || byte == b'\n' || (quotes && byte == b'"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(special) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\n' => "\\n",
            b'"' => "\\\"",
            _ => "\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn one(value: f64) -> String {
        let mut family = Family::gauge("vigie_test", "A \"test\"\\\nof it.", ["a"]);
        family.environment = Some("e\"\\\n");
        family.row(["é"], value);
        encode(&[family])
    }

    #[test]
    fn what_has_a_meaning_in_the_format_is_escaped() {
        let text = one(1.0);
        assert!(
            text.starts_with(
                "# HELP vigie_test A \"test\"\\\\\\nof it.\n# TYPE vigie_test gauge\n"
            )
        );
        assert!(text.ends_with("vigie_test{a=\"é\",environment=\"e\\\"\\\\\\n\"} 1\n"), "{text}");
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        for (value, written) in [
            (0.0, "0"),
            (-1.5, "-1.5"),
            (1_764_000_000.123, "1764000000.123"),
            (1e300, "1e300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert!(one(value).ends_with(&format!("}} {written}\n")), "{written}");
        }
    }

    #[test]
    fn a_histogram_has_cumulative_buckets_a_sum_and_a_count() {
        let mut histogram = Histogram::new(&[0.5, 1.0]);
        histogram.observe(Duration::from_millis(250));
        histogram.observe(Duration::from_secs(2));
        let mut family = Family::new(Type::Histogram, "vigie_t_seconds", "T.", []);
        family.push([], Value::Histogram(&histogram));
        assert_eq!(
            encode(&[family]),
            "# HELP vigie_t_seconds T.\n# TYPE vigie_t_seconds histogram\n\
             vigie_t_seconds_bucket{le=\"0.5\"} 1\nvigie_t_seconds_bucket{le=\"1.0\"} 1\n\
             vigie_t_seconds_bucket{le=\"+Inf\"} 2\nvigie_t_seconds_sum 2.25\n\
             vigie_t_seconds_count 2\n"
        );
    }
}
