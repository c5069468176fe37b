//! Reading replies about queues, one after the other.

use jiff::Timestamp;

use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::redis::Reply;

/// The longest job id that is looked up, in bytes.
const LONGEST_ID: usize = 1_024;

/// Replies, read one after the other.
pub(super) struct Answers<'a>(pub(super) std::slice::Iter<'a, Reply>);

impl<'a> Answers<'a> {
    pub(super) fn next(&mut self) -> Result<&'a Reply, Obstacle> {
        self.0.next().ok_or_else(|| garbled("Redis left a question about the queue unanswered"))
    }

    pub(super) fn count(&mut self) -> Result<u64, Obstacle> {
        self.next()?.count()
    }

    /// The score of the one member that was asked for, a time in milliseconds.
    pub(super) fn first_time(&mut self) -> Result<Option<Timestamp>, Obstacle> {
        let members = self.next()?.list()?;
        members.get(1).copied().flatten().map(|score| time(whole(score)?)).transpose()
    }

    /// The next `count` of them.
    pub(super) fn take(&mut self, count: usize) -> Self {
        let all = self.0.as_slice();
        let (mine, rest) = all.split_at(count.min(all.len()));
        self.0 = rest.iter();
        Self(mine.iter())
    }
}

pub(super) fn ids(list: &[Option<&[u8]>]) -> Result<Vec<Vec<u8>>, Obstacle> {
    let mut ids = Vec::new();
    for id in list.iter().flatten() {
        if id.len() > LONGEST_ID {
            return Err(garbled(&format!("a job's id has {} bytes", id.len())));
        }
        ids.push(id.to_vec());
    }
    Ok(ids)
}

pub(super) fn number(text: Option<&[u8]>) -> Result<Option<i64>, Obstacle> {
    let Some(text) = text else { return Ok(None) };
    let whole_number = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    // A delay that was worked out may have a fraction.
    let number = whole_number.or_else(|| whole(text.trim_ascii()).ok());
    number.map(Some).ok_or_else(|| garbled("a number of the queue is none"))
}

pub(super) fn time(millis: i64) -> Result<Timestamp, Obstacle> {
    Timestamp::from_millisecond(millis).map_err(|_| garbled("a job bears a time beyond all years"))
}

/// No time in ms, times 4096, is so small since 1971, and none in ms alone so large until 5138.
const LEAST_SCALED: i64 = 100_000_000_000_000;

/// When the first delayed job is due, from `[id, score]`: the score is the time in ms, times 4096;
/// of the oldest versions it is the time in ms.
pub(super) fn due(first: &[Option<&[u8]>]) -> Result<Option<Timestamp>, Obstacle> {
    let Some(score) = first.get(1).copied().flatten() else { return Ok(None) };
    let score = whole(score)?;
    time(if score < LEAST_SCALED { score } else { score / 4_096 }).map(Some)
}

/// A score without its fraction.
pub(super) fn whole(score: &[u8]) -> Result<i64, Obstacle> {
    let score = std::str::from_utf8(score).ok().and_then(|score| score.parse::<f64>().ok());
    let score = score.filter(|score| score.is_finite());
    let score = score.ok_or_else(|| garbled("a score in the queue is no number"))?;
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a finite float saturates")]
    Ok(score as i64)
}

pub(super) fn garbled(because: &str) -> Obstacle {
    Obstacle::new(Reason::GARBLED, because)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delayed_job_is_due_when_its_score_says_scaled_or_not() {
        let at = |score: &str| due(&[Some(b"7"), Some(score.as_bytes())]);
        let then = Some(Timestamp::from_second(1_800_000_000).unwrap());
        assert_eq!(at("7372800000000007").unwrap(), then);
        assert_eq!(at("7.372800000000007e+15").unwrap(), then);
        assert_eq!(at("1800000000000").unwrap(), then);
        assert_eq!(due(&[]).unwrap(), None);
        for none in ["nan", "inf", "-inf", "soon", ""] {
            assert_eq!(at(none).unwrap_err().reason, Reason::GARBLED, "{none}");
        }
    }

    #[test]
    fn numbers_may_have_fractions_and_must_be_numbers() {
        assert_eq!(number(None).unwrap(), None);
        assert_eq!(number(Some(b" 9007199254740993 ")).unwrap(), Some(9_007_199_254_740_993));
        assert_eq!(number(Some(b"523.25")).unwrap(), Some(523));
        for none in [&b"NaN"[..], b"inf", b"", b"\xff", b"7 jobs"] {
            assert!(number(Some(none)).is_err(), "{none:?}");
        }
    }
}
