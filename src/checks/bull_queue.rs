//! `bull_queue`: queues of Bull 4 and BullMQ have workers, and do not back up.
//!
//! Witness: Redis, asked about queues. A silent Redis says nothing about them, so it is an obstacle.
//! At most three round trips a look, one of them to Sentinel, however many the queues and however
//! long: lengths are counted by Redis, and only the ends of lists are read. What this can't see: a
//! worker whose machine vanished without closing its connection counts until Redis' `tcp-keepalive`
//! notices; behind a job of higher priority an older one may wait (both ends of a list are read, not
//! its middle); a job that somebody retried by hand counts as waiting since it was added.

mod judging;
pub(super) mod limits;
mod looking;
mod seen;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::{Obstacle, Verdict};
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, LONGEST_LABEL, Measure, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::redis::NO_MASTER;
use limits::{Limits, seconds};
use seen::Seen;

const NO_WORKERS: Reason = Reason::new("NoWorkers");
const TOO_FEW_WORKERS: Reason = Reason::new("TooFewWorkers");
const QUEUE_MISSING: Reason = Reason::new("QueueMissing");
const QUEUE_PAUSED: Reason = Reason::new("QueuePaused");
const JOBS_STALLED: Reason = Reason::new("JobsStalled");
const BACKLOG_TOO_OLD: Reason = Reason::new("BacklogTooOld");
const BACKLOG_TOO_LONG: Reason = Reason::new("BacklogTooLong");
const TOO_MANY_FAILED: Reason = Reason::new("TooManyFailed");
const TOO_SLOW: Reason = Reason::new("TooSlow");
const NOT_COUNTABLE: Reason = Reason::new("NotCountable");

static JOBS: Measure =
    Measure::gauge("vigie_queue_jobs", "Jobs of a queue, by state.", &["queue", "state"]);
static WORKERS: Measure =
    Measure::gauge("vigie_queue_workers", "Workers that are connected for a queue.", &["queue"]);
static OLDEST: Measure = Measure::gauge(
    "vigie_queue_oldest_waiting_timestamp_seconds",
    "Since when the oldest waiting job of a queue waits; no row while none waits.",
    &["queue"],
);
/// Jobs that were ever added, for rates.
static ADDED: Measure = Measure::memory("bull_queue_added", &["queue"], limits::MEMORY);
/// When an active job without a lock was started, in seconds; 0 where it never was.
static UNLOCKED: Measure =
    Measure::memory("bull_queue_unlocked", &["queue", "job"], limits::MEMORY);
/// Jobs that are not finished, for rates.
static UNFINISHED: Measure = Measure::memory("bull_queue_unfinished", &["queue"], limits::MEMORY);

/// The states in `vigie_queue_jobs`.
const STATES: [&str; 7] =
    ["waiting", "active", "delayed", "paused", "prioritized", "completed", "failed"];
/// The most queues of one check: what Redis answers, and what is shown, stays bounded.
const MOST_QUEUES: usize = 100;

/// Queues of Bull 4 or BullMQ have workers, and do not back up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BullQueue {
    /// The name of a connection under `connections.redis`. Default: `default`.
    #[serde(default)]
    connection: ConnectionName,
    /// The names of the queues, at least one, at most 100.
    queues: Vec<String>,
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
    max_waiting: Limits<u64>,
    /// How many jobs may be active without the lock that their worker should hold. Default:
    /// `{ fail: 0 }`.
    #[serde(default)]
    max_stalled: MaxStalled,
    /// How many jobs may fail for good within `window`: the queue must keep them so long. Default:
    /// any number.
    #[serde(default)]
    max_failed: Limits<u64>,
    /// The share of the jobs finished within `window` that may have failed for good, from 0 to 1;
    /// looked at from 20 finished jobs on. Default: any share.
    #[serde(default)]
    failed_ratio: Limits<f64>,
    /// How many jobs must finish a minute, looked at only while a job has been waiting for the whole
    /// of `window`. Default: any number.
    #[serde(default)]
    finished_per_minute_at_least: Limits<f64>,
    /// The span for failures and rates, at most 1h. Default: 5m.
    #[serde(default)]
    window: Window,
    /// What a paused queue amounts to. While it is `allowed`, a paused queue's backlog is not
    /// judged; otherwise what is set aside waits. Default: `fail`.
    #[serde(default)]
    paused: Paused,
}

/// The name of a connection, `default` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct ConnectionName(String);

/// The prefix of all keys, `bull` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Prefix(String);

/// How many workers a queue must have, 1 by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct WorkersAtLeast(usize);

/// How old a waiting job may be, 5 and 15 minutes by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct OldestWaitingWithin(Limits<Period>);

/// How many stalled jobs there may be, none by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct MaxStalled(Limits<u64>);

/// The span for rates, five minutes by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Window(Period);

/// What a paused queue amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Paused {
    /// The claim fails.
    #[default]
    Fail,
    /// The claim holds with a warning.
    Warn,
    /// It is as it should be.
    Allowed,
}

impl Default for ConnectionName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("bull".to_owned())
    }
}

impl Default for WorkersAtLeast {
    fn default() -> Self {
        Self(1)
    }
}

impl Default for OldestWaitingWithin {
    fn default() -> Self {
        Self(Limits { warn: Some(Period::from_secs(300)), fail: Some(Period::from_secs(900)) })
    }
}

impl Default for MaxStalled {
    fn default() -> Self {
        Self(Limits { warn: None, fail: Some(0) })
    }
}

impl Default for Window {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

impl Check for BullQueue {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(NO_WORKERS, "No worker is connected for the queue."),
        Documented::fails(TOO_FEW_WORKERS, "Fewer workers are connected than wanted."),
        Documented::fails(
            QUEUE_MISSING,
            "Nothing in Redis bears the queue's name and no worker waits for it: a wrong name, \
             prefix or database, or an application that never started.",
        ),
        Documented::warns_or_fails(QUEUE_PAUSED, "The queue is paused."),
        Documented::warns_or_fails(
            JOBS_STALLED,
            "Jobs are active and nobody holds their lock: their worker died or hangs.",
        ),
        Documented::warns_or_fails(BACKLOG_TOO_OLD, "A job has been waiting for too long."),
        Documented::warns_or_fails(BACKLOG_TOO_LONG, "Too many jobs wait."),
        Documented::warns_or_fails(
            TOO_MANY_FAILED,
            "Too many jobs, or too large a share of them, failed for good within the window.",
        ),
        Documented::warns_or_fails(TOO_SLOW, "Jobs wait, and too few are finished a minute."),
        Documented::blinds(
            NOT_COUNTABLE,
            "How many jobs finish, or fail, can't be told: finished ones are not kept (failed ones \
             are missed where the item is looked at within `window` again), and jobs with ids of \
             their own make the queue's counter an upper bound only.",
        ),
        Documented::blinds(
            Reason::NOT_YET,
            "How many jobs finish can be told only after a second look: finished ones are not kept.",
        ),
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "A job bears a time more than two minutes in the future.",
        ),
        Documented::blinds(NO_MASTER, "What is reached is a replica, or no master is known."),
        Documented::blinds(
            Reason::NOT_FOUND,
            "The sentinels know no master of this name, or no such connection is configured.",
        ),
        Documented::blinds(Reason::TIMED_OUT, "Redis did not answer in time."),
        Documented::blinds(Reason::REFUSED, "Redis refuses connections."),
        Documented::blinds(Reason::RESET, "Redis broke the connection off."),
        Documented::blinds(Reason::UNREACHABLE, "The network has no way to Redis."),
        Documented::blinds(Reason::NAME_NOT_FOUND, "The host's name has no address."),
        Documented::blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell the address."),
        Documented::blinds(Reason::TLS_FAILED, "TLS could not be established."),
        Documented::blinds(
            Reason::UNAUTHORIZED,
            "The credential is refused, or none is configured; a refused one is not tried again \
             until it changes, at most twice a day.",
        ),
        Documented::blinds(
            Reason::FORBIDDEN,
            "Redis does not permit a command; `CLIENT LIST` is denied where workers can't be seen.",
        ),
        Documented::blinds(
            Reason::GARBLED,
            "The answer is not Redis' protocol, or a key of the queue holds another type of value.",
        ),
        Documented::blinds(Reason::TOO_LARGE, "An answer is larger than 8 MiB."),
        Documented::blinds(Reason::SERVER_ERROR, "Redis is loading, full, or part of a cluster."),
        Documented::blinds(Reason::SECRET_MISSING, "The password or the CA file can't be read."),
    ];

    const MEASURES: &'static [&'static Measure] =
        &[&JOBS, &WORKERS, &OLDEST, &ADDED, &UNFINISHED, &UNLOCKED];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.queues.is_empty() || self.queues.len() > MOST_QUEUES {
            flaws.push(format!("`queues` must name between one and {MOST_QUEUES} queues"));
        }
        for (at, queue) in self.queues.iter().enumerate() {
            if queue.is_empty() || queue.len() > LONGEST_LABEL {
                flaws.push(format!("a queue's name has between one and {LONGEST_LABEL} bytes"));
            } else if self.queues[..at].contains(queue) {
                flaws.push(format!("the queue `{queue}` is named twice"));
            }
        }
        if self.window.0 > limits::LONGEST_WINDOW {
            flaws.push(format!("`window` is at most {}", limits::LONGEST_WINDOW));
        }
        let ratio = self.failed_ratio.given();
        if ratio.into_iter().flatten().any(|share| !(0.0..=1.0).contains(&share)) {
            flaws.push("`failed_ratio` is a share from 0 to 1".to_owned());
        }
        let rates = self.finished_per_minute_at_least.given();
        if rates.into_iter().flatten().any(|rate| !rate.is_finite() || rate <= 0.0) {
            flaws.push("`finished_per_minute_at_least` must be above 0".to_owned());
        }
        flaws.extend(self.oldest_waiting_within.0.ceiling_flaw("oldest_waiting_within"));
        flaws.extend(self.max_waiting.ceiling_flaw("max_waiting"));
        flaws.extend(self.max_stalled.0.ceiling_flaw("max_stalled"));
        flaws.extend(self.max_failed.ceiling_flaw("max_failed"));
        flaws.extend(self.failed_ratio.ceiling_flaw("failed_ratio"));
        flaws.extend(self.finished_per_minute_at_least.floor_flaw("finished_per_minute_at_least"));
        flaws
    }

    fn needs(&self) -> Needs {
        Needs {
            // Permits are by connection, whatever its host is called.
            hosts: vec![format!("redis.{}", self.connection.0)],
            connections: vec![(SystemName::Redis, self.connection.0.clone())],
            ..Needs::default()
        }
    }

    fn series(&self) -> Vec<Series> {
        let mut series = Vec::new();
        for queue in &self.queues {
            let queue = Some(queue.clone());
            series.extend(STATES.map(|state| Series {
                measure: &JOBS,
                labels: vec![queue.clone(), Some(state.to_owned())],
            }));
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

impl Paused {
    /// Whether what a pause has set aside is judged as a backlog.
    const fn judges_backlog(self) -> bool {
        !matches!(self, Self::Allowed)
    }

    const fn verdict(self) -> Verdict {
        match self {
            Self::Fail => Verdict::Fail,
            Self::Warn => Verdict::Warn,
            Self::Allowed => Verdict::Pass,
        }
    }
}
