//! Rates: how often somebody may do something, with some more at once.
//!
//! What is refused is counted by where it came from, what is let in by its token: who guesses
//! tokens slows himself down alone, and never who has one, wherever both come from.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The most whose rate is kept. Where more come, whoever comes to rest soonest is forgotten.
const MOST: usize = 4_096;

/// How often something may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// How many at once, after a rest.
    burst: u32,
    /// How long until one more is possible.
    every: Duration,
}

/// Requests that a token lets in, each token for itself.
const WRITTEN: Rate = Rate { burst: 120, every: Duration::from_millis(500) };
/// Requests that are refused for want of a token, each address for itself.
const REFUSED: Rate = Rate { burst: 20, every: Duration::from_secs(3) };

/// Who wrote, and who was refused, how much lately.
pub(super) struct Rates {
    /// By the name of the token.
    pub(super) written: Meter<String>,
    /// By the address, as its [`household`] has it.
    pub(super) refused: Meter<IpAddr>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { written: Meter::new(WRITTEN), refused: Meter::new(REFUSED) }
    }
}

/// What the rate says to one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// It may be done.
    Now,
    /// Not before so long.
    After {
        /// How long to wait.
        wait: Duration,
        /// Whether the one before was allowed.
        first: bool,
    },
}

/// Who did how much lately.
pub(super) struct Meter<Who> {
    rate: Rate,
    busy: Mutex<HashMap<Who, Busy>>,
}

/// Somebody who did something lately.
struct Busy {
    /// When all of it is forgotten.
    until: Instant,
    /// Whether the last one was refused.
    over: bool,
}

impl<Who: Eq + Hash + Clone> Meter<Who> {
    fn new(rate: Rate) -> Self {
        Self { rate, busy: Mutex::default() }
    }

    /// Counts one more of somebody's, if it is allowed at `now`.
    pub(super) fn count(&self, who: &Who, now: Instant) -> Allowed {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut busy, who, now);
        let Busy { until, over } =
            busy.entry(who.clone()).or_insert(Busy { until: now, over: false });
        let next = (*until).max(now) + self.rate.every;
        let horizon = now + self.rate.every * self.rate.burst;
        if next > horizon {
            let first = !std::mem::replace(over, true);
            return Allowed::After { wait: next - horizon, first };
        }
        (*until, *over) = (next, false);
        Allowed::Now
    }
}

fn make_room<Who: Eq + Hash + Clone>(busy: &mut HashMap<Who, Busy>, newcomer: &Who, now: Instant) {
    if busy.len() < MOST || busy.contains_key(newcomer) {
        return;
    }
    busy.retain(|_, busy| busy.until > now);
    if busy.len() >= MOST {
        let soonest = busy.iter().min_by_key(|(_, busy)| busy.until).map(|(who, _)| who.clone());
        if let Some(soonest) = soonest {
            busy.remove(&soonest);
        }
    }
}

/// Whose address it is: a network of IPv6 belongs to one, who has all of its addresses.
pub(super) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, every: Duration::from_secs(10) };

    fn after(seconds: u64, first: bool) -> Allowed {
        Allowed::After { wait: Duration::from_secs(seconds), first }
    }

    #[tokio::test]
    async fn after_the_burst_one_more_at_a_time() {
        let (meter, start) = (Meter::new(RATE), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        for (second, allowed) in [
            (0, Allowed::Now),
            (0, Allowed::Now),
            (0, Allowed::Now),
            (0, after(10, true)),
            (4, after(6, false)),
            (10, Allowed::Now),
            (10, after(10, true)),
            (20, Allowed::Now),
            (100, Allowed::Now),
            (100, Allowed::Now),
            (100, Allowed::Now),
            (100, after(10, true)),
        ] {
            assert_eq!(meter.count(&"a", at(second)), allowed, "{second}");
        }
        assert_eq!(meter.count(&"b", at(100)), Allowed::Now, "another is not meant");
    }

    #[tokio::test]
    async fn who_has_been_refused_waits_no_longer_for_it() {
        let (meter, start) = (Meter::new(RATE), Instant::now());
        for _ in 0..1_000 {
            meter.count(&"a", start);
        }
        assert_eq!(meter.count(&"a", start + RATE.every), Allowed::Now);
    }

    #[tokio::test]
    async fn a_crowd_takes_no_memory() {
        let (meter, start) = (Meter::new(RATE), Instant::now());
        for who in 0..3 * MOST {
            meter.count(&who, start);
        }
        assert!(meter.busy.lock().unwrap().len() <= MOST);
    }

    #[test]
    fn a_network_of_ipv6_is_one_household() {
        let one = |text: &str| household(text.parse().unwrap());
        assert_eq!(one("2001:db8:1:2::1"), one("2001:db8:1:2:ffff::9"));
        assert_ne!(one("2001:db8:1:2::1"), one("2001:db8:1:3::1"));
        assert_eq!(one("::ffff:10.0.0.1"), one("10.0.0.1"));
        assert_ne!(one("10.0.0.1"), one("10.0.0.2"));
    }
}
