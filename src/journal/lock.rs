//! One daemon a data folder: a lock that the kernel gives back when its holder dies, however it dies.
//!
//! The lock is on a file of its own, so that `vigie once --records` may read the journal meanwhile.
//! Who holds it is written into that file, for people.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::judgement::legible;

/// The lock's file in the data folder.
const FILE: &str = "vigie.lock";
/// More than a holder ever writes.
const LONGEST: u64 = 4_096;
/// The longest host name that is repeated, in characters.
const LONGEST_HOST: usize = 100;

/// Who has a data folder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Holder {
    /// Its process, as its own kernel counts.
    pub pid: u32,
    /// Its host; in Kubernetes the pod.
    pub host: String,
    /// Since when.
    pub since: Timestamp,
}

impl Holder {
    /// This process.
    pub(super) fn this(now: Timestamp) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = legible(host.trim(), LONGEST_HOST);
        let host = if host.is_empty() { "an unnamed host".to_owned() } else { host };
        Self { pid: std::process::id(), host, since: now }
    }

    /// Who it is, in words.
    pub fn told(&self) -> String {
        let Self { pid, host, since } = self;
        format!("process {pid} on {}, since {since:.0}", legible(host, LONGEST_HOST))
    }
}

/// Why a lock was not had.
#[derive(Debug)]
pub(super) enum Refused {
    /// Somebody has it; who, where that can be read.
    Held(Option<Holder>),
    /// The file can't be opened.
    Unopened(io::Error),
}

/// The lock, as long as it lives.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Takes the lock, without waiting, and writes who has it.
    pub(super) fn take(folder: &Path, now: Timestamp) -> Result<Self, Refused> {
        let path = folder.join(FILE);
        let mut open = OpenOptions::new();
        let mut file = open
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(Refused::Unopened)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Refused::Held(holder(&mut file))),
            Err(TryLockError::Error(error)) => return Err(Refused::Unopened(error)),
        }
        let mut lock = Self(file);
        // Without room for the name the lock holds as well.
        if let Err(error) = lock.sign(now) {
            tracing::warn!(%error, "the data folder is locked, and could not be signed: {error}");
        }
        Ok(lock)
    }

    fn sign(&mut self, now: Timestamp) -> io::Result<()> {
        let text = serde_json::to_string(&Holder::this(now))?;
        self.0.seek(SeekFrom::Start(0))?;
        self.0.set_len(0)?;
        self.0.write_all(text.as_bytes())
    }
}

fn holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        let Refused::Held(Some(holder)) =
            Lock::take(folder.path(), Timestamp::UNIX_EPOCH).unwrap_err()
        else {
            panic!("a holder with a name")
        };
        assert_eq!(holder, Holder::this(Timestamp::UNIX_EPOCH));
        assert!(holder.told().starts_with(&format!("process {} on ", std::process::id())));
        drop(first);
        assert!(Lock::take(folder.path(), Timestamp::UNIX_EPOCH).is_ok(), "given back");
    }

    #[test]
    fn a_lock_that_nobody_signed_is_held_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
        std::fs::write(folder.path().join(FILE), "scribble").unwrap();
        let second = Lock::take(folder.path(), Timestamp::UNIX_EPOCH);
        assert!(matches!(second, Err(Refused::Held(None))));
        drop(first);
    }
}
