//! Pauses: times of which there is no record, since no daemon ran, or none that could write, or
//! since the machine slept.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A restart that takes no longer is no pause.
const SHORTEST: SignedDuration = SignedDuration::from_mins(2);
/// The most that are remembered.
pub const MOST: usize = 100;
/// How long they are remembered.
pub const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A time in which nobody looked, or what was seen was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Pause {
    /// When a daemon was last known to look, or to record.
    pub from: Timestamp,
    /// When it went on, or the next one began.
    pub to: Timestamp,
}

impl Pause {
    /// The pause between the last sign of life and the next, where it is one.
    pub fn between(last: Timestamp, next: Timestamp) -> Option<Self> {
        (next.duration_since(last) > SHORTEST).then_some(Self { from: last, to: next })
    }
}

/// Puts the newest behind the others; of these the old ones are forgotten, and those too many.
pub fn remember(pauses: &mut Arc<[Pause]>, newest: Pause) {
    let oldest = newest.to.saturating_sub(REMEMBERED_FOR).unwrap_or(Timestamp::MIN);
    let recent = pauses.iter().copied().filter(|pause| pause.to >= oldest).chain([newest]);
    let recent: Vec<_> = recent.collect();
    *pauses = recent[recent.len().saturating_sub(MOST)..].into();
}
