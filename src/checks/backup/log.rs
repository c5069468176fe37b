//! Whether the log of PostgreSQL is archived up to now, and without a gap since the newest complete
//! base backup. What was not read is not judged.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Backup;
use super::barman::{Barman, LogAge, LogFails};
use super::copies::{seconds, since};
use super::measures::LOG_ARCHIVED;
use super::reasons::{
    HISTORY_MISSING, HISTORY_UNREADABLE, LOG_GAP, LOG_MISSING, LOG_TOO_OLD, TIMELINE_LEFT,
};
use crate::model::counted::{counted, either};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::catalogue::archive::{Astray, Leg};
use crate::systems::catalogue::backup_info::BackupInfo;
use crate::systems::catalogue::history::{Switch, Unread};
use crate::systems::catalogue::segment::Segment;
use crate::systems::s3::NOT_LISTABLE;
use crate::systems::s3::wals::{History, Wals};

/// How long the last segment of a backup may take to follow it.
const SEGMENT_FOLLOWS: SignedDuration = SignedDuration::from_mins(15);

/// Adds what is said of the log since `newest`, the newest complete backup.
pub(super) fn judge(
    check: &Backup,
    layout: &Barman,
    wals: &Result<Arc<Wals>, Obstacle>,
    newest: Option<&BackupInfo>,
    now: Timestamp,
    judgement: &mut Judgement,
) {
    let wals = match wals {
        Ok(wals) => wals,
        Err(obstacle) => return judgement.add("log", obstacle.clone()),
    };
    judgement.add("log", age(check, layout.log_age, wals, now));
    let log = newest.and_then(|info| info.log);
    let Some((first, last)) = log.filter(|_| wals.newest.is_some() || !wals.whole) else { return };
    let ended = newest.and_then(|info| info.ended).unwrap_or(now);
    let young = now.duration_since(ended) < SEGMENT_FOLLOWS;
    judgement.add("log", gaps(wals, first, last, young));
}

fn age(check: &Backup, limits: LogAge, wals: &Wals, now: Timestamp) -> Answer {
    let LogAge { warn, fail: LogFails(fail) } = limits;
    let Some((segment, written)) = wals.newest else {
        if wals.whole {
            let because = "no segment of the log is archived since the newest complete backup";
            return Finding::fail(LOG_MISSING, because).into();
        }
        let because = format!(
            "the newest segment of the log could not be told with {}",
            counted(wals.requests, "request")
        );
        return Obstacle::new(NOT_LISTABLE, because).into();
    };
    if written.duration_since(now) > CLOCK_TOLERANCE {
        let because =
            format!("segment {segment} was archived {written:.0}, and it is only {now:.0}");
        return Obstacle::new(Reason::CLOCK_SKEW, because).into();
    }
    let age = since(written, now);
    let said = format!("segment {segment}, the newest, was archived {} ago", spoken(age));
    let finding = match warn {
        _ if age > fail.get() => Finding::fail(LOG_TOO_OLD, format!("{said}, {fail} allowed")),
        Some(warn) if age > warn.get() => {
            Finding::warn(LOG_TOO_OLD, format!("{said}, {warn} wanted"))
        }
        _ => Finding::pass(format!("{said}, {fail} allowed")),
    };
    finding.measured(check.is(&LOG_ARCHIVED, seconds(written))).into()
}

fn gaps(wals: &Wals, first: Segment, last: Segment, young: bool) -> Answer {
    let switches = match switches(wals) {
        Ok(switches) => switches,
        Err(answer) => return answer,
    };
    let mut way = match wals.archive.way(first, switches) {
        Ok(way) => way,
        Err(astray) => return led_astray(wals, first, astray),
    };
    // The backup itself needs the log up to its end.
    if let [Leg { timeline: _, first: _, last: end }] = way.as_mut_slice()
        && wals.whole
        && !young
        && let Some(needed) = wals.archive.number(last)
    {
        *end = (*end).max(needed);
    }
    let (mut worst, mut count) = (None, 0);
    for leg in way {
        let (gaps, more) = wals.archive.gaps(leg, 1);
        count += more;
        worst = worst.or(gaps.first().copied());
    }
    let read = wals.archive.segments;
    if let Some(gap) = worst {
        let range = if gap.count == 1 {
            format!("segment {} is missing", gap.first)
        } else {
            format!("segments {} to {} are missing, {} of them", gap.first, gap.last, gap.count)
        };
        let others = match count {
            0 | 1 => String::new(),
            2 => ", and there is 1 other gap".to_owned(),
            more => format!(", and there are {} other gaps", more - 1),
        };
        let broken = match wals.archive.broken {
            0 => String::new(),
            broken => format!("; {broken} that are there are empty or cut off"),
        };
        let because = format!(
            "{range}{others} since {first}, where the newest complete backup begins{broken}: nothing \
             after it can be restored"
        );
        return Finding::fail(LOG_GAP, because).into();
    }
    if !wals.whole || wals.archive.overflown {
        let because = format!(
            "{} from {first} on {} no gap, and the log goes on: {} {} spent, a higher \
             `max_requests` shows more",
            counted(read, "segment"),
            either(&read, "has", "have"),
            counted(wals.requests, "request"),
            either(&wals.requests, "was", "were")
        );
        return Obstacle::new(NOT_LISTABLE, because).into();
    }
    Finding::pass(format!("{} from {first} on, without a gap", counted(read, "segment"))).into()
}

/// What came before the newest timeline; nothing where it is the backup's own.
fn switches(wals: &Wals) -> Result<&[Switch], Answer> {
    let timeline = wals.newest.map_or(0, |(newest, _)| newest.timeline);
    match &wals.history {
        None => Ok(&[]),
        Some(History::Known(switches)) => Ok(switches),
        Some(History::Absent) => {
            let because = format!(
                "{timeline:08X}.history is not in the archive: nobody can restore to timeline {timeline}"
            );
            Err(Finding::fail(HISTORY_MISSING, because).into())
        }
        Some(History::Unread(unread)) => {
            let why = match unread {
                Unread::Compressed => "is compressed otherwise than by gzip",
                Unread::Garbled(why) => why.as_str(),
            };
            let because = format!("{timeline:08X}.history can't be read: {why}");
            Err(Obstacle::new(HISTORY_UNREADABLE, because).into())
        }
    }
}

fn led_astray(wals: &Wals, first: Segment, astray: Astray) -> Answer {
    let newest = wals.newest.map_or(first.timeline, |(newest, _)| newest.timeline);
    let why = match astray {
        Astray::NoAncestor => format!("is no ancestor of timeline {newest}"),
        Astray::LeftBefore => {
            format!("was left for timeline {newest} before the backup began at {first}")
        }
    };
    let because = format!(
        "the newest complete backup is of timeline {}, which {why}: it can't be rolled forward to now",
        first.timeline
    );
    Finding::fail(TIMELINE_LEFT, because).into()
}

#[cfg(test)]
mod tests;
