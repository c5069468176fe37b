//! The fold: how verdicts turn into a standing. Pure.
//!
//! Counters: a good attempt resets the others; a failure resets goods and unknowns; a blind one
//! resets goods and leaves the failures, since not having seen does not heal. An attempt counts only
//! if the last counted one *of its sort* is at least `confirm_every` ago: a burst of looks confirms
//! nothing, and the first contradiction is never kept waiting.

use jiff::{SignedDuration, Timestamp};

use crate::model::finding::Verdict;
use crate::model::reason::Reason;
use crate::model::schedule::Damping;
use crate::model::snapshot::{Counted, Folded};
use crate::model::standing::Standing;

/// What the fold is told of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<Reason>,
    pub(super) because: String,
    pub(super) ended: Timestamp,
}

/// A standing at which nobody has looked yet.
pub(super) fn fresh(standing: Standing, now: Timestamp, because: &str) -> Folded {
    Folded {
        standing,
        since: now,
        reason: None,
        because: because.to_owned(),
        goods: 0,
        fails: 0,
        unknowns: 0,
        counted_at: [None; 3],
        last_verdict: None,
        last_reason: None,
        last_because: String::new(),
        before_unknown: None,
        last_seen_failing: None,
    }
}

/// Folds one attempt in.
pub(super) fn attempt(folded: &mut Folded, damping: &Damping, outcome: &Outcome) {
    let Outcome { verdict, reason, because, ended } = outcome;
    let is = |sort: fn(Reason) -> bool| *verdict == Verdict::Unknown && reason.is_some_and(sort);
    let (not_yet, not_applicable) = (is(Reason::is_not_yet), is(Reason::is_not_applicable));
    if not_yet || not_applicable {
        // No answer is no blindness: the counters wait.
        folded.goods = 0;
    } else {
        count(folded, damping, *verdict, *ended);
    }
    folded.last_verdict = Some(*verdict);
    folded.last_reason = *reason;
    folded.last_because.clone_from(because);
    if *verdict == Verdict::Fail {
        folded.last_seen_failing = Some(*ended);
    }
    let next = match (not_yet, not_applicable) {
        (true, _) => unanswered(folded.standing, *reason),
        (_, true) => Standing::NotApplicable,
        (false, false) => next(folded, damping, *verdict),
    };
    let agrees = next != folded.standing || agrees(next, *verdict);
    turn(folded, next, *ended);
    let good = matches!(verdict, Verdict::Pass | Verdict::Warn);
    if good && matches!(next, Standing::Passing | Standing::Warning) {
        folded.last_seen_failing = None;
    }
    if matches!(next, Standing::Pending | Standing::NotApplicable) {
        folded.reason = None;
        folded.because.clone_from(because);
    } else if agrees {
        folded.reason = *reason;
        folded.because.clone_from(because);
    }
}

/// Decides an item that is still pending when its grace has ended.
///
/// The last verdict decides; without any, nobody has looked. A question that has no answer yet
/// (`NotYet`) stays pending: that is an answer, too.
pub(super) fn grace_ended(folded: &mut Folded, now: Timestamp) {
    if folded.standing != Standing::Pending {
        return;
    }
    let (standing, reason, because) = match folded.last_verdict {
        None => (
            Standing::Unknown,
            Some(Reason::NEVER_LOOKED),
            "no attempt was made by the end of the grace period".to_owned(),
        ),
        Some(Verdict::Unknown) if folded.last_reason.is_some_and(Reason::is_not_yet) => return,
        Some(verdict) => (standing(verdict), folded.last_reason, folded.last_because.clone()),
    };
    turn(folded, standing, now);
    folded.reason = reason;
    folded.because = because;
}

/// Whether the last verdict contradicts the standing, so that the next look comes sooner.
pub(super) fn contradicts(folded: &Folded) -> bool {
    folded.last_verdict.is_some_and(|verdict| {
        let waits = folded.standing == Standing::Pending
            && folded.last_reason.is_some_and(Reason::is_not_yet);
        !waits && !agrees(folded.standing, verdict)
    })
}

fn count(folded: &mut Folded, damping: &Damping, verdict: Verdict, ended: Timestamp) {
    let sort = Counted::of(verdict);
    let apart = SignedDuration::try_from(damping.confirm_every).unwrap_or(SignedDuration::MAX);
    // A last count in the future was made before the clock was set back: it holds nobody up.
    let too_soon = folded
        .last_counted(sort)
        .is_some_and(|last| last <= ended && ended.duration_since(last) < apart);
    match sort {
        Counted::Good => {
            folded.fails = 0;
            folded.unknowns = 0;
            folded.goods += u32::from(!too_soon);
        }
        Counted::Fail => {
            folded.goods = 0;
            folded.unknowns = 0;
            folded.fails += u32::from(!too_soon);
        }
        Counted::Unknown => {
            folded.goods = 0;
            folded.unknowns += u32::from(!too_soon);
        }
    }
    if !too_soon {
        folded.count_at(sort, ended);
    }
}

/// The standing after an attempt whose counters are already folded in.
fn next(folded: &Folded, damping: &Damping, verdict: Verdict) -> Standing {
    let Damping { fail_after, recover_after, unknown_after, .. } = *damping;
    let current = folded.standing;
    match (current, verdict) {
        (
            Standing::Pending | Standing::Passing | Standing::Warning | Standing::NotApplicable,
            Verdict::Pass | Verdict::Warn,
        ) => standing(verdict),
        (Standing::Failing, Verdict::Pass | Verdict::Warn) if folded.goods >= recover_after => {
            standing(verdict)
        }
        (Standing::Unknown, Verdict::Pass | Verdict::Warn)
            if folded.before_unknown != Some(Standing::Failing)
                || folded.goods >= recover_after =>
        {
            standing(verdict)
        }
        (Standing::Unknown, Verdict::Fail)
            if folded.before_unknown == Some(Standing::Failing) || folded.fails >= fail_after =>
        {
            Standing::Failing
        }
        (
            Standing::Pending | Standing::Passing | Standing::Warning | Standing::NotApplicable,
            Verdict::Fail,
        ) if folded.fails >= fail_after => Standing::Failing,
        (
            Standing::Pending
            | Standing::Passing
            | Standing::Warning
            | Standing::Failing
            | Standing::NotApplicable,
            Verdict::Unknown,
        ) if folded.unknowns >= unknown_after => Standing::Unknown,
        // It applies after all; what it says is to be confirmed as at a start.
        (Standing::NotApplicable, _) => Standing::Pending,
        (
            Standing::Pending
            | Standing::Passing
            | Standing::Warning
            | Standing::Failing
            | Standing::Unknown
            | Standing::Waived,
            _,
        ) => current,
    }
}

/// What becomes of a standing whose question has no answer yet. A first list that is under way says
/// nothing of what stood before it, as after a restart: it comes, or is told to be down, in time.
fn unanswered(current: Standing, reason: Option<Reason>) -> Standing {
    match current {
        Standing::NotApplicable | Standing::Pending => Standing::Pending,
        Standing::Waived => current,
        Standing::Passing | Standing::Warning | Standing::Failing | Standing::Unknown => {
            if reason == Some(Reason::WATCH_RUNNING) { current } else { Standing::Pending }
        }
    }
}

fn turn(folded: &mut Folded, to: Standing, at: Timestamp) {
    if folded.standing == to {
        return;
    }
    if to == Standing::Unknown {
        folded.before_unknown = Some(folded.standing);
    } else {
        folded.before_unknown = None;
    }
    folded.standing = to;
    folded.since = at;
}

fn standing(verdict: Verdict) -> Standing {
    match verdict {
        Verdict::Pass => Standing::Passing,
        Verdict::Warn => Standing::Warning,
        Verdict::Fail => Standing::Failing,
        Verdict::Unknown => Standing::Unknown,
    }
}

fn agrees(current: Standing, verdict: Verdict) -> bool {
    match current {
        Standing::Passing | Standing::Warning => matches!(verdict, Verdict::Pass | Verdict::Warn),
        Standing::Failing => verdict == Verdict::Fail,
        Standing::Unknown | Standing::NotApplicable => verdict == Verdict::Unknown,
        Standing::Pending => false,
        Standing::Waived => true,
    }
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
