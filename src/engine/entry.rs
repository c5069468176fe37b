//! An item as the engine keeps it: what its task and the agenda share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::agenda::{self, Due, Situation};
use crate::board::Outlook;
use crate::checklist::Item;
use crate::model::measure::Sample;
use crate::model::past::Past;
use crate::model::schedule::later;

/// One item: its task waits on `signal`, the agenda and those who ask set `state`.
pub(super) struct Entry {
    /// The item; replaced in place where its card alone changed.
    pub(super) item: ArcSwap<Item>,
    /// Counts up with every change of its checks or schedule.
    pub(super) generation: u64,
    /// Ends its task.
    pub(super) cancel: CancellationToken,
    past: Mutex<Arc<Past>>,
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
    last_asked: Option<Timestamp>,
    changes_at: Option<Timestamp>,
    wanted: Option<Due>,
    busy: bool,
}

impl Entry {
    /// An item with what its checks remembered under the configuration before.
    pub(super) fn new(
        item: Arc<Item>,
        generation: u64,
        first_due: Timestamp,
        past: Arc<Past>,
    ) -> Self {
        Self {
            phase: agenda::phase(item.card.id.as_str()),
            item: ArcSwap::new(item),
            generation,
            cancel: CancellationToken::new(),
            past: Mutex::new(past),
            ended: watch::Sender::new(0),
            signal: Notify::new(),
            state: Mutex::new(State {
                first_due,
                last_start: None,
                last_end: None,
                last_asked: None,
                changes_at: None,
                wanted: None,
                busy: false,
            }),
        }
    }

    /// Signals the task if the item is due.
    pub(super) fn tick(&self, outlook: Outlook, now: Timestamp) {
        let item = self.item.load();
        let due = self.with(|state| {
            // A clock that was set back leaves these in the future; they would never come to pass.
            state.first_due = state.first_due.min(later(now, super::SPREAD));
            state.last_start = state.last_start.map(|start| start.min(now));
            state.last_end = state.last_end.map(|end| end.min(now));
            let situation = Situation {
                last_start: state.last_start,
                last_end: state.last_end,
                first_due: state.first_due,
                changes_at: state.changes_at,
                blocked: outlook.blocked,
                contradicted: outlook.contradicted,
            };
            agenda::due(&item.schedule, self.phase, item.damping.confirm_every, situation, now)
                .filter(|_| !state.busy && state.wanted.is_none())
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

    /// What its checks remembered.
    pub(super) fn past(&self) -> Arc<Past> {
        Arc::clone(&self.past.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers what a look brought.
    pub(super) fn remember(&self, samples: &[Sample], now: Timestamp) {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut past).remember(samples, now);
    }

    /// Waits until an attempt is wanted, and takes the wish.
    pub(super) async fn wanted(&self) -> Due {
        loop {
            let wanted = self.with(|state| {
                // From here on, not from the permit on: who waits for one is not wanted again.
                state.busy |= state.wanted.is_some();
                state.wanted.take()
            });
            if let Some(due) = wanted {
                return due;
            }
            self.signal.notified().await;
        }
    }

    /// Notes that an attempt begins.
    pub(super) fn begins(&self, now: Timestamp) {
        self.with(|state| state.last_start = Some(now));
    }

    /// Notes that an attempt has ended, and tells those who wait for it.
    pub(super) fn ends(&self, now: Timestamp) {
        self.with(|state| state.last_end = Some(now));
        self.ended.send_modify(|ended| *ended += 1);
    }

    /// Notes when time alone changes what was seen.
    pub(super) fn changes(&self, at: Option<Timestamp>) {
        self.with(|state| state.changes_at = at);
    }

    /// Notes that the task waits for the next wish, whatever came of the last.
    pub(super) fn rests(&self) {
        self.with(|state| state.busy = false);
    }

    /// Notes that somebody asks for an attempt, unless somebody did less than `apart` ago; then says
    /// when it may be asked again.
    pub(super) fn ask(&self, apart: Duration, now: Timestamp) -> Option<Timestamp> {
        self.with(|state| {
            let next = state.last_asked.map(|asked| later(asked.min(now), apart));
            let too_soon = next.filter(|next| *next > now);
            if too_soon.is_none() {
                state.last_asked = Some(now);
            }
            too_soon
        })
    }

    /// When the last attempt began.
    pub(super) fn last_start(&self) -> Option<Timestamp> {
        self.with(|state| state.last_start)
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
