//! Looking at queues: what is asked of Redis, and how the answers are read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::super::Look;
use super::seen::{Finished, Jobs, Library, Queue, Seen, Sizes};
use super::{BullQueue, Paused};
use crate::model::finding::Obstacle;
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::redis::{Clients, Command, Reply, Verb};

/// The most active jobs of a queue whose locks are looked for, the oldest ones.
const MOST_ACTIVE: usize = 16;
/// The longest job id that is looked up, in bytes.
const LONGEST_ID: usize = 1_024;
/// An active job without a lock counts as stalled when it was started so long ago: Bull 4 takes a
/// job off the list a moment before it locks it.
pub(super) const LOCKED_WITHIN: SignedDuration = SignedDuration::from_secs(5);

/// The questions about one queue in the first flight: as many as [`Counted::read`] reads.
const QUESTIONS: usize = 24;

/// Two flights: counts and ends of lists, then the jobs found there together with the clients.
pub(super) async fn look(check: &BullQueue, look: &Look<'_>) -> Result<Seen, Obstacle> {
    let keys: Vec<_> = check.queues.iter().map(|queue| Keys::of(check, queue)).collect();
    let span = Span::of(check, look.now);
    let mut session = look.systems.redis.open(&check.connection.0, look.until()).await?;
    let replies = session.ask(keys.iter().flat_map(|keys| keys.questions(&span)).collect()).await?;
    let counted: Vec<_> =
        replies.chunks(QUESTIONS).map(|replies| Counted::read(replies, check.paused)).collect();

    let mut flight = Vec::new();
    for (keys, counted) in keys.iter().zip(&counted) {
        if let Ok(counted) = counted {
            flight.extend(counted.questions(keys));
        }
    }
    let (jobs, clients) = match session.ask_with_clients(flight, look.fresh_within).await {
        Ok((jobs, clients)) => {
            session.close();
            (Ok(jobs), clients)
        }
        Err(obstacle) => (Err(obstacle.clone()), Err(obstacle)),
    };
    let workers = clients.map(|clients| keys.iter().map(|keys| keys.workers(&clients)).collect());
    let blind_to_jobs = jobs.as_ref().err().cloned();
    let mut jobs = Answers(jobs.as_deref().unwrap_or_default().iter());
    let queues = counted
        .into_iter()
        .map(|counted| {
            let mut counted = counted?;
            if blind_to_jobs.is_none() {
                counted.queue.jobs = counted.jobs(&mut jobs, look.now)?;
            }
            Ok(counted.queue)
        })
        .collect();
    Ok(Seen { queues, workers, blind_to_jobs })
}

/// The spans that finished jobs are counted over, as scores.
struct Span {
    from: String,
    ahead: String,
}

impl Span {
    fn of(check: &BullQueue, now: Timestamp) -> Self {
        let before = now.saturating_sub(check.window.0.get()).unwrap_or(Timestamp::MIN);
        let ahead = now.saturating_add(CLOCK_TOLERANCE).unwrap_or(Timestamp::MAX);
        Self {
            from: before.as_millisecond().to_string(),
            ahead: ahead.as_millisecond().to_string(),
        }
    }
}

/// The keys of one queue.
struct Keys {
    prefix: String,
    client: String,
}

impl Keys {
    fn of(check: &BullQueue, queue: &str) -> Self {
        let prefix = &check.prefix.0;
        Self {
            prefix: format!("{prefix}:{queue}:"),
            client: format!("{prefix}:{}", STANDARD.encode(queue)),
        }
    }

    fn key(&self, name: impl AsRef<[u8]>) -> Vec<u8> {
        [self.prefix.as_bytes(), name.as_ref()].concat()
    }

    fn ask(&self, verb: Verb, name: &str) -> Command {
        Command::new(verb, self.key(name))
    }

    /// The first flight's questions, in the order in which [`Counted::read`] reads the answers.
    fn questions(&self, span: &Span) -> [Command; QUESTIONS] {
        let range = |verb, name, from: &str, to: &str| self.ask(verb, name).with(from).with(to);
        let after = format!("({}", span.ahead);
        [
            self.ask(Verb::Llen, "wait"),
            self.ask(Verb::Llen, "active"),
            self.ask(Verb::Zcard, "delayed"),
            self.ask(Verb::Llen, "paused"),
            self.ask(Verb::Zcard, "prioritized"),
            self.ask(Verb::Zcard, "waiting-children"),
            self.ask(Verb::Zcard, "completed"),
            self.ask(Verb::Zcard, "failed"),
            range(Verb::Zcount, "completed", &span.from, &span.ahead),
            range(Verb::Zcount, "failed", &span.from, &span.ahead),
            range(Verb::Zcount, "completed", &after, "+inf"),
            range(Verb::Zcount, "failed", &after, "+inf"),
            self.ask(Verb::Get, "id"),
            self.ask(Verb::Exists, "meta-paused"),
            self.ask(Verb::Exists, "events").with(self.key("marker")),
            self.ask(Verb::Hmget, "meta").with("paused").with("version"),
            range(Verb::Lrange, "wait", "0", "0"),
            range(Verb::Lrange, "wait", "-2", "-1"),
            range(Verb::Lrange, "paused", "0", "0"),
            range(Verb::Lrange, "paused", "-2", "-1"),
            range(Verb::Zrange, "prioritized", "0", "0"),
            range(Verb::Zrange, "prioritized", "-1", "-1"),
            range(Verb::Zrange, "delayed", "0", "0").with("WITHSCORES"),
            self.oldest_active(),
        ]
    }

    /// The oldest active jobs, those at the end of the list: a job leaves this answer only when it
    /// leaves the list.
    fn oldest_active(&self) -> Command {
        self.ask(Verb::Lrange, "active").with(format!("-{MOST_ACTIVE}")).with("-1")
    }

    /// Connected workers: Bull 4 and unnamed ones of `BullMQ` bear the queue's name alone, named
    /// ones of `BullMQ` their own behind it. `:qe` is somebody who listens to events.
    fn workers(&self, clients: &Clients) -> usize {
        let named = format!("{}:w:", self.client);
        let mine = |name: &str| name == self.client || name.starts_with(&named);
        clients.iter().filter(|(name, _)| mine(name)).map(|(_, count)| count).sum()
    }
}

/// What the first flight said of a queue, and the jobs to ask about in the second.
struct Counted {
    queue: Queue,
    waiting: Vec<Vec<u8>>,
    active: Vec<Vec<u8>>,
}

impl Counted {
    fn read(replies: &[Reply], paused: Paused) -> Result<Self, Obstacle> {
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
        let added = number(answers.next()?.text()?)?.and_then(|id| u64::try_from(id).ok());
        let paused_key = answers.count()? > 0;
        let streams = answers.count()? > 0;
        let meta = answers.next()?.list()?;
        let field = |at: usize| meta.get(at).copied().flatten();
        let is_paused = paused_key || field(0).is_some();
        let version = field(1).is_some_and(|version| version.starts_with(b"bullmq"));
        let library = if version || streams { Library::BullMq } else { Library::Bull };
        let mut waiting = Vec::new();
        for set_aside in [false, false, true, true, false, false] {
            let ends = ids(&answers.next()?.list()?)?;
            // Pausing renames the list: what is set aside waits, unless that is as it should be.
            if !set_aside || (is_paused && paused.judges_backlog()) {
                waiting.extend(ends);
            }
        }
        // Older versions of BullMQ keep a marker at the end of the list.
        waiting.retain(|id| !id.starts_with(b"0:"));
        waiting.dedup();
        let oldest = due(&answers.next()?.list()?)?;
        let active = ids(&answers.next()?.list()?)?;
        let exists = added.is_some()
            || is_paused
            || streams
            || field(1).is_some()
            || sizes != Sizes::default();
        let jobs = Jobs { oldest, ..Jobs::default() };
        let finished = Finished { completed, failed, ahead };
        let queue = Queue { library, exists, is_paused, sizes, added, finished, jobs };
        Ok(Self { queue, waiting, active })
    }

    /// The second flight's questions, in the order in which [`Counted::jobs`] reads the answers.
    fn questions(&self, keys: &Keys) -> Vec<Command> {
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
        questions
    }

    fn jobs(&self, answers: &mut Answers<'_>, now: Timestamp) -> Result<Jobs, Obstacle> {
        // All of this queue's answers are taken, even where one of them can't be read: the next
        // queue's follow.
        let last = usize::from(!self.active.is_empty());
        let mut mine = answers.take(self.waiting.len() + 3 * self.active.len() + last);
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

/// Replies, read one after the other.
struct Answers<'a>(std::slice::Iter<'a, Reply>);

impl<'a> Answers<'a> {
    fn next(&mut self) -> Result<&'a Reply, Obstacle> {
        self.0.next().ok_or_else(|| garbled("Redis left a question about the queue unanswered"))
    }

    fn count(&mut self) -> Result<u64, Obstacle> {
        self.next()?.count()
    }

    fn take(&mut self, count: usize) -> Self {
        let all = self.0.as_slice();
        let (mine, rest) = all.split_at(count.min(all.len()));
        self.0 = rest.iter();
        Self(mine.iter())
    }
}

fn ids(list: &[Option<&[u8]>]) -> Result<Vec<Vec<u8>>, Obstacle> {
    let mut ids = Vec::new();
    for id in list.iter().flatten() {
        if id.len() > LONGEST_ID {
            return Err(garbled(&format!("a job's id has {} bytes", id.len())));
        }
        ids.push(id.to_vec());
    }
    Ok(ids)
}

fn number(text: Option<&[u8]>) -> Result<Option<i64>, Obstacle> {
    let Some(text) = text else { return Ok(None) };
    let number = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| garbled("a number of the queue is none"))
}

fn time(millis: i64) -> Result<Timestamp, Obstacle> {
    Timestamp::from_millisecond(millis).map_err(|_| garbled("a job bears a time beyond all years"))
}

/// When the first delayed job is due, from `[id, score]`: the score is the time in ms, times 4096.
fn due(first: &[Option<&[u8]>]) -> Result<Option<Timestamp>, Obstacle> {
    let Some(score) = first.get(1).copied().flatten() else { return Ok(None) };
    let score = std::str::from_utf8(score).ok().and_then(|score| score.parse::<f64>().ok());
    let score = score.filter(|score| score.is_finite());
    let score = score.ok_or_else(|| garbled("a delayed job has no time"))?;
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a finite float saturates")]
    time((score / 4096.0) as i64).map(Some)
}

fn garbled(because: &str) -> Obstacle {
    Obstacle::new(Reason::GARBLED, because)
}

#[cfg(test)]
#[path = "looking_tests.rs"]
mod tests;
