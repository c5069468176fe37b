//! Shelves: what was found of a set of backups, as far as it was looked through.

use jiff::Timestamp;

use super::page::Object;
use super::parts::Read;
use super::template::Template;
use crate::model::pattern::Pattern;
use crate::model::zone::Zone;

/// How many of the newest backups are looked for: one, and seven to compare it with.
pub const NEWEST: usize = 8;

/// A set of backups: all keys of a shape below a prefix.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// What all keys begin with.
    pub prefix: &'a str,
    /// How keys go on.
    pub keys: &'a Template,
    /// What names must match beside, after the prefix.
    pub matching: Option<&'a Pattern>,
    /// In which zone the hours in keys are meant.
    pub zone: &'a Zone,
    /// How many of the newest are wanted.
    pub newest: usize,
    /// The most requests that may be spent.
    pub most_requests: u32,
}

/// What was found of a set of backups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// The newest ones, the newest first; as many as were wanted where there are so many.
    pub newest: Vec<Backup>,
    /// The oldest one, where it could be told.
    pub oldest: Option<Backup>,
    /// How many there are, where all were seen.
    pub count: Option<u64>,
    /// What it cost, in requests.
    pub requests: u32,
}

/// A backup that is one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its whole key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written, by the store's clock.
    pub modified: Timestamp,
    /// The first and the last second of the date in its key, where it has one.
    pub dated: Option<(Timestamp, Timestamp)>,
    pub(super) read: Read,
}

impl Backup {
    /// When it was taken, to be on the safe side: when it was written, and no later than its key
    /// says. So a copy of an old backup is old, and a date in a key makes nothing fresh.
    pub fn taken(&self) -> Timestamp {
        self.dated.map_or(self.modified, |(_, last)| self.modified.min(last))
    }

    /// The key of another object, with the date and the stars of this one filled in.
    pub fn sibling(&self, prefix: &str, keys: &Template) -> String {
        format!("{prefix}{}", keys.fill(&self.read))
    }

    /// A backup of a test's choice.
    #[cfg(test)]
    pub(crate) fn made(
        key: &str,
        size: u64,
        modified: Timestamp,
        dated: Option<(Timestamp, Timestamp)>,
    ) -> Self {
        Self { key: key.to_owned(), size, modified, dated, read: Read::default() }
    }

    /// Reads an object; none where it is no backup of these.
    pub(super) fn of(object: Object, wanted: &Wanted<'_>) -> Option<Self> {
        let Object { key, size, modified, etag: _ } = object;
        let name = key.strip_prefix(wanted.prefix)?;
        if wanted.matching.is_some_and(|matching| !matching.regex().is_match(name)) {
            return None;
        }
        let read = wanted.keys.read(name)?;
        let dated = read.stamp.placed(wanted.zone.get());
        Some(Self { key, size, modified, dated, read })
    }
}
