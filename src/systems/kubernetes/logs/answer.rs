//! The lines of an answer: which of them are new, and where the next look goes on.
//!
//! Lines come in the order in which they were written, each behind its time, and times may repeat or
//! step back a little (two streams are written to one file). A look asks from a whole second on, as
//! the API server cuts fractions off, and so sees some lines again: what was read is found by the
//! time of the last line and how many lines bear it.

use jiff::{SignedDuration, Timestamp};

/// Where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The time of the last line that was read.
    pub at: Timestamp,
    /// How many lines with this time were read; with none, lines of this time are still to come.
    pub same: u64,
}

impl Cursor {
    /// From a time on.
    pub const fn from(at: Timestamp) -> Self {
        Self { at, same: 0 }
    }
}

/// A line without its end is still being written for so long.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// What an answer is.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its body.
    pub body: &'a [u8],
    /// Whether it was cut by the limit: its last line may go on.
    pub cut: bool,
    /// Whether nothing will be added any more.
    pub ended: bool,
    /// When it was asked for.
    pub now: Timestamp,
}

/// What was taken of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Where reading goes on.
    pub cursor: Cursor,
    /// How many lines were new.
    pub lines: u64,
    /// Whether the body has no line that bears a time, though it is not empty: it is no log.
    pub no_log: bool,
}

struct Line<'a> {
    at: Timestamp,
    text: &'a [u8],
    whole: bool,
}

/// The lines of a body. What bears no time bears that of the line before; what stands before the
/// first time is left out.
fn lines(body: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut last = None;
    body.split_inclusive(|byte| *byte == b'\n').filter_map(move |line| {
        let (line, whole) = match line.strip_suffix(b"\n") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let (at, text) = match stamped(line) {
            Some((at, text)) => (at, text),
            None => (last?, line),
        };
        last = Some(at);
        Some(Line { at, text: text.strip_suffix(b"\r").unwrap_or(text), whole })
    })
}

fn stamped(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let space = line.iter().take(48).position(|byte| *byte == b' ');
    let (stamp, text) = match space {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (line, &[][..]),
    };
    let stamp = std::str::from_utf8(stamp).ok()?;
    // A date without a time is no stamp, whatever a parser makes of it.
    if !stamp.contains('T') {
        return None;
    }
    Some((stamp.parse().ok()?, text))
}

/// Hands each new line to `each`, with its time.
pub fn take(answer: &Answer<'_>, last: Cursor, mut each: impl FnMut(Timestamp, &[u8])) -> Taken {
    let place = place_of(answer.body, last);
    let mut taken = Taken { cursor: last, lines: 0, no_log: false };
    let mut stamped = false;
    let mut end = None;
    for (number, line) in lines(answer.body).enumerate() {
        stamped = true;
        let is_new = match place {
            Some(place) => number > place,
            None if last.same == 0 => line.at >= last.at,
            None => line.at > last.at,
        };
        if !is_new {
            continue;
        }
        let is_over = if answer.cut {
            // One line that is longer than the limit is all that will ever come of it.
            taken.lines == 0
        } else {
            answer.ended || answer.now.duration_since(line.at) > SETTLED_AFTER
        };
        if !line.whole && !is_over {
            break;
        }
        each(line.at, line.text);
        taken.lines += 1;
        end = Some((number, line.at));
    }
    taken.no_log = !stamped && !answer.body.is_empty() && !answer.cut;
    if let Some((number, at)) = end {
        let before = lines(answer.body).take(number + 1);
        taken.cursor = Cursor { at, same: before.filter(|line| line.at == at).count() as u64 };
    }
    taken
}

/// The place of the last line that was read before, where it is in this body.
fn place_of(body: &[u8], last: Cursor) -> Option<usize> {
    let index = usize::try_from(last.same.checked_sub(1)?).ok()?;
    let same = lines(body).enumerate().filter(|(_, line)| line.at == last.at);
    same.map(|(number, _)| number).nth(index)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn answer(body: &[u8]) -> Answer<'_> {
        Answer { body, cut: false, ended: false, now: at(0) }
    }

    fn read(answer: &Answer<'_>, last: Cursor) -> (Vec<String>, Taken) {
        let mut read = Vec::new();
        let taken = take(answer, last, |_, line| {
            read.push(String::from_utf8_lossy(line).into_owned());
        });
        (read, taken)
    }

    const BEGIN: Cursor = Cursor::from(Timestamp::MIN);

    #[test]
    fn lines_of_one_time_are_neither_lost_nor_read_twice() {
        let body = b"2023-11-14T22:13:20.000000001Z a\n2023-11-14T22:13:20.000000002Z b\n\
            2023-11-14T22:13:20.000000002Z c\n";
        let (first, taken) = read(&answer(body), BEGIN);
        assert_eq!(first, ["a", "b", "c"]);
        let mut more = body.to_vec();
        more.extend_from_slice(b"2023-11-14T22:13:20.000000002Z d\n");
        // A stream whose line was stamped earlier, and written later.
        more.extend_from_slice(b"2023-11-14T22:13:20.000000001Z e\n");
        let (second, taken) = read(&answer(&more), taken.cursor);
        assert_eq!(second, ["d", "e"]);
        let (third, taken) = read(&answer(&more), taken.cursor);
        assert_eq!((third, taken.lines), (Vec::new(), 0));
    }

    #[test]
    fn a_file_that_was_turned_over_goes_on_behind_the_last_time() {
        let last = Cursor { at: at(5), same: 2 };
        let body = b"2023-11-14T22:13:25Z old\n2023-11-14T22:13:26+00:00 new\n";
        assert_eq!(read(&answer(body), last).0, ["new"]);
        assert_eq!(read(&answer(body), Cursor::from(at(5))).0, ["old", "new"]);
    }

    #[test]
    fn a_line_without_its_end_waits_until_it_is_over() {
        let body = b"2023-11-14T22:13:20Z a\n2023-11-14T22:13:20Z b";
        assert_eq!(read(&answer(body), BEGIN).0, ["a"]);
        for (cut, ended, now, lines) in [
            (false, true, 0, &["a", "b"][..]),
            (false, false, 11, &["a", "b"]),
            (true, false, 11, &["a"]),
            (true, true, 11, &["a"]),
        ] {
            let answer = Answer { body, cut, ended, now: at(now) };
            assert_eq!(read(&answer, BEGIN).0, lines, "{cut} {ended} {now}");
        }
    }

    #[test]
    fn a_line_longer_than_the_limit_is_read_once() {
        let body = b"2023-11-14T22:13:20Z aaaaaaaaaaaaa";
        let cut = Answer { cut: true, ..answer(body) };
        let (first, taken) = read(&cut, BEGIN);
        assert_eq!(first, ["aaaaaaaaaaaaa"]);
        assert_eq!(read(&cut, taken.cursor).0, Vec::<String>::new(), "and is stuck there");
    }

    #[test]
    fn what_bears_no_time_is_no_log() {
        assert!(read(&answer(b"unable to retrieve container logs for x://1\n"), BEGIN).1.no_log);
        assert!(read(&answer(b"2023-11-14 22:13:20\n"), BEGIN).1.no_log);
        assert!(!read(&answer(b""), BEGIN).1.no_log);
        let (lines, _) = read(&answer(b"2023-11-14T22:13:20Z a\n  at b\n"), BEGIN);
        assert_eq!(lines, ["a", "  at b"], "what follows belongs to its time");
        assert_eq!(read(&answer(b"2023-11-14T22:13:20Z\n"), BEGIN).0, [""], "an empty line");
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(body: Vec<u8>, cut: bool, ended: bool, same in 0u64..3) {
            let answer = Answer { body: &body, cut, ended, now: at(0) };
            read(&answer, Cursor { at: at(0), same });
        }

        /// However a log is cut into answers, each line is read once, in order.
        #[test]
        fn every_line_is_read_once(
            gaps in proptest::collection::vec((0i64..3, 0usize..30), 1..60),
            limit in 90usize..400,
        ) {
            let mut now = at(0);
            let mut written = Vec::new();
            for (number, (gap, length)) in gaps.iter().enumerate() {
                now += SignedDuration::from_millis(400 * gap);
                written.push((now, format!("{number}-{}", "x".repeat(*length))));
            }
            let (mut cursor, mut all) = (BEGIN, Vec::new());
            for _ in 0..400 {
                let since = Timestamp::from_second(cursor.at.as_second()).unwrap();
                let whole: String = written
                    .iter()
                    .filter(|(at, _)| *at >= since)
                    .flat_map(|(at, text)| [format!("{at:.9} "), text.clone(), "\n".to_owned()])
                    .collect();
                let body = &whole.as_bytes()[..whole.len().min(limit)];
                let cut = body.len() >= limit;
                let answer = Answer { body, cut, ended: true, now };
                let (lines, taken) = read(&answer, cursor);
                all.extend(lines);
                cursor = taken.cursor;
                if !cut {
                    break;
                }
                if taken.lines == 0 {
                    // A second that is longer than the limit: the rest of it can't be had.
                    return Ok(());
                }
            }
            let expected: Vec<_> = written.iter().map(|(_, text)| text.clone()).collect();
            let whole = all.iter().zip(&expected).all(|(read, line)| line.starts_with(read));
            prop_assert!(whole && all.len() == expected.len(), "{all:?}");
        }
    }
}
