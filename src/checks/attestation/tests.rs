//! What is made of people's words as time goes by.

use super::*;
use crate::model::finding::Verdict;

const DAY: i64 = 86_400;

fn at(day: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + day * DAY).unwrap()
}

fn check(text: &str) -> Attestation {
    serde_saphyr::from_str(text).unwrap()
}

fn word(made: i64, covers: Covers) -> Arc<acts::Attestation> {
    Arc::new(acts::Attestation {
        id: "1".to_owned(),
        item: crate::model::item::ItemId::parse("load-test").unwrap(),
        who: "Jo".to_owned(),
        token: "jo".to_owned(),
        at: at(made),
        covers,
        note: None,
        link: None,
        ended: None,
    })
}

fn deployment(id: &str, began: i64) -> Deployment {
    let word = || "x".to_owned();
    Deployment {
        id: id.to_owned(),
        environment: word(),
        version: word(),
        who: word(),
        token: word(),
        started: at(began),
        announced: at(began),
        migration: None,
        ticket: None,
        notes: None,
    }
}

fn seen(words: Vec<Arc<acts::Attestation>>, deployment: Option<Deployment>) -> Seen {
    Seen { attestations: words, deployment, known_since: Some(at(0)) }
}

/// Verdict, reason, and the day of the next change.
fn said(check: &Attestation, seen: &Seen, day: i64) -> (Verdict, &'static str, Option<i64>) {
    let judgement = check.judge(seen, &Past::default(), at(day));
    let reason = judgement.reason().map_or("", Reason::code);
    let days = |at: Timestamp| (at.as_second() - 1_800_000_000) / DAY;
    (judgement.verdict(), reason, judgement.changes_at.map(days))
}

#[test]
fn a_period_passes_then_warns_then_fails() {
    let check = check("{ valid_for: 30d, warn_before: 5d }");
    let seen = seen(vec![word(0, Covers::Until(at(30)))], None);
    assert_eq!(said(&check, &seen, 1), (Verdict::Pass, "", Some(25)));
    assert_eq!(said(&check, &seen, 25), (Verdict::Warn, "AttestationEnding", Some(30)));
    assert_eq!(said(&check, &seen, 30), (Verdict::Fail, "AttestationLapsed", None));
}

#[test]
fn a_word_of_a_clock_that_was_ahead_does_not_count() {
    let check = check("{ valid_for: 30d, warn_before: 5d }");
    let ahead = || word(400, Covers::Until(at(430)));
    let judged = |words| check.judge(&seen(words, None), &Past::default(), at(1));
    let judgement = judged(vec![ahead()]);
    assert_eq!(judgement.reason(), Some(LAPSED));
    assert!(judgement.because().contains("which lies ahead"), "{}", judgement.because());
    assert_eq!(judged(vec![ahead(), word(0, Covers::Until(at(30)))]).verdict(), Verdict::Pass);
    let slightly = Timestamp::from_second(at(1).as_second() + 60).unwrap();
    let slight = acts::Attestation { at: slightly, ..(*word(1, Covers::Until(at(31)))).clone() };
    assert_eq!(judged(vec![Arc::new(slight)]).verdict(), Verdict::Pass, "clocks differ a little");
}

#[test]
fn the_newest_word_that_is_valid_decides() {
    let check = check("{ valid_for: 30d }");
    let words = || vec![word(10, Covers::Until(at(12))), word(0, Covers::Until(at(30)))];
    let ending = (Verdict::Warn, "AttestationEnding", Some(12));
    assert_eq!(said(&check, &seen(words(), None), 11), ending, "the newest, not the longest");
    let words = words();
    assert_eq!(said(&check, &seen(words, None), 13), (Verdict::Pass, "", Some(27)));
}

#[test]
fn a_word_is_held_against_the_terms_that_are_in_force_now() {
    let word = || seen(vec![word(0, Covers::Until(at(365)))], None);
    let shortened = check("{ valid_for: 30d, warn_before: 5d }");
    assert_eq!(said(&shortened, &word(), 24), (Verdict::Pass, "", Some(25)));
    assert_eq!(said(&shortened, &word(), 30), (Verdict::Fail, "AttestationLapsed", None));
    let per_deployment = check("{ valid_for: deployment, within: 2d }");
    let begun = Seen { deployment: Some(deployment("one", 10)), ..word() };
    assert_eq!(said(&per_deployment, &begun, 11), (Verdict::Unknown, "NotYet", Some(12)));
    let of_one = seen(vec![self::word(1, Covers::Deployment("one".to_owned()))], None);
    let of_one = Seen { deployment: Some(deployment("one", 0)), ..of_one };
    assert_eq!(said(&shortened, &of_one, 2).1, "NotYet", "a deployment is no period");
}

#[test]
fn a_word_that_was_taken_back_says_nothing() {
    let check = check("{ valid_for: 30d, within: 3d }");
    let by = acts::EndedBy::Withdrawal { who: "Al".to_owned(), token: "al".to_owned() };
    let ended = Some(acts::Ended { at: at(1), by });
    let back = acts::Attestation { ended, ..(*word(0, Covers::Until(at(30)))).clone() };
    let back = seen(vec![Arc::new(back)], None);
    assert_eq!(said(&check, &back, 2), (Verdict::Unknown, "NotYet", Some(3)));
    assert_eq!(said(&check, &back, 3), (Verdict::Fail, "NotAttested", None));
}

#[test]
fn nobodys_word_is_waited_for_so_long_and_no_longer() {
    let check = check("{ valid_for: 30d, within: 3d }");
    assert_eq!(said(&check, &seen(vec![], None), 2), (Verdict::Unknown, "NotYet", Some(3)));
    assert_eq!(said(&check, &seen(vec![], None), 3), (Verdict::Fail, "NotAttested", None));
}

#[test]
fn a_word_for_one_deployment_says_nothing_of_the_next() {
    let check = check("{ valid_for: deployment, within: 2d }");
    let words = || vec![word(1, Covers::Deployment("one".to_owned()))];
    let one = seen(words(), Some(deployment("one", 0)));
    assert_eq!(said(&check, &one, 400), (Verdict::Pass, "", None));
    let two = seen(words(), Some(deployment("two", 10)));
    assert_eq!(said(&check, &two, 11), (Verdict::Unknown, "NotYet", Some(12)));
    assert_eq!(said(&check, &two, 12), (Verdict::Fail, "NotAttested", None));
}

#[test]
fn before_any_deployment_a_word_stands_for_the_coming_one() {
    let check = check("{ valid_for: deployment }");
    let coming = seen(vec![word(1, Covers::NextDeployment)], None);
    assert_eq!(said(&check, &coming, 2), (Verdict::Pass, "", Some(8)));
    assert_eq!(said(&check, &coming, 8), (Verdict::Unknown, "NoDeployment", None), "after 7d");
    assert_eq!(said(&check, &seen(vec![], None), 2), (Verdict::Unknown, "NoDeployment", None));
    let begun = seen(vec![word(1, Covers::NextDeployment)], Some(deployment("one", 0)));
    assert_eq!(said(&check, &begun, 2).0, Verdict::Unknown, "it is about the one after");
}

#[test]
fn parameters_that_contradict_each_other_are_refused() {
    assert!(check("{ valid_for: 30d }").flaws().is_empty());
    assert_eq!(check("{ valid_for: 30d, warn_before: 30d }").flaws().len(), 1);
    assert_eq!(check("{ valid_for: deployment, warn_before: 1d }").flaws().len(), 1);
    assert!(serde_saphyr::from_str::<Attestation>("{ valid_for: ever }").is_err());
}
