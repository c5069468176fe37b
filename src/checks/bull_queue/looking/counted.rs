//! What the first flight says of a queue, and the jobs that the second one is about.

use jiff::{SignedDuration, Timestamp};

use super::super::parameters::Amount;
use super::super::seen::{Finished, Jobs, Library, Queue, Sizes, Tally};
use super::answers::{Answers, due, ids, number, time};
use super::keys::Keys;
use super::repeats::{self, Repeat};
use crate::model::finding::Obstacle;
use crate::systems::redis::{Command, Reply, Verb};

/// An active job without a lock counts as stalled when it was started so long ago: Bull 4 takes a
/// job off the list a moment before it locks it.
pub(in super::super) const LOCKED_WITHIN: SignedDuration = SignedDuration::from_secs(5);

/// What the first flight said of a queue, and the jobs to ask about in the second.
pub(super) struct Counted {
    pub(super) queue: Queue,
    waiting: Vec<Vec<u8>>,
    active: Vec<Vec<u8>>,
    repeats: Vec<Repeat>,
}

impl Counted {
    pub(super) fn read(
        replies: &[Reply],
        paused: Amount,
        counting: (Option<Timestamp>, Timestamp),
        now: Timestamp,
    ) -> Result<Self, Obstacle> {
        let mut answers = Answers(replies.iter());
        let sizes = Sizes {
            waiting: answers.count()?,
            active: answers.count()?,
            delayed: answers.count()?,
            paused: answers.count()?,
            prioritized: answers.count()?,
            waiting_children: answers.count()?,
            completed: answers.count()?,
            failed: answers.count()?,
        };
        let (completed, failed) = (answers.count()?, answers.count()?);
        let ahead = answers.count()?.saturating_add(answers.count()?);
        let (counted_from, counted_to) = counting;
        let since = [tally(&mut answers, counted_from)?, tally(&mut answers, counted_from)?];
        let added = number(answers.next()?.text()?)?.and_then(|id| u64::try_from(id).ok());
        let paused_key = answers.count()? > 0;
        let streams = answers.count()?.saturating_add(answers.count()?) > 0;
        let meta = answers.next()?.list()?;
        let field = |at: usize| meta.get(at).copied().flatten();
        let is_paused = paused_key || field(0).is_some();
        let version = field(1).is_some_and(|version| version.starts_with(b"bullmq"));
        let library = if version || streams { Library::BullMq } else { Library::Bull };
        let mut waiting = Vec::new();
        for set_aside in [false, false, true, true, false, false] {
            let ends = ids(&answers.next()?.list()?)?;
            // Pausing renames the list: what is set aside waits, unless that is as it should be.
            if !set_aside || (is_paused && paused != Amount::Allowed) {
                waiting.extend(ends);
            }
        }
        // Older versions of BullMQ keep a marker at the end of the list.
        waiting.retain(|id| !id.starts_with(b"0:"));
        waiting.dedup();
        let oldest = due(&answers.next()?.list()?)?;
        let repeats = repeats::passed(&answers.next()?.list()?, library, now)?;
        let active = ids(&answers.next()?.list()?)?;
        let exists = added.is_some()
            || is_paused
            || streams
            || field(1).is_some()
            || sizes != Sizes::default();
        let jobs = Jobs { oldest, ..Jobs::default() };
        let finished = Finished { completed, failed, ahead };
        let overdue = Vec::new();
        let queue = Queue {
            library,
            exists,
            is_paused,
            sizes,
            added,
            finished,
            since,
            counted_from,
            counted_to,
            overdue,
            jobs,
        };
        Ok(Self { queue, waiting, active, repeats })
    }

    /// The second flight's questions, in the order in which [`Counted::jobs`] reads the answers.
    pub(super) fn questions(&self, keys: &Keys) -> Vec<Command> {
        let times = |id: &[u8]| {
            Command::new(Verb::Hmget, keys.key(id))
                .with("timestamp")
                .with("delay")
                .with("processedOn")
                .with("attemptsMade")
                .with("stalledCounter")
        };
        let mut questions: Vec<_> = self.waiting.iter().map(|id| times(id)).collect();
        for id in &self.active {
            questions.push(times(id));
            questions.push(Command::new(Verb::Exists, keys.key([id, &b":lock"[..]].concat())));
            questions.push(keys.ask(Verb::Sismember, "stalled").with(id));
        }
        if !self.active.is_empty() {
            // Once more and last: a job that has finished meanwhile lost its lock by that.
            questions.push(keys.oldest_active());
        }
        questions.extend(self.repeats.iter().flat_map(|repeat| repeat.questions(keys)));
        questions
    }

    /// Reads the second flight's answers: all of this queue's are taken, even where one of them
    /// can't be read, for the next queue's follow.
    pub(super) fn answered(
        mut self,
        answers: &mut Answers<'_>,
        now: Timestamp,
    ) -> Result<Queue, Obstacle> {
        let last = usize::from(!self.active.is_empty());
        let mut of_jobs = answers.take(self.waiting.len() + 3 * self.active.len() + last);
        let of_repeats: usize = self.repeats.iter().map(Repeat::asked).sum();
        let mut of_repeats = answers.take(of_repeats);
        self.queue.jobs = self.jobs(&mut of_jobs, now)?;
        for repeat in &self.repeats {
            self.queue.overdue.extend(repeat.overdue(&mut of_repeats, now)?);
        }
        Ok(self.queue)
    }

    fn jobs(&self, mine: &mut Answers<'_>, now: Timestamp) -> Result<Jobs, Obstacle> {
        let mut jobs = self.queue.jobs.clone();
        jobs.oldest = jobs.oldest.filter(|due| *due <= now);
        for _ in &self.waiting {
            let Times { added, delay, started, tried: _ } = Times::read(mine.next()?)?;
            // Neither: the job was taken off and removed between the two flights.
            let ready = added.map(|added| added.saturating_add(delay).unwrap_or(Timestamp::MAX));
            // A job that is tried again waits at the earliest since its last try.
            let since = ready.max(started);
            jobs.oldest = [jobs.oldest, since].into_iter().flatten().min();
            jobs.latest = jobs.latest.max(added).max(started);
        }
        let mut unlocked = Vec::new();
        for id in &self.active {
            let times = Times::read(mine.next()?)?;
            let locked = mine.count()? > 0;
            let suspected = mine.count()? > 0;
            jobs.latest = jobs.latest.max(times.added).max(times.started);
            if !locked {
                unlocked.push((id, times, suspected));
            }
        }
        let still = if self.active.is_empty() { Vec::new() } else { mine.next()?.list()? };
        unlocked.retain(|(id, ..)| still.contains(&Some(id.as_slice())));
        for (id, Times { started, tried, .. }, suspected) in unlocked {
            let long_started =
                started.is_some_and(|started| now.duration_since(started) >= LOCKED_WITHIN);
            if long_started && !tried {
                jobs.stalled += 1;
            } else if long_started || suspected {
                // It may have been taken off this instant, and bear the start of its last try.
                jobs.doubtful.push((String::from_utf8_lossy(id).into_owned(), started));
            }
        }
        jobs.own_ids = self.waiting.iter().chain(&self.active).any(|id| own(id));
        Ok(jobs)
    }
}

/// What is known of one outcome since an earlier look, at `from`.
fn tally(answers: &mut Answers<'_>, from: Option<Timestamp>) -> Result<Tally, Obstacle> {
    let kept = answers.count()?;
    let oldest = answers.first_time()?;
    let metered = answers.next()?.list()?;
    let metered = number(metered.first().copied().flatten())?;
    Ok(Tally {
        kept,
        whole: oldest.map(|oldest| from.is_some_and(|from| oldest <= from)),
        metered: metered.and_then(|count| u64::try_from(count).ok()),
    })
}

/// Whether the application gave the job its id, instead of the queue's counter or scheduler.
fn own(id: &[u8]) -> bool {
    !id.iter().all(u8::is_ascii_digit) && !id.starts_with(b"repeat:")
}

/// The times that a job bears.
struct Times {
    added: Option<Timestamp>,
    delay: SignedDuration,
    started: Option<Timestamp>,
    /// Whether it was tried before, so that `started` may be about that try.
    tried: bool,
}

impl Times {
    fn read(reply: &Reply) -> Result<Self, Obstacle> {
        let fields = reply.list()?;
        let field = |at: usize| number(fields.get(at).copied().flatten());
        Ok(Self {
            added: field(0)?.map(time).transpose()?,
            delay: SignedDuration::from_millis(field(1)?.unwrap_or(0).max(0)),
            started: field(2)?.map(time).transpose()?,
            tried: field(3)?.unwrap_or(0) > 0 || field(4)?.unwrap_or(0) > 0,
        })
    }
}

#[cfg(test)]
#[path = "counted_tests.rs"]
mod tests;
