//! An item's task: waits, takes permits, looks within the deadline, reports.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{join_all, select_all};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Core;
use super::agenda::Due;
use super::entry::Entry;
use super::look::{Looked, look};
use crate::board::Event;
use crate::checklist::Item;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::model::report::{Cause, CheckReport, Report};

/// The least time between two judgings of a changing object.
const DEBOUNCE: Duration = Duration::from_millis(250);
/// The most: waiting for a permit is no judging.
const LONGEST_DEBOUNCE: Duration = Duration::from_secs(10);
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
        let began = Instant::now();
        if AssertUnwindSafe(attempt(core, entry, due)).catch_unwind().await.is_err() {
            broke(core, entry, due.cause);
        }
        entry.rests();
        quiet_until = Instant::now() + DEBOUNCE.max(began.elapsed() * 10).min(LONGEST_DEBOUNCE);
    }
}

/// Waits until a watch of the item brings something new, and the item has been quiet long enough.
async fn changed(revisions: &mut Vec<watch::Receiver<u64>>, quiet_until: Instant) {
    loop {
        if revisions.is_empty() {
            return std::future::pending().await;
        }
        let changes = revisions.iter_mut().map(|revision| revision.changed().boxed());
        let (outcome, index, _) = select_all(changes).await;
        if outcome.is_ok() {
            break;
        }
        // This watch was closed; the item's others go on.
        revisions.remove(index);
    }
    tokio::time::sleep_until(quiet_until).await;
    for revision in revisions {
        revision.mark_unchanged();
    }
}

/// One attempt, from permits to report.
async fn attempt(core: &Arc<Core>, entry: &Entry, due: Due) {
    let item = entry.item.load_full();
    let permit = core.permits.take(&item.needs.hosts).await;
    let blocked = core.board.outlook(&item.card.id).is_none_or(|outlook| outlook.blocked);
    if blocked {
        return;
    }
    let started = core.clock.now();
    entry.begins(started);
    core.pulse.started(due.at, started);
    let began = Instant::now();
    let records = core.board.records(&item.card.id, &item.needs, started);
    let (systems, past) = (core.systems.load_full(), entry.past());
    let Looked { checks, word } = look(&systems, &item, &records, &past, started).await;
    let took = began.elapsed();
    drop(permit);
    let report = Report {
        item: item.card.id.clone(),
        generation: entry.generation,
        cause: due.cause,
        started,
        took,
        checks,
        word,
    };
    for check in report.all() {
        core.pulse.checked(check);
    }
    tracing::debug!(item = %report.item, cause = ?report.cause, verdict = %report.verdict(), "looked");
    if !item.depends_on.is_empty() && core.board.would_fail(&report, core.clock.now()) {
        ask_dependencies(core, &item, started).await;
    }
    let now = core.clock.now();
    let samples: Vec<_> =
        report.all().flat_map(|check| check.judgement.samples()).cloned().collect();
    entry.remember(&samples, now);
    entry.changes(report.changes_at());
    core.apply(Event::Reported(report));
    entry.ends(now);
}

/// What is outside of the checks' own guard broke: told like a check that did, and the task goes on.
fn broke(core: &Core, entry: &Entry, cause: Cause) {
    let item = entry.item.load();
    tracing::error!(item = %item.card.id, "an attempt broke; this is a defect of Vigie");
    let because = "the attempt broke; this is a defect of Vigie, its log says where";
    let crashed = |kind| CheckReport {
        kind,
        took: Duration::ZERO,
        judgement: Obstacle::ours(Reason::CRASHED, because).into(),
    };
    let checks: Vec<_> = item.card.kinds.iter().copied().map(crashed).collect();
    for check in &checks {
        core.pulse.checked(check);
    }
    let now = core.clock.now();
    core.apply(Event::Reported(Report {
        item: item.card.id.clone(),
        generation: entry.generation,
        cause,
        started: now,
        took: Duration::ZERO,
        checks,
        word: None,
    }));
    entry.ends(now);
}

/// Looks at the item's dependencies before it is called failing: if one of them broke a moment ago,
/// the item is blind, not broken.
async fn ask_dependencies(core: &Core, item: &Item, since: Timestamp) {
    let asked = item.depends_on.iter().filter_map(|id| core.entry(id));
    let asked = asked.filter(|entry| entry.item.load().applies && older(entry, since));
    join_all(asked.map(|entry| async move {
        let timeout = entry.item.load().timeout + PATIENCE;
        let mut ended = entry.ended.subscribe();
        entry.want(Due { at: core.clock.now(), cause: Cause::Confirming });
        let answer = async {
            // An attempt that began before the failure was seen is no answer.
            while ended.changed().await.is_ok() && older(&entry, since) {}
        };
        if tokio::time::timeout(timeout, answer).await.is_err() {
            tracing::debug!(item = %entry.item.load().card.id, "no answer for its dependents");
        }
    }))
    .await;
}

fn older(entry: &Entry, since: Timestamp) -> bool {
    entry.last_start().is_none_or(|start| start < since)
}
