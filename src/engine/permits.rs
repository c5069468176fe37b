//! Permits: how many attempts run at a time, in all and at each host.
//!
//! A slow host uses up its own permits and nobody else's. Nothing is held while waiting: who lacks
//! one permit gives the others back, so that items which need the same hosts can't lock each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Attempts at a time, in all.
const GLOBAL: usize = 256;
/// Attempts at a time at one host.
const PER_HOST: usize = 8;

/// The permits of the daemon.
pub(super) struct Permits {
    global: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Default for Permits {
    fn default() -> Self {
        Self { global: Arc::new(Semaphore::new(GLOBAL)), hosts: Mutex::default() }
    }
}

impl Permits {
    /// Waits until one permit of each host and a global one are free, and takes them together.
    pub(super) async fn take(&self, hosts: &[String]) -> Vec<OwnedSemaphorePermit> {
        let needed = self.needed(hosts);
        loop {
            let mut taken = Vec::with_capacity(needed.len());
            let lacking =
                needed.iter().find(|semaphore| match Arc::clone(semaphore).try_acquire_owned() {
                    Ok(permit) => {
                        taken.push(permit);
                        false
                    }
                    Err(_) => true,
                });
            let Some(lacking) = lacking else { return taken };
            drop(taken);
            // Fair among those who wait; the permit is given back and all are tried again.
            drop(lacking.acquire().await);
        }
    }

    /// Forgets hosts that nobody uses at the moment: a reload may have dropped them.
    pub(super) fn forget_idle(&self) {
        self.hosts(|hosts| hosts.retain(|_, semaphore| semaphore.available_permits() < PER_HOST));
    }

    fn needed(&self, names: &[String]) -> Vec<Arc<Semaphore>> {
        let of_host = |hosts: &mut HashMap<String, Arc<Semaphore>>, name: &String| {
            let semaphore =
                hosts.entry(name.clone()).or_insert_with(|| Arc::new(Semaphore::new(PER_HOST)));
            Arc::clone(semaphore)
        };
        let mut needed: Vec<_> =
            self.hosts(|hosts| names.iter().map(|name| of_host(hosts, name)).collect());
        needed.push(Arc::clone(&self.global));
        needed
    }

    fn hosts<T>(&self, with: impl FnOnce(&mut HashMap<String, Arc<Semaphore>>) -> T) -> T {
        with(&mut self.hosts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn free(permits: &Permits, hosts: &[&str]) -> bool {
        let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
        tokio::time::timeout(Duration::from_secs(1), permits.take(&hosts)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_host_uses_up_its_own_permits_alone() {
        let permits = Permits::default();
        let slow = ["slow".to_owned()];
        let mut held = Vec::new();
        for _ in 0..PER_HOST {
            held.push(permits.take(&slow).await);
        }
        assert!(!free(&permits, &["slow"]).await);
        assert!(!free(&permits, &["other", "slow"]).await);
        assert!(free(&permits, &["other"]).await, "what waits for `slow` holds nothing of `other`");
        held.pop();
        assert!(free(&permits, &["slow", "other"]).await);
    }
}
