//! Statistics of the database: counters that only grow, judged by what was added between looks.
//!
//! They begin anew when somebody resets them, and after a crash. Then what is there was added since,
//! so that no figure is ever negative, nor an old one counted twice. Another server, to which a
//! failover led, has counted for itself: of what it had by then, nothing was added between looks.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::cells::only;
use super::parameters::{Cache, Deadlocks};
use super::{
    BLOCKS_HIT, BLOCKS_READ, CACHE_TOO_COLD, DEADLOCKS, HIT_RATIO, NOT_TRACKED, Postgres,
    SERVER_STARTED, STATISTICS_RESET, TOO_MANY_DEADLOCKS, graded, percent, real,
};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::Measure;
use crate::model::past::Past;
use crate::model::reason::Reason;
use crate::systems::postgres::{Question, Rows};

/// One row of counters.
pub(super) fn question() -> Question {
    Question::Own(
        "SELECT /* vigie statistics */ current_setting('track_counts'), blks_hit, blks_read, \
         deadlocks, extract(epoch FROM stats_reset), \
         extract(epoch FROM pg_catalog.pg_postmaster_start_time()) FROM pg_catalog.pg_stat_database \
         WHERE datname = current_database()"
            .to_owned(),
    )
}

/// The counters, as they are.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    tracked: bool,
    hit: f64,
    read: f64,
    deadlocks: f64,
    /// When they were last reset, in seconds; 0 where they never were.
    reset: f64,
    /// When the server started, in seconds.
    started: f64,
}

impl Seen {
    pub(super) fn read(answer: &Rows) -> Result<Self, Obstacle> {
        let mut cells = only(answer)?;
        Ok(Self {
            tracked: cells.flag()?,
            hit: cells.figure()?,
            read: cells.figure()?,
            deadlocks: cells.figure()?,
            reset: cells.number()?.unwrap_or(0.0),
            started: cells.figure()?,
        })
    }

    /// What is exported of them, and remembered.
    pub(super) fn measure(&self, check: &Postgres, judgement: &mut Judgement) {
        let Self { tracked, hit, read, deadlocks, reset, started } = self;
        if *tracked {
            judgement.measure(check.is(&BLOCKS_HIT, *hit));
            judgement.measure(check.is(&BLOCKS_READ, *read));
            judgement.measure(check.is(&DEADLOCKS, *deadlocks));
            judgement.measure(check.is(&STATISTICS_RESET, *reset));
            judgement.measure(check.is(&SERVER_STARTED, *started));
        }
    }

    fn untracked(&self) -> Option<Obstacle> {
        (!self.tracked).then(|| {
            let because = "the server counts nothing here: `track_counts` is off";
            Obstacle::new(NOT_TRACKED, because)
        })
    }
}

/// What the past and the present say together.
pub(super) struct Counters<'a> {
    pub(super) check: &'a Postgres,
    pub(super) seen: &'a Seen,
    pub(super) past: &'a Past,
    pub(super) now: Timestamp,
}

/// What was added to a counter, and within which time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Added {
    count: f64,
    within: Duration,
}

/// A counter at one look.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: Timestamp,
    value: f64,
    /// When it was last reset, in seconds.
    reset: Option<f64>,
    /// When the server started, in seconds.
    started: Option<f64>,
}

impl Point {
    /// What was added between two looks.
    fn added_since(self, before: Self) -> f64 {
        // One that has run since before the look before, and is not the one seen then.
        let another = self.started.zip(before.started).is_some_and(|(is, was)| {
            #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
            let at = before.at.as_second() as f64;
            (is - was).abs() > 1.0 && is < at
        });
        if another {
            0.0
        } else if self.value < before.value || self.reset != before.reset {
            self.value
        } else {
            self.value - before.value
        }
    }
}

impl Counters<'_> {
    /// What was added to the counter that `measure` keeps, and which is now at `value`. `None`
    /// where nothing is remembered of the window.
    fn added(&self, measure: &'static Measure, value: f64, window: Period) -> Option<Added> {
        let labels = [self.check.connection.0.as_str()];
        let window = SignedDuration::try_from(window.get()).unwrap_or(SignedDuration::MAX);
        let in_time = |at: Timestamp| at < self.now && self.now.duration_since(at) <= window;
        let kept =
            |measure| -> HashMap<Timestamp, f64> { self.past.points(measure, &labels).collect() };
        let (resets, starts) = (kept(&STATISTICS_RESET), kept(&SERVER_STARTED));
        let points: Vec<_> =
            self.past.points(measure, &labels).filter(|(at, _)| in_time(*at)).collect();
        let (first, _) = points.first()?;
        let mut count = 0.0;
        let mut before: Option<Point> = None;
        let steps = points.iter().map(|(at, value)| Point {
            at: *at,
            value: *value,
            reset: resets.get(at).copied(),
            started: starts.get(at).copied(),
        });
        let (reset, started) = (Some(self.seen.reset), Some(self.seen.started));
        for point in steps.chain([Point { at: self.now, value, reset, started }]) {
            count += before.map_or(0.0, |before| point.added_since(before));
            before = Some(point);
        }
        let within = Duration::try_from(self.now.duration_since(*first)).unwrap_or_default();
        Some(Added { count, within })
    }

    /// Judges the share of blocks that were found in the cache.
    pub(super) fn judge_cache(&self, wanted: &Cache, judgement: &mut Judgement) {
        let answer: Answer = match self.seen.untracked() {
            Some(obstacle) => obstacle.into(),
            None => self.cache(wanted),
        };
        judgement.add("cache", answer);
    }

    fn cache(&self, wanted: &Cache) -> Answer {
        let window = wanted.window.0;
        let added = self.added(&BLOCKS_HIT, self.seen.hit, window);
        let read = self.added(&BLOCKS_READ, self.seen.read, window);
        let (Some(hit), Some(read)) = (added, read) else {
            return Obstacle::not_yet("how blocks are found can be told from a second look on")
                .into();
        };
        let asked = hit.count + read.count;
        let within = spoken(hit.within);
        if asked < real(wanted.from_blocks.0) || asked <= 0.0 {
            let because = format!("{asked} blocks were asked for within {within}, too few to tell");
            return Finding::pass(because).into();
        }
        let share = hit.count / asked;
        let grade = wanted.hits_at_least.0.grade_below(share, CACHE_TOO_COLD);
        let least = wanted.hits_at_least.0.step(grade);
        let least = least.map(|least| format!(", {} wanted", percent(least))).unwrap_or_default();
        let because = format!(
            "{} of the {asked} blocks asked for within {within} were in the cache{least}",
            percent(share)
        );
        graded(grade, because).measured(self.check.is(&HIT_RATIO, share)).into()
    }

    /// Judges how many deadlocks there were.
    pub(super) fn judge_deadlocks(&self, wanted: &Deadlocks, judgement: &mut Judgement) {
        let answer: Answer = match self.seen.untracked() {
            Some(obstacle) => obstacle.into(),
            None => self.deadlocks(wanted),
        };
        judgement.add("deadlocks", answer);
    }

    fn deadlocks(&self, wanted: &Deadlocks) -> Answer {
        let Some(added) = self.added(&DEADLOCKS, self.seen.deadlocks, wanted.window.0) else {
            return Obstacle::not_yet("deadlocks can be told from a second look on").into();
        };
        let limits = wanted.at_most.0;
        let beyond = |limit: Option<u64>| limit.is_some_and(|limit| added.count > real(limit));
        let reason: Reason = TOO_MANY_DEADLOCKS;
        let (within, count) = (spoken(added.within), added.count);
        let told = |limit: Option<u64>| {
            let allowed = limit.map(|limit| format!(", {limit} allowed")).unwrap_or_default();
            format!("deadlocks within {within}: {count}{allowed}")
        };
        if beyond(limits.fail) {
            Finding::fail(reason, told(limits.fail)).into()
        } else if beyond(limits.warn) {
            Finding::warn(reason, told(limits.warn)).into()
        } else {
            Finding::pass(told(limits.warn.or(limits.fail))).into()
        }
    }
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
