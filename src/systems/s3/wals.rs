//! The archive of write-ahead log since a base backup: `<server>/wals/<16 hex>/<24 hex>`.
//!
//! Never listed whole: from the backup's first segment on, a thousand names a request, and no more
//! requests than are allowed. Where they do not reach the end, the newest segment is looked for by
//! the folders, so that its age is known all the same, and what was not read is said.

use std::sync::Arc;

use futures::FutureExt;
use jiff::Timestamp;

use super::page::{Ask, Bucket, Object, Page};
use super::read::Content;
use super::trouble::Trouble;
use super::{Store, found};
use crate::model::finding::Obstacle;
use crate::systems::catalogue::archive::Archive;
use crate::systems::catalogue::history::{self, Switch, Unread};
use crate::systems::catalogue::segment::{Name, Segment, SegmentSize};

/// The most pages of folders that are listed for the newest segment.
const MOST_FOLDER_PAGES: u32 = 5;
/// How many of the last folders are looked into for a segment.
const LAST_FOLDERS: usize = 3;

/// A log to read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The folder of the server, with a slash at its end.
    pub server: &'a str,
    /// The first segment that is needed.
    pub first: Segment,
    /// How large segments are.
    pub size: SegmentSize,
    /// The most requests that the listing may take.
    pub most_requests: u32,
}

/// What there is of a log.
#[derive(Clone, Debug)]
pub struct Wals {
    /// What was listed.
    pub archive: Archive,
    /// Whether that is all.
    pub whole: bool,
    /// The newest segment, and when it was written; none where it could not be told.
    pub newest: Option<(Segment, Timestamp)>,
    /// The key of the newest segment that was listed, for questions about how it is kept.
    pub newest_key: Option<String>,
    /// What came before the newest timeline, where it is another than that of the first segment.
    pub history: Option<History>,
    /// What it cost, in requests.
    pub requests: u32,
}

/// What came before a timeline.
#[derive(Clone, Debug)]
pub enum History {
    /// Its ancestors.
    Known(Vec<Switch>),
    /// There is no such file in the archive.
    Absent,
    /// It can't be read.
    Unread(Unread),
}

impl Store<'_> {
    /// The log since a segment; none where there is no such bucket.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn wals(&self, wanted: &Wanted<'_>) -> Result<Option<Arc<Wals>>, Obstacle> {
        let Wanted { bucket, server, first, size, most_requests } = *wanted;
        let parts = [bucket.to_owned(), server.to_owned(), first.to_string()];
        let numbers = [size.bytes().to_string(), most_requests.to_string()];
        let question = self.question([&parts[..], &numbers].concat());
        let read = || async {
            let wals = format!("{server}wals/");
            let bucket = self.bucket(bucket);
            let reading = Reading { bucket, wals, wanted, spent: 0, last_key: None };
            found(reading.run().await)
        };
        let look = self.s3.kept.wals.ask(question, self.patience.fresh_within, read);
        self.within(bucket).of(look.boxed()).await
    }
}

/// A log being read.
struct Reading<'a> {
    bucket: Bucket<'a>,
    wals: String,
    wanted: &'a Wanted<'a>,
    spent: u32,
    last_key: Option<String>,
}

impl Reading<'_> {
    async fn run(mut self) -> Result<Wals, Trouble> {
        let mut archive = Archive::new(self.wanted.size);
        let whole = self.since_first(&mut archive).await?;
        let newest =
            if whole { archive.newest() } else { self.newest_by_folders(&archive).await? };
        let history = match newest {
            Some((newest, _)) if newest.timeline != self.wanted.first.timeline => {
                Some(self.history(&archive, newest.timeline).await?)
            }
            _ => None,
        };
        let (newest_key, requests) = (self.last_key, self.spent);
        Ok(Wals { archive, whole, newest, newest_key, history, requests })
    }

    /// All names from the first segment on, as far as the requests go; whether that is all.
    async fn since_first(&mut self, archive: &mut Archive) -> Result<bool, Trouble> {
        let wals = self.wals.clone();
        let before = self.before_first();
        let mut ask = Ask { prefix: &wals, after: Some(before), ..Ask::default() };
        for _ in 0..self.wanted.most_requests {
            self.spent += 1;
            let Page { objects, folders: _, more } = self.bucket.page(&ask).await?;
            self.take(archive, objects);
            let Some(more) = more else { return Ok(true) };
            let (after, token) = (Some(more.after), more.token);
            ask = Ask { prefix: &wals, after, token, ..Ask::default() };
        }
        Ok(false)
    }

    fn take(&mut self, archive: &mut Archive, objects: Vec<Object>) {
        for object in objects {
            let name = object.key.rsplit('/').next().unwrap_or_default();
            archive.add(name, object.size, object.modified);
            if matches!(Name::parse(name), Some(Name::Segment(..))) {
                self.last_key = Some(object.key);
            }
        }
    }

    /// A name after those of the segment before the first one, and before its own: a listing leaves
    /// out what it starts after.
    fn before_first(&self) -> String {
        let first = self.wanted.first;
        let folder = format!("{}{}/", self.wals, first.folder());
        match first.index.checked_sub(1) {
            // Suffixes begin with a dot, which sorts before.
            Some(index) => format!("{folder}{}~", Segment { index, ..first }),
            None => folder,
        }
    }

    /// The newest segment by the folders from that of the first segment on.
    async fn newest_by_folders(
        &mut self,
        read: &Archive,
    ) -> Result<Option<(Segment, Timestamp)>, Trouble> {
        let wals = self.wals.clone();
        let first = Some(format!("{wals}{}", self.wanted.first.folder()));
        let mut ask = Ask { prefix: &wals, folders: true, after: first, ..Ask::default() };
        let mut folders = Vec::new();
        for _ in 0..MOST_FOLDER_PAGES {
            self.spent += 1;
            let page = self.bucket.page(&ask).await?;
            folders.extend(page.folders);
            let Some(more) = page.more else {
                return self.newest_in(&folders, read).await;
            };
            let (after, token) = (Some(more.after), more.token);
            ask = Ask { prefix: &wals, folders: true, after, token, ..Ask::default() };
        }
        Ok(None)
    }

    /// The newest segment in the last folders; none where they have more names than a few pages show.
    /// What was read of one already is not read again.
    async fn newest_in(
        &mut self,
        folders: &[String],
        read: &Archive,
    ) -> Result<Option<(Segment, Timestamp)>, Trouble> {
        for folder in folders.iter().rev().take(LAST_FOLDERS) {
            let reached = self.last_key.clone().filter(|key| key.starts_with(folder));
            let known = reached.as_ref().and_then(|_| read.newest());
            let mut archive = Archive::new(self.wanted.size);
            let mut ask = Ask { prefix: folder, after: reached, ..Ask::default() };
            let mut pages = 0;
            loop {
                // A log of 4,096 segments of 1 MiB is the longest there is.
                if pages == MOST_FOLDER_PAGES {
                    return Ok(None);
                }
                pages += 1;
                self.spent += 1;
                let page = self.bucket.page(&ask).await?;
                self.take(&mut archive, page.objects);
                let Some(more) = page.more else { break };
                let (after, token) = (Some(more.after), more.token);
                ask = Ask { prefix: folder, after, token, ..Ask::default() };
            }
            if let Some(newest) = archive.newest().or(known) {
                return Ok(Some(newest));
            }
        }
        Ok(None)
    }

    async fn history(&mut self, archive: &Archive, timeline: u32) -> Result<History, Trouble> {
        let Some(name) = archive.history(timeline) else {
            return self.history_by_name(timeline).await;
        };
        let name = name.to_owned();
        self.opened(&name).await
    }

    /// Where the listing did not reach it, its name is asked for.
    async fn history_by_name(&mut self, timeline: u32) -> Result<History, Trouble> {
        let prefix = format!("{}{timeline:08X}.history", self.wals);
        self.spent += 1;
        let page = self.bucket.page(&Ask { prefix: &prefix, ..Ask::default() }).await?;
        let Some(object) = page.objects.first() else { return Ok(History::Absent) };
        let name = object.key[self.wals.len()..].to_owned();
        self.opened(&name).await
    }

    async fn opened(&mut self, name: &str) -> Result<History, Trouble> {
        self.spent += 1;
        let key = format!("{}{name}", self.wals);
        match self.bucket.content(&key, history::LARGEST).await {
            Ok(Content::Whole(bytes)) => Ok(match history::read(name, &bytes) {
                Ok(switches) => History::Known(switches),
                Err(unread) => History::Unread(unread),
            }),
            Ok(Content::TooLarge) => {
                let unread = Unread::Garbled("it is larger than 256 KiB".to_owned());
                Ok(History::Unread(unread))
            }
            Err(Trouble::NoObject) => Ok(History::Absent),
            Err(trouble) => Err(trouble),
        }
    }
}
