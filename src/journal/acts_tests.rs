//! Human acts: back after a restart, with what became of them, and forgotten in their time.

use super::tests::{Ground, assert_recalled, at, id, open};
use super::*;
use crate::board::Event;
use crate::model::acts::{Act, Attestation, Covers, Maintenance, Waiver};
use crate::model::finding::Finding;

fn attestation(n: u64, second: u64) -> Attestation {
    Attestation {
        id: format!("a{n}"),
        item: id("a"),
        who: "Jo".to_owned(),
        token: "team".to_owned(),
        at: at(second),
        covers: Covers::Until(at(second + 3_600)),
        note: Some("seen <b>it</b>".to_owned()),
        link: None,
        ended: None,
    }
}

fn waiver() -> Waiver {
    Waiver {
        id: "w1".to_owned(),
        item: id("a"),
        who: "Al".to_owned(),
        token: "team".to_owned(),
        at: at(991),
        until: at(5_000),
        reasons: vec!["Odd".to_owned()],
        why: "known".to_owned(),
        ended: None,
    }
}

#[tokio::test]
async fn acts_come_back_with_what_became_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::lively();
    let span = Maintenance {
        id: "m1".to_owned(),
        who: Some("Jo".to_owned()),
        token: Some("team".to_owned()),
        at: at(992),
        from: at(992),
        until: at(993),
        sections: vec![],
        why: "new disks".to_owned(),
        ended: None,
    };
    let acts = [
        Act::Attestation(attestation(1, 990)),
        Act::Waiver(waiver()),
        Act::Maintenance(span.clone()),
        Act::Attestation(attestation(2, 992)),
    ];
    {
        let (journal, _) = open(folder.path());
        for act in acts {
            journal.record(vec![Record::act(&act).unwrap()], at(992)).await.unwrap();
            ground.board.apply(Event::Acted(act), at(992));
        }
        journal.keep(ground.known(992)).await;
        // It recovers, which ends the waiver: nobody asked for that to be recorded.
        ground.report("a", Finding::pass("holds"), 1_030);
        journal.keep(ground.known(1_030)).await;
    }
    let (_, recalled) = open(folder.path());
    assert_recalled(&recalled, &ground);
    let snapshot = ground.board.snapshot();
    let (item, memory) = (snapshot.item("a").unwrap(), &recalled.items[&id("a")]);
    assert_eq!(memory.attestations, item.attestations, "newest first");
    assert_eq!(memory.waivers, item.waivers);
    assert!(memory.waivers[0].ended.is_some());
    assert_eq!(recalled.maintenance, [span]);
    let kept = read(folder.path()).unwrap();
    assert_eq!((kept.attestations.len(), kept.waivers.len(), kept.maintenance.len()), (2, 1, 1));
}

#[tokio::test]
async fn acts_that_ended_are_kept_for_a_year_and_the_last_attestation_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    for n in 1..=3 {
        let act = Act::Attestation(attestation(n, n * 86_400));
        journal.record(vec![Record::act(&act).unwrap()], at(0)).await.unwrap();
    }
    let waiver = Act::Waiver(waiver());
    journal.record(vec![Record::act(&waiver).unwrap()], at(0)).await.unwrap();
    let empty = Ground::new(&["b"]);
    let mut left = Vec::new();
    for day in [1, 399, 402, 1_000] {
        journal.keep(empty.known(day * 86_400)).await;
        let kept = read(folder.path()).unwrap();
        let ids = kept.attestations.into_iter().map(|act| act.id);
        left.push((ids.collect::<Vec<_>>().join(" "), kept.waivers.len()));
    }
    let left: Vec<_> = left.iter().map(|(ids, waivers)| (ids.as_str(), *waivers)).collect();
    assert_eq!(left, [("a1 a2 a3", 1), ("a1 a2 a3", 1), ("a2 a3", 0), ("a3", 0)]);
}
