//! Lines of a body without end, each of bounded length.

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use kube::client::Body;

/// The longest line that is kept, in bytes. etcd takes objects of 1.5 MiB.
const LONGEST_LINE: usize = 8 << 20;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A whole line, without its end.
    Whole(Bytes),
    /// A line that was longer than is read; it was skipped.
    TooLong,
}

/// Reads a body line by line.
pub(super) struct Lines {
    body: Body,
    held: BytesMut,
    /// How much of `held` was searched for a line end.
    searched: usize,
    skipping: bool,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { body, held: BytesMut::new(), searched: 0, skipping: false }
    }

    /// The next line; none where the body ended. A last line without an end is cut off: none.
    ///
    /// Nothing is lost where the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, kube::Error> {
        loop {
            if let Some(line) = self.held_line() {
                return Ok(Some(line));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(error),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.held.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    fn held_line(&mut self) -> Option<Line> {
        let end = self.held[self.searched..].iter().position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| end + self.searched) else {
            self.searched = self.held.len();
            if self.searched > LONGEST_LINE {
                self.held.clear();
                self.searched = 0;
                self.skipping = true;
            }
            return None;
        };
        self.searched = 0;
        if std::mem::take(&mut self.skipping) || end > LONGEST_LINE {
            self.held.advance(end + 1);
            return Some(Line::TooLong);
        }
        let line = self.held.split_to(end).freeze();
        self.held.advance(1);
        Some(Line::Whole(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: impl Into<Vec<u8>>) -> Lines {
        Lines::new(Body::from(text.into()))
    }

    #[tokio::test]
    async fn a_last_line_without_an_end_is_none() {
        let mut lines = lines("one\ntwo\nthr");
        assert_eq!(lines.next().await.unwrap(), Some(Line::Whole("one".into())));
        assert_eq!(lines.next().await.unwrap(), Some(Line::Whole("two".into())));
        assert_eq!(lines.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
        let mut text = vec![b'x'; LONGEST_LINE + 1];
        text.extend_from_slice(b"\nnext\n");
        let mut lines = lines(text);
        assert_eq!(lines.next().await.unwrap(), Some(Line::TooLong));
        assert_eq!(lines.next().await.unwrap(), Some(Line::Whole("next".into())));
    }
}
