use super::super::cells::tests::answer;
use super::*;
use crate::model::reason::Reason;

/// When the servers of these tests started, unless they say otherwise.
const STARTED: f64 = 500_000.0;

fn seen(deadlocks: f64, reset: f64) -> Seen {
    Seen { tracked: true, hit: 0.0, read: 0.0, deadlocks, reset, started: STARTED }
}

/// What was added by the last of these looks, a minute apart: deadlocks, and the time of the reset.
fn added(looks: &[(f64, f64)]) -> Option<f64> {
    let looks: Vec<_> = looks.iter().map(|(count, reset)| seen(*count, *reset)).collect();
    added_by(&looks)
}

fn added_by(looks: &[Seen]) -> Option<f64> {
    let check: Postgres = serde_saphyr::from_str("deadlocks: {}").unwrap();
    let mut past = Past::default();
    let mut now = Timestamp::from_second(1_000_000).unwrap();
    let (last, before) = looks.split_last().unwrap();
    for seen in before {
        let mut judgement = Judgement::new();
        seen.measure(&check, &mut judgement);
        past.remember(judgement.samples(), now);
        now += SignedDuration::from_mins(1);
    }
    let counters = Counters { check: &check, seen: last, past: &past, now };
    counters.added(&DEADLOCKS, last.deadlocks, Period::from_secs(3_600)).map(|added| added.count)
}

#[test]
fn counters_are_judged_by_what_was_added_and_never_negative() {
    for (looks, count) in [
        (vec![(5.0, 1.0)], None),
        (vec![(5.0, 1.0), (5.0, 1.0)], Some(0.0)),
        (vec![(5.0, 1.0), (7.0, 1.0), (8.0, 1.0)], Some(3.0)),
        (vec![(5.0, 1.0), (2.0, 1.0)], Some(2.0)),
        // Reset and grown beyond where it was, between two looks.
        (vec![(5.0, 1.0), (6.0, 2.0)], Some(6.0)),
        (vec![(5.0, 0.0), (9.0, 0.0), (1.0, 2.0), (3.0, 2.0)], Some(7.0)),
    ] {
        assert_eq!(added(&looks), count, "{looks:?}");
    }
}

#[test]
fn what_another_server_had_counted_was_not_added() {
    let other = |deadlocks, started| Seen { started, ..seen(deadlocks, 0.0) };
    let old = || other(5.0, STARTED);
    for (looks, count) in [
        // A failover to one that has run for long, with more on its counters, and with less.
        (vec![old(), other(500.0, 400_000.0)], Some(0.0)),
        (vec![old(), other(3.0, 400_000.0)], Some(0.0)),
        (vec![old(), other(500.0, 400_000.0), other(502.0, 400_000.0)], Some(2.0)),
        // A restart since the look before: counters are kept, or begin anew after a crash.
        (vec![old(), other(6.0, 1_000_030.0)], Some(1.0)),
        (vec![old(), other(2.0, 1_000_030.0)], Some(2.0)),
    ] {
        assert_eq!(added_by(&looks), count, "{looks:?}");
    }
}

#[test]
fn a_counter_that_is_missing_is_never_zero() {
    let row = ["on", "1", "2", "3", "-", "500000"];
    assert_eq!(
        Seen::read(&answer(&[&row])).map(|seen| seen.reset.to_bits()),
        Ok(0.0_f64.to_bits())
    );
    for at in 0..4 {
        let mut odd = row;
        odd[at] = "-";
        let told = Seen::read(&answer(&[&odd])).unwrap_err();
        assert_eq!(told.reason, Reason::GARBLED, "column {at}");
    }
    assert!(Seen::read(&answer(&[])).is_err(), "no such database");
}
