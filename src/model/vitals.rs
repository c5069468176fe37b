//! Vitals: how Vigie itself is doing, as plain values at one moment.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The engine ticks each second; after so long without a tick it is held dead.
pub const LONGEST_TICK: SignedDuration = SignedDuration::from_secs(30);

/// What the engine, the systems and the configuration say of themselves.
#[derive(Clone, Debug)]
pub struct Vitals {
    /// When the engine's pendulum last swung.
    pub last_tick: Timestamp,
    /// Swings that the engine had to make by itself, the pendulum being still.
    pub own_swings: u64,
    /// From due to started, in seconds.
    pub schedule_delay: Histogram,
    /// How long checks took, by kind, in seconds.
    pub attempt_duration: BTreeMap<&'static str, Histogram>,
    /// Checks whose own code broke, by kind.
    pub attempt_panics: BTreeMap<&'static str, u64>,
    /// Requests to the API server, by verb, resource and status code.
    pub kubernetes_requests: BTreeMap<[String; 3], u64>,
    /// Requests to object stores, by operation and status code.
    pub s3_requests: BTreeMap<[String; 2], u64>,
    /// How far a system's clock is ahead of ours, in seconds.
    pub clock_skew: BTreeMap<String, f64>,
    /// The configuration in use.
    pub config: ConfigVitals,
    /// What outlives a restart.
    pub journal: JournalVitals,
    /// The process, where the platform tells.
    pub process: Option<ProcessVitals>,
}

impl Vitals {
    /// Whether the engine has not ticked for so long that nothing is being looked at. A tick that
    /// lies as far ahead (the clock was set back) is as little a sign of life.
    pub fn engine_is_late(&self, now: Timestamp) -> bool {
        now.duration_since(self.last_tick).abs() > LONGEST_TICK
    }
}

/// The configuration in use, and whether the newest one could be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigVitals {
    /// Whether the last attempt to load it succeeded.
    pub successful: bool,
    /// When one last did.
    pub last_success: Timestamp,
    /// A digest of the files in use.
    pub checksum: String,
    /// What is wrong with the files that were refused; shown on the page.
    pub refused: Option<String>,
}

/// What keeps records over a restart, and whether it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum JournalVitals {
    /// There is no data folder: nothing outlives a restart.
    #[default]
    None,
    /// The data folder can't be had yet, so this daemon knows nothing and shows nothing.
    Waiting {
        /// Why: as a rule, who has it.
        because: String,
    },
    /// It was opened, or could not be.
    Kept(JournalHealth),
}

/// How the journal is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalHealth {
    /// Whether the last thing that was to be recorded was.
    pub up: bool,
    /// Writes that did not succeed since the daemon started.
    pub write_errors: u64,
    /// Why it is not up, in a sentence.
    pub trouble: Option<String>,
    /// The names of damaged files that were moved aside and are still there.
    pub set_aside: Vec<String>,
    /// How large the file is, its log included, in bytes; none before it was written.
    pub bytes: Option<u64>,
}

/// The daemon's process, in the terms of Prometheus' client libraries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessVitals {
    /// CPU time spent.
    pub cpu_seconds: f64,
    /// Resident memory.
    pub resident_bytes: u64,
    /// Virtual memory.
    pub virtual_bytes: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// The most that may be open.
    pub max_fds: u64,
    /// When the process began, Unix seconds.
    pub start_time: f64,
    /// Its threads.
    pub threads: u64,
}

/// A histogram with fixed bounds, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// An empty histogram; `bounds` ascend, the last bucket is without bound.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// Counts one duration.
    pub fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        self.counts[bucket] += 1;
        self.sum += seconds;
    }

    /// The buckets as they are exposed: upper bound (the last is infinite) and cumulative count.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().scan(0, |total, count| {
            *total += count;
            Some(*total)
        }))
    }

    /// The counts of the single buckets, the unbounded one last.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The upper bounds, the infinite one left out.
    pub fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// The sum of all durations.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_at_most_its_bound() {
        let mut histogram = Histogram::new(&[0.1, 1.0]);
        for millis in [100, 101, 5_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        assert_eq!(
            histogram.cumulative().collect::<Vec<_>>(),
            [(0.1, 1), (1.0, 2), (f64::INFINITY, 3)]
        );
        assert_eq!(histogram.count(), 3);
    }
}
