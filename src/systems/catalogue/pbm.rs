//! `<name>.pbm.json`: what Percona Backup for MongoDB says about a backup.
//!
//! JSON with the field names of its own program. Unknown fields are left alone; what a backup that
//! is done always has must be there, or it is not believed.

use jiff::Timestamp;
use serde::Deserialize;

use super::shown;
use super::slice::Place;

/// The largest file that is read, in bytes: old ones list every file of a backup.
pub const LARGEST: u64 = 4 << 20;
/// The most replica sets of a backup.
const MOST_REPLICA_SETS: usize = 1_000;

/// What is said about a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// How far it got.
    pub status: Status,
    /// Of what kind it is.
    pub kind: Kind,
    /// The backup that it is an increment of.
    pub source: Option<String>,
    /// Whether it holds some collections only.
    pub selective: bool,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When its status last changed.
    pub changed: Option<Timestamp>,
    /// The place in the oplog that it restores to.
    pub restores_to: Option<Place>,
    /// Its size as PBM counts it, in bytes.
    pub size: Option<u64>,
    /// Why it did not complete.
    pub error: Option<String>,
    /// The replica sets that it is of.
    pub replica_sets: Vec<String>,
    /// The version of MongoDB.
    pub mongodb: Option<String>,
    /// The bucket and the prefix that it was written to.
    pub store: Option<(String, String)>,
}

/// How far a backup got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is complete.
    Done,
    /// It is under way.
    Running,
    /// It broke off, or was cancelled.
    Failed,
}

/// Of what kind a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A dump.
    Logical,
    /// The files of the database.
    Physical,
    /// Files, or what changed in them since another backup.
    Incremental,
    /// Whatever another tool copied, outside of the store.
    External,
}

#[derive(Deserialize)]
struct Wire {
    name: Option<String>,
    status: Option<String>,
    r#type: Option<String>,
    src_backup: Option<String>,
    nss: Option<Vec<String>>,
    start_ts: Option<i64>,
    last_transition_ts: Option<i64>,
    last_write_ts: Option<WirePlace>,
    size: Option<i64>,
    error: Option<String>,
    replsets: Option<Vec<WireSet>>,
    mongodb_version: Option<String>,
    store: Option<WireStore>,
}

#[derive(Deserialize)]
struct WirePlace {
    #[serde(rename = "T")]
    second: u32,
    #[serde(rename = "I", default)]
    count: u32,
}

#[derive(Deserialize)]
struct WireSet {
    name: Option<String>,
    status: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct WireStore {
    s3: Option<WireBucket>,
    minio: Option<WireBucket>,
}

#[derive(Deserialize)]
struct WireBucket {
    bucket: Option<String>,
    prefix: Option<String>,
}

impl Metadata {
    /// Reads the file of the backup of this name.
    ///
    /// # Errors
    /// A sentence that says why it can't be believed.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > LARGEST {
            return Err("it is larger than 4 MiB".to_owned());
        }
        let wire: Wire = serde_json::from_slice(bytes)
            .map_err(|error| format!("it is not what PBM writes: {}", shown(&error.to_string())))?;
        if wire.name.as_deref() != Some(name) {
            return Err("it is not about the backup that it is named after".to_owned());
        }
        let status = status(wire.status.as_deref().ok_or("it says no `status`")?);
        let sets = wire.replsets.unwrap_or_default();
        if sets.len() > MOST_REPLICA_SETS {
            return Err(format!("it is of over {MOST_REPLICA_SETS} replica sets"));
        }
        if status == Status::Done {
            whole(&sets)?;
        }
        let of_sets = sets.iter().find_map(|set| set.error.clone().filter(|text| !text.is_empty()));
        let error = wire.error.filter(|text| !text.is_empty()).or(of_sets);
        let selected = wire.nss.unwrap_or_default();
        let store = wire.store.and_then(|store| store.s3.or(store.minio));
        let metadata = Self {
            status,
            kind: kind(wire.r#type.as_deref().ok_or("it says no `type`")?)?,
            source: wire.src_backup.filter(|source| !source.is_empty()),
            selective: selected.iter().any(|namespace| namespace != "*.*"),
            began: time(wire.start_ts),
            changed: time(wire.last_transition_ts),
            restores_to: wire
                .last_write_ts
                .filter(|place| place.second > 0)
                .map(|place| (i64::from(place.second), place.count)),
            size: wire.size.and_then(|size| u64::try_from(size).ok()).filter(|size| *size > 0),
            error: error.as_deref().map(shown),
            replica_sets: sets.into_iter().filter_map(|set| set.name).collect(),
            mongodb: wire.mongodb_version,
            store: store.and_then(|store| Some((store.bucket?, store.prefix.unwrap_or_default()))),
        };
        if status == Status::Done && (metadata.restores_to.is_none() || metadata.changed.is_none())
        {
            return Err("it is done and does not say up to when".to_owned());
        }
        Ok(metadata)
    }
}

/// Whether all replica sets of a backup that is done are.
fn whole(sets: &[WireSet]) -> Result<(), String> {
    if sets.is_empty() {
        return Err("it is done and of no replica set".to_owned());
    }
    for set in sets {
        let name = set.name.as_deref().ok_or("it is of a replica set without a name")?;
        if set.status.as_deref() != Some("done") {
            return Err(format!("it is done, and its replica set `{}` is not", shown(name)));
        }
    }
    Ok(())
}

/// PBM's own program holds whatever it does not know for running.
fn status(word: &str) -> Status {
    match word {
        "done" => Status::Done,
        "error" | "canceled" => Status::Failed,
        _ => Status::Running,
    }
}

fn kind(word: &str) -> Result<Kind, String> {
    match word {
        "logical" => Ok(Kind::Logical),
        "physical" => Ok(Kind::Physical),
        "incremental" => Ok(Kind::Incremental),
        "external" => Ok(Kind::External),
        other => Err(format!("its type `{}` is not known", shown(other))),
    }
}

fn time(second: Option<i64>) -> Option<Timestamp> {
    second.filter(|second| *second > 0).and_then(|second| Timestamp::from_second(second).ok())
}

#[cfg(test)]
mod tests;
