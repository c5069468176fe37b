//! `backup.info`: what barman and barman-cloud say about a base backup.
//!
//! A line `name=value` for each field, sorted by name, written whole each time; what has no value is
//! `None`, and what is structured is a Python literal. A file that lacks what every complete backup
//! has was cut off, or is another tool's: it is never read as a complete one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::segment::{Segment, SegmentSize};
use super::shown;

/// The largest file that is read, in bytes: some list every file of a backup.
pub const LARGEST: u64 = 2 << 20;

/// What is said about a base backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupInfo {
    /// How far it got.
    pub status: Status,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When PostgreSQL ended it.
    pub ended: Option<Timestamp>,
    /// The timeline that it was taken on.
    pub timeline: Option<u32>,
    /// The first and the last segment of the log that it can't be restored without.
    pub log: Option<(Segment, Segment)>,
    /// How large segments of the log are.
    pub segment_size: Option<SegmentSize>,
    /// PostgreSQL's version: 160004 is 16.4.
    pub server_version: Option<u32>,
    /// Its size as barman counts it, in bytes.
    pub size: Option<u64>,
    /// The numbers of its tablespaces beside the default one.
    pub tablespaces: Vec<u32>,
    /// Which database system it is of.
    pub system: Option<String>,
    /// Why it did not complete.
    pub error: Option<String>,
    /// How barman itself encrypted it.
    pub encryption: Option<String>,
    /// Whether its data are snapshots of volumes, outside of the store.
    pub snapshots: bool,
}

/// How far a backup got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is complete.
    Done,
    /// Its data are there, and log is waited for.
    WaitingForWals,
    /// It has begun.
    Started,
    /// It is being copied from elsewhere.
    Syncing,
    /// It has not begun.
    Empty,
    /// It broke off.
    Failed,
}

impl BackupInfo {
    /// Reads a file. Times without a zone are meant in `zone`.
    ///
    /// # Errors
    /// A sentence that says why it can't be believed.
    pub fn read(bytes: &[u8], zone: &TimeZone) -> Result<Self, String> {
        let fields = Fields::of(bytes)?;
        let info = Self {
            status: status(fields.get("status").ok_or("it says no `status`: it was cut off")?)?,
            began: fields.time("begin_time", zone)?,
            ended: fields.time("end_time", zone)?,
            timeline: fields.number("timeline")?,
            log: fields.segment("begin_wal")?.zip(fields.segment("end_wal")?),
            segment_size: fields.segment_size()?,
            server_version: fields.number("version")?,
            size: fields.number("size")?,
            tablespaces: fields.tablespaces()?,
            system: fields.get("systemid").map(str::to_owned),
            error: fields.get("error").map(shown),
            encryption: fields.get("encryption").map(str::to_owned),
            snapshots: fields.get("snapshots_info").is_some(),
        };
        if info.status == Status::Done {
            info.complete()?;
        }
        Ok(info)
    }

    /// Whether all is there that a complete backup has.
    fn complete(&self) -> Result<(), String> {
        let lacks = |field: &str| format!("it is `DONE` and lacks `{field}`: it was cut off");
        let began = self.began.ok_or_else(|| lacks("begin_time"))?;
        let ended = self.ended.ok_or_else(|| lacks("end_time"))?;
        let timeline = self.timeline.ok_or_else(|| lacks("timeline"))?;
        let (first, last) = self.log.ok_or_else(|| lacks("begin_wal` or `end_wal"))?;
        let size = self.segment_size.ok_or_else(|| lacks("xlog_segment_size"))?;
        self.server_version.ok_or_else(|| lacks("version"))?;
        if ended < began {
            return Err("it ends before it begins".to_owned());
        }
        if first.timeline != timeline || last.timeline != timeline {
            return Err(format!("its log is not of its timeline {timeline}"));
        }
        let numbers = size.number(first).zip(size.number(last));
        let (first, last) = numbers.ok_or("its log has segments that are not of its size")?;
        if last < first {
            return Err("its log ends before it begins".to_owned());
        }
        Ok(())
    }

    /// The major version of PostgreSQL.
    pub fn major(&self) -> Option<u32> {
        self.server_version.map(|version| version / 10_000)
    }
}

fn status(word: &str) -> Result<Status, String> {
    match word {
        "DONE" => Ok(Status::Done),
        "WAITING_FOR_WALS" => Ok(Status::WaitingForWals),
        "STARTED" => Ok(Status::Started),
        "SYNCING" => Ok(Status::Syncing),
        "EMPTY" => Ok(Status::Empty),
        "FAILED" => Ok(Status::Failed),
        other => Err(format!("its status `{}` is not known", shown(other))),
    }
}

/// Fields by name; those without a value are left out.
struct Fields<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Fields<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, String> {
        if bytes.len() as u64 > LARGEST {
            return Err("it is larger than 2 MiB".to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        if text.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        if !text.ends_with('\n') {
            return Err("it ends in the middle of a line: it was cut off".to_owned());
        }
        let mut fields = BTreeMap::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) =
                line.split_once('=').ok_or("a line of it is not `name=value`".to_owned())?;
            let (name, value) = (name.trim(), value.trim());
            if value == "None" {
                fields.remove(name);
            } else {
                fields.insert(name, value);
            }
        }
        Ok(Self(fields))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    fn read<T>(
        &self,
        name: &str,
        what: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong = || format!("its `{name}` is not {what}: `{}`", shown(text));
        read(text).map(Some).ok_or_else(wrong)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        self.read(name, "a number", |text| text.parse().ok())
    }

    fn segment(&self, name: &str) -> Result<Option<Segment>, String> {
        self.read(name, "a segment of the log", Segment::parse)
    }

    fn segment_size(&self) -> Result<Option<SegmentSize>, String> {
        self.read("xlog_segment_size", "a size of segments", |text| {
            SegmentSize::new(text.parse().ok()?)
        })
    }

    fn tablespaces(&self) -> Result<Vec<u32>, String> {
        Ok(self.read("tablespaces", "a list of tablespaces", tablespaces)?.unwrap_or_default())
    }

    /// A time as Python shows it: `2026-03-15 02:15:07.123456+00:00`, or without a zone.
    fn time(&self, name: &str, zone: &TimeZone) -> Result<Option<Timestamp>, String> {
        self.read(name, "a time", |text| {
            let zoned = text.parse::<Timestamp>().ok();
            zoned.or_else(|| zone.to_timestamp(text.parse::<DateTime>().ok()?).ok())
        })
    }
}

/// The numbers of tablespaces as Python shows them: `[('a', 16387, '/a')]`, of Python 2
/// `[(u'a', 16387L, u'/a')]`. Names and places are text, and text may hold anything.
fn tablespaces(list: &str) -> Option<Vec<u32>> {
    let (mut bare, mut quote, mut rest) = (String::new(), None, list.chars());
    while let Some(next) = rest.next() {
        match quote {
            Some(_) if next == '\\' => drop(rest.next()),
            Some(end) if next == end => quote = None,
            Some(_) => {}
            None if matches!(next, '\'' | '"') => quote = Some(next),
            None => bare.push(next),
        }
    }
    let bare = bare.strip_prefix('[')?.strip_suffix(']')?;
    let digits = bare.split(|next: char| !next.is_ascii_digit()).filter(|text| !text.is_empty());
    let numbers: Vec<u32> = digits.map(|digits| digits.parse().ok()).collect::<Option<_>>()?;
    let tuples = [bare.matches('(').count(), bare.matches(')').count()];
    let said = !numbers.is_empty() || bare.trim().is_empty();
    (said && quote.is_none() && tuples == [numbers.len(); 2]).then_some(numbers)
}

#[cfg(test)]
mod tests;
