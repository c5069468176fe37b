//! What there is to say against one pod.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::parameters::Concern;
use super::{Pods, RESTARTS, Seen};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Grade, Obstacle, Verdict};
use crate::model::judgement::Answer;
use crate::model::measure::Sample;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::pod::{NO_READY, NO_READY_SINCE, Phase, Pod, Snag, Waiting};

/// A time further ahead than this is not believed.
const MOST_SKEW: SignedDuration = SignedDuration::from_secs(120);

/// An unchanged count is remembered so many times within the window.
const REPEATED: i32 = 12;
/// The count before the window began may be older than that by this part of the window.
const OLDER: u32 = 6;

macro_rules! reasons {
    ($($name:ident $code:literal $how:ident $means:literal;)*) => {
        $(pub(super) const $name: Documented = Documented::$how(Reason::new($code), $means);)*
    };
}

reasons! {
    INVALID_IMAGE_NAME "InvalidImageName" fails "A container's image has a name that is none.";
    ERR_IMAGE_PULL "ErrImagePull" fails "A container's image can't be pulled.";
    IMAGE_PULL_BACK_OFF "ImagePullBackOff" fails "A container's image could not be pulled several times.";
    CREATE_CONTAINER_CONFIG_ERROR "CreateContainerConfigError" fails
        "A container names a ConfigMap, a Secret or a key that is absent, or the like.";
    CREATE_CONTAINER_ERROR "CreateContainerError" fails "A container can't be made or started.";
    CRASH_LOOP_BACK_OFF "CrashLoopBackOff" fails "A container ends again and again.";
    OOM_KILLED "OOMKilled" fails
        "A container was killed for want of memory within the window of `restarts`.";
    TOO_MANY_RESTARTS "TooManyRestarts" warns_or_fails
        "Containers restarted more often within the window than `restarts` allows.";
    NOT_READY "NotReady" warns_or_fails
        "The pod runs and is not ready; it fails after `ready_within`.";
    PENDING "Pending" warns_or_fails "The pod has not started; it fails after `pending_within`.";
    UNSCHEDULABLE "Unschedulable" warns_or_fails
        "No node takes the pod; it fails after `pending_within`.";
    NODE_LOST "NodeLost" fails "The pod's phase is Unknown: its node can't be asked.";
    FAILED "Failed" warns_or_fails
        "The pod failed. It warns where its owner is whole all the same, where its Job or a newer \
         one of the same CronJob succeeded, and where its owner is of a kind that is not watched.";
    EVICTED "Evicted" warns_or_fails
        "The pod was evicted. It warns where its owner is whole all the same, or of a kind that is \
         not watched.";
    TERMINATING "Terminating" fails "The pod was deleted and is still there.";
}

/// Something to say against a pod.
pub(super) struct Complaint {
    concern: Concern,
    pub(super) answer: Answer,
}

impl Complaint {
    fn new(concern: Concern, answer: impl Into<Answer>) -> Self {
        Self { concern, answer: answer.into() }
    }

    fn fail(concern: Concern, documented: Documented, because: String) -> Self {
        Self::new(concern, Finding::fail(documented.reason, because))
    }

    /// It fails once it has lasted for longer than is allowed, and warns until then.
    fn aged(
        concern: Concern,
        documented: Documented,
        state: &str,
        since: Result<Duration, Obstacle>,
        allowed: Duration,
        more: &str,
    ) -> Self {
        let lasted = match since {
            Ok(lasted) => lasted,
            Err(obstacle) => return Self::new(concern, obstacle),
        };
        let because = format!("{state} for {}, {} allowed{more}", spoken(lasted), spoken(allowed));
        let finding = if lasted > allowed {
            Finding::fail(documented.reason, because)
        } else {
            Finding::warn(documented.reason, because)
        };
        Self::new(concern, finding)
    }

    pub(super) fn verdict(&self) -> Verdict {
        match &self.answer {
            Answer::Blind(_) => Verdict::Unknown,
            Answer::Found(finding) => match finding.grade {
                Grade::Pass => Verdict::Pass,
                Grade::Warn(_) => Verdict::Warn,
                Grade::Fail(_) => Verdict::Fail,
            },
        }
    }

    pub(super) fn reason(&self) -> Option<Reason> {
        match &self.answer {
            Answer::Blind(obstacle) => Some(obstacle.reason),
            Answer::Found(finding) => match finding.grade {
                Grade::Pass => None,
                Grade::Warn(reason) | Grade::Fail(reason) => Some(reason),
            },
        }
    }
}

impl Pods {
    /// The worst that can be said against a pod, of what the check is concerned with.
    pub(super) fn worst_complaint(
        &self,
        seen: &Seen,
        pod: &Pod,
        past: &Past,
        now: Timestamp,
    ) -> Option<Complaint> {
        let all = self.complaints(seen, pod, past, now);
        let missing = pod.missing.and_then(|missing| self.left_open(missing));
        let concerning = all.into_iter().filter(|one| self.concerned(one.concern));
        let mut concerning = missing.into_iter().chain(concerning);
        let mut worst = concerning.next()?;
        for one in concerning {
            if one.verdict() > worst.verdict() {
                worst = one;
            }
        }
        Some(worst)
    }

    /// What a field that is missing leaves open, where that is of concern.
    fn left_open(&self, missing: &str) -> Option<Complaint> {
        let of_readiness = [NO_READY, NO_READY_SINCE].contains(&missing);
        if of_readiness && !self.concerned(Concern::Readiness) {
            return None;
        }
        let because = format!("the API server does not give {missing}");
        let concern = if of_readiness { Concern::Readiness } else { Concern::Crashes };
        Some(Complaint::new(concern, Obstacle::new(Reason::GARBLED, because)))
    }

    /// All that can be said against a pod, causes before their effects.
    fn complaints(&self, seen: &Seen, pod: &Pod, past: &Past, now: Timestamp) -> Vec<Complaint> {
        if let Some(at) = pod.deleted {
            return self.overdue(at, now).into_iter().collect();
        }
        let mut all = Vec::new();
        let trouble = pod.trouble.as_deref();
        if let Some(waiting) = trouble.and_then(|trouble| trouble.waiting.as_ref()) {
            all.push(snagged(waiting));
        }
        match pod.phase {
            Phase::Succeeded => return all,
            Phase::Failed => {
                all.push(failed(seen, pod));
                return all;
            }
            // The phase itself may be what is missing.
            Phase::Unknown if pod.missing.is_some() => {}
            Phase::Unknown => {
                let because = "its phase is Unknown: its node can't be asked".to_owned();
                all.push(Complaint::fail(Concern::Readiness, NODE_LOST, because));
            }
            Phase::Pending => all.push(self.pending(pod, now)),
            Phase::Running if matches!(pod.missing, Some(NO_READY | NO_READY_SINCE)) => {}
            Phase::Running if !pod.ready => all.push(self.not_ready(pod, now)),
            Phase::Running => {}
        }
        if let Some((container, at)) = trouble.and_then(|trouble| trouble.oom_killed.as_ref()) {
            all.extend(self.oom_killed(container, *at, now));
        }
        all.extend(self.restarted(pod, past, now));
        all
    }

    fn overdue(&self, at: Timestamp, now: Timestamp) -> Option<Complaint> {
        let allowed = self.terminating_within.0.get();
        let late = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        (late > allowed).then(|| {
            let because = format!(
                "was to be gone {} ago and is still there, {} allowed",
                spoken(late),
                spoken(allowed)
            );
            Complaint::fail(Concern::Termination, TERMINATING, because)
        })
    }

    fn pending(&self, pod: &Pod, now: Timestamp) -> Complaint {
        let allowed = self.pending_within.0.get();
        let since = age("created", pod.created, now);
        let trouble = pod.trouble.as_deref();
        match trouble.and_then(|trouble| trouble.unschedulable.as_ref()) {
            Some(words) => {
                let more = format!("; the scheduler says: {words}");
                let state = "no node has taken it";
                Complaint::aged(Concern::Readiness, UNSCHEDULABLE, state, since, allowed, &more)
            }
            None => Complaint::aged(Concern::Readiness, PENDING, "pending", since, allowed, ""),
        }
    }

    fn not_ready(&self, pod: &Pod, now: Timestamp) -> Complaint {
        let allowed = self.ready_within.0.get();
        let since = age("not ready since", pod.ready_since.max(pod.created), now);
        Complaint::aged(Concern::Readiness, NOT_READY, "not ready", since, allowed, "")
    }

    fn oom_killed(&self, container: &str, at: Timestamp, now: Timestamp) -> Option<Complaint> {
        let window = self.restarts.window.get();
        let since = match age("killed", Some(at), now) {
            Ok(since) => since,
            Err(obstacle) => return Some(Complaint::new(Concern::Crashes, obstacle)),
        };
        (since <= window).then(|| {
            let because = format!(
                "container {container} was killed for want of memory {} ago, none allowed \
                 within {}",
                spoken(since),
                spoken(window)
            );
            Complaint::fail(Concern::Crashes, OOM_KILLED, because)
        })
    }

    fn restarted(&self, pod: &Pod, past: &Past, now: Timestamp) -> Option<Complaint> {
        let restarts = self.restarts_within(pod, past, now);
        let limits = self.restarts;
        let (allowed, fails) = if restarts > limits.fail_above {
            (limits.fail_above, true)
        } else if restarts > limits.warn_above {
            (limits.warn_above, false)
        } else {
            return None;
        };
        let because = format!("{restarts} restarts within {}, {allowed} allowed", limits.window);
        let reason = TOO_MANY_RESTARTS.reason;
        let finding =
            if fails { Finding::fail(reason, because) } else { Finding::warn(reason, because) };
        Some(Complaint::new(Concern::Crashes, finding))
    }

    /// Restarts within the window, as far as they are remembered or the pod itself tells.
    fn restarts_within(&self, pod: &Pod, past: &Past, now: Timestamp) -> u32 {
        let window = self.restarts.window.get();
        let within = |at: Option<Timestamp>| {
            at.is_some_and(|at| {
                Duration::try_from(now.duration_since(at)).unwrap_or_default() <= window
            })
        };
        if within(pod.created) {
            return pod.restarts;
        }
        let told = u32::from(pod.restarts > 0 && within(pod.last_restart));
        let created = created(pod);
        let mut points = past.points(&RESTARTS, &[&pod.namespace, &pod.name, &created]);
        let age = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        // The count as it was when the window began: the last before it, or the first within it.
        let mut before = points.find(|(at, _)| age(*at) <= window + window / OLDER);
        for (at, count) in points {
            if age(at) >= window {
                before = Some((at, count));
            }
        }
        let counted = before.map_or(0, |(_, before)| pod.restarts.saturating_sub(rounded(before)));
        counted.max(told)
    }

    /// The count of restarts, where it is worth remembering: it changed, or the last is old.
    ///
    /// The first that is remembered of a pod is the count *before* the restart that made it worth
    /// remembering, so that this one is counted, too.
    pub(super) fn remembered(&self, pod: &Pod, past: &Past, now: Timestamp) -> Option<Sample> {
        if pod.restarts == 0 {
            return None;
        }
        let created = created(pod);
        let labels = [&*pod.namespace, &*pod.name, &*created];
        let window = SignedDuration::try_from(self.restarts.window.get()).ok()?;
        let last = past.points(&RESTARTS, &labels).next_back();
        let value = match last {
            None => {
                let told = pod.last_restart.is_some_and(|at| now.duration_since(at) <= window);
                pod.restarts - u32::from(told)
            }
            Some((at, count)) => {
                let fresh = now.duration_since(at) < window / REPEATED;
                if fresh && rounded(count) == pod.restarts {
                    return None;
                }
                pod.restarts
            }
        };
        Some(RESTARTS.is(f64::from(value), labels))
    }
}

fn snagged(Waiting { container, snag, message }: &Waiting) -> Complaint {
    let (concern, documented) = match snag {
        Snag::InvalidImageName => (Concern::Images, INVALID_IMAGE_NAME),
        Snag::ErrImagePull => (Concern::Images, ERR_IMAGE_PULL),
        Snag::ImagePullBackOff => (Concern::Images, IMAGE_PULL_BACK_OFF),
        Snag::CreateContainerConfigError => (Concern::Crashes, CREATE_CONTAINER_CONFIG_ERROR),
        Snag::CreateContainerError => (Concern::Crashes, CREATE_CONTAINER_ERROR),
        Snag::CrashLoopBackOff => (Concern::Crashes, CRASH_LOOP_BACK_OFF),
    };
    Complaint::fail(concern, documented, format!("container {container} waits: {message}"))
}

fn failed(seen: &Seen, pod: &Pod) -> Complaint {
    let failure = pod.trouble.as_deref().and_then(|trouble| trouble.failure.as_ref());
    let (documented, what) = match failure {
        Some((reason, message)) if **reason == *EVICTED.reason.code() => {
            (EVICTED, format!("was evicted: {message}"))
        }
        Some((reason, message)) => (FAILED, format!("failed ({reason}): {message}")),
        None => (FAILED, "failed".to_owned()),
    };
    let Some(owner) = &pod.owner else {
        return Complaint::fail(
            Concern::Failures,
            documented,
            format!("{what}; nobody controls it"),
        );
    };
    let (kind, name) = (&owner.kind, &owner.name);
    let key = (std::sync::Arc::clone(&pod.namespace), owner.clone());
    let finding = match seen.owners.get(&key) {
        Some(Ok(true)) => Finding::warn(
            documented.reason,
            format!(
                "{what}; its {kind} {name} is whole or has succeeded all the same, or \
                 a newer one in its place has"
            ),
        ),
        Some(Ok(false)) => Finding::fail(
            documented.reason,
            format!("{what}; its {kind} {name} is not whole and has not succeeded"),
        ),
        None => Finding::warn(
            documented.reason,
            format!("{what}; whether its {kind} {name} is whole can't be told"),
        ),
        Some(Err(obstacle)) => return Complaint::new(Concern::Failures, obstacle.clone()),
    };
    Complaint::new(Concern::Failures, finding)
}

/// How long ago something was. A time far ahead is not believed.
fn age(what: &str, at: Option<Timestamp>, now: Timestamp) -> Result<Duration, Obstacle> {
    let Some(at) = at else {
        let because = format!("the API server does not say when it was {what}");
        return Err(Obstacle::new(Reason::GARBLED, because));
    };
    let ahead = at.duration_since(now);
    if ahead > MOST_SKEW {
        let ahead = spoken(ahead.unsigned_abs());
        let because = format!("{what} {at:.0}, which lies {ahead} ahead; 2m allowed");
        return Err(Obstacle::new(Reason::CLOCK_SKEW, because));
    }
    Ok(Duration::try_from(now.duration_since(at)).unwrap_or_default())
}

fn created(pod: &Pod) -> String {
    pod.created.map(|at| at.to_string()).unwrap_or_default()
}

/// A remembered count as the integer that it was.
fn rounded(count: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "only counts of restarts are remembered; a cast saturates"
    )]
    let count = count as u32;
    count
}
