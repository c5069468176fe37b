//! What can be read of a damaged file: its records. Each is believed by its own digest, so whatever
//! is tried to find them, none is made up.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::record::{self, Record};
use super::trouble::Trouble;
use super::{FILE, file};

/// A copy with another first page, while it is read.
pub(super) const COPY: &str = "vigie.db.copy";
/// The length of a page.
const PAGE: usize = 4_096;
/// Where the first page says how many there are.
const COUNT: std::ops::Range<usize> = 28..32;

/// The records of a file, as far as they can be read and their digests are right. Where nobody else
/// reads, without the index of the log, for which there may be no room.
pub(super) fn records(path: &Path) -> Vec<Record> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = |locking| {
        let connection = Connection::open_with_flags(path, flags).ok()?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok();
        connection.pragma_update(None, "locking_mode", locking).ok()?;
        Some(record::salvage(&connection)).filter(|records| !records.is_empty())
    };
    ["EXCLUSIVE", "NORMAL"].into_iter().find_map(read).unwrap_or_default()
}

/// The same of a file whose first page is overwritten, by the first page of a new one.
///
/// That page says where each table begins. It says the same in all files of a schema: the tables are
/// made in the same order, and the page that one begins with is never moved. It takes the place of
/// the lost one in a copy, since a damaged file stays as it was found.
pub(super) fn without_head(folder: &Path, new: &Path) -> Result<Vec<Record>, Trouble> {
    let read = copy(folder, new).map(|()| records(&folder.join(COPY)));
    let removed = file::remove(folder, COPY);
    let read = read.and_then(|records| removed.map(|()| records));
    read.map_err(|error| {
        Trouble::from(error).while_("the damaged journal can't be copied to read its acts")
    })
}

/// Copies the file and its log, and puts the other's first page before the others. No connection of
/// this process to the file may be open: its locks would be lost.
fn copy(folder: &Path, new: &Path) -> io::Result<()> {
    let mut head = [0; PAGE];
    File::open(new)?.read_exact(&mut head)?;
    // SQLite then takes the count from the length of the file.
    head[COUNT].fill(0);
    for part in ["", "-wal"] {
        let to = folder.join(format!("{COPY}{part}"));
        match fs::copy(folder.join(format!("{FILE}{part}")), to) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join(COPY))?
        .write_all(&head)
}
