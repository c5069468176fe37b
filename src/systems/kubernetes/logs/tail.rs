//! What is known of one container's log: where reading goes on, and what the last minutes held.
//!
//! Lines are counted by their own times in spans of ten seconds, so that a look that comes late, or
//! a pod whose turn comes every other look, counts as if it had been on time.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::answer::{Answer, Cursor, Taken, take};
use super::{Heard, Level, Plan, Trouble, UNREADABLE};

/// How long a span is, in seconds.
const SPAN: i64 = 10;
/// The most stretches of time that could not be read and are remembered.
const MOST_GAPS: usize = 64;

/// The most places that are remembered of where reading went on.
const MOST_TRAIL: usize = 8;

/// Lines by level.
pub(super) type Counts = [u64; Level::ALL.len()];

/// A container's log as far as it was read.
#[derive(Debug)]
pub(super) struct Tail {
    /// Where reading goes on.
    cursor: Cursor,
    /// Where it went on before, newest last.
    trail: VecDeque<Cursor>,
    /// Restarts of the pod when it was last looked at.
    restarts: u32,
    /// Until when everything was read.
    until: Timestamp,
    /// Lines by the number of their span, oldest first.
    spans: VecDeque<(i64, Counts)>,
    /// What could not be read: from, to.
    gaps: VecDeque<(Timestamp, Timestamp)>,
    /// Whether there is a line since the container started.
    pub(super) heard: bool,
    /// When the wanted line was last written since the container started.
    pub(super) found: Option<Timestamp>,
    /// The time of the first line that was read since the container started.
    pub(super) begins: Option<Timestamp>,
    /// The time of the newest line, whatever the order.
    pub(super) newest: Option<Timestamp>,
    /// Whether the last answer was cut: there is more to read.
    pub(super) behind: bool,
    /// The turn in which it was last read.
    pub(super) turn: u64,
    /// When it was last read to the end of what a look may, without trouble.
    pub(super) asked: Option<Instant>,
    /// Since when its pod is known to have ended.
    pub(super) ended: Option<Timestamp>,
    /// What became of it, where its pod ended before the window: it is never asked for again.
    pub(super) over: Option<Over>,
}

/// What became of a log whose lines do not count any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It was read to its end.
    Read,
    /// It can't be had: the container is gone, as that of an evicted pod is.
    Lost,
}

/// What a pod says of its runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runs {
    /// How often its containers were restarted.
    pub(super) restarts: u32,
    /// When one last ended before a restart.
    pub(super) last: Option<Timestamp>,
    /// How many containers it has.
    pub(super) containers: usize,
}

impl Tail {
    /// A log that is read from `since` on.
    pub(super) fn new(since: Timestamp, runs: Runs) -> Self {
        let cursor = Cursor::from(since);
        // A run that ended after that is still to be read.
        let ended = runs.last.is_some_and(|last| last > since);
        Self {
            cursor,
            trail: VecDeque::from([cursor]),
            restarts: if ended { runs.restarts.saturating_sub(1) } else { runs.restarts },
            until: since,
            spans: VecDeque::new(),
            gaps: VecDeque::new(),
            heard: false,
            found: None,
            begins: None,
            newest: None,
            behind: false,
            turn: 0,
            asked: None,
            ended: None,
            over: None,
        }
    }

    /// The trouble that is left once it is settled whether the log is over.
    pub(super) fn concluded(&mut self, trouble: Option<Trouble>, plan: Plan) -> Option<Trouble> {
        let window = SignedDuration::try_from(plan.window).unwrap_or(SignedDuration::MAX);
        let is_past = |ended: Timestamp| plan.now.duration_since(ended) > window;
        if !self.ended.is_some_and(is_past) {
            return trouble;
        }
        match trouble {
            None if !self.behind => self.over = Some(Over::Read),
            Some(Trouble::NoLog) => self.over = Some(Over::Lost),
            Some(Trouble::Refused(refused)) if refused.obstacle.reason == UNREADABLE => {
                self.over = Some(Over::Lost);
            }
            trouble => return trouble,
        }
        (self.over == Some(Over::Lost)).then_some(Trouble::Gone)
    }

    /// Where the log of the run before is to be read from, where that is still to be done.
    pub(super) fn previous(&self, runs: Runs) -> Option<Cursor> {
        if runs.restarts <= self.restarts {
            return None;
        }
        // A pod's times have whole seconds.
        let second = SignedDuration::from_secs(1);
        let ended = runs.last.and_then(|last| last.checked_add(second).ok());
        let is_of_it = |cursor: &Cursor| ended.is_none_or(|ended| cursor.at < ended);
        if is_of_it(&self.cursor) {
            return Some(self.cursor);
        }
        // The new run was read before the pod told of it: the end of the old one is still to come.
        let last = self.trail.iter().rev().find(|cursor| is_of_it(cursor));
        Some(*last.or(self.trail.front()).unwrap_or(&self.cursor))
    }

    /// Where reading goes on.
    pub(super) const fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Leaves out what is older than `from`, where reading has fallen so far behind.
    pub(super) fn skip_to(&mut self, from: Timestamp) {
        if self.behind && self.until < from {
            self.gap(self.until, from);
            self.until = from;
            self.cursor = Cursor::from(from);
        }
    }

    /// The container runs anew. Where its new run was read before anybody told of it, reading goes
    /// on there, at `passed_by`, and what was seen since the old one ended is the new one's.
    pub(super) fn turn_over(&mut self, runs: Runs, passed_by: Option<Cursor>, now: Timestamp) {
        let more = runs.restarts.saturating_sub(self.restarts);
        if more as usize > runs.containers.max(1) {
            // The runs in between are gone, and their logs.
            self.gap(self.until, now);
        }
        self.restarts = runs.restarts;
        self.heard = false;
        let (found, begins) = (self.found.take(), self.begins.take());
        if let Some(cursor) = passed_by {
            self.cursor = cursor;
            self.found = found.filter(|at| runs.last.is_none_or(|last| *at >= last));
            self.begins = begins.filter(|at| runs.last.is_none_or(|last| *at >= last));
        }
    }

    /// Takes the new lines of an answer, asked from `last` on.
    pub(super) fn take(
        &mut self,
        answer: &Answer<'_>,
        last: Cursor,
        totals: &mut Counts,
        classify: &mut (dyn FnMut(&[u8]) -> Heard + Send),
    ) -> Taken {
        let taken = take(answer, last, |at, line| {
            let Heard { level, wanted } = classify(line);
            totals[level as usize] += 1;
            self.count(at, level);
            self.heard = true;
            if wanted {
                self.found = self.found.max(Some(at));
            }
            self.begins.get_or_insert(at);
            self.newest = self.newest.max(Some(at));
        });
        if taken.no_log {
            return taken;
        }
        if taken.lines > 0 {
            if self.trail.len() >= MOST_TRAIL {
                self.trail.pop_front();
            }
            self.trail.push_back(self.cursor);
        }
        // A clock that was set back is followed, too: lines stand in their order.
        self.cursor = taken.cursor;
        self.behind = answer.cut;
        if answer.cut && taken.lines == 0 {
            // One second holds more than the limit: its rest can't be had.
            let next = Timestamp::from_second(last.at.as_second() + 1).unwrap_or(answer.now);
            self.gap(last.at, next);
            self.cursor = Cursor::from(next);
        }
        self.until = if answer.cut { self.cursor.at } else { answer.now };
        taken
    }

    fn count(&mut self, at: Timestamp, level: Level) {
        let number = at.as_second().div_euclid(SPAN);
        let place = self.spans.partition_point(|(span, _)| *span < number);
        if self.spans.get(place).is_none_or(|(span, _)| *span != number) {
            self.spans.insert(place, (number, Counts::default()));
        }
        if let Some((_, counts)) = self.spans.get_mut(place) {
            counts[level as usize] += 1;
        }
    }

    /// A stretch of time that can't be read.
    pub(super) fn gap(&mut self, from: Timestamp, to: Timestamp) {
        if from >= to {
            return;
        }
        if self.gaps.len() >= MOST_GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back((from, to));
    }

    /// Forgets lines before `from`, and what could not be read an hour ago.
    pub(super) fn forget(&mut self, from: Timestamp, now: Timestamp) {
        let first = from.as_second().div_euclid(SPAN);
        while self.spans.front().is_some_and(|(span, _)| *span < first) {
            self.spans.pop_front();
        }
        self.gaps.retain(|(_, to)| now.duration_since(*to) < SignedDuration::from_hours(1));
    }

    /// Lines of a level within `window` before everything was read.
    pub(super) fn within(&self, window: Duration, level: Level) -> u64 {
        let window = i64::try_from(window.as_secs()).unwrap_or(i64::MAX);
        let from = self.until.as_second().saturating_sub(window).div_euclid(SPAN);
        let spans = self.spans.iter().filter(|(span, _)| *span > from);
        spans.map(|(_, counts)| counts[level as usize]).sum()
    }

    /// How much of `window` before `now` could not be read, and never will be.
    pub(super) fn unread(&self, window: Duration, now: Timestamp) -> Duration {
        let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
        let from = now.checked_sub(window).unwrap_or(Timestamp::MIN);
        let within = |(begin, end): &(Timestamp, Timestamp)| {
            end.duration_since(from.max(*begin)).max(SignedDuration::ZERO).unsigned_abs()
        };
        self.gaps.iter().map(within).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Refused;
    use super::*;
    use crate::model::finding::Obstacle;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    /// An evicted pod lingers for weeks, and what it wrote is gone.
    #[test]
    fn what_ended_before_the_window_is_asked_for_no_more() {
        let unreadable = || {
            let obstacle = Obstacle::new(UNREADABLE, "500");
            Some(Trouble::Refused(Refused { obstacle, code: Some(500), absent: false }))
        };
        let plan = |now: i64| Plan {
            window: FIVE_MINUTES,
            from_the_start: false,
            is_all: true,
            fresh_within: Duration::ZERO,
            until: Instant::now(),
            now: at(now),
        };
        let tail =
            |ended: Option<i64>| Tail { ended: ended.map(at), ..Tail::new(at(0), runs(0, None)) };
        for (ended, behind, trouble, over, gone) in [
            (None, false, unreadable(), None, false),
            (Some(300), false, unreadable(), None, false),
            (Some(0), false, unreadable(), Some(Over::Lost), true),
            (Some(0), false, Some(Trouble::NoLog), Some(Over::Lost), true),
            (Some(0), false, Some(Trouble::NoTime), None, false),
            (Some(0), false, None, Some(Over::Read), false),
            (Some(0), true, None, None, false),
        ] {
            let mut tail = Tail { behind, ..tail(ended) };
            let had = trouble.is_some();
            let left = tail.concluded(trouble, plan(301));
            assert_eq!(tail.over, over, "{ended:?} {left:?}");
            assert_eq!(matches!(left, Some(Trouble::Gone)), gone, "{ended:?} {left:?}");
            assert_eq!(left.is_some(), had, "{ended:?}");
        }
    }

    fn runs(restarts: u32, last: Option<i64>) -> Runs {
        Runs { restarts, last: last.map(at), containers: 1 }
    }

    fn read(tail: &mut Tail, body: &str, cut: bool, now: i64) -> u64 {
        let answer = Answer { body: body.as_bytes(), cut, ended: false, now: at(now) };
        let mut totals = Counts::default();
        let mut classify = |line: &[u8]| Heard {
            level: if line.starts_with(b"E") { Level::Error } else { Level::Info },
            wanted: line == b"started",
        };
        let last = tail.cursor();
        tail.take(&answer, last, &mut totals, &mut classify);
        totals.iter().sum()
    }

    fn line(second: i64, text: &str) -> String {
        format!("{:.9} {text}\n", at(second))
    }

    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    #[test]
    fn lines_count_by_their_own_time() {
        let mut tail = Tail::new(at(0), runs(0, None));
        let body = line(10, "E1") + &line(200, "E2") + &line(400, "E3") + &line(401, "i");
        assert_eq!(read(&mut tail, &body, false, 420), 4);
        assert_eq!(tail.within(FIVE_MINUTES, Level::Error), 2);
        assert_eq!(tail.within(FIVE_MINUTES, Level::Info), 1);
        tail.forget(at(300), at(420));
        assert_eq!(tail.within(Duration::from_hours(1), Level::Error), 1);
    }

    #[test]
    fn a_log_that_is_far_behind_is_taken_up_again_and_the_gap_is_known() {
        let mut tail = Tail::new(at(0), runs(0, None));
        read(&mut tail, &line(20, "a"), true, 60);
        assert!(tail.behind);
        tail.skip_to(at(0));
        assert_eq!(tail.unread(FIVE_MINUTES, at(60)), Duration::ZERO, "not so far");
        tail.skip_to(at(100));
        assert_eq!(tail.unread(FIVE_MINUTES, at(400)), Duration::ZERO, "before the window");
        assert_eq!(tail.unread(FIVE_MINUTES, at(150)), Duration::from_secs(80));
        assert_eq!(tail.cursor(), Cursor::from(at(100)));
    }

    #[test]
    fn a_second_that_is_longer_than_the_limit_is_left() {
        let mut tail = Tail::new(at(0), runs(0, None));
        assert_eq!(read(&mut tail, &line(20, "a"), true, 60), 1);
        assert_eq!(read(&mut tail, &line(20, "a"), true, 60), 0);
        assert_eq!(tail.cursor(), Cursor::from(at(21)));
        assert_eq!(tail.unread(FIVE_MINUTES, at(60)), Duration::from_secs(1));
    }

    #[test]
    fn the_run_before_is_read_once_a_restart() {
        let mut tail = Tail::new(at(0), runs(0, None));
        read(&mut tail, &line(20, "started"), false, 30);
        assert!(tail.found.is_some());
        assert_eq!(tail.previous(runs(0, None)), None);
        let restarted = runs(1, Some(40));
        assert_eq!(tail.previous(restarted), Some(tail.cursor()));
        tail.turn_over(restarted, None, at(50));
        assert!(tail.found.is_none() && !tail.heard);
        assert_eq!(tail.previous(restarted), None);
        // The new run was read before the pod told of it.
        let before = tail.cursor();
        read(&mut tail, &line(70, "b"), false, 71);
        read(&mut tail, &line(75, "c"), false, 76);
        assert_eq!(tail.previous(runs(2, Some(60))), Some(before));
        let ahead = tail.cursor();
        read(&mut tail, &line(80, "started"), false, 81);
        tail.turn_over(runs(2, Some(60)), Some(ahead), at(82));
        assert_eq!((tail.cursor(), tail.found), (ahead, Some(at(80))), "it is the new run's");
    }

    #[test]
    fn runs_that_nobody_can_read_any_more_are_a_gap() {
        let mut tail = Tail::new(at(0), runs(0, None));
        read(&mut tail, "", false, 10);
        tail.turn_over(runs(3, Some(50)), None, at(60));
        assert_eq!(tail.unread(FIVE_MINUTES, at(60)), Duration::from_secs(50));
    }

    #[test]
    fn a_run_that_ended_before_the_first_look_is_read_where_it_matters() {
        assert!(Tail::new(at(0), runs(4, Some(-10))).previous(runs(4, Some(-10))).is_none());
        assert!(Tail::new(at(0), runs(4, Some(10))).previous(runs(4, Some(10))).is_some());
    }
}
