//! People's words, maintenance and roll-ups, on the engine that is swung by hand.

use super::tests::{Bench, SECOND, fails, holds, item};
use super::*;
use crate::checks::AnyCheck;
use crate::checks::scripted::{Act, Script};
use crate::model::acts::{self, Attestation, Covers, Ended, EndedBy, Maintenance};
use crate::model::finding::Finding;
use crate::model::item::{Card, Mode};
use crate::model::reason::Reason;
use crate::model::schedule::{Damping, Schedule};

pub(super) fn word(id: &str, until: Timestamp) -> acts::Act {
    acts::Act::Attestation(Attestation {
        id: "1".to_owned(),
        item: ItemId::parse(id).unwrap(),
        who: "Jo".to_owned(),
        token: "jo".to_owned(),
        at: until - jiff::SignedDuration::from_hours(1),
        covers: Covers::Until(until),
        note: None,
        link: None,
        ended: None,
    })
}

fn check(text: &str) -> AnyCheck {
    crate::config::yaml::from_str(text).unwrap()
}

/// An item of one check that reads the record alone.
fn recorded(id: &str, mode: Mode, text: &str) -> Item {
    let check = check(text);
    let needs = check.needs();
    let base = item(id, &Script::default(), &[]);
    Item { card: Card { mode, ..base.card }, needs, checks: vec![check], ..base }
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn a_word_makes_an_attested_item_pass_at_once_and_lapses_to_the_second() {
    let text = "attestation: { valid_for: 1h, warn_before: 10m, within: 5m }";
    let attested = recorded("attested", Mode::Attested, text);
    let schedule = Schedule::Every(24 * HOUR);
    let bench = Bench::new(vec![Item { schedule, ..attested }]);
    bench.pass(5 * SECOND).await;
    assert_eq!(bench.standing("attested").0, Standing::Pending);
    bench.pass(300 * SECOND).await;
    assert_eq!(bench.standing("attested").0, Standing::Failing, "nobody spoke within 5 minutes");
    let until = later(bench.clock.now(), HOUR);
    bench.engine.act(word("attested", until)).await;
    assert_eq!(bench.standing("attested").0, Standing::Passing, "before the act comes back");
    bench.pass(50 * 60 * SECOND).await;
    assert_eq!(bench.standing("attested").0, Standing::Warning);
    bench.pass(11 * 60 * SECOND).await;
    assert_eq!(bench.standing("attested").0, Standing::Failing);
    let snapshot = bench.board.snapshot();
    let turned = snapshot.item("attested").unwrap().turns[0].at;
    assert!(turned.duration_since(until).as_secs() <= 2, "{turned} {until}");
}

#[tokio::test(start_paused = true)]
async fn a_word_stands_in_for_what_it_answers_and_for_no_longer_than_it_lasts() {
    let script = Script::always(fails());
    let word_of = check("attestation: { valid_for: 1h, warn_before: 1m, answers: [Refused] }");
    let base = item("either", &script, &[]);
    let mut needs = base.needs.clone();
    needs.merge(word_of.needs());
    let card = Card { mode: Mode::AutoAttestable, ..base.card.clone() };
    let bench = Bench::new(vec![Item { card, needs, word: Some(word_of), ..base }]);
    bench.pass(5 * SECOND).await;
    assert_eq!(bench.standing("either").0, Standing::Failing);
    bench.engine.act(word("either", later(bench.clock.now(), HOUR))).await;
    assert_eq!(bench.standing("either").0, Standing::Passing);
    let snapshot = bench.board.snapshot();
    let because = &snapshot.item("either").unwrap().folded.because;
    assert!(because.starts_with("attested by Jo"), "the page says which: {because}");
    script.now(Act::Say(Finding::fail(Reason::NOT_FOUND, "is gone")));
    bench.pass(62 * SECOND).await;
    assert_eq!(bench.standing("either"), (Standing::Failing, Some(Reason::NOT_FOUND)));
    script.now(fails());
    bench.pass(62 * SECOND).await;
    assert_eq!(bench.standing("either").0, Standing::Passing);
    bench.pass(HOUR + 2 * SECOND).await;
    assert_eq!(bench.standing("either").0, Standing::Failing);
}

/// An item that a word can stand for, which follows a script, and whose looks are confirmed twice.
fn stood_for(script: &Script, answers: &str) -> Bench {
    let word_of = check(&format!("attestation: {{ valid_for: 1h, warn_before: 1m{answers} }}"));
    let base = item("either", script, &[]);
    let mut needs = base.needs.clone();
    needs.merge(word_of.needs());
    let card = Card { mode: Mode::AutoAttestable, ..base.card.clone() };
    let damping = Damping { fail_after: 3, recover_after: 2, unknown_after: 3, ..base.damping };
    Bench::new(vec![Item { card, needs, word: Some(word_of), damping, ..base }])
}

#[tokio::test(start_paused = true)]
async fn a_word_hides_no_failure_that_is_newer_than_it() {
    let script = Script::always(Act::Hang);
    let bench = stood_for(&script, "");
    let until = |bench: &Bench| later(bench.clock.now(), HOUR);
    bench.engine.act(word("either", until(&bench))).await;
    bench.pass(120 * SECOND).await;
    assert_eq!(bench.standing("either").0, Standing::Passing, "it answers for what is not seen");
    script.now(fails());
    bench.pass(200 * SECOND).await;
    assert_eq!(bench.standing("either").0, Standing::Failing);
    script.now(Act::Hang);
    bench.pass(300 * SECOND).await;
    let blind = (Standing::Unknown, Some(Reason::TIMED_OUT));
    assert_eq!(bench.standing("either"), blind, "nobody has seen that it is mended");

    let acts::Act::Attestation(first) = word("either", until(&bench)) else { panic!() };
    let again = Attestation { id: "2".to_owned(), at: bench.clock.now(), ..first };
    bench.engine.act(acts::Act::Attestation(again)).await;
    bench.pass(120 * SECOND).await;
    assert_eq!(bench.standing("either").0, Standing::Passing, "somebody looked, and says so");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_was_seen_to_be_over_makes_no_word_old() {
    let script = Script::always(holds());
    let bench = stood_for(&script, "");
    bench.engine.act(word("either", later(bench.clock.now(), HOUR))).await;
    for act in [fails(), holds(), Act::Hang] {
        script.now(act);
        bench.pass(200 * SECOND).await;
    }
    assert_eq!(bench.standing("either").0, Standing::Passing);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_a_word_held_up_stands_bare_as_soon_as_that_is_gone() {
    for (act, bare) in [(Act::Hang, Standing::Unknown), (fails(), Standing::Failing)] {
        let script = Script::always(act);
        let bench = stood_for(&script, ", answers: [Refused]");
        let given = word("either", later(bench.clock.now(), HOUR));
        bench.engine.act(given.clone()).await;
        bench.pass(120 * SECOND).await;
        assert_eq!(bench.standing("either").0, Standing::Passing);
        let acts::Act::Attestation(given) = given else { panic!() };
        let by = EndedBy::Withdrawal { who: "Jo".to_owned(), token: "jo".to_owned() };
        let ended = Some(Ended { at: bench.clock.now(), by });
        bench.engine.act(acts::Act::Attestation(Attestation { ended, ..given })).await;
        // A look that was under way, and the first without the word.
        bench.pass(25 * SECOND).await;
        assert_eq!(bench.standing("either").0, bare, "after one look");
    }
}

/// Two items, of which the first follows a script, and one that is the worst of them and is looked at
/// once a day.
fn rolled_up(script: &Script) -> Bench {
    let mut worst = recorded("worst", Mode::Auto, "rollup: { items: [a, b] }");
    worst.schedule = Schedule::Every(24 * HOUR);
    worst.damping.confirm_every = SECOND;
    Bench::new(vec![item("a", script, &[]), item("b", &Script::always(holds()), &[]), worst])
}

#[tokio::test(start_paused = true)]
async fn a_rollup_turns_with_the_items_that_it_rolls_up() {
    let script = Script::always(holds());
    let bench = rolled_up(&script);
    bench.pass(5 * SECOND).await;
    assert_eq!(bench.standing("worst").0, Standing::Passing);
    script.now(fails());
    bench.pass(62 * SECOND).await;
    assert_eq!(bench.standing("worst").0, Standing::Failing, "long before its own schedule");
    script.now(holds());
    bench.pass(62 * SECOND).await;
    assert_eq!(bench.standing("worst").0, Standing::Passing);
}

#[tokio::test(start_paused = true)]
async fn a_rollup_turns_with_the_maintenance_of_its_items() {
    let script = Script::always(fails());
    let bench = rolled_up(&script);
    let worst = |bench: &Bench| bench.standing("worst");
    bench.pass(5 * SECOND).await;
    assert_eq!(worst(&bench).0, Standing::Failing);
    let from = bench.clock.now();
    let declared = Maintenance {
        id: "1".to_owned(),
        who: Some("Jo".to_owned()),
        token: Some("jo".to_owned()),
        at: from,
        from,
        until: later(from, 3 * HOUR),
        sections: vec![],
        why: "moving".to_owned(),
        ended: None,
    };
    bench.engine.act(acts::Act::Maintenance(declared.clone())).await;
    bench.pass(2 * SECOND).await;
    let waived = "MemberWaived";
    assert_eq!(
        (worst(&bench).0, worst(&bench).1.map(Reason::code)),
        (Standing::Warning, Some(waived))
    );

    let by = EndedBy::Withdrawal { who: "Jo".to_owned(), token: "jo".to_owned() };
    let ended = Some(Ended { at: bench.clock.now(), by });
    bench.engine.act(acts::Act::Maintenance(Maintenance { ended, ..declared.clone() })).await;
    bench.pass(2 * SECOND).await;
    assert_eq!(worst(&bench).0, Standing::Failing, "as soon as it is taken back");

    let id = "2".to_owned();
    bench.engine.act(acts::Act::Maintenance(Maintenance { id, ..declared })).await;
    bench.pass(2 * SECOND).await;
    assert_eq!(worst(&bench).0, Standing::Warning);
    script.now(holds());
    bench.pass(62 * SECOND).await;
    assert_eq!(worst(&bench).0, Standing::Passing, "in the midst of it");
    script.now(fails());
    bench.pass(62 * SECOND).await;
    assert_eq!(worst(&bench).0, Standing::Warning);
    bench.pass(3 * HOUR).await;
    assert_eq!(worst(&bench).0, Standing::Failing, "at its end");
}
