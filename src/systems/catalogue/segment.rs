//! Names in PostgreSQL's archive of write-ahead log, and the arithmetic of its segments.
//!
//! A segment is named by timeline, log and index in 24 hexadecimal digits. How many segments a log
//! has depends on their size, so that nobody can count without knowing it.

use std::fmt;

/// What compressed or encrypted copies of a file are called after.
const SUFFIXES: [&str; 6] = [".gz", ".bz2", ".xz", ".snappy", ".zst", ".lz4"];

/// A segment of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// The timeline, from 1 on.
    pub timeline: u32,
    /// The upper half of its place in the log.
    pub log: u32,
    /// Its place within that.
    pub index: u32,
}

impl Segment {
    /// Reads 24 hexadecimal digits, as PostgreSQL writes them: upper case.
    pub fn parse(name: &str) -> Option<Self> {
        if name.len() != 24 {
            return None;
        }
        let timeline = hexadecimal(name.get(..8)?)?;
        let log = hexadecimal(name.get(8..16)?)?;
        let index = hexadecimal(name.get(16..)?)?;
        (timeline > 0).then_some(Self { timeline, log, index })
    }

    /// The folder that archives keep it in.
    pub fn folder(&self) -> String {
        format!("{:08X}{:08X}", self.timeline, self.log)
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timeline, log, index } = self;
        write!(f, "{timeline:08X}{log:08X}{index:08X}")
    }
}

/// Eight digits of a name.
fn hexadecimal(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    (plain && digits.len() == 8).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// The size of a segment: a power of two from 1 MiB to 1 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SegmentSize(u64);

impl SegmentSize {
    /// A size in bytes, if PostgreSQL has segments of it.
    pub fn new(bytes: u64) -> Option<Self> {
        let possible = bytes.is_power_of_two() && (1 << 20..=1 << 30).contains(&bytes);
        possible.then_some(Self(bytes))
    }

    /// Bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// How many segments a log has.
    fn per_log(self) -> u64 {
        (1 << 32) / self.0
    }

    /// The number of a segment, counted through all logs; none where a log has no such index.
    pub fn number(self, segment: Segment) -> Option<u64> {
        let index = u64::from(segment.index);
        (index < self.per_log()).then(|| u64::from(segment.log) * self.per_log() + index)
    }

    /// The number of the segment that a place in the log lies in.
    pub fn number_at(self, place: u64) -> u64 {
        place / self.0
    }

    /// The segment of this number.
    pub fn segment(self, timeline: u32, number: u64) -> Segment {
        let log = u32::try_from(number / self.per_log()).unwrap_or(u32::MAX);
        let index = u32::try_from(number % self.per_log()).unwrap_or(u32::MAX);
        Segment { timeline, log, index }
    }
}

/// What a name in the archive stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// A whole segment; whether it is as PostgreSQL wrote it, and not compressed.
    Segment(Segment, Plain),
    /// The beginning of a segment, at the end of a timeline.
    Partial(Segment),
    /// Where a base backup began.
    Label(Segment),
    /// What came before a timeline.
    History(u32),
}

/// Whether a file is as PostgreSQL wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// It is.
    Yes,
    /// It is compressed.
    No,
}

impl Name {
    /// Reads the last part of a key; none where it is another kind of file.
    pub fn parse(name: &str) -> Option<Self> {
        let suffix = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
        let plain = if suffix.is_some() { Plain::No } else { Plain::Yes };
        let name = suffix.unwrap_or(name);
        if let Some(timeline) = name.strip_suffix(".history") {
            return hexadecimal(timeline).filter(|timeline| *timeline > 0).map(Self::History);
        }
        let segment = Segment::parse(name.get(..24)?)?;
        match name.get(24..)? {
            "" => Some(Self::Segment(segment, plain)),
            ".partial" => Some(Self::Partial(segment)),
            rest => {
                let offset = rest.strip_prefix('.')?.strip_suffix(".backup")?;
                hexadecimal(offset).map(|_| Self::Label(segment))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_as_archivers_write_them() {
        let segment = Segment { timeline: 2, log: 0xA, index: 0xFE };
        let name = "000000020000000A000000FE";
        for (text, read) in [
            (name.to_owned(), Some(Name::Segment(segment, Plain::Yes))),
            (format!("{name}.gz"), Some(Name::Segment(segment, Plain::No))),
            (format!("{name}.zst"), Some(Name::Segment(segment, Plain::No))),
            (format!("{name}.partial"), Some(Name::Partial(segment))),
            (format!("{name}.partial.lz4"), Some(Name::Partial(segment))),
            (format!("{name}.00000028.backup"), Some(Name::Label(segment))),
            (format!("{name}.00000028.backup.bz2"), Some(Name::Label(segment))),
            ("00000003.history".to_owned(), Some(Name::History(3))),
            ("00000003.history.snappy".to_owned(), Some(Name::History(3))),
            (name.to_lowercase(), None),
            (format!("{name}.rar"), None),
            (format!("{name}0"), None),
            (format!("{name}.28.backup"), None),
            ("000000000000000A000000FE".to_owned(), None),
            ("00000000.history".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(Name::parse(&text), read, "{text}");
        }
    }

    #[test]
    fn a_log_has_as_many_segments_as_their_size_allows() {
        for (mebibytes, last, next) in [
            (1, "00000001000000000000 0FFF", "000000010000000100000000"),
            (16, "0000000100000000000000FF", "000000010000000100000000"),
            (64, "00000001000000000000003F", "000000010000000100000000"),
            (1024, "000000010000000000000003", "000000010000000100000000"),
        ] {
            let size = SegmentSize::new(mebibytes << 20).unwrap();
            let last = Segment::parse(&last.replace(' ', "")).unwrap();
            let number = size.number(last).unwrap();
            assert_eq!(size.segment(1, number + 1).to_string(), next, "{mebibytes} MiB");
            assert_eq!(size.number(Segment { index: last.index + 1, ..last }), None);
        }
        for bytes in [0, 1 << 19, 3 << 20, 1 << 31] {
            assert_eq!(SegmentSize::new(bytes), None, "{bytes}");
        }
    }

    proptest! {
        #[test]
        fn no_name_is_too_strange(name in "\\PC{0,60}") {
            let _read = Name::parse(&name);
        }

        #[test]
        fn numbers_and_names_are_the_same(power in 20_u32..31, number in 0_u64..1 << 40) {
            let size = SegmentSize::new(1 << power).unwrap();
            let number = number % (u64::from(u32::MAX) * size.per_log());
            let segment = size.segment(7, number);
            prop_assert_eq!(size.number(segment), Some(number));
            prop_assert_eq!(Segment::parse(&segment.to_string()), Some(segment));
        }
    }
}
