//! Lines: of logs, and of event streams.

use jiff::Timestamp;
use vigie::checks::event_stream::lines::{LONGEST_LINE, Lines, Wrong};
use vigie::checks::pod_logs::line::{Errors, excerpt, level, text};
use vigie::systems::kubernetes::logs::answer::{Answer, Cursor, take};

use super::laws::{chosen, is_legible};

/// A part of a log as the API server sends it; the first byte says what is known of it.
pub fn log_lines(data: &[u8]) -> bool {
    let (choice, body) = chosen(data);
    let (cut, ended) = (choice & 1 != 0, choice & 2 != 0);
    let answer = Answer { body, cut, ended, now: Timestamp::UNIX_EPOCH };
    let errors = Errors::default();
    let mut lines = 0_u64;
    let first = take(&answer, Cursor::from(Timestamp::MIN), |_, line| {
        lines += 1;
        let text = text(line);
        level(line, &text, &errors);
        assert!(is_legible(&excerpt(&text), 200), "{text:?}");
        assert!(!line.contains(&b'\n'));
    });
    assert_eq!(first.lines, lines);
    assert!(lines <= body.len() as u64, "{lines} lines in {} bytes", body.len());
    assert!(!first.no_log || lines == 0, "what is no log has lines");
    if cut {
        // The line at which it was cut is read at last, where nothing else is new.
        return lines > 0;
    }
    let again = take(&answer, first.cursor, |_, line| panic!("read twice: {line:?}"));
    assert_eq!((again.cursor, again.lines), (first.cursor, 0));
    if body.ends_with(b"\n") && lines > 0 && !first.no_log {
        let more = [body, b"2999-01-01T00:00:00Z one more\n"].concat();
        let answer = Answer { body: &more, ..answer };
        let mut news = Vec::new();
        let next = take(&answer, first.cursor, |_, line| news.push(line.to_vec()));
        assert_eq!((next.lines, news), (1, vec![b"one more".to_vec()]), "a line is lost");
    }
    lines > 0
}

/// A stream of events; the first byte says where it is cut.
pub fn event_stream(data: &[u8]) -> bool {
    let (choice, bytes) = chosen(data);
    let whole = Lines::default().take(bytes);
    let step = usize::from(choice).max(1);
    let mut lines = Lines::default();
    let pieces: Result<usize, Wrong> = bytes.chunks(step).map(|piece| lines.take(piece)).sum();
    assert_eq!(pieces, whole, "where it is cut makes a difference");
    match whole {
        Ok(count) => {
            assert!(count <= bytes.len());
            count > 0
        }
        Err(Wrong::UnknownField(name)) => {
            assert!(is_legible(&name, 40), "{name:?}");
            false
        }
        Err(Wrong::TooLong) => {
            assert!(bytes.len() > LONGEST_LINE);
            false
        }
        Err(Wrong::NotText | Wrong::Retry) => false,
    }
}
