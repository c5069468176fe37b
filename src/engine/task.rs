//! An item's task: waits, takes permits, looks within the deadline, reports.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{join_all, select_all};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Core;
use super::agenda::Due;
use super::entry::Entry;
use super::look::look;
use crate::board::Event;
use crate::checklist::Item;
use crate::model::report::{Cause, Report};

/// The least time between two judgings of a changing object.
const DEBOUNCE: Duration = Duration::from_millis(250);
/// How much longer than its own timeout a dependency is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs until the entry is cancelled.
pub(super) async fn run(core: Arc<Core>, entry: Arc<Entry>) {
    let cancel = entry.cancel.clone();
    tokio::select! {
        () = cancel.cancelled() => {}
        () = attempts(&core, &entry) => {}
    }
}

async fn attempts(core: &Arc<Core>, entry: &Entry) {
    let mut revisions = core.systems.load().revisions(&entry.item.load().needs.watches);
    let mut quiet_until = Instant::now();
    loop {
        let due = tokio::select! {
            due = entry.wanted() => due,
            () = changed(&mut revisions, quiet_until) => {
                Due { at: core.clock.now(), cause: Cause::Changed }
            }
        };
        let judging = attempt(core, entry, due).await;
        quiet_until = Instant::now() + DEBOUNCE.max(judging * 10);
    }
}

/// Waits until a watch of the item brings something new, and the item has been quiet long enough.
async fn changed(revisions: &mut [watch::Receiver<u64>], quiet_until: Instant) {
    if revisions.is_empty() {
        return std::future::pending().await;
    }
    let (outcome, _, _) = select_all(revisions.iter_mut().map(|r| r.changed().boxed())).await;
    if outcome.is_err() {
        // The watch is gone; a reload ends this task soon.
        return std::future::pending().await;
    }
    tokio::time::sleep_until(quiet_until).await;
    for revision in revisions {
        revision.mark_unchanged();
    }
}

/// One attempt, from permits to report; returns how long it took.
async fn attempt(core: &Arc<Core>, entry: &Entry, due: Due) -> Duration {
    let item = entry.item.load_full();
    let permits = core.permits.take(&item.needs.hosts).await;
    let blocked = core.board.outlook(&item.card.id).is_none_or(|outlook| outlook.blocked);
    if blocked {
        return Duration::ZERO;
    }
    let started = core.clock.now();
    entry.begins(started);
    core.pulse.started(due.at, started);
    let began = Instant::now();
    let past = entry.past.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let checks = look(&core.systems.load_full(), &item, &past, started).await;
    let took = began.elapsed();
    drop(permits);
    for check in &checks {
        core.pulse.checked(check);
    }
    let report = Report {
        item: item.card.id.clone(),
        generation: entry.generation,
        cause: due.cause,
        started,
        took,
        checks,
    };
    tracing::debug!(item = %report.item, cause = ?report.cause, verdict = %report.verdict(), "looked");
    if !item.depends_on.is_empty() && core.board.would_fail(&report, core.clock.now()) {
        ask_dependencies(core, &item, started).await;
    }
    let now = core.clock.now();
    let samples: Vec<_> =
        report.checks.iter().flat_map(|check| check.judgement.samples()).cloned().collect();
    entry.past.lock().unwrap_or_else(PoisonError::into_inner).remember(&samples, now);
    core.apply(Event::Reported(report));
    entry.ends(now);
    took
}

/// Looks at the item's dependencies before it is called failing: if one of them broke a moment ago,
/// the item is blind, not broken.
async fn ask_dependencies(core: &Core, item: &Item, since: jiff::Timestamp) {
    let asked = item.depends_on.iter().filter_map(|id| core.entry(id));
    let asked = asked.filter(|entry| entry.last_start().is_none_or(|start| start < since));
    join_all(asked.map(|entry| async move {
        let timeout = entry.item.load().timeout + PATIENCE;
        let mut ended = entry.ended.subscribe();
        entry.want(Due { at: core.clock.now(), cause: Cause::Confirming });
        if tokio::time::timeout(timeout, ended.changed()).await.is_err() {
            tracing::debug!(item = %entry.item.load().card.id, "no answer for its dependents");
        }
    }))
    .await;
}
