//! Durations as figures.

use std::time::Duration;

/// The value below which `percent` of `sorted` lie; `sorted` ascends and is not empty.
pub(crate) fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// A duration in milliseconds, to a tenth.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
