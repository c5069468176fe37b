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
use crate::support::{look, look_back, look_within, systems, tell, without_resolver};

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

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_is_given() {
    provoke(provocations()).await;
}
