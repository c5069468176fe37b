//! When a `CronJob` is due, as its controller reckons.

use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

/// A schedule that was read.
#[derive(Debug)]
pub(super) enum Timetable {
    /// A cron expression in its time zone.
    Cron(Box<Cron>, TimeZone),
    /// So long after the run before: `@every 1h30m`.
    Every(SignedDuration),
}

/// The most hours that do not exist, one after the other, that are stepped over.
const MOST_GAPS: u32 = 8;

impl Timetable {
    /// Reads a schedule. `zone` is its own, `default` that of the controller.
    ///
    /// # Errors
    /// What can't be read.
    pub(super) fn read(
        schedule: &str,
        zone: Option<&str>,
        default: &TimeZone,
    ) -> Result<Self, String> {
        if let Some(delay) = schedule.strip_prefix("@every ") {
            let delay = humantime::parse_duration(delay.trim()).ok();
            let delay = delay.filter(|delay| *delay >= Duration::from_secs(1));
            let delay = delay.and_then(|delay| SignedDuration::try_from(delay).ok());
            return delay.map(Self::Every).ok_or_else(|| format!("the schedule `{schedule}`"));
        }
        let zone = match zone {
            None => default.clone(),
            Some(name) => TimeZone::get(name).map_err(|_| format!("the time zone `{name}`"))?,
        };
        // Kubernetes knows five fields, and names for some of them.
        let fields = schedule.split_ascii_whitespace().count();
        let cron = if fields == 5 || schedule.starts_with('@') {
            Cron::from_str(schedule).ok()
        } else {
            None
        };
        let cron = cron.ok_or_else(|| format!("the schedule `{schedule}`"))?;
        Ok(Self::Cron(Box::new(cron), zone))
    }

    /// The newest time not after `now` for which a run was due; `base` is the run before it, or the
    /// creation. None where there was none since then, and none where the schedule never comes.
    pub(super) fn due(&self, base: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(delay) => base.checked_add(*delay).ok().filter(|due| *due <= now),
            Self::Cron(cron, zone) => {
                let due = newest(cron, now.to_zoned(zone.clone()))?;
                Some(due.timestamp()).filter(|due| *due > base)
            }
        }
    }

    /// Whether it ever comes.
    pub(super) fn comes(&self, now: Timestamp) -> bool {
        match self {
            Self::Every(_) => true,
            Self::Cron(cron, zone) => {
                cron.find_next_occurrence(&now.to_zoned(zone.clone()), true).is_ok()
            }
        }
    }
}

/// The newest occurrence. An hour that the clocks leave out is left out by the controller, too.
fn newest(cron: &Cron, now: Zoned) -> Option<Zoned> {
    let mut from = now;
    for _ in 0..MOST_GAPS {
        let found = cron.find_previous_occurrence(&from, true).ok()?;
        if cron.is_time_matching(&found).ok()? {
            return Some(found);
        }
        from = found.checked_sub(SignedDuration::from_secs(1)).ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn due(schedule: &str, zone: Option<&str>, base: &str, now: &str) -> Option<String> {
        let timetable = Timetable::read(schedule, zone, &TimeZone::UTC).unwrap();
        timetable.due(at(base), at(now)).map(|due| due.to_string())
    }

    #[test]
    fn a_run_is_due_at_the_newest_scheduled_time_since_the_one_before() {
        let (old, now) = ("2026-01-01T00:00:00Z", "2026-11-23T12:34:56Z");
        for (schedule, zone, base, now, said) in [
            ("*/5 * * * *", None, old, now, Some("2026-11-23T12:30:00Z")),
            ("30 12 * * *", None, old, now, Some("2026-11-23T12:30:00Z")),
            ("30 12 * * *", Some("Europe/Paris"), old, now, Some("2026-11-23T11:30:00Z")),
            ("0 3 * * MON", None, old, now, Some("2026-11-23T03:00:00Z")),
            ("0 3 * * 7", None, old, now, Some("2026-11-22T03:00:00Z")),
            ("@hourly", None, old, now, Some("2026-11-23T12:00:00Z")),
            ("@daily", Some("Europe/Paris"), old, now, Some("2026-11-22T23:00:00Z")),
            ("0 0 1 * *", None, old, now, Some("2026-11-01T00:00:00Z")),
            ("0 0 29 2 *", None, "2020-01-01T00:00:00Z", now, Some("2024-02-29T00:00:00Z")),
            ("30 12 * * *", None, "2026-11-23T12:30:00Z", now, None),
            ("30 12 * * *", None, "2026-11-23T12:31:00Z", now, None),
            ("@every 1h", None, "2026-11-23T12:00:00Z", now, None),
            ("@every 30m", None, "2026-11-23T12:00:00Z", now, Some("2026-11-23T12:30:00Z")),
            ("0 0 30 2 *", None, old, now, None),
        ] {
            assert_eq!(due(schedule, zone, base, now).as_deref(), said, "{schedule} {zone:?}");
        }
    }

    #[test]
    fn an_hour_that_the_clocks_leave_out_is_not_due() {
        let due = |now| due("30 2 * * *", Some("Europe/Paris"), "2026-01-01T00:00:00Z", now);
        assert_eq!(due("2026-03-29T12:00:00Z").as_deref(), Some("2026-03-28T01:30:00Z"));
        assert_eq!(due("2026-03-30T12:00:00Z").as_deref(), Some("2026-03-30T00:30:00Z"));
        assert_eq!(
            due("2026-10-25T12:00:00Z").as_deref().map(|due| &due[..10]),
            Some("2026-10-25")
        );
    }

    #[test]
    fn what_kubernetes_would_not_read_is_not_read() {
        for schedule in
            ["", "* * * *", "* * * * * *", "61 * * * *", "@reboot", "@every", "@every x", "soon"]
        {
            assert!(Timetable::read(schedule, None, &TimeZone::UTC).is_err(), "{schedule}");
        }
        let nowhere = Timetable::read("* * * * *", Some("Mars/Olympus"), &TimeZone::UTC);
        assert_eq!(nowhere.unwrap_err(), "the time zone `Mars/Olympus`");
    }

    #[test]
    fn a_date_that_there_is_not_never_comes() {
        let read = |schedule| Timetable::read(schedule, None, &TimeZone::UTC).unwrap();
        assert!(!read("0 0 30 2 *").comes(at("2026-11-23T12:00:00Z")));
        assert!(read("0 0 29 2 *").comes(at("2026-11-23T12:00:00Z")));
    }
}
