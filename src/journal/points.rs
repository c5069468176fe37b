//! What checks remember, in the file: the points that came since the last writing, and no others.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Statement, Transaction, params};

use super::trouble::Trouble;
use crate::model::item::ItemId;
use crate::model::past::Past;

/// The name of a series within its item.
type Key = (&'static str, Arc<[Box<str>]>);

/// A series as the file has it.
#[derive(Clone, Copy, Debug)]
struct Known {
    id: i64,
    /// The newest point that is written, in Unix nanoseconds.
    newest: i64,
    /// How many were held when it was last written.
    count: usize,
}

/// The series of one item that are in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Series(HashMap<Key, Known>);

impl Series {
    /// Notes a series that was read: its number, its newest point in Unix nanoseconds, and how many
    /// points there are.
    pub(super) fn note(
        &mut self,
        measure: &'static str,
        labels: Arc<[Box<str>]>,
        (id, newest, count): (i64, i64, usize),
    ) {
        self.0.insert((measure, labels), Known { id, newest, count });
    }

    /// Forgets what the file has forgotten: series whose newest point is older than this.
    pub(super) fn forget_before(&mut self, oldest: i64) {
        self.0.retain(|_, known| known.newest >= oldest);
    }
}

/// The statements that writing takes.
struct Statements<'t> {
    find: Statement<'t>,
    add: Statement<'t>,
    drop: Statement<'t>,
    trim: Statement<'t>,
    point: Statement<'t>,
}

impl<'t> Statements<'t> {
    fn new(transaction: &'t Transaction<'t>) -> Result<Self, Trouble> {
        Ok(Self {
            find: transaction.prepare(
                "SELECT id FROM series WHERE item = ?1 AND measure = ?2 AND labels = ?3",
            )?,
            add: transaction
                .prepare("INSERT INTO series (item, measure, labels) VALUES (?1, ?2, ?3)")?,
            drop: transaction.prepare("DELETE FROM series WHERE id = ?1")?,
            trim: transaction
                .prepare("DELETE FROM point WHERE series = ?1 AND (at < ?2 OR at > ?3)")?,
            point: transaction.prepare("INSERT OR REPLACE INTO point VALUES (?1, ?2, ?3)")?,
        })
    }
}

/// Brings the file's series of an item to what is remembered now; returns what the file has then,
/// which is so only once the transaction is committed.
pub(super) fn write(
    transaction: &Transaction<'_>,
    item: &ItemId,
    past: &Past,
    known: &Series,
) -> Result<Series, Trouble> {
    let mut statements = Statements::new(transaction)?;
    let mut written = HashMap::with_capacity(known.0.len());
    for (measure, labels, points) in past.series() {
        let key = (measure, Arc::clone(labels));
        let points: Vec<_> = points.iter().filter_map(|(at, v)| Some((nanos(*at)?, *v))).collect();
        let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else { continue };
        let before = known.0.get(&key).copied();
        if let Some(before) = before
            && (before.newest, before.count) == (*last, points.len())
        {
            written.insert(key, before);
            continue;
        }
        let id = match before {
            Some(before) => before.id,
            None => found(&mut statements, item, measure, labels)?,
        };
        // The newest point that is held and written; what the file has after it was thinned out.
        let newest = before.map_or(i64::MIN, |before| before.newest);
        let kept = points.iter().rev().map(|(at, _)| *at).find(|at| *at <= newest);
        let kept = kept.unwrap_or(i64::MIN);
        statements.trim.execute([id, *first, kept])?;
        for (at, value) in points.iter().filter(|(at, _)| *at > kept) {
            statements.point.execute(params![id, at, value])?;
        }
        written.insert(key, Known { id, newest: *last, count: points.len() });
    }
    for (key, known) in &known.0 {
        if !written.contains_key(key) {
            statements.drop.execute([known.id])?;
        }
    }
    Ok(Series(written))
}

/// The series' number in the file, of one that is there or a new one.
fn found(
    statements: &mut Statements<'_>,
    item: &ItemId,
    measure: &str,
    labels: &[Box<str>],
) -> Result<i64, Trouble> {
    // A list of texts is always JSON.
    let labels = serde_json::to_string(labels).unwrap_or_default();
    let mut rows = statements.find.query([item.as_str(), measure, &labels])?;
    if let Some(row) = rows.next()? {
        return Ok(row.get(0)?);
    }
    drop(rows);
    Ok(statements.add.insert([item.as_str(), measure, &labels])?)
}

/// Unix nanoseconds; none beyond the year 2262.
fn nanos(at: Timestamp) -> Option<i64> {
    i64::try_from(at.as_nanosecond()).ok()
}
