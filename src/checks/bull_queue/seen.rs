//! What a look at queues brings home.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::finding::Obstacle;
use crate::systems::redis::info::Info;
use crate::systems::redis::topology::Topology;

/// What was seen of all queues of a check.
#[derive(Debug, Default)]
pub struct Seen {
    /// The queues that are named, in the order of the configuration, then those that were found.
    pub(super) queues: Vec<Looked>,
    /// Why single jobs could not be looked at.
    pub(super) blind_to_jobs: Option<Obstacle>,
    /// When the current deployment began, where one is known.
    pub(super) deployed: Option<Timestamp>,
    /// What looking for queues brought, where they are looked for.
    pub(super) discovery: Option<Discovery>,
    /// What Redis says of itself, where something is claimed of it: an obstacle where nothing at
    /// all could be asked.
    pub(super) store: Option<Result<StoreSeen, Obstacle>>,
}

/// What was seen of a queue; each obstacle is about that queue alone.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) name: String,
    /// Whether it was found instead of named.
    pub(super) found: bool,
    pub(super) queue: Result<Queue, Obstacle>,
    /// Workers that are connected for it.
    pub(super) workers: Result<usize, Obstacle>,
}

/// What looking for queues brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Discovery {
    /// The names that were found in this look.
    pub(super) names: BTreeSet<String>,
    /// Those that were found in an earlier look, are not looked at, and whether they are still
    /// there.
    pub(super) others: Vec<(String, Result<bool, Obstacle>)>,
    /// How far the walk is: by node, where it goes on (0: it has been through).
    pub(super) walks: Vec<(String, Result<u64, Obstacle>)>,
}

/// What Redis says of itself.
#[derive(Debug, Default)]
pub(super) struct StoreSeen {
    /// By node; the name is empty where there is but one.
    pub(super) nodes: Vec<(String, Result<Server, Obstacle>)>,
    /// The cluster, where it is one.
    pub(super) topology: Option<Arc<Topology>>,
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// What it tells in `INFO`.
    pub(super) info: Result<Info, Obstacle>,
    /// Its `maxmemory-policy` by `CONFIG GET`, where that is allowed.
    pub(super) policy: Option<String>,
}

/// The library that keeps a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Library {
    /// Bull, up to 4.
    Bull,
    /// `BullMQ`.
    BullMq,
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Queue {
    pub(super) library: Library,
    /// Whether anything bears the queue's name.
    pub(super) exists: bool,
    pub(super) is_paused: bool,
    pub(super) sizes: Sizes,
    /// Jobs that were ever added, or at least attempted to be added under an id of their own.
    pub(super) added: Option<u64>,
    /// Jobs that finished within the window and are still kept.
    pub(super) finished: Finished,
    /// What finished since an earlier look: completed, failed for good.
    pub(super) since: [Tally; 2],
    /// From when on that is counted, where there was an earlier look.
    pub(super) counted_from: Option<Timestamp>,
    /// Up to when it is counted.
    pub(super) counted_to: Timestamp,
    /// Repeatable jobs whose time has passed, and that have no job on its way.
    pub(super) overdue: Vec<Overdue>,
    /// What single jobs told, where they could be looked at.
    pub(super) jobs: Jobs,
}

/// How many jobs are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) waiting: u64,
    pub(super) active: u64,
    pub(super) delayed: u64,
    pub(super) paused: u64,
    pub(super) prioritized: u64,
    pub(super) waiting_children: u64,
    pub(super) completed: u64,
    pub(super) failed: u64,
}

/// Jobs of one outcome that finished since an earlier look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Those that are still kept.
    pub(super) kept: u64,
    /// Whether something that finished before that look is kept, too, so that nothing newer was
    /// dropped to make room; none where nothing of this outcome is kept at all.
    pub(super) whole: Option<bool>,
    /// How many the library itself has counted so far, where it does.
    pub(super) metered: Option<u64>,
}

/// A repeatable job that does not repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Overdue {
    /// Its key in the set of repeatable jobs.
    pub(super) key: String,
    /// When it was due.
    pub(super) due: Timestamp,
}

/// Finished jobs that are still kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Finished {
    /// Completed within the window.
    pub(super) completed: u64,
    /// Failed for good within the window.
    pub(super) failed: u64,
    /// Of either kind, from more than two minutes in the future.
    pub(super) ahead: u64,
}

/// What single jobs told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Jobs {
    /// Since when the oldest of the waiting jobs looked at waits.
    pub(super) oldest: Option<Timestamp>,
    /// The latest time that any of the jobs bears.
    pub(super) latest: Option<Timestamp>,
    /// Active jobs whose lock nobody holds, among those looked at.
    pub(super) stalled: u64,
    /// Active jobs without a lock that may be between being taken off the list and being locked:
    /// their ids, and when they, or their last try, was started.
    pub(super) doubtful: Vec<(String, Option<Timestamp>)>,
    /// Whether a job was given an id by the application, so that `added` may count it twice.
    pub(super) own_ids: bool,
}

impl Sizes {
    /// Jobs that could be started now.
    pub(super) const fn ready(&self) -> u64 {
        self.waiting.saturating_add(self.prioritized)
    }

    /// Jobs that are still to be finished.
    pub(super) const fn unfinished(&self) -> u64 {
        self.ready()
            .saturating_add(self.active)
            .saturating_add(self.delayed)
            .saturating_add(self.paused)
            .saturating_add(self.waiting_children)
    }
}
