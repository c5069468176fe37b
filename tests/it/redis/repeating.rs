//! Repeatable jobs of the real libraries: Bull 4's, and the job schedulers of `BullMQ`.

use jiff::SignedDuration;
use serde_json::json;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;

use super::node::Node;
use super::server::{Server, say};
use super::{reasons, until, value};
use crate::support::{look, systems};

const CHECK: &str = "bull_queue: { queues: [q], workers_at_least: 0, oldest_waiting_within: {}, \
                     repeatable_overdue_within: { warn: 10m, fail: 3h } }";

async fn scene(library: &str) -> (Server, Node, Systems, Clock) {
    let redis = Server::redis(&[]).await;
    let node = Node::start(library, redis.port);
    let clock = Clock::manual(Clock::System.now());
    let url = format!("redis: {{ default: {{ url: '{}' }} }}", redis.url());
    let systems = systems(&url, clock.clone());
    (redis, node, systems, clock)
}

fn later(clock: &Clock, hours: i64) {
    clock.set(Clock::System.now() + SignedDuration::from_hours(hours));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_next_job_is_lost_is_overdue() {
    for library in ["bull", "bullmq"] {
        let (redis, mut node, systems, clock) = scene(library).await;
        node.tell("repeat", "q", json!({ "repeat": { "every": 3_600_000 } })).await;
        // `BullMQ` runs the first one at once: worked off, the next one waits for its hour.
        let mut worker = Node::start(library, redis.port);
        worker.tell("work", "q", json!({})).await;
        let planned =
            |seen: &Judgement| value(seen, "vigie_queue_jobs", &["q", "delayed"]) == Some(1.0);
        until(|| look(CHECK, &systems), planned).await;
        worker.kill().await;

        later(&clock, 2);
        let seen = look(CHECK, &systems).await;
        assert_eq!(seen.verdict(), Verdict::Pass, "{library}: it waits: {:#?}", seen.lines());

        let told = say(redis.port, "ZRANGE bull:q:delayed 0 -1").await.expect("an answer");
        let job = told.lines().nth(2).expect("a job");
        say(redis.port, &format!("DEL bull:q:{job}")).await.expect("an answer");
        say(redis.port, "DEL bull:q:delayed").await.expect("an answer");
        let seen = look(CHECK, &systems).await;
        assert_eq!(reasons(&seen), ["RepeatableOverdue"], "{library}: {:#?}", seen.lines());
        assert_eq!(seen.verdict(), Verdict::Warn, "{library}");
        later(&clock, 5);
        assert_eq!(look(CHECK, &systems).await.verdict(), Verdict::Fail, "{library}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_has_had_all_its_runs_is_not_missed() {
    for library in ["bull", "bullmq"] {
        let (_redis, mut node, systems, clock) = scene(library).await;
        node.tell("work", "q", json!({})).await;
        node.tell("repeat", "q", json!({ "repeat": { "every": 200, "limit": 2 } })).await;
        let done = |seen: &Judgement| {
            let jobs = |state| value(seen, "vigie_queue_jobs", &["q", state]).unwrap_or(0.0);
            jobs("completed") > 1.5 && jobs("delayed") + jobs("active") + jobs("waiting") < 0.5
        };
        until(|| look(CHECK, &systems), done).await;
        later(&clock, 5);
        let seen = look(CHECK, &systems).await;
        assert_eq!(seen.verdict(), Verdict::Pass, "{library}: {:#?}", seen.lines());
    }
}
