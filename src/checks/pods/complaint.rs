//! What there is to say against one pod.

use std::time::Duration;

use jiff::Timestamp;

use super::parameters::Concern;
use super::{Pods, Seen};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Grade, Obstacle, Verdict};
use crate::model::judgement::Answer;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::pod::{
    Ended, NO_READY, NO_READY_SINCE, Phase, Pod, Snag, Trouble, Waiting,
};

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
    CRASH_LOOP_BACK_OFF "CrashLoopBackOff" fails
        "A container, an init container among them, ends again and again.";
    CONTAINER_ENDED "ContainerEnded" warns_or_fails
        "A container ended with an exit code other than 0 and was not started again; it fails \
         after `ready_within`.";
    OOM_KILLED "OOMKilled" fails
        "A container was killed for want of memory within the window of `restarts`.";
    TOO_MANY_RESTARTS "TooManyRestarts" warns_or_fails
        "Containers restarted more often within the window than `restarts` allows.";
    NOT_READY "NotReady" warns_or_fails
        "The pod runs and is not ready, for want of a container or by a readiness gate; it fails \
         after `ready_within`.";
    INITIALIZING "Initializing" warns_or_fails
        "An init container runs; it fails after `init_within`.";
    PENDING "Pending" warns_or_fails "The pod has not started; it fails after `pending_within`.";
    UNSCHEDULABLE "Unschedulable" warns_or_fails
        "No node takes the pod, or a scheduling gate is closed; it fails after `pending_within`.";
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
    pub(super) fn new(concern: Concern, answer: impl Into<Answer>) -> Self {
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
            return self.overdue(seen, pod, at, now).into_iter().collect();
        }
        let mut all = Vec::new();
        let trouble = pod.trouble.as_deref();
        let ended = trouble.and_then(|trouble| trouble.ended.as_ref());
        if let Some(waiting) = trouble.and_then(|trouble| trouble.waiting.as_ref()) {
            all.push(snagged(waiting, ended));
        }
        if let Some(ended) = ended.filter(|ended| ended.over) {
            all.extend(self.not_restarted(seen, pod, ended, now));
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
            Phase::Pending => all.push(self.pending(seen, pod, now)),
            Phase::Running if matches!(pod.missing, Some(NO_READY | NO_READY_SINCE)) => {}
            Phase::Running if !pod.ready => all.push(self.not_ready(seen, pod, now)),
            Phase::Running => {}
        }
        all.extend(trouble.and_then(|trouble| self.oom_killed(seen, trouble, now)));
        all.extend(self.restarted(pod, past, now));
        all
    }

    fn overdue(&self, seen: &Seen, pod: &Pod, at: Timestamp, now: Timestamp) -> Option<Complaint> {
        let allowed = self.terminating_within.0.get();
        let late = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        if late <= allowed {
            return None;
        }
        if let Err(obstacle) = seen.age("to be gone", Some(at), now) {
            return Some(Complaint::new(Concern::Termination, obstacle));
        }
        let held = pod.trouble.as_deref().and_then(|trouble| trouble.held_by.as_ref());
        let more = held.map(|held| format!("; it waits for {held}")).unwrap_or_default();
        let because = format!(
            "was to be gone {} ago and is still there, {} allowed{more}",
            spoken(late),
            spoken(allowed)
        );
        Some(Complaint::fail(Concern::Termination, TERMINATING, because))
    }

    fn pending(&self, seen: &Seen, pod: &Pod, now: Timestamp) -> Complaint {
        let trouble = pod.trouble.as_deref();
        if let Some((container, since)) = trouble.and_then(|one| one.initializing.as_ref()) {
            let allowed = self.init_within.0.get();
            let state = format!("init container {container} has run");
            let since = seen.age("started", *since, now);
            return Complaint::aged(Concern::Readiness, INITIALIZING, &state, since, allowed, "");
        }
        let allowed = self.pending_within.0.get();
        let initialized = trouble.and_then(|trouble| trouble.initialized);
        let since = match initialized {
            Some(at) if pod.created < Some(at) => seen.age("initialized", initialized, now),
            Some(_) | None => seen.age("created", pod.created, now),
        };
        match trouble.and_then(|trouble| trouble.unschedulable.as_ref()) {
            Some(words) => {
                let more = format!("; the scheduler says: {words}");
                let state = "no node has taken it";
                Complaint::aged(Concern::Readiness, UNSCHEDULABLE, state, since, allowed, &more)
            }
            None => Complaint::aged(Concern::Readiness, PENDING, "pending", since, allowed, ""),
        }
    }

    fn not_ready(&self, seen: &Seen, pod: &Pod, now: Timestamp) -> Complaint {
        let allowed = self.ready_within.0.get();
        let since = seen.age("not ready since", pod.ready_since.max(pod.created), now);
        let words = pod.trouble.as_deref().and_then(|trouble| trouble.unready.as_ref());
        let more = words.map(|words| format!("; {words}")).unwrap_or_default();
        Complaint::aged(Concern::Readiness, NOT_READY, "not ready", since, allowed, &more)
    }

    /// A container that ended badly and is not running again.
    fn not_restarted(
        &self,
        seen: &Seen,
        pod: &Pod,
        ended: &Ended,
        now: Timestamp,
    ) -> Option<Complaint> {
        if matches!(pod.phase, Phase::Succeeded | Phase::Failed) {
            return None;
        }
        let container = &ended.container;
        if ended.never_ran() {
            let because = format!("{container} can't be started: {}", how(ended));
            return Some(Complaint::fail(Concern::Crashes, CREATE_CONTAINER_ERROR, because));
        }
        let allowed = self.ready_within.0.get();
        let state = format!("{container} ended with {} and has been still", how(ended));
        let since = seen.age("ended", ended.at, now);
        Some(Complaint::aged(Concern::Crashes, CONTAINER_ENDED, &state, since, allowed, ""))
    }

    fn oom_killed(&self, seen: &Seen, trouble: &Trouble, now: Timestamp) -> Option<Complaint> {
        let (container, at) = trouble.oom_killed.as_ref()?;
        let window = self.restarts.window.get();
        let since = match seen.age("killed", Some(*at), now) {
            Ok(since) => since,
            Err(obstacle) => return Some(Complaint::new(Concern::Crashes, obstacle)),
        };
        (since <= window).then(|| {
            let because = format!(
                "{container} was killed for want of memory {} ago, none allowed within {}",
                spoken(since),
                spoken(window)
            );
            Complaint::fail(Concern::Crashes, OOM_KILLED, because)
        })
    }
}

fn snagged(Waiting { container, snag, message }: &Waiting, ended: Option<&Ended>) -> Complaint {
    let (concern, documented) = match snag {
        Snag::InvalidImageName => (Concern::Images, INVALID_IMAGE_NAME),
        Snag::ErrImagePull => (Concern::Images, ERR_IMAGE_PULL),
        Snag::ImagePullBackOff => (Concern::Images, IMAGE_PULL_BACK_OFF),
        Snag::CreateContainerConfigError => (Concern::Crashes, CREATE_CONTAINER_CONFIG_ERROR),
        Snag::CreateContainerError => (Concern::Crashes, CREATE_CONTAINER_ERROR),
        Snag::CrashLoopBackOff => (Concern::Crashes, CRASH_LOOP_BACK_OFF),
    };
    let ended = ended.filter(|ended| ended.container == *container);
    let more = ended.map(|ended| format!("; it last ended with {}", how(ended)));
    let more = more.unwrap_or_default();
    Complaint::fail(concern, documented, format!("{container} waits: {message}{more}"))
}

/// `exit code 137 (OOMKilled)`.
fn how(Ended { exit_code, reason, message, .. }: &Ended) -> String {
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    format!("exit code {exit_code}{reason}{message}")
}

fn failed(seen: &Seen, pod: &Pod) -> Complaint {
    let trouble = pod.trouble.as_deref();
    let (documented, what) = match trouble.and_then(|trouble| trouble.failure.as_ref()) {
        Some((reason, message)) if **reason == *EVICTED.reason.code() => {
            (EVICTED, format!("was evicted: {message}"))
        }
        Some((reason, message)) => (FAILED, format!("failed ({reason}): {message}")),
        None => match trouble.and_then(|trouble| trouble.ended.as_ref()) {
            Some(ended) => {
                (FAILED, format!("failed: {} ended with {}", ended.container, how(ended)))
            }
            None => (FAILED, "failed".to_owned()),
        },
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
