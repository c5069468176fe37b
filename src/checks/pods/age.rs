//! How long ago something was, by clocks that may disagree.
//!
//! Times in pods come from the API server and from nodes. Where the server's own clock is known to
//! be far from ours, nothing that hangs on an age is said of a pod: it would be as wrong.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Seen;
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;

/// A clock that is further away than this is not believed.
const MOST_SKEW: SignedDuration = SignedDuration::from_secs(120);

impl Seen {
    /// How long ago something was. A time far ahead is not believed, nor is any where the API
    /// server's clock is far from ours.
    pub(super) fn age(
        &self,
        what: &str,
        at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Duration, Obstacle> {
        let Some(at) = at else {
            let because = format!("the API server does not say when it was {what}");
            return Err(Obstacle::new(Reason::GARBLED, because));
        };
        let ahead = at.duration_since(now);
        if ahead > MOST_SKEW {
            let ahead = spoken(ahead.unsigned_abs());
            let because = format!("{what} {at:.0}, which lies {ahead} ahead; 2m allowed");
            return Err(Obstacle::new(Reason::CLOCK_SKEW, because));
        }
        if let Some(skew) = self.skew.filter(|skew| skew.abs() > MOST_SKEW) {
            let (far, way) = (spoken(skew.unsigned_abs()), direction(skew));
            let because = format!("the API server's clock is {far} {way} ours; 2m allowed");
            return Err(Obstacle::new(Reason::CLOCK_SKEW, because));
        }
        Ok(Duration::try_from(now.duration_since(at)).unwrap_or_default())
    }
}

fn direction(skew: SignedDuration) -> &'static str {
    if skew.is_positive() { "ahead of" } else { "behind" }
}
