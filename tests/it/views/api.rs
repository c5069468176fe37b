//! The JSON API's answers for snapshots built by hand.

use serde_json::{Value, json};
use vigie::views::api::{Checklist, ItemView};

use crate::fixtures::{everything, now, vitals};

#[test]
fn the_checklist_counts_and_lists_all_items() {
    let (all, vitals) = (everything(), vitals());
    let told = serde_json::to_value(Checklist::new(&all, &vitals, now())).expect("JSON");
    assert_eq!(told["standing"], "failing");
    assert_eq!(
        told["counts"],
        json!({
            "pending": 1, "passing": 4, "warning": 1, "failing": 1, "unknown": 1, "waived": 1,
            "not_applicable": 1, "attested": 0,
        })
    );
    let first = &told["sections"][0]["items"][0];
    assert_eq!(first["id"], "pods-running");
    assert_eq!(first["reason"], "CrashLoopBackOff");
    assert_eq!(first["since"], "2026-11-23T00:55:48Z");
    assert_eq!(told["sections"][0]["groups"][0]["title"], "Workloads");
    assert_eq!(told["configuration"]["refused"], Value::Null);
    assert_eq!(told["streams"][1]["up"], false);
}

#[test]
fn an_item_tells_its_evidence_and_history() {
    let all = everything();
    let item = all.item("pods-running").expect("the item");
    let told = serde_json::to_value(ItemView::new(&all, item, now())).expect("JSON");
    assert_eq!(told["item"]["standing"], "failing");
    assert_eq!(told["attempts"], json!({ "fail": 5, "pass": 1430, "unknown": 3, "warn": 2 }));
    let check = &told["latest"]["checks"][0];
    assert_eq!((&check["kind"], &check["verdict"]), (&json!("pods"), &json!("fail")));
    assert_eq!(check["lines"][2]["reason"], "Forbidden");
    assert_eq!(told["failures"][0]["reason"], "Refused");
    assert_eq!(told["turns"][0]["to"], "failing");
    assert_eq!(told["depends_on"], json!(["cluster-reachable"]));
}

#[test]
fn figures_are_those_of_metrics_and_no_number_is_null() {
    let all = everything();
    let item = all.item("queues").expect("the item");
    let told = serde_json::to_value(ItemView::new(&all, item, now())).expect("JSON");
    let labels = json!({ "queue": "mails", "state": "delayed" });
    assert_eq!(
        told["figures"][1],
        json!({ "name": "vigie_fixture_jobs", "labels": labels, "value": null })
    );
    assert_eq!(told["details_dropped"], 7);
}
