//! Layout `pbm`: what Percona Backup for MongoDB writes, backups and slices of the oplog.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::copies::{Broken, Copies, Copy, Fault, since};
use super::encryption::Told;
use super::parameters::MaxAge;
use super::reasons::{NO_BACKUP, STORE_DIFFERS};
use super::{Backup, Look, attempts, encryption, oplog};
use crate::model::counted::counted;
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Judgement, legible};
use crate::systems::catalogue::pbm::{Kind, Metadata, Status};
use crate::systems::s3::Store;
use crate::systems::s3::pbm::{Catalogue, Entry};
use crate::systems::s3::slices::{self, Oplogs};

/// Backups of MongoDB and slices of its oplog, as Percona Backup for MongoDB writes them below
/// `prefix`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pbm {
    /// How old the newest slice of the oplog may be, where point-in-time recovery is on; then slices
    /// must go on without a gap from the newest complete backup, for each of its replica sets.
    /// Default: slices are not looked at.
    #[serde(default)]
    pub(super) oplog_age: Option<MaxAge>,
}

/// What was seen of backups and oplogs.
#[derive(Debug)]
pub(super) struct Seen {
    catalogue: Arc<Catalogue>,
    /// The oplogs since the newest complete backup; none where they are not asked for.
    oplogs: Option<Result<Arc<Oplogs>, Obstacle>>,
    told: Vec<Told>,
}

impl Pbm {
    /// What is wrong with the parameters.
    pub(super) fn flaws(&self) -> Vec<String> {
        let Some(age) = self.oplog_age else { return Vec::new() };
        let mut flaws: Vec<_> = age.flaw("oplog_age").into_iter().collect();
        if age.fail.is_none() {
            flaws.push("`oplog_age` has no `fail`: write `oplog_age: { fail: 30m }`".to_owned());
        }
        flaws
    }

    /// Reads the catalogue, then the oplogs since the newest complete backup.
    pub(super) async fn observe(
        &self,
        check: &Backup,
        store: &Store<'_>,
        look: &Look<'_>,
    ) -> Result<Option<Seen>, Obstacle> {
        let (bucket, prefix) = (check.bucket.as_str(), check.prefix.as_str());
        let Some(catalogue) = store.pbm(bucket, prefix).await? else { return Ok(None) };
        let mut keys = Vec::new();
        let mut oplogs = None;
        if let Some((entry, metadata)) = newest(&catalogue, look.now) {
            if check.encrypted.is_some() {
                keys.push(format!("{prefix}{}.pbm.json", entry.name));
                let folder = format!("{prefix}{}/", entry.name);
                keys.extend(store.first(bucket, &folder).await?);
            }
            let from = metadata.restores_to.and_then(|(at, _)| Timestamp::from_second(at).ok());
            if let Some(from) = from.filter(|_| self.oplog_age.is_some()) {
                let most_requests = check.max_requests.0;
                let wanted = slices::Wanted { bucket, prefix, from, most_requests };
                match store.slices(&wanted).await {
                    Ok(None) => return Ok(None),
                    Ok(Some(read)) => {
                        keys.extend(read.sets.values().find_map(|set| set.newest.clone()));
                        oplogs = Some(Ok(read));
                    }
                    Err(obstacle) => oplogs = Some(Err(obstacle)),
                }
            }
        }
        let mut told = Vec::new();
        if check.encrypted.is_some() {
            told = encryption::ask(check, store, keys).await;
        }
        Ok(Some(Seen { catalogue, oplogs, told }))
    }

    /// What is said of them alone; the rest is common to all layouts.
    pub(super) fn judge(
        &self,
        check: &Backup,
        seen: &Seen,
        now: Timestamp,
        judgement: &mut Judgement,
    ) -> Copies {
        let Seen { catalogue, oplogs, told } = seen;
        let by_name = by_name(catalogue);
        let (mut complete, mut broken) = (Vec::new(), Vec::new());
        for entry in &catalogue.backups {
            match sorted(entry, &by_name, check.period.0, now) {
                Sorted::Complete(copy) => complete.push(copy),
                Sorted::Broken(one) => broken.push(one),
                Sorted::LeftOut => {}
            }
        }
        let oplog_requests = oplogs.iter().flatten().map(|oplogs| oplogs.requests).sum::<u32>();
        let copies = Copies::all(complete, catalogue.requests + oplog_requests);
        if copies.newest.is_empty() {
            let because = format!(
                "no complete backup of whole replica sets is in {}, among {}",
                check.place(),
                counted(catalogue.backups.len(), "name")
            );
            judgement.add("", Finding::fail(NO_BACKUP, because));
        }
        attempts::judge(check, copies.last(now), &broken, judgement);
        if let Some((entry, metadata)) = newest(catalogue, now) {
            if let Some(elsewhere) = elsewhere(check, entry, metadata) {
                judgement.add("store", elsewhere);
            }
            if let Some((oplogs, limits)) = oplogs.as_ref().zip(self.oplog_age) {
                oplog::judge(check, limits, oplogs, metadata, now, judgement);
            }
            encryption::judge(check, told, judgement);
        }
        copies
    }
}

type ByName<'a> = BTreeMap<&'a str, (&'a Entry, &'a Metadata)>;

fn by_name(catalogue: &Catalogue) -> ByName<'_> {
    let read = catalogue.backups.iter();
    read.filter_map(|entry| Some((entry.name.as_str(), (entry, told(entry)?)))).collect()
}

fn told(entry: &Entry) -> Option<&Metadata> {
    entry.info.as_deref()?.as_ref().ok()
}

/// The newest complete backup whose time has come.
fn newest(catalogue: &Catalogue, now: Timestamp) -> Option<(&Entry, &Metadata)> {
    let by_name = by_name(catalogue);
    let complete = catalogue.backups.iter().filter_map(|entry| Some((entry, told(entry)?)));
    complete
        .filter(|(entry, metadata)| {
            is_whole(metadata)
                && missing(entry, metadata, &by_name).is_none()
                && !copy_of(entry, metadata).is_ahead(now)
        })
        .max_by_key(|(_, metadata)| metadata.changed)
}

/// Whether all of the database is in it, and in the store.
fn is_whole(metadata: &Metadata) -> bool {
    metadata.status == Status::Done && !metadata.selective && metadata.kind != Kind::External
}

/// What is missing of a backup that is said to be complete.
fn missing(entry: &Entry, metadata: &Metadata, by_name: &ByName<'_>) -> Option<String> {
    if !entry.folder {
        return Some("it is said to be complete, and its folder is not there".to_owned());
    }
    let mut source = metadata.source.as_deref();
    // A chain is no longer than there are backups; one that goes round ends there, too.
    for _ in 0..=by_name.len() {
        let name = source?;
        let is_there =
            |(entry, before): &&(&Entry, &Metadata)| entry.folder && before.status == Status::Done;
        let Some((_, before)) = by_name.get(name).filter(is_there) else {
            let name = legible(name, 100);
            return Some(format!(
                "it is an increment of `{name}`, which is not there, or not whole"
            ));
        };
        source = before.source.as_deref();
    }
    Some("it is an increment of itself".to_owned())
}

/// What a name of the catalogue amounts to.
enum Sorted {
    Complete(Copy),
    Broken(Broken),
    LeftOut,
}

fn sorted(entry: &Entry, by_name: &ByName<'_>, period: Period, now: Timestamp) -> Sorted {
    let broken =
        |what, because: String| Sorted::Broken(Broken { name: entry.name.clone(), what, because });
    let metadata = match entry.info.as_deref() {
        Some(Ok(metadata)) => metadata,
        Some(Err(why)) => {
            return broken(Fault::Unreadable, format!("its metadata can't be believed: {why}"));
        }
        None => return unfinished(entry, None, period, now),
    };
    match metadata.status {
        Status::Done if !is_whole(metadata) => Sorted::LeftOut,
        Status::Done => match missing(entry, metadata, by_name) {
            Some(why) => broken(Fault::DataMissing, why),
            None => Sorted::Complete(copy_of(entry, metadata)),
        },
        Status::Failed => {
            let why = metadata.error.as_deref().unwrap_or("no reason is given");
            broken(Fault::Failed, format!("broke off: {why}"))
        }
        Status::Running => unfinished(entry, metadata.changed, period, now),
    }
}

/// PBM writes metadata at the end: without them a backup is under way, or broke off.
fn unfinished(entry: &Entry, changed: Option<Timestamp>, period: Period, now: Timestamp) -> Sorted {
    let asked = entry.name.parse().ok();
    let last = [asked, changed, entry.modified].into_iter().flatten().max();
    let idle = last.map(|last| since(last, now));
    match idle {
        Some(idle) if idle > period.get() => {
            let because = format!("did not end within {} of its beginning", spoken(idle));
            Sorted::Broken(Broken { name: entry.name.clone(), what: Fault::Failed, because })
        }
        _ => Sorted::LeftOut,
    }
}

fn copy_of(entry: &Entry, metadata: &Metadata) -> Copy {
    // What is done has both; see `Metadata::read`.
    let restores = metadata.restores_to.and_then(|(at, _)| Timestamp::from_second(at).ok());
    let ended = metadata.changed.or(restores).unwrap_or(Timestamp::MIN);
    let taken = restores.unwrap_or(ended);
    let name = entry.name.clone();
    Copy { name, taken, ended, latest: ended.max(taken), size: metadata.size, pinned: false }
}

/// The newest backup says that it was written to another place: it is a copy, and what runs now may
/// write elsewhere.
fn elsewhere(check: &Backup, entry: &Entry, metadata: &Metadata) -> Option<Finding> {
    let (bucket, prefix) = metadata.store.as_ref()?;
    let here = (check.bucket.as_str(), check.prefix.trim_matches('/'));
    ((bucket.as_str(), prefix.trim_matches('/')) != here).then(|| {
        let place = legible(&format!("{bucket}/{prefix}"), 200);
        let because = format!(
            "`{}` says that it was written to `{place}`, and lies in {}: it is a copy",
            entry.name,
            check.place()
        );
        Finding::warn(STORE_DIFFERS, because)
    })
}

#[cfg(test)]
mod tests;
