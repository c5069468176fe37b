//! An item as the engine keeps it: what its task and the agenda share.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::agenda::{self, Due, Situation};
use crate::board::Outlook;
use crate::checklist::Item;
use crate::model::past::Past;

/// One item: its task waits on `signal`, the agenda and those who ask set `state`.
pub(super) struct Entry {
    /// The item; replaced in place where its card alone changed.
    pub(super) item: ArcSwap<Item>,
    /// Counts up with every change of its checks or schedule.
    pub(super) generation: u64,
    /// Ends its task.
    pub(super) cancel: CancellationToken,
    /// What its checks remembered.
    pub(super) past: Mutex<Past>,
    /// Attempts that have ended, for those who wait for one.
    pub(super) ended: watch::Sender<u64>,
    phase: u64,
    signal: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    first_due: Timestamp,
    last_start: Option<Timestamp>,
    last_end: Option<Timestamp>,
    wanted: Option<Due>,
    running: bool,
}

impl Entry {
    pub(super) fn new(item: Arc<Item>, generation: u64, first_due: Timestamp) -> Self {
        Self {
            phase: agenda::phase(item.card.id.as_str()),
            item: ArcSwap::new(item),
            generation,
            cancel: CancellationToken::new(),
            past: Mutex::default(),
            ended: watch::Sender::new(0),
            signal: Notify::new(),
            state: Mutex::new(State {
                first_due,
                last_start: None,
                last_end: None,
                wanted: None,
                running: false,
            }),
        }
    }

    /// Signals the task if the item is due.
    pub(super) fn tick(&self, outlook: Outlook, now: Timestamp) {
        let item = self.item.load();
        let due = self.with(|state| {
            // A clock that was set back leaves these in the future; they would never come to pass.
            state.last_start = state.last_start.map(|start| start.min(now));
            state.last_end = state.last_end.map(|end| end.min(now));
            let situation = Situation {
                last_start: state.last_start,
                last_end: state.last_end,
                first_due: state.first_due,
                blocked: outlook.blocked,
                contradicted: outlook.contradicted,
            };
            agenda::due(&item.schedule, self.phase, item.damping.confirm_every, situation, now)
                .filter(|_| !state.running && state.wanted.is_none())
        });
        if let Some(due) = due {
            self.want(due);
        }
    }

    /// Asks for an attempt. One that is asked for already is kept: it comes no later.
    pub(super) fn want(&self, due: Due) {
        self.with(|state| _ = state.wanted.get_or_insert(due));
        self.signal.notify_one();
    }

    /// Waits until an attempt is wanted, and takes the wish.
    pub(super) async fn wanted(&self) -> Due {
        loop {
            if let Some(due) = self.with(|state| state.wanted.take()) {
                return due;
            }
            self.signal.notified().await;
        }
    }

    /// Notes that an attempt begins.
    pub(super) fn begins(&self, now: Timestamp) {
        self.with(|state| {
            state.last_start = Some(now);
            state.running = true;
        });
    }

    /// Notes that an attempt has ended, and tells those who wait for it.
    pub(super) fn ends(&self, now: Timestamp) {
        self.with(|state| {
            state.last_end = Some(now);
            state.running = false;
        });
        self.ended.send_modify(|ended| *ended += 1);
    }

    /// When the last attempt began.
    pub(super) fn last_start(&self) -> Option<Timestamp> {
        self.with(|state| state.last_start)
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
