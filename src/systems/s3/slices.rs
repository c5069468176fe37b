//! Slices of oplogs since a time: `pbmPitr/<replica set>/<day>/<from>.<to>.oplog`.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};

use super::page::{Ask, Bucket};
use super::search::NOT_LISTABLE;
use super::trouble::Trouble;
use super::{Store, found};
use crate::model::finding::Obstacle;
use crate::systems::catalogue::slice::Slice;

/// The most replica sets whose oplogs are read.
const MOST_SETS: usize = 100;
/// Slices begin no longer before the time that they are wanted from.
const LONGEST_SLICE: SignedDuration = SignedDuration::from_hours(24);

/// Where slices are kept.
pub const FOLDER: &str = "pbmPitr/";

/// What there is of the oplogs of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Oplogs {
    /// Slices by replica set, as far as they were listed.
    pub sets: BTreeMap<String, Oplog>,
    /// What it cost, in requests.
    pub requests: u32,
}

/// Slices of a replica set.
#[derive(Clone, Debug, Default)]
pub struct Oplog {
    /// The slices, in order.
    pub slices: Vec<Slice>,
    /// Whether these are all.
    pub whole: bool,
    /// The key of the newest, for questions about how it is kept.
    pub newest: Option<String>,
}

/// Oplogs to read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// What the keys of all backups begin with.
    pub prefix: &'a str,
    /// From when on slices are wanted.
    pub from: Timestamp,
    /// The most requests that may be spent on a replica set.
    pub most_requests: u32,
}

impl Store<'_> {
    /// The slices since a time; none where there is no such bucket.
    ///
    /// # Errors
    /// The store does not tell.
    pub async fn slices(&self, wanted: &Wanted<'_>) -> Result<Option<Arc<Oplogs>>, Obstacle> {
        let Wanted { bucket, prefix, from, most_requests } = *wanted;
        let parts = [bucket, prefix].map(str::to_owned);
        let numbers = [from.as_second().to_string(), most_requests.to_string()];
        let question = self.question([&parts[..], &numbers].concat());
        let read = || async { found(oplogs(&self.bucket(bucket), wanted).await) };
        let look = self.s3.kept.slices.ask(question, self.patience.fresh_within, read);
        self.within(bucket).of(look.boxed()).await
    }
}

async fn oplogs(bucket: &Bucket<'_>, wanted: &Wanted<'_>) -> Result<Oplogs, Trouble> {
    let root = format!("{}{FOLDER}", wanted.prefix);
    let page = bucket.page(&Ask { prefix: &root, folders: true, ..Ask::default() }).await?;
    if page.more.is_some() || page.folders.len() > MOST_SETS {
        let because = format!("{}: oplogs of over {MOST_SETS} replica sets", bucket.doing);
        return Err(Obstacle::new(NOT_LISTABLE, because).into());
    }
    let mut oplogs = Oplogs { requests: 1, ..Oplogs::default() };
    for folder in page.folders {
        let (oplog, requests) = oplog(bucket, &folder, wanted).await?;
        oplogs.requests += requests;
        let name = folder[root.len()..].trim_end_matches('/').to_owned();
        oplogs.sets.insert(name, oplog);
    }
    Ok(oplogs)
}

async fn oplog(
    bucket: &Bucket<'_>,
    folder: &str,
    wanted: &Wanted<'_>,
) -> Result<(Oplog, u32), Trouble> {
    let from = wanted.from.saturating_sub(LONGEST_SLICE).unwrap_or(wanted.from);
    let after = Some(format!("{folder}{}", from.strftime("%Y%m%d")));
    let mut ask = Ask { prefix: folder, after, ..Ask::default() };
    let mut oplog = Oplog::default();
    for spent in 1..=wanted.most_requests {
        let page = bucket.page(&ask).await?;
        for object in page.objects.into_iter().filter(|object| object.size > 0) {
            let slice = object.key.rsplit('/').next().and_then(Slice::parse);
            if let Some(slice) = slice {
                oplog.slices.push(slice);
                oplog.newest = Some(object.key);
            }
        }
        let Some(more) = page.more else {
            oplog.whole = true;
            return Ok((oplog, spent));
        };
        let (after, token) = (Some(more.after), more.token);
        ask = Ask { prefix: folder, after, token, ..Ask::default() };
    }
    Ok((oplog, wanted.most_requests))
}
