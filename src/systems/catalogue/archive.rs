//! An archive of write-ahead log: which segments are there, on which timelines, and which are missing.
//!
//! Segments are kept as runs, so that a million of them without a gap take the room of one.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::history::Switch;
use super::segment::{Name, Plain, Segment, SegmentSize};

/// The most runs of a timeline that are kept.
const MOST_RUNS: usize = 1_000;
/// The most timelines that are kept.
const MOST_TIMELINES: usize = 1_000;

/// What is in an archive, as far as it was listed.
#[derive(Clone, Debug)]
pub struct Archive {
    size: SegmentSize,
    timelines: BTreeMap<u32, Timeline>,
    histories: BTreeMap<u32, String>,
    /// Segments that were seen.
    pub segments: u64,
    /// Segments that are empty or have not their size: as good as missing.
    pub broken: u64,
    /// Whether there is more disorder than is kept.
    pub overflown: bool,
}

/// What there is of a timeline.
#[derive(Clone, Debug, Default)]
struct Timeline {
    runs: Vec<(u64, u64)>,
    newest: Option<(u64, Timestamp)>,
}

/// A part of the log that is needed: segments of one timeline, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The timeline.
    pub timeline: u32,
    /// The number of the first segment.
    pub first: u64,
    /// The number of the last one; before `first` where none is needed.
    pub last: u64,
}

/// Segments that are missing, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first one.
    pub first: Segment,
    /// The last one.
    pub last: Segment,
    /// How many.
    pub count: u64,
}

/// Why no way leads from a backup to the newest timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Astray {
    /// The backup's timeline is no ancestor.
    NoAncestor,
    /// The backup began after its timeline had been left.
    LeftBefore,
}

impl Archive {
    /// An archive of segments of this size.
    pub fn new(size: SegmentSize) -> Self {
        Self {
            size,
            timelines: BTreeMap::new(),
            histories: BTreeMap::new(),
            segments: 0,
            broken: 0,
            overflown: false,
        }
    }

    /// Takes in a file by the last part of its key. Names come in order.
    pub fn add(&mut self, name: &str, bytes: u64, modified: Timestamp) {
        match Name::parse(name) {
            Some(Name::Segment(segment, plain)) => {
                let short = plain == Plain::Yes && bytes != self.size.bytes();
                match self.size.number(segment) {
                    Some(number) if bytes > 0 && !short => {
                        self.segment(segment.timeline, number, modified);
                    }
                    _ => self.broken += 1,
                }
            }
            Some(Name::History(timeline)) if self.histories.len() < MOST_TIMELINES => {
                self.histories.insert(timeline, name.to_owned());
            }
            Some(Name::History(_)) => self.overflown = true,
            Some(Name::Partial(_) | Name::Label(_)) | None => {}
        }
    }

    fn segment(&mut self, timeline: u32, number: u64, modified: Timestamp) {
        if self.timelines.len() >= MOST_TIMELINES && !self.timelines.contains_key(&timeline) {
            self.overflown = true;
            return;
        }
        self.segments += 1;
        let Timeline { runs, newest } = self.timelines.entry(timeline).or_default();
        if newest.is_none_or(|(last, _)| number >= last) {
            *newest = Some((number, modified));
        }
        let room = runs.len() < MOST_RUNS;
        match runs.last_mut() {
            Some((_, last)) if number <= *last => {}
            Some((_, last)) if number == *last + 1 => *last = number,
            _ if room => runs.push((number, number)),
            _ => self.overflown = true,
        }
    }

    /// The newest segment of the newest timeline, and when it was written.
    pub fn newest(&self) -> Option<(Segment, Timestamp)> {
        let (timeline, there) = self.timelines.last_key_value()?;
        let (number, modified) = there.newest?;
        Some((self.size.segment(*timeline, number), modified))
    }

    /// The name of the file that tells what came before a timeline.
    pub fn history(&self, timeline: u32) -> Option<&str> {
        self.histories.get(&timeline).map(String::as_str)
    }

    /// What is needed from `first` on, the first segment of a backup, to the newest segment;
    /// `switches` is what came before the newest timeline.
    ///
    /// # Errors
    /// No way leads there.
    pub fn way(&self, first: Segment, switches: &[Switch]) -> Result<Vec<Leg>, Astray> {
        let start = self.size.number(first).ok_or(Astray::NoAncestor)?;
        let Some((newest, _)) = self.newest() else { return Ok(Vec::new()) };
        let end = self.size.number(newest).ok_or(Astray::NoAncestor)?;
        if newest.timeline == first.timeline {
            return Ok(vec![Leg { timeline: first.timeline, first: start, last: end }]);
        }
        let mut legs = Vec::new();
        let (mut timeline, mut from) = (first.timeline, start);
        let own = switches.iter().position(|switch| switch.timeline == timeline);
        // Where the listing ended early, later timelines were not seen.
        let seen = switches.partition_point(|switch| switch.timeline < newest.timeline);
        let between = own.and_then(|own| switches.get(own..seen)).ok_or(Astray::NoAncestor)?;
        let mut rest = between.iter().peekable();
        while let Some(switch) = rest.next() {
            let left = self.size.number_at(switch.place);
            if left < from {
                return Err(Astray::LeftBefore);
            }
            // The segment in which it was left is whole on the next timeline alone.
            if left > from {
                legs.push(Leg { timeline, first: from, last: left - 1 });
            }
            timeline = rest.peek().map_or(newest.timeline, |next| next.timeline);
            from = left;
        }
        legs.push(Leg { timeline, first: from, last: end.max(from) });
        Ok(legs)
    }

    /// What is missing of a part of the log, in order; at most `most`, and how many there are.
    pub fn gaps(&self, leg: Leg, most: usize) -> (Vec<Gap>, u64) {
        let Leg { timeline, first, last } = leg;
        let (mut gaps, mut count) = (Vec::new(), 0);
        let mut missing = |from: u64, to: u64| {
            if from <= to {
                count += 1;
                if gaps.len() < most {
                    let (first, last) =
                        (self.size.segment(timeline, from), self.size.segment(timeline, to));
                    gaps.push(Gap { first, last, count: to - from + 1 });
                }
            }
        };
        let mut wanted = first;
        let runs = self.timelines.get(&timeline).map(|there| there.runs.as_slice());
        for (begin, end) in runs.unwrap_or_default() {
            if *end < wanted || *begin > last {
                continue;
            }
            if *begin > wanted {
                missing(wanted, *begin - 1);
            }
            wanted = end + 1;
        }
        missing(wanted, last);
        (gaps, count)
    }

    /// The number of a segment.
    pub fn number(&self, segment: Segment) -> Option<u64> {
        self.size.number(segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 16 << 20;

    fn archive(names: &[&str]) -> Archive {
        let mut archive = Archive::new(SegmentSize::new(SIZE).unwrap());
        for name in names {
            let bytes = if name.contains('.') { 9 } else { SIZE };
            archive.add(name, bytes, Timestamp::UNIX_EPOCH);
        }
        archive
    }

    fn segment(name: &str) -> Segment {
        Segment::parse(name).unwrap()
    }

    fn missing(archive: &Archive, first: &str, switches: &[Switch]) -> Vec<String> {
        let way = archive.way(segment(first), switches).unwrap();
        let gaps = way.into_iter().flat_map(|leg| archive.gaps(leg, 9).0);
        gaps.map(|gap| format!("{}+{}", gap.first, gap.count)).collect()
    }

    const FIRST: &str = "0000000100000000000000FE";

    #[test]
    fn a_log_without_a_gap_crosses_from_one_log_to_the_next() {
        let whole = archive(&[
            FIRST,
            "0000000100000000000000FF.gz",
            "000000010000000100000000.gz",
            "000000010000000100000000.00000028.backup.gz",
        ]);
        assert_eq!(missing(&whole, FIRST, &[]), Vec::<String>::new());
        let holed = archive(&[FIRST, "000000010000000100000000", "000000010000000100000003"]);
        assert_eq!(
            missing(&holed, FIRST, &[]),
            ["0000000100000000000000FF+1", "000000010000000100000001+2"]
        );
    }

    #[test]
    fn the_first_segment_may_be_the_one_that_is_missing() {
        let late = archive(&["0000000100000000000000FF"]);
        assert_eq!(missing(&late, FIRST, &[]), ["0000000100000000000000FE+1"]);
    }

    #[test]
    fn an_empty_or_a_short_segment_is_a_missing_one() {
        let mut archive = archive(&[FIRST, "000000010000000100000000"]);
        let mut again = archive.clone();
        again.add("0000000100000000000000FF", SIZE - 1, Timestamp::UNIX_EPOCH);
        archive.add("0000000100000000000000FF.gz", 0, Timestamp::UNIX_EPOCH);
        for archive in [archive, again] {
            assert_eq!(archive.broken, 1);
            assert_eq!(missing(&archive, FIRST, &[]).len(), 1);
        }
    }

    #[test]
    fn a_timeline_goes_on_in_the_segment_in_which_the_last_was_left() {
        let left = Switch { timeline: 1, place: 0x1_0000_0028 };
        let names = [
            FIRST,
            "0000000100000000000000FF",
            "000000010000000100000000.partial",
            "000000020000000100000000",
            "000000020000000100000001",
            "00000002.history",
        ];
        let whole = archive(&names);
        assert_eq!(whole.history(2), Some("00000002.history"));
        assert_eq!(missing(&whole, FIRST, &[left]), Vec::<String>::new());
        let without = archive(&names.map(|name| if name == names[3] { "x" } else { name }));
        assert_eq!(missing(&without, FIRST, &[left]), ["000000020000000100000000+1"]);
        let without = archive(&names.map(|name| if name == names[1] { "x" } else { name }));
        assert_eq!(missing(&without, FIRST, &[left]), ["0000000100000000000000FF+1"]);
    }

    #[test]
    fn a_timeline_that_nothing_was_written_to_in_between_is_passed_through() {
        let first = Switch { timeline: 1, place: 0x1_0000_0028 };
        let second = Switch { timeline: 2, place: 0x1_0000_0100 };
        let three = archive(&[FIRST, "0000000100000000000000FF", "000000030000000100000000"]);
        assert_eq!(missing(&three, FIRST, &[first, second]), Vec::<String>::new());
    }

    #[test]
    fn a_backup_of_a_branch_that_was_left_leads_nowhere() {
        let archive = archive(&[FIRST, "000000030000000000000010"]);
        let early = Switch { timeline: 1, place: 0x1000_0000 };
        assert_eq!(archive.way(segment(FIRST), &[early]), Err(Astray::LeftBefore));
        let other = Switch { timeline: 2, place: 0x1000_0000 };
        assert_eq!(archive.way(segment(FIRST), &[other]), Err(Astray::NoAncestor));
    }

    #[test]
    fn disorder_is_bounded_and_said() {
        let mut archive = archive(&[]);
        let size = SegmentSize::new(SIZE).unwrap();
        for number in 0..3_000 {
            let name = size.segment(1, number * 2).to_string();
            archive.add(&name, SIZE, Timestamp::UNIX_EPOCH);
        }
        assert!(archive.overflown);
        assert_eq!(archive.timelines[&1].runs.len(), MOST_RUNS);
    }
}
