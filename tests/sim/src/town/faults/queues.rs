//! Queues, workers, and the Redis that keeps them.

use std::time::Duration;

use super::super::MASTER;
use super::super::fault::Deed::{Later, Now};
use super::super::fault::{Doing, Fault, blind, fails};
use super::super::furnish::REDIS;
use super::fault;
use crate::redis::TRACKDECHETS_QUEUES;
use anyhow::Result;

const MAIL: &str = "queue_sendmail";
const WEBHOOKS: &str = "queue_webhooks_production";

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "worker-dies",
        "the worker of queue_sendmail is killed, and ten mails wait since twenty minutes",
        &[
            fails("queue-workers", "NoWorkers"),
            fails("queue-performance", "BacklogTooOld"),
            fails("watch-queues", "BacklogTooOld"),
        ],
        Now(|doing| {
            doing.town.dismiss(MAIL);
            doing.town.redis.queue(MAIL).add(10, Duration::from_mins(20));
            doing.mend_later(|town| Box::pin(town.employ(MAIL)));
            Ok(())
        }),
    ),
    fault(
        "queue-paused",
        "queue_webhooks_production is paused",
        &[
            fails("queue-workers", "QueuePaused"),
            fails("queue-performance", "QueuePaused"),
            fails("watch-queues", "QueuePaused"),
        ],
        Now(|doing| {
            doing.town.redis.queue(WEBHOOKS).pause();
            doing.mend(|town| {
                town.redis.queue(WEBHOOKS).resume();
                Ok(())
            });
            Ok(())
        }),
    ),
    fault(
        "jobs-stalled",
        "a job of queue_sendmail is active, and nobody holds its lock",
        &[
            fails("queue-workers", "JobsStalled"),
            fails("queue-performance", "JobsStalled"),
            fails("watch-queues", "JobsStalled"),
        ],
        Now(|doing| {
            doing.town.redis.queue(MAIL).add_stalled(1, Duration::from_mins(3));
            doing.mend(|town| {
                town.redis.queue(MAIL).drain();
                Ok(())
            });
            Ok(())
        }),
    ),
    fault(
        "jobs-fail",
        "half of the webhooks fail",
        &[fails("queue-performance", "TooManyFailed")],
        Now(|doing| {
            let queue = doing.town.redis.queue(WEBHOOKS);
            queue.add_finished(40, false);
            queue.add_finished(40, true);
            doing.mend_later(|town| {
                Box::pin(async {
                    town.redis.queue(WEBHOOKS).forget();
                    town.employ(WEBHOOKS).await
                })
            });
            Ok(())
        }),
    ),
    fault(
        "redis-refuses",
        "the queue store refuses connections",
        &[
            blind("queue-workers", "Refused"),
            blind("queue-performance", "Refused"),
            blind("watch-queues", "Refused"),
            blind("redis-ready", "Refused"),
        ],
        Later(|doing| {
            doing.mend_later(|town| {
                Box::pin(async {
                    town.redis.accept().await?;
                    for queue in TRACKDECHETS_QUEUES {
                        town.employ(queue).await?;
                    }
                    Ok(())
                })
            });
            Box::pin(async {
                doing.town.redis.refuse().await;
                Ok(())
            })
        }),
    ),
    fault(
        "redis-evicts",
        "Redis throws keys away once its memory is full",
        &[fails("redis-ready", "EvictsJobs")],
        Now(|doing| {
            tell(
                doing,
                &REDIS.replace("maxmemory_policy:noeviction", "maxmemory_policy:allkeys-lru"),
            )
        }),
    ),
    fault(
        "redis-without-replicas",
        "nobody follows Redis' master",
        &[fails("redis-ready", "TooFewReplicas")],
        Now(|doing| {
            let alone = REDIS.split("connected_slaves").next().unwrap_or_default();
            tell(doing, &format!("{alone}connected_slaves:0\r\n"))
        }),
    ),
    fault(
        "redis-full",
        "Redis' memory is used up",
        &[fails("redis-ready", "MemoryFull")],
        Now(|doing| tell(doing, &REDIS.replace("used_memory:21474836", "used_memory:1063004405"))),
    ),
    fault(
        "redis-not-persisted",
        "Redis' last attempt to write to disk failed",
        &[fails("redis-ready", "NotPersisted")],
        Now(|doing| tell(doing, &REDIS.replace("bgsave_status:ok", "bgsave_status:err"))),
    ),
    fault(
        "no-master",
        "the sentinels know no master, and Redis follows another",
        &[
            blind("queue-workers", "NotFound"),
            blind("queue-performance", "NotFound"),
            blind("watch-queues", "NotFound"),
            blind("redis-ready", "NotFound"),
        ],
        Later(|doing| {
            doing.town.sentinel.watch_over(MASTER, None);
            doing.mend_later(|town| {
                Box::pin(async {
                    town.sentinel.watch_over(MASTER, Some(town.redis.address()));
                    town.redis.accept().await?;
                    for queue in TRACKDECHETS_QUEUES {
                        town.employ(queue).await?;
                    }
                    Ok(())
                })
            });
            Box::pin(async {
                doing.town.redis.refuse().await;
                Ok(())
            })
        }),
    ),
];

/// Lets Redis say something else of itself.
#[expect(clippy::unnecessary_wraps, reason = "the end of a deed, which may fail")]
fn tell(doing: &mut Doing<'_>, info: &str) -> Result<()> {
    doing.town.redis.answer("INFO", info);
    doing.mend(|town| {
        town.redis.answer("INFO", REDIS);
        Ok(())
    });
    Ok(())
}
