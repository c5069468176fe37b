//! What changed lately: the last turns of all items, the newest first.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::mark::Mark;
use super::moment::Moment;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::{Standing, Turn};

/// How many are shown at once.
const AT_ONCE: usize = 6;
/// How many more are there to unfold.
const MORE: usize = 42;

/// The last turns.
pub(super) struct Lately<'a> {
    pub(super) newest: Vec<Change<'a>>,
    pub(super) older: Vec<Change<'a>>,
}

/// One item became something else.
pub(super) struct Change<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) at: Moment,
    pub(super) from: Mark,
    pub(super) to: Mark,
    pub(super) reason: &'static str,
    pub(super) because: &'a str,
}

impl<'a> Lately<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, now: Timestamp) -> Self {
        let all = snapshot.items.iter().flat_map(|item| item.turns.iter().map(move |t| (item, t)));
        let mut told: Vec<_> = all.filter(|(_, turn)| is_news(turn)).collect();
        told.sort_by_key(|(_, turn)| Reverse(turn.at));
        told.truncate(AT_ONCE + MORE);
        let mut newest: Vec<_> =
            told.into_iter().map(|(item, turn)| Change::new(item, turn, now)).collect();
        let older = newest.split_off(newest.len().min(AT_ONCE));
        Self { newest, older }
    }
}

/// A first look that finds all well, or nothing to look at, is none: after a start, every item has one.
fn is_news(turn: &Turn) -> bool {
    turn.from != Standing::Pending
        || !matches!(turn.to, Standing::Passing | Standing::NotApplicable)
}

impl<'a> Change<'a> {
    fn new(item: &'a ItemState, turn: &'a Turn, now: Timestamp) -> Self {
        let Turn { at, from, to, reason, because } = turn;
        Self {
            id: item.card.id.as_str(),
            title: &item.card.title,
            at: Moment::new(*at, now),
            from: (*from).into(),
            to: (*to).into(),
            reason: reason.map_or("", |reason| reason.code()),
            because,
        }
    }
}
