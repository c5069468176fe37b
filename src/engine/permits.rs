//! Permits: how many attempts run at a time, in all and at each host.
//!
//! A slow host uses up its own permits and nobody else's. Nothing is held while waiting: all permits
//! of an attempt are taken together or none, so items that need the same hosts can't lock each
//! other, and who waits for a dead host holds nothing of a living one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// Attempts at a time, in all.
const GLOBAL: usize = 256;
/// Attempts at a time at one host.
const PER_HOST: usize = 8;

/// The permits of the daemon.
#[derive(Clone, Default)]
pub(super) struct Permits(Arc<Mutex<Desk>>);

/// Who runs, and who waits in which order.
#[derive(Default)]
struct Desk {
    running: usize,
    at_host: HashMap<String, usize>,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    hosts: Arc<[String]>,
    turn: oneshot::Sender<Permit>,
}

/// The right to run; given back when dropped.
pub(super) struct Permit {
    permits: Permits,
    hosts: Arc<[String]>,
}

impl Permits {
    /// Waits until a permit of each host and one of all are free, and takes them together.
    pub(super) async fn take(&self, hosts: &[String]) -> Permit {
        let hosts: Arc<[String]> = hosts.into();
        let turn = {
            let mut desk = self.desk();
            // Nobody is overtaken who could run as well: those ahead lack another host.
            if desk.admit(&hosts) {
                return Permit { permits: self.clone(), hosts };
            }
            let (turn, waits) = oneshot::channel();
            desk.waiting.push_back(Waiting { hosts: Arc::clone(&hosts), turn });
            waits
        };
        match turn.await {
            Ok(permit) => permit,
            // The desk lives as long as anybody waits at it.
            Err(_) => std::future::pending().await,
        }
    }

    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets run, in their order, all who can now.
    fn call(&self) {
        let mut unheard = Vec::new();
        {
            let mut desk = self.desk();
            let mut still = VecDeque::with_capacity(desk.waiting.len());
            while let Some(waiting) = desk.waiting.pop_front() {
                if waiting.turn.is_closed() {
                    continue;
                }
                if !desk.admit(&waiting.hosts) {
                    still.push_back(waiting);
                    continue;
                }
                let permit = Permit { permits: self.clone(), hosts: waiting.hosts };
                // Who was given up in this very moment hands the permit back, below.
                unheard.extend(waiting.turn.send(permit).err());
            }
            desk.waiting = still;
        }
        drop(unheard);
    }
}

impl Desk {
    fn admit(&mut self, hosts: &[String]) -> bool {
        let full = |host: &String| self.at_host.get(host).is_some_and(|count| *count >= PER_HOST);
        if self.running >= GLOBAL || hosts.iter().any(full) {
            return false;
        }
        self.running += 1;
        for host in hosts {
            *self.at_host.entry(host.clone()).or_default() += 1;
        }
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut desk = self.permits.desk();
            desk.running -= 1;
            for host in self.hosts.iter() {
                if let Some(count) = desk.at_host.get_mut(host) {
                    *count -= 1;
                    if *count == 0 {
                        desk.at_host.remove(host);
                    }
                }
            }
        }
        self.permits.call();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn names(hosts: &[&str]) -> Vec<String> {
        hosts.iter().map(ToString::to_string).collect()
    }

    async fn free(permits: &Permits, hosts: &[&str]) -> bool {
        let hosts = names(hosts);
        tokio::time::timeout(Duration::from_secs(1), permits.take(&hosts)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_host_uses_up_its_own_permits_alone() {
        let permits = Permits::default();
        let mut held = Vec::new();
        for _ in 0..PER_HOST {
            held.push(permits.take(&names(&["slow"])).await);
        }
        assert!(!free(&permits, &["slow"]).await);
        assert!(!free(&permits, &["other", "slow"]).await);
        assert!(free(&permits, &["other"]).await, "what waits for `slow` holds nothing of `other`");
        held.pop();
        assert!(free(&permits, &["slow", "other"]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_wait_for_one_host_all_have_their_turn() {
        let permits = Permits::default();
        let slow = names(&["slow"]);
        let looks = (0..100).map(|_| async {
            let permit = permits.take(&slow).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(permit);
        });
        let all = futures::future::join_all(looks);
        assert!(tokio::time::timeout(Duration::from_secs(14), all).await.is_ok());
        assert!(permits.desk().at_host.is_empty(), "nothing is left behind");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_given_up_while_waiting_takes_nothing_away() {
        let permits = Permits::default();
        let mut held = Vec::new();
        for _ in 0..PER_HOST {
            held.push(permits.take(&names(&["slow"])).await);
        }
        for _ in 0..3 {
            assert!(!free(&permits, &["slow"]).await);
        }
        drop(held);
        for _ in 0..PER_HOST {
            assert!(free(&permits, &["slow"]).await);
        }
        assert_eq!(permits.desk().running, 0);
    }
}
