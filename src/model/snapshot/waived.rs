//! What waivers and maintenance make of a standing, when it is shown.
//!
//! A waiver covers reasons, not the item: the first failing line whose reason nobody took the blame
//! for shows through.

use std::sync::Arc;

use jiff::Timestamp;

use super::{ItemState, Snapshot, from_fold};
use crate::model::acts::{Maintenance, Waiver};
use crate::model::finding::Verdict;
use crate::model::judgement::{Line, legible};
use crate::model::standing::{Shown, Standing};

impl Snapshot {
    /// The maintenance that an item is in at `now`, the one that began first.
    pub fn maintenance_of(&self, item: &ItemState, now: Timestamp) -> Option<&Arc<Maintenance>> {
        let mut declared = self.maintenance.iter().rev();
        declared.find(|span| span.is_on(now) && span.is_about(&item.card.section))
    }
}

impl ItemState {
    /// Waivers that stand at `now`, newest first.
    pub fn open_waivers(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Waiver>> {
        self.waivers.iter().filter(move |waiver| waiver.is_open(now))
    }

    /// The lines of the last attempt that fail, those of checks that a person's word stands in for
    /// left out.
    pub fn failing_lines(&self) -> impl Iterator<Item = &Line> {
        let checks = self.latest.iter().flat_map(|report| &report.checks);
        let lines = checks.flat_map(|check| check.judgement.lines());
        let carried = self.carried.iter().filter(|_| self.latest.is_none());
        carried.chain(lines).filter(|line| line.verdict == Verdict::Fail)
    }
}

/// How much of the reason for an act goes into a sentence, in characters.
const LONGEST_WHY: usize = 200;

/// The folded standing, or what maintenance and waivers make of it.
pub(super) fn shown(snapshot: &Snapshot, item: &ItemState, now: Timestamp) -> Shown {
    let shown = from_fold(&item.folded);
    let standing = shown.standing;
    if matches!(standing, Standing::Failing | Standing::Unknown)
        && let Some(span) = snapshot.maintenance_of(item, now)
    {
        return maintained(&shown, span);
    }
    if standing != Standing::Failing || item.open_waivers(now).next().is_none() {
        return shown;
    }
    let covered = |code: &str| item.open_waivers(now).any(|waiver| waiver.covers(code));
    // What made it fail is covered, and nothing that was seen to fail since is not.
    let own = shown.reason.is_none_or(|reason| covered(reason.code()));
    let through = item.failing_lines().find(|line| !line.reason.is_some_and(|r| covered(r.code())));
    match (own, through) {
        (true, None) => waived(item, shown, now),
        (true, Some(line)) => {
            let subject = &line.subject;
            let because = if subject.is_empty() {
                line.because.clone()
            } else {
                format!("{subject}: {}", line.because)
            };
            Shown { reason: line.reason, because, ..shown }
        }
        (false, _) => shown,
    }
}

fn maintained(shown: &Shown, span: &Maintenance) -> Shown {
    let Maintenance { from, until, why, .. } = span;
    let because = format!(
        "under maintenance by {} until {until:.0} ({}); {}",
        span.by(),
        legible(why, LONGEST_WHY),
        shown.because
    );
    Shown {
        standing: Standing::Waived,
        reason: shown.reason,
        because,
        since: shown.since.max(*from),
    }
}

fn waived(item: &ItemState, shown: Shown, now: Timestamp) -> Shown {
    let code = shown.reason.map_or("", |reason| reason.code());
    let waiver = item.open_waivers(now).find(|waiver| waiver.covers(code));
    let Some(waiver) = waiver else { return shown };
    let Waiver { who, until, why, at, .. } = &**waiver;
    let why = legible(why, LONGEST_WHY);
    let because = format!("waived by {who} until {until:.0} ({why}); {}", shown.because);
    Shown { standing: Standing::Waived, because, since: shown.since.max(*at), ..shown }
}
