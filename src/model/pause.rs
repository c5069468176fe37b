//! Pauses: times of which there is no record, since no daemon ran, or none that could write.

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
    /// When a daemon was last known to record.
    pub from: Timestamp,
    /// When the next one began.
    pub to: Timestamp,
}

impl Pause {
    /// The pause between what was last recorded and a start, where it is one.
    pub fn between(last: Timestamp, start: Timestamp) -> Option<Self> {
        (start.duration_since(last) > SHORTEST).then_some(Self { from: last, to: start })
    }
}
