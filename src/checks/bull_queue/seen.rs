//! What a look at queues brings home.

use jiff::Timestamp;

use crate::model::finding::Obstacle;

/// What was seen of all queues of a check.
#[derive(Debug)]
pub struct Seen {
    /// Each queue in the order of the configuration; an obstacle is about that queue alone.
    pub(super) queues: Vec<Result<Queue, Obstacle>>,
    /// Connected workers by queue, in the same order.
    pub(super) workers: Result<Vec<usize>, Obstacle>,
    /// Why single jobs could not be looked at.
    pub(super) blind_to_jobs: Option<Obstacle>,
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
