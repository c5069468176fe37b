//! Credentials on trial: one that nobody has seen accepted goes out with one look at a time.
//!
//! What was refused is not tried again (see [`super::refusals`]); but a wrong password that ten items
//! hold would be refused ten times before the first of them has heard of it. So until a credential
//! was accepted once, those who hold it wait for each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

use super::refusals::Refusals;

/// The most credentials that are known; the oldest is forgotten first, and is on trial again.
const MOST: usize = 4096;

/// A digest of a credential and of where it is sent.
pub type Credential = [u8; 32];

/// What is known of credentials.
#[derive(Debug, Default)]
pub struct Trials(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    refusals: Refusals,
    known: Vec<(Credential, Arc<Known>)>,
}

#[derive(Debug, Default)]
struct Known {
    accepted: AtomicBool,
    desk: Arc<tokio::sync::Mutex<()>>,
}

/// The turn to send a credential; given back when dropped.
#[derive(Debug)]
pub struct Turn {
    known: Arc<Known>,
    _desk: Option<OwnedMutexGuard<()>>,
}

impl Turn {
    /// The credential was accepted: nobody waits for anybody any more.
    pub fn accepted(&self) {
        self.known.accepted.store(true, Ordering::Relaxed);
    }
}

impl Trials {
    /// How long ago `credential` was refused, where that forbids to send it again.
    pub fn refused(&self, credential: Credential) -> Option<Duration> {
        self.state().refusals.against(credential, Instant::now())
    }

    /// Remembers that `credential` was refused.
    pub fn refuse(&self, credential: Credential) {
        let mut state = self.state();
        state.refusals.add(credential, Instant::now());
        state.known.retain(|(known, _)| *known != credential);
    }

    /// Waits for the turn to send `credential`, which is at once where it was accepted before; none
    /// where others take until `until`.
    ///
    /// What has come of it meanwhile, [`Self::refused`] tells.
    pub async fn turn(&self, credential: Credential, until: Instant) -> Option<Turn> {
        let known = self.known(credential);
        if known.accepted.load(Ordering::Relaxed) {
            return Some(Turn { known, _desk: None });
        }
        let desk = timeout_at(until, Arc::clone(&known.desk).lock_owned()).await.ok()?;
        // Those who waited beside go on together once one of them was accepted.
        let held = (!known.accepted.load(Ordering::Relaxed)).then_some(desk);
        Some(Turn { known, _desk: held })
    }

    fn known(&self, credential: Credential) -> Arc<Known> {
        let mut state = self.state();
        if let Some((_, known)) = state.known.iter().find(|(digest, _)| *digest == credential) {
            return Arc::clone(known);
        }
        if state.known.len() >= MOST {
            state.known.remove(0);
        }
        let known = Arc::<Known>::default();
        state.known.push((credential, Arc::clone(&known)));
        known
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten looks that hold one credential; how many send it.
    async fn sent_by_ten(accepted: bool) -> usize {
        let trials = Trials::default();
        let look = async || {
            let turn = trials.turn([1; 32], Instant::now() + Duration::from_secs(60)).await;
            let turn = turn.expect("a turn");
            if trials.refused([1; 32]).is_some() {
                return 0;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            if accepted {
                turn.accepted();
            } else {
                trials.refuse([1; 32]);
            }
            1
        };
        futures::future::join_all((0..10).map(|_| look())).await.into_iter().sum()
    }

    #[tokio::test(start_paused = true)]
    async fn ten_looks_send_a_wrong_password_once() {
        assert_eq!(sent_by_ten(false).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_accepted_credential_is_sent_by_all_and_side_by_side() {
        let started = Instant::now();
        assert_eq!(sent_by_ten(true).await, 10);
        assert_eq!(started.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_hears_nothing_hands_the_turn_on() {
        let trials = Trials::default();
        let soon = || Instant::now() + Duration::from_secs(5);
        let first = trials.turn([1; 32], soon()).await.expect("the first turn");
        assert!(trials.turn([1; 32], soon()).await.is_none(), "it is taken");
        assert!(trials.turn([2; 32], soon()).await.is_some(), "another credential's is not");
        drop(first);
        assert!(trials.turn([1; 32], soon()).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_that_was_accepted_once_is_on_trial_again_when_it_is_refused() {
        let trials = Trials::default();
        let soon = || Instant::now() + Duration::from_secs(5);
        trials.turn([1; 32], soon()).await.expect("a turn").accepted();
        trials.refuse([1; 32]);
        tokio::time::advance(Duration::from_hours(13)).await;
        assert_eq!(trials.refused([1; 32]), None);
        let _held = trials.turn([1; 32], soon()).await.expect("a turn");
        assert!(trials.turn([1; 32], soon()).await.is_none());
    }
}
