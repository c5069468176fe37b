//! Queues as the real libraries make them: Bull 4 and `BullMQ`.

use serde_json::json;
use tokio::sync::Mutex;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;

use super::node::Node;
use super::server::{Server, say};
use super::{reasons, until, value};
use crate::support::{look, look_back, systems};

const LIBRARIES: [&str; 2] = ["bull", "bullmq"];

/// Redis, a library, and Vigie.
struct Scene {
    redis: Server,
    node: Node,
    systems: Systems,
    past: Mutex<Past>,
}

impl Scene {
    async fn open(library: &str) -> Self {
        let redis = Server::redis(&[]).await;
        let node = Node::start(library, redis.port);
        let url = format!("redis: {{ default: {{ url: '{}' }} }}", redis.url());
        Self { node, systems: systems(&url, Clock::System), redis, past: Mutex::default() }
    }

    /// Adds jobs that are not kept when they finish, and lets a worker finish all that wait.
    async fn work_off(&mut self, library: &str, count: usize) {
        let jobs_given = json!({ "count": count, "options": { "removeOnComplete": true } });
        self.node.tell("add", "q", jobs_given).await;
        let mut worker = Node::start(library, self.redis.port);
        worker.tell("work", "q", json!({})).await;
        let idle = |seen: &Judgement| jobs(seen, "waiting") + jobs(seen, "active") < 0.5;
        until(|| self.look("workers_at_least: 0"), idle).await;
        worker.kill().await;
    }

    /// A look that remembers those before, as the daemon's do.
    async fn look_again(&self) -> Judgement {
        let past = &mut *self.past.lock().await;
        look_back("bull_queue: { queues: [q] }", &self.systems, past).await
    }

    async fn look(&self, options: &str) -> Judgement {
        look(&format!("bull_queue: {{ queues: [q], {options} }}"), &self.systems).await
    }
}

fn jobs(judgement: &Judgement, state: &str) -> f64 {
    value(judgement, "vigie_queue_jobs", &["q", state]).expect("a row")
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_counted_in_each_state() {
    for library in LIBRARIES {
        let mut scene = Scene::open(library).await;
        let before = Clock::System.now().as_duration().as_secs_f64();
        scene.node.tell("add", "q", json!({ "count": 3 })).await;
        scene.node.tell("add", "q", json!({ "count": 2, "options": { "delay": 3_600_000 } })).await;
        scene.node.tell("add", "done", json!({ "count": 4 })).await;
        let seen = scene.look("workers_at_least: 0").await;
        assert_eq!(seen.verdict(), Verdict::Pass, "{library}: {:#?}", seen.lines());
        assert_eq!((jobs(&seen, "waiting"), jobs(&seen, "delayed")), (3.0, 2.0), "{library}");
        for state in ["active", "paused", "prioritized", "completed", "failed"] {
            assert!(jobs(&seen, state).abs() < 0.5, "{library}: {state}");
        }
        let oldest = value(&seen, "vigie_queue_oldest_waiting_timestamp_seconds", &["q"]);
        assert!(oldest.is_some_and(|at| (at - before).abs() < 60.0), "{library}: {oldest:?}");

        scene.node.tell("work", "q", json!({ "mode": "fail" })).await;
        let failed = until(|| scene.look(""), |seen| jobs(seen, "failed") > 2.5).await;
        assert_eq!((jobs(&failed, "failed"), jobs(&failed, "waiting")), (3.0, 0.0), "{library}");
        assert_eq!(value(&failed, "vigie_queue_workers", &["q"]), Some(1.0), "{library}");
        let seen = scene.look("max_failed: { fail: 2 }").await;
        assert_eq!(reasons(&seen), ["TooManyFailed"], "{library}");
        let none = value(&seen, "vigie_queue_oldest_waiting_timestamp_seconds", &["q"]);
        assert_eq!(none, None, "{library}: no job waits");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_by_sigkill_is_missed_and_its_job_stalls() {
    for library in LIBRARIES {
        let mut scene = Scene::open(library).await;
        let mut worker = Node::start(library, scene.redis.port);
        worker.tell("work", "q", json!({ "mode": "hang" })).await;
        scene.node.tell("add", "q", json!({ "count": 2 })).await;
        let busy = until(|| scene.look(""), |seen| jobs(seen, "active") > 0.5).await;
        assert_eq!(busy.verdict(), Verdict::Pass, "{library}: {:#?}", busy.lines());
        worker.kill().await;
        let dead = until(|| scene.look(""), |seen| reasons(seen).contains(&"NoWorkers")).await;
        assert_eq!(value(&dead, "vigie_queue_workers", &["q"]), Some(0.0), "{library}");
        // The lock of its job runs out, and nobody is there to notice. A job that was given back
        // before (a busy machine starves the worker, too) counts at the second sight.
        let stalled =
            until(|| scene.look_again(), |seen| reasons(seen).contains(&"JobsStalled")).await;
        assert_eq!(stalled.verdict(), Verdict::Fail, "{library}");

        let mut another = Node::start(library, scene.redis.port);
        another.tell("work", "q", json!({ "mode": "finish" })).await;
        until(|| scene.look(""), |seen| seen.verdict() == Verdict::Pass).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_backlog_and_a_pause_are_seen() {
    for library in LIBRARIES {
        let mut scene = Scene::open(library).await;
        let long_ago = Clock::System.now().as_millisecond() - 1_200_000;
        let options = json!({ "options": { "timestamp": long_ago } });
        scene.node.tell("add", "q", options).await;
        scene.node.tell("add", "q", json!({ "count": 5 })).await;
        let seen = scene.look("").await;
        assert_eq!(reasons(&seen), ["NoWorkers", "BacklogTooOld"], "{library}");
        let oldest = value(&seen, "vigie_queue_oldest_waiting_timestamp_seconds", &["q"]);
        let millis = oldest.map(|at| format!("{:.0}", at * 1000.0));
        assert_eq!(millis, Some(long_ago.to_string()), "{library}");

        scene.node.tell("pause", "q", json!({})).await;
        let seen = scene.look("workers_at_least: 0").await;
        assert!(reasons(&seen).contains(&"QueuePaused"), "{library}: {:#?}", seen.lines());
        let seen = scene.look("workers_at_least: 0, paused: allowed").await;
        assert_eq!(seen.verdict(), Verdict::Pass, "{library}: {:#?}", seen.lines());
        scene.node.tell("resume", "q", json!({})).await;
        let seen = scene.look("workers_at_least: 0").await;
        assert_eq!(reasons(&seen), ["BacklogTooOld"], "{library}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_under_others_of_higher_priority_is_not_forgotten() {
    for library in LIBRARIES {
        let mut scene = Scene::open(library).await;
        let long_ago = Clock::System.now().as_millisecond() - 1_200_000;
        let old = json!({ "options": { "timestamp": long_ago, "priority": 10 } });
        scene.node.tell("add", "q", old).await;
        scene.node.tell("add", "q", json!({ "count": 3, "options": { "priority": 1 } })).await;
        let seen = scene.look("workers_at_least: 0").await;
        assert_eq!(reasons(&seen), ["BacklogTooOld"], "{library}");
        let (list, sorted) = (jobs(&seen, "waiting"), jobs(&seen, "prioritized"));
        assert!((list + sorted - 4.0).abs() < 0.5, "{library}: {list} {sorted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_queue_with_a_worker_passes_and_a_misspelt_one_does_not() {
    for library in LIBRARIES {
        let mut scene = Scene::open(library).await;
        scene.node.tell("work", "q", json!({ "name": "first" })).await;
        until(|| scene.look(""), |seen| seen.verdict() == Verdict::Pass).await;
        let both = look("bull_queue: { queues: [q, kew] }", &scene.systems).await;
        assert_eq!(reasons(&both), ["QueueMissing"], "{library}");
        assert_eq!(both.lines()[0].verdict, Verdict::Pass, "{library}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_spoilt_queue_hides_no_other() {
    let mut scene = Scene::open("bull").await;
    scene.node.tell("work", "q", json!({})).await;
    say(scene.redis.port, "SET bull:other:wait surprise").await.expect("an answer");
    let check = "bull_queue: { queues: [other, q, gone] }";
    let wanted = |seen: &Judgement| seen.lines()[1].verdict == Verdict::Pass;
    let seen = until(|| look(check, &scene.systems), wanted).await;
    assert_eq!(reasons(&seen), ["Garbled", "QueueMissing"]);
    assert_eq!(seen.verdict(), Verdict::Fail);
}

#[tokio::test(flavor = "multi_thread")]
async fn throughput_is_told_even_where_finished_jobs_are_not_kept() {
    for library in LIBRARIES {
        let mut scene = Scene::open(library).await;
        let clock = Clock::manual(Clock::System.now());
        scene.systems.clock = clock.clone();
        let long_ago = clock.now().as_millisecond() - 600_000;
        let waiting = json!({ "options": { "timestamp": long_ago, "removeOnComplete": true } });
        scene.work_off(library, 1).await;
        scene.node.tell("add", "q", waiting.clone()).await;
        let check = "bull_queue: { queues: [q], workers_at_least: 0, oldest_waiting_within: {}, \
                     finished_per_minute_at_least: { fail: 5 } }";
        let mut past = Past::default();
        let seen = look_back(check, &scene.systems, &mut past).await;
        assert_eq!(reasons(&seen), ["NotYet"], "{library}");

        // Forty finish within five minutes, and one waits on.
        scene.work_off(library, 39).await;
        scene.node.tell("add", "q", waiting).await;
        clock.set(clock.now() + jiff::SignedDuration::from_secs(300));
        let seen = look_back(check, &scene.systems, &mut past).await;
        assert_eq!(seen.verdict(), Verdict::Pass, "{library}: {:#?}", seen.lines());

        // Nothing more finishes: ten minutes later, none has in the last five.
        clock.set(clock.now() + jiff::SignedDuration::from_secs(300));
        let seen = look_back(check, &scene.systems, &mut past).await;
        assert_eq!(reasons(&seen), ["TooSlow"], "{library}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn named_workers_of_bullmq_count_and_listeners_do_not() {
    let mut scene = Scene::open("bullmq").await;
    scene.node.tell("work", "q", json!({ "name": "one" })).await;
    scene.node.tell("work", "q", json!({ "name": "two" })).await;
    scene.node.tell("listen", "q", json!({})).await;
    let two = |seen: &Judgement| value(seen, "vigie_queue_workers", &["q"]) == Some(2.0);
    until(|| scene.look("workers_at_least: 2"), two).await;
    let names = say(scene.redis.port, "CLIENT LIST").await.expect("clients");
    assert!(names.contains(":qe"), "a listener is connected: {names}");
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_in_another_database_wait_for_another_queue() {
    for library in LIBRARIES {
        let redis = Server::redis(&[]).await;
        let mut node = Node::in_database(library, redis.port, 1);
        node.tell("add", "q", json!({})).await;
        node.tell("work", "q", json!({})).await;
        let file = redis.folder().join("url");
        let of = |db: u16| std::fs::write(&file, format!("{}/{db}\n", redis.url()));
        let url = format!("redis: {{ default: {{ url_from: {{ file: '{}' }} }} }}", file.display());
        let systems = systems(&url, Clock::System);
        let look = || look("bull_queue: { queues: [q] }", &systems);
        of(1).expect("a file");
        let one = |seen: &Judgement| value(seen, "vigie_queue_workers", &["q"]) == Some(1.0);
        let seen = until(look, |seen| one(seen) && seen.verdict() == Verdict::Pass).await;
        assert!(seen.because().contains("1 worker is connected"), "{}", seen.because());

        // The same name in the same Redis, and nobody is there.
        for db in [0, 2] {
            of(db).expect("a file");
            let seen = look().await;
            assert_eq!(seen.verdict(), Verdict::Fail, "{library} {db}: {:#?}", seen.lines());
            assert_eq!(reasons(&seen), ["QueueMissing"], "{library} {db}");
        }
        of(1).expect("a file");
        assert_eq!(look().await.verdict(), Verdict::Pass, "{library}");
    }
}
