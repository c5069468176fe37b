//! The catalogue of barman and barman-cloud: `<server>/base/<id>/backup.info` and what lies beside.
//!
//! `base/` is read apart from `wals/`. Its first page often shows everything there is: what each
//! backup is made of, and what changed. Where it does not, the folders are listed, and each by
//! itself: requests grow with the number of backups, never with that of objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::page::{Ask, Bucket, Object};
use super::search::NOT_LISTABLE;
use super::trouble::Trouble;
use super::{Store, found};
use crate::model::finding::Obstacle;
use crate::model::zone::Zone;
use crate::systems::catalogue::backup_info::{BackupInfo, LARGEST};

/// The most backups that are read.
pub(super) const MOST_BACKUPS: usize = 2_000;
/// How many questions are under way at a time.
pub(super) const AT_ONCE: usize = 8;
/// The name of what barman says about a backup.
const INFO: &str = "backup.info";

/// What is said about a backup: an error is a sentence that says why it can't be believed.
pub type Info = Result<BackupInfo, String>;

/// All backups of a server, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The backups.
    pub backups: Vec<Entry>,
    /// What it cost, in requests.
    pub requests: u32,
}

/// A folder of the catalogue: a backup, or what is left of one.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name: when it began, by the clock of the host.
    pub id: String,
    /// What barman says about it; none where there is no such file.
    pub info: Option<Arc<Info>>,
    /// Its archives by what they are of, `data` or the number of a tablespace; none where not all
    /// could be seen.
    pub archives: Option<BTreeMap<String, Archived>>,
    /// An archive, for questions about how it is kept.
    pub archive: Option<String>,
    /// When the newest of its objects was written.
    pub modified: Timestamp,
    /// Whether somebody asked for it to be kept for ever.
    pub kept: bool,
}

/// The archives of the database, or of a tablespace of it: `data.tar`, `data_0001.tar` …
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Archived {
    /// Their bytes together.
    pub bytes: u64,
    /// How many there are.
    parts: u32,
    /// The number of the last one, from 0 on.
    last: u32,
}

impl Archived {
    /// So many parts, one after the other, and their bytes together.
    pub fn of(parts: u32, bytes: u64) -> Self {
        Self { bytes, parts, last: parts.saturating_sub(1) }
    }

    fn add(&mut self, part: u32, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.parts += 1;
        self.last = self.last.max(part);
    }

    /// Whether all parts up to the last one are there, and something is in them. That parts after
    /// it are missing nobody can see.
    pub fn is_whole(&self) -> bool {
        self.bytes > 0 && u64::from(self.parts) == u64::from(self.last) + 1
    }
}

/// A catalogue to read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The folder of the server, with a slash at its end.
    pub server: &'a str,
    /// In which zone times are meant that bear none.
    pub zone: &'a Zone,
}

impl Store<'_> {
    /// All backups of a server; none where there is no such bucket.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn barman(&self, wanted: &Wanted<'_>) -> Result<Option<Arc<Catalogue>>, Obstacle> {
        let Wanted { bucket, server, zone } = *wanted;
        let question = self.question([bucket, server, zone.name()].map(str::to_owned).to_vec());
        let read = || async { found(Reading { store: self, wanted, spent: 0 }.run().await) };
        let look = self.s3.kept.barman.ask(question, self.patience.fresh_within, read);
        self.within(bucket).of(look.boxed()).await
    }
}

/// A catalogue being read.
struct Reading<'s, 'a> {
    store: &'s Store<'a>,
    wanted: &'s Wanted<'s>,
    spent: u32,
}

/// The objects of one folder, and whether all are among them.
#[derive(Default)]
struct Folder {
    objects: Vec<Object>,
    more: bool,
}

impl Reading<'_, '_> {
    async fn run(mut self) -> Result<Catalogue, Trouble> {
        let base = format!("{}base/", self.wanted.server);
        let bucket = self.store.bucket(self.wanted.bucket);
        self.spent += 1;
        let page = bucket.page(&Ask { prefix: &base, ..Ask::default() }).await?;
        let folders = match page.more {
            None => by_folder(page.objects, &base),
            Some(_) => self.each(&bucket, &base).await?,
        };
        let backups = self.entries(&bucket, &base, folders).await?;
        Ok(Catalogue { backups, requests: self.spent })
    }

    /// Each folder by itself, one page of it.
    async fn each(
        &mut self,
        bucket: &Bucket<'_>,
        base: &str,
    ) -> Result<BTreeMap<String, Folder>, Trouble> {
        let (names, spent) = folders(bucket, base).await?;
        self.spent += spent + u32::try_from(names.len()).unwrap_or(u32::MAX);
        let pages = names.into_iter().map(|name| async move {
            let page = bucket.page(&Ask { prefix: &name, ..Ask::default() }).await?;
            let id = name[base.len()..].trim_end_matches('/').to_owned();
            let folder = Folder { objects: page.objects, more: page.more.is_some() };
            Ok::<_, Trouble>((id, folder))
        });
        stream::iter(pages).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn entries(
        &mut self,
        bucket: &Bucket<'_>,
        base: &str,
        folders: BTreeMap<String, Folder>,
    ) -> Result<Vec<Entry>, Trouble> {
        if folders.len() > MOST_BACKUPS {
            return Err(too_many(bucket).into());
        }
        let zone = self.wanted.zone;
        let kept = &self.store.s3.kept.barman_infos;
        let place = self.store.folder(&[self.wanted.bucket, base, zone.name()]);
        let place = &place;
        let read = folders.into_iter().map(|(id, folder)| async move {
            let info = format!("{base}{id}/{INFO}");
            let (mut entry, object) = entry(id, folder, &info);
            let Some(object) = object else { return Ok((entry, None, 0)) };
            let read = |bytes: &[u8]| BackupInfo::read(bytes, zone.get());
            let file = (place, entry.id.as_str());
            let (info, spent) = kept.read(bucket, file, &object, LARGEST, read).await?;
            entry.info = info;
            Ok::<_, Trouble>((entry, object.etag, spent))
        });
        let read: Vec<(Entry, Option<String>, u32)> =
            stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        let known = read.iter().filter_map(|(entry, etag, _)| {
            let (info, etag) = entry.info.as_ref().zip(etag.as_ref())?;
            Some((entry.id.clone(), (etag.clone(), Arc::clone(info))))
        });
        kept.keep(place.clone(), known.collect());
        self.spent += read.iter().map(|(_, _, spent)| spent).sum::<u32>();
        Ok(read.into_iter().map(|(entry, _, _)| entry).collect())
    }
}

/// The folders below a place, and what it cost to list them.
async fn folders(bucket: &Bucket<'_>, base: &str) -> Result<(Vec<String>, u32), Trouble> {
    let mut ask = Ask { prefix: base, folders: true, ..Ask::default() };
    let (mut folders, mut spent) = (Vec::new(), 0);
    loop {
        spent += 1;
        let page = bucket.page(&ask).await?;
        folders.extend(page.folders);
        if folders.len() > MOST_BACKUPS {
            return Err(too_many(bucket).into());
        }
        let Some(more) = page.more else { return Ok((folders, spent)) };
        let (after, token) = (Some(more.after), more.token);
        ask = Ask { prefix: base, folders: true, after, token, ..Ask::default() };
    }
}

/// There are more backups than anybody keeps.
pub(super) fn too_many(bucket: &Bucket<'_>) -> Obstacle {
    let because = format!("{}: over {MOST_BACKUPS} backups, which are too many", bucket.doing);
    Obstacle::new(NOT_LISTABLE, because)
}

/// Objects by the folder that they lie in.
fn by_folder(objects: Vec<Object>, base: &str) -> BTreeMap<String, Folder> {
    let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
    for object in objects {
        if let Some((id, _)) = object.key[base.len()..].split_once('/') {
            folders.entry(id.to_owned()).or_default().objects.push(object);
        }
    }
    folders
}

/// A backup by its objects, and the object that holds what is said about it.
fn entry(id: String, folder: Folder, info: &str) -> (Entry, Option<Object>) {
    let Folder { objects, more } = folder;
    let kept = info.replace(INFO, "annotations/keep");
    let mut entry = Entry {
        id,
        info: None,
        archives: None,
        archive: None,
        modified: Timestamp::MIN,
        kept: false,
    };
    let (mut archives, mut told) = (BTreeMap::<String, Archived>::new(), None);
    for object in objects {
        entry.modified = entry.modified.max(object.modified);
        if object.key == info {
            told = Some(object);
        } else if object.key == kept {
            entry.kept = true;
        } else if let Some((of, part)) = archive(object.key.rsplit('/').next().unwrap_or_default())
        {
            archives.entry(of.to_owned()).or_default().add(part, object.size);
            entry.archive.get_or_insert(object.key);
        }
    }
    entry.archives = (!more).then_some(archives);
    (entry, told)
}

/// `data.tar`, `data_0001.tar.gz`, `16387.tar.snappy`: the database, or a tablespace of it; and
/// which part.
fn archive(name: &str) -> Option<(&str, u32)> {
    let (stem, end) = name.split_once('.')?;
    let (of, part) = stem.split_once('_').unwrap_or((stem, "0"));
    let data = of == "data" || of.bytes().all(|digit| digit.is_ascii_digit());
    let known = data && !of.is_empty() && (end == "tar" || end.starts_with("tar."));
    known.then(|| Some((of, part.parse().ok()?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_told_from_what_lies_beside_them() {
        for (name, read) in [
            ("data.tar", ("data", 0)),
            ("data.tar.gz", ("data", 0)),
            ("data_0001.tar", ("data", 1)),
            ("16387.tar.snappy", ("16387", 0)),
        ] {
            assert_eq!(archive(name), Some(read), "{name}");
        }
        for name in
            ["backup.info", "data", "keep", ".tar", "data.zip", "database.tar", "data_x.tar"]
        {
            assert_eq!(archive(name), None, "{name}");
        }
    }

    #[test]
    fn archives_are_whole_from_the_first_part_to_the_last() {
        let archived = |parts: &[(u32, u64)]| {
            let mut archived = Archived::default();
            for (part, bytes) in parts {
                archived.add(*part, *bytes);
            }
            archived.is_whole()
        };
        assert!(archived(&[(0, 1)]) && archived(&[(0, 1), (1, 0), (2, 5)]));
        assert!(!archived(&[]) && !archived(&[(0, 0)]));
        assert!(!archived(&[(1, 5)]) && !archived(&[(0, 5), (2, 5)]));
    }

    #[test]
    fn a_backup_is_put_together_from_its_objects() {
        let object = |name: &str, size| Object {
            key: format!("pg/base/20260315T021500/{name}"),
            size,
            modified: Timestamp::UNIX_EPOCH,
            etag: None,
        };
        let objects = vec![
            object("annotations/keep", 4),
            object("backup.info", 900),
            object("data.tar", 10),
            object("data_0001.tar", 5),
        ];
        let mut folders = by_folder(objects, "pg/base/");
        let folder = folders.remove("20260315T021500").unwrap();
        let info = "pg/base/20260315T021500/backup.info";
        let (entry, told) = entry("20260315T021500".to_owned(), folder, info);
        let data = entry.archives.unwrap().remove("data").unwrap();
        assert_eq!((data.bytes, data.is_whole(), entry.kept), (15, true, true));
        assert_eq!(told.unwrap().key, info);
    }
}
