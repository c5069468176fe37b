//! What can go wrong with the journal, and what each means for the daemon.

use std::io::ErrorKind;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::model::judgement::legible;

/// The longest that is told of what SQLite said, in characters.
const LONGEST: usize = 300;
/// The longest name of a version that is repeated, in characters.
const LONGEST_VERSION: usize = 40;

/// Why something could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The file is not what it must be: it is moved aside.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
    /// The daemon must not go on with this folder.
    #[error("{0}")]
    Final(String),
    /// It may pass: a full disk, a lost volume.
    #[error("{doing}: {why}")]
    Passing {
        /// What was tried.
        doing: &'static str,
        /// What came of it.
        why: String,
    },
}

impl Trouble {
    /// The file is damaged. What was found may be several lines of SQLite's, or words of the file.
    pub(super) fn damaged(found: &str) -> Self {
        Self::Damaged(one_line(found))
    }

    /// Whether the file has to be moved aside.
    pub(super) const fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }

    /// Whether the daemon must not go on with this folder.
    #[cfg(test)]
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::Final(_))
    }

    /// The file was written by a newer program.
    pub(super) fn newer(schema: usize, known: usize, needs: Option<String>) -> Self {
        let ours = env!("CARGO_PKG_VERSION");
        let needs = needs.map_or_else(
            || "a newer Vigie".to_owned(),
            |version| format!("Vigie {}", legible(&version, LONGEST_VERSION)),
        );
        Self::Final(format!(
            "the journal is of schema {schema}, which {needs} can read; this is Vigie {ours}, which \
             reads up to {known}: run the newer one, or take the copy that it kept of the older file"
        ))
    }

    /// The file is a database of something else.
    pub(super) fn stranger() -> Self {
        Self::Final(
            "the file in the data folder is a database, and none of Vigie's: name another folder"
                .to_owned(),
        )
    }

    /// Another file lies in the journal's place than the one that was read at the start.
    pub(super) fn unread() -> Self {
        Self::Passing {
            doing: "the journal can't be written",
            why: "another file was put in its place, and this daemon has not read that one: start it \
                  anew to go on with that file, or take it away to go on with what is known now"
                .to_owned(),
        }
    }

    /// The folder can't be used: for now, where there is no room; else somebody must do something.
    pub(super) fn unusable(folder: &Path, error: &std::io::Error) -> Self {
        if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            let why = format!("{}: {error}", folder.display());
            return Self::Passing { doing: "the data folder can't be taken", why };
        }
        Self::unwritable(folder, error)
    }

    /// The folder can't be written to.
    fn unwritable(folder: &Path, error: &std::io::Error) -> Self {
        Self::Final(format!(
            "can't write into the data folder {}: {error}; mount a volume there that this user may \
             write to (in Kubernetes a PersistentVolumeClaim, with `fsGroup` in the pod's security \
             context), or leave out --data-dir: then nothing outlives a restart",
            folder.display()
        ))
    }

    /// The same trouble, told with what was tried.
    pub(super) fn while_(self, doing: &'static str) -> Self {
        match self {
            Self::Passing { why, .. } => Self::Passing { doing, why },
            Self::Damaged(_) | Self::Final(_) => self,
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let why = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                return Self::damaged(&error.to_string());
            }
            Some(ErrorCode::DiskFull) => {
                "no room: the disk is full, or the file as large as it may be".to_owned()
            }
            Some(ErrorCode::ReadOnly) => "the file can't be written to".to_owned(),
            _ if is_garbled(&error) => return Self::damaged(&error.to_string()),
            Some(_) | None => one_line(&error.to_string()),
        };
        Self::Passing { doing: "the journal can't be written", why }
    }
}

/// Foreign text as a part of a sentence: SQLite answers in several lines, and repeats statements.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    legible(&words.join(" "), LONGEST)
}

/// Whether the file is not what the program made of it: the tables are strict, so a column of another
/// type, or of no text, is damage; so is a table that is missing.
fn is_garbled(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    ) || lacks_tables(error)
}

/// Whether a table or a column is missing that is there in every file of ours.
pub(super) fn lacks_tables(error: &rusqlite::Error) -> bool {
    let told = if let rusqlite::Error::SqlInputError { msg, .. } = error {
        Some(msg)
    } else if let rusqlite::Error::SqliteFailure(_, told) = error {
        told.as_ref()
    } else {
        None
    };
    told.is_some_and(|told| {
        ["no such table", "no such column", "has no column"].iter().any(|sign| told.contains(sign))
    })
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Self {
        let doing = "what is known can't be written as JSON; this is a defect of Vigie";
        Self::Passing { doing, why: error.to_string() }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Passing { doing: "the data folder can't be used", why: error.to_string() }
    }
}
