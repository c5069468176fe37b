//! Items that go by a reload, and come back by another.

use std::time::Duration;

use super::*;
use crate::checklist::Item;
use crate::checks::scripted::Script;
use crate::engine::acts_tests::word;
use crate::engine::tests::{Bench, SECOND, fails, holds, item};
use crate::model::acts::Waiver;
use crate::model::schedule::later;
use crate::model::standing::Standing;

const DAY: Duration = Duration::from_hours(24);

fn waiver(id: &str, until: Timestamp) -> Act {
    Act::Waiver(Waiver {
        id: "w".to_owned(),
        item: ItemId::parse(id).unwrap(),
        who: "Al".to_owned(),
        token: "al".to_owned(),
        at: until - jiff::SignedDuration::from_hours(48),
        reasons: vec!["Refused".to_owned()],
        until,
        why: "known".to_owned(),
        ended: None,
    })
}

/// An item that can be waived.
fn borne(id: &str, script: &Script) -> Item {
    Item { waivable_for: Some(30 * DAY), ..item(id, script, &[]) }
}

fn state(bench: &Bench, id: &str) -> ItemState {
    ItemState::clone(bench.board.snapshot().item(id).unwrap())
}

/// A daemon whose item `a` fails, and is waived and attested.
async fn waived() -> (Bench, Script, Script) {
    let (a, b) = (Script::always(fails()), Script::always(holds()));
    let bench = Bench::new(vec![borne("a", &a), item("b", &b, &[])]);
    bench.pass(61 * SECOND).await;
    bench.engine.act(waiver("a", later(bench.clock.now(), DAY))).await;
    bench.engine.act(word("a", later(bench.clock.now(), 2 * DAY))).await;
    assert_eq!(bench.standing("a").0, Standing::Waived);
    (bench, a, b)
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_by_a_reload_is_what_it_was() {
    let (bench, a, b) = waived().await;
    let before = state(&bench, "a");
    bench.configure(vec![item("b", &b, &[])]);
    bench.pass(600 * SECOND).await;
    bench.configure(vec![borne("a", &a), item("b", &b, &[])]);
    let after = state(&bench, "a");
    assert_eq!(bench.standing("a").0, Standing::Pending, "for ten minutes nobody looked");
    assert_eq!((&after.attestations, &after.waivers), (&before.attestations, &before.waivers));
    assert_eq!((after.attestations.len(), after.waivers.len()), (1, 1));
    assert_eq!(after.known_since, before.known_since);
    assert_eq!((after.attempts, after.turns), (before.attempts, before.turns));
    bench.pass(5 * SECOND).await;
    assert!(state(&bench, "a").attempts > before.attempts, "it is looked at again");
    assert_eq!(bench.standing("a").0, Standing::Waived, "the waiver has not ended");
}

#[tokio::test(start_paused = true)]
async fn an_act_that_comes_when_its_item_is_gone_is_remembered_with_it() {
    let (bench, a, b) = waived().await;
    bench.configure(vec![item("b", &b, &[])]);
    let Act::Attestation(first) = word("a", later(bench.clock.now(), DAY)) else { panic!() };
    let second = crate::model::acts::Attestation { id: "2".to_owned(), ..first };
    bench.engine.act(Act::Attestation(second)).await;
    bench.configure(vec![borne("a", &a), item("b", &b, &[])]);
    let after = state(&bench, "a");
    let ids: Vec<_> = after.attestations.iter().map(|known| &*known.id).collect();
    assert_eq!(ids, ["2", "1"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_month_it_is_forgotten() {
    let (bench, a, b) = waived().await;
    bench.configure(vec![item("b", &b, &[])]);
    for (days, waivers) in [(29, 1), (31, 0)] {
        bench.clock.set(later(bench.clock.now(), days * DAY));
        // What is forgotten is looked for whenever a configuration is taken.
        bench.configure(vec![item("b", &b, &[])]);
        bench.configure(vec![borne("a", &a), item("b", &b, &[])]);
        assert_eq!(state(&bench, "a").waivers.len(), waivers, "{days} days");
        bench.configure(vec![item("b", &b, &[])]);
    }
}

#[test]
fn of_too_many_those_that_went_first_are_forgotten() {
    let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    let gone = |n: usize| {
        let seen = Some(now - Duration::from_secs(u64::try_from(n).unwrap()));
        (ItemId::parse(&format!("item-{n}")).unwrap(), Memory { seen, ..Memory::default() })
    };
    let mut memories: HashMap<_, _> = (0..memory::MOST_GONE + 3).map(gone).collect();
    memory::forget_gone(&mut memories, now);
    assert_eq!(memories.len(), memory::MOST_GONE);
    assert!(
        memories.contains_key(&gone(0).0) && !memories.contains_key(&gone(memory::MOST_GONE).0)
    );
}
