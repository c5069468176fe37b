//! Catalogues of backups, and archives of write-ahead log.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use vigie::systems::catalogue::archive::Archive;
use vigie::systems::catalogue::backup_info::{BackupInfo, Status};
use vigie::systems::catalogue::history::{self, Unread};
use vigie::systems::catalogue::pbm::{self, Metadata};
use vigie::systems::catalogue::segment::{Name, Segment, SegmentSize};
use vigie::systems::catalogue::slice::{self, Slice};

use super::laws::{hold, is_legible};

/// What every complete backup has.
const OF_DONE: [&str; 8] = [
    "status",
    "begin_time",
    "end_time",
    "timeline",
    "begin_wal",
    "end_wal",
    "xlog_segment_size",
    "version",
];
/// The name of the backup that metadata are read for.
const PBM_NAME: &str = "2026-03-15T02:00:00Z";

/// `backup.info` of barman.
pub fn backup_info(data: &[u8]) -> bool {
    let read = |bytes: &[u8]| BackupInfo::read(bytes, &TimeZone::UTC);
    let info = match read(data) {
        Ok(info) => info,
        Err(why) => {
            assert!(!why.is_empty() && is_legible(&why, 300), "{why:?}");
            return false;
        }
    };
    let with_comment = [data, &b"# a comment\n\n"[..]].concat();
    assert_eq!(read(&with_comment).as_ref(), Ok(&info), "a comment says something");
    assert!(read(data.trim_ascii_end()).is_err(), "it is taken without its last line's end");
    assert!(info.error.as_deref().is_none_or(|error| is_legible(error, 120)));
    if info.status != Status::Done {
        return true;
    }
    let (Some(began), Some(ended), Some((first, last))) = (info.began, info.ended, info.log) else {
        panic!("it is done, and lacks what a complete one has: {info:?}");
    };
    assert!(began <= ended && first <= last, "{info:?}");
    for field in OF_DONE {
        assert!(read(&without_field(data, field)).is_err(), "it is done without `{field}`");
    }
    true
}

/// All lines but those of a field.
fn without_field(data: &[u8], field: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(data);
    let is_other = |line: &&str| line.split('=').next().is_none_or(|name| name.trim() != field);
    let lines: Vec<_> = text.lines().filter(is_other).chain([""]).collect();
    lines.join("\n").into_bytes()
}

/// Metadata of Percona Backup for `MongoDB`.
pub fn pbm_metadata(data: &[u8]) -> bool {
    let read = |bytes: &[u8]| Metadata::read(PBM_NAME, bytes);
    let metadata = match read(data) {
        Ok(metadata) => metadata,
        Err(why) => {
            assert!(!why.is_empty() && is_legible(&why, 300), "{why:?}");
            return false;
        }
    };
    hold(data, &metadata, &["/name", "/status", "/type"], |bytes| read(bytes).ok());
    assert!(metadata.replica_sets.len() <= 1_000);
    assert!(metadata.error.as_deref().is_none_or(|error| is_legible(error, 120)));
    assert!(Metadata::read("another", data).is_err(), "it is taken for another backup");
    if metadata.status == pbm::Status::Done {
        assert!(metadata.restores_to.is_some_and(|(second, _)| second > 0), "{metadata:?}");
        assert!(metadata.changed.is_some() && !metadata.replica_sets.is_empty(), "{metadata:?}");
        let needs = ["/replsets", "/last_write_ts", "/last_transition_ts", "/replsets/0/status"];
        hold(data, &metadata, &needs, |bytes| read(bytes).ok());
    }
    true
}

/// A file that tells where timelines began, plain or packed.
pub fn wal_history(data: &[u8]) -> bool {
    let packed = data.starts_with(&[0x1f, 0x8b]);
    let name = if packed { "00000003.history.gz" } else { "00000003.history" };
    assert_eq!(history::read("00000003.history.zst", data), Err(Unread::Compressed));
    let switches = match history::read(name, data) {
        Ok(switches) => switches,
        Err(Unread::Garbled(why)) => {
            assert!(is_legible(&why, 100), "{why:?}");
            return false;
        }
        Err(Unread::Compressed) => panic!("{name} is of a kind that is read"),
    };
    assert!(!switches.is_empty(), "an empty history is none");
    assert!(switches.is_sorted_by(|one, next| one.timeline < next.timeline), "{switches:?}");
    let line = |switch: &history::Switch| {
        let (high, low) = (switch.place >> 32, switch.place & 0xffff_ffff);
        format!("{}\t{high:X}/{low:X}\tagain\n", switch.timeline)
    };
    let written: String = switches.iter().map(line).collect();
    assert_eq!(history::read("00000003.history", written.as_bytes()), Ok(switches));
    true
}

/// Names in archives: a line a key's last part, in order.
pub fn wal_archive(data: &[u8]) -> bool {
    let (Ok(text), Some(size)) = (std::str::from_utf8(data), SegmentSize::new(16 << 20)) else {
        return false;
    };
    let mut archive = Archive::new(size);
    let (mut first, mut known, mut slices) = (None::<Segment>, 0_u64, Vec::new());
    for name in text.lines().take(500) {
        archive.add(name, size.bytes(), Timestamp::UNIX_EPOCH);
        if let Some(read) = Name::parse(name) {
            known += 1;
            named(name, read, size);
            if let Name::Segment(segment, _) = read {
                first = first.or(Some(segment));
            }
        }
        if let Some(slice) = Slice::parse(name) {
            known += 1;
            assert!(slice.start <= slice.end, "{slice:?}");
            slices.push(slice);
        }
    }
    let gaps = slice::gaps(&mut slices, (0, 0), 5);
    assert!(gaps.len() <= 5 && gaps.iter().all(|gap| gap.from <= gap.to), "{gaps:?}");
    assert!(archive.segments + archive.broken <= known, "segments are counted that are none");
    if let Some(first) = first
        && let Ok(way) = archive.way(first, &[])
    {
        for leg in way {
            let (gaps, count) = archive.gaps(leg, 3);
            assert!(gaps.len() <= 3 && gaps.len() as u64 <= count, "{gaps:?} of {count}");
            let missing: u64 = gaps.iter().map(|gap| gap.count).sum();
            assert!(missing <= leg.last.saturating_sub(leg.first) + 1, "{gaps:?} in {leg:?}");
        }
    }
    known > 0
}

/// What a name stands for is what it says.
fn named(name: &str, read: Name, size: SegmentSize) {
    match read {
        Name::Segment(segment, _) | Name::Partial(segment) | Name::Label(segment) => {
            assert!(name.starts_with(&segment.to_string()), "{name} is read as {segment}");
            assert!(name.starts_with(&segment.folder()) && segment.timeline > 0);
            if let Some(number) = size.number(segment) {
                assert_eq!(size.segment(segment.timeline, number), segment);
            }
        }
        Name::History(timeline) => {
            assert!(timeline > 0 && name.starts_with(&format!("{timeline:08X}.history")), "{name}");
        }
    }
}
