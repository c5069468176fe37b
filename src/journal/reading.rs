//! Reading: what a new daemon is seeded with, and what `vigie once` asks for.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::held::Held;
use super::points::Series;
use super::record::{self, Kind, Pulse, Record};
use super::trouble::Trouble;
use super::{FILE, file, items, salvage, schema};
use crate::model::acts::{Attestation, Maintenance, Waiver};
use crate::model::deployment::Deployment;
use crate::model::item::ItemId;
use crate::model::memory::{Kept, Memory, Vocabulary};
use crate::model::pause::Pause;

/// All that an earlier daemon left.
#[derive(Debug, Default)]
pub struct Recalled {
    /// Items by id, with their acts; those included that the configuration holds no more.
    pub items: HashMap<ItemId, Memory>,
    /// Rollouts, the oldest first.
    pub deployments: Vec<Deployment>,
    /// Maintenance that somebody declared, the oldest first.
    pub maintenance: Vec<Maintenance>,
    /// Times of which there is no record, the oldest first.
    pub pauses: Vec<Pause>,
    /// When a daemon was last known to record.
    pub alive: Option<Timestamp>,
}

impl Recalled {
    /// Notes how long there was no record, up to this start.
    pub(super) fn resume(&mut self, now: Timestamp) {
        self.pauses.extend(self.alive.and_then(|alive| Pause::between(alive, now)));
    }
}

/// Reads everything; also says which series of which item the file has.
pub(super) fn recall(
    connection: &Connection,
    words: &Vocabulary,
) -> Result<(Recalled, HashMap<ItemId, Series>), Trouble> {
    let records = record::read(connection)?;
    let mut items = items::read(connection, words)?;
    let series = remembered(connection, words, &mut items)?;
    Ok((recall_records(items, &records), series))
}

/// Gives each item its acts. The oldest record comes first.
fn recall_records(mut items: HashMap<ItemId, Memory>, records: &[Record]) -> Recalled {
    for act in record::of_kind::<Attestation>(records, Kind::Attestation) {
        items.entry(act.item.clone()).or_default().attestations.push_front(Arc::new(act));
    }
    for act in record::of_kind::<Waiver>(records, Kind::Waiver) {
        items.entry(act.item.clone()).or_default().waivers.push_front(Arc::new(act));
    }
    let deployments = record::of_kind(records, Kind::Deployment);
    let maintenance = record::of_kind(records, Kind::Maintenance);
    let pauses = record::of_kind(records, Kind::Pause);
    let alive = record::of_kind::<Pulse>(records, Kind::Pulse).first().map(|pulse| pulse.at);
    // A file of an earlier version knows the last look alone.
    let alive = alive.or_else(|| items.values().filter_map(|memory| memory.last_attempt).max());
    Recalled { items, deployments, maintenance, pauses, alive }
}

/// Reads everything of a file that can't be written, and holds that file; where there is none,
/// nothing is there to be remembered. Of a damaged one the records that can be read.
///
/// # Errors
/// It can't be read either: whoever went on would forget it.
pub(super) fn without_writing(
    folder: &Path,
    words: &Vocabulary,
) -> Result<(Recalled, Option<Held>), Trouble> {
    if !file::is_there(folder)? {
        return Ok((Recalled::default(), None));
    }
    let read = Held::of(folder)?;
    let recalled = match recall_alone(&folder.join(FILE), words) {
        Err(trouble) if trouble.is_damage() => {
            recall_records(HashMap::new(), &salvage::records(&folder.join(FILE)))
        }
        recalled => recalled?,
    };
    Ok((recalled, Some(read)))
}

/// Reads a file without the index of its log, which would take room: SQLite keeps that in memory for
/// a connection that shares the file with nobody. Writes nothing, the log included.
fn recall_alone(path: &Path, words: &Vocabulary) -> Result<Recalled, Trouble> {
    let read = |connection: &Connection| {
        if schema::readable(connection, schema::STEPS)? != schema::STEPS.len() {
            return Err(Trouble::Passing {
                doing: "the journal can't be read",
                why: "it is of an older schema, and has to be changed first".to_owned(),
            });
        }
        file::check(connection)?;
        verify(connection)?;
        Ok(recall(connection, words)?.0)
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).map_err(Trouble::from);
    let first = opened.and_then(|connection| {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA locking_mode = EXCLUSIVE;")?;
        read(&connection)
    });
    let log = path.with_file_name(format!("{FILE}-wal"));
    // Without room for so much as the name of a log there is none to be read.
    if matches!(first, Err(Trouble::Passing { .. })) && !log.exists() {
        return read(&immutable(path)?);
    }
    first.map_err(|trouble| trouble.while_("the journal can't be read"))
}

/// Looks at every digest.
pub(super) fn verify(connection: &Connection) -> Result<(), Trouble> {
    record::read(connection)?;
    items::verify(connection)
}

/// Gives each item the series that its checks remembered.
fn remembered(
    connection: &Connection,
    words: &Vocabulary,
    items: &mut HashMap<ItemId, Memory>,
) -> Result<HashMap<ItemId, Series>, Trouble> {
    let mut known = HashMap::<ItemId, Series>::new();
    let mut series = connection.prepare("SELECT id, item, measure, labels FROM series")?;
    let mut points =
        connection.prepare("SELECT at, value FROM point WHERE series = ?1 ORDER BY at")?;
    let mut rows = series.query([])?;
    while let Some(row) = rows.next()? {
        let (id, item, measure, labels): (i64, String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let Some(measure) = words.measure(&measure) else { continue };
        let Ok(item) = ItemId::parse(&item) else { continue };
        let Some(memory) = items.get_mut(&item) else { continue };
        let Ok(labels) = serde_json::from_str::<Arc<[Box<str>]>>(&labels) else { continue };
        let read = points.query_map([id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<f64>>(1)?.unwrap_or(f64::NAN)))
        })?;
        let read = read.collect::<Result<Vec<_>, _>>()?;
        if let Some((newest, _)) = read.last() {
            let found = (id, *newest, read.len());
            known.entry(item).or_default().note(measure, Arc::clone(&labels), found);
        }
        let dated =
            |(at, value): (i64, f64)| Some((Timestamp::from_nanosecond(at.into()).ok()?, value));
        memory.past.restore(measure, labels, read.into_iter().filter_map(dated));
    }
    Ok(known)
}

/// The acts and deployments of a data folder, while a daemon runs on it or not. Writes nothing.
///
/// # Errors
/// Why they can't be read, in a sentence.
pub fn read(folder: &Path) -> Result<Kept, String> {
    let path = folder.join(FILE);
    let Ok(path) = path.canonicalize() else {
        return Err(format!("{} is not there: no Vigie has kept a journal here", path.display()));
    };
    read_only(&path).map_err(|trouble| format!("can't read {}: {trouble}", path.display()))
}

fn kept(connection: &Connection) -> Result<Kept, Trouble> {
    schema::readable(connection, schema::STEPS)?;
    let records = record::read(connection)?;
    // No word of any check is of use here.
    let items = items::read(connection, &Vocabulary::default())?;
    Ok(Kept {
        deployments: record::of_kind(&records, Kind::Deployment),
        attestations: record::of_kind(&records, Kind::Attestation),
        waivers: record::of_kind(&records, Kind::Waiver),
        maintenance: record::of_kind(&records, Kind::Maintenance),
        known_since: items
            .into_iter()
            .filter_map(|(id, memory)| Some((id, memory.known_since?)))
            .collect(),
    })
}

fn read_only(path: &Path) -> Result<Kept, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = |connection: Connection| {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        kept(&connection)
    };
    let first = Connection::open_with_flags(path, flags).map_err(Trouble::from).and_then(read);
    let log = path.with_file_name(format!("{FILE}-wal"));
    // A folder that can't be written to takes no index of a log; without a log it needs none.
    if matches!(first, Err(Trouble::Passing { .. })) && !log.exists() {
        return read(immutable(path)?);
    }
    first
}

/// A file that nobody writes to meanwhile, its log left aside: it takes neither locks nor room.
fn immutable(path: &Path) -> Result<Connection, Trouble> {
    let path = path.canonicalize()?;
    let address = url::Url::from_file_path(path)
        .map_err(|()| Trouble::Final("the folder's path is not absolute".to_owned()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(format!("{address}?immutable=1"), flags)?)
}
