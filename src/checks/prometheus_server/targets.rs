//! Targets: what is scraped, and how that goes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::parameters::{Down, Targets};
use super::{
    JOB_MISSING, NO_TARGETS, OWN_TARGET_DOWN, OWN_TARGET_MISSING, TARGET_DOWN, TARGETS,
    TOO_FEW_TARGETS,
};
use crate::model::counted::{counted, either};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::prometheus::targets::{Health, Target};
use crate::systems::prometheus::{Asking, Prometheus};

/// The states in `vigie_prometheus_targets`.
pub(super) const STATES: [&str; 3] = ["up", "down", "unknown"];
/// How many of its intervals ago a target may have been scraped.
const INTERVALS: u32 = 3;

/// What was seen of targets.
#[derive(Debug)]
pub(super) struct TargetsSeen {
    pub(super) active: Vec<Target>,
    /// How many targets relabelling drops, by job; asked for where an expected job has none.
    pub(super) dropped: BTreeMap<String, u64>,
}

pub(super) async fn look(
    wanted: &Targets,
    prometheus: &Prometheus,
    asking: Asking<'_>,
) -> Result<TargetsSeen, Obstacle> {
    let seen = prometheus.targets(asking, false).await?;
    let missing = |job: &String| !seen.active.iter().any(|target| job_of(target) == job);
    let mut dropped = seen.dropped;
    if dropped.is_empty() && wanted.jobs.keys().any(missing) {
        // For the sentence alone: that it can't be had takes nothing from what was seen.
        dropped = prometheus.targets(asking, true).await.unwrap_or_default().dropped;
    }
    Ok(TargetsSeen { active: seen.active, dropped })
}

/// Why a target is not up.
enum Trouble {
    Said(String),
    Ahead(Obstacle),
}

pub(super) fn judge(
    wanted: &Targets,
    seen: &TargetsSeen,
    connection: &str,
    now: Timestamp,
    judgement: &mut Judgement,
) {
    if seen.active.is_empty() {
        judgement.add("targets", Finding::fail(NO_TARGETS, "it scrapes nothing at all"));
    }
    let groups: Vec<(&str, Option<u32>)> = if wanted.jobs.is_empty() {
        vec![("", None)]
    } else {
        wanted.jobs.iter().map(|(job, least)| (job.as_str(), Some(*least))).collect()
    };
    for (job, least) in groups {
        let members: Vec<_> =
            seen.active.iter().filter(|target| job.is_empty() || job_of(target) == job).collect();
        judge_job(wanted, seen, (job, least), &members, now, judgement);
        for state in STATES {
            let count = members.iter().filter(|target| label(target.health) == state).count();
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
            judgement.measure(TARGETS.is(count as f64, [connection, job, state]));
        }
    }
    if !wanted.own.0.is_empty() {
        judgement.add("own target", own(wanted, seen, now));
    }
}

fn judge_job(
    wanted: &Targets,
    seen: &TargetsSeen,
    (job, least): (&str, Option<u32>),
    members: &[&Target],
    now: Timestamp,
    judgement: &mut Judgement,
) {
    let subject = if job.is_empty() { "targets".to_owned() } else { format!("job {job}") };
    let (mut up, mut ahead) = (0_u32, 0_u32);
    let mut down = Vec::new();
    for target in members {
        match trouble(wanted, target, now) {
            None => up += 1,
            Some(Trouble::Said(said)) => down.push((target, said)),
            Some(Trouble::Ahead(obstacle)) => {
                ahead += 1;
                judgement.add(format!("{subject}, {}", instance(target)), obstacle);
            }
        }
    }
    let all = members.len();
    let said = format!("{up} of {} {} up", counted(all, "target"), either(&up, "is", "are"));
    let first = down.first().map(|(target, said)| format!("; {}: {said}", instance(target)));
    match least {
        Some(least) if all == 0 => {
            let dropped = match seen.dropped.get(job) {
                Some(dropped) => format!("; relabelling drops {dropped}"),
                None => String::new(),
            };
            let because = format!("it has no target, {least} wanted{dropped}");
            judgement.add(subject, Finding::fail(JOB_MISSING, because));
            return;
        }
        // Those whose scrape is dated ahead of our clock may be up: their own lines say so.
        Some(least) if up < least && up + ahead >= least => {}
        Some(least) if up < least => {
            let because = format!("{said}, {least} wanted{}", first.unwrap_or_default());
            judgement.add(subject.clone(), Finding::fail(TOO_FEW_TARGETS, because));
        }
        Some(least) => {
            judgement.add(subject.clone(), Finding::pass(format!("{said}, {least} wanted")));
        }
        None if all == 0 => return,
        None => judgement.add(subject.clone(), Finding::pass(said)),
    }
    for (target, said) in down {
        let finding = match wanted.down {
            Down::Allowed => continue,
            Down::Warn => Finding::warn(TARGET_DOWN, said),
            Down::Fail => Finding::fail(TARGET_DOWN, said),
        };
        let of = if job.is_empty() {
            format!("job {}", legible(job_of(target), 60))
        } else {
            subject.clone()
        };
        judgement.add(format!("{of}, {}", instance(target)), finding);
    }
}

/// Whether this daemon is scraped.
fn own(wanted: &Targets, seen: &TargetsSeen, now: Timestamp) -> Answer {
    let labels: Vec<_> =
        wanted.own.0.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let labels = labels.join(", ");
    let ours = |target: &&Target| {
        wanted.own.0.iter().all(|(name, value)| target.labels.get(name) == Some(value))
    };
    let mut troubled = None;
    for target in seen.active.iter().filter(ours) {
        match trouble(wanted, target, now) {
            None => {
                let because = format!("{} with {labels} is up", instance(target));
                return Finding::pass(because).into();
            }
            Some(trouble) => troubled = Some((target, trouble)),
        }
    }
    match troubled {
        Some((target, Trouble::Said(said))) => {
            let because = format!("{} with {labels}: {said}", instance(target));
            Finding::fail(OWN_TARGET_DOWN, because).into()
        }
        Some((_, Trouble::Ahead(obstacle))) => obstacle.into(),
        None => {
            let because = format!("no target has the labels {labels}");
            Finding::fail(OWN_TARGET_MISSING, because).into()
        }
    }
}

/// Why a target is not up, where it is not.
fn trouble(wanted: &Targets, target: &Target, now: Timestamp) -> Option<Trouble> {
    match target.health {
        Health::Up => {}
        Health::Down => {
            let error = if target.error.is_empty() { "no reason is told" } else { &target.error };
            return Some(Trouble::Said(format!("it is down: {error}")));
        }
        Health::Unknown => return Some(Trouble::Said("it was not scraped yet".to_owned())),
    }
    let Some(scraped) = target.scraped else {
        return Some(Trouble::Said("when it was last scraped is not told".to_owned()));
    };
    let age = now.duration_since(scraped);
    let away = spoken(age.unsigned_abs());
    if age < -CLOCK_TOLERANCE {
        let because = format!("it was last scraped {away} in the future");
        return Some(Trouble::Ahead(Obstacle::new(Reason::CLOCK_SKEW, because)));
    }
    let allowed = wanted.scraped_within.map(crate::model::duration::Period::get);
    let allowed =
        allowed.or_else(|| target.interval.map(|every| every.saturating_mul(INTERVALS)))?;
    let late = age > within(allowed);
    late.then(|| {
        let because = format!("it was last scraped {away} ago, {} allowed", spoken(allowed));
        Trouble::Said(because)
    })
}

/// A length of time, and what clocks may differ.
pub(super) fn within(allowed: std::time::Duration) -> SignedDuration {
    let allowed = SignedDuration::try_from(allowed).unwrap_or(SignedDuration::MAX);
    allowed.saturating_add(CLOCK_TOLERANCE)
}

fn label(health: Health) -> &'static str {
    match health {
        Health::Up => STATES[0],
        Health::Down => STATES[1],
        Health::Unknown => STATES[2],
    }
}

fn job_of(target: &Target) -> &str {
    target.labels.get("job").map_or("", String::as_str)
}

fn instance(target: &Target) -> String {
    target
        .labels
        .get("instance")
        .map_or("a target without an instance".to_owned(), |i| legible(i, 100))
}
