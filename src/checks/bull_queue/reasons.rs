//! Every reason that the kind can give, and what it means.

use crate::model::finding::Verdict;
use crate::model::reason::{Documented, Reason};
use crate::systems::redis::NO_MASTER;

pub(super) const NO_WORKERS: Reason = Reason::new("NoWorkers");
pub(super) const TOO_FEW_WORKERS: Reason = Reason::new("TooFewWorkers");
pub(super) const QUEUE_MISSING: Reason = Reason::new("QueueMissing");
pub(super) const QUEUE_PAUSED: Reason = Reason::new("QueuePaused");
pub(super) const JOBS_STALLED: Reason = Reason::new("JobsStalled");
pub(super) const BACKLOG_TOO_OLD: Reason = Reason::new("BacklogTooOld");
pub(super) const BACKLOG_TOO_LONG: Reason = Reason::new("BacklogTooLong");
pub(super) const TOO_MANY_FAILED: Reason = Reason::new("TooManyFailed");
pub(super) const TOO_SLOW: Reason = Reason::new("TooSlow");
pub(super) const REPEATABLE_OVERDUE: Reason = Reason::new("RepeatableOverdue");
pub(super) const UNEXPECTED_QUEUE: Reason = Reason::new("UnexpectedQueue");
pub(super) const EVICTS_JOBS: Reason = Reason::new("EvictsJobs");
pub(super) const MEMORY_FULL: Reason = Reason::new("MemoryFull");
pub(super) const NOT_PERSISTED: Reason = Reason::new("NotPersisted");
pub(super) const TOO_FEW_REPLICAS: Reason = Reason::new("TooFewReplicas");
pub(super) const REPLICA_LAGGING: Reason = Reason::new("ReplicaLagging");
pub(super) const CLUSTER_BROKEN: Reason = Reason::new("ClusterBroken");
pub(super) const NODE_DOWN: Reason = Reason::new("NodeDown");
pub(super) const SLOWER_THAN_BEFORE: Reason = Reason::new("SlowerThanBefore");
pub(super) const NOT_COUNTABLE: Reason = Reason::new("NotCountable");

/// All of them.
pub(super) const REASONS: &[Documented] = &[
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
    Documented::warns_or_fails(
        REPEATABLE_OVERDUE,
        "The time of a repeatable job has passed, and no job of it is on its way. One of Bull 4 that \
         has had all runs of its `limit`, and whose last job is not kept, looks the same.",
    ),
    Documented::warns_or_fails(
        UNEXPECTED_QUEUE,
        "There is a queue that is neither named nor looked at as found.",
    ),
    Documented::warns_or_fails(
        EVICTS_JOBS,
        "Redis throws keys away once its memory is full, jobs or their locks among them.",
    ),
    Documented::warns_or_fails(MEMORY_FULL, "Redis' memory is used up, or nearly."),
    Documented::warns_or_fails(NOT_PERSISTED, "Redis' last attempt to write to disk failed."),
    Documented::fails(TOO_FEW_REPLICAS, "Fewer replicas are connected to a master than wanted."),
    Documented::warns_or_fails(
        REPLICA_LAGGING,
        "A replica has not confirmed for too long what it received.",
    ),
    Documented::fails(
        CLUSTER_BROKEN,
        "The Redis Cluster says of itself that it is down, or nobody alive keeps some of its slots.",
    ),
    Documented::warns(
        NODE_DOWN,
        "The Redis Cluster holds a node for dead, and serves all of its slots nevertheless.",
    ),
    Documented::warns_or_fails(TOO_SLOW, "Jobs wait, and too few are finished a minute."),
    Documented::warns_or_fails(
        SLOWER_THAN_BEFORE,
        "Jobs wait, their number does not shrink, and they finish more slowly than before.",
    ),
    Documented::blinds(
        Reason::NO_DEPLOYMENT,
        "No deployment is known, and the rate is to be compared with that before it.",
    ),
    Documented::blinds(
        NOT_COUNTABLE,
        "How many jobs finish, or fail, can't be told: finished ones are not kept (failed ones \
         are missed where the item is looked at within `window` again), and jobs with ids of \
         their own make the queue's counter an upper bound only. Or it is to be compared with what \
         it was, and that was not seen.",
    ),
    Documented::blinds(
        Reason::NOT_YET,
        "How many jobs finish can be told only after a second look: finished ones are not kept.",
    ),
    Documented::blinds(
        Reason::CLOCK_SKEW,
        "A job bears a time more than two minutes in the future.",
    ),
    Documented {
        reason: NO_MASTER,
        verdicts: &[Verdict::Fail, Verdict::Unknown],
        means: "What is reached is a replica, or no master is known: a failure where something is \
                claimed of the `store` itself.",
    },
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
