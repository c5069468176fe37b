//! Shared looks: identical questions of several items are asked once.
//!
//! Five items look at one backup store within a second; the first asks, the others wait for its
//! answer. Answers are kept only as long as the askers accept them.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

/// The most answers that are kept at a time.
const MOST_KEPT: usize = 256;

/// Answers by question. `V` is cheap to clone.
#[derive(Debug)]
pub struct Shared<K, V>(Mutex<HashMap<K, Asked<V>>>);

#[derive(Debug)]
struct Asked<V> {
    at: Instant,
    answer: Arc<OnceCell<V>>,
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Shared<K, V> {
    /// The answer to `question`: one asked for within `fresh_within`, else a new one by `look`.
    ///
    /// Where the asker in front is given up (its deadline passed), the next one asks anew.
    pub async fn ask<F>(&self, question: K, fresh_within: Duration, look: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V>,
    {
        let answer = self.place(question, fresh_within);
        answer.get_or_init(look).await.clone()
    }

    fn place(&self, question: K, fresh_within: Duration) -> Arc<OnceCell<V>> {
        let now = Instant::now();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = kept.get(&question)
            && now.duration_since(asked.at) < fresh_within
        {
            return Arc::clone(&asked.answer);
        }
        if kept.len() >= MOST_KEPT
            && let Some(oldest) = kept.values().map(|asked| asked.at).min()
        {
            kept.retain(|_, asked| asked.at > oldest);
        }
        let answer = Arc::new(OnceCell::new());
        kept.insert(question, Asked { at: now, answer: Arc::clone(&answer) });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn five_askers_make_one_look_and_a_later_one_another() {
        let shared = Shared::<&str, u32>::default();
        let looks = AtomicU32::new(0);
        let ask = || {
            shared.ask("store", Duration::from_secs(30), || async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                looks.fetch_add(1, Ordering::SeqCst)
            })
        };
        let answers = futures::future::join_all((0..5).map(|_| ask())).await;
        assert_eq!(answers, [0; 5]);
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(ask().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_asker_that_is_given_up_blocks_nobody() {
        let shared = Shared::<&str, u32>::default();
        let hour = Duration::from_secs(3600);
        let hung = shared.ask("store", hour, std::future::pending);
        assert!(tokio::time::timeout(Duration::from_secs(1), hung).await.is_err());
        assert_eq!(shared.ask("store", hour, || async { 7 }).await, 7);
    }
}
