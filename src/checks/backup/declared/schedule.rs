//! When an operator is to begin a backup: cron expressions, in the time zone of the operator.

use std::str::FromStr;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How late a backup may begin.
const LATENESS: SignedDuration = SignedDuration::from_mins(30);

/// A schedule of backups.
#[derive(Debug)]
pub(super) struct Schedule {
    /// What it is called, for sentences.
    pub named: String,
    /// The expression as written; none where it is missing.
    pub cron: Option<String>,
    /// Whether it is suspended, or off.
    pub suspended: bool,
    /// Since when it is there.
    pub created: Option<Timestamp>,
    /// For when it last began a backup, as far as it says so itself.
    pub last: Option<Timestamp>,
}

impl Schedule {
    /// The newest time at which a backup had to begin and has had time to; none where there was none
    /// since the schedule was made.
    ///
    /// # Errors
    /// A sentence: it can't be read.
    pub(super) fn due(&self, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let text = self.cron.as_deref().ok_or("it has no `schedule`")?;
        let cron = Cron::from_str(text).map_err(|_| format!("`{text}` is not a schedule"))?;
        let by = now.saturating_sub(LATENESS).unwrap_or(now).to_zoned(TimeZone::UTC);
        let due = cron.find_previous_occurrence(&by, true).ok().map(|due| due.timestamp());
        Ok(due.filter(|due| self.created.is_none_or(|created| created < *due)))
    }
}
