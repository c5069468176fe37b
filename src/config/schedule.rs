//! When an item is due: `every`, or `cron` with its time zone.

use std::str::FromStr;

use croner::Cron;
use jiff::tz::TimeZone;

use super::file::ItemEntry;
use super::yaml::{Node, Problem};
use crate::model::duration::Period;
use crate::model::schedule::{CronSchedule, Schedule};

const EVERY: Period = Period::from_secs(60);
/// The engine swings once a second.
const MOST_OFTEN: Period = Period::from_secs(1);

/// The schedule of an item; `node` is where its words stand.
pub(super) fn schedule(entry: &ItemEntry, node: &Node) -> Result<Schedule, Problem> {
    let Some(text) = &entry.cron else {
        if entry.timezone.is_some() {
            let problem = Problem::at(
                node.place_of("timezone"),
                "`timezone` has a meaning with `cron` alone",
            );
            return Err(problem.hint("`every` needs no time zone"));
        }
        let every = entry.every.unwrap_or(EVERY);
        if every < MOST_OFTEN {
            let message = format!("`every` is at least {MOST_OFTEN}");
            return Err(Problem::at(node.place_of("every"), message));
        }
        return Ok(Schedule::Every(every.get()));
    };
    if entry.every.is_some() {
        return Err(Problem::at(node.place_of("cron"), "`every` and `cron` exclude each other"));
    }
    let cron = Cron::from_str(text).map_err(|error| {
        Problem::at(
            node.place_of("cron"),
            format!(
                "`{text}` is not a cron expression: {}",
                error.to_string().trim_end_matches('.')
            ),
        )
        .hint("write minute, hour, day, month, weekday: `30 2 * * *`")
    })?;
    let zone = match &entry.timezone {
        Some(name) => TimeZone::get(name).map_err(|_| {
            Problem::at(node.place_of("timezone"), format!("`{name}` is not a time zone"))
                .hint("write a name of the IANA database, such as `Europe/Paris`")
        })?,
        None => TimeZone::UTC,
    };
    Ok(Schedule::Cron(Box::new(CronSchedule { cron, text: text.clone(), zone })))
}
