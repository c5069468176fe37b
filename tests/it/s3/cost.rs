//! What a look costs a store: counted at the store.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;
use vigie::model::finding::Verdict;
use vigie::model::reason::Reason;
use vigie::systems::s3::Patience;
use vigie_sim::s3::{Object, Store};

use super::fixture::{BUCKET, Fixture, KEYS, ago, check, key, look_within, now};
use crate::support;

/// Fills a store, looks for keys of this form, and returns what was spent.
async fn spent(keys: &str, fill: impl FnOnce(&Store)) -> usize {
    let fixture = Fixture::new().await;
    fill(&fixture.store);
    let judgement = fixture.look_for(keys, "max_age: { fail: 4h }").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{keys}: {}", judgement.because());
    let said = judgement.lines()[0].because.clone();
    assert!(said.contains("was taken 3h ago"), "{keys}: {said}");
    fixture.store.request_count()
}

#[tokio::test]
async fn the_newest_of_a_million_flat_keys_costs_at_most_twenty_requests() {
    // One every seventeen seconds: half a year.
    let flat = |store: &Store| {
        let newest = ago(3);
        let keys = (0..1_000_000).rev().map(|back| {
            let modified = newest - SignedDuration::from_secs(17 * back);
            (format!("dump-{}.gz", modified.as_second()), Object { size: 1_000, modified })
        });
        store.extend(BUCKET, keys);
    };
    let spent = spent("dump-%s.gz", flat).await;
    assert!(spent <= 20, "{spent} requests");
}

#[tokio::test]
async fn the_newest_of_a_million_keys_in_folders_costs_at_most_twenty_requests() {
    // One every three minutes: almost six years.
    let folders = |store: &Store| {
        store.fill_many(BUCKET, "", ago(3), SignedDuration::from_mins(3), 1_000_000);
    };
    let spent = spent("%F/%H%M%S.dump", folders).await;
    assert!(spent <= 20, "{spent} requests");
}

#[tokio::test]
async fn a_million_objects_beside_the_backups_cost_no_more() {
    // Sixty days, each with a marker that comes after sixteen thousand other objects.
    let beside = (0..60_i64).rev().flat_map(|day| {
        let taken = ago(3 + 24 * day);
        let folder = taken.strftime("%Y%m%dT%H%M%S").to_string();
        let object = Object { size: 1_000, modified: taken };
        let parts = {
            let folder = folder.clone();
            (0..16_600).map(move |n| (format!("{folder}/part-{n:05}"), object))
        };
        parts.chain([(format!("{folder}/whole.json"), object)])
    });
    let spent = spent("%Y%m%dT%H%M%S/whole.json", |store| store.extend(BUCKET, beside)).await;
    assert!(spent <= 20, "{spent} requests");
}

#[tokio::test]
async fn dates_that_do_not_sort_are_asked_for_day_by_day() {
    let form = "dump-%d-%m-%Y.gz";
    let days = (0..40_000_i64).map(|day| {
        let modified = ago(3 + 24 * (day % 2_000));
        let name =
            if day < 2_000 { modified.strftime(form).to_string() } else { format!("other-{day}") };
        (name, Object { size: 1_000, modified })
    });
    let spent = spent(form, |store| store.extend(BUCKET, days)).await;
    assert!(spent <= 20, "{spent} requests");
}

#[tokio::test]
async fn a_store_that_gives_no_tokens_is_read_on_by_names() {
    let fixture = Fixture::new().await;
    let objects = (0..2_500).map(|n| (format!("{n:05}.gz"), Object { size: 1, modified: ago(5) }));
    fixture.store.extend(BUCKET, objects);
    fixture.store.set_fault(Some(vigie_sim::s3::Fault::NoToken));
    let judgement = fixture.look_for("*.gz", "min_count: 2500").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert_eq!(fixture.store.request_count(), 3);
}

#[tokio::test]
async fn keys_without_an_order_are_listed_for_a_few_pages_and_no_more() {
    let fixture = Fixture::new().await;
    let objects = (0..50_000).map(|n| (format!("{n:05}.gz"), Object { size: 1, modified: ago(5) }));
    fixture.store.extend(BUCKET, objects);
    let judgement = fixture.look_for("*.gz", "").await;
    assert_eq!(judgement.reason().map(Reason::code), Some("NotListable"));
    assert!(judgement.because().contains("5 of at most 20 requests"), "{}", judgement.because());
    assert_eq!(fixture.store.request_count(), 5);
}

#[tokio::test]
async fn five_items_at_one_store_share_one_listing() {
    let fixture = Fixture::new().await.daily(5, &[1_000; 9]);
    let limits = [
        "max_age: { fail: 26h }",
        "min_count: 7",
        "retention: 30d",
        "min_size: 10 B",
        "size_factor: 3",
    ];
    let checks = limits.map(|limits| check(KEYS, limits));
    let looks = checks.iter().map(|check| {
        let (ten, minute) = (Duration::from_secs(10), Duration::from_mins(1));
        look_within(check, &fixture.systems, ten, minute)
    });
    for judgement in futures::future::join_all(looks).await {
        assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    }
    assert_eq!(fixture.store.request_count(), 1);
    let counted = fixture.systems.s3.requests();
    assert_eq!(counted.get(&["ListObjectsV2".to_owned(), "200".to_owned()]), Some(&1));
    let skew = fixture.systems.s3.skews()["s3.backups"];
    assert!(skew.is_finite(), "the store's Date is compared with the test's clock");
}

#[tokio::test]
async fn keys_are_read_once_a_look() {
    let fixture = Fixture::new().await.daily(5, &[1_000]);
    let until = Instant::now() + Duration::from_secs(10);
    let patience = Patience { until, fresh_within: Duration::ZERO };
    let store = fixture.systems.s3.open("backups", patience).await.expect("keys");
    std::fs::remove_file(&fixture.secret_file).expect("a file");
    assert_eq!(store.size(BUCKET, &key(ago(5))).await, Ok(Some(1_000)));
    assert_eq!(store.size(BUCKET, &key(ago(6))).await, Ok(None));
}

#[tokio::test]
async fn a_store_as_operators_leave_it_passes() {
    let store = Store::start().await.expect("a store");
    store.fill_postgres(now(), SignedDuration::from_hours(9), 30);
    store.fill_mongodb(now(), SignedDuration::from_hours(8), 7);
    let fixture = Fixture::with(store);
    for check in [
        "backup: { connection: backups, bucket: trackdechets-postgres-backups, prefix: dumps/, \
         layout: { objects: { keys: \"%F/postgres-%H%M%S.sql.gz\", siblings: \
         [\"%F/postgres-%H%M%S.sql.gz.sha256\"] } }, max_age: { warn: 26h, fail: 50h }, \
         min_size: 100 MB, min_count: 7, retention: 30d }",
        "backup: { connection: backups, bucket: trackdechets-mongodb-backups, \
         layout: { objects: { keys: \"%FT%TZ.pbm.json\" } }, max_age: { fail: 26h }, min_count: 7 }",
    ] {
        let judgement = support::look(check, &fixture.systems).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    }
}
