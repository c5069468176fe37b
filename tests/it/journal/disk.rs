//! No room on the disk, and a damaged file: told on page, in the log and in metrics, while watching
//! goes on.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::full::{ACTS, act, acts};
use super::vigie::{Ground, Vigie, until};

/// Files of this process grow to 300 KiB and no further; a write beyond is an error, not a signal.
const NO_ROOM: &str = "trap '' XFSZ; ulimit -S -f 300;";

#[tokio::test(flavor = "multi_thread")]
async fn without_room_acts_are_refused_and_watching_goes_on() {
    let ground = Ground::new(20).await;
    let vigie = Vigie::start(&ground, Some(&ground.data()), NO_ROOM);
    vigie.ready().await;
    let down = async || vigie.metric("vigie_journal_up").await == Some(0.0);
    until("there is no room", down).await;
    // What is small may still fit in.
    let (mut n, mut problem) = (0, Value::Null);
    until("an act is refused", async || {
        n += 1;
        let (status, told) = vigie.announce(&format!("version-{n}-")).await;
        problem = told;
        status == 503
    })
    .await;
    assert_eq!((&problem["title"], &problem["status"]), (&"Not recorded".into(), &503.into()));
    let (_, deployments) = vigie.get("/api/v1/deployments").await;
    let refused = format!("version-{n}-");
    assert!(!deployments.contains(&refused), "not kept in memory alone: {deployments}");
    assert!(vigie.metric("vigie_journal_write_errors_total").await >= Some(1.0));
    assert!(vigie.get("/").await.1.contains("Nothing is recorded"));
    assert!(vigie.log().contains("nothing is recorded"), "{}", vigie.log());
    assert_eq!(vigie.get("/-/ready").await.0, 200);
    let passes = "vigie_item_attempts_total{item=\"item-0\",verdict=\"pass\",environment=\"test\"}";
    let seen = vigie.metric(passes).await.expect("a count") + 3.0;
    until("watching goes on", async || vigie.metric(passes).await >= Some(seen)).await;

    let raised = Command::new("prlimit")
        .args(["--pid", &vigie.id().to_string(), "--fsize=unlimited:"])
        .status()
        .expect("`prlimit` (of util-linux)");
    assert!(raised.success());
    let up = async || vigie.metric("vigie_journal_up").await == Some(1.0);
    until("there is room again", up).await;
    assert_eq!(vigie.announce("2026.11.2").await.0, 201);
    assert!(!vigie.get("/").await.1.contains("Nothing is recorded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_moved_aside_and_told_until_it_is_taken_away() {
    let ground = Ground::new(1).await;
    let data = ground.data();
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("vigie.db"), "scribble".repeat(2_000)).expect("written");
    let mut vigie = Vigie::start(&ground, Some(&data), "");
    vigie.ready().await;
    assert_eq!(vigie.metric("vigie_journal_set_aside_files").await, Some(1.0));
    assert_eq!(vigie.metric("vigie_journal_up").await, Some(1.0));
    let page = vigie.get("/").await.1;
    assert!(page.contains("vigie.db.damaged-"), "the page names it");
    assert!(vigie.log().contains("the journal is damaged"), "{}", vigie.log());
    until("watching goes on", async || vigie.item("item-0").await["standing"] == "passing").await;
    assert_eq!(vigie.announce("2026.11.1").await.0, 201);
    assert_eq!(vigie.end(), Some(0));

    let names = fs::read_dir(&data).expect("a folder").map(|entry| entry.expect("a file").path());
    let aside: Vec<_> = names.filter(|path| path.to_string_lossy().contains("damaged")).collect();
    assert_eq!(fs::read(&aside[0]).expect("it is there").len(), 16_000);
    fs::remove_file(&aside[0]).expect("taken away");
    let vigie = Vigie::start(&ground, Some(&data), "");
    vigie.ready().await;
    assert_eq!(vigie.metric("vigie_journal_set_aside_files").await, Some(0.0));
    assert!(vigie.get("/api/v1/deployments").await.1.contains("2026.11.1"));
}

/// What people did, and the deployments, without what is known of items.
fn of_people(mut acts: Value) -> Value {
    for item in acts["items"].as_array_mut().expect("items") {
        item["known_since"].take();
    }
    acts
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_outlive_an_overwritten_first_page() {
    let ground = Ground::with_attested(1).await;
    let (data, mut before) = (ground.data(), Value::Null);
    for is_killed in [false, true] {
        let mut vigie = Vigie::start(&ground, Some(&data), "");
        vigie.ready().await;
        before = if is_killed { before } else { of_people(act(&vigie).await) };
        assert_eq!(of_people(acts(&vigie).await), before);
        if is_killed {
            vigie.kill();
        } else {
            assert_eq!(vigie.end(), Some(0), "{}", vigie.log());
        }
        let file = data.join("vigie.db");
        let mut bytes = fs::read(&file).expect("a journal");
        bytes[..4_096].fill(0xff);
        fs::write(&file, bytes).expect("written");
        let vigie = Vigie::start(&ground, Some(&data), "");
        vigie.ready().await;
        assert_eq!(of_people(acts(&vigie).await), before, "{}", vigie.log());
        let told = format!("begun with {} acts and deployments", 3 * ACTS);
        // One that was killed left the page in its log as a rule, and then nothing is damaged.
        assert!(is_killed || vigie.log().contains(&told), "{}", vigie.log());
    }
}
