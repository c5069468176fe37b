//! `bull_queue`: queues of Bull 4 and BullMQ have workers, and do not back up.
//!
//! Witness: Redis, asked about queues. A silent Redis says nothing about them, so it is an obstacle;
//! what it says of itself is evidence, where something is claimed of the `store`.
//! At most three round trips a look, one of them to Sentinel, however many the queues and however
//! long: lengths are counted by Redis, and only the ends of lists are read. What this can't see: a
//! worker whose machine vanished without closing its connection counts until Redis' `tcp-keepalive`
//! notices; behind a job of higher priority an older one may wait (both ends of a list are read, not
//! its middle); a job that somebody retried by hand counts as waiting since it was added; a worker
//! whose clock is over ten seconds behind finishes jobs that are counted in part.

mod flaws;
mod judging;
pub(super) mod limits;
mod looking;
mod measures;
mod parameters;
mod reasons;
mod seen;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::measure::{BASELINE, Bound, Measure, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::Documented;
use crate::model::steps::Steps;
use limits::seconds;
use measures::{FINISHED, JOBS, OLDEST, OUTCOMES, RATE, STATES, WORKERS};
use parameters::{
    Amount, Baseline, ConnectionName, Discover, MaxStalled, OldestWaitingWithin, Prefix,
    RepeatableOverdueWithin, Store, Window, WorkersAtLeast,
};
use seen::Seen;

/// Queues of Bull 4 or BullMQ have workers, and do not back up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BullQueue {
    /// The name of a connection under `connections.redis`. Default: `default`.
    #[serde(default)]
    connection: ConnectionName,
    /// The names of the queues, at most 100. Default: none, which needs `discover` or `store`.
    #[serde(default)]
    queues: Vec<String>,
    /// Queues that are found in Redis instead of being named. Default: none is looked for.
    discover: Option<Discover>,
    /// What is claimed of the Redis itself. Default: nothing.
    store: Option<Store>,
    /// The prefix of all keys. Default: `bull`.
    #[serde(default)]
    prefix: Prefix,
    /// How many workers must be connected for each queue; 0 for none. Default: 1.
    #[serde(default)]
    workers_at_least: WorkersAtLeast,
    /// How long the oldest waiting (or overdue delayed) job may have waited. Default:
    /// `{ warn: 5m, fail: 15m }`.
    #[serde(default)]
    oldest_waiting_within: OldestWaitingWithin,
    /// How many jobs may wait, prioritized ones included. Default: any number.
    #[serde(default)]
    max_waiting: Steps<u64>,
    /// How many jobs may be active without the lock that their worker should hold. Default:
    /// `{ fail: 0 }`.
    #[serde(default)]
    max_stalled: MaxStalled,
    /// How many jobs may fail for good within `window`: the queue must keep them so long. Default:
    /// any number.
    #[serde(default)]
    max_failed: Steps<u64>,
    /// The share of the jobs finished within `window` that may have failed for good, from 0 to 1;
    /// looked at from 20 finished jobs on. Default: any share.
    #[serde(default)]
    failed_ratio: Steps<f64>,
    /// How many jobs must finish a minute, looked at only while a job has been waiting for the whole
    /// of `window`. Default: any number.
    #[serde(default)]
    finished_per_minute_at_least: Steps<f64>,
    /// How fast jobs finish, compared with how fast they did. Default: not compared.
    baseline: Option<Baseline>,
    /// How long ago a repeatable job may have been due, where no job of it is on its way. Default:
    /// `{ warn: 15m }`.
    #[serde(default)]
    repeatable_overdue_within: RepeatableOverdueWithin,
    /// The span for failures and rates, at most 1h. Default: 5m.
    #[serde(default)]
    window: Window,
    /// What a paused queue amounts to. While it is `allowed`, a paused queue's backlog is not
    /// judged; otherwise what is set aside waits. Default: `fail`.
    #[serde(default)]
    paused: Amount,
}

impl Check for BullQueue {
    type Seen = Seen;

    const REASONS: &'static [Documented] = reasons::REASONS;
    const MEASURES: &'static [&'static Measure] = measures::ALL;

    fn flaws(&self) -> Vec<String> {
        flaws::flaws(self)
    }

    fn needs(&self) -> Needs {
        Needs {
            // Permits are by connection, whatever its host is called.
            hosts: vec![format!("redis.{}", self.connection.0)],
            connections: vec![(SystemName::Redis, self.connection.0.clone())],
            deployment: self.baseline.as_ref().is_some_and(|baseline| baseline.ago.is_none()),
            ..Needs::default()
        }
    }

    fn series(&self) -> Vec<Series> {
        let mut series = Vec::new();
        let named = self.queues.iter().cloned().map(Some);
        let found = self.discover.iter().filter(|discover| !discover.matching.is_empty());
        for queue in named.chain(found.map(|_| None)) {
            series.extend(STATES.map(|state| Series {
                measure: &JOBS,
                labels: vec![queue.clone(), Some(state.to_owned())],
            }));
            series.extend(OUTCOMES.map(|outcome| Series {
                measure: &FINISHED,
                labels: vec![queue.clone(), Some(outcome.to_owned())],
            }));
            series.push(Series { measure: &RATE, labels: vec![queue.clone()] });
            if self.baseline.is_some() {
                let labels = vec![Some(RATE.name.to_owned()), queue.clone()];
                series.push(Series { measure: &BASELINE, labels });
            }
            series.push(Series { measure: &WORKERS, labels: vec![queue.clone()] });
            series.push(Series { measure: &OLDEST, labels: vec![queue] });
        }
        series
    }

    /// The limit of the oldest waiting job is its age in seconds, to be compared with `time() -`
    /// the measure.
    fn bounds(&self) -> Vec<Bound> {
        let mut bounds = self.oldest_waiting_within.0.above(OLDEST.name, seconds);
        bounds.extend(self.max_waiting.above(JOBS.name, limits::real));
        if self.workers_at_least.0 > 0 {
            let value = limits::real(self.workers_at_least.0 as u64);
            bounds.push(Bound { measure: WORKERS.name, bound: "fail_below", value });
        }
        bounds
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        looking::look(self, look).await
    }

    fn judge(&self, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
        judging::judge(self, seen, past, now)
    }
}
