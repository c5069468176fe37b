//! Layout `barman`: what barman-cloud and `CloudNativePG` write, base backups and log apart.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::copies::{Broken, Copies, Copy, Fault, since};
use super::encryption::Told;
use super::reasons::NO_BACKUP;
use super::{Backup, Look, attempts, encryption, log};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::zone::Zone;
use crate::systems::catalogue::backup_info::{BackupInfo, Status};
use crate::systems::s3::Store;
use crate::systems::s3::barman::{Archived, Catalogue, Entry, Wanted};
use crate::systems::s3::wals::{self, Wals};

/// Base backups of PostgreSQL and its log, as barman-cloud and `CloudNativePG` write them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Barman {
    /// The name of the server: the folder after `prefix` that holds `base/` and `wals/`. For
    /// `CloudNativePG` that is `serverName`, or the name of the Cluster.
    pub(super) server: String,
    /// In which time zone times in `backup.info` are meant that bear none. Default `UTC`.
    #[serde(default)]
    timezone: Zone,
    /// How old the newest archived segment of the log may be.
    #[serde(default)]
    pub(super) log_age: LogAge,
}

/// How old the newest archived segment of the log may be.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogAge {
    /// Older warns. Default: nothing does.
    #[serde(default)]
    pub(super) warn: Option<Period>,
    /// Older fails. Default `1h`; longer than PostgreSQL's `archive_timeout`, which a database that
    /// nobody writes to may exceed.
    #[serde(default)]
    pub(super) fail: LogFails,
}

/// The age of the log that fails. Default one hour.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct LogFails(pub(super) Period);

impl Default for LogFails {
    fn default() -> Self {
        Self(Period::from_secs(3_600))
    }
}

/// What was seen of base backups and their log.
#[derive(Debug)]
pub(super) struct Seen {
    catalogue: Arc<Catalogue>,
    /// The log since the newest complete backup; none where there is no such backup.
    wals: Option<Result<Arc<Wals>, Obstacle>>,
    told: Vec<Told>,
}

impl Barman {
    /// What is wrong with the parameters.
    pub(super) fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.server.is_empty() || self.server.contains('/') {
            flaws.push("`server` is the name of one folder, without a slash".to_owned());
        }
        let LogAge { warn, fail: LogFails(fail) } = self.log_age;
        if let Some(warn) = warn.filter(|warn| *warn >= fail) {
            flaws.push(format!("`log_age`: `warn` ({warn}) is not below `fail` ({fail})"));
        }
        flaws
    }

    /// Reads the catalogue, then the log since the newest complete backup.
    pub(super) async fn observe(
        &self,
        check: &Backup,
        store: &Store<'_>,
        look: &Look<'_>,
    ) -> Result<Option<Seen>, Obstacle> {
        let (bucket, server) = (check.bucket.as_str(), check.root());
        let wanted = Wanted { bucket, server: &server, zone: &self.timezone };
        let Some(catalogue) = store.barman(&wanted).await? else { return Ok(None) };
        let newest = newest(&catalogue, look.now);
        let mut keys: Vec<String> =
            newest.iter().filter_map(|(entry, _)| entry.archive.clone()).collect();
        let mut wals = None;
        if let Some((first, size)) = newest.and_then(|(_, info)| info.log.zip(info.segment_size)) {
            let (first, _) = first;
            let most_requests = check.max_requests.0;
            let wanted = wals::Wanted { bucket, server: &server, first, size, most_requests };
            match store.wals(&wanted).await {
                Ok(None) => return Ok(None),
                Ok(Some(read)) => {
                    keys.extend(read.newest_key.clone());
                    wals = Some(Ok(read));
                }
                Err(obstacle) => wals = Some(Err(obstacle)),
            }
        }
        let mut told = Vec::new();
        if check.encrypted.is_some() {
            told = encryption::ask(check, store, keys).await;
        }
        Ok(Some(Seen { catalogue, wals, told }))
    }

    /// What is said of them alone; the rest is common to all layouts.
    pub(super) fn judge(
        &self,
        check: &Backup,
        seen: &Seen,
        now: Timestamp,
        judgement: &mut Judgement,
    ) -> Copies {
        let Seen { catalogue, wals, told } = seen;
        let (mut complete, mut broken) = (Vec::new(), Vec::new());
        for entry in &catalogue.backups {
            match sorted(entry, check.period.0, now) {
                Sorted::Complete(copy) => complete.push(copy),
                Sorted::Broken(one) => broken.push(one),
                Sorted::UnderWay => {}
            }
        }
        let wal_requests = wals.iter().flatten().map(|wals| wals.requests).sum::<u32>();
        let copies = Copies::all(complete, catalogue.requests + wal_requests);
        if copies.newest.is_empty() {
            let place = check.place();
            let place = place.trim_end_matches('`');
            let among = match catalogue.backups.len() {
                0 => "it has no folders".to_owned(),
                1 => "it has one folder".to_owned(),
                count => format!("it has {count} folders"),
            };
            let because = format!("no complete base backup is in {place}base/`: {among}");
            judgement.add("", Finding::fail(NO_BACKUP, because));
        }
        attempts::judge(check, copies.last(now), &broken, judgement);
        if let Some(wals) = wals {
            let newest = newest(catalogue, now).map(|(_, info)| info);
            log::judge(check, self, wals, newest, now, judgement);
        }
        if !copies.newest.is_empty() {
            encryption::judge(check, told, judgement);
        }
        if let Some((entry, _)) = newest(catalogue, now).filter(|(_, info)| info.snapshots) {
            encryption::outside(check, &entry.id, judgement);
        }
        copies
    }
}

/// The newest complete backup whose time has come.
fn newest(catalogue: &Catalogue, now: Timestamp) -> Option<(&Entry, &BackupInfo)> {
    let complete = catalogue.backups.iter().filter_map(|entry| Some((entry, complete(entry)?)));
    complete
        .filter(|(_, info)| !copy_of("", info, None, false).is_ahead(now))
        .max_by_key(|(_, info)| info.ended)
}

/// What is said about a backup that is complete, and whose data are there.
fn complete(entry: &Entry) -> Option<&BackupInfo> {
    let info = entry.info.as_deref()?.as_ref().ok()?;
    (info.status == Status::Done && lacks(entry, info).is_none()).then_some(info)
}

/// Which archive is not there, as far as the listing showed: a backup is nothing without that of the
/// database, and of each of its tablespaces.
fn lacks(entry: &Entry, info: &BackupInfo) -> Option<String> {
    if info.snapshots {
        return None;
    }
    let Some(archives) = &entry.archives else {
        return entry.archive.is_none().then(|| "data".to_owned());
    };
    let of = ["data".to_owned()].into_iter().chain(info.tablespaces.iter().map(u32::to_string));
    of.into_iter().find(|of| !archives.get(of).is_some_and(Archived::is_whole))
}

/// The bytes of a backup, as far as anybody tells.
fn size(entry: &Entry, info: &BackupInfo) -> Option<u64> {
    if info.snapshots {
        return info.size.filter(|size| *size > 0);
    }
    let archives = entry.archives.as_ref()?;
    Some(archives.values().fold(0, |sum, archived| sum.saturating_add(archived.bytes)))
}

/// What a folder of the catalogue amounts to.
enum Sorted {
    Complete(Copy),
    Broken(Broken),
    UnderWay,
}

fn sorted(entry: &Entry, period: Period, now: Timestamp) -> Sorted {
    let broken =
        |what, because: String| Sorted::Broken(Broken { name: entry.id.clone(), what, because });
    let info = match entry.info.as_deref() {
        Some(Ok(info)) => Some(info),
        Some(Err(why)) => {
            return broken(Fault::Unreadable, format!("its backup.info can't be believed: {why}"));
        }
        None => None,
    };
    match info.map(|info| (info, info.status)) {
        Some((info, Status::Done)) => match lacks(entry, info) {
            None => Sorted::Complete(copy_of(&entry.id, info, size(entry, info), entry.kept)),
            Some(of) => broken(
                Fault::DataMissing,
                format!(
                    "it is said to be complete, and its {of}.tar is not there, empty, or without \
                     one of its parts"
                ),
            ),
        },
        Some((info, Status::Failed)) => {
            let why = info.error.as_deref().unwrap_or("no reason is given");
            broken(Fault::Failed, format!("broke off: {why}"))
        }
        Some((_, Status::Started | Status::WaitingForWals | Status::Syncing | Status::Empty))
        | None => {
            let began = info.and_then(|info| info.began);
            let last = began.map_or(entry.modified, |began| began.max(entry.modified));
            let idle = since(last, now);
            if idle <= period.get() {
                return Sorted::UnderWay;
            }
            broken(
                Fault::Failed,
                format!("did not end, and nothing was written for {}", spoken(idle)),
            )
        }
    }
}

fn copy_of(id: &str, info: &BackupInfo, size: Option<u64>, pinned: bool) -> Copy {
    // A complete one has both; see `BackupInfo::read`.
    let ended = info.ended.or(info.began).unwrap_or(Timestamp::MIN);
    Copy { name: id.to_owned(), taken: ended, ended, latest: ended, size, pinned }
}

#[cfg(test)]
mod tests;
