//! What is said of one workload.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Seen, UNWHOLE_SINCE, Workloads};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Answer;
use crate::model::measure::Sample;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::workload::{Workload, WorkloadKind};

pub(super) const TOO_MANY: Documented = Documented::fails(
    Reason::new("TooMany"),
    "More replicas are desired, or more pods run, than `at_most` allows.",
);
pub(super) const SCALED_TO_ZERO: Documented = Documented::fails(
    Reason::new("ScaledToZero"),
    "No replica is desired, and `may_be_zero` does not name the workload.",
);
pub(super) const ROLLING_OUT: Documented =
    Documented::warns(Reason::new("RollingOut"), "A rollout is under way, within its time.");
pub(super) const PAUSED: Documented = Documented::warns(
    Reason::new("Paused"),
    "The Deployment is as desired, and paused: the next version would not be rolled out.",
);
pub(super) const PROGRESS_DEADLINE_EXCEEDED: Documented = Documented::fails(
    Reason::new("ProgressDeadlineExceeded"),
    "A rollout takes longer than its own progress deadline, or than `rollout_within`.",
);
pub(super) const UNAVAILABLE: Documented = Documented::warns_or_fails(
    Reason::new("Unavailable"),
    "Fewer replicas are ready or available than desired; it fails after `available_within`, and \
     at once where none is available.",
);

pub(super) const SINCE_UNKNOWN: Documented = Documented::blinds(
    Reason::new("SinceUnknown"),
    "A rollout, or a want of replicas, was seen by a single look (`vigie once`), and the API server \
     does not tell whether it lasts for longer than is allowed.",
);

/// How long a remembered beginning is good for without being repeated.
const REPEATED_AFTER: Duration = Duration::from_secs(300);

/// What is remembered of a workload: the beginning of a rollout, …
const ROLLING: &str = "rolling";
/// … that of a want of replicas outside of one, …
const SHORT: &str = "short";
/// … and the generation of both.
const GENERATION: &str = "generation";

/// Since when a workload is not whole in the way that it is, and what is to be remembered of it.
pub(super) struct Since {
    at: Timestamp,
    /// Whether it may have begun earlier: who looks a single time has not seen it begin.
    at_least: bool,
    pub(super) remember: Vec<Sample>,
}

/// How long something has lasted.
#[derive(Clone, Copy)]
struct Lasted {
    time: Duration,
    at_least: bool,
}

impl Workloads {
    /// What is said of a workload that is not whole since `since`.
    pub(super) fn answer(
        &self,
        seen: &Seen,
        kind: WorkloadKind,
        workload: &Workload,
        since: &Since,
        now: Timestamp,
    ) -> Answer {
        if let Some(missing) = workload.missing {
            let because = format!("the API server does not give {missing}");
            return Obstacle::new(Reason::GARBLED, because).into();
        }
        if let Some(finding) = self.too_many(seen, kind, workload) {
            return finding.into();
        }
        let Workload { desired, updated, ready, available, .. } = workload;
        let counts =
            format!("{desired} desired, {updated} updated, {ready} ready, {available} available");
        if *desired == 0 && !self.may_be_zero.contains(&*workload.name) {
            let because = "no replica is desired, at least one wanted".to_owned();
            return Finding::fail(SCALED_TO_ZERO.reason, because).into();
        }
        if let Some(words) = &workload.given_up {
            let because = format!("{counts}; the controller says: {words}");
            return Finding::fail(PROGRESS_DEADLINE_EXCEEDED.reason, because).into();
        }
        if workload.is_whole() {
            return if workload.paused {
                Finding::warn(PAUSED.reason, format!("{counts}; it is paused")).into()
            } else {
                Finding::pass(counts).into()
            };
        }
        let refused = workload.refused.as_ref();
        let refused = refused.map(|words| format!("; the controller says: {words}"));
        let counts = counts + &refused.unwrap_or_default();
        let time = Duration::try_from(now.duration_since(since.at)).unwrap_or_default();
        let lasted = Lasted { time, at_least: since.at_least };
        if workload.is_rolling_out() {
            self.rolling(workload, &counts, lasted)
        } else {
            self.short(workload, &counts, lasted)
        }
    }

    fn too_many(&self, seen: &Seen, kind: WorkloadKind, workload: &Workload) -> Option<Finding> {
        let most = *self.at_most.get(&*workload.name)?;
        let place = (Arc::clone(&workload.namespace), kind, workload.name.to_string());
        let running = seen.running.get(&place).copied().unwrap_or_default();
        let desired = workload.desired;
        let because = if running > u64::from(most) {
            format!("{running} pods run, at most {most} allowed")
        } else if desired > i64::from(most) {
            format!("{desired} replicas are desired, at most {most} allowed")
        } else {
            return None;
        };
        Some(Finding::fail(TOO_MANY.reason, because))
    }

    fn rolling(&self, workload: &Workload, counts: &str, lasted: Lasted) -> Answer {
        let allowed = self.rollout_within.0.get();
        let what = if !workload.observed {
            "the controller has not seen the newest version"
        } else if workload.paused {
            "a rollout is under way and paused"
        } else {
            "a rollout is under way"
        };
        let because = format!("{what} {}, {} allowed: {counts}", lasted.told(), spoken(allowed));
        if lasted.time > allowed {
            Finding::fail(PROGRESS_DEADLINE_EXCEEDED.reason, because).into()
        } else {
            lasted.warns(ROLLING_OUT.reason, because)
        }
    }

    fn short(&self, workload: &Workload, counts: &str, lasted: Lasted) -> Answer {
        let allowed = self.available_within.0.get();
        let because = format!("not whole {}, {} allowed: {counts}", lasted.told(), spoken(allowed));
        if lasted.time > allowed || workload.available == 0 {
            Finding::fail(UNAVAILABLE.reason, because).into()
        } else {
            lasted.warns(UNAVAILABLE.reason, because)
        }
    }
}

impl Lasted {
    /// As the end of what lasts: `for at least 4m`. It may have begun before it was first seen, and
    /// what the controller tells is when a rollout last moved, not when it began.
    fn told(self) -> String {
        match (self.at_least, self.time) {
            (false, Duration::ZERO) => "as of now".to_owned(),
            (true, Duration::ZERO) => "for a time that a single look does not tell".to_owned(),
            (_, time) => format!("for at least {}", spoken(time)),
        }
    }

    /// A warning while it may last; where it may have lasted for too long already, nobody can tell.
    fn warns(self, reason: Reason, because: String) -> Answer {
        if self.at_least {
            Obstacle::new(SINCE_UNKNOWN.reason, because).into()
        } else {
            Finding::warn(reason, because).into()
        }
    }
}

/// Since when a workload is in its state without having been whole, as far as is remembered of its
/// newest generation: each limit has a clock of its own. 0 is remembered of whole ones. What its
/// controller tells is older than that where nobody looked before.
pub(super) fn unwhole_since(
    kind: WorkloadKind,
    workload: &Workload,
    past: &Past,
    now: Timestamp,
) -> Since {
    let labels = |about: &'static str| [&*workload.namespace, kind.label(), &*workload.name, about];
    let last = |about| past.points(&UNWHOLE_SINCE, &labels(about)).next_back();
    let begun = |about| last(about).filter(|(_, since)| *since > 0.0);
    let mut remember = Vec::new();
    let mut forget = |about| {
        remember.extend(begun(about).map(|_| UNWHOLE_SINCE.is(0.0, labels(about))));
    };
    if workload.is_whole() {
        [ROLLING, SHORT, GENERATION].into_iter().for_each(forget);
        return Since { at: now, at_least: false, remember };
    }
    #[expect(clippy::cast_precision_loss, reason = "generations and seconds are far from 2^52")]
    let (generation, seconds) = (workload.generation as f64, now.as_second() as f64);
    let is_new = begun(GENERATION).is_some_and(|(_, before)| (before - generation).abs() > 0.5);
    let (about, other) =
        if workload.is_rolling_out() { (ROLLING, SHORT) } else { (SHORT, ROLLING) };
    if is_new {
        forget(other);
    }
    let before = begun(about).filter(|_| !is_new);
    // A time to come tells nothing.
    let told = workload.told_since().filter(|told| *told <= now);
    #[expect(clippy::cast_precision_loss, reason = "seconds are far from 2^52")]
    let told = told.map_or(seconds, |told| told.as_second() as f64);
    let since = before.map_or(seconds, |(_, before)| before).min(told).min(seconds);
    for (about, value) in [(about, since), (GENERATION, generation)] {
        let repeat = last(about).is_none_or(|(at, before)| {
            let old = Duration::try_from(now.duration_since(at)).unwrap_or_default();
            old >= REPEATED_AFTER || (before - value).abs() > 0.5
        });
        remember.extend(repeat.then(|| UNWHOLE_SINCE.is(value, labels(about))));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it was an integer")]
    let at = Timestamp::from_second(since as i64).unwrap_or(now);
    Since { at, at_least: past.is_of_a_single_look(), remember }
}
