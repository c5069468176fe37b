//! In the middle of everything, the daemon is killed and started again.

use std::fs;

use serde_json::json;
use vigie_sim::net::site::Answer;

use super::vigie::{Ground, Vigie, until};

const FAILING: &str = "vigie_item_standing{item=\"item-0\",section=\"s\",severity=\"critical\",standing=\"failing\",environment=\"test\"}";

#[tokio::test(flavor = "multi_thread")]
async fn standings_counts_and_deployments_are_as_before() {
    let ground = Ground::new(3).await;
    let data = ground.data();
    let vigie = Vigie::start(&ground, Some(&data), "");
    vigie.ready().await;
    until("it passes", async || vigie.item("item-0").await["standing"] == "passing").await;
    ground.site.answer("/", Answer::new(500, "broken"));
    until("it fails", async || vigie.item("item-0").await["standing"] == "failing").await;
    let (status, deployment) = vigie.announce("2026.11.1").await;
    assert_eq!(status, 201);
    let failures =
        "vigie_item_attempts_total{item=\"item-0\",verdict=\"fail\",environment=\"test\"}";
    until("it was seen", async || vigie.metric(failures).await.is_some_and(|n| n >= 3.0)).await;
    let before = vigie.item("item-0").await;
    // What ended a moment before the kill may be in flight.
    let attempts = vigie.metric(failures).await.expect("a count") - 1.0;
    vigie.kill();

    let vigie = Vigie::start(&ground, Some(&data), "");
    vigie.ready().await;
    assert_eq!(vigie.metric(FAILING).await, Some(1.0), "from the first scrape on");
    let after = vigie.item("item-0").await;
    for word in ["standing", "since", "reason", "because"] {
        assert_eq!(after[word], before[word], "{word}");
    }
    assert!(vigie.metric(failures).await.expect("a count") >= attempts, "counts go on");
    let (_, deployments) = vigie.get("/api/v1/deployments").await;
    assert!(deployments.contains(deployment["id"].as_str().expect("an id")), "{deployments}");
    let more = attempts + 3.0;
    until("it is looked at", async || vigie.metric(failures).await >= Some(more)).await;
    assert_eq!(vigie.item("item-0").await["since"], before["since"]);
    assert_eq!(vigie.metric("vigie_journal_up").await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_second_says_who_is_first_and_follows() {
    let ground = Ground::new(1).await;
    let data = ground.data();
    let mut first = Vigie::start(&ground, Some(&data), "");
    first.ready().await;
    let second = Vigie::start(&ground, Some(&data), "");
    let mut told = (0, String::new());
    until("it answers", async || {
        told = second.get("/-/ready").await;
        told.0 != 0
    })
    .await;
    assert_eq!(told.0, 503);
    let holder = format!("process {} on ", first.id());
    assert!(told.1.contains(&holder), "{}", told.1);
    assert_eq!(second.get("/-/healthy").await.0, 200);
    let (_, metrics) = second.get("/metrics").await;
    assert!(!metrics.contains("vigie_item_"), "{metrics}");
    assert!(metrics.contains("vigie_journal_up{environment=\"test\"} 0"), "{metrics}");
    assert!(second.get("/").await.1.contains(&holder), "the page names it");
    assert!(second.log().contains(&holder), "{}", second.log());
    let (status, problem) = second.announce("2026.11.1").await;
    assert_eq!(status, 503, "{problem}");
    assert!(problem["detail"].as_str().expect("a detail").contains(&holder), "{problem}");
    // It knows no items yet, and claims nothing of them.
    let word = json!({ "who": "Jo" });
    let (status, problem) = second.post("/api/v1/items/item-0/attestations", word).await;
    assert_eq!(status, 503, "{problem}");
    assert!(problem["detail"].as_str().expect("a detail").contains(&holder), "{problem}");

    first.end();
    second.ready().await;
    until("it looks", async || second.item("item-0").await["standing"] == "passing").await;
    assert!(first.log().contains("stopped"), "{}", first.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_folder_it_says_that_nothing_outlives_a_restart() {
    let ground = Ground::new(1).await;
    let vigie = Vigie::start(&ground, None, "");
    vigie.ready().await;
    assert!(vigie.get("/").await.1.contains("Nothing outlives a restart"));
    assert!(vigie.log().contains("nothing outlives a restart"), "{}", vigie.log());
    assert_eq!(vigie.metric("vigie_journal_up").await, None);
    assert_eq!(vigie.announce("2026.11.1").await.0, 201, "in memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_can_not_be_used_ends_the_start_with_what_to_do() {
    let ground = Ground::new(1).await;
    let file = ground.folder.path().join("a-file");
    fs::write(&file, "").expect("written");
    let mut vigie = Vigie::start(&ground, Some(&file.join("data")), "");
    assert_eq!(vigie.wait(), Some(1));
    assert!(vigie.log().contains("can't write into the data folder"), "{}", vigie.log());

    let data = ground.data();
    let mut vigie = Vigie::start(&ground, Some(&data), "");
    vigie.ready().await;
    assert_eq!(vigie.end(), Some(0));
    let connection = rusqlite::Connection::open(data.join("vigie.db")).expect("a journal");
    connection.execute_batch("PRAGMA user_version = 7").expect("written");
    drop(connection);
    let mut vigie = Vigie::start(&ground, Some(&data), "");
    assert_eq!(vigie.wait(), Some(1), "a newer schema");
    assert!(vigie.log().contains("the journal is of schema 7, which Vigie"), "{}", vigie.log());
}
