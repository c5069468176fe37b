//! The engine: when and how attempts run. Knows no kind of check.
//!
//! One task an item; the [`agenda`] decides what is due, the [`pendulum`] when that is asked. A due
//! item's task is only signalled: attempts of one item never overlap, and no item waits for another.
//! Nothing is tried twice within an attempt: the next attempt is the retry.
//!
//! Ways to get this wrong, all tried: deciding in the tick what the task must decide when it has its
//! permits (a dependency may fail in between); starting the deadline before the permit (a slow host
//! then times out its neighbours); keeping memory in checks (a reload would lose it).

mod agenda;
mod entry;
mod gone;
mod look;
mod pendulum;
mod permits;
mod pulse;
mod task;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::board::{Board, Changes, Event, Layout, Seed};
use crate::checklist::{Checklist, Item};
use crate::model::acts::Act;
use crate::model::deployment::{Announcement, Deployment};
use crate::model::item::ItemId;
use crate::model::memory::Memory;
use crate::model::past::Past;
use crate::model::report::Cause;
use crate::model::schedule::later;
use crate::model::standing::{Standing, Turn};
use crate::systems::Systems;
use crate::systems::clock::Clock;
use agenda::Due;
use entry::Entry;
use permits::Permits;
use pulse::Pulse;

pub use look::{Looked, look};
pub use pulse::Beats;

/// First attempts after a start are spread over at most this.
const SPREAD: Duration = Duration::from_secs(60);
/// How long somebody who acts is kept waiting for the look that follows.
const LONGEST_CONSEQUENCE: Duration = Duration::from_secs(2);
/// So many new items need no spreading.
const A_FEW: u32 = 8;

/// What tasks share.
struct Core {
    clock: Clock,
    board: Arc<Board>,
    systems: ArcSwap<Systems>,
    permits: Permits,
    pulse: Pulse,
    entries: Mutex<HashMap<ItemId, Arc<Entry>>>,
    /// What was known of items that are not configured: by an earlier run, or before a reload.
    recalled: Mutex<HashMap<ItemId, Memory>>,
    /// Told when the board has changed, for those who keep it.
    changed: Notify,
    /// Counts configurations of items: no two ever bear the same number.
    generations: AtomicU64,
}

/// Looks at items when they are due.
pub struct Engine {
    core: Arc<Core>,
    tasks: TaskTracker,
}

/// What became of a wish to look now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An attempt follows.
    Accepted,
    /// Somebody asked a short while ago; ask again after this.
    TooSoon(Duration),
    /// It does not apply here, or waits for a dependency.
    Blocked,
    /// There is no such item.
    Unknown,
}

impl Engine {
    /// An engine without items.
    pub fn new(board: Arc<Board>, systems: Systems) -> Self {
        let clock = systems.clock.clone();
        let core = Core {
            pulse: Pulse::new(clock.now()),
            clock,
            board,
            systems: ArcSwap::from_pointee(systems),
            permits: Permits::default(),
            entries: Mutex::default(),
            recalled: Mutex::default(),
            changed: Notify::new(),
            generations: AtomicU64::new(0),
        };
        Self { core: Arc::new(core), tasks: TaskTracker::new() }
    }

    /// Takes a configuration: the first one, or by difference to the one before.
    ///
    /// An item whose card alone changed keeps its task; one whose checks, schedule or connections
    /// changed gets a new task, due now; what is gone ends at once, and is remembered for a while.
    pub fn configure(&self, environment: &str, checklist: &Checklist, systems: Systems) {
        let core = &self.core;
        let now = core.clock.now();
        core.systems.store(Arc::new(systems));
        let mut entries = core.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *entries);
        let kept = |item: &Arc<Item>| {
            let old = before.get(&item.card.id);
            old.is_some_and(|entry| entry.item.load().fingerprint == item.fingerprint)
        };
        let (kept, fresh): (Vec<_>, Vec<_>) = checklist.items.iter().cloned().partition(kept);
        for item in kept {
            if let Some((id, entry)) = before.remove_entry(&item.card.id) {
                entry.item.store(item);
                entries.insert(id, entry);
            }
        }
        let mut started = Vec::with_capacity(fresh.len());
        let mut recalled = core.recalled.lock().unwrap_or_else(PoisonError::into_inner);
        let mut remembered = HashMap::new();
        for (item, first_due) in spread(fresh, now) {
            let id = item.card.id.clone();
            let old = before.remove(&id);
            let past = if let Some(old) = old {
                old.cancel.cancel();
                old.past()
            } else if let Some(mut memory) = recalled.remove(&id) {
                let past = std::mem::take(&mut memory.past);
                remembered.insert(id.clone(), memory);
                Arc::new(past)
            } else {
                Arc::default()
            };
            let generation = core.generations.fetch_add(1, Ordering::Relaxed) + 1;
            let entry = Arc::new(Entry::new(item, generation, first_due, past));
            started.push(Arc::clone(&entry));
            entries.insert(id, entry);
        }
        let layout = layout(environment, checklist, &entries, remembered);
        drop(entries);
        // Whoever acts on what goes finds it on the board, or afterwards among the memories.
        let changes = core.apply(Event::Configured(layout));
        core.let_go(&changes.gone, before, &mut recalled, now);
        drop(recalled);
        for entry in started.into_iter().filter(|entry| entry.item.load().applies) {
            self.tasks.spawn(task::run(Arc::clone(core), entry));
        }
    }

    /// Takes what an earlier run of the daemon knew, for the configurations that come.
    pub fn recall(&self, memories: HashMap<ItemId, Memory>) {
        *self.core.recalled.lock().unwrap_or_else(PoisonError::into_inner) = memories;
    }

    /// What the checks of each item remember.
    pub fn pasts(&self) -> Vec<(ItemId, Arc<Past>)> {
        let entries = self.core.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|(id, entry)| (id.clone(), entry.past())).collect()
    }

    /// Waits until the board has changed since the last waiting.
    pub async fn changed(&self) {
        self.core.changed.notified().await;
    }

    /// Swings until `stop`, then ends all tasks. Attempts in flight are given up.
    pub async fn run(&self, stop: CancellationToken) {
        let pendulum = pendulum::Pendulum::start().await;
        self.swing();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                swung = pendulum.swung() => if !swung { self.core.pulse.swung_by_itself() },
            }
            self.swing();
        }
        pendulum.stop().await;
        for entry in self.core.entries.lock().unwrap_or_else(PoisonError::into_inner).values() {
            entry.cancel.cancel();
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// One swing: standings go stale, due items are signalled.
    pub fn swing(&self) {
        let core = &self.core;
        let now = core.clock.now();
        core.apply(Event::Ticked(core.systems.load().streams()));
        let outlooks = core.board.outlooks();
        let entries = core.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, entry) in entries.iter().filter(|(_, entry)| entry.item.load().applies) {
            if let Some(outlook) = outlooks.get(id) {
                entry.tick(*outlook, now);
            }
        }
        drop(entries);
        core.pulse.ticked(now);
    }

    /// Looks at an item now; it may be asked for once in the item's `confirm_every`.
    pub fn look_now(&self, id: &ItemId) -> Asked {
        let now = self.core.clock.now();
        let Some(entry) = self.core.entry(id) else { return Asked::Unknown };
        let blocked = self.core.board.outlook(id).is_none_or(|outlook| outlook.blocked);
        if blocked || !entry.item.load().applies {
            return Asked::Blocked;
        }
        let apart = entry.item.load().damping.confirm_every;
        if let Some(next) = entry.ask(apart, now) {
            return Asked::TooSoon(next.duration_since(now).unsigned_abs());
        }
        entry.want(Due { at: now, cause: Cause::Asked });
        Asked::Accepted
    }

    /// Takes a rollout into the record; whatever is asked about the current deployment is due now.
    pub fn announce(&self, announcement: Announcement, token: String) -> Option<Arc<Deployment>> {
        let core = &self.core;
        let announced = core.apply(Event::Announced(announcement, token)).announced;
        let now = core.clock.now();
        let entries = core.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let asks = |entry: &&Arc<Entry>| {
            let item = entry.item.load();
            item.applies && item.needs.deployment
        };
        for entry in entries.values().filter(asks) {
            entry.want(Due { at: now, cause: Cause::Changed });
        }
        announced
    }

    /// Takes an act into the board; whose item it is about is looked at now. Comes back when that look
    /// has ended, or could have.
    pub async fn act(&self, act: Act) {
        let core = &self.core;
        let entry = match &act {
            Act::Attestation(attestation) => core.entry(&attestation.item),
            Act::Waiver(_) | Act::Maintenance(_) => None,
        };
        core.apply(Event::Acted(act.clone()));
        core.remember(&act);
        let Some(entry) = entry.filter(|entry| entry.item.load().applies) else { return };
        let mut ended = entry.ended.subscribe();
        entry.want(Due { at: core.clock.now(), cause: Cause::Asked });
        // Whoever asks how the item stands after this is to see what the act made of it.
        tokio::time::timeout(LONGEST_CONSEQUENCE, ended.changed()).await.ok();
    }

    /// What the engine says of itself.
    pub fn beats(&self) -> Beats {
        self.core.pulse.beats()
    }
}

impl Core {
    fn entry(&self, id: &ItemId) -> Option<Arc<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(id).map(Arc::clone)
    }

    /// Applies an event to the board, logs the turns, and wakes those who are free again.
    fn apply(&self, event: Event) -> Changes {
        let now = self.clock.now();
        let is_tick = matches!(event, Event::Ticked(_));
        let changes = self.board.apply(event, now);
        let Changes { turns, freed, .. } = &changes;
        if !is_tick || !turns.is_empty() {
            self.changed.notify_one();
        }
        for (item, turn) in turns {
            log(item, turn);
        }
        for entry in freed.iter().filter_map(|id| self.entry(id)) {
            entry.want(Due { at: now, cause: Cause::Scheduled });
        }
        self.roll_up(turns, now);
        changes
    }

    /// Whoever rolls up an item that turned is due now.
    fn roll_up(&self, turns: &[(ItemId, Turn)], now: Timestamp) {
        if turns.is_empty() {
            return;
        }
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let reads = |entry: &&Arc<Entry>| {
            let item = entry.item.load();
            item.applies && turns.iter().any(|(turned, _)| item.needs.items.contains(turned))
        };
        for entry in entries.values().filter(reads) {
            entry.want(Due { at: now, cause: Cause::Changed });
        }
    }
}

/// One line a turn.
fn log(item: &ItemId, turn: &Turn) {
    let Turn { at: _, from, to, reason, because } = turn;
    let reason = reason.map_or("", crate::model::reason::Reason::code);
    match to {
        Standing::Failing | Standing::Unknown => {
            tracing::warn!(%item, %from, %to, reason, "{item} is {to}: {because}");
        }
        Standing::Pending
        | Standing::Passing
        | Standing::Warning
        | Standing::Waived
        | Standing::NotApplicable => {
            tracing::info!(%item, %from, %to, reason, "{item} is {to}: {because}");
        }
    }
}

/// When first attempts are due: spread over `min(every, 60 s)`, critical items first; a few that a
/// reload brings are due now.
fn spread(mut items: Vec<Arc<Item>>, now: Timestamp) -> Vec<(Arc<Item>, Timestamp)> {
    items.sort_by_key(|item| std::cmp::Reverse(item.card.severity));
    let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let due = |(rank, item): (u32, Arc<Item>)| {
        let over = item.schedule.spread().min(SPREAD);
        let due = if count <= A_FEW { now } else { later(now, over * rank / count) };
        (item, due)
    };
    (0..).zip(items).map(due).collect()
}

fn layout(
    environment: &str,
    checklist: &Checklist,
    entries: &HashMap<ItemId, Arc<Entry>>,
    mut remembered: HashMap<ItemId, Memory>,
) -> Layout {
    let seed = |item: &Arc<Item>| Seed {
        card: item.card.clone(),
        schedule: item.schedule.clone(),
        timeout: item.timeout,
        damping: item.damping,
        depends_on: item.depends_on.clone(),
        terms: item.needs.attestation,
        waivable_for: item.waivable_for,
        watches: item.needs.watches.clone(),
        limits: item.limits.clone(),
        parameters: Arc::clone(&item.parameters),
        applies: item.applies,
        generation: entries.get(&item.card.id).map_or(0, |entry| entry.generation),
        fingerprint: item.fingerprint,
        remembered: remembered.remove(&item.card.id).map(Box::new),
    };
    Layout {
        environment: environment.to_owned(),
        sections: Arc::clone(&checklist.sections),
        items: checklist.items.iter().map(seed).collect(),
        maintenance: checklist.maintenance.clone(),
    }
}

#[cfg(test)]
mod acts_tests;
#[cfg(test)]
mod tests;
