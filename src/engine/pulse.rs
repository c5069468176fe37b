//! The engine's pulse: what it says of itself in `/metrics`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::model::reason::Reason;
use crate::model::report::CheckReport;
use crate::model::vitals::Histogram;

/// Bounds of durations of checks, in seconds: from a shared answer to the longest timeouts.
const DURATIONS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Bounds of scheduling delays, in seconds.
const DELAYS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 5.0, 10.0, 30.0, 60.0];

/// Counters and histograms of the engine.
pub(super) struct Pulse(Mutex<Beats>);

/// The values at one moment.
#[derive(Clone, Debug)]
pub struct Beats {
    /// When the pendulum last swung.
    pub last_tick: Timestamp,
    /// Swings that the engine made by itself, the pendulum being still.
    pub own_swings: u64,
    /// From due to started.
    pub schedule_delay: Histogram,
    /// How long checks took, by kind.
    pub attempt_duration: BTreeMap<&'static str, Histogram>,
    /// Checks whose own code broke, by kind.
    pub attempt_panics: BTreeMap<&'static str, u64>,
}

impl Pulse {
    pub(super) fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Beats {
            last_tick: now,
            own_swings: 0,
            schedule_delay: Histogram::new(DELAYS),
            attempt_duration: BTreeMap::new(),
            attempt_panics: BTreeMap::new(),
        }))
    }

    /// The values as they are now.
    pub(super) fn beats(&self) -> Beats {
        self.with(|beats| beats.clone())
    }

    pub(super) fn ticked(&self, now: Timestamp) {
        self.with(|beats| beats.last_tick = now);
    }

    pub(super) fn swung_by_itself(&self) {
        self.with(|beats| beats.own_swings += 1);
    }

    /// Counts the time from due to started; a clock that was set back counts as no delay.
    pub(super) fn started(&self, due: Timestamp, now: Timestamp) {
        let delay = now.duration_since(due).max(SignedDuration::ZERO).unsigned_abs();
        self.with(|beats| beats.schedule_delay.observe(delay));
    }

    pub(super) fn checked(&self, check: &CheckReport) {
        let CheckReport { kind, took, judgement } = check;
        let crashed = judgement.reason() == Some(Reason::CRASHED);
        self.with(|beats| {
            let durations = beats.attempt_duration.entry(kind);
            durations.or_insert_with(|| Histogram::new(DURATIONS)).observe(*took);
            *beats.attempt_panics.entry(kind).or_default() += u64::from(crashed);
        });
    }

    fn with<T>(&self, f: impl FnOnce(&mut Beats) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
