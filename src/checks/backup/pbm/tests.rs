use serde_json::json;

use super::*;

const NAME: &str = "2026-03-15T02:00:00Z";

fn now() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

fn entry(name: &str, change: impl FnOnce(&mut serde_json::Value)) -> Entry {
    let mut metadata = json!({
        "name": name, "type": "logical", "status": "done", "last_transition_ts": 1_773_540_241,
        "last_write_ts": { "T": 1_773_540_238, "I": 5 }, "size": 7,
        "replsets": [{ "name": "rs0", "status": "done" }],
    });
    change(&mut metadata);
    let info = Some(Arc::new(Metadata::read(name, metadata.to_string().as_bytes())));
    Entry { name: name.to_owned(), info, modified: None, folder: true }
}

fn what(entry: &Entry, others: &[Entry]) -> Option<Fault> {
    let backups = others.iter().chain([entry]).cloned().collect();
    let catalogue = Catalogue { backups, requests: 1 };
    match sorted(entry, &by_name(&catalogue), Period::from_secs(86_400), now()) {
        Sorted::Broken(broken) => Some(broken.what),
        Sorted::Complete(_) | Sorted::LeftOut => None,
    }
}

fn is_complete(entry: &Entry) -> bool {
    let catalogue = Catalogue { backups: vec![entry.clone()], requests: 1 };
    newest(&catalogue, now()).is_some()
}

#[test]
fn only_whole_backups_in_the_store_count() {
    assert!(is_complete(&entry(NAME, |_| {})));
    for (change, fault) in [
        (json!({ "status": "error" }), Some(Fault::Failed)),
        (json!({ "type": "external" }), None),
        (json!({ "nss": ["shop.orders"] }), None),
        (json!({ "replsets": [] }), Some(Fault::Unreadable)),
        (json!({ "src_backup": "2026-03-14T02:00:00Z" }), Some(Fault::DataMissing)),
        (json!({ "src_backup": NAME }), Some(Fault::DataMissing)),
    ] {
        let entry = entry(NAME, |metadata| {
            for (field, value) in change.as_object().unwrap() {
                metadata[field] = value.clone();
            }
        });
        assert!(!is_complete(&entry), "{change}");
        assert_eq!(what(&entry, &[]), fault, "{change}");
    }
    let alone = Entry { folder: false, ..entry(NAME, |_| {}) };
    assert_eq!(what(&alone, &[]), Some(Fault::DataMissing));
}

#[test]
fn an_increment_needs_all_before_it() {
    let base = entry("2026-03-13T02:00:00Z", |_| {});
    let middle =
        entry("2026-03-14T02:00:00Z", |metadata| metadata["src_backup"] = json!(base.name));
    let last = entry(NAME, |metadata| metadata["src_backup"] = json!(middle.name));
    assert_eq!(what(&last, &[base.clone(), middle.clone()]), None);
    let without_data = Entry { folder: false, ..base };
    assert_eq!(what(&last, &[without_data, middle.clone()]), Some(Fault::DataMissing));
    assert_eq!(what(&last, &[middle]), Some(Fault::DataMissing));
}

#[test]
fn what_has_no_metadata_is_under_way_for_a_period() {
    let bare =
        |name: &str| Entry { name: name.to_owned(), info: None, modified: None, folder: true };
    assert_eq!(what(&bare(NAME), &[]), None);
    assert_eq!(what(&bare("2026-03-14T11:00:00Z"), &[]), Some(Fault::Failed));
}

#[test]
fn a_copy_from_elsewhere_says_so() {
    let text = "{ bucket: b, prefix: p/, layout: { pbm: {} } }";
    let check: Backup = serde_saphyr::from_str(text).unwrap();
    let of = |bucket: &str, prefix: &str| {
        let store = json!({ "s3": { "bucket": bucket, "prefix": prefix } });
        let entry = entry(NAME, |metadata| metadata["store"] = store);
        let metadata = told(&entry).unwrap();
        elsewhere(&check, &entry, metadata).is_some()
    };
    assert_eq!((of("b", "p"), of("b", ""), of("c", "p")), (false, true, true));
}
