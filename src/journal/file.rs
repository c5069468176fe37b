//! The file: how it is opened, how it is made, and what becomes of a damaged one.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::held::Held;
use super::trouble::Trouble;
use super::{FILE, aside, reading, salvage, schema};
use crate::journal::record::Record;

/// A new file's name until it is whole.
const BEGUN: &str = "vigie.db.begun";
/// The most that the file may grow to, in pages of 4 KiB: 1 GiB.
pub(super) const MOST_PAGES: u32 = 262_144;
/// How long a write waits for somebody else's, such as a person's with the `sqlite3` shell.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Opens the file, or makes it; a damaged one is moved aside, and a new one begun with the records
/// that could still be read. Whichever it is, it is `ours` from then on.
pub(super) fn open(
    folder: &Path,
    most_pages: u32,
    now: Timestamp,
    ours: &mut Option<Held>,
) -> Result<Connection, Trouble> {
    match open_whole(folder, most_pages, now, ours) {
        Err(trouble) if trouble.is_damage() => begin_anew(folder, most_pages, now, &trouble, ours),
        opened => opened,
    }
}

/// Moves a damaged file aside and begins a new one: in this order only once the new one is whole and
/// on the disk, since without room for it the damaged one is all that there is to read. Who is killed
/// in between has left both, and the next start goes on there.
pub(super) fn begin_anew(
    folder: &Path,
    most_pages: u32,
    now: Timestamp,
    trouble: &Trouble,
    ours: &mut Option<Held>,
) -> Result<Connection, Trouble> {
    aside::is_room(folder)?;
    let mut salvaged = salvage::records(&folder.join(FILE));
    make(folder, most_pages, now, &salvaged)?;
    if salvaged.is_empty() {
        salvaged = salvage::without_head(folder, &folder.join(aside::NEW))?;
        make(folder, most_pages, now, &salvaged)?;
    }
    let aside = aside::set_aside(folder, now)?;
    aside::put_in_place(folder)?;
    let count = salvaged.iter().filter(|record| record.is_of_somebody()).count();
    let aside = aside.display();
    tracing::error!(
        "{trouble}; it was moved to {aside}, and a new one begun with {count} acts and deployments that could be read of it"
    );
    open_whole(folder, most_pages, now, ours)
}

fn open_whole(
    folder: &Path,
    most_pages: u32,
    now: Timestamp,
    ours: &mut Option<Held>,
) -> Result<Connection, Trouble> {
    let path = folder.join(FILE);
    match fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if !aside::adopt(folder)? {
                make(folder, most_pages, now, &[])?;
                aside::put_in_place(folder)?;
            }
        }
        // One that was made has content.
        Ok(found) if found.len() == 0 => return Err(Trouble::damaged("it is empty")),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    // Before it is read: what comes into its place from now on is another.
    let is_held = ours.as_ref().map(|ours| ours.lies_in(folder)).transpose()?;
    if is_held != Some(true) {
        *ours = Some(Held::of(folder)?);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&path, flags)
        .map_err(|error| Trouble::from(error).while_("the journal can't be opened"))?;
    // A damaged file is left as it was found.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(LONGEST_WAIT)?;
    settings(&connection, most_pages)?;
    check(&connection)?;
    schema::migrate(&mut connection, schema::STEPS, folder, now)?;
    reading::verify(&connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    if let Some(ours) = ours {
        ours.hold_log(folder);
    }
    // It is no more than what is left of a beginning that came to nothing.
    discard(folder).ok();
    Ok(connection)
}

/// Whether there is a file in the folder.
pub(super) fn is_there(folder: &Path) -> Result<bool, Trouble> {
    Ok(folder.join(FILE).try_exists()?)
}

/// Makes a new file with these records: under another name until it is whole and on the disk, so that
/// a new one always is.
pub(super) fn make(
    folder: &Path,
    most_pages: u32,
    now: Timestamp,
    records: &[Record],
) -> Result<(), Trouble> {
    discard(folder)?;
    let begun = folder.join(BEGUN);
    let mut connection = Connection::open(&begun)
        .map_err(|error| Trouble::from(error).while_("the journal can't be begun"))?;
    settings(&connection, most_pages)?;
    schema::migrate(&mut connection, schema::STEPS, folder, now)?;
    super::record::write(&mut connection, records)?;
    // Whatever keeps a part of it in the log is told here, and not when the file is closed.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)?;
    File::open(&begun)?.sync_all()?;
    fs::rename(begun, folder.join(aside::NEW))?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Takes away what an earlier beginning may have left.
fn discard(folder: &Path) -> io::Result<()> {
    [BEGUN, salvage::COPY, aside::NEW].into_iter().try_for_each(|name| remove(folder, name))
}

/// Removes a file and what belongs to it, where they are there.
pub(super) fn remove(folder: &Path, name: &str) -> io::Result<()> {
    for part in ["", "-wal", "-shm"] {
        match fs::remove_file(folder.join(format!("{name}{part}"))) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Bounded in all its parts: file, log and memory. Nothing is written outside of the folder.
fn settings(connection: &Connection, most_pages: u32) -> Result<(), Trouble> {
    connection.execute_batch(&format!(
        "PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -2000;
         PRAGMA journal_mode = WAL;
         PRAGMA wal_autocheckpoint = 500;
         PRAGMA journal_size_limit = 4194304;
         PRAGMA synchronous = NORMAL;
         PRAGMA max_page_count = {most_pages};"
    ))?;
    Ok(())
}

/// Looks through the whole file: what is broken is better found now than when it is needed.
pub(super) fn check(connection: &Connection) -> Result<(), Trouble> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Trouble::damaged(&found)) }
}

/// How large the file is, its log included, in bytes.
pub(super) fn bytes(folder: &Path) -> Option<u64> {
    let length = |name: &str| fs::metadata(folder.join(name)).ok().map(|found| found.len());
    Some(length(FILE)? + length(&format!("{FILE}-wal")).unwrap_or_default())
}
