//! Judging what was read of logs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::parameters::{Baseline, Expected, Limit, Window};
use super::{ERROR_RATE, LINES, PodLogs, Seen};
use crate::model::counted::{counted, either};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::past::Past;
use crate::model::reason::{CLOCK_TOLERANCE, Documented, Reason};
use crate::systems::kubernetes::logs::{self, Level, Log, Trouble};
use crate::systems::kubernetes::pod::Phase;
use crate::systems::kubernetes::template::Role;

pub(super) const TOO_MANY_ERRORS: Documented = Documented::warns_or_fails(
    Reason::new("TooManyErrors"),
    "A workload writes more error lines a minute than `limit` allows.",
);
pub(super) const MORE_THAN_USUAL: Documented = Documented::fails(
    Reason::new("MoreErrorsThanUsual"),
    "A workload writes more error lines a minute than `baseline` allows.",
);
pub(super) const LINE_MISSING: Documented = Documented::fails(
    Reason::new("LineMissing"),
    "A container has not written the line that `expect` names since its start.",
);
pub(super) const NO_LINES: Documented = Documented::warns(
    Reason::new("NoLines"),
    "A container's log is empty though it has been running for a while.",
);
pub(super) const NO_PODS: Documented =
    Documented::blinds(Reason::new("NoPods"), "A workload has no pods whose logs could be read.");
pub(super) const NOT_STARTED: Documented = Documented::blinds(
    Reason::new("NotStarted"),
    "No container of a workload has started, or all its pods are gone since.",
);
pub(super) const NOT_ALL_READ: Documented = Documented::blinds(
    Reason::new("NotAllRead"),
    "Not all was read, by the caps on bytes and pods or as it is no longer kept; what was read is \
     within the limits.",
);
pub(super) const UNREADABLE: Documented = Documented::blinds(
    logs::UNREADABLE,
    "The API server can't get a log from the kubelet, or what it sends is none.",
);

/// The fewest points of the past that say what is usual.
const FEWEST_POINTS: usize = 5;
/// A log that begins so long after its container's start has lost its beginning.
const LOST: SignedDuration = SignedDuration::from_mins(10);

/// What the logs of a workload come to.
#[derive(Default)]
struct Sum {
    /// Containers of which something was read, now or before.
    read: u64,
    /// Error lines in the window.
    errors: u64,
    /// Containers that were read before and whose turn it is not.
    waiting: u64,
    /// Containers that were never read.
    never: u64,
    /// Containers of which there is more than a look may read.
    behind: u64,
    /// The longest stretch in the window that can't be read any more.
    unread: Duration,
    /// The longest stretch of the last hour that can't.
    left_out: Duration,
    /// Whether a container has a line of its own that says why it can't be read.
    refused: bool,
}

impl PodLogs {
    pub(super) fn judged(&self, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        seen.unseen.tell(&mut judgement);
        let Some(read) = &seen.read else { return judgement };
        for workload in &self.workloads {
            let totals = read.totals.get(workload).copied().unwrap_or_default();
            for (level, lines) in Level::ALL.into_iter().zip(totals) {
                #[expect(clippy::cast_precision_loss, reason = "far from 2^52 lines")]
                judgement.measure(LINES.is(lines as f64, [workload, level.label()]));
            }
            let logs: Vec<&Log> =
                read.logs.iter().filter(|log| log.source.workload == *workload).collect();
            if logs.is_empty() {
                if seen.unseen.is_nothing() {
                    let because = "has no pods whose logs could be read";
                    judgement.add(workload.clone(), Obstacle::new(NO_PODS.reason, because));
                }
                continue;
            }
            let sum = judge_troubles(&logs, now, &mut judgement);
            self.judge_rate(workload, &sum, seen, past, now, &mut judgement);
            self.judge_silence(workload, &logs, now, &mut judgement);
            if let Some(expected) = &self.expect {
                judge_expected(expected, workload, &logs, now, &mut judgement);
            }
        }
        judgement
    }

    fn judge_rate(
        &self,
        workload: &str,
        sum: &Sum,
        seen: &Seen,
        past: &Past,
        now: Timestamp,
        judgement: &mut Judgement,
    ) {
        if sum.read == 0 && sum.never == 0 {
            if !sum.refused {
                let because = "no container has started, or its pods are gone since";
                judgement.add(workload, Obstacle::new(NOT_STARTED.reason, because));
            }
            return;
        }
        let Window(window) = self.window;
        #[expect(clippy::cast_precision_loss, reason = "far from 2^52 lines")]
        let rate = sum.errors as f64 * 60.0 / window.get().as_secs_f64();
        let mut told = format!(
            "{} in {window} ({rate:.1} a minute) of {}",
            counted(sum.errors, "error line"),
            counted(sum.read, "container")
        );
        if sum.waiting > 0 {
            told.push_str(&format!(", {} of them read before, as their turn comes", sum.waiting));
        }
        if !sum.left_out.is_zero() {
            let left_out = spoken(sum.left_out);
            told.push_str(&format!(", {left_out} of the last hour left out and not counted"));
        }
        let finding = self.of_rate(workload, rate, told, past, now);
        let incomplete = sum.incomplete(window.get());
        let fails = matches!(finding.grade, crate::model::finding::Grade::Fail(_));
        if fails || incomplete.is_none() {
            judgement.add(workload, showing(workload, finding, seen));
        } else if let Some(incomplete) = &incomplete {
            let because = format!("{incomplete}; of what was read: {}", finding.because);
            judgement.add(workload, Obstacle::new(NOT_ALL_READ.reason, because));
        }
        if incomplete.is_none() && !sum.refused {
            judgement.measure(ERROR_RATE.is(rate, [workload]));
        }
    }

    fn of_rate(
        &self,
        workload: &str,
        rate: f64,
        mut told: String,
        past: &Past,
        now: Timestamp,
    ) -> Finding {
        let Limit { warn_above, fail_above } = self.limit.unwrap_or_default();
        if let Some(limit) = fail_above.filter(|limit| rate > *limit) {
            let because = format!("{told}, at most {limit} a minute allowed");
            return Finding::fail(TOO_MANY_ERRORS.reason, because);
        }
        if let Some(baseline) = &self.baseline {
            match self.usual(baseline, workload, past, now) {
                Ok(usual) => {
                    let allowed = baseline.floor.max(baseline.factor * usual);
                    told.push_str(&format!("; {usual:.1} a minute are usual"));
                    if rate > allowed {
                        let because = format!("{told}, at most {allowed:.1} allowed");
                        return Finding::fail(MORE_THAN_USUAL.reason, because);
                    }
                }
                Err(known) => {
                    let least = baseline.at_least;
                    told.push_str(&format!(
                        "; not compared with what is usual: {} of {least} are known",
                        spoken(known)
                    ));
                }
            }
        }
        if let Some(limit) = warn_above.filter(|limit| rate > *limit) {
            let because = format!("{told}, at most {limit} a minute wanted");
            return Finding::warn(TOO_MANY_ERRORS.reason, because);
        }
        Finding::pass(told)
    }

    /// The median of the past before the window, or how little of it is known.
    fn usual(
        &self,
        baseline: &Baseline,
        workload: &str,
        past: &Past,
        now: Timestamp,
    ) -> Result<f64, Duration> {
        let Window(window) = self.window;
        let mut oldest = Duration::ZERO;
        let mut rates: Vec<f64> = Vec::new();
        for (at, rate) in past.points(&ERROR_RATE, &[workload]) {
            let Ok(age) = Duration::try_from(now.duration_since(at)) else { continue };
            // The window itself is what is compared.
            let Some(age) = age.checked_sub(window.get()) else { continue };
            if age <= baseline.over.get() {
                oldest = oldest.max(age);
                rates.push(rate);
            }
        }
        if rates.len() < FEWEST_POINTS || oldest < baseline.at_least.get() {
            return Err(oldest);
        }
        rates.sort_by(f64::total_cmp);
        Ok(rates[rates.len() / 2])
    }

    fn judge_silence(
        &self,
        workload: &str,
        logs: &[&Log],
        now: Timestamp,
        judgement: &mut Judgement,
    ) {
        let within = self.silent_within.0;
        let running: Vec<_> = logs.iter().filter(|log| is_running(log)).collect();
        let mut silent = Vec::new();
        for log in &running {
            if log.heard || log.trouble.is_some() {
                continue;
            }
            match age(log, now) {
                Some(age) if age > within.get() => silent.push((age, log)),
                Some(_) => (),
                None => judgement.add(name(log), no_start()),
            }
        }
        if let Some((age, log)) = silent.iter().max_by_key(|(age, _)| *age) {
            let because = format!(
                "{} of {} running containers have an empty log, {} for {}; {within} allowed",
                silent.len(),
                running.len(),
                name(log),
                spoken(*age),
            );
            judgement.add(workload, Finding::warn(NO_LINES.reason, because));
        }
    }
}

impl Sum {
    /// What was not read of the window, in words.
    fn incomplete(&self, window: Duration) -> Option<String> {
        let mut parts = Vec::new();
        if self.never > 0 {
            let are = either(&self.never, "is", "are");
            parts.push(format!("{} {are} not read yet", counted(self.never, "container")));
        }
        if self.behind > 0 {
            parts.push(format!(
                "{} {} written more than the {} KiB of a look",
                counted(self.behind, "container"),
                either(&self.behind, "has", "have"),
                logs::MOST_BYTES >> 10
            ));
        }
        if !self.unread.is_zero() {
            let (unread, window) = (spoken(self.unread), spoken(window));
            parts.push(format!("{unread} of the last {window} can't be read any more"));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Sums up, with a line for each log that can't be read or believed.
fn judge_troubles(logs: &[&Log], now: Timestamp, judgement: &mut Judgement) -> Sum {
    let mut sum = Sum::default();
    for log in logs {
        sum.errors += log.errors;
        sum.unread = sum.unread.max(log.unread);
        sum.left_out = sum.left_out.max(log.left_out);
        sum.behind += u64::from(log.behind);
        match &log.trouble {
            None => sum.read += 1,
            Some(Trouble::NotItsTurn(true)) => {
                sum.read += 1;
                sum.waiting += 1;
            }
            Some(Trouble::NotItsTurn(false) | Trouble::NoTime) => sum.never += 1,
            Some(Trouble::NotStarted | Trouble::Gone) => (),
            Some(Trouble::NoLog) => {
                sum.refused = true;
                let because = "what the kubelet sends bears no times: it is no log";
                judgement.add(name(log), Obstacle::new(UNREADABLE.reason, because));
            }
            Some(Trouble::Refused(refused)) => {
                sum.refused = true;
                judgement.add(name(log), refused.obstacle.clone());
            }
        }
        if let Some(newest) = log.newest
            && newest.duration_since(now) > CLOCK_TOLERANCE
        {
            sum.refused = true;
            let ahead = spoken(newest.duration_since(now).unsigned_abs());
            let because = format!("its newest line lies {ahead} ahead; 2m allowed");
            judgement.add(name(log), Obstacle::new(Reason::CLOCK_SKEW, because));
        }
    }
    sum
}

/// The finding with the last error lines, where they may be shown.
fn showing(workload: &str, mut finding: Finding, seen: &Seen) -> Finding {
    if let Some(lines) = seen.shown.get(workload).filter(|lines| !lines.is_empty()) {
        finding.because.push_str(&format!("; the last: {}", lines.join(" | ")));
    }
    finding
}

/// Whether each container has written the line that it must.
fn judge_expected(
    expected: &Expected,
    workload: &str,
    logs: &[&Log],
    now: Timestamp,
    judgement: &mut Judgement,
) {
    let Expected { pattern, within } = expected;
    let pattern = pattern.regex().as_str();
    let running: Vec<_> = logs.iter().filter(|log| is_running(log)).collect();
    let (mut found, mut young) = (0_u64, 0_u64);
    for log in &running {
        if log.found {
            found += 1;
            continue;
        }
        if log.trouble.is_some() {
            // It has a line already, or its workload says that it is not read yet.
            continue;
        }
        let Some(start) = start(log) else {
            judgement.add(name(log), no_start());
            continue;
        };
        // A pod that waited for its image or its init containers is older than its container.
        let begun = log.begins.map_or(start, |begins| begins.max(start));
        let age = Duration::try_from(now.duration_since(begun)).unwrap_or_default();
        let begins_late = log.begins.map(|begins| begins.duration_since(start));
        if log.behind || (log.heard && begins_late.is_none_or(|late| late > LOST)) {
            let because = format!(
                "has not written `{pattern}` as far as it is read, and not all of its log is"
            );
            judgement.add(name(log), Obstacle::new(NOT_ALL_READ.reason, because));
        } else if age > within.0.get() {
            let because = format!(
                "has not written `{pattern}` in the {} since its start; {} allowed",
                spoken(age),
                within.0
            );
            judgement.add(name(log), Finding::fail(LINE_MISSING.reason, because));
        } else {
            young += 1;
        }
    }
    if found + young > 0 {
        let (who, have) = (counted(found, "container"), either(&found, "has", "have"));
        let because = format!("{who} {have} written `{pattern}`, {young} still may");
        judgement.add(workload, Finding::pass(because));
    }
}

fn name(log: &Log) -> String {
    format!("{}/{}/{}", log.source.pod.namespace, log.source.pod.name, log.source.container)
}

/// Whether its container is one that runs on, in a pod that does.
fn is_running(log: &Log) -> bool {
    log.source.role != Role::Init
        && log.source.pod.phase == Phase::Running
        && log.source.pod.deleted.is_none()
}

/// When the container's current run may have begun, at the latest of what the pod tells.
fn start(log: &Log) -> Option<Timestamp> {
    let created = log.source.pod.created?;
    Some(log.source.pod.last_restart.map_or(created, |last| last.max(created)))
}

fn age(log: &Log, now: Timestamp) -> Option<Duration> {
    Some(Duration::try_from(now.duration_since(start(log)?)).unwrap_or_default())
}

fn no_start() -> Obstacle {
    Obstacle::new(Reason::GARBLED, "the API server does not say when its pod was created")
}
