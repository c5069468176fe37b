//! Copies: the complete backups that a look saw, whatever their layout.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::judgement::legible;
use crate::model::reason::CLOCK_TOLERANCE;

/// The most characters of a key in a sentence.
const LONGEST_KEY: usize = 200;

/// A complete backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    /// Its key, or its name in the catalogue.
    pub name: String,
    /// What it restores to, to be on the safe side.
    pub taken: Timestamp,
    /// When it was complete, as far as anybody tells.
    pub ended: Timestamp,
    /// The latest time that it claims.
    pub latest: Timestamp,
    /// Its size in bytes, where that is told.
    pub size: Option<u64>,
    /// Whether somebody asked for it to be kept for ever.
    pub pinned: bool,
}

impl Copy {
    /// Whether it claims a time that has not come.
    pub(super) fn is_ahead(&self, now: Timestamp) -> bool {
        self.latest.duration_since(now) > CLOCK_TOLERANCE
    }

    /// Its name, for sentences.
    pub(super) fn shown(&self) -> String {
        shown(&self.name)
    }
}

/// The complete backups that were seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Copies {
    /// As many as were looked for, the newest first.
    pub newest: Vec<Copy>,
    /// The oldest that nobody asked to keep for ever, where it could be told.
    pub oldest: Option<Copy>,
    /// How many there are, where all were seen.
    pub count: Option<u64>,
    /// What it cost, in requests.
    pub requests: u32,
}

impl Copies {
    /// All that there are, in any order.
    pub(super) fn all(mut copies: Vec<Copy>, requests: u32) -> Self {
        copies.sort_by_key(|copy| std::cmp::Reverse(copy.ended));
        let oldest = copies.iter().rev().find(|copy| !copy.pinned).cloned();
        let count = Some(copies.len() as u64);
        Self { newest: copies, oldest, count, requests }
    }

    /// The newest whose time has come.
    pub(super) fn last(&self, now: Timestamp) -> Option<&Copy> {
        self.newest.iter().find(|copy| !copy.is_ahead(now))
    }
}

/// A backup that is none: it broke off, or something of it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Its name in the catalogue, by which backups sort in time.
    pub name: String,
    /// What is wrong.
    pub what: Fault,
    /// A sentence that says so.
    pub because: String,
}

/// What is wrong with a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It broke off, or did not end.
    Failed,
    /// What is said about it can't be believed.
    Unreadable,
    /// Something of it is not there.
    DataMissing,
}

/// A foreign name, for sentences.
pub(super) fn shown(name: &str) -> String {
    legible(name, LONGEST_KEY)
}

/// How long ago; nothing for what lies ahead.
pub(super) fn since(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then).try_into().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "figures for panels and for a ratio")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}
