//! An API server that is cut off by dropping packets: nobody closes, refuses or answers anything.

use std::time::Duration;

use tokio::time::Instant;
use vigie::model::finding::Verdict;
use vigie::model::reason::Reason;
use vigie::systems::kubernetes::{PODS, Pace};

use super::hole::Hole;
use super::watched::Watched;
use super::{Cluster, brisk, pod};

const SILENCE: Duration = Duration::from_secs(2);
/// How much longer than the silence anything may take on a busy machine.
const SLACK: Duration = Duration::from_secs(8);

/// A cluster whose server is seen through a hole.
async fn behind_a_hole() -> (Cluster, Hole) {
    let mut cluster = Cluster::start().await;
    cluster.server.behave(|server| server.bookmark_every = Duration::from_millis(100));
    cluster.put(pod("a"));
    let hole = Hole::before(cluster.server.address());
    let pace = Pace { silence: SILENCE, ..brisk() };
    cluster.connect(&format!("server: {{ url: '{}' }}", hole.url()), pace);
    (cluster, hole)
}

#[tokio::test]
async fn whoever_drops_packets_is_noticed_within_the_silence_that_is_allowed() {
    let (cluster, mut hole) = behind_a_hole().await;
    let watched = Watched::of(cluster, PODS);
    watched.keep().await;
    watched.shows(&["a"]).await;
    let began = Instant::now();
    hole.swallow().await;
    watched.says(Reason::STREAM_SILENT).await;
    assert!(began.elapsed() < SILENCE + SLACK, "{:?}", began.elapsed());
    watched.goes_down().await;
    // What is opened anew hangs before it is connected, and is given up as soon.
    let tried = |code: &str| {
        let key = ["watch", "pods", code].map(str::to_owned);
        watched.cluster.systems.kubernetes.requests().get(&key).copied().unwrap_or_default()
    };
    assert_eq!(tried("200"), 1);
    watched.says(Reason::STREAM_DOWN).await;
    assert!(tried("error") > 0, "what was asked in vain was asked");
    watched.cluster.put(pod("b"));
    hole.heal();
    watched.shows(&["a", "b"]).await;
    watched.is_up_again().await;
    assert_eq!(watched.cluster.server.count("list", "pods"), 0, "it is resumed, not listed");
}

#[tokio::test]
async fn a_server_that_is_cut_off_from_the_start_is_known_to_be_within_that_silence() {
    let (cluster, mut hole) = behind_a_hole().await;
    hole.swallow().await;
    let watched = Watched::of(cluster, PODS);
    let began = Instant::now();
    watched.keep().await;
    assert!(began.elapsed() < SILENCE + SLACK, "{:?}", began.elapsed());
    watched.says(Reason::STREAM_DOWN).await;
    hole.heal();
    watched.shows(&["a"]).await;
}

#[tokio::test]
async fn what_was_seen_before_is_not_told_as_if_it_were_now() {
    let (cluster, mut hole) = behind_a_hole().await;
    let check = "pods: { namespaces: [shop], concerns: [images, crashes] }";
    assert_eq!(cluster.look(check).await.verdict(), Verdict::Pass);
    hole.swallow().await;
    let judgement = cluster.look_until(check, Reason::STREAM_SILENT).await;
    assert_eq!(judgement.verdict(), Verdict::Unknown, "{}", judgement.because());
}
