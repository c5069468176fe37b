//! Finished jobs of the real libraries, counted from look to look.

use jiff::SignedDuration;
use serde_json::{Value, json};
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;

use super::node::Node;
use super::server::Server;
use super::{until, value};
use crate::support::{look, look_back, systems};

const CHECK: &str = "bull_queue: { queues: [q], workers_at_least: 0 }";

struct Scene {
    library: &'static str,
    redis: Server,
    systems: Systems,
    clock: Clock,
    past: Past,
}

impl Scene {
    async fn open(library: &'static str) -> Self {
        let redis = Server::redis(&[]).await;
        let clock = Clock::manual(Clock::System.now());
        let url = format!("redis: {{ default: {{ url: '{}' }} }}", redis.url());
        Self { library, systems: systems(&url, clock.clone()), redis, clock, past: Past::default() }
    }

    /// Adds jobs and lets a worker finish all of them.
    async fn work(&self, count: usize, options: Value, how: Value) {
        let mut node = Node::start(self.library, self.redis.port);
        node.tell("add", "q", json!({ "count": count, "options": options })).await;
        node.tell("work", "q", how).await;
        let jobs = |seen: &Judgement, state: &str| {
            value(seen, "vigie_queue_jobs", &["q", state]).unwrap_or(1.0)
        };
        let idle = |seen: &Judgement| jobs(seen, "waiting") + jobs(seen, "active") < 0.5;
        until(|| look(CHECK, &self.systems), idle).await;
        node.kill().await;
    }

    /// The counters, by a look that is late enough to count all that has finished until now, and
    /// nothing later: ten seconds are left for ends to be written.
    async fn count(&mut self) -> ([Option<f64>; 2], Judgement) {
        self.clock.set(Clock::System.now() + SignedDuration::from_secs(10));
        let seen = look_back(CHECK, &self.systems, &mut self.past).await;
        assert_eq!(seen.verdict(), Verdict::Pass, "{}: {:#?}", self.library, seen.lines());
        let row = |outcome| value(&seen, "vigie_queue_jobs_finished_total", &["q", outcome]);
        (["completed", "failed"].map(row), seen)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_queue_keeps_is_counted_and_what_it_drops_is_not_guessed() {
    for library in ["bull", "bullmq"] {
        let mut scene = Scene::open(library).await;
        scene.work(1, json!({}), json!({})).await;
        assert_eq!(scene.count().await.0, [Some(0.0), Some(0.0)], "{library}: the first look");
        scene.work(5, json!({}), json!({})).await;
        assert_eq!(scene.count().await.0[0], Some(5.0), "{library}");
        scene.work(2, json!({}), json!({ "mode": "fail" })).await;
        let (counts, _) = scene.count().await;
        assert_eq!(counts[0], Some(5.0), "{library}");
        // A set of which everything is new may have dropped some.
        assert_eq!(counts[1], None, "{library}");
        scene.work(3, json!({}), json!({ "mode": "fail" })).await;
        assert_eq!(scene.count().await.0, [Some(5.0), Some(3.0)], "{library}");

        scene.work(10, json!({ "removeOnComplete": 3 }), json!({})).await;
        let (counts, seen) = scene.count().await;
        assert_eq!(counts, [None, Some(3.0)], "{library}: capped, and all of it new");
        assert!(seen.because().contains("completed can't be told"), "{}", seen.because());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_at_once_is_unknown_unless_the_library_counts_it_itself() {
    for library in ["bull", "bullmq"] {
        let mut scene = Scene::open(library).await;
        let gone = || json!({ "removeOnComplete": true, "removeOnFail": true });
        scene.work(1, gone(), json!({})).await;
        scene.count().await;
        scene.work(4, gone(), json!({})).await;
        assert_eq!(scene.count().await.0, [None, None], "{library}");

        let mut scene = Scene::open(library).await;
        scene.work(1, gone(), json!({ "metered": true })).await;
        scene.count().await;
        scene.work(4, gone(), json!({ "metered": true })).await;
        assert_eq!(scene.count().await.0[0], Some(4.0), "{library}");
    }
}
