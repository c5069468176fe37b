//! Queues as Bull 4 keeps them, to be filled and broken by hand.

use std::sync::Arc;
use std::time::Duration;

use super::keyspace::{Entry, Keyspace};
use super::now_millis;
use super::server::State;

/// A queue of the store, under the prefix `bull`.
#[derive(Clone, Debug)]
pub struct Queue {
    state: Arc<State>,
    prefix: String,
}

impl Queue {
    pub(super) fn new(state: Arc<State>, name: &str) -> Self {
        Self { state, prefix: format!("bull:{name}:") }
    }

    /// Another queue of the same store.
    pub fn beside(&self, name: &str) -> Self {
        Self::new(Arc::clone(&self.state), name)
    }

    /// Adds jobs that were added so long ago and wait since then.
    pub fn add(&self, count: usize, age: Duration) {
        self.change(|queue, keys| {
            for _ in 0..count {
                let id = queue.job(keys, -millis(age));
                if let Ok(list) = keys.list_mut(&queue.key("wait")) {
                    list.push_front(id.into_bytes());
                }
            }
        });
    }

    /// Adds a job under an id of the application's choice, once as Bull does: the counter goes up
    /// each time.
    pub fn add_under(&self, id: &str, age: Duration) {
        self.change(|queue, keys| {
            queue.job(keys, 0);
            queue.write(keys, id, -millis(age));
            if let Ok(list) = keys.list_mut(&queue.key("wait"))
                && !list.iter().any(|waiting| waiting == id.as_bytes())
            {
                list.push_front(id.as_bytes().to_vec());
            }
        });
    }

    /// Adds a job that bears a time so far in the future.
    pub fn add_ahead(&self, by: Duration) {
        self.change(|queue, keys| {
            let id = queue.job(keys, millis(by));
            if let Ok(list) = keys.list_mut(&queue.key("wait")) {
                list.push_front(id.into_bytes());
            }
        });
    }

    /// Adds delayed jobs that have been due for so long.
    pub fn add_overdue(&self, count: usize, by: Duration) {
        self.change(|queue, keys| {
            for _ in 0..count {
                let id = queue.job(keys, -millis(by));
                #[expect(clippy::cast_precision_loss, reason = "Bull's own scores do, too")]
                let score = ((now_millis() - millis(by)) * 4096) as f64;
                if let Ok(scores) = keys.scores_mut(&queue.key("delayed")) {
                    scores.insert(id.into_bytes(), score);
                }
            }
        });
    }

    /// Adds a repeatable job whose time came so long ago, and nothing after it.
    pub fn add_repeatable(&self, late: Duration) {
        self.change(|queue, keys| {
            queue.job(keys, 0);
            #[expect(clippy::cast_precision_loss, reason = "Bull's own scores do, too")]
            let due = (now_millis() - millis(late)) as f64;
            if let Ok(scores) = keys.scores_mut(&queue.key("repeat")) {
                scores.insert(b"__default__:::60000".to_vec(), due);
            }
        });
    }

    /// Adds jobs that finished just now; `well`, or failed for good.
    pub fn add_finished(&self, count: usize, well: bool) {
        self.change(|queue, keys| {
            let set = queue.key(if well { "completed" } else { "failed" });
            for _ in 0..count {
                let id = queue.job(keys, 0);
                #[expect(clippy::cast_precision_loss, reason = "Bull's own scores do, too")]
                let score = now_millis() as f64;
                if let Ok(scores) = keys.scores_mut(&set) {
                    scores.insert(id.into_bytes(), score);
                }
            }
        });
    }

    /// Adds jobs that were started so long ago, and whose worker is gone.
    pub fn add_stalled(&self, count: usize, age: Duration) {
        self.change(|queue, keys| {
            for _ in 0..count {
                let id = queue.job(keys, -millis(age));
                let started = (now_millis() - millis(age)).to_string().into_bytes();
                if let Ok(hash) = keys.hash_mut(&queue.key(&id)) {
                    hash.insert(b"processedOn".to_vec(), started);
                }
                if let Ok(list) = keys.list_mut(&queue.key("active")) {
                    list.push_front(id.into_bytes());
                }
            }
        });
    }

    /// Pauses the queue: what waits is set aside.
    pub fn pause(&self) {
        self.change(|queue, keys| {
            keys.put(&queue.key("meta-paused"), Entry::Text(b"1".to_vec()));
            queue.rename(keys, "wait", "paused");
        });
    }

    /// Resumes the queue.
    pub fn resume(&self) {
        self.change(|queue, keys| {
            keys.remove(&queue.key("meta-paused"));
            queue.rename(keys, "paused", "wait");
        });
    }

    /// Forgets what waits, what is active and what is delayed.
    pub fn drain(&self) {
        self.change(|queue, keys| {
            for name in ["wait", "paused", "active", "delayed"] {
                keys.remove(&queue.key(name));
            }
        });
    }

    /// Forgets everything about the queue.
    pub fn forget(&self) {
        self.change(|queue, keys| keys.remove_all(queue.prefix.as_bytes()));
    }

    /// Puts a string where the list of waiting jobs should be.
    pub fn spoil(&self) {
        self.change(|queue, keys| keys.put(&queue.key("wait"), Entry::Text(b"?".to_vec())));
    }

    fn change(&self, change: impl FnOnce(&Self, &mut Keyspace)) {
        change(self, &mut self.state.lock().keys);
        self.state.changed();
    }

    fn key(&self, name: &str) -> Vec<u8> {
        format!("{}{name}", self.prefix).into_bytes()
    }

    fn rename(&self, keys: &mut Keyspace, from: &str, to: &str) {
        let moved = keys.list(&self.key(from)).ok().flatten().cloned();
        if let Some(moved) = moved {
            keys.remove(&self.key(from));
            keys.put(&self.key(to), Entry::List(moved));
        }
    }

    /// Counts and writes a new job, added `offset` milliseconds from now; its id.
    fn job(&self, keys: &mut Keyspace, offset: i64) -> String {
        let counter = self.key("id");
        let last = keys.text(&counter).ok().flatten().and_then(|text| {
            std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok())
        });
        let id = (last.unwrap_or(0) + 1).to_string();
        keys.put(&counter, Entry::Text(id.clone().into_bytes()));
        self.write(keys, &id, offset);
        id
    }

    fn write(&self, keys: &mut Keyspace, id: &str, offset: i64) {
        if let Ok(hash) = keys.hash_mut(&self.key(id)) {
            let added = (now_millis() + offset).to_string().into_bytes();
            hash.insert(b"timestamp".to_vec(), added);
            hash.insert(b"delay".to_vec(), b"0".to_vec());
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
