//! Layout `objects`: each backup is one object, whose key bears its date.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use super::copies::{Copies, Copy, shown, since};
use super::encryption::Told;
use super::reasons::{DATES_DISAGREE, NO_BACKUP, SIBLING_MISSING, TOO_SMALL};
use super::{Backup, Look, encryption};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::pattern::Pattern;
use crate::model::reason::CLOCK_TOLERANCE;
use crate::model::zone::Zone;
use crate::systems::s3::{self, NEWEST, Shelf, Store, Template, Wanted};

/// The most siblings of a backup.
const MOST_SIBLINGS: usize = 5;
/// How long a sibling may take to follow.
const SIBLING_FOLLOWS: SignedDuration = SignedDuration::from_mins(15);
/// How long after the date in its key a backup may be written.
const LONGEST_WRITING: SignedDuration = SignedDuration::from_hours(24);

/// Each backup is one object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Objects {
    /// How keys go on after `prefix`: text, date codes as in date(1) (`%Y %m %d %H %M %S %F %T %R
    /// %s`), and `*` for anything but `/`. With dates written from the year down, the newest is
    /// found in a few requests however many keys there are.
    pub(super) keys: Template,
    /// A regular expression that what follows `prefix` must match beside, such as
    /// `-(full|diff)\.gz$`; other keys are no backups. Default: none.
    #[serde(default)]
    matching: Option<Pattern>,
    /// In which time zone the hours in keys are meant. Default `UTC`.
    #[serde(default)]
    timezone: Zone,
    /// Keys after `prefix` of objects that must be there beside the newest backup, not empty: its
    /// own date and, for each `*` in turn, its own text are filled in. Each may follow up to 15 min after the backup. At most five.
    /// Default: none.
    #[serde(default)]
    siblings: Vec<Template>,
}

/// What was seen of backups of one object each.
#[derive(Debug)]
pub(super) struct Seen {
    shelf: Arc<Shelf>,
    /// The siblings of the newest, and their sizes where they are there.
    siblings: Vec<(String, Result<Option<u64>, Obstacle>)>,
    told: Vec<Told>,
}

impl Objects {
    /// What is wrong between the parameters.
    pub(super) fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.siblings.len() > MOST_SIBLINGS {
            flaws.push(format!("`siblings` are at most {MOST_SIBLINGS}"));
        }
        for sibling in &self.siblings {
            if !sibling.is_filled_by(&self.keys) {
                flaws.push(format!(
                    "sibling `{}` has dates or stars that `keys` has not",
                    sibling.text()
                ));
            }
        }
        flaws
    }

    /// Looks for the newest backups, then for the siblings of the newest.
    pub(super) async fn observe(
        &self,
        backup: &Backup,
        store: &Store<'_>,
        look: &Look<'_>,
    ) -> Result<Option<Seen>, Obstacle> {
        let mut wanted = Wanted {
            bucket: &backup.bucket,
            prefix: &backup.prefix,
            keys: &self.keys,
            matching: self.matching.as_ref(),
            zone: &self.timezone,
            newest: NEWEST,
            most_requests: backup.max_requests.0,
        };
        let Some(mut shelf) = store.shelf(&wanted).await? else { return Ok(None) };
        let least = backup.min_count.unwrap_or(0) as usize;
        if shelf.count.is_none() && shelf.newest.len() < least {
            wanted.newest = least;
            let Some(more) = store.shelf(&wanted).await? else { return Ok(None) };
            shelf = more;
        }
        let (mut siblings, mut told) = (Vec::new(), Vec::new());
        if let Some(newest) = newest(&shelf, look.now) {
            for keys in &self.siblings {
                let key = newest.sibling(&backup.prefix, keys);
                let size = store.size(&backup.bucket, &key).await;
                siblings.push((key, size));
            }
            if backup.encrypted.is_some() {
                told = encryption::ask(backup, store, vec![newest.key.clone()]).await;
            }
        }
        Ok(Some(Seen { shelf, siblings, told }))
    }

    /// What is said of them alone; the rest is common to all layouts.
    pub(super) fn judge(
        &self,
        check: &Backup,
        seen: &Seen,
        now: Timestamp,
        judgement: &mut Judgement,
    ) -> Copies {
        let Seen { shelf, siblings, told } = seen;
        if shelf.newest.is_empty() {
            let form = self.keys.text();
            let because = format!("no key in {} is of the form `{form}`", check.place());
            judgement.add("", Finding::fail(NO_BACKUP, because));
        }
        if let Some(newest) = newest(shelf, now) {
            if let Some(disagreement) = dates(newest) {
                judgement.add("dates", disagreement);
            }
            for (key, size) in siblings {
                judgement.add("siblings", sibling(key, size, newest, now));
            }
            encryption::judge(check, told, judgement);
        }
        copies(shelf)
    }
}

/// A shelf, as all layouts are judged.
fn copies(shelf: &Shelf) -> Copies {
    let copy = |backup: &s3::Backup| Copy {
        name: backup.key.clone(),
        taken: backup.taken(),
        ended: backup.modified,
        latest: latest(backup),
        size: Some(backup.size),
        pinned: false,
    };
    Copies {
        newest: shelf.newest.iter().map(copy).collect(),
        oldest: shelf.oldest.as_ref().map(copy),
        count: shelf.count,
        requests: shelf.requests,
    }
}

/// The latest time that a backup claims.
fn latest(backup: &s3::Backup) -> Timestamp {
    backup.dated.map_or(backup.modified, |(first, _)| first.max(backup.modified))
}

/// The newest backup whose time has come.
fn newest(shelf: &Shelf, now: Timestamp) -> Option<&s3::Backup> {
    shelf.newest.iter().find(|backup| latest(backup).duration_since(now) <= CLOCK_TOLERANCE)
}

/// Key and store do not agree on when a backup was made: a wrong zone, or a copy.
fn dates(newest: &s3::Backup) -> Option<Finding> {
    let (first, last) = newest.dated?;
    let written = newest.modified;
    let before = first.duration_since(written) > CLOCK_TOLERANCE;
    let after = written.duration_since(last) > LONGEST_WRITING;
    (before || after).then(|| {
        let because = format!(
            "`{}` was written {written:.0}, and its key says {first:.0}: the earlier of the two \
             counts; is the zone right, is it a copy?",
            shown(&newest.key)
        );
        Finding::warn(DATES_DISAGREE, because)
    })
}

fn sibling(
    key: &str,
    size: &Result<Option<u64>, Obstacle>,
    newest: &s3::Backup,
    now: Timestamp,
) -> Answer {
    let key = shown(key);
    match size {
        Ok(Some(0)) => Finding::fail(TOO_SMALL, format!("`{key}` is empty")).into(),
        Ok(Some(_)) => Finding::pass(format!("`{key}` is there")).into(),
        Ok(None) if now.duration_since(newest.modified) < SIBLING_FOLLOWS => {
            let age = spoken(since(newest.modified, now));
            let because = format!("`{key}` is not there yet, {age} after the backup, 15m allowed");
            Finding::pass(because).into()
        }
        Ok(None) => {
            let because = format!("`{key}` is not there beside the newest backup");
            Finding::fail(SIBLING_MISSING, because).into()
        }
        Err(obstacle) => obstacle.clone().into(),
    }
}

#[cfg(test)]
mod tests;
