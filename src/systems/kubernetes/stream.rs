//! What is known of one watch: its records, how it is doing, and a revision that counts up.

use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::record::Record;
use super::refusal::Refusal;
use super::table::Table;
use crate::model::finding::Obstacle;
use crate::model::needs::Watch;
use crate::model::reason::Reason;

/// How a watch is doing.
#[derive(Debug)]
pub struct Pulse {
    watch: Watch,
    state: Mutex<State>,
    revision: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a list was ever complete.
    complete: bool,
    /// Whether the stream is open.
    open: bool,
    /// Why it is not; kept until it is open again.
    down: Option<Refusal>,
    /// When anything last came in, by the daemon's clock.
    last_heard: Option<Timestamp>,
    /// The same, for measuring silence.
    heard_at: Option<Instant>,
}

impl Pulse {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, state: Mutex::default(), revision: watch::Sender::new(0) }
    }

    /// Which watch.
    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Counts up whenever something changed.
    pub(super) fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Whether it is open and has delivered its first list; when anything last came in.
    pub(super) fn vitals(&self) -> (bool, Option<Timestamp>) {
        let state = self.locked();
        (state.open && state.complete, state.last_heard)
    }

    /// Whether the first list is there, or it is known why not.
    pub(super) fn is_settled(&self) -> bool {
        let state = self.locked();
        state.complete || state.down.is_some()
    }

    /// Why the records can't be believed, if they can't.
    pub(super) fn obstacle(&self, silence: Duration) -> Option<Obstacle> {
        let state = self.locked();
        let what = shown(&self.watch);
        if let Some(down) = &state.down {
            return Some(down.clone().into());
        }
        if !state.complete {
            let because = format!("the first list of {what} is under way");
            return Some(Obstacle::ours(Reason::WATCH_RUNNING, because));
        }
        if state.heard_at.is_some_and(|at| at.elapsed() < silence) {
            return None;
        }
        let because =
            format!("the watch of {what} has said nothing for over {}s", silence.as_secs());
        Some(Obstacle::new(Reason::STREAM_SILENT, because))
    }

    /// Whether it broke, and is not open again.
    pub(super) fn is_down(&self) -> bool {
        self.locked().down.is_some()
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.locked().open
    }

    /// Something came in.
    pub(super) fn heard(&self, now: Timestamp) {
        let mut state = self.locked();
        state.last_heard = Some(now);
        state.heard_at = Some(Instant::now());
    }

    /// The stream is open.
    pub(super) fn opened(&self) {
        let mut state = self.locked();
        state.open = true;
        let was_down = state.down.take().is_some();
        drop(state);
        if was_down {
            self.publish();
        }
    }

    /// A list is complete.
    pub(super) fn completed(&self) {
        self.locked().complete = true;
        self.publish();
    }

    /// The stream broke, or could not be opened.
    pub(super) fn broke(&self, refusal: Refusal) {
        let mut state = self.locked();
        state.open = false;
        state.down = Some(refusal);
        drop(state);
        self.publish();
    }

    /// The stream ended, and is to be opened again at once.
    pub(super) fn closed(&self) {
        self.locked().open = false;
    }

    /// Whether changes of single records are told: not before the first list is complete.
    pub(super) fn changed(&self) {
        if self.locked().complete {
            self.publish();
        }
    }

    fn publish(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `pods in trackdechets`.
pub(super) fn shown(watch: &Watch) -> String {
    let what = match &watch.name {
        Some(name) => format!("{} {name}", watch.resource.name()),
        None => watch.resource.name(),
    };
    match &watch.namespace {
        Some(namespace) => format!("{what} in {namespace}"),
        None => what,
    }
}

/// The records of one watch, and how it is doing.
#[derive(Debug)]
pub struct Stream<R> {
    table: RwLock<Table<R>>,
    pub(super) pulse: Pulse,
}

impl<R: Record> Stream<R> {
    pub(super) fn new(watch: Watch) -> Self {
        let table = Table::of_prefix(watch.prefix.clone());
        Self { table: RwLock::new(table), pulse: Pulse::new(watch) }
    }

    /// Reads the records; short work, no waiting.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Table<R>) -> T) -> T {
        work(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn write<T>(&self, work: impl FnOnce(&mut Table<R>) -> T) -> T {
        work(&mut self.table.write().unwrap_or_else(PoisonError::into_inner))
    }
}
