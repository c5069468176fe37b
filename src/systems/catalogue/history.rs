//! Timelines: the file that PostgreSQL writes where a new one begins.
//!
//! Each line names an ancestor and the place in the log where it was left: `1\t0/5000000\twhy`.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// The largest file that is read, in bytes, unpacked.
pub const LARGEST: u64 = 256 * 1024;

/// Where a timeline was left for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The timeline that was left.
    pub timeline: u32,
    /// The place in the log, in bytes.
    pub place: u64,
}

/// Why a history can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is compressed in a way that is not read here.
    Compressed,
    /// It is not what PostgreSQL writes; a sentence says why.
    Garbled(String),
}

/// Reads the file of this name, which tells by its end how it is compressed.
///
/// # Errors
/// It can't be read.
pub fn read(name: &str, bytes: &[u8]) -> Result<Vec<Switch>, Unread> {
    if name.ends_with(".history") {
        return lines(bytes);
    }
    if !name.ends_with(".history.gz") {
        return Err(Unread::Compressed);
    }
    let mut text = Vec::new();
    let unpacked = MultiGzDecoder::new(bytes).take(LARGEST + 1).read_to_end(&mut text);
    unpacked.map_err(|_| Unread::Garbled("it can't be unpacked".to_owned()))?;
    lines(&text)
}

fn lines(bytes: &[u8]) -> Result<Vec<Switch>, Unread> {
    let garbled = |why: &str| Unread::Garbled(why.to_owned());
    if bytes.len() as u64 > LARGEST {
        return Err(garbled("it is larger than 256 KiB"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| garbled("it is not UTF-8"))?;
    let mut switches = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let switch = switch(line).ok_or_else(|| garbled("a line has no timeline and place"))?;
        if switches.last().is_some_and(|last: &Switch| last.timeline >= switch.timeline) {
            return Err(garbled("its timelines do not grow"));
        }
        switches.push(switch);
    }
    if switches.is_empty() { Err(garbled("it names no timeline")) } else { Ok(switches) }
}

fn switch(line: &str) -> Option<Switch> {
    let mut parts = line.split_ascii_whitespace();
    let timeline = parts.next()?.parse().ok().filter(|timeline| *timeline > 0)?;
    Some(Switch { timeline, place: place(parts.next()?)? })
}

/// A place in the log, `2/82000168`.
pub fn place(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    let half = |digits: &str| {
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        (plain && digits.len() <= 8).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    Some(u64::from(half(high)?) << 32 | u64::from(half(low)?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    const TWO: &str = "1\t0/5000000\tno recovery target specified\n\n2\t1/82000168\tbefore 2026\n";

    #[test]
    fn ancestors_are_read_in_order_plain_or_packed() {
        let two = vec![
            Switch { timeline: 1, place: 0x500_0000 },
            Switch { timeline: 2, place: 0x1_8200_0168 },
        ];
        assert_eq!(read("00000003.history", TWO.as_bytes()), Ok(two.clone()));
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(TWO.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(read("00000003.history.gz", &packed), Ok(two));
        assert_eq!(read("00000003.history.zst", &packed), Err(Unread::Compressed));
        let half = &packed[..packed.len() / 2];
        assert!(matches!(read("00000003.history.gz", half), Err(Unread::Garbled(_))));
    }

    #[test]
    fn what_is_no_history_is_not_read_as_an_empty_one() {
        for text in ["", "# nothing\n", "1\n", "0\t0/1\tx", "2\t0/1\tx\n1\t0/2\tx", "1\t0-1\tx"] {
            assert!(read("00000003.history", text.as_bytes()).is_err(), "{text:?}");
        }
        let bomb = "#".repeat(300 * 1024);
        assert!(read("00000003.history", bomb.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _plain = read("00000003.history", &bytes);
            let _packed = read("00000003.history.gz", &bytes);
        }
    }
}
