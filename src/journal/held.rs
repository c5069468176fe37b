//! Which file is ours: the one that was read whole, or made. None but this is written to.
//!
//! A file is known by its number. As soon as no name leads to it and nobody has it open, the file
//! system gives that number to another; so it is held open for as long as its number is believed.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::FILE;

/// What becomes of the log of a file that is gone: one is kept, the last.
const LEFT: &str = "vigie.db-wal.left";

/// Our file, and its log.
///
/// Who closes a file gives up all locks that its process has on it, those of SQLite too: so a file
/// is held once, and let go after the last connection to it.
#[derive(Debug)]
pub(super) struct Held {
    file: File,
    log: Option<File>,
}

impl Held {
    /// Holds the file that lies in the folder.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(folder.join(FILE))?, log: File::open(log(folder)).ok() })
    }

    /// Holds the log that SQLite has begun for it.
    pub(super) fn hold_log(&mut self, folder: &Path) {
        self.log = File::open(log(folder)).ok();
    }

    /// Whether it is the file that lies in the folder.
    pub(super) fn lies_in(&self, folder: &Path) -> io::Result<bool> {
        leads_to(&folder.join(FILE), &self.file)
    }

    /// Takes its log out of the place in which it would be read into another file.
    pub(super) fn leave_log(&self, folder: &Path) -> io::Result<()> {
        match &self.log {
            Some(held) if leads_to(&log(folder), held)? => leave_log(folder),
            Some(_) | None => Ok(()),
        }
    }
}

/// Takes a log, where there is one, out of the place in which it would be read into the next file.
pub(super) fn leave_log(folder: &Path) -> io::Result<()> {
    match fs::rename(log(folder), folder.join(LEFT)) {
        Ok(()) => {
            tracing::warn!("the log of the journal that is gone lies in the folder as {LEFT}");
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // The index of that log: it holds nothing of its own.
    match fs::remove_file(folder.join(format!("{FILE}-shm"))) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn log(folder: &Path) -> PathBuf {
    folder.join(format!("{FILE}-wal"))
}

fn leads_to(path: &Path, held: &File) -> io::Result<bool> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        found => found?,
    };
    let held = held.metadata()?;
    Ok((found.dev(), found.ino()) == (held.dev(), held.ino()))
}
