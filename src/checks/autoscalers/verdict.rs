//! What is said of one autoscaler.

use std::time::Duration;

use jiff::Timestamp;

use super::memory::{self, reversals, since};
use super::{Autoscalers, Concern};
use crate::model::counted::{counted, either};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Grade, Obstacle, Verdict};
use crate::model::judgement::Answer;
use crate::model::measure::Sample;
use crate::model::past::Past;
use crate::model::reason::{CLOCK_TOLERANCE, Documented, Reason};
use crate::systems::kubernetes::autoscaler::{Autoscaler, Told};

macro_rules! reasons {
    ($($name:ident $code:literal $how:ident $means:literal;)*) => {
        $(pub(super) const $name: Documented = Documented::$how(Reason::new($code), $means);)*
    };
}

reasons! {
    TARGET_MISSING "TargetMissing" fails "What an autoscaler is to scale does not exist.";
    UNABLE_TO_SCALE "UnableToScale" fails
        "An autoscaler can't read or change the number of replicas (its condition AbleToScale).";
    SCALING_INACTIVE "ScalingInactive" fails
        "An autoscaler works out no number of replicas, for want of metrics mostly (its condition \
         ScalingActive).";
    SCALING_DISABLED "ScalingDisabled" fails
        "What an autoscaler is to scale was set to no replicas, which turns it off, and \
         `may_be_off` does not name it.";
    METRIC_UNKNOWN "MetricUnknown" warns
        "An autoscaler scales by some of its metrics; others have no value.";
    NOT_OBSERVED "NotObserved" warns_or_fails
        "An autoscaler's controller has not seen it, or not its newest version; it fails after \
         `observed_within`.";
    AT_MAXIMUM "AtMaximum" warns_or_fails
        "An autoscaler wants all the replicas that it may, or more; it fails after \
         `at_maximum_within`.";
    FLAPPING "Flapping" fails
        "The number of replicas that an autoscaler wants goes up and down too often.";
    NEVER_SCALED "NeverScaled" fails "An autoscaler has never scaled.";
    NOT_SCALED_LATELY "NotScaledLately" fails
        "An autoscaler last scaled longer ago than `scaled_within`.";
}

/// The controller's words where what is to be scaled does not exist, or not its kind.
const ABSENT: [&str; 2] = ["not found", "no matches for kind"];

impl Autoscalers {
    /// The worst that can be said of an autoscaler, and what is to be remembered of it.
    pub(super) fn answer(
        &self,
        autoscaler: &Autoscaler,
        past: &Past,
        now: Timestamp,
    ) -> (Answer, Vec<Sample>) {
        if let Some(missing) = autoscaler.missing {
            let because = format!("the API server does not give {missing}");
            return (Obstacle::new(Reason::GARBLED, because).into(), Vec::new());
        }
        if self.may_be_off.contains(&*autoscaler.name) && is_off(autoscaler) {
            let because = format!("{} has no replicas, as it may", autoscaler.target);
            return (Finding::pass(because).into(), Vec::new());
        }
        let mut remember = Vec::new();
        let mut all: Vec<Answer> = Vec::new();
        let is_told = autoscaler.able.is_some() || autoscaler.active.is_some();
        // Where the controller works out no number, the one that it worked out before is none.
        let is_reckoned =
            (&autoscaler.able, &autoscaler.active) == (&Some(Told::Yes), &Some(Told::Yes));
        let of_numbers = self.concerned(Concern::Maximum) || self.concerned(Concern::Reversals);
        if self.concerned(Concern::Activity) || !is_told || (of_numbers && !is_reckoned) {
            let (at, sample) =
                since(autoscaler, memory::UNOBSERVED, !autoscaler.observed, past, now);
            remember.extend(sample);
            all.extend(self.inactive(autoscaler, at, now));
        }
        if self.concerned(Concern::Maximum) && is_reckoned {
            let (at, sample) =
                since(autoscaler, memory::AT_MAXIMUM, is_at_maximum(autoscaler), past, now);
            remember.extend(sample);
            all.extend(at.map(|at| self.at_maximum(autoscaler, at, now).into()));
        }
        if self.concerned(Concern::Reversals) && is_reckoned {
            let (turns, sample) = reversals(autoscaler, self.reversals.window.get(), past, now);
            remember.extend(sample);
            all.extend(self.flapping(turns).map(Answer::from));
        }
        if self.concerned(Concern::Scaled) {
            all.extend(self.unscaled(autoscaler, now));
        }
        let worst = all.into_iter().rev().max_by_key(verdict);
        (worst.unwrap_or_else(|| fine(autoscaler).into()), remember)
    }

    /// What its conditions say against it, in the order of causes.
    fn inactive(
        &self,
        autoscaler: &Autoscaler,
        unobserved: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Answer> {
        let (Some(able), Some(active)) = (&autoscaler.able, &autoscaler.active) else {
            // ScalingActive is first told once a target was found.
            if let Some(Told::No(reason, message)) = &autoscaler.able {
                return Some(unable(autoscaler, reason, message).into());
            }
            let what = "its controller has said nothing of it";
            return Some(self.unobserved(what, autoscaler.created.unwrap_or(now), now));
        };
        match able {
            Told::Yes => {}
            Told::No(reason, message) => return Some(unable(autoscaler, reason, message).into()),
            Told::Unknown => return Some(untold("AbleToScale")),
        }
        match active {
            Told::Yes => {}
            Told::No(reason, message) => return Some(idle(autoscaler, reason, message).into()),
            Told::Unknown => return Some(untold("ScalingActive")),
        }
        if let Some(at) = unobserved {
            let what = "its controller has not seen its newest version";
            return Some(self.unobserved(what, at, now));
        }
        let unknown = autoscaler.unknown_metrics;
        (unknown > 0).then(|| {
            let (have, counts) = (either(&unknown, "has", "have"), counts(autoscaler));
            let because = format!("{unknown} of its metrics {have} no value; {counts}");
            Finding::warn(METRIC_UNKNOWN.reason, because).into()
        })
    }

    fn unobserved(&self, what: &str, since: Timestamp, now: Timestamp) -> Answer {
        let allowed = self.observed_within.0.get();
        let lasted = match lasted("created", since, now) {
            Ok(lasted) => lasted,
            Err(obstacle) => return obstacle.into(),
        };
        let because = format!("{what} for {}, {} allowed", spoken(lasted), spoken(allowed));
        if lasted > allowed {
            Finding::fail(NOT_OBSERVED.reason, because).into()
        } else {
            Finding::warn(NOT_OBSERVED.reason, because).into()
        }
    }

    fn at_maximum(&self, autoscaler: &Autoscaler, since: Timestamp, now: Timestamp) -> Finding {
        let allowed = self.at_maximum_within.0.get();
        let lasted = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        let more = if autoscaler.capped { ", and would have more" } else { "" };
        let because = format!(
            "wants the {} that it may{more}, for {}; {} allowed",
            counted(autoscaler.max, "replica"),
            spoken(lasted),
            spoken(allowed)
        );
        if lasted > allowed {
            Finding::fail(AT_MAXIMUM.reason, because)
        } else {
            Finding::warn(AT_MAXIMUM.reason, because)
        }
    }

    fn flapping(&self, turns: u32) -> Option<Finding> {
        let allowed = self.reversals.fail_above;
        (turns > allowed).then(|| {
            let window = self.reversals.window;
            let because = format!(
                "the number of replicas that it wants turned {} within {window}, {allowed} allowed",
                counted(turns, "time")
            );
            Finding::fail(FLAPPING.reason, because)
        })
    }

    fn unscaled(&self, autoscaler: &Autoscaler, now: Timestamp) -> Option<Answer> {
        let Some(at) = autoscaler.last_scaled else {
            let because = format!("has never scaled {}", autoscaler.target);
            return Some(Finding::fail(NEVER_SCALED.reason, because).into());
        };
        let lasted = match lasted("last scaled", at, now) {
            Ok(lasted) => lasted,
            Err(obstacle) => return Some(obstacle.into()),
        };
        let allowed = self.scaled_within.0.get();
        (lasted > allowed).then(|| {
            let because =
                format!("last scaled {} ago, {} allowed", spoken(lasted), spoken(allowed));
            Finding::fail(NOT_SCALED_LATELY.reason, because).into()
        })
    }
}

/// Where the least is the most, there is nothing to want.
fn is_at_maximum(autoscaler: &Autoscaler) -> bool {
    let Autoscaler { min, max, desired, .. } = *autoscaler;
    max > min && (autoscaler.capped || desired >= max)
}

fn unable(autoscaler: &Autoscaler, reason: &str, message: &str) -> Finding {
    let target = &autoscaler.target;
    if reason == "FailedGetScale" && ABSENT.iter().any(|words| message.contains(words)) {
        let because = format!("{target} does not exist; its controller says: {message}");
        return Finding::fail(TARGET_MISSING.reason, because);
    }
    let because = format!("can't scale {target} ({reason}): {message}");
    Finding::fail(UNABLE_TO_SCALE.reason, because)
}

/// Whether it can scale, and is turned off.
fn is_off(autoscaler: &Autoscaler) -> bool {
    let disabled = |reason: &str| reason == SCALING_DISABLED.reason.code();
    autoscaler.able == Some(Told::Yes)
        && matches!(&autoscaler.active, Some(Told::No(reason, _)) if disabled(reason))
}

fn idle(autoscaler: &Autoscaler, reason: &str, message: &str) -> Finding {
    let target = &autoscaler.target;
    if reason == SCALING_DISABLED.reason.code() {
        let because = format!("{target} has no replicas, which turns its autoscaler off");
        return Finding::fail(SCALING_DISABLED.reason, because);
    }
    let because = format!("works out no number of replicas for {target} ({reason}): {message}");
    Finding::fail(SCALING_INACTIVE.reason, because)
}

fn untold(condition: &str) -> Answer {
    let because = format!("its controller does not know the condition {condition}");
    Obstacle::new(Reason::GARBLED, because).into()
}

fn fine(autoscaler: &Autoscaler) -> Finding {
    Finding::pass(counts(autoscaler))
}

fn counts(autoscaler: &Autoscaler) -> String {
    let Autoscaler { min, max, current, desired, target, .. } = autoscaler;
    let current = counted(*current, "replica");
    format!("{target}: {current}, {desired} desired, {min} to {max} allowed")
}

fn verdict(answer: &Answer) -> Verdict {
    match answer {
        Answer::Found(Finding { grade: Grade::Pass, .. }) => Verdict::Pass,
        Answer::Found(Finding { grade: Grade::Warn(_), .. }) => Verdict::Warn,
        Answer::Found(Finding { grade: Grade::Fail(_), .. }) => Verdict::Fail,
        Answer::Blind(_) => Verdict::Unknown,
    }
}

/// How long ago something was. A time far ahead is not believed.
fn lasted(what: &str, at: Timestamp, now: Timestamp) -> Result<Duration, Obstacle> {
    let ahead = at.duration_since(now);
    if ahead > CLOCK_TOLERANCE {
        let ahead = spoken(ahead.unsigned_abs());
        let because = format!("{what} {at:.0}, which lies {ahead} ahead; 2m allowed");
        return Err(Obstacle::new(Reason::CLOCK_SKEW, because));
    }
    Ok(Duration::try_from(now.duration_since(at)).unwrap_or_default())
}
