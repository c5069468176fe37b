//! Reading: what a new daemon is seeded with, and what `vigie once` asks for.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::points::Series;
use super::record::{self, Kind};
use super::trouble::Trouble;
use super::{FILE, items, schema};
use crate::model::acts::{Attestation, Maintenance, Waiver};
use crate::model::deployment::Deployment;
use crate::model::item::ItemId;
use crate::model::memory::{Kept, Memory, Vocabulary};

/// All that an earlier daemon left.
#[derive(Debug, Default)]
pub struct Recalled {
    /// Items by id, with their acts; those included that the configuration holds no more.
    pub items: HashMap<ItemId, Memory>,
    /// Rollouts, the oldest first.
    pub deployments: Vec<Deployment>,
    /// Maintenance that somebody declared, the oldest first.
    pub maintenance: Vec<Maintenance>,
}

/// Reads everything; also says which series of which item the file has.
pub(super) fn recall(
    connection: &Connection,
    words: &Vocabulary,
) -> Result<(Recalled, HashMap<ItemId, Series>), Trouble> {
    let records = record::read(connection)?;
    let mut items = items::read(connection, words)?;
    let series = remembered(connection, words, &mut items)?;
    for act in record::of_kind::<Attestation>(&records, Kind::Attestation) {
        items.entry(act.item.clone()).or_default().attestations.push_front(Arc::new(act));
    }
    for act in record::of_kind::<Waiver>(&records, Kind::Waiver) {
        items.entry(act.item.clone()).or_default().waivers.push_front(Arc::new(act));
    }
    let deployments = record::of_kind(&records, Kind::Deployment);
    let maintenance = record::of_kind(&records, Kind::Maintenance);
    Ok((Recalled { items, deployments, maintenance }, series))
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
        let address = url::Url::from_file_path(path)
            .map_err(|()| Trouble::Final("the folder's path is not absolute".to_owned()))?;
        let flags = flags | OpenFlags::SQLITE_OPEN_URI;
        return read(Connection::open_with_flags(format!("{address}?immutable=1"), flags)?);
    }
    first
}
