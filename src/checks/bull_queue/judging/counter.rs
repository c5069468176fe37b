//! Counting finished jobs from look to look.
//!
//! Where the library meters its queue, its own count is taken over. Else those are counted that the
//! queue keeps and that finished since the look before: exact, as long as something older is still
//! kept, so that nothing newer was dropped to make room, and no job ended without being kept at all.
//! Where that is not so, nothing is guessed: there is no row, and the evidence says it.

use super::super::limits::real;
use super::super::measures::{COUNTED_TO, FINISHED, METERED, OUTCOMES};
use super::super::seen::{Queue, Tally};
use super::Line;
use crate::model::measure::Sample;

/// Fewer than half a job is none: counts are whole, and kept as fractions.
const NONE: f64 = 0.5;

impl Line<'_> {
    /// The counters, as far as they are known, and what the next look needs to go on from here.
    pub(super) fn counts(&self) -> Vec<Sample> {
        let Queue { counted_from, counted_to, since, .. } = self.queue;
        let mut samples = vec![COUNTED_TO.is(counted_to.as_duration().as_secs_f64(), [self.name])];
        for (at, outcome) in OUTCOMES.into_iter().enumerate() {
            let labels = [self.name, outcome];
            if let Some(metered) = since[at].metered {
                samples.push(METERED.is(real(metered), labels));
            }
            let before = self.past.points(&FINISHED, &labels).next_back();
            let before = before.map_or(0.0, |(_, count)| count);
            match counted_from {
                None => samples.push(FINISHED.is(before, labels)),
                Some(_) => {
                    let more = self.finished_since(at);
                    samples.extend(more.map(|more| FINISHED.is(before + more, labels)));
                }
            }
        }
        samples
    }

    /// The outcomes of which it can't be told how many jobs had it since the last look.
    pub(super) fn uncounted(&self) -> Vec<&'static str> {
        let known =
            |at: usize| self.queue.counted_from.is_none() || self.finished_since(at).is_some();
        let outcomes = OUTCOMES.into_iter().enumerate();
        outcomes.filter(|(at, _)| !known(*at)).map(|(_, outcome)| outcome).collect()
    }

    /// How many jobs had one outcome since the last look.
    fn finished_since(&self, at: usize) -> Option<f64> {
        let (tally, other) = (self.queue.since[at], self.queue.since[1 - at]);
        let Tally { kept, whole, metered } = tally;
        let labels = [self.name, OUTCOMES[at]];
        let before = self.past.points(&METERED, &labels).next_back();
        if let (Some(metered), Some((_, before))) = (metered, before)
            && real(metered) >= before
        {
            return Some(real(metered) - before);
        }
        let known = match whole {
            Some(false) => false,
            // Some of this outcome are kept. That others are not shows in what left the backlog,
            // unless the other outcome's set explains it, or ids of the application's own blur it.
            Some(true) => {
                self.lost().is_none() || other.whole != Some(true) || self.queue.jobs.own_ids
            }
            None => self.left_within().is_some_and(|left| left < NONE),
        };
        known.then(|| real(kept))
    }
}
