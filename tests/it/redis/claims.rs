//! What is claimed of a real Redis itself, and what it says of itself.

use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;

use super::server::{Server, say};
use super::{reasons, until};
use crate::support::{look, systems};

const CHECK: &str = "bull_queue: { store: { replicas_at_least: 0 } }";

fn over(redis: &Server, more: &str) -> Systems {
    let url = format!("redis: {{ default: {{ url: '{}'{more} }} }}", redis.url());
    systems(&url, Clock::System)
}

async fn tell(redis: &Server, line: &str) {
    let told = say(redis.port, line).await.expect("an answer");
    assert!(!told.starts_with('-'), "{line}: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_loses_jobs_is_told_by_whichever_way_is_open() {
    let redis = Server::redis(&[]).await;
    let folder = redis.folder();
    std::fs::write(folder.join("secret"), "secret").expect("a file");
    let secret = format!(", username: vigie, password: {{ file: '{}/secret' }}", folder.display());
    let all = over(&redis, "");
    assert_eq!(look(CHECK, &all).await.verdict(), Verdict::Pass);
    tell(&redis, "CONFIG SET maxmemory-policy allkeys-lru").await;
    assert_eq!(look(CHECK, &all).await.verdict(), Verdict::Pass, "there is no limit of memory");
    tell(&redis, "CONFIG SET maxmemory 100mb").await;
    assert_eq!(reasons(&look(CHECK, &all).await), ["EvictsJobs"]);

    for (rights, wanted) in [
        ("+info", vec!["EvictsJobs"]),
        ("+config|get", vec!["EvictsJobs", "Forbidden"]),
        ("", vec!["Forbidden"]),
    ] {
        tell(&redis, "ACL DELUSER vigie").await;
        let user = format!("ACL SETUSER vigie on >secret ~bull:* +@read +role +hello {rights}");
        tell(&redis, user.trim()).await;
        let seen = look(CHECK, &over(&redis, &secret)).await;
        assert_eq!(reasons(&seen), wanted, "{rights}: {:#?}", seen.lines());
    }
    tell(&redis, "CONFIG SET maxmemory-policy volatile-ttl").await;
    assert_eq!(look(CHECK, &all).await.verdict(), Verdict::Warn);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_does_not_take_the_data_is_told() {
    let redis = Server::redis(&[]).await;
    let systems = over(&redis, "");
    std::fs::remove_dir_all(redis.folder()).expect("a folder");
    tell(&redis, "BGSAVE").await;
    let lost = |seen: &Judgement| reasons(seen) == ["NotPersisted"];
    until(|| look(CHECK, &systems), lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_counted_and_may_lag_for_so_long() {
    let quick = ["repl-diskless-sync-delay 0"];
    let master = Server::redis(&quick).await;
    let systems = over(&master, "");
    let check = "bull_queue: { store: { replicas_at_least: 1, replica_lag_within: { fail: 2s } } }";
    assert_eq!(reasons(&look(check, &systems).await), ["TooFewReplicas"]);
    let follows = format!("replicaof 127.0.0.1 {}", master.port);
    let replica = Server::redis(&[quick[0], &follows]).await;
    until(|| look(check, &systems), |seen| seen.verdict() == Verdict::Pass).await;
    replica.freeze();
    until(|| look(check, &systems), |seen| reasons(seen) == ["ReplicaLagging"]).await;
    replica.thaw();
    until(|| look(check, &systems), |seen| seen.verdict() == Verdict::Pass).await;

    // The claim is about the store itself: that it is no master is a failure.
    let seen = look(check, &over(&replica, "")).await;
    assert_eq!((seen.verdict(), reasons(&seen)), (Verdict::Fail, vec!["NoMaster"]));
    let witness = look("bull_queue: { queues: [q] }", &over(&replica, "")).await;
    assert_eq!((witness.verdict(), reasons(&witness)), (Verdict::Unknown, vec!["NoMaster"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_that_is_used_up_is_told() {
    let redis = Server::redis(&["enable-debug-command yes"]).await;
    tell(&redis, "DEBUG POPULATE 20000 key 100").await;
    tell(&redis, "CONFIG SET maxmemory 1mb").await;
    let systems = over(&redis, "");
    let full = |seen: &Judgement| reasons(seen) == ["MemoryFull"];
    let seen = until(|| look(CHECK, &systems), full).await;
    assert_eq!(seen.verdict(), Verdict::Fail);
}
