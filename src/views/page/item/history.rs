//! How it went before: attempts, and turns of the standing.

use jiff::Timestamp;

use super::super::mark::Mark;
use super::super::moment::Moment;
use crate::model::duration::spoken;
use crate::model::report::Cause;
use crate::model::snapshot::{Attempt, ItemState};
use crate::model::standing::Turn;

pub(super) struct AttemptView<'a> {
    pub(super) started: Moment,
    pub(super) took: String,
    pub(super) cause: &'static str,
    pub(super) mark: Mark,
    pub(super) reason: &'static str,
    pub(super) because: &'a str,
}

pub(super) struct TurnView<'a> {
    pub(super) at: Moment,
    pub(super) from: Mark,
    pub(super) to: Mark,
    pub(super) reason: &'static str,
    pub(super) because: &'a str,
}

/// The last attempts that did not hold: kept after the list of all has forgotten them.
pub(super) fn failures(state: &ItemState, now: Timestamp) -> Vec<AttemptView<'_>> {
    state.failures.iter().map(|attempt| AttemptView::new(attempt, now)).collect()
}

impl<'a> AttemptView<'a> {
    pub(super) fn new(attempt: &'a Attempt, now: Timestamp) -> Self {
        let Attempt { started, took, cause, verdict, reason, because } = attempt;
        Self {
            started: Moment::new(*started, now),
            took: spoken(*took),
            cause: match cause {
                Cause::Scheduled => "scheduled",
                Cause::Changed => "changed",
                Cause::Asked => "asked",
                Cause::Round => "round",
                Cause::Confirming => "confirming",
            },
            mark: (*verdict).into(),
            reason: reason.map_or("", |reason| reason.code()),
            because,
        }
    }
}

impl<'a> TurnView<'a> {
    pub(super) fn new(turn: &'a Turn, now: Timestamp) -> Self {
        let Turn { at, from, to, reason, because } = turn;
        Self {
            at: Moment::new(*at, now),
            from: (*from).into(),
            to: (*to).into(),
            reason: reason.map_or("", |reason| reason.code()),
            because,
        }
    }
}
