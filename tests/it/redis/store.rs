//! The simulated queue store, told apart from Redis by nobody who asks about queues.

use std::time::Duration;

use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::redis::{Redis, TRACKDECHETS_QUEUES, Worker};

use super::{until, value};
use crate::support::{look, look_sharing, systems};

const PACE: Duration = Duration::from_millis(1);

fn over(redis: &Redis) -> Systems {
    systems(&format!("redis: {{ default: {{ url: '{}' }} }}", redis.url()), Clock::System)
}

fn code(judgement: &Judgement) -> Option<&'static str> {
    judgement.reason().map(Reason::code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_dies_its_queue_backs_up_and_all_heals() {
    let redis = Redis::start().await.expect("a store");
    let systems = over(&redis);
    let mut workers = Vec::new();
    for queue in TRACKDECHETS_QUEUES {
        workers.push(Worker::start(redis.address(), queue, PACE).await.expect("a worker"));
    }
    let queues = TRACKDECHETS_QUEUES.join(", ");
    let check = format!("bull_queue: {{ queues: [{queues}] }}");
    let seen = look(&check, &systems).await;
    assert_eq!(seen.verdict(), Verdict::Pass, "{:#?}", seen.lines());

    let mail = redis.queue("queue_sendmail");
    mail.add(20, Duration::ZERO);
    let done = ["queue_sendmail", "completed"];
    let finished =
        |seen: &Judgement| value(seen, "vigie_queue_jobs", &done).is_some_and(|jobs| jobs > 19.5);
    until(|| look(&check, &systems), finished).await;

    drop(workers.remove(0));
    mail.add(3, Duration::from_mins(20));
    let dead = until(|| look(&check, &systems), |seen| code(seen) == Some("NoWorkers")).await;
    let worse: Vec<_> = dead.lines().iter().filter_map(|line| line.reason).collect();
    assert_eq!(
        worse.iter().map(|reason| reason.code()).collect::<Vec<_>>(),
        ["NoWorkers", "BacklogTooOld"]
    );

    let healed = Worker::start(redis.address(), "queue_sendmail", PACE).await.expect("a worker");
    until(|| look(&check, &systems), |seen| seen.verdict() == Verdict::Pass).await;
    assert!(healed.alive());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_is_served_the_clients_of_another_and_has_nothing_to_ask_passes() {
    let redis = Redis::start().await.expect("a store");
    let systems = over(&redis);
    let _worker = Worker::start(redis.address(), "mail", PACE).await.expect("a worker");
    for _ in 0..3 {
        let check = "bull_queue: { queues: [mail] }";
        let seen = look_sharing(Duration::from_mins(1), check, &systems).await;
        assert_eq!(seen.verdict(), Verdict::Pass, "{:#?}", seen.lines());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_done_to_the_store_can_be_undone() {
    let redis = Redis::start().await.expect("a store");
    let systems = over(&redis);
    let check = "bull_queue: { queues: [q], workers_at_least: 0 }";
    redis.queue("q").add(1, Duration::ZERO);
    let passes = |seen: &Judgement| seen.verdict() == Verdict::Pass;
    assert!(passes(&look(check, &systems).await));

    redis.refuse().await;
    // The look after may still find the connection of the one before, and break with it.
    until(|| look(check, &systems), |seen| code(seen) == Some("Refused")).await;
    redis.accept().await.expect("the same port");
    assert!(passes(&look(check, &systems).await));

    redis.queue("q").pause();
    assert_eq!(code(&look(check, &systems).await), Some("QueuePaused"));
    redis.queue("q").resume();
    assert!(passes(&look(check, &systems).await));

    redis.follow(true);
    assert_eq!(code(&look(check, &systems).await), Some("NoMaster"));
    redis.follow(false);
    redis.load(true);
    assert_eq!(code(&look(check, &systems).await), Some("ServerError"));
    redis.load(false);
    assert!(passes(&look(check, &systems).await));

    redis.queue("q").forget();
    assert_eq!(code(&look(check, &systems).await), Some("QueueMissing"));
}
