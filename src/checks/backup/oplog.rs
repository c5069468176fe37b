//! Whether the oplogs of MongoDB are kept up to now, and without a gap since the newest complete
//! backup: for each of its replica sets. What was not read is not judged.

use std::sync::Arc;

use jiff::Timestamp;

use super::Backup;
use super::copies::{seconds, since};
use super::measures::LOG_ARCHIVED;
use super::parameters::MaxAge;
use super::reasons::{LOG_GAP, LOG_MISSING, LOG_TOO_OLD};
use crate::model::counted::counted;
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::catalogue::pbm::Metadata;
use crate::systems::catalogue::slice::{Place, gaps};
use crate::systems::s3::NOT_LISTABLE;
use crate::systems::s3::slices::{Oplog, Oplogs};

/// Adds what is said of the oplogs since `newest`, the newest complete backup.
pub(super) fn judge(
    check: &Backup,
    limits: MaxAge,
    oplogs: &Result<Arc<Oplogs>, Obstacle>,
    newest: &Metadata,
    now: Timestamp,
    judgement: &mut Judgement,
) {
    let oplogs = match oplogs {
        Ok(oplogs) => oplogs,
        Err(obstacle) => return judgement.add("oplog", obstacle.clone()),
    };
    let Some(from) = newest.restores_to else { return };
    let mut ends = Vec::new();
    for name in &newest.replica_sets {
        let shown = legible(name, 100);
        let subject = format!("oplog {shown}");
        let there = oplogs.sets.get(name);
        let end = there.and_then(|oplog| oplog.slices.iter().map(|slice| slice.end).max());
        let Some((oplog, end)) = there.zip(end).filter(|(_, end)| *end > from) else {
            judgement.add(subject, none(there, &shown));
            continue;
        };
        let end = Timestamp::from_second(end.0).unwrap_or(Timestamp::UNIX_EPOCH);
        ends.push(end);
        judgement.add(subject.clone(), age(limits, end, oplog, now));
        judgement.add(subject, whole(oplog, from));
    }
    // A cluster restores to a time that all its replica sets have.
    if ends.len() == newest.replica_sets.len()
        && let Some(end) = ends.iter().min()
    {
        judgement.measure(check.is(&LOG_ARCHIVED, seconds(*end)));
    }
}

fn none(there: Option<&Oplog>, name: &str) -> Answer {
    if there.is_some_and(|oplog| !oplog.whole) {
        let because = "its slices are too many to list: a higher `max_requests` shows more";
        return Obstacle::new(NOT_LISTABLE, because).into();
    }
    let because =
        format!("no slice of the oplog of `{name}` goes beyond the newest complete backup");
    Finding::fail(LOG_MISSING, because).into()
}

fn age(limits: MaxAge, end: Timestamp, oplog: &Oplog, now: Timestamp) -> Answer {
    if !oplog.whole {
        let because = "the newest slice could not be told: a higher `max_requests` shows more";
        return Obstacle::new(NOT_LISTABLE, because).into();
    }
    if end.duration_since(now) > CLOCK_TOLERANCE {
        let because = format!("the newest slice ends {end:.0}, and it is only {now:.0}");
        return Obstacle::new(Reason::CLOCK_SKEW, because).into();
    }
    let age = since(end, now);
    let said = format!("the newest slice ends {} ago", spoken(age));
    let MaxAge { warn, fail } = limits;
    match (warn, fail) {
        (_, Some(fail)) if age > fail.get() => {
            Finding::fail(LOG_TOO_OLD, format!("{said}, {fail} allowed")).into()
        }
        (Some(warn), _) if age > warn.get() => {
            Finding::warn(LOG_TOO_OLD, format!("{said}, {warn} wanted")).into()
        }
        (_, Some(limit)) | (Some(limit), None) => {
            Finding::pass(format!("{said}, {limit} allowed")).into()
        }
        (None, None) => Finding::pass(said).into(),
    }
}

fn whole(oplog: &Oplog, from: Place) -> Answer {
    let mut slices = oplog.slices.clone();
    let found = gaps(&mut slices, from, 10);
    if let Some(gap) = found.first() {
        let others = match found.len() {
            1 => String::new(),
            more => format!(", and {} more", more - 1),
        };
        let because = format!(
            "nothing is kept between {:.0} and {:.0}{others}: nothing after it can be restored",
            gap.from, gap.to
        );
        return Finding::fail(LOG_GAP, because).into();
    }
    let count = counted(slices.len(), "slice");
    Finding::pass(format!("{count}, without a gap since the newest complete backup")).into()
}

#[cfg(test)]
mod tests;
