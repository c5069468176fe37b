//! Layout `objects`: each backup is one object, whose key bears its date.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Backup, Look};
use crate::model::finding::Obstacle;
use crate::model::reason::CLOCK_TOLERANCE;
use crate::model::zone::Zone;
use crate::systems::s3::{self, NEWEST, Patience, Shelf, Template, Wanted};

/// The most siblings of a backup.
const MOST_SIBLINGS: usize = 5;

/// Each backup is one object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Objects {
    /// How keys go on after `prefix`: text, date codes as in date(1) (`%Y %m %d %H %M %S %F %T %R
    /// %s`), and `*` for anything but `/`. With dates written from the year down, the newest is
    /// found in a few requests however many keys there are.
    pub(super) keys: Template,
    /// In which time zone the hours in keys are meant. Default `UTC`.
    #[serde(default)]
    timezone: Zone,
    /// Keys after `prefix` of objects that must be there beside the newest backup, not empty: its
    /// own date and, for each `*` in turn, its own text are filled in. At most five. Default: none.
    #[serde(default)]
    siblings: Vec<Template>,
}

/// What was seen of backups of one object each.
#[derive(Debug)]
pub struct Seen {
    /// The backups.
    pub(super) shelf: Arc<Shelf>,
    /// The siblings of the newest, and their sizes where they are there.
    pub(super) siblings: Vec<(String, Result<Option<u64>, Obstacle>)>,
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
        look: &Look<'_>,
    ) -> Result<super::Seen, Obstacle> {
        let patience = Patience { until: look.until(), fresh_within: look.fresh_within };
        let store = look.systems.s3.open(&backup.connection.0, patience).await?;
        let mut wanted = Wanted {
            bucket: &backup.bucket,
            prefix: &backup.prefix,
            keys: &self.keys,
            matching: None,
            zone: &self.timezone,
            newest: NEWEST,
            most_requests: backup.max_requests.0,
        };
        let Some(mut found) = store.shelf(&wanted).await? else {
            return Ok(super::Seen::NoBucket);
        };
        let least = backup.min_count.unwrap_or(0) as usize;
        if found.count.is_none() && found.newest.len() < least {
            wanted.newest = least;
            let Some(more) = store.shelf(&wanted).await? else {
                return Ok(super::Seen::NoBucket);
            };
            found = more;
        }
        let mut siblings = Vec::new();
        if let Some(newest) = newest(&found, look.now) {
            for keys in &self.siblings {
                let key = newest.sibling(&backup.prefix, keys);
                let size = store.size(&backup.bucket, &key).await;
                siblings.push((key, size));
            }
        }
        Ok(super::Seen::Objects(Seen { shelf: found, siblings }))
    }
}

/// Whether a backup claims a time that has not come.
pub(super) fn is_ahead(backup: &s3::Backup, now: Timestamp) -> bool {
    let latest = backup.dated.map_or(backup.modified, |(first, _)| first.max(backup.modified));
    latest.duration_since(now) > CLOCK_TOLERANCE
}

/// The newest backup whose time has come.
pub(super) fn newest(shelf: &Shelf, now: Timestamp) -> Option<&s3::Backup> {
    shelf.newest.iter().find(|backup| !is_ahead(backup, now))
}
