//! What waivers and maintenance make of a standing, when it is shown.
//!
//! A waiver covers reasons, not the item: the first failing line whose reason nobody took the blame
//! for shows through.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{ItemState, Snapshot, from_fold};
use crate::model::acts::terms::is_ahead;
use crate::model::acts::{Attestation, Maintenance, Waiver};
use crate::model::deployment::Deployment;
use crate::model::finding::Verdict;
use crate::model::judgement::{Line, legible};
use crate::model::reason::Reason;
use crate::model::schedule::later;
use crate::model::standing::{Shown, Standing};

impl Snapshot {
    /// The maintenance that an item is in at `now`, the one that began first.
    pub fn maintenance_of(&self, item: &ItemState, now: Timestamp) -> Option<&Arc<Maintenance>> {
        let mut declared = self.maintenance.iter().rev();
        declared.find(|span| span.is_on(now) && span.is_about(&item.card.section))
    }
}

impl ItemState {
    /// Whether a person's word counts for it at `now`, on its present terms.
    pub fn holds(&self, word: &Attestation, current: Option<&Deployment>, now: Timestamp) -> bool {
        self.terms.is_some_and(|terms| terms.hold(word, current, now))
    }

    /// The word that decides on its present terms: the newest of those that count.
    pub fn word(&self, current: Option<&Deployment>, now: Timestamp) -> Option<&Arc<Attestation>> {
        self.terms?.deciding(self.attestations.iter(), current, now)
    }

    /// When a waiver ends at the latest, on the item's present terms: never later than it was meant,
    /// nor than they allow from when it was given. None where the item can't be waived any more.
    pub fn end_of_waiver(&self, waiver: &Waiver, now: Timestamp) -> Option<Timestamp> {
        let given = waiver.at.min(now);
        Some(waiver.until.min(later(given, self.waivable_for?)))
    }

    /// Waivers that count at `now`, newest first.
    pub fn open_waivers(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Waiver>> {
        self.waivers.iter().filter(move |waiver| self.bears(waiver, now))
    }

    /// Whether a waiver counts at `now`, on the item's present terms.
    pub fn bears(&self, waiver: &Waiver, now: Timestamp) -> bool {
        waiver.ended.is_none()
            && !is_ahead(waiver.at, now)
            && self.end_of_waiver(waiver, now).is_some_and(|end| now < end)
    }

    /// The codes for which it fails: what made it fail, and what was seen to fail since.
    pub fn failing_codes(&self) -> BTreeSet<&'static str> {
        let own = self.folded.reason.filter(|_| self.folded.standing == Standing::Failing);
        self.failing_lines().filter_map(|line| line.reason).chain(own).map(Reason::code).collect()
    }

    /// The lines of the last attempt that fail, those that a person's word answers left out.
    pub fn failing_lines(&self) -> impl Iterator<Item = &Line> {
        let lines = self.latest.iter().flat_map(|report| report.failing());
        let carried = self.carried.failing.iter().filter(|_| self.latest.is_none());
        carried.filter(|line| line.verdict == Verdict::Fail).chain(lines)
    }

    /// The first of these of each reason: what a waiver has to cover.
    pub fn failing_reasons(&self) -> Vec<&Line> {
        let mut reasons = HashSet::new();
        self.failing_lines().filter(|line| reasons.insert(line.reason)).collect()
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
        (true, Some(line)) => Shown { reason: line.reason, because: line.sentence(), ..shown },
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
    let Waiver { who, why, at, .. } = &**waiver;
    let until = item.end_of_waiver(waiver, now).unwrap_or(waiver.until);
    let why = legible(why, LONGEST_WHY);
    let because = format!("waived by {who} until {until:.0} ({why}); {}", shown.because);
    Shown { standing: Standing::Waived, because, since: shown.since.max(*at), ..shown }
}
