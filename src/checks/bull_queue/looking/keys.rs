//! The keys of a queue, and the first flight's questions about them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::super::BullQueue;
use super::super::measures::COUNTED_TO;
use super::super::seen::Library;
use crate::model::past::Past;
use crate::model::reason::CLOCK_TOLERANCE;
use crate::systems::redis::{Clients, Command, Verb};

/// The questions about one queue in the first flight: as many as [`super::counted::Counted::read`]
/// reads.
pub(super) const QUESTIONS: usize = 32;
/// The most active jobs of a queue whose locks are looked for, the oldest ones.
const MOST_ACTIVE: usize = 16;
/// The position of the last of the repeatable jobs that are looked at, those due first.
const MOST_REPEATABLES: &str = "63";
/// How long a job's end may be on its way into the set of finished ones.
const SETTLED: SignedDuration = SignedDuration::from_secs(10);

/// The spans that finished jobs are counted over, as scores.
pub(super) struct Span {
    from: String,
    to: String,
    ahead: String,
    /// Up to when finished jobs are counted: a little ago, so that those are in whose end is being
    /// written.
    pub(super) counted_to: Timestamp,
}

impl Span {
    pub(super) fn of(check: &BullQueue, now: Timestamp) -> Self {
        let counted_to = now.saturating_sub(SETTLED).unwrap_or(Timestamp::MIN);
        let before = now.saturating_sub(check.window.0.get()).unwrap_or(Timestamp::MIN);
        let ahead = now.saturating_add(CLOCK_TOLERANCE).unwrap_or(Timestamp::MAX);
        Self {
            from: before.as_millisecond().to_string(),
            to: counted_to.as_millisecond().to_string(),
            counted_to,
            ahead: ahead.as_millisecond().to_string(),
        }
    }
}

/// The keys of one queue.
pub(super) struct Keys {
    /// The queue's name.
    pub(super) name: String,
    /// Whether it was found instead of named.
    pub(super) found: bool,
    /// Up to when an earlier look has counted its finished jobs.
    pub(super) counted_to: Option<Timestamp>,
    prefix: String,
    client: String,
}

impl Keys {
    pub(super) fn of(check: &BullQueue, queue: &str, found: bool, past: &Past) -> Self {
        let prefix = &check.prefix.0;
        let counted_to = past.points(&COUNTED_TO, &[queue]).next_back();
        Self {
            name: queue.to_owned(),
            found,
            counted_to: counted_to.and_then(|(_, second)| instant(second)),
            prefix: format!("{prefix}:{queue}:"),
            client: format!("{prefix}:{}", STANDARD.encode(queue)),
        }
    }

    pub(super) fn key(&self, name: impl AsRef<[u8]>) -> Vec<u8> {
        [self.prefix.as_bytes(), name.as_ref()].concat()
    }

    pub(super) fn ask(&self, verb: Verb, name: &str) -> Command {
        Command::new(verb, self.key(name))
    }

    /// The first flight's questions, in the order in which [`super::counted::Counted::read`] reads
    /// the answers.
    pub(super) fn questions(&self, span: &Span) -> [Command; QUESTIONS] {
        let range = |verb, name, from: &str, to: &str| self.ask(verb, name).with(from).with(to);
        let after = format!("({}", span.ahead);
        // Without an earlier look, nothing is counted: the span is empty.
        let since = self.counted_to.unwrap_or(span.counted_to).as_millisecond();
        let since = format!("({since}");
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
            range(Verb::Zcount, "completed", &since, &span.to),
            range(Verb::Zrange, "completed", "0", "0").with("WITHSCORES"),
            self.ask(Verb::Hmget, "metrics:completed").with("count"),
            range(Verb::Zcount, "failed", &since, &span.to),
            range(Verb::Zrange, "failed", "0", "0").with("WITHSCORES"),
            self.ask(Verb::Hmget, "metrics:failed").with("count"),
            self.ask(Verb::Get, "id"),
            self.ask(Verb::Exists, "meta-paused"),
            self.ask(Verb::Exists, "events"),
            self.ask(Verb::Exists, "marker"),
            self.ask(Verb::Hmget, "meta").with("paused").with("version"),
            range(Verb::Lrange, "wait", "0", "0"),
            range(Verb::Lrange, "wait", "-2", "-1"),
            range(Verb::Lrange, "paused", "0", "0"),
            range(Verb::Lrange, "paused", "-2", "-1"),
            range(Verb::Zrange, "prioritized", "0", "0"),
            range(Verb::Zrange, "prioritized", "-1", "-1"),
            range(Verb::Zrange, "delayed", "0", "0").with("WITHSCORES"),
            range(Verb::Zrange, "repeat", "0", MOST_REPEATABLES).with("WITHSCORES"),
            self.oldest_active(),
        ]
    }

    /// The oldest active jobs, those at the end of the list: a job leaves this answer only when it
    /// leaves the list.
    pub(super) fn oldest_active(&self) -> Command {
        self.ask(Verb::Lrange, "active").with(format!("-{MOST_ACTIVE}")).with("-1")
    }

    /// Connected workers: Bull 4 and unnamed ones of `BullMQ` bear the queue's name alone, named
    /// ones of `BullMQ` their own behind it. `:qe` is somebody who listens to events. In a cluster,
    /// Bull names one of a worker's connections, and `BullMQ` those to all nodes.
    pub(super) fn workers(&self, library: Option<Library>, clients: &Clients) -> usize {
        let named = format!("{}:w:", self.client);
        let mine = |name: &str| name == self.client || name.starts_with(&named);
        match library {
            Some(Library::BullMq) => clients.most(mine),
            Some(Library::Bull) | None => clients.all(mine),
        }
    }
}

/// The instant of so many seconds since 1970.
fn instant(seconds: f64) -> Option<Timestamp> {
    let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(since).ok()
}
