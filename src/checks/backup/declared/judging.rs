//! What custom resources say, beside what the bucket holds. Pure.

use jiff::{SignedDuration, Timestamp};

use super::{CustomResource, Destination, Policy, Seen, State, Taken, Told};
use crate::checks::backup::Backup;
use crate::checks::backup::copies::{Copies, since};
use crate::checks::backup::reasons::{
    FAILED, NO_SCHEDULE, NOT_IN_BUCKET, RESOURCE_ABSENT, RETENTION_DIFFERS, SCHEDULE_MISSED,
    STATUS_BEHIND, STORE_DIFFERS, STORE_UNKNOWN, SUSPENDED,
};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::Reason;
use crate::systems::s3::Endpoint;

/// How long an operator may take to notice that a backup has ended.
const NOTICED_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// How long after its end a backup is in the bucket for certain: items share for seconds what they see
/// there, and two clocks may differ by two minutes.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(3);

/// What the hosts of the store end with that is meant where none is named.
const AWS: &str = ".amazonaws.com";

/// Where the look went, and what it saw there.
pub(in super::super) struct Looked<'a> {
    /// The URL of the connection.
    pub endpoint: Option<&'a str>,
    /// The complete backups; none where the store did not tell.
    pub copies: Option<&'a Copies>,
}

/// Compares what custom resources say with the bucket, and with what is stated here.
pub(in super::super) fn judge(
    check: &Backup,
    resource: &CustomResource,
    seen: &Seen,
    looked: &Looked<'_>,
    now: Timestamp,
    judgement: &mut Judgement,
) {
    // Why they could not be seen was said before anything else.
    let Ok(told) = &seen.0 else { return };
    let Some(destination) = &told.destination else {
        let because = format!("{} is not there", told.named);
        return judgement.add("custom resource", Finding::fail(RESOURCE_ABSENT, because));
    };
    let other = resource.endpoint().map(Endpoint::url);
    let endpoint = other.as_deref().or(looked.endpoint);
    judgement.add("custom resource", place(check, &told.named, destination, endpoint));
    if let Some(differs) = retention(check, told) {
        judgement.add("custom resource", differs);
    }
    if let Some(copies) = looked.copies {
        for answer in backups(told, copies, now) {
            judgement.add("custom resource", answer);
        }
    }
    for answer in schedules(told, looked.copies, now) {
        judgement.add("schedule", answer);
    }
}

fn place(check: &Backup, named: &str, to: &Destination, looked_at: Option<&str>) -> Answer {
    let (bucket, path, endpoint) = match to {
        Destination::Store { bucket, path, endpoint } => (bucket, path, endpoint),
        Destination::Nowhere(why) => {
            return Finding::fail(STORE_DIFFERS, format!("{named}: {why}")).into();
        }
        Destination::Untold(why) => {
            return Obstacle::new(STORE_UNKNOWN, format!("{named}: {why}")).into();
        }
    };
    let theirs = legible(&format!("{bucket}/{path}"), 200);
    if *bucket != check.bucket || path.trim_matches('/') != check.root().trim_matches('/') {
        let because = format!("{named} backs up to `{theirs}`, and {} is looked at", check.place());
        return Finding::fail(STORE_DIFFERS, because).into();
    }
    if let Some(differs) = looked_at.and_then(|url| elsewhere(named, endpoint.as_deref(), url)) {
        return differs.into();
    }
    Finding::pass(format!("{named} backs up to `{theirs}`, which is looked at")).into()
}

/// Whether the store is another than the one looked at.
fn elsewhere(named: &str, endpoint: Option<&str>, looked_at: &str) -> Option<Finding> {
    let here = host(looked_at);
    match endpoint.map(host) {
        Some(there) if there == here => None,
        Some(there) => {
            let there = legible(&there, 200);
            let because =
                format!("{named} backs up to the store at {there}, and {here} is looked at");
            Some(Finding::fail(STORE_DIFFERS, because))
        }
        None if here.ends_with(AWS) => None,
        None => {
            let because = format!(
                "{named} names no endpoint, which is AWS unless its surroundings say otherwise, and \
                 {here} is looked at"
            );
            Some(Finding::warn(STORE_DIFFERS, because))
        }
    }
}

/// The host of a URL and its port, where it is not the usual one.
fn host(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let usual = if scheme == "http" { ":80" } else { ":443" };
    host.strip_suffix(usual).map_or(host.clone(), str::to_owned)
}

fn retention(check: &Backup, told: &Told) -> Option<Finding> {
    let (stated, policy) = match (check.retention, check.redundancy) {
        (None, None) => return None,
        (Some(kept), _) => (kept.to_string(), Policy::Window(kept.get())),
        (None, Some(count)) => (count.to_string(), Policy::Count(count)),
    };
    let theirs = match &told.policy {
        Some((_, theirs)) if *theirs == policy => return None,
        Some((written, _)) => format!("keeps `{}`", legible(written, 60)),
        None => "states no retention that is read".to_owned(),
    };
    let because = format!("{} {theirs}, and {stated} is stated here", told.named);
    Some(Finding::warn(RETENTION_DIFFERS, because))
}

/// Whether the backups that custom resources know of are those of the bucket.
fn backups(told: &Told, copies: &Copies, now: Timestamp) -> Vec<Answer> {
    let mut answers = Vec::new();
    let completed = told.backups.iter().filter(|taken| taken.state == State::Completed);
    let newest = completed.max_by_key(|taken| taken.ended);
    let last = copies.last(now);
    if let Some(newest) = newest {
        answers.extend(in_bucket(newest, copies, now));
    }
    if let Some(last) = last {
        let known = newest.and_then(|newest| newest.ended);
        let same = newest.and_then(|newest| newest.name.as_deref()) == Some(&last.name);
        let behind = known.is_none_or(|known| last.ended.duration_since(known) > NOTICED_WITHIN);
        if behind && !same && now.duration_since(last.ended) > NOTICED_WITHIN {
            let because = format!(
                "the bucket has `{}`, which ended {} ago, and no custom resource knows of a backup of \
                 {} so new",
                last.shown(),
                spoken(since(last.ended, now)),
                told.named
            );
            answers.push(Finding::warn(STATUS_BEHIND, because).into());
        }
    }
    answers.extend(failed(told, last.map(|last| last.ended)));
    answers
}

fn in_bucket(newest: &Taken, copies: &Copies, now: Timestamp) -> Option<Answer> {
    let Taken { resource, state: _, name, began: _, ended } = newest;
    let Some(name) = name else {
        let because = format!("{resource} completed, and does not tell the name of its backup");
        return Some(Obstacle::new(Reason::GARBLED, because).into());
    };
    if copies.newest.iter().any(|copy| copy.name == *name) {
        let because = format!("{resource} completed, and its backup is there");
        return Some(Finding::pass(because).into());
    }
    // The bucket may have been seen a moment before it ended.
    if ended.is_some_and(|ended| now.duration_since(ended) <= SETTLED_AFTER) {
        return None;
    }
    // What the policy has deleted is gone, and its custom resource may stay.
    let oldest = copies.oldest.as_ref().map(|oldest| oldest.ended);
    let deleted = oldest.zip(*ended).is_some_and(|(oldest, ended)| ended < oldest);
    (!deleted).then(|| {
        let name = legible(name, 200);
        let because = format!(
            "{resource} says that `{name}` completed, and no complete backup of that name is there"
        );
        Finding::fail(NOT_IN_BUCKET, because).into()
    })
}

/// Backups that failed after the newest complete one: some leave nothing in the bucket.
fn failed(told: &Told, last: Option<Timestamp>) -> Option<Answer> {
    let newer = |taken: &&Taken| {
        matches!(taken.state, State::Failed(_))
            && last.is_none_or(|last| taken.began.is_none_or(|began| began > last))
    };
    let failed: Vec<&Taken> = told.backups.iter().filter(newer).collect();
    let newest = failed.iter().max_by_key(|taken| taken.began)?;
    let State::Failed(why) = &newest.state else { return None };
    let because = format!("{} failed: {why}", newest.resource);
    Some(match failed.len() {
        1 if last.is_some() => Finding::warn(FAILED, because).into(),
        count => {
            let because = format!("{because}; {count} since the newest complete one");
            Finding::fail(FAILED, because).into()
        }
    })
}

/// Whether backups are scheduled, and begun.
fn schedules(told: &Told, copies: Option<&Copies>, now: Timestamp) -> Vec<Answer> {
    if told.schedules.is_empty() {
        let because = format!("no schedule takes backups of {}", told.named);
        return vec![Finding::warn(NO_SCHEDULE, because).into()];
    }
    let begun = |due: Timestamp| {
        let objects = told.backups.iter().filter_map(|taken| taken.began);
        let ended = copies.into_iter().flat_map(|copies| &copies.newest).map(|copy| copy.ended);
        objects.chain(ended).any(|began| began >= due)
    };
    let judged = told.schedules.iter().map(|schedule| {
        let named = &schedule.named;
        if schedule.suspended {
            return Finding::warn(SUSPENDED, format!("{named} is suspended, or off")).into();
        }
        match schedule.due(now) {
            Err(why) => {
                let because = format!("{named}: {}", legible(&why, 200));
                Obstacle::new(Reason::GARBLED, because).into()
            }
            Ok(Some(due)) if schedule.last.is_none_or(|last| last < due) && !begun(due) => {
                let because = format!(
                    "{named} was due {} ago ({due:.0}), and no backup was begun since",
                    spoken(since(due, now))
                );
                Finding::warn(SCHEDULE_MISSED, because).into()
            }
            Ok(Some(due)) => Finding::pass(format!("{named} was kept, last at {due:.0}")).into(),
            Ok(None) => Finding::pass(format!("{named} was not due yet")).into(),
        }
    });
    judged.collect()
}
