//! What a client takes: `Accept` and `Accept-Encoding` with their weights.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

use crate::views::metrics::Format;

/// The longest header that is read; a longer one is held for absent.
const LONGEST: usize = 2_000;

/// One range of a header, such as `text/plain;version=0.0.4;q=0.5`.
struct Range<'h> {
    name: &'h str,
    version: Option<&'h str>,
    weight: f32,
}

/// The format in which to answer a scrape. Text unless OpenMetrics 1.0 is asked for by name and
/// wanted at least as much: that is what Prometheus does, and what `curl` does not.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let (mut text, mut open_metrics) = (None::<f32>, None::<f32>);
    let raise = |weight: &mut Option<f32>, by: f32| *weight = Some(weight.unwrap_or(0.0).max(by));
    for Range { name, version, weight } in ranges(headers, &ACCEPT) {
        match (name.to_ascii_lowercase().as_str(), version) {
            ("application/openmetrics-text", None | Some("1.0.0")) => {
                raise(&mut open_metrics, weight);
            }
            ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => {
                raise(&mut text, weight);
            }
            _ => {}
        }
    }
    match open_metrics {
        Some(weight) if weight > 0.0 && weight >= text.unwrap_or(0.0) => Format::OpenMetrics,
        Some(_) | None => Format::Text,
    }
}

/// Whether the body may be compressed.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut named, mut any) = (None, None);
    for Range { name, version: _, weight } in ranges(headers, &ACCEPT_ENCODING) {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => named = Some(weight),
            "*" => any = Some(weight),
            _ => {}
        }
    }
    named.or(any).is_some_and(|weight| weight > 0.0)
}

/// Whether a person's browser asks: it names HTML, programs do not.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    ranges(headers, &ACCEPT).any(|range| range.name == "text/html" && range.weight > 0.0)
}

fn ranges<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = Range<'h>> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .filter(|value| value.len() <= LONGEST)
        .flat_map(|value| value.split(','))
        .map(range)
}

fn range(text: &str) -> Range<'_> {
    let mut parts = text.split(';').map(str::trim);
    let mut range = Range { name: parts.next().unwrap_or_default(), version: None, weight: 1.0 };
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim() {
            "version" => range.version = Some(value),
            "q" | "Q" => range.weight = value.parse().unwrap_or(0.0),
            _ => {}
        }
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn with(name: &HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(value))])
    }

    #[test]
    fn the_format_is_the_one_that_is_wanted_most() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,\
            */*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,\
            text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,\
            */*;q=0.2";
        for (accept, format_wanted) in [
            (prometheus_2, Format::OpenMetrics),
            (prometheus_3, Format::OpenMetrics),
            ("*/*", Format::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Text),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text;version=0.0.1", Format::Text),
            ("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.5", Format::Text),
            ("application/openmetrics-text;q=0", Format::Text),
            ("application/json", Format::Text),
            ("", Format::Text),
            (";;;q=,=", Format::Text),
        ] {
            assert_eq!(format(&with(&ACCEPT, accept)), format_wanted, "{accept}");
        }
        assert_eq!(format(&HeaderMap::new()), Format::Text);
    }

    #[test]
    fn a_body_is_compressed_for_those_alone_who_take_it() {
        for (accept, taken) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(&with(&ACCEPT_ENCODING, accept)), taken, "{accept}");
        }
    }
}
