//! What a look costs Redis, counted on the wire.

use std::time::Duration;

use vigie::model::finding::Verdict;
use vigie::model::reason::Reason;
use vigie::systems::clock::Clock;
use vigie_sim::redis::TRACKDECHETS_QUEUES;

use super::node::Node;
use super::proxy::Proxy;
use super::server::Server;
use super::{until, value};
use crate::support::{look, look_within, systems};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn eighteen_queues_of_any_length_take_three_round_trips() {
    let redis = Server::redis(&[]).await;
    let sentinel = Server::sentinel(redis.port).await;
    let master = Proxy::start(([127, 0, 0, 1], redis.port).into()).await;
    let sentinels = Proxy::start(([127, 0, 0, 1], sentinel.port).into()).await;
    let mut node = Node::start("bull", redis.port);
    for queue in TRACKDECHETS_QUEUES {
        node.tell("add", queue, json!({ "count": 50 })).await;
    }
    let queues = TRACKDECHETS_QUEUES.join(", ");
    let check = format!("bull_queue: {{ queues: [{queues}], workers_at_least: 0 }}");
    let watched = systems(
        &format!(
            "redis: {{ default: {{ url: 'redis://{}' }}, \
             through: {{ sentinel: {{ addresses: ['{}'], master: mymaster }} }} }}",
            master.address, sentinels.address
        ),
        Clock::System,
    );

    let first = look(&check, &watched).await;
    assert_eq!(first.verdict(), Verdict::Pass, "{:#?}", first.lines());
    let before = master.counts();
    let second = look(&check, &watched).await;
    assert_eq!(second.verdict(), Verdict::Pass, "{:#?}", second.lines());
    assert_eq!(value(&second, "vigie_queue_jobs", &["queue_sendmail", "waiting"]), Some(50.0));
    let after = master.counts();
    assert_eq!(after[0] - before[0], 2, "round trips to Redis");
    assert_eq!(after[1], 1, "the connection is kept");

    let check = check.replacen("{ queues", "{ connection: through, queues", 1);
    assert_eq!(look(&check, &watched).await.verdict(), Verdict::Pass);
    let before = sentinels.counts();
    assert_eq!(look(&check, &watched).await.verdict(), Verdict::Pass);
    let after = sentinels.counts();
    assert_eq!(after[0] - before[0], 1, "round trips to the sentinel, beside the two to Redis");
    assert_eq!(after[1], 1, "the connection is kept");
}

#[tokio::test]
async fn a_connection_that_was_idle_for_over_a_minute_is_not_used_again() {
    let redis = Server::redis(&[]).await;
    let proxy = Proxy::start(([127, 0, 0, 1], redis.port).into()).await;
    let url = format!("redis: {{ default: {{ url: 'redis://{}' }} }}", proxy.address);
    let systems = systems(&url, Clock::System);
    let check = "bull_queue: { queues: [q] }";
    for (idle, connections) in [(0, 1), (59, 1), (61, 2)] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(idle)).await;
        tokio::time::resume();
        look(check, &systems).await;
        assert_eq!(proxy.counts()[1], connections, "after {idle} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_connection_costs_one_look() {
    let redis = Server::redis(&[]).await;
    let proxy = Proxy::start(([127, 0, 0, 1], redis.port).into()).await;
    let mut node = Node::start("bull", redis.port);
    node.tell("work", "q", json!({})).await;
    let url = format!("redis: {{ default: {{ url: 'redis://{}' }} }}", proxy.address);
    let systems = systems(&url, Clock::System);
    let check = "bull_queue: { queues: [q] }";
    until(|| look(check, &systems), |judgement| judgement.verdict() == Verdict::Pass).await;
    proxy.freeze();
    let second = Duration::from_secs(1);
    let blind = look_within(second, check, &systems).await;
    assert_eq!(blind.reason().map(Reason::code), Some("TimedOut"));
    assert_eq!(look(check, &systems).await.verdict(), Verdict::Pass);
}
