//! Tokens of OAuth 2.0: kept in memory until shortly before they expire, shared by whoever holds the
//! same grant, and shown nowhere.
//!
//! Who asks is not decided here: the token's endpoint is reached as its check says. Whoever holds a
//! grant's [`Desk`] is the only one who asks for it.

pub mod answer;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

use answer::Issued;

/// The most grants whose tokens are kept; the oldest is forgotten first.
const MOST: usize = 256;
/// How long a token is believed to last that does not say so.
const UNSAID: Duration = Duration::from_mins(1);
/// The longest time that a token is kept, whatever it says.
const LONGEST: Duration = Duration::from_hours(24);
/// How long before its end a token is used no more: so long, or a tenth of its life if that is less.
const BEFORE_ITS_END: Duration = Duration::from_mins(1);

/// A digest of all that a token is asked with, and of where.
pub type Grant = [u8; 32];

/// A token. Never printed.
#[derive(Clone)]
pub struct Token(Arc<SecretString>);

impl Token {
    /// The token itself.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The tokens, by grant. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tokens(Arc<Mutex<Vec<(Grant, Place)>>>);

type Place = Arc<tokio::sync::Mutex<Option<Kept>>>;

struct Kept {
    token: Token,
    until: Instant,
}

/// A grant's place among the tokens, held by one look at a time.
pub struct Desk {
    place: Place,
    kept: OwnedMutexGuard<Option<Kept>>,
}

impl Tokens {
    /// Waits for the desk of `grant`; none where others hold it until `until`.
    pub async fn desk(&self, grant: Grant, until: Instant) -> Option<Desk> {
        let place = self.place(grant);
        let kept = timeout_at(until, Arc::clone(&place).lock_owned()).await.ok()?;
        Some(Desk { place, kept })
    }

    fn place(&self, grant: Grant) -> Place {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, place)) = places.iter().find(|(known, _)| *known == grant) {
            return Arc::clone(place);
        }
        if places.len() >= MOST {
            places.remove(0);
        }
        let place = Place::default();
        places.push((grant, Arc::clone(&place)));
        place
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Desk {
    /// The token that is kept, while it lasts.
    pub fn token(&self) -> Option<Token> {
        let kept = self.kept.as_ref().filter(|kept| Instant::now() < kept.until)?;
        Some(kept.token.clone())
    }

    /// Keeps a token that was asked for at `asked`, and drops it before it ends, even if nobody asks
    /// for it again.
    pub fn keep(&mut self, issued: Issued, asked: Instant) -> Token {
        let Issued { token, lasts } = issued;
        let token = Token(Arc::new(token));
        let until = asked + kept_for(lasts);
        *self.kept = Some(Kept { token: token.clone(), until });
        let place = Arc::downgrade(&self.place);
        tokio::spawn(async move {
            tokio::time::sleep_until(until).await;
            let Some(place) = place.upgrade() else { return };
            let mut kept = place.lock().await;
            if kept.as_ref().is_some_and(|kept| kept.until <= until) {
                *kept = None;
            }
        });
        token
    }

    /// Forgets `token`, where it is still the one that is kept.
    pub fn forget(&mut self, token: &Token) {
        if self.kept.as_ref().is_some_and(|kept| Arc::ptr_eq(&kept.token.0, &token.0)) {
            *self.kept = None;
        }
    }
}

/// How long a token is kept that says that it lasts so long.
fn kept_for(lasts: Option<Duration>) -> Duration {
    let lasts = lasts.unwrap_or(UNSAID);
    lasts.saturating_sub((lasts / 10).min(BEFORE_ITS_END)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANT: Grant = [7; 32];

    async fn desk(tokens: &Tokens) -> Desk {
        let soon = Instant::now() + Duration::from_secs(1);
        tokens.desk(GRANT, soon).await.expect("the desk")
    }

    fn issued(lasts: Option<u64>) -> Issued {
        Issued { token: "t".into(), lasts: lasts.map(Duration::from_secs) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_used_until_shortly_before_it_ends_and_is_gone_then() {
        for (lasts, kept) in [
            (Some(3600), 3540),
            (Some(100), 90),
            (None, 54),
            (Some(0), 0),
            (Some(u64::MAX), 86_400),
        ] {
            let tokens = Tokens::default();
            desk(&tokens).await.keep(issued(lasts), Instant::now());
            if kept > 0 {
                tokio::time::sleep(Duration::from_secs(kept - 1)).await;
                assert!(desk(&tokens).await.token().is_some(), "{lasts:?}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            assert!(desk(&tokens).await.token().is_none(), "{lasts:?}");
            // Not merely unused: nothing of it is left.
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert!(desk(&tokens).await.kept.is_none(), "{lasts:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_look_at_a_time_asks_and_a_newer_token_is_not_forgotten_for_an_older() {
        let tokens = Tokens::default();
        let mut first = desk(&tokens).await;
        let soon = Instant::now() + Duration::from_secs(1);
        assert!(tokens.desk(GRANT, soon).await.is_none());
        let old = first.keep(issued(None), Instant::now());
        let new = first.keep(issued(None), Instant::now());
        first.forget(&old);
        assert!(first.token().is_some());
        first.forget(&new);
        assert!(first.token().is_none());
        assert!(!format!("{old:?} {tokens:?}").contains("\"t\""));
    }
}
