use serde_json::{Value, json};

use super::*;
use crate::systems::kubernetes::whole::Whole;

fn whole(object: Value) -> Whole {
    Whole { namespace: "shop".into(), name: "pg".into(), object, cut: 0 }
}

fn cnpg(more: &str) -> cloudnative_pg::CloudNativePg {
    serde_saphyr::from_str(&format!("{{ namespace: shop, cluster: pg{more} }}")).unwrap()
}

fn store(bucket: &str, path: &str) -> Destination {
    let (bucket, path) = (bucket.to_owned(), path.to_owned());
    Destination::Store { bucket, path, endpoint: None }
}

#[test]
fn a_cluster_tells_where_it_backs_up_to() {
    let of = |backup: Value| {
        cnpg("").destination(
            &whole(json!({ "spec": { "backup": { "barmanObjectStore": backup } } })),
            None,
        )
    };
    assert_eq!(of(json!({ "destinationPath": "s3://b/" })), store("b", "pg/"));
    assert_eq!(of(json!({ "destinationPath": "s3://b" })), store("b", "pg/"));
    let named = json!({ "destinationPath": "s3://b/a/c/", "serverName": "old" });
    assert_eq!(of(named), store("b", "a/c/old/"));
    assert!(matches!(of(json!({ "destinationPath": "https://x/" })), Destination::Nowhere(_)));
    assert!(matches!(of(json!({})), Destination::Untold(_)));
    assert!(matches!(cnpg("").destination(&whole(json!({})), None), Destination::Nowhere(_)));
}

#[test]
fn a_cluster_with_the_plugin_tells_by_its_object_store() {
    let plugin = json!({
        "name": "barman-cloud.cloudnative-pg.io", "parameters": { "barmanObjectName": "far" },
    });
    let cluster = whole(json!({ "spec": { "plugins": [plugin] } }));
    let far = whole(json!({ "spec": { "configuration": { "destinationPath": "s3://b/" } } }));
    assert!(matches!(cnpg("").destination(&cluster, None), Destination::Untold(_)));
    let named = cnpg(", object_store: far");
    assert_eq!(named.destination(&cluster, Some(&far)), store("b", "pg/"));
    assert!(matches!(named.destination(&cluster, None), Destination::Nowhere(_)));
    let other = cnpg(", object_store: near");
    assert!(matches!(other.destination(&cluster, Some(&far)), Destination::Nowhere(_)));
}

#[test]
fn a_mongodb_tells_by_its_storage() {
    let text = "{ namespace: shop, cluster: mongo, storage: far }";
    let check: percona::PerconaMongodb = serde_saphyr::from_str(text).unwrap();
    let of = |storage: Value| {
        check.destination(&whole(
            json!({ "spec": { "backup": { "storages": { "far": storage } } } }),
        ))
    };
    assert_eq!(of(json!({ "s3": { "bucket": "b" } })), store("b", ""));
    assert_eq!(of(json!({ "s3": { "bucket": "b/a", "prefix": "/c/" } })), store("b", "a/c"));
    assert!(matches!(of(json!({ "s3": {} })), Destination::Untold(_)));
    assert!(matches!(of(json!({ "azure": {} })), Destination::Nowhere(_)));
    assert!(matches!(check.destination(&whole(json!({}))), Destination::Nowhere(_)));
}

#[test]
fn windows_are_read_as_operators_write_them() {
    for (text, days) in [("30d", Some(30)), ("4w", Some(28)), ("2m", Some(62))] {
        assert_eq!(window(text).map(|window| window.as_secs() / 86_400), days, "{text}");
    }
    for text in ["", "d", "0d", "30", "30y", "99999999999999999999d", "é"] {
        assert_eq!(window(text), None, "{text}");
    }
}

#[test]
fn a_schedule_is_due_once_it_had_time() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let schedule = |cron: &str| Schedule {
        named: String::new(),
        cron: Some(cron.to_owned()),
        suspended: false,
        created: Some(at("2026-03-01T12:00:00Z")),
        last: None,
    };
    for (cron, now, due) in [
        ("0 0 2 * * *", "2026-03-15T12:00:00Z", Some("2026-03-15T02:00:00Z")),
        ("0 2 * * *", "2026-03-15T02:29:00Z", Some("2026-03-14T02:00:00Z")),
        ("0 2 * * *", "2026-03-01T18:00:00Z", None),
    ] {
        assert_eq!(schedule(cron).due(at(now)), Ok(due.map(at)), "{cron} at {now}");
    }
    assert!(schedule("now and then").due(at("2026-03-15T12:00:00Z")).is_err());
    assert!(Schedule { cron: None, ..schedule("") }.due(at("2026-03-15T12:00:00Z")).is_err());
}
