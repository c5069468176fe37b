//! How long things are kept. What is in force is never forgotten; all else has an end and a bound.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, params};

use super::record::{self, Kind, Record};
use super::trouble::Trouble;
use crate::model::acts::{Attestation, Maintenance, Waiver};
use crate::model::memory::{GONE_FOR, MOST_GONE};
use crate::model::pause;
use crate::model::snapshot::Snapshot;

/// How often is looked for what is to be forgotten.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How long a series is kept that nothing was added to.
const QUIET_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The most deployments that are kept: as many as the board holds.
const MOST_DEPLOYMENTS: u32 = 50;
/// How long acts are kept that have ended: a year and a month.
const ENDED_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);
/// The most of them that are kept.
const MOST_ENDED: usize = 5_000;
/// So many free pages are given back to the disk at a time.
const GIVEN_BACK: u32 = 1_000;

/// Whether it is time to forget.
pub(super) fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now.duration_since(last).abs() >= EVERY)
}

/// The oldest newest point of a series that is kept, in Unix nanoseconds.
pub(super) fn oldest_point(now: Timestamp) -> i64 {
    let oldest = now.saturating_sub(QUIET_FOR).unwrap_or(Timestamp::MIN);
    i64::try_from(oldest.as_nanosecond()).unwrap_or(i64::MIN)
}

/// Notes which items are configured: they are all seen last, and at the same time. What was seen
/// before them has left.
pub(super) fn see(
    transaction: &Transaction<'_>,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<(), Trouble> {
    // Nothing else may bear this time or a later one, be it for a clock that was set back.
    transaction.execute("UPDATE item SET seen = min(seen, ?1 - 1)", [now.as_second()])?;
    let mut seen = transaction.prepare("UPDATE item SET seen = ?2 WHERE id = ?1")?;
    for item in &snapshot.items {
        seen.execute(params![item.card.id.as_str(), now.as_second()])?;
    }
    Ok(())
}

/// Forgets what has been kept for long enough.
pub(super) fn forget(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), Trouble> {
    let gone = now.saturating_sub(GONE_FOR).unwrap_or(Timestamp::MIN).as_second();
    transaction.execute("DELETE FROM item WHERE seen < ?1", [gone])?;
    transaction.execute(
        "DELETE FROM item WHERE id IN
            (SELECT id FROM item WHERE seen < ?1 ORDER BY seen DESC LIMIT -1 OFFSET ?2)",
        params![now.as_second(), i64::try_from(MOST_GONE).unwrap_or(i64::MAX)],
    )?;
    transaction.execute(
        "DELETE FROM series WHERE NOT EXISTS
            (SELECT 1 FROM point WHERE point.series = series.id AND point.at >= ?1)",
        [oldest_point(now)],
    )?;
    let oldest = now.saturating_sub(pause::REMEMBERED_FOR).unwrap_or(Timestamp::MIN).as_second();
    transaction.execute(
        "DELETE FROM record WHERE kind = 'pause' AND (at < ?1 OR id NOT IN
            (SELECT id FROM record WHERE kind = 'pause' ORDER BY at DESC, id DESC LIMIT ?2))",
        params![oldest, i64::try_from(pause::MOST).unwrap_or(i64::MAX)],
    )?;
    forget_acts(transaction, now)?;
    transaction.execute(
        "DELETE FROM record WHERE kind = 'deployment' AND id NOT IN
            (SELECT id FROM record WHERE kind = 'deployment' ORDER BY at DESC, id DESC LIMIT ?1)",
        [MOST_DEPLOYMENTS],
    )?;
    Ok(())
}

/// Forgets acts that ended long ago, and the oldest of too many that have ended.
fn forget_acts(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), Trouble> {
    let mut ended = ended_acts(&record::read(transaction)?, now);
    ended.sort_by_key(|(end, _, _)| std::cmp::Reverse(*end));
    let oldest = now.saturating_sub(ENDED_FOR).unwrap_or(Timestamp::MIN);
    let mut forget = transaction.prepare("DELETE FROM record WHERE kind = ?1 AND id = ?2")?;
    for (at, (end, kind, id)) in ended.iter().enumerate() {
        if *end < oldest || at >= MOST_ENDED {
            forget.execute([kind.word(), id])?;
        }
    }
    Ok(())
}

/// Acts that have ended, and when. Of attestations the last of an item is kept whatever its end:
/// it says when somebody last looked.
fn ended_acts(records: &[Record], now: Timestamp) -> Vec<(Timestamp, Kind, String)> {
    let mut ended = Vec::new();
    for act in record::of_kind::<Waiver>(records, Kind::Waiver) {
        let end = act.ended.map_or(act.until, |ended| ended.at);
        ended.push((end, Kind::Waiver, act.id));
    }
    for act in record::of_kind::<Maintenance>(records, Kind::Maintenance) {
        let end = act.ended.map_or(act.until, |ended| ended.at);
        ended.push((end, Kind::Maintenance, act.id));
    }
    let mut attested = HashSet::new();
    for act in record::of_kind::<Attestation>(records, Kind::Attestation).into_iter().rev() {
        if !attested.insert(act.item.clone()) {
            let end = act.until().unwrap_or(act.at);
            let end = act.ended.map_or(end, |taken_back| taken_back.at);
            ended.push((end, Kind::Attestation, act.id));
        }
    }
    ended.retain(|(end, _, _)| *end <= now);
    ended
}

/// Gives free pages back to the disk, a few at a time.
pub(super) fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({GIVEN_BACK})"))
}
