//! The catalogue of Percona Backup for MongoDB: `<name>.pbm.json` beside `<name>/…`.
//!
//! One listing up to slashes shows two names a backup, whatever is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::barman::{AT_ONCE, MOST_BACKUPS, too_many};
use super::page::{Ask, Bucket, Object};
use super::trouble::Trouble;
use super::{Store, found};
use crate::model::finding::Obstacle;
use crate::systems::catalogue::pbm::{LARGEST, Metadata};

/// What metadata are called after.
const SUFFIX: &str = ".pbm.json";

/// What is said about a backup: an error is a sentence that says why it can't be believed.
pub type Info = Result<Metadata, String>;

/// All backups below a prefix, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The backups.
    pub backups: Vec<Entry>,
    /// What it cost, in requests.
    pub requests: u32,
}

/// A backup, or what is left of one.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name: when it was asked for.
    pub name: String,
    /// What PBM says about it; none where there is no such file.
    pub info: Option<Arc<Info>>,
    /// When that was written.
    pub modified: Option<Timestamp>,
    /// Whether there is a folder of its name.
    pub folder: bool,
}

impl Store<'_> {
    /// All backups below a prefix; none where there is no such bucket.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn pbm(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Option<Arc<Catalogue>>, Obstacle> {
        let question = self.question([bucket, prefix].map(str::to_owned).to_vec());
        let read = || async { found(self.pbm_catalogue(bucket, prefix).await) };
        let look = self.s3.kept.pbm.ask(question, self.patience.fresh_within, read);
        self.within(bucket).of(look.boxed()).await
    }

    async fn pbm_catalogue(&self, name: &str, prefix: &str) -> Result<Catalogue, Trouble> {
        let bucket = self.bucket(name);
        let (objects, folders, mut requests) = listed(&bucket, prefix).await?;
        let mut names: BTreeMap<String, Option<Object>> =
            folders.iter().map(|folder| (folder.clone(), None)).collect();
        names.extend(objects.into_iter().map(|(name, object)| (name, Some(object))));
        if names.len() > MOST_BACKUPS {
            return Err(too_many(&bucket).into());
        }
        let kept = &self.s3.kept.pbm_metadata;
        let place = self.folder(&[name, prefix]);
        let (place, folders, bucket) = (&place, &folders, &bucket);
        let read = names.into_iter().map(|(name, object)| async move {
            let folder = folders.contains(&name);
            let modified = object.as_ref().map(|object| object.modified);
            let mut entry = Entry { name, info: None, modified, folder };
            let Some(object) = object else { return Ok((entry, None, 0)) };
            let read = |bytes: &[u8]| Metadata::read(&entry.name, bytes);
            let file = (place, entry.name.as_str());
            let (info, spent) = kept.read(bucket, file, &object, LARGEST, read).await?;
            entry.info = info;
            Ok::<_, Trouble>((entry, object.etag, spent))
        });
        let read: Vec<(Entry, Option<String>, u32)> =
            stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        let known = read.iter().filter_map(|(entry, etag, _)| {
            let (info, etag) = entry.info.as_ref().zip(etag.as_ref())?;
            Some((entry.name.clone(), (etag.clone(), Arc::clone(info))))
        });
        kept.keep(place.clone(), known.collect());
        requests += read.iter().map(|(_, _, spent)| spent).sum::<u32>();
        Ok(Catalogue { backups: read.into_iter().map(|(entry, ..)| entry).collect(), requests })
    }
}

/// Metadata and folders by the name of the backup, and what it cost to list them.
async fn listed(
    bucket: &Bucket<'_>,
    prefix: &str,
) -> Result<(BTreeMap<String, Object>, BTreeSet<String>, u32), Trouble> {
    let (mut objects, mut folders, mut requests) = (BTreeMap::new(), BTreeSet::new(), 0);
    let mut ask = Ask { prefix, folders: true, ..Ask::default() };
    loop {
        requests += 1;
        let page = bucket.page(&ask).await?;
        for object in page.objects {
            if let Some(name) = object.key[prefix.len()..].strip_suffix(SUFFIX) {
                objects.insert(name.to_owned(), object);
            }
        }
        let names = page.folders.iter().map(|folder| folder[prefix.len()..].trim_end_matches('/'));
        folders.extend(names.filter(|name| is_backup(name)).map(str::to_owned));
        if objects.len().max(folders.len()) > MOST_BACKUPS {
            return Err(too_many(bucket).into());
        }
        let Some(more) = page.more else { return Ok((objects, folders, requests)) };
        let (after, token) = (Some(more.after), more.token);
        ask = Ask { prefix, folders: true, after, token, ..Ask::default() };
    }
}

/// Folders of backups are named by a time; others are PBM's own, or somebody else's.
fn is_backup(name: &str) -> bool {
    name.parse::<Timestamp>().is_ok()
}
