//! Records: human acts and deployments, each a row of JSON with its digest.
//!
//! A flipped byte within a text is nothing that SQLite notices; a waiver that ends a year later
//! would be. So each row bears a digest of its own.

use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::trouble::Trouble;
use crate::model::acts::{Act, Attestation, Maintenance, Waiver};
use crate::model::deployment::Deployment;
use crate::model::pause::Pause;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A rollout that was announced.
    Deployment,
    /// Somebody says that an item holds.
    Attestation,
    /// Somebody took the blame for a failing item.
    Waiver,
    /// A span in which items may fail.
    Maintenance,
    /// A time of which there is no record.
    Pause,
    /// That a daemon recorded; there is one.
    Pulse,
}

/// The last sign that a daemon recorded.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Pulse {
    /// When.
    pub(super) at: Timestamp,
}

impl Kind {
    /// The word in the file.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Attestation => "attestation",
            Self::Waiver => "waiver",
            Self::Maintenance => "maintenance",
            Self::Pause => "pause",
            Self::Pulse => "pulse",
        }
    }
}

/// One of them, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is, in the file's word.
    pub(super) kind: String,
    /// Its name among those of its kind.
    pub(super) id: String,
    /// When it was done or began, in Unix seconds.
    pub(super) at: i64,
    /// All of it.
    pub(super) json: String,
}

impl Record {
    /// A record of anything that can be written as JSON.
    ///
    /// # Errors
    /// It can't be: a defect of Vigie.
    pub(super) fn new(
        kind: Kind,
        id: &str,
        at: Timestamp,
        what: &impl Serialize,
    ) -> serde_json::Result<Self> {
        Ok(Self {
            kind: kind.word().to_owned(),
            id: id.to_owned(),
            at: at.as_second(),
            json: serde_json::to_string(what)?,
        })
    }

    /// A rollout.
    ///
    /// # Errors
    /// It can't be written as JSON: a defect of Vigie.
    pub fn deployment(deployment: &Deployment) -> serde_json::Result<Self> {
        Self::new(Kind::Deployment, &deployment.id, deployment.started, deployment)
    }

    /// A human act, or what became of it.
    ///
    /// # Errors
    /// It can't be written as JSON: a defect of Vigie.
    pub fn act(act: &Act) -> serde_json::Result<Self> {
        match act {
            Act::Attestation(attestation) => Self::attestation(attestation),
            Act::Waiver(waiver) => Self::waiver(waiver),
            Act::Maintenance(span) => Self::maintenance(span),
        }
    }

    pub(super) fn attestation(act: &Attestation) -> serde_json::Result<Self> {
        Self::new(Kind::Attestation, &act.id, act.at, act)
    }

    pub(super) fn waiver(act: &Waiver) -> serde_json::Result<Self> {
        Self::new(Kind::Waiver, &act.id, act.at, act)
    }

    pub(super) fn maintenance(act: &Maintenance) -> serde_json::Result<Self> {
        Self::new(Kind::Maintenance, &act.id, act.at, act)
    }

    pub(super) fn pause(pause: &Pause) -> serde_json::Result<Self> {
        Self::new(Kind::Pause, &pause.from.to_string(), pause.to, pause)
    }

    pub(super) fn pulse(at: Timestamp) -> serde_json::Result<Self> {
        Self::new(Kind::Pulse, "last", at, &Pulse { at })
    }

    /// Whether it tells of what somebody did, and not of the daemon itself.
    pub(super) fn is_of_somebody(&self) -> bool {
        ![Kind::Pause, Kind::Pulse].iter().any(|own| self.kind == own.word())
    }

    fn digest(&self) -> [u8; 8] {
        digest(&[&self.kind, &self.id, &self.json])
    }
}

/// Eight bytes of the digest of some texts: enough to notice what happened by accident.
pub(super) fn digest(texts: &[&str]) -> [u8; 8] {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.len().to_le_bytes());
        hasher.update(text);
    }
    let whole: [u8; 32] = hasher.finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&whole[..8]);
    first
}

/// Writes records in one transaction.
pub(super) fn write(connection: &mut Connection, records: &[Record]) -> Result<(), Trouble> {
    let transaction = connection.transaction()?;
    insert(&transaction, records)?;
    transaction.commit()?;
    Ok(())
}

/// Writes records; who bears the name of one that is there replaces it.
pub(super) fn insert(transaction: &Transaction<'_>, records: &[Record]) -> Result<(), Trouble> {
    let mut insert = transaction.prepare(
        "INSERT INTO record (kind, id, at, json, digest) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (kind, id) DO UPDATE SET at = ?3, json = ?4, digest = ?5",
    )?;
    for record in records {
        let Record { kind, id, at, json } = record;
        insert.execute(params![kind, id, at, json, record.digest()])?;
    }
    Ok(())
}

const ALL: &str = "SELECT kind, id, at, json, digest FROM record ORDER BY at, id";

fn read_row(row: &Row<'_>) -> rusqlite::Result<(Record, Vec<u8>)> {
    let record = Record { kind: row.get(0)?, id: row.get(1)?, at: row.get(2)?, json: row.get(3)? };
    Ok((record, row.get(4)?))
}

/// All records, the oldest first. One with a wrong digest is damage.
pub(super) fn read(connection: &Connection) -> Result<Vec<Record>, Trouble> {
    let mut statement = connection.prepare(ALL)?;
    let mut rows = statement.query([])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let (record, digest) = read_row(row)?;
        if digest != record.digest() {
            let Record { kind, id, .. } = record;
            return Err(Trouble::damaged(&format!("the digest of the {kind} `{id}` is wrong")));
        }
        records.push(record);
    }
    Ok(records)
}

/// Those records that can be read, whatever happens to the others; the oldest first.
pub(super) fn salvage(connection: &Connection) -> Vec<Record> {
    // Not sorted by the file: what can't be read whole is not sorted at all.
    let Ok(mut statement) = connection.prepare("SELECT kind, id, at, json, digest FROM record")
    else {
        return Vec::new();
    };
    let Ok(mut rows) = statement.query([]) else { return Vec::new() };
    let mut records = Vec::new();
    while let Ok(Some(row)) = rows.next() {
        if let Ok((record, digest)) = read_row(row)
            && digest == record.digest()
        {
            records.push(record);
        }
    }
    records.sort_by(|a: &Record, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    records
}

/// Those of a kind, as what they are. One that this version can't read stays in the file.
pub(super) fn of_kind<T: DeserializeOwned>(records: &[Record], kind: Kind) -> Vec<T> {
    let of_kind = records.iter().filter(|record| record.kind == kind.word());
    let read = of_kind.filter_map(|record| {
        let read = serde_json::from_str(&record.json);
        read.inspect_err(|error| {
            let Record { kind, id, .. } = record;
            tracing::error!(%error, "the journal's {kind} `{id}` can't be read by this version");
        })
        .ok()
    });
    read.collect()
}
