//! What is said of a rollout, from what was seen.

use super::*;
use crate::model::finding::Verdict;

fn check(text: &str) -> Deployment {
    serde_saphyr::from_str(text).unwrap()
}

fn began(at: &str) -> Seen {
    let word = || "x".to_owned();
    let at: Timestamp = at.parse().unwrap();
    let deployment = Rollout {
        id: word(),
        environment: word(),
        version: "2026.11.1".to_owned(),
        who: "Jo".to_owned(),
        token: word(),
        started: at,
        announced: at,
        migration: None,
        ticket: None,
        notes: None,
    };
    Seen { deployment: Some(deployment), ..Seen::default() }
}

fn said(check: &Deployment, seen: &Seen) -> (Verdict, &'static str) {
    let judgement = check.judge(seen, &Past::default(), Timestamp::UNIX_EPOCH);
    (judgement.verdict(), judgement.reason().map_or("", Reason::code))
}

#[test]
fn a_record_is_there_or_not_yet() {
    let recorded = check("{ recorded: true }");
    assert_eq!(said(&recorded, &Seen::default()), (Verdict::Unknown, "NoDeployment"));
    assert_eq!(said(&recorded, &began("2026-11-23T10:00:00Z")), (Verdict::Pass, ""));
}

#[test]
fn a_window_is_meant_where_its_hours_are() {
    let paris = check("{ window: ['Mon-Thu 08:00-18:00'], timezone: Europe/Paris }");
    // In November Paris is an hour ahead.
    assert_eq!(said(&paris, &began("2026-11-23T07:00:00Z")), (Verdict::Pass, ""));
    assert_eq!(said(&paris, &began("2026-11-23T17:00:00Z")), (Verdict::Fail, "OutsideWindow"));
    assert_eq!(said(&paris, &began("2026-11-27T10:00:00Z")), (Verdict::Fail, "OutsideWindow"));
    assert_eq!(said(&paris, &Seen::default()), (Verdict::Unknown, "NoDeployment"));
}

#[test]
fn what_claims_nothing_is_refused() {
    assert_eq!(check("{}").flaws().len(), 1);
    assert_eq!(check("{ recorded: true, timezone: Europe/Paris }").flaws().len(), 1);
    assert!(check("{ recorded: true }").flaws().is_empty());
    assert!(check("{ recorded: true }").needs().deployment);
    assert!(!check("{ rolled_out: { namespaces: all } }").needs().deployment);
}
