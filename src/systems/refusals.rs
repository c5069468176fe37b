//! Credentials that were refused: not tried again until they change, at most twice a day.

use std::time::Duration;

use tokio::time::Instant;

/// A refused credential may be tried again after so long: twice a day.
pub const AGAIN_AFTER: Duration = Duration::from_hours(12);
/// What becomes of a refused credential, in words.
pub const AGAIN: &str =
    "it is tried again when it changes, 12h after it was refused, or when Vigie is restarted";
/// The most credentials that are remembered; the oldest refusal is forgotten first. More than any
/// checklist holds: what is forgotten is sent again.
const MOST: usize = 4096;

/// Digests of refused credentials, and when they were refused.
#[derive(Debug, Default)]
pub struct Refusals(Vec<([u8; 32], Instant)>);

impl Refusals {
    /// Remembers that `credential` was refused.
    pub fn add(&mut self, credential: [u8; 32], now: Instant) {
        self.0.retain(|(digest, _)| *digest != credential);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push((credential, now));
    }

    /// How long ago `credential` was refused, where that forbids to try it again.
    pub fn against(&self, credential: [u8; 32], now: Instant) -> Option<Duration> {
        let (_, at) = self.0.iter().find(|(digest, _)| *digest == credential)?;
        Some(now.duration_since(*at)).filter(|ago| *ago < AGAIN_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_credential_is_tried_at_most_twice_a_day() {
        let start = Instant::now();
        let mut refusals = Refusals::default();
        let mut tries = 0;
        for minute in 0..24 * 60 {
            let now = start + Duration::from_mins(minute);
            if refusals.against([1; 32], now).is_none() {
                tries += 1;
                refusals.add([1; 32], now);
            }
        }
        assert_eq!(tries, 2);
    }

    #[test]
    fn a_changed_credential_is_tried_at_once_and_the_old_one_stays_refused() {
        let now = Instant::now();
        let mut refusals = Refusals::default();
        refusals.add([1; 32], now);
        assert_eq!(refusals.against([2; 32], now), None);
        refusals.add([2; 32], now);
        assert!(refusals.against([1; 32], now).is_some());
    }
}
