//! Slices of MongoDB's oplog, as Percona Backup for MongoDB names them.
//!
//! `<replica set>/20260315/20260315021500-1.20260315022500-7.oplog.s2`: from when to when.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A place in an oplog: a second, and which one within it.
pub type Place = (i64, u32);

/// A slice: from a place to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slice {
    /// Where it begins.
    pub start: Place,
    /// Where it ends.
    pub end: Place,
}

/// A part of the oplog that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last second before it.
    pub from: Timestamp,
    /// The first one after it.
    pub to: Timestamp,
}

impl Slice {
    /// Reads the last part of a key; none where it is another kind of file. Of what is split into
    /// parts, the first bears the name.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let slice = Self { start: place(parts.next()?)?, end: place(parts.next()?)? };
        let known = parts.next()? == "oplog" && !name.contains(".pbmpart.");
        (known && slice.start <= slice.end).then_some(slice)
    }
}

fn place(text: &str) -> Option<Place> {
    let (date, count) = text.split_once('-').unwrap_or((text, "0"));
    if date.len() != 14 || !date.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let date = DateTime::strptime("%Y%m%d%H%M%S", date).ok()?;
    Some((TimeZone::UTC.to_timestamp(date).ok()?.as_second(), count.parse().ok()?))
}

/// What is missing between `from` and the end of the last slice; at most `most`.
pub fn gaps(slices: &mut [Slice], from: Place, most: usize) -> Vec<Gap> {
    slices.sort_unstable();
    let mut gaps = Vec::new();
    let mut covered = from;
    let at = |(second, _): Place| Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    for slice in slices.iter().filter(|slice| slice.end > from) {
        if slice.start > covered && gaps.len() < most {
            gaps.push(Gap { from: at(covered), to: at(slice.start) });
        }
        covered = covered.max(slice.end);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_as_pbm_writes_them() {
        let slice = Slice::parse("20200715155939-0.20200715160029-1.oplog.snappy").unwrap();
        assert_eq!(slice, Slice { start: (1_594_828_779, 0), end: (1_594_828_829, 1) });
        assert!(Slice::parse("20200715155939-0.20200715160029-1.oplog").is_some());
        for other in [
            "20200715155939-0.20200715160029-1.gz",
            "20200715155939-0.20200715160029-1.oplog.s2.pbmpart.1",
            "20200715160029-1.20200715155939-0.oplog",
            "20201315155939-0.20200715160029-1.oplog",
            "filelist.pbm",
            "",
        ] {
            assert_eq!(Slice::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_gap_lies_where_no_slice_goes_on() {
        let slice = |start, end| Slice { start: (start, 1), end: (end, 1) };
        let mut whole = [slice(90, 110), slice(110, 120), slice(115, 130), slice(20, 30)];
        assert_eq!(gaps(&mut whole, (100, 0), 9), []);
        let mut holed = [slice(90, 110), slice(111, 120)];
        assert_eq!(gaps(&mut holed, (100, 0), 9).len(), 1);
        let mut late = [slice(105, 110)];
        assert_eq!(gaps(&mut late, (100, 0), 9).len(), 1);
    }

    proptest! {
        #[test]
        fn no_name_is_too_strange(name in "\\PC{0,60}") {
            let _read = Slice::parse(&name);
        }
    }
}
