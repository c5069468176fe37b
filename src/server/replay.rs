//! Requests that come again: each is done once.
//!
//! A client that heard no answer sends its request again, and a person presses a button twice. What
//! was done is remembered under the key that the client gave, or else by the very bytes of its
//! request, for as long as nobody would mean a second act by them. Until the daemon ends: a request
//! that comes again after that is a new one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderValue;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// The longest key, in bytes.
pub(super) const LONGEST_KEY: usize = 255;
/// How long a key is remembered.
const KEYED: Duration = Duration::from_hours(24);
/// How long the same bytes are the same request.
const ALIKE: Duration = Duration::from_mins(1);
/// The most requests that are remembered; the oldest is forgotten.
const MOST: usize = 1_000;

/// What makes two requests one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Name {
    /// The same key of the same token.
    Keyed {
        /// The name of the token.
        token: String,
        /// The key.
        key: String,
    },
    /// The same bytes by the same token.
    Alike {
        /// The name of the token.
        token: String,
        /// Of what is wanted, of what, and how.
        digest: [u8; 32],
    },
}

/// What was answered when it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    /// The digest of the request.
    pub(super) digest: [u8; 32],
    /// The body of the answer.
    pub(super) content: Bytes,
    /// Where what was made can be asked for.
    pub(super) place: String,
    /// When.
    pub(super) at: Instant,
}

/// A place for one request's answer; whoever comes with the same one waits for it.
pub(super) type Slot = OwnedMutexGuard<Option<Done>>;

/// All places.
type Slots = HashMap<Name, Arc<tokio::sync::Mutex<Option<Done>>>>;

/// The requests that were done lately.
#[derive(Default)]
pub(super) struct Replays(Mutex<Slots>);

impl Name {
    /// The name of a request.
    ///
    /// # Errors
    /// Its key is no key; a sentence.
    pub(super) fn of(
        token: &str,
        key: Option<&HeaderValue>,
        digest: [u8; 32],
    ) -> Result<Self, &'static str> {
        let token = token.to_owned();
        let Some(key) = key else {
            return Ok(Self::Alike { token, digest });
        };
        let key = key.to_str().unwrap_or_default();
        if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("`Idempotency-Key` is 1 to 255 visible characters of ASCII");
        }
        Ok(Self::Keyed { token, key: key.to_owned() })
    }

    fn lasts(&self) -> Duration {
        match self {
            Self::Keyed { .. } => KEYED,
            Self::Alike { .. } => ALIKE,
        }
    }
}

/// A digest of all that a request wants.
pub(super) fn digest(action: &str, about: &str, content: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [action.as_bytes(), about.as_bytes(), content] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

impl Replays {
    /// The place of a request's answer, once nobody else is about to fill it. What is too old by
    /// `now` is not in it.
    pub(super) async fn slot(&self, name: &Name, now: Instant) -> Slot {
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            forget(&mut slots, now);
            Arc::clone(slots.entry(name.clone()).or_default())
        };
        let mut slot = slot.lock_owned().await;
        slot.take_if(|done| now.saturating_duration_since(done.at) > name.lasts());
        slot
    }
}

/// Makes room, but never takes a place that somebody is about to fill.
fn forget(slots: &mut Slots, now: Instant) {
    let done_at = |slot: &Arc<tokio::sync::Mutex<Option<Done>>>| {
        let idle = Arc::strong_count(slot) == 1;
        let done = slot.try_lock().ok()?;
        idle.then(|| done.as_ref().map(|done| done.at))
    };
    slots.retain(|name, slot| match done_at(slot) {
        None => true,
        Some(None) => false,
        Some(Some(at)) => now.saturating_duration_since(at) <= name.lasts(),
    });
    while slots.len() >= MOST {
        let idle = slots.iter().filter_map(|(name, slot)| Some((done_at(slot)??, name)));
        let Some(oldest) = idle.min_by_key(|(at, _)| *at).map(|(_, name)| name.clone()) else {
            return;
        };
        slots.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(token: &str, content: &str) -> Name {
        let digest = digest("attest", "a", content.as_bytes());
        Name::of(token, None, digest).unwrap()
    }

    fn done(at: Instant) -> Done {
        Done { digest: [0; 32], content: Bytes::new(), place: String::new(), at }
    }

    #[tokio::test]
    async fn the_same_bytes_are_one_request_for_a_minute() {
        let (replays, start) = (Replays::default(), Instant::now());
        let name = alike("jo", "{}");
        *replays.slot(&name, start).await = Some(done(start));
        let later = |seconds| start + Duration::from_secs(seconds);
        assert!(replays.slot(&name, later(60)).await.is_some());
        assert!(replays.slot(&alike("al", "{}"), later(1)).await.is_none());
        assert!(replays.slot(&alike("jo", "{ }"), later(1)).await.is_none());
        assert!(replays.slot(&name, later(61)).await.is_none());
    }

    #[tokio::test]
    async fn a_key_is_remembered_for_a_day() {
        let (replays, start) = (Replays::default(), Instant::now());
        let keyed = |key: &str| Name::of("jo", Some(&key.parse().unwrap()), [0; 32]);
        let name = keyed("job-7").unwrap();
        *replays.slot(&name, start).await = Some(done(start));
        assert!(replays.slot(&name, start + KEYED).await.is_some());
        assert!(replays.slot(&name, start + KEYED + Duration::from_secs(1)).await.is_none());
        for wrong in ["", "a b", &"x".repeat(256)] {
            assert!(keyed(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn who_comes_at_once_waits_for_the_first() {
        let (replays, start) = (Arc::new(Replays::default()), Instant::now());
        let name = alike("jo", "{}");
        let mut first = replays.slot(&name, start).await;
        let second = tokio::spawn({
            let (replays, name) = (Arc::clone(&replays), name.clone());
            async move { replays.slot(&name, start).await.is_some() }
        });
        tokio::task::yield_now().await;
        *first = Some(done(start));
        drop(first);
        assert!(second.await.unwrap());
    }

    #[tokio::test]
    async fn only_so_many_are_remembered() {
        let (replays, start) = (Replays::default(), Instant::now());
        let waiting = replays.slot(&alike("jo", "first"), start).await;
        for n in 0..MOST as u64 + 50 {
            let at = start + Duration::from_millis(n);
            *replays.slot(&alike("jo", &n.to_string()), at).await = Some(done(at));
        }
        assert!(replays.0.lock().unwrap().len() <= MOST);
        drop(waiting);
        let at = start + Duration::from_secs(3);
        assert!(replays.slot(&alike("jo", "1"), at).await.is_none(), "the oldest is forgotten");
        assert!(replays.slot(&alike("jo", "1040"), at).await.is_some());
    }
}
