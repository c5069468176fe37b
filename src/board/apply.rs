//! How each event changes the state.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::acts;
use super::announce::{announce, recall};
use super::fold::{self, Outcome};
use super::recall::recalled;
use super::{Changes, Event, Held, Layout, Seed, blocker, remember};
use crate::model::finding::Verdict;
use crate::model::item::{ItemId, Mode};
use crate::model::pause::{self, Pause};
use crate::model::report::Report;
use crate::model::schedule::{Damping, later};
use crate::model::snapshot::{Attempt, Blocked, Carried, Folded, ItemState, Stream};
use crate::model::standing::{Standing, Turn};
use crate::model::tally::attested;

/// A time further ahead than this is not believed.
const MOST_SKEW: Duration = Duration::from_mins(2);
/// Attempts that are kept of an item.
const MOST_RECENT: usize = 20;
/// Failures and blind attempts that are kept after the recent ones forgot them.
const MOST_FAILURES: usize = 20;
/// Turns that are kept of an item.
const MOST_TURNS: usize = 50;

impl Held {
    pub(super) fn apply(&mut self, event: Event, now: Timestamp) -> Changes {
        let mut announced = None;
        let mut gone = Vec::new();
        match event {
            Event::Acted(act) => acts::take(&mut self.snapshot, act, now),
            Event::Announced(announcement, token) => {
                announced = Some(announce(&mut self.snapshot, announcement, token, now));
            }
            Event::Recalled(deployments, maintenance, pauses) => {
                recall(&mut self.snapshot, deployments, maintenance);
                self.snapshot.pauses = pauses.into();
            }
            Event::Configured(layout) => gone = self.configure(layout, now),
            Event::Reported(report) => self.report(&Arc::new(report), now),
            Event::Ticked(streams) => self.tick(streams, now),
        }
        let acts = acts::settle(&mut self.snapshot, now);
        let freed = self.block(now);
        Changes { turns: self.turns(now), freed, announced, gone, acts }
    }

    /// Returns the items that are gone.
    fn configure(&mut self, layout: Layout, now: Timestamp) -> Vec<Arc<ItemState>> {
        let Layout { environment, sections, items, maintenance } = layout;
        let shown = self.shown.drain(..);
        let mut before: HashMap<_, _> = self
            .snapshot
            .items
            .drain(..)
            .zip(shown)
            .map(|(item, shown)| (item.card.id.clone(), (item, shown)))
            .collect();
        let mut shown_before = Vec::with_capacity(items.len());
        for mut seed in items {
            let remembered = seed.remembered.take();
            let (state, shown) = match before.remove(&seed.card.id) {
                Some((state, shown)) => (reseeded(&state, seed, now), Some(shown)),
                None => (recalled(seeded(seed, now), remembered, now), None),
            };
            self.snapshot.items.push(Arc::new(state));
            shown_before.push(shown);
        }
        self.snapshot.environment = environment;
        self.snapshot.sections = sections;
        acts::configure(&mut self.snapshot, maintenance);
        // To be on the checklist is no turn: what is new was always shown as it is shown first.
        let first = |item: &Arc<ItemState>| self.snapshot.shown(item, now).standing;
        let with = self.snapshot.items.iter().zip(shown_before);
        self.shown = with.map(|(item, shown)| shown.unwrap_or_else(|| first(item))).collect();
        before.into_values().map(|(item, _)| item).collect()
    }

    fn report(&mut self, report: &Arc<Report>, now: Timestamp) {
        let items = &self.snapshot.items;
        let Some(index) = items.iter().position(|item| item.card.id == report.item) else { return };
        let doubted = self.doubts(&items[index]);
        let item = &mut self.snapshot.items[index];
        if item.generation == report.generation {
            reported(Arc::make_mut(item), report, doubted, now);
        }
    }

    /// Whether a failure of this item may be its dependency's: one that is known to be broken, or
    /// was seen so at its last look and is not called so yet.
    fn doubts(&self, item: &ItemState) -> bool {
        let broken = |id: &ItemId| {
            let dependency = self.snapshot.item(id.as_str())?;
            dependency.folded.last_verdict
        };
        item.blocked.as_ref().is_some_and(|blocked| blocked.failing)
            || item
                .depends_on
                .iter()
                .filter_map(broken)
                .any(|verdict| matches!(verdict, Verdict::Fail | Verdict::Unknown))
    }

    fn tick(&mut self, streams: Vec<Stream>, now: Timestamp) {
        self.snapshot.streams = streams;
        self.note_sleep(now);
        for item in &mut self.snapshot.items {
            set_back(item, now);
            let pending = item.folded.standing == Standing::Pending && item.blocked.is_none();
            if pending && now >= later(item.free_since, item.damping.grace) {
                fold::grace_ended(&mut Arc::make_mut(item).folded, now);
            }
        }
    }

    /// Notes that nobody looked, where the last tick lies too far back: the machine was suspended, or
    /// the daemon stopped. A clock that was set back passed no time; one that was set forward can't
    /// be told from sleep, and has a pause as well.
    fn note_sleep(&mut self, now: Timestamp) {
        if let Some(last) = self.ticked.replace(now)
            && let Some(slept) = Pause::between(last, now)
        {
            pause::remember(&mut self.snapshot.pauses, slept);
        }
    }

    /// Works out anew who waits for whom; returns those who may be looked at again.
    ///
    /// Dependencies of dependencies come first where the file has them first; where it has them
    /// last, a further pass carries the news on. No circle passes the configuration.
    fn block(&mut self, now: Timestamp) -> Vec<ItemId> {
        let mut freed = Vec::new();
        loop {
            let mut changed = false;
            for index in 0..self.snapshot.items.len() {
                let item = &self.snapshot.items[index];
                if item.depends_on.is_empty() || item.folded.standing == Standing::NotApplicable {
                    continue;
                }
                let blocked = blocker(&self.snapshot, &item.depends_on, now);
                if same(item.blocked.as_ref(), blocked.as_ref()) {
                    continue;
                }
                changed = true;
                let item = Arc::make_mut(&mut self.snapshot.items[index]);
                if blocked.is_none() {
                    free(item, now);
                    freed.push(item.card.id.clone());
                }
                item.blocked = since_when(item.blocked.take(), blocked);
            }
            if !changed {
                return freed;
            }
        }
    }

    fn turns(&mut self, now: Timestamp) -> Vec<(ItemId, Turn)> {
        let mut turns = Vec::new();
        for index in 0..self.snapshot.items.len() {
            let shown = self.snapshot.shown(&self.snapshot.items[index], now);
            let from = self.shown[index];
            if from == shown.standing {
                continue;
            }
            self.shown[index] = shown.standing;
            let turn = Turn {
                at: now,
                from,
                to: shown.standing,
                reason: shown.reason,
                because: shown.because,
            };
            let item = Arc::make_mut(&mut self.snapshot.items[index]);
            remember(&mut item.turns, turn.clone(), MOST_TURNS);
            turns.push((item.card.id.clone(), turn));
        }
        turns
    }
}

/// An item may be looked at again. What it was before is believed only if it would still be, had
/// nothing been in the way: else it is pending until the look that is due now.
fn free(item: &mut ItemState, now: Timestamp) {
    item.free_since = now;
    if item.stale_at.is_some_and(|at| at <= now) {
        let standing = Standing::Pending;
        item.folded = fold::fresh(standing, now, "not looked at since its dependency recovered");
        let patience = item.timeout.max(item.damping.grace);
        item.stale_at = item.schedule.stale_after(now, patience);
    }
}

/// Another culprit is no other standing: it has been blocked since the first.
fn since_when(before: Option<Blocked>, after: Option<Blocked>) -> Option<Blocked> {
    match (before, after) {
        (Some(before), Some(after)) if before.failing == after.failing => {
            Some(Blocked { since: before.since, ..after })
        }
        (_, after) => after,
    }
}

/// Where the clock was set back, times that now lie ahead would keep a hung item green for as long.
fn set_back(item: &mut Arc<ItemState>, now: Timestamp) {
    let ahead = later(now, MOST_SKEW);
    if item.free_since <= ahead && item.last_attempt.is_none_or(|last| last <= ahead) {
        return;
    }
    let item = Arc::make_mut(item);
    item.free_since = item.free_since.min(now);
    item.last_attempt = item.last_attempt.map(|last| last.min(now));
    let patience = match item.last_attempt {
        Some(_) => item.timeout,
        None => item.timeout.max(item.damping.grace),
    };
    item.stale_at = item.schedule.stale_after(now, patience);
}

fn same(before: Option<&Blocked>, after: Option<&Blocked>) -> bool {
    match (before, after) {
        (None, None) => true,
        (Some(before), Some(after)) => before.by == after.by && before.failing == after.failing,
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn seeded(seed: Seed, now: Timestamp) -> ItemState {
    let Seed {
        card,
        schedule,
        timeout,
        damping,
        depends_on,
        watches,
        limits,
        parameters,
        terms,
        waivable_for,
        applies,
        generation,
        fingerprint,
        remembered: _,
    } = seed;
    let folded = if applies {
        fold::fresh(Standing::Pending, now, "nobody has looked yet")
    } else {
        fold::fresh(Standing::NotApplicable, now, "does not apply to this environment")
    };
    ItemState {
        stale_at: if applies {
            schedule.stale_after(now, timeout.max(damping.grace))
        } else {
            None
        },
        card,
        schedule,
        timeout,
        damping,
        depends_on,
        watches,
        limits,
        parameters,
        generation,
        known_since: now,
        carried: Carried::default(),
        terms,
        waivable_for,
        fingerprint,
        free_since: now,
        folded,
        blocked: None,
        last_attempt: None,
        last_pass: None,
        attempts: [0; 4],
        latest: None,
        samples: Arc::from([]),
        details_dropped: 0,
        recent: VecDeque::new(),
        failures: VecDeque::new(),
        turns: VecDeque::new(),
        attestations: VecDeque::new(),
        waivers: VecDeque::new(),
    }
}

/// An item of the last configuration under a new one: the same generation keeps everything but the
/// card; a new one is pending again and keeps its history.
fn reseeded(state: &ItemState, seed: Seed, now: Timestamp) -> ItemState {
    if state.generation == seed.generation {
        let Seed { card, limits, parameters, terms, waivable_for, .. } = seed;
        return ItemState { card, limits, parameters, terms, waivable_for, ..state.clone() };
    }
    let fresh = seeded(seed, now);
    let last_seen_failing = state.folded.last_seen_failing;
    ItemState {
        folded: Folded { last_seen_failing, ..fresh.folded },
        known_since: state.known_since,
        attestations: state.attestations.clone(),
        waivers: state.waivers.clone(),
        last_attempt: state.last_attempt,
        last_pass: state.last_pass,
        attempts: state.attempts,
        recent: state.recent.clone(),
        failures: state.failures.clone(),
        turns: state.turns.clone(),
        ..fresh
    }
}

/// Takes a report in. A failure that may be a dependency's is kept as evidence and not counted: the
/// item would come out failing when the dependency recovers.
fn reported(item: &mut ItemState, report: &Arc<Report>, doubted: bool, now: Timestamp) {
    let outcome = outcome(report, now);
    if !(doubted && outcome.verdict == Verdict::Fail) {
        let damping = damping(item, report);
        fold::attempt(&mut item.folded, &damping, &outcome);
    }
    item.last_attempt = Some(now);
    item.stale_at = item.schedule.stale_after(now, item.timeout);
    if let Some(place) = Verdict::ALL.iter().position(|verdict| *verdict == outcome.verdict) {
        item.attempts[place] += 1;
    }
    let good = matches!(outcome.verdict, Verdict::Pass | Verdict::Warn);
    if good {
        item.last_pass = Some(now);
    }
    let attempt = Attempt {
        started: report.started,
        took: report.took,
        cause: report.cause,
        verdict: outcome.verdict,
        reason: outcome.reason,
        because: outcome.because,
    };
    if !good {
        remember(&mut item.failures, attempt.clone(), MOST_FAILURES);
    }
    remember(&mut item.recent, attempt, MOST_RECENT);
    item.samples = report.all().flat_map(|check| check.judgement.samples()).cloned().collect();
    item.details_dropped = report.all().map(|check| check.judgement.dropped).sum();
    item.latest = Some(Arc::clone(report));
}

/// How a report of an item is damped. Where a person's word made it hold that is lapsed now, or was
/// taken back, nothing is left that could hold it up: what is seen without the word decides at once.
pub(super) fn damping(item: &ItemState, report: &Report) -> Damping {
    let stood = item.card.mode == Mode::AutoAttestable && attested(item);
    if stood && !report.has_word() {
        let confirm_every = Duration::ZERO;
        return Damping { fail_after: 1, unknown_after: 1, confirm_every, ..item.damping };
    }
    item.damping
}

pub(super) fn outcome(report: &Report, now: Timestamp) -> Outcome {
    Outcome {
        verdict: report.verdict(),
        reason: report.reason(),
        because: report.because(),
        ended: now,
    }
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
