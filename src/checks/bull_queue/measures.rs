//! The figures: what is exported, and what is only remembered.

use super::limits;
use crate::model::measure::{BASELINE, Measure};

pub(super) static JOBS: Measure =
    Measure::gauge("vigie_queue_jobs", "Jobs of a queue, by state.", &["queue", "state"]);
pub(super) static WORKERS: Measure =
    Measure::gauge("vigie_queue_workers", "Workers that are connected for a queue.", &["queue"]);
pub(super) static OLDEST: Measure = Measure::gauge(
    "vigie_queue_oldest_waiting_timestamp_seconds",
    "Since when the oldest waiting job of a queue waits; no row while none waits.",
    &["queue"],
);
pub(super) static FINISHED: Measure = Measure::counter(
    "vigie_queue_jobs_finished_total",
    "Jobs that finished, by how; counted from one look to the next. No row while the queue keeps too \
     few finished jobs to tell.",
    &["queue", "outcome"],
)
.remembered(limits::MEMORY);
pub(super) static RATE: Measure = Measure::gauge(
    "vigie_queue_jobs_finished_per_second",
    "Jobs that finished within the check's window, a second; no row while that can't be told.",
    &["queue"],
)
.remembered(limits::LONGER_THAN_A_DAY);
/// Up to when finished jobs are counted, in seconds.
pub(super) static COUNTED_TO: Measure =
    Measure::memory("bull_queue_counted_to", &["queue"], limits::MEMORY);
/// Jobs that finished since the library began to count them itself.
pub(super) static METERED: Measure =
    Measure::memory("bull_queue_metered", &["queue", "outcome"], limits::MEMORY);
/// Queues that were found: 1 while they are there, 0 once they are gone.
pub(super) static FOUND: Measure = Measure::memory("bull_queue_found", &["queue"], limits::A_DAY);
/// Where the walk through a node's keys goes on, in two halves; and whether it has been through.
pub(super) static WALK: Measure =
    Measure::memory("bull_queue_walk", &["node", "part"], limits::A_DAY);
/// Jobs that were ever added, for rates.
pub(super) static ADDED: Measure = Measure::memory("bull_queue_added", &["queue"], limits::MEMORY);
/// When an active job without a lock was started, in seconds; 0 where it never was.
pub(super) static UNLOCKED: Measure =
    Measure::memory("bull_queue_unlocked", &["queue", "job"], limits::MEMORY);
/// Jobs that are not finished, for rates.
pub(super) static UNFINISHED: Measure =
    Measure::memory("bull_queue_unfinished", &["queue"], limits::MEMORY);

/// The states in `vigie_queue_jobs`.
pub(super) const STATES: [&str; 7] =
    ["waiting", "active", "delayed", "paused", "prioritized", "completed", "failed"];
/// The outcomes in `vigie_queue_jobs_finished_total`.
pub(super) const OUTCOMES: [&str; 2] = ["completed", "failed"];
/// All of them.
pub(super) const ALL: &[&Measure] = &[
    &JOBS,
    &WORKERS,
    &OLDEST,
    &FINISHED,
    &RATE,
    &BASELINE,
    &COUNTED_TO,
    &METERED,
    &FOUND,
    &WALK,
    &ADDED,
    &UNFINISHED,
    &UNLOCKED,
];
