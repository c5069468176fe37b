//! A damaged file is moved out of the way, and a new one put in its place: each step such that a start
//! after a kill goes on from there. Nothing is deleted.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::held::leave_log;
use super::trouble::Trouble;
use super::{FILE, dated};

/// A new file that is whole and on the disk, with what could be read of a damaged one, until it has
/// the place of that.
pub(super) const NEW: &str = "vigie.db.new";
/// The most damaged files that are kept: from then on somebody has to look first.
const MOST_ASIDE: usize = 10;
/// What comes between a file's name and the time in the name of a damaged one.
const ASIDE: &str = "damaged";
/// What lies beside a file, and belongs to it.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Whether another damaged file may be moved aside.
pub(super) fn is_room(folder: &Path) -> Result<(), Trouble> {
    if lie_aside(folder).len() >= MOST_ASIDE {
        return Err(Trouble::Passing {
            doing: "the damaged journal is not moved aside",
            why: format!("{MOST_ASIDE} others lie there already; look at them and take them away"),
        });
    }
    Ok(())
}

/// Moves the file aside, and what belongs to it, under a dated name. The file first: without its log
/// it would be taken for one that is whole.
pub(super) fn set_aside(folder: &Path, now: Timestamp) -> Result<PathBuf, Trouble> {
    let aside = dated(folder, &format!("{FILE}.{ASIDE}"), now);
    fs::rename(folder.join(FILE), &aside)?;
    set_beside(folder, &aside)?;
    Ok(aside)
}

/// Moves what belonged to the file to where that lies now.
fn set_beside(folder: &Path, aside: &Path) -> Result<(), Trouble> {
    for part in BESIDE {
        let from = folder.join(format!("{FILE}{part}"));
        let to = PathBuf::from(format!("{}{part}", aside.display()));
        if from.exists() && !to.exists() {
            fs::rename(from, to)?;
        }
    }
    Ok(())
}

/// Puts the new file in its place.
pub(super) fn put_in_place(folder: &Path) -> Result<(), Trouble> {
    leave_log(folder)?;
    fs::rename(folder.join(NEW), folder.join(FILE))?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Goes on where a daemon was killed that had moved a damaged file aside, and not yet put the new one
/// in its place. Says whether there was such a one.
pub(super) fn adopt(folder: &Path) -> Result<bool, Trouble> {
    let Some(aside) = lie_aside(folder).pop().filter(|_| folder.join(NEW).exists()) else {
        return Ok(false);
    };
    set_beside(folder, &folder.join(&aside))?;
    put_in_place(folder)?;
    tracing::warn!(
        "{aside} was moved aside by a daemon that was killed then; what it could read of it is used"
    );
    Ok(true)
}

/// The names of damaged files that lie in the folder.
pub(super) fn lie_aside(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let prefix = format!("{FILE}.{ASIDE}-");
    let is_one = |name: &String| {
        name.starts_with(&prefix) && !BESIDE.iter().any(|part| name.ends_with(part))
    };
    let mut names: Vec<_> = names.filter(is_one).take(2 * MOST_ASIDE).collect();
    names.sort();
    names
}
