//! Stores that are wrong, dead, slow or strange; and stores that come back.

use std::time::Duration;

use vigie::model::finding::Verdict;
use vigie::model::measure::LONGEST_LABEL;
use vigie::model::reason::Reason;
use vigie_sim::s3::{ACCESS_KEY, Fault};

use super::fixture::{BUCKET, Fixture, KEYS, ago, check, key, look_within};

#[tokio::test]
async fn a_rotated_secret_is_used_at_the_next_look() {
    let fixture = Fixture::new().await.daily(5, &[1_000]);
    fixture.store.accept(ACCESS_KEY, "another secret");
    let refused = fixture.look("").await;
    assert_eq!(refused.reason().map(Reason::code), Some("Unauthorized"));
    assert!(!refused.because().contains("not-a-secret"), "{}", refused.because());
    std::fs::write(&fixture.secret_file, "another secret\n").expect("a file");
    let accepted = fixture.look("").await;
    assert_eq!(accepted.verdict(), Verdict::Pass, "{}", accepted.because());
}

#[tokio::test]
async fn a_store_is_reached_over_tls_with_a_private_authority() {
    let fixture = Fixture::tls().await.daily(5, &[1_000]);
    let judgement = fixture.look("max_age: { fail: 26h }").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

#[tokio::test]
async fn a_store_that_comes_back_is_seen_at_the_next_look() {
    let fixture = Fixture::new().await.daily(5, &[1_000]);
    assert_eq!(fixture.look("").await.verdict(), Verdict::Pass);
    fixture.store.stop();
    let gone = fixture.look("").await;
    assert_eq!(gone.verdict(), Verdict::Unknown, "{}", gone.because());
    fixture.store.start_again().await.expect("the port is free");
    let back = fixture.look("").await;
    assert_eq!(back.verdict(), Verdict::Pass, "{}", back.because());
}

#[tokio::test]
async fn a_silent_store_delays_its_look_no_longer_than_the_deadline() {
    let fixture = Fixture::new().await.daily(5, &[1_000]);
    fixture.store.set_fault(Some(Fault::Silent));
    let check = check(KEYS, "");
    let allowed = Duration::from_millis(500);
    let judgement = look_within(&check, &fixture.systems, allowed, Duration::ZERO).await;
    assert_eq!(judgement.reason().map(Reason::code), Some("TimedOut"));
    let counted = fixture.systems.s3.requests();
    assert_eq!(counted.get(&["ListObjectsV2".to_owned(), "timeout".to_owned()]), Some(&1));
}

#[tokio::test]
async fn a_store_is_asked_once_a_look_however_it_refuses() {
    for fault in [Fault::Status(503), Fault::Status(429), Fault::Error("SlowDown"), Fault::Html] {
        let fixture = Fixture::new().await.daily(5, &[1_000]);
        fixture.store.set_fault(Some(fault.clone()));
        let judgement = fixture.look("").await;
        assert_eq!(judgement.verdict(), Verdict::Unknown, "{fault:?}");
        assert_eq!(fixture.store.request_count(), 1, "{fault:?}: the next attempt is the retry");
    }
}

#[tokio::test]
async fn a_store_that_slows_down_in_between_is_heard() {
    let fixture = Fixture::new().await;
    let objects = (0..4_000)
        .map(|n| (format!("{n:05}.gz"), vigie_sim::s3::Object { size: 1, modified: ago(5) }));
    fixture.store.extend(BUCKET, objects);
    fixture.store.set_fault(Some(Fault::SlowDownEvery(3)));
    let judgement = fixture.look_for("*.gz", "").await;
    assert_eq!(judgement.reason().map(Reason::code), Some("Throttled"));
}

#[tokio::test]
async fn keys_of_any_text_are_read_and_shown_legibly() {
    let fixture = Fixture::new().await;
    let strange = "x\"quote\"\n<b>&amp;\u{1}%2F+ ünïcode \u{1f4be}";
    let key = format!("{}-{strange}.gz", ago(5).strftime("%Y-%m-%d"));
    fixture.store.put(BUCKET, &key, 1_000, ago(5));
    fixture.store.put(BUCKET, &format!("{key}.sum"), 10, ago(5));
    let check = format!(
        "backup: {{ connection: backups, bucket: {BUCKET}, layout: {{ objects: {{ keys: \
         \"%F-*.gz\", siblings: [\"%F-*.gz.sum\"] }} }}, min_count: 1, max_age: {{ fail: 1d }} }}"
    );
    let judgement = crate::support::look(&check, &fixture.systems).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let said: String = judgement.lines().iter().map(|line| line.because.as_str()).collect();
    assert!(said.contains("<b>&amp; %2F+ ünïcode"), "{said}");
    assert!(!said.chars().any(char::is_control), "{said:?}");
    for sample in judgement.samples() {
        assert!(sample.labels.iter().all(|label| label.len() <= LONGEST_LABEL));
    }
}

#[tokio::test]
async fn no_limit_is_passed_by_a_folder_without_objects() {
    let fixture = Fixture::new().await;
    fixture.store.put(BUCKET, "2026-03-15/", 0, ago(1));
    fixture.store.put(BUCKET, &format!("{}.part", key(ago(2))), 1_000, ago(2));
    let judgement = fixture.look("").await;
    assert_eq!(judgement.reason().map(Reason::code), Some("NoBackup"));
}
