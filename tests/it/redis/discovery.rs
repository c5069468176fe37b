//! Queues that nobody has named, in a real Redis.

use serde_json::json;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;

use super::node::Node;
use super::proxy::Proxy;
use super::reasons;
use super::server::{Server, say};
use crate::support::{look_back, systems};

const CHECK: &str = "bull_queue: { workers_at_least: 0, discover: { matching: ['mail_.*'] } }";

fn over(address: impl std::fmt::Display) -> Systems {
    systems(&format!("redis: {{ default: {{ url: 'redis://{address}' }} }}"), Clock::System)
}

fn subjects(judgement: &Judgement) -> Vec<&str> {
    judgement.lines().iter().map(|line| line.subject.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn found_queues_are_looked_at_where_they_match_and_told_where_not() {
    for library in ["bull", "bullmq"] {
        let redis = Server::redis(&[]).await;
        let systems = over(format!("127.0.0.1:{}", redis.port));
        let mut past = Past::default();
        let nothing = look_back(CHECK, &systems, &mut past).await;
        assert_eq!(reasons(&nothing), ["QueueMissing"], "{library}");

        let mut node = Node::start(library, redis.port);
        for queue in ["mail_in", "mail_out", "my_mail_out"] {
            node.tell("add", queue, json!({})).await;
        }
        let found = look_back(CHECK, &systems, &mut past).await;
        assert_eq!(subjects(&found), ["discovery"], "{library}");
        let seen = look_back(CHECK, &systems, &mut past).await;
        assert_eq!(subjects(&seen), ["mail_in", "mail_out", "discovery"], "{library}");
        assert_eq!(seen.verdict(), Verdict::Warn, "{library}: {:#?}", seen.lines());
        assert_eq!(reasons(&seen), ["UnexpectedQueue"], "{library}");
        assert!(seen.because().contains("`my_mail_out`"), "{}", seen.because());
        let labels = |seen: &Judgement| {
            let exported = seen.samples().iter().filter(|sample| sample.measure.exported);
            exported.filter(|sample| &*sample.labels[0] == "my_mail_out").count()
        };
        assert_eq!(labels(&seen), 0, "{library}: a name from outside is no label");

        let named = CHECK.replace("discover", "queues: [my_mail_out], discover");
        let seen = look_back(&named, &systems, &mut past).await;
        assert_eq!(subjects(&seen), ["my_mail_out", "mail_in", "mail_out"], "{library}");
        let few = named.replace("mail_.*']", "mail_.*'], at_most: 1");
        let seen = look_back(&few, &systems, &mut past).await;
        assert_eq!(subjects(&seen), ["my_mail_out", "mail_in", "discovery"], "{library}");

        say(redis.port, "FLUSHALL").await.expect("an answer");
        look_back(CHECK, &systems, &mut past).await;
        let seen = look_back(CHECK, &systems, &mut past).await;
        assert_eq!(reasons(&seen), ["QueueMissing"], "{library}: {:#?}", seen.lines());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_through_many_keys_takes_many_looks_and_no_round_trip_of_its_own() {
    let redis = Server::redis(&["enable-debug-command yes"]).await;
    say(redis.port, "DEBUG POPULATE 2000").await.expect("an answer");
    say(redis.port, "SET bull:mail_in:id 1").await.expect("an answer");
    let proxy = Proxy::start(([127, 0, 0, 1], redis.port).into()).await;
    let systems = over(proxy.address);
    let check = CHECK.replace("discover: {", "queues: [q], discover: { keys_a_look: 500,");
    let mut past = Past::default();
    let mut looks = 0;
    loop {
        let before = proxy.counts()[0];
        let seen = look_back(&check, &systems, &mut past).await;
        looks += 1;
        assert!(proxy.counts()[0] - before <= 2, "round trips of look {looks}");
        if subjects(&seen).contains(&"mail_in") {
            break;
        }
        assert!(looks < 20, "never found");
    }
    // One more look than steps of the walk: what it finds is looked at from the next look on.
    assert!(looks <= 7, "{looks} looks");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_keys_must_not_be_listed_nothing_is_found_and_the_rest_is_judged() {
    let redis = Server::redis(&[]).await;
    let mut node = Node::start("bull", redis.port);
    node.tell("add", "q", json!({})).await;
    say(redis.port, "ACL SETUSER default -scan").await.expect("an answer");
    let check = CHECK.replace("discover", "queues: [q], discover");
    let systems = over(format!("127.0.0.1:{}", redis.port));
    let seen = look_back(&check, &systems, &mut Past::default()).await;
    assert_eq!((seen.verdict(), reasons(&seen)), (Verdict::Unknown, vec!["Forbidden"]));
    assert_eq!(seen.lines()[0].verdict, Verdict::Pass, "{:#?}", seen.lines());
}
