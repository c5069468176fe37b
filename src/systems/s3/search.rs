//! The search for the newest backups: by their dates, never by listing a whole bucket.
//!
//! A first page often holds everything. Where it does not, the search goes down the levels of the
//! template. A level whose names sort by date is entered near its end: the bound of a time is
//! computed, what lies after it is asked for, and the bound is moved by halves until one page
//! reaches the end. A level whose dates do not sort is asked day by day. A level without either is
//! listed if it is short. Whatever the layout, the search ends after a stated number of requests,
//! and then says that it could not tell.

use std::cmp::Reverse;

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::level::Shape;
use super::page::{Ask, Bucket, Object, Page};
use super::parts::Part;
use super::shelf::{Backup, Shelf, Wanted};
use super::stamp::{Civil, Stamp};
use super::trouble::Trouble;
use crate::model::finding::Obstacle;
use crate::model::reason::{CLOCK_TOLERANCE, Reason};

/// Neither dates nor an order tell where the newest is, and there are too many keys to list.
pub const NOT_LISTABLE: Reason = Reason::new("NotListable");

/// The most pages of names without an order that are listed.
const MOST_PAGES: u32 = 5;
/// The most folders without an order that are entered.
const MOST_FOLDERS: usize = 10;
/// How many days back names are asked for whose dates do not sort.
const MOST_DAYS: i64 = 12;

/// A search in progress.
pub(super) struct Search<'a> {
    bucket: Bucket<'a>,
    pub(super) wanted: &'a Wanted<'a>,
    /// What clocks show in the keys' zone, and a little more.
    pub(super) now: Civil,
    /// No key bears an older date.
    pub(super) first: Civil,
    spent: u32,
}

/// Why a search ends early.
pub(super) enum Stop {
    /// As many requests are spent as may be.
    Spent,
    /// Something is in the way.
    Trouble(Trouble),
}

impl<'a> Search<'a> {
    /// A search at `now`.
    pub(super) fn new(bucket: Bucket<'a>, wanted: &'a Wanted<'a>, now: Timestamp) -> Self {
        let now = Civil(Civil::of(now, wanted.zone.get()).0 + CLOCK_TOLERANCE.as_secs());
        Self { bucket, wanted, now, first: Civil::FIRST, spent: 0 }
    }

    /// What there is.
    ///
    /// # Errors
    /// There is no such bucket, the store does not tell, or the newest can't be found.
    pub(super) async fn run(mut self) -> Result<Shelf, Trouble> {
        match self.look_through().await {
            Ok(found) => Ok(found),
            Err(Stop::Trouble(trouble)) => Err(trouble),
            Err(Stop::Spent) => Err(self.not_listable("the newest was not among what they showed")),
        }
    }

    async fn look_through(&mut self) -> Result<Shelf, Stop> {
        let wanted = self.wanted;
        let beginning = format!("{}{}", wanted.prefix, wanted.keys.beginning());
        let unordered = self.unordered();
        let most = if unordered { MOST_PAGES } else { 1 };
        let (mut seen, whole) = self.pages(&beginning, most).await?;
        if whole {
            seen.sort_by_key(|backup| Reverse(backup.taken()));
            let (oldest, count) = (seen.last().cloned(), Some(seen.len() as u64));
            seen.truncate(wanted.newest);
            return Ok(Shelf { newest: seen, oldest, count, requests: self.spent });
        }
        if unordered {
            let why = format!("over {MOST_PAGES} pages of keys, which have no order by date");
            return Err(self.not_listable(&why).into());
        }
        let by_date = self.by_date();
        let mut oldest = seen.into_iter().next().filter(|_| by_date);
        if let Some((first, _)) = oldest.as_ref().and_then(|backup| backup.read.stamp.span()) {
            self.first = first;
        }
        let mut newest = Vec::new();
        let walked = self.walk(wanted.prefix.to_owned(), Stamp::default(), 0, &mut newest).await;
        match walked {
            // By date, what was found first is the newest, however much is missing.
            Err(Stop::Spent) if by_date && !newest.is_empty() => {}
            walked => {
                walked?;
                if by_date && oldest.is_none() && !newest.is_empty() {
                    oldest = self.oldest(wanted.prefix.to_owned()).await?;
                }
            }
        }
        newest.sort_by_key(|backup| Reverse(backup.taken()));
        newest.truncate(wanted.newest);
        Ok(Shelf { newest, oldest, count: None, requests: self.spent })
    }

    /// The levels and how their names can be looked through.
    fn shapes(&self) -> impl Iterator<Item = Shape> {
        let mut above = Stamp::default();
        self.wanted.keys.levels().iter().map(move |level| {
            let shape = level.shape(&above);
            for unit in level.parts().iter().filter_map(Part::unit) {
                let _known_twice = above.learn(unit, 0);
            }
            shape
        })
    }

    /// Whether keys sort by date: the first is the oldest, and what is found first the newest.
    fn by_date(&self) -> bool {
        self.shapes().all(|shape| matches!(shape, Shape::Fixed(_) | Shape::Ordered(_)))
    }

    /// Whether a plain listing is all that there is to try.
    fn unordered(&self) -> bool {
        let mut open = self.shapes().skip_while(|shape| matches!(shape, Shape::Fixed(_)));
        open.next() == Some(Shape::Plain) && open.next().is_none()
    }

    /// All backups on the first pages, and whether these were all.
    async fn pages(&mut self, prefix: &str, most: u32) -> Result<(Vec<Backup>, bool), Stop> {
        let mut found = Vec::new();
        let mut ask = Ask { prefix, ..Ask::default() };
        for _ in 0..most {
            let page = self.page(&ask).await?;
            found.extend(self.backups(page.objects));
            let Some(more) = page.more else { return Ok((found, true)) };
            ask = Ask { prefix, after: Some(more.after), token: more.token, ..Ask::default() };
        }
        Ok((found, false))
    }

    /// Goes down from a level, the newest first, until enough is found.
    pub(super) fn walk<'s>(
        &'s mut self,
        prefix: String,
        above: Stamp,
        depth: usize,
        found: &'s mut Vec<Backup>,
    ) -> BoxFuture<'s, Result<(), Stop>>
    where
        'a: 's,
    {
        Box::pin(async move {
            let last = self.is_last(depth);
            match self.wanted.keys.levels()[depth].shape(&above) {
                Shape::Fixed(name) if last => {
                    found.extend(self.exactly(&format!("{prefix}{name}")).await?);
                    Ok(())
                }
                Shape::Fixed(name) => {
                    self.walk(format!("{prefix}{name}/"), above, depth + 1, found).await
                }
                Shape::Ordered(unit) => self.ordered(&prefix, above, depth, unit, found).await,
                Shape::Daily => self.daily(&prefix, above, depth, found).await,
                Shape::Plain => self.plain(&prefix, above, depth, found).await,
            }
        })
    }

    /// The one object of this key.
    pub(super) async fn exactly(&mut self, key: &str) -> Result<Option<Backup>, Stop> {
        let page = self.page(&Ask { prefix: key, most: Some(1), ..Ask::default() }).await?;
        Ok(self.backups(page.objects).find(|backup| backup.key == key))
    }

    /// A level whose dates do not sort: what each of the last days begins with is asked for.
    async fn daily(
        &mut self,
        prefix: &str,
        above: Stamp,
        depth: usize,
        found: &mut Vec<Backup>,
    ) -> Result<(), Stop> {
        let level = &self.wanted.keys.levels()[depth];
        let before = found.len();
        for back in 0..MOST_DAYS {
            if found.len() >= self.wanted.newest {
                return Ok(());
            }
            let Some(day) = level.day(Civil(self.now.0 - back * 86_400), &above) else { break };
            let day = format!("{prefix}{day}");
            let ask = Ask { prefix: &day, folders: !self.is_last(depth), ..Ask::default() };
            let page = self.page(&ask).await?;
            if page.more.is_some() {
                return Err(self.not_listable("over a page of names of one day").into());
            }
            let names = self.named(page, level, prefix, &above);
            self.enter(names, depth, found).await?;
        }
        if found.len() == before {
            let why = format!(
                "no key bears a date of the last {MOST_DAYS} days, and their dates do not sort"
            );
            return Err(self.not_listable(&why).into());
        }
        Ok(())
    }

    /// A level of which nothing is known: listed if it is short.
    async fn plain(
        &mut self,
        prefix: &str,
        above: Stamp,
        depth: usize,
        found: &mut Vec<Backup>,
    ) -> Result<(), Stop> {
        if self.is_last(depth) {
            let (more, whole) = self.pages(prefix, MOST_PAGES).await?;
            found.extend(more);
            let why = format!("over {MOST_PAGES} pages of keys without an order in one folder");
            return if whole { Ok(()) } else { Err(self.not_listable(&why).into()) };
        }
        let page = self.page(&Ask { prefix, folders: true, ..Ask::default() }).await?;
        if page.more.is_some() || page.folders.len() > MOST_FOLDERS {
            let why = format!("over {MOST_FOLDERS} folders, which have no order by date");
            return Err(self.not_listable(&why).into());
        }
        for folder in page.folders {
            let name = folder[prefix.len()..].trim_end_matches('/');
            let Some(stamp) = self.wanted.keys.levels()[depth].read(name, above) else { continue };
            // Each folder has a newest of its own, so that each is looked through.
            let mut within = Vec::new();
            self.walk(folder, stamp, depth + 1, &mut within).await?;
            found.append(&mut within);
        }
        Ok(())
    }

    /// Whether names of this level are objects rather than folders.
    pub(super) fn is_last(&self, depth: usize) -> bool {
        depth + 1 == self.wanted.keys.levels().len()
    }

    /// The backups among objects.
    pub(super) fn backups(&self, objects: Vec<Object>) -> impl Iterator<Item = Backup> + use<'a> {
        let wanted = self.wanted;
        objects.into_iter().filter_map(move |object| Backup::of(object, wanted))
    }

    /// One page, if there are requests left for it.
    pub(super) async fn page(&mut self, ask: &Ask<'_>) -> Result<Page, Stop> {
        if self.spent >= self.wanted.most_requests {
            return Err(Stop::Spent);
        }
        self.spent += 1;
        Ok(self.bucket.page(ask).await?)
    }

    fn not_listable(&self, why: &str) -> Trouble {
        let because = format!(
            "{}: {why}; {} of at most {} requests spent, a whole listing would take one for every \
             thousand keys",
            self.bucket.doing, self.spent, self.wanted.most_requests
        );
        Obstacle::new(NOT_LISTABLE, because).into()
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}
