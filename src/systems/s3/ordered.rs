//! A level whose names sort by date: from its end towards its beginning, and its beginning alone.

use futures::future::BoxFuture;

use super::halving::Halving;
use super::level::{Level, Shape};
use super::page::{Ask, Page};
use super::search::{Search, Stop};
use super::shelf::Backup;
use super::stamp::{Civil, Stamp, Unit};

/// Where the newest are first looked for, in seconds before the end.
const FIRST_WINDOW: i64 = 8 * 86_400;
/// How many of the oldest names are entered before the oldest backup is given up.
const MOST_FIRST: usize = 3;

/// A name of a level, with the first second of its date.
pub(super) struct Named {
    at: Civil,
    name: Name,
}

enum Name {
    Folder(String, Stamp),
    Object(Box<Backup>),
}

/// The part of an ordered level that is looked through.
struct Span<'s> {
    prefix: &'s str,
    above: Stamp,
    depth: usize,
    unit: Unit,
    /// Names of this date and later ones are known; none where nothing is yet.
    known: Option<Civil>,
}

impl Search<'_> {
    /// From the end of a level towards its beginning, until enough is found.
    pub(super) async fn ordered(
        &mut self,
        prefix: &str,
        above: Stamp,
        depth: usize,
        unit: Unit,
        found: &mut Vec<Backup>,
    ) -> Result<(), Stop> {
        let (mut low, mut high) = (self.first, self.now);
        if let Some((first, last)) = above.span() {
            (low, high) = (low.max(first), high.min(last));
        }
        let mut span = Span { prefix, above, depth, unit, known: None };
        let mut halving = Halving::new(low, high, FIRST_WINDOW, unit);
        loop {
            let names = self.tail(&span, &mut halving).await?;
            self.enter(names, depth, found).await?;
            let known = halving.from();
            if found.len() >= self.wanted.newest || known <= unit.floor(low) {
                return Ok(());
            }
            span.known = Some(known);
            halving = Halving::new(low, known, halving.width().saturating_mul(4), unit);
        }
    }

    /// Takes in objects and goes down folders, the newest first, until enough is found.
    pub(super) async fn enter(
        &mut self,
        names: Vec<Named>,
        depth: usize,
        found: &mut Vec<Backup>,
    ) -> Result<(), Stop> {
        for Named { at: _, name } in names.into_iter().rev() {
            match name {
                Name::Object(backup) => found.push(*backup),
                Name::Folder(..) if found.len() >= self.wanted.newest => break,
                Name::Folder(folder, stamp) => self.walk(folder, stamp, depth + 1, found).await?,
            }
        }
        Ok(())
    }

    /// The last names that are not known yet: all from where `halving` comes to stand.
    async fn tail(&mut self, span: &Span<'_>, halving: &mut Halving) -> Result<Vec<Named>, Stop> {
        let level = &self.wanted.keys.levels()[span.depth];
        let (prefix, folders) = (span.prefix, !self.is_last(span.depth));
        let end = self.end(span, level);
        let mut kept = Vec::new();
        let mut ask = Ask { prefix, folders, after: span.before(level, halving), ..Ask::default() };
        loop {
            let page = self.page(&ask).await?;
            let more = page.more.clone();
            let mut names = self.named(page, level, prefix, &span.above);
            names.retain(|name| {
                name.at >= halving.from() && span.known.is_none_or(|known| name.at < known)
            });
            let newest = names.last().map(|name| name.at);
            kept.append(&mut names);
            let moved = match more {
                Some(more) if end.as_ref().is_none_or(|end| more.after < *end) => {
                    if !halving.later(newest) {
                        let (after, token) = (Some(more.after), more.token);
                        ask = Ask { prefix, folders, after, token, ..Ask::default() };
                        continue;
                    }
                    true
                }
                _ => kept.is_empty() && halving.earlier(),
            };
            if !moved {
                return Ok(kept);
            }
            kept.clear();
            ask = Ask { prefix, folders, after: span.before(level, halving), ..Ask::default() };
        }
    }

    /// The name from which on nothing new can come; none where only the listing's end tells.
    fn end(&self, span: &Span<'_>, level: &Level) -> Option<String> {
        let at = match span.known {
            Some(known) => known,
            None if span.above.span().is_some() => return None,
            // Clocks and dates a little in the future are seen, too.
            None => Civil(self.now.0 + span.unit.longest()),
        };
        Some(format!("{}{}", span.prefix, level.bound(at, &span.above)))
    }

    /// The names of a page that have a date, in order.
    pub(super) fn named(
        &self,
        page: Page,
        level: &Level,
        prefix: &str,
        above: &Stamp,
    ) -> Vec<Named> {
        let Page { objects, folders, more: _ } = page;
        let mut named = Vec::new();
        for folder in folders {
            let name = folder.strip_prefix(prefix).and_then(|name| name.strip_suffix('/'));
            let stamp = name.and_then(|name| level.read(name, *above));
            if let Some((stamp, (at, _))) = stamp.and_then(|stamp| Some((stamp, stamp.span()?))) {
                named.push(Named { at, name: Name::Folder(folder, stamp) });
            }
        }
        for backup in self.backups(objects) {
            if let Some((at, _)) = backup.read.stamp.span() {
                named.push(Named { at, name: Name::Object(Box::new(backup)) });
            }
        }
        named
    }

    /// The oldest backup, where keys sort by date.
    pub(super) async fn oldest(&mut self, prefix: String) -> Result<Option<Backup>, Stop> {
        match self.first_of(prefix, Stamp::default(), 0).await {
            Err(Stop::Spent) => Ok(None),
            other => other,
        }
    }

    fn first_of(
        &mut self,
        prefix: String,
        above: Stamp,
        depth: usize,
    ) -> BoxFuture<'_, Result<Option<Backup>, Stop>> {
        Box::pin(async move {
            let level = &self.wanted.keys.levels()[depth];
            let last = self.is_last(depth);
            if let Shape::Fixed(name) = level.shape(&above) {
                return if last {
                    self.exactly(&format!("{prefix}{name}")).await
                } else {
                    self.first_of(format!("{prefix}{name}/"), above, depth + 1).await
                };
            }
            let ask = Ask { prefix: &prefix, folders: !last, ..Ask::default() };
            let page = self.page(&ask).await?;
            for Named { at: _, name } in
                self.named(page, level, &prefix, &above).into_iter().take(MOST_FIRST)
            {
                let found = match name {
                    Name::Object(backup) => Some(*backup),
                    Name::Folder(folder, stamp) => self.first_of(folder, stamp, depth + 1).await?,
                };
                if found.is_some() {
                    return Ok(found);
                }
            }
            Ok(None)
        })
    }
}

impl Span<'_> {
    /// The name after which all names lie that bear the date where `halving` stands or a later one.
    ///
    /// One unit before it, since a listing leaves out the very name that it starts after.
    fn before(&self, level: &Level, halving: &Halving) -> Option<String> {
        let at = Civil(halving.from().0 - self.unit.longest());
        let inside = self.above.span().is_none_or(|(first, _)| at >= first);
        inside.then(|| format!("{}{}", self.prefix, level.bound(at, &self.above)))
    }
}
