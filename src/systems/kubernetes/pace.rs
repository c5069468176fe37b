//! How patient the watches are, and the chance that keeps them from acting in step.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::model::snapshot::LONGEST_SILENCE;

/// How patient the watches are. Tests shorten it.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A stream that says nothing for so long is opened anew. Bookmarks come every minute.
    pub silence: Duration,
    /// The longest wait for a first list.
    pub list_within: Duration,
    /// After so long a server that did not stream lists is asked again whether it does.
    pub stream_again_after: Duration,
    /// For how long a stream is asked for; up to a fifth is added, so that not all end at once.
    pub renew_after: Duration,
    /// The first pause after something failed; doubled with each further failure.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            silence: LONGEST_SILENCE.unsigned_abs(),
            list_within: Duration::from_secs(120),
            stream_again_after: Duration::from_hours(1),
            renew_after: Duration::from_secs(300),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
        }
    }
}

impl Pace {
    /// For how long to ask for a stream.
    pub(super) fn renewal(&self) -> Duration {
        self.renew_after + self.renew_after.mul_f64(chance() / 5.0)
    }

    /// The pause after so many failures, with jitter: between half of it and all of it.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << failures.min(16));
        let whole = doubled.min(self.longest_pause);
        whole / 2 + whole.mul_f64(chance() / 2.0)
    }
}

/// A number between 0 and 1, another one each time.
fn chance() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or_default();
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_not_all_alike() {
        let pace = Pace::default();
        for (failures, whole) in [(0, 500), (1, 1_000), (3, 4_000), (6, 30_000), (99, 30_000)] {
            let pause = pace.pause(failures).as_millis();
            assert!((whole / 2..=whole).contains(&pause), "{pause} ms after {failures}");
        }
        assert_ne!(pace.pause(6), pace.pause(6));
    }
}
