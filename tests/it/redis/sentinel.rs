//! Through Sentinel: a master, a replica, and a failover while Vigie looks.

use std::time::Duration;

use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::redis::Worker;

use super::server::{Server, free_port, say};
use super::until;
use crate::support::{look, look_within, systems};

const CHECK: &str = "bull_queue: { queues: [q] }";

/// A master, its replica, and a sentinel that knows both.
struct Scene {
    master: Server,
    replica: Server,
    sentinel: Server,
    systems: Systems,
}

impl Scene {
    async fn open() -> Self {
        let quick = ["repl-diskless-sync-delay 0", "repl-timeout 5"];
        let master = Server::redis(&quick).await;
        let follows = format!("replicaof 127.0.0.1 {}", master.port);
        let replica = Server::redis(&[quick[0], quick[1], &follows]).await;
        let sentinel = Server::sentinel(master.port).await;
        // The first of the two sentinels is not there.
        let connection = format!(
            "redis: {{ default: {{ sentinel: {{ addresses: \
             ['127.0.0.1:{}', '127.0.0.1:{}'], master: mymaster }} }} }}",
            free_port(),
            sentinel.port
        );
        let systems = systems(&connection, Clock::System);
        // A sentinel can only choose a replica that it has seen in good health.
        let end = tokio::time::Instant::now() + super::PATIENCE;
        loop {
            let known = say(sentinel.port, "SENTINEL REPLICAS mymaster").await.expect("an answer");
            if known.contains("master-link-status\r\n$2\r\nok") {
                break;
            }
            assert!(tokio::time::Instant::now() < end, "the replica never came up: {known}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { master, replica, sentinel, systems }
    }

    async fn look(&self) -> Judgement {
        look_within(Duration::from_secs(2), CHECK, &self.systems).await
    }
}

async fn worker(server: &Server) -> Worker {
    let address = ([127, 0, 0, 1], server.port).into();
    Worker::start(address, "q", Duration::ZERO).await.expect("a worker")
}

fn passes(judgement: &Judgement) -> bool {
    judgement.verdict() == Verdict::Pass
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_the_new_master_is_found() {
    let scene = Scene::open().await;
    let _old = worker(&scene.master).await;
    until(|| scene.look(), passes).await;

    say(scene.sentinel.port, "SENTINEL FAILOVER mymaster").await.expect("an answer");
    // The worker stayed on the old master: the new one has none.
    let lost = until(|| scene.look(), |seen| seen.verdict() == Verdict::Fail).await;
    assert!(lost.reason().is_some(), "{:#?}", lost.lines());
    let _new = worker(&scene.replica).await;
    until(|| scene.look(), passes).await;
    let role = say(scene.replica.port, "ROLE").await.expect("an answer");
    assert!(role.contains("master"), "{role}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_dies_and_one_that_hangs_are_replaced() {
    for hangs in [false, true] {
        let mut scene = Scene::open().await;
        let _old = worker(&scene.master).await;
        until(|| scene.look(), passes).await;
        if hangs {
            scene.master.freeze();
        } else {
            scene.master.kill().await;
        }
        // Blind as long as nobody is master; never a pass, never a failure of the queues.
        assert_eq!(scene.look().await.verdict(), Verdict::Unknown);
        let promoted = |seen: &Judgement| seen.verdict() == Verdict::Fail;
        until(|| scene.look(), promoted).await;
        let _new = worker(&scene.replica).await;
        until(|| scene.look(), passes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_that_are_gone_blind_nobody_who_is_connected() {
    let mut scene = Scene::open().await;
    let _worker = worker(&scene.master).await;
    until(|| scene.look(), passes).await;
    scene.sentinel.kill().await;
    let seen = scene.look().await;
    assert!(passes(&seen), "{:#?}", seen.lines());
    scene.master.kill().await;
    let seen = until(|| scene.look(), |seen| seen.verdict() == Verdict::Unknown).await;
    assert_eq!(seen.reason().map(Reason::code), Some("Refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_sentinel_knows_is_not_found() {
    let redis = Server::redis(&[]).await;
    let sentinel = Server::sentinel(redis.port).await;
    let connection = format!(
        "redis: {{ default: {{ sentinel: {{ addresses: ['127.0.0.1:{}'], master: yours }} }} }}",
        sentinel.port
    );
    let seen = look(CHECK, &systems(&connection, Clock::System)).await;
    assert_eq!(seen.verdict(), Verdict::Unknown);
    assert_eq!(seen.reason().map(Reason::code), Some("NotFound"));
}
