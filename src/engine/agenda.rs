//! The agenda: what is due. A pure function of schedules and time.
//!
//! An item is due when its last start lies before its newest slot, so a late or lost tick, a clock
//! that was set and a machine that slept all end in "due now", once.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::report::Cause;
use crate::model::schedule::{Schedule, later};

/// What the agenda has to know of an item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    /// When its last attempt began; none before the first.
    pub(super) last_start: Option<Timestamp>,
    /// When its last attempt ended.
    pub(super) last_end: Option<Timestamp>,
    /// When its first attempt is due.
    pub(super) first_due: Timestamp,
    /// When time alone changes what its last attempt saw.
    pub(super) changes_at: Option<Timestamp>,
    /// Whether a dependency keeps it from being looked at.
    pub(super) blocked: bool,
    /// Whether the last verdict contradicts the standing.
    pub(super) contradicted: bool,
}

/// An attempt that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Since when.
    pub(super) at: Timestamp,
    /// Why.
    pub(super) cause: Cause,
}

/// Whether an item is due at `now`, and since when.
pub(super) fn due(
    schedule: &Schedule,
    phase: u64,
    confirm_every: Duration,
    situation: Situation,
    now: Timestamp,
) -> Option<Due> {
    let Situation { last_start, last_end, first_due, changes_at, blocked, contradicted } =
        situation;
    if blocked {
        return None;
    }
    let scheduled = |at| (at <= now).then_some(Due { at, cause: Cause::Scheduled });
    let Some(last_start) = last_start else { return scheduled(first_due) };
    let slot = schedule.slot(phase, now).filter(|slot| last_start < *slot);
    let confirm = last_end.filter(|_| contradicted).map(|end| later(end, confirm_every));
    let confirm = confirm.filter(|at| *at <= now).map(|at| Due { at, cause: Cause::Confirming });
    let changed = changes_at.filter(|at| last_start < *at).and_then(scheduled);
    slot.and_then(scheduled).or(changed).or(confirm)
}

/// A hash of an item's id that is the same in every process: the phase of its interval.
pub(super) fn phase(id: &str) -> u64 {
    // FNV-1a: a spread, not a secret.
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Schedule = Schedule::Every(Duration::from_mins(1));
    const CONFIRM: Duration = Duration::from_secs(30);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn situation(last: Option<i64>) -> Situation {
        Situation {
            last_start: last.map(at),
            last_end: last.map(|second| at(second + 1)),
            first_due: at(0),
            changes_at: None,
            blocked: false,
            contradicted: false,
        }
    }

    fn cause(situation: Situation, now: i64) -> Option<(Cause, i64)> {
        due(&MINUTE, 0, CONFIRM, situation, at(now))
            .map(|due| (due.cause, due.at.as_second() - 1_800_000_000))
    }

    #[test]
    fn the_first_attempt_waits_for_its_place() {
        assert_eq!(cause(situation(None), -1), None);
        assert_eq!(cause(situation(None), 5), Some((Cause::Scheduled, 0)));
    }

    #[test]
    fn an_item_is_due_once_a_slot() {
        assert_eq!(cause(situation(Some(0)), 59), None);
        assert_eq!(cause(situation(Some(0)), 60), Some((Cause::Scheduled, 60)));
        assert_eq!(cause(situation(Some(60)), 61), None);
    }

    #[test]
    fn many_missed_slots_are_one_attempt() {
        assert_eq!(cause(situation(Some(0)), 36_030), Some((Cause::Scheduled, 36_000)));
        assert_eq!(cause(situation(Some(36_030)), 36_031), None);
    }

    #[test]
    fn a_contradicted_standing_is_looked_at_sooner() {
        let contradicted = Situation { contradicted: true, ..situation(Some(0)) };
        assert_eq!(cause(contradicted, 30), None);
        assert_eq!(cause(contradicted, 31), Some((Cause::Confirming, 31)));
    }

    #[test]
    fn what_time_alone_changes_is_looked_at_when_it_does() {
        let changing = Situation { changes_at: Some(at(20)), ..situation(Some(0)) };
        assert_eq!(cause(changing, 19), None);
        assert_eq!(cause(changing, 21), Some((Cause::Scheduled, 20)));
        assert_eq!(cause(Situation { changes_at: Some(at(20)), ..situation(Some(21)) }, 25), None);
    }

    #[test]
    fn a_blocked_item_is_never_due() {
        assert_eq!(cause(Situation { blocked: true, ..situation(None) }, 500), None);
    }
}
