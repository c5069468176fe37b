//! Queues on a real Redis Cluster of six, by the real libraries: `{…}` in their names keeps the keys
//! of each in one hash slot, and the three here lie on three nodes.

use std::time::Duration;

use serde_json::json;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::clock::Clock;

use super::node::Node;
use super::six::Six;
use super::{reasons, until, value};
use crate::support::{look, look_within, systems};

const QUEUES: [&str; 3] = ["{a}", "{b}", "{c}"];
const CHECK: &str = "bull_queue: { queues: ['{a}', '{b}', '{c}'] }";
const WORKERLESS: &str = "bull_queue: { queues: ['{a}', '{b}'], workers_at_least: 0 }";
const STORE: &str = "bull_queue: { store: { replicas_at_least: 0 } }";

fn line<'a>(judgement: &'a Judgement, subject: &str) -> &'a vigie::model::judgement::Line {
    let line = judgement.lines().iter().find(|line| line.subject == subject);
    line.unwrap_or_else(|| panic!("no line of {subject}: {:#?}", judgement.lines()))
}

/// A job waits in a queue, as Bull writes it.
async fn fill(six: &Six, queue: &str) {
    let node = six.owner(&format!("bull:{queue}:wait")).await;
    let now = Clock::System.now().as_millisecond();
    six.tell(node, &format!("SET bull:{queue}:id 1")).await;
    six.tell(node, &format!("HSET bull:{queue}:1 timestamp {now}")).await;
    six.tell(node, &format!("RPUSH bull:{queue}:wait 1")).await;
}

fn waiting(judgement: &Judgement, queue: &str) -> Option<f64> {
    value(judgement, "vigie_queue_jobs", &[queue, "waiting"])
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_and_their_workers_are_seen_on_all_nodes() {
    let six = Six::start().await;
    let systems = six.systems();
    for library in ["bull", "bullmq"] {
        let nobody = look("bull_queue: { queues: ['{x}'] }", &systems).await;
        assert_eq!(reasons(&nobody), ["QueueMissing"], "{library}");
        let mut node = Node::in_cluster(library, six.nodes[0].port);
        for queue in QUEUES {
            node.tell("work", queue, json!({})).await;
            node.tell("add", queue, json!({ "count": 3 })).await;
        }
        let all = |seen: &Judgement| {
            seen.verdict() == Verdict::Pass
                && QUEUES.iter().all(|queue| {
                    let done = value(seen, "vigie_queue_jobs", &[queue, "completed"]);
                    let workers = value(seen, "vigie_queue_workers", &[queue]);
                    done.is_some_and(|done| done > 2.5) && workers == Some(1.0)
                })
        };
        until(|| look(CHECK, &systems), all).await;
        node.kill().await;
        let missed = until(|| look(CHECK, &systems), |seen| reasons(seen).len() == 3).await;
        assert_eq!(reasons(&missed), ["NoWorkers"; 3], "{library}");
    }
    let seen = look("bull_queue: { store: { replicas_at_least: 1 } }", &systems).await;
    assert_eq!(seen.verdict(), Verdict::Pass, "{:#?}", seen.lines());
    assert_eq!(seen.lines().len(), 4, "the cluster and its three masters");

    // Whoever names one node alone is told that there are others.
    let url = format!("redis: {{ default: {{ url: '{}' }} }}", six.nodes[0].url());
    let alone = look(CHECK, &systems_of(&url)).await;
    assert!(reasons(&alone).contains(&"ServerError"), "{:#?}", alone.lines());
}

fn systems_of(connection: &str) -> vigie::systems::Systems {
    systems(connection, Clock::System)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_move_are_followed() {
    let six = Six::start().await;
    fill(&six, "{a}").await;
    fill(&six, "{b}").await;
    let systems = six.systems();
    let seen = look(WORKERLESS, &systems).await;
    assert_eq!((seen.verdict(), waiting(&seen, "{a}")), (Verdict::Pass, Some(1.0)));

    let (from, to) = (six.owner("bull:{a}:wait").await, six.owner("bull:{b}:wait").await);
    let (old, new) = (six.id(from).await, six.id(to).await);
    let slot = six.tell(from, "CLUSTER KEYSLOT bull:{a}:wait").await;
    let slot = slot.trim().trim_start_matches(':').to_owned();
    six.tell(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {old}")).await;
    six.tell(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {new}")).await;
    let port = six.nodes[to].port;
    six.tell(from, &format!("MIGRATE 127.0.0.1 {port} bull:{{a}}:wait 0 5000")).await;
    // The list is there already, its job is not: `ASK` for the one, an answer for the other.
    let seen = look(WORKERLESS, &systems).await;
    assert_eq!((seen.verdict(), waiting(&seen, "{a}")), (Verdict::Pass, Some(1.0)));

    for key in ["id", "1"] {
        six.tell(from, &format!("MIGRATE 127.0.0.1 {port} bull:{{a}}:{key} 0 5000")).await;
    }
    for node in [to, from] {
        six.tell(node, &format!("CLUSTER SETSLOT {slot} NODE {new}")).await;
    }
    // Vigie goes by what it knew before: `MOVED`.
    let seen = look(WORKERLESS, &systems).await;
    assert_eq!((seen.verdict(), waiting(&seen, "{a}")), (Verdict::Pass, Some(1.0)));
    let seen = look(WORKERLESS, &systems).await;
    assert_eq!((seen.verdict(), waiting(&seen, "{a}")), (Verdict::Pass, Some(1.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_blinds_its_own_queues_until_another_takes_over() {
    let mut six = Six::start().await;
    fill(&six, "{a}").await;
    fill(&six, "{b}").await;
    let systems = six.systems();
    assert_eq!(look(WORKERLESS, &systems).await.verdict(), Verdict::Pass);
    assert_eq!(look(STORE, &systems).await.verdict(), Verdict::Pass);

    // What its replica has not heard of is lost with a master.
    six.replicated(&["bull:{a}:wait", "bull:{b}:wait"]).await;
    let master = six.owner("bull:{a}:wait").await;
    six.nodes[master].freeze();
    let seen = look_within(Duration::from_secs(2), WORKERLESS, &systems).await;
    let blind = line(&seen, "{a}");
    assert_eq!(blind.verdict, Verdict::Unknown, "{:#?}", seen.lines());
    assert_eq!(line(&seen, "{b}").verdict, Verdict::Pass, "{:#?}", seen.lines());

    six.nodes[master].kill().await;
    let healed = |seen: &Judgement| seen.verdict() == Verdict::Pass;
    let seen = until(|| look(WORKERLESS, &systems), healed).await;
    assert_eq!(waiting(&seen, "{a}"), Some(1.0));
    let down = |seen: &Judgement| reasons(seen) == ["NodeDown"];
    let seen = until(|| look(STORE, &systems), down).await;
    assert_eq!(seen.verdict(), Verdict::Warn);

    // Nobody is left to take over: a hole.
    let heir = six.owner("bull:{a}:wait").await;
    six.nodes[heir].kill().await;
    let broken = |seen: &Judgement| reasons(seen).contains(&"ClusterBroken");
    let seen = until(|| look(STORE, &systems), broken).await;
    assert_eq!(seen.verdict(), Verdict::Fail);
    let seen = look(WORKERLESS, &systems).await;
    assert_eq!(line(&seen, "{a}").reason.map(Reason::code), Some("ServerError"));
    assert_ne!(line(&seen, "{b}").verdict, Verdict::Pass, "the cluster is down as a whole");
}
