//! `bull_queue`: each reason, provoked in a queue store that speaks Redis' protocol.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use vigie::model::finding::Verdict::{self, Fail, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::redis::{Queue, Redis, Worker};

use super::{Provocation, provoke};
use crate::support::{
    deployment, look, look_back, look_deployed, look_within, systems, tell, without_resolver,
};

const MINUTE: Duration = Duration::from_mins(1);

fn row(
    reason: &'static str,
    verdict: Verdict,
    run: fn() -> BoxFuture<'static, Judgement>,
) -> Provocation {
    Provocation { reason: Reason::new(reason), verdict, run }
}

pub fn provocations() -> Vec<Provocation> {
    vec![
        row("NoWorkers", Fail, || queue("", |q| q.add(1, Duration::ZERO))),
        row("TooFewWorkers", Fail, || Box::pin(one_worker_of_two())),
        row("QueueMissing", Fail, || queue("", |_| {})),
        row("QueuePaused", Fail, || queue("workers_at_least: 0", paused)),
        row("QueuePaused", Warn, || queue("workers_at_least: 0, paused: warn", paused)),
        row("JobsStalled", Fail, || queue("workers_at_least: 0", |q| q.add_stalled(1, MINUTE))),
        row("JobsStalled", Warn, || {
            queue("workers_at_least: 0, max_stalled: { warn: 0 }", |q| q.add_stalled(1, MINUTE))
        }),
        row("BacklogTooOld", Fail, || queue("workers_at_least: 0", |q| q.add(1, 16 * MINUTE))),
        row("BacklogTooOld", Warn, || {
            queue("workers_at_least: 0", |q| q.add_overdue(1, 6 * MINUTE))
        }),
        row("BacklogTooLong", Fail, || {
            queue("workers_at_least: 0, max_waiting: { warn: 1, fail: 2 }", |q| q.add(3, MINUTE))
        }),
        row("BacklogTooLong", Warn, || {
            queue("workers_at_least: 0, max_waiting: { warn: 1, fail: 2 }", |q| q.add(2, MINUTE))
        }),
        row("TooManyFailed", Fail, || {
            queue("workers_at_least: 0, max_failed: { warn: 1, fail: 5 }", |q| {
                q.add_finished(6, false);
            })
        }),
        row("TooManyFailed", Warn, || {
            queue("workers_at_least: 0, failed_ratio: { warn: 0.1, fail: 0.9 }", |q| {
                q.add_finished(25, false);
                q.add_finished(75, true);
            })
        }),
        row("RepeatableOverdue", Warn, || {
            queue("workers_at_least: 0", |q| q.add_repeatable(16 * MINUTE))
        }),
        row("RepeatableOverdue", Fail, || {
            queue("workers_at_least: 0, repeatable_overdue_within: { fail: 15m }", |q| {
                q.add_repeatable(16 * MINUTE);
            })
        }),
        row("UnexpectedQueue", Warn, || queue("workers_at_least: 0, discover: {}", other)),
        row("UnexpectedQueue", Fail, || {
            queue("workers_at_least: 0, discover: { unexpected: fail }", other)
        }),
        row("EvictsJobs", Fail, || store("", "noeviction", "allkeys-lru")),
        row("EvictsJobs", Warn, || store("", "noeviction", "volatile-lru")),
        row("MemoryFull", Fail, || store("", "used_memory:1", "used_memory:96")),
        row("MemoryFull", Warn, || store("", "used_memory:1", "used_memory:90")),
        row("NotPersisted", Fail, || store("", "bgsave_status:ok", "bgsave_status:err")),
        row("NotPersisted", Warn, || {
            store("persistence: warn", "bgsave_status:ok", "bgsave_status:err")
        }),
        row("TooFewReplicas", Fail, || store("replicas_at_least: 2", "", "")),
        row("ReplicaLagging", Fail, || store("replica_lag_within: { fail: 1s }", "", "")),
        row("ReplicaLagging", Warn, || store("replica_lag_within: { warn: 1s }", "", "")),
        row("ClusterBroken", Fail, || cluster("0-16382", "")),
        row("NodeDown", Warn, || cluster("0-16383", "b 192.0.2.2:1@2 slave,fail a 0 0 1 x")),
        row("NoMaster", Fail, || Box::pin(no_master_claimed())),
        row("SlowerThanBefore", Fail, || Box::pin(slower("{ fail: 0.5 }"))),
        row("SlowerThanBefore", Warn, || Box::pin(slower("{ warn: 0.5 }"))),
        row("NoDeployment", Unknown, || {
            queue("workers_at_least: 0, baseline: {}", |q| q.add(1, Duration::ZERO))
        }),
        row("TooSlow", Fail, || Box::pin(slow("{ warn: 2, fail: 1 }"))),
        row("TooSlow", Warn, || Box::pin(slow("{ warn: 1 }"))),
        row("NotYet", Unknown, || Box::pin(uncounted(false))),
        row("NotCountable", Unknown, || Box::pin(uncounted(true))),
        row("ClockSkew", Unknown, || queue("workers_at_least: 0", |q| q.add_ahead(3 * MINUTE))),
        row("NoMaster", Unknown, || server(|redis| redis.follow(true))),
        row("NotFound", Unknown, || Box::pin(nowhere())),
        row("TimedOut", Unknown, || Box::pin(silent())),
        row("Refused", Unknown, || Box::pin(refused())),
        row("Reset", Unknown, || peer(b"")),
        row("Unreachable", Unknown, || at("redis://224.0.0.1:6379")),
        row("NameNotFound", Unknown, || {
            // A label is at most 63 bytes long: no resolver has to be asked.
            at("redis://this-label-is-longer-than-any-label-in-the-domain-name-system-may-be.test")
        }),
        row("ResolverFailed", Unknown, || {
            Box::pin(without_resolver("kinds::bull_queue::a_name_that_nobody_knows_is_an_obstacle"))
        }),
        row("TlsFailed", Unknown, || Box::pin(no_tls())),
        row("Unauthorized", Unknown, || server(|redis| redis.protect(Some("sesame")))),
        row("Forbidden", Unknown, || Box::pin(without_clients())),
        row("Garbled", Unknown, || queue("workers_at_least: 0", Queue::spoil)),
        row("TooLarge", Unknown, || peer(b"$99999999\r\n")),
        row("ServerError", Unknown, || server(|redis| redis.load(true))),
        row("SecretMissing", Unknown, || Box::pin(unset_password())),
    ]
}

const CHECK: &str = "bull_queue: { queues: [q] }";

/// A look at queue `q` of a healthy store, after `fill`.
fn queue(options: &'static str, fill: fn(&Queue)) -> BoxFuture<'static, Judgement> {
    Box::pin(async move {
        let redis = Redis::start().await.expect("a store");
        fill(&redis.queue("q"));
        let check = format!("bull_queue: {{ queues: [q], {options} }}");
        look(&check, &over(&redis.url())).await
    })
}

/// A look at a store after something was done to it, with a worker that was connected before.
fn server(change: fn(&Redis)) -> BoxFuture<'static, Judgement> {
    Box::pin(async move {
        let redis = Redis::start().await.expect("a store");
        change(&redis);
        look(CHECK, &over(&redis.url())).await
    })
}

/// A look at whatever stands behind a URL.
fn at(url: &'static str) -> BoxFuture<'static, Judgement> {
    Box::pin(async move { look(CHECK, &over(url)).await })
}

/// A look at a peer that answers whatever it is asked with `answer`, over and over, and hangs up
/// where that is empty.
fn peer(answer: &'static [u8]) -> BoxFuture<'static, Judgement> {
    Box::pin(async move {
        let (url, _peer) = answering(answer).await;
        look(CHECK, &over(&url)).await
    })
}

/// The queue that is looked at, and one that nobody has named.
fn other(queue: &Queue) {
    queue.add(1, Duration::ZERO);
    queue.beside("other").add(1, Duration::ZERO);
}

/// What a healthy master says of itself.
const TOLD: &str = "role:master\r\nconnected_slaves:1\r\n\
                    slave0:ip=192.0.2.2,port=1,state=online,offset=1,lag=2\r\n\
                    used_memory:1\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\n\
                    rdb_last_bgsave_status:ok\r\naof_enabled:0\r\n";

/// A look at a store of which `claims` are made, and which says this instead of that.
fn store(
    claims: &'static str,
    this: &'static str,
    that: &'static str,
) -> BoxFuture<'static, Judgement> {
    Box::pin(async move {
        let redis = Redis::start().await.expect("a store");
        redis.answer("INFO", &TOLD.replace(this, that));
        look(&format!("bull_queue: {{ store: {{ {claims} }} }}"), &over(&redis.url())).await
    })
}

/// A look at a cluster of one master with these slots, and another node.
fn cluster(slots: &'static str, another: &'static str) -> BoxFuture<'static, Judgement> {
    Box::pin(async move {
        let redis = Redis::start().await.expect("a store");
        let address = redis.address();
        redis.answer("INFO", TOLD);
        redis.answer("CLUSTER INFO", "cluster_state:ok\r\n");
        let nodes = format!("a {address}@1 myself,master - 0 0 1 connected {slots}\n{another}\n");
        redis.answer("CLUSTER NODES", &nodes);
        let connection =
            format!("redis: {{ default: {{ cluster: {{ addresses: ['{address}'] }} }} }}");
        look("bull_queue: { store: {} }", &systems(&connection, Clock::System)).await
    })
}

async fn no_master_claimed() -> Judgement {
    let redis = Redis::start().await.expect("a store");
    redis.follow(true);
    look("bull_queue: { store: {} }", &over(&redis.url())).await
}

/// For an hour fifty jobs finish every five minutes while one waits; then none does any more.
async fn slower(limits: &str) -> Judgement {
    let redis = Redis::start().await.expect("a store");
    let systems = over(&redis.url());
    let clock = Clock::manual(systems.clock.now());
    let systems = Systems { clock: clock.clone(), ..systems };
    let check = format!(
        "bull_queue: {{ queues: [q], workers_at_least: 0, oldest_waiting_within: {{}}, \
         baseline: {{ ago: 15m, over: 40m, share_at_least: {limits} }} }}"
    );
    let mut past = Past::default();
    for minute in (0..80).step_by(5) {
        if minute < 60 {
            redis.queue("q").add(50, Duration::ZERO);
            redis.queue("q").drain();
            redis.queue("q").add(1, 10 * MINUTE);
        }
        let judgement = look_back(&check, &systems, &mut past).await;
        assert!(minute >= 60 || judgement.verdict() != Fail, "{minute}: {}", judgement.because());
        clock.set(clock.now() + SignedDuration::from_mins(5));
    }
    look_back(&check, &systems, &mut past).await
}

fn over(url: &str) -> Systems {
    systems(&format!("redis: {{ default: {{ url: {url} }} }}"), Clock::System)
}

async fn answering(answer: &'static [u8]) -> (String, AbortOnDrop) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 64];
            let read = stream.read(&mut asked).await;
            while read.is_ok() && !answer.is_empty() && stream.write_all(answer).await.is_ok() {}
        }
    });
    (address.to_string().replacen("127", "redis://127", 1), AbortOnDrop(task.abort_handle()))
}

fn paused(queue: &Queue) {
    queue.add(1, Duration::ZERO);
    queue.pause();
}

async fn one_worker_of_two() -> Judgement {
    let redis = Redis::start().await.expect("a store");
    let _worker = Worker::start(redis.address(), "q", MINUTE).await.expect("a worker");
    look("bull_queue: { queues: [q], workers_at_least: 2 }", &over(&redis.url())).await
}

/// A job waits for ten minutes, and one finished before that.
async fn slow(limits: &str) -> Judgement {
    let redis = Redis::start().await.expect("a store");
    redis.queue("q").add_finished(1, true);
    redis.queue("q").add(1, Duration::ZERO);
    let systems = over(&redis.url());
    let later = systems.clock.now() + SignedDuration::from_mins(10);
    let systems = Systems { clock: Clock::manual(later), ..systems };
    look(&idle(limits), &systems).await
}

/// Finished jobs are not kept; the first look, or a second one after which the counter tells.
async fn uncounted(again: bool) -> Judgement {
    let redis = Redis::start().await.expect("a store");
    redis.queue("q").add(1, MINUTE);
    redis.queue("q").drain();
    redis.queue("q").add_under("mine", 10 * MINUTE);
    let systems = over(&redis.url());
    let clock = Clock::manual(systems.clock.now());
    let systems = Systems { clock: clock.clone(), ..systems };
    let check = idle("{ fail: 10 }");
    let mut past = Past::default();
    let first = look_back(&check, &systems, &mut past).await;
    if !again {
        return first;
    }
    for _ in 0..100 {
        redis.queue("q").add_under("mine", 10 * MINUTE);
    }
    clock.set(clock.now() + SignedDuration::from_mins(5));
    look_back(&check, &systems, &mut past).await
}

fn idle(limits: &str) -> String {
    format!(
        "bull_queue: {{ queues: [q], workers_at_least: 0, oldest_waiting_within: {{}}, \
         finished_per_minute_at_least: {limits} }}"
    )
}

async fn refused() -> Judgement {
    let redis = Redis::start().await.expect("a store");
    redis.refuse().await;
    look(CHECK, &over(&redis.url())).await
}

async fn silent() -> Judgement {
    let redis = Redis::start().await.expect("a store");
    redis.silence();
    look_within(Duration::from_secs(1), CHECK, &over(&redis.url())).await
}

async fn no_tls() -> Judgement {
    let (url, _peer) = answering(b"-ERR what?\r\n").await;
    look(CHECK, &over(&url.replacen("redis:", "rediss:", 1))).await
}

async fn without_clients() -> Judgement {
    let redis = Redis::start().await.expect("a store");
    redis.deny("CLIENT");
    redis.queue("q").add(1, Duration::ZERO);
    look(CHECK, &over(&redis.url())).await
}

async fn nowhere() -> Judgement {
    look(CHECK, &systems("{}", Clock::System)).await
}

async fn unset_password() -> Judgement {
    let connection = "redis: { default: { url: 'redis://127.0.0.1:1', \
                      password: { env: VIGIE_TEST_NOT_SET } } }";
    look(CHECK, &systems(connection, Clock::System)).await
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_an_obstacle() {
    tell(&look(CHECK, &over("redis://redis.test:6379")).await);
}

#[tokio::test]
async fn the_rate_is_compared_with_that_before_the_deployment() {
    let redis = Redis::start().await.expect("a store");
    let systems = over(&redis.url());
    let began = systems.clock.now();
    let clock = Clock::manual(began);
    let systems = Systems { clock: clock.clone(), ..systems };
    let check = "bull_queue: { queues: [q], workers_at_least: 0, oldest_waiting_within: {}, \
                 baseline: {} }";
    let deployed = began + SignedDuration::from_mins(58);
    let mut past = Past::default();
    let mut last = Judgement::new();
    for minute in (0..90).step_by(5) {
        // Idle after the deployment at first, then a job waits and nothing finishes.
        let busy = minute < 58;
        if busy {
            redis.queue("q").add(50, Duration::ZERO);
            redis.queue("q").drain();
        } else if minute == 75 {
            redis.queue("q").add(1, Duration::ZERO);
        }
        clock.set(began + SignedDuration::from_mins(minute));
        last = look_deployed(check, &systems, &mut past, &deployment(deployed)).await;
        if minute < 75 {
            assert_eq!(last.verdict(), Verdict::Pass, "{minute}: {}", last.because());
        }
    }
    assert_eq!(last.reason().map(Reason::code), Some("SlowerThanBefore"), "{}", last.because());
    let level = last.samples().iter().find(|sample| sample.measure.name == "vigie_baseline");
    let level = level.expect("a level");
    assert_eq!(format!("{:.3}", level.value), "0.167", "fifty jobs in five minutes");
    let labels: Vec<&str> = level.labels.iter().map(|label| &**label).collect();
    assert_eq!(labels, ["vigie_queue_jobs_finished_per_second", "q"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_is_given() {
    provoke(provocations()).await;
}
