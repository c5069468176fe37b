//! Schedules and damping: when an item is due, and how many attempts it takes to turn.

use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;

/// When an item is due. `engine::agenda` works out the instants.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// Every so often, the first instant spread by a hash of the item's id.
    Every(Duration),
    /// At the instants of a cron expression, in a time zone.
    Cron(Box<CronSchedule>),
}

/// A cron expression in its time zone.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    /// The parsed expression.
    pub cron: Cron,
    /// The expression as written.
    pub text: String,
    /// Where its hours are meant.
    pub zone: TimeZone,
}

impl PartialEq for CronSchedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl Schedule {
    /// The schedule in words, as the page and the API show it.
    pub fn spoken(&self) -> String {
        match self {
            Self::Every(every) => format!("every {}", super::duration::spoken(*every)),
            Self::Cron(cron) => {
                format!("{} ({})", cron.text, cron.zone.iana_name().unwrap_or("UTC"))
            }
        }
    }
}

/// How attempts turn into standings: the parameters of the fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damping {
    /// Counted failures until the item fails.
    pub fail_after: u32,
    /// Counted good looks until a failing item recovers.
    pub recover_after: u32,
    /// Counted blind looks until the item is unknown.
    pub unknown_after: u32,
    /// Two attempts closer than this count as one; while a verdict contradicts the standing, the
    /// next attempt is due after it.
    pub confirm_every: Duration,
    /// How long an item may be pending before the last verdict decides.
    pub grace: Duration,
}
