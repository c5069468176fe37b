//! An item's memory: the bounded series of what its checks remembered.
//!
//! Memory is never in a check: a check returns samples of measures that are `remembered`, and is
//! handed the past at its next judgement.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::measure::{Measure, Sample};

/// The most points that one series keeps.
const MOST_POINTS: usize = 720;
/// The most series that one item keeps.
const MOST_SERIES: usize = 2_000;

/// The name of a series: its measure's name and its label values.
type Key = (&'static str, Arc<[Box<str>]>);

/// Series of remembered samples, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Past {
    series: HashMap<Key, VecDeque<(Timestamp, f64)>>,
}

impl Past {
    /// The points of one series, oldest first; empty where nothing is remembered.
    pub fn points(
        &self,
        measure: &'static Measure,
        labels: &[&str],
    ) -> impl DoubleEndedIterator<Item = (Timestamp, f64)> + '_ {
        let key: Key = (measure.name, labels.iter().map(|l| super::measure::bounded(l)).collect());
        self.series.get(&key).into_iter().flatten().copied()
    }

    /// The label values of every remembered series of a measure, in no order.
    pub fn labels(&self, measure: &'static Measure) -> impl Iterator<Item = &[Box<str>]> {
        self.series.keys().filter(|(name, _)| *name == measure.name).map(|(_, labels)| &**labels)
    }

    /// The oldest point that lies within `window` before `now`.
    pub fn since(
        &self,
        measure: &'static Measure,
        labels: &[&str],
        window: Duration,
        now: Timestamp,
    ) -> Option<(Timestamp, f64)> {
        let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
        self.points(measure, labels).find(|(at, _)| *at <= now && now.duration_since(*at) <= window)
    }

    /// Keeps the remembered ones among `samples`, and forgets what has grown too old.
    ///
    /// Points from the future (the clock was set back) are dropped: they would never age.
    pub fn remember(&mut self, samples: &[Sample], now: Timestamp) {
        for sample in samples.iter().filter(|sample| !sample.measure.remembered.is_zero()) {
            let key: Key = (sample.measure.name, Arc::clone(&sample.labels));
            if !self.series.contains_key(&key) && self.series.len() >= MOST_SERIES {
                continue;
            }
            let points = self.series.entry(key).or_default();
            let keep =
                SignedDuration::try_from(sample.measure.remembered).unwrap_or(SignedDuration::MAX);
            points.retain(|(at, _)| *at <= now && now.duration_since(*at) <= keep);
            if points.len() >= MOST_POINTS {
                points.pop_front();
            }
            points.push_back((now, sample.value));
        }
        self.series.retain(|_, points| {
            points.back().is_some_and(|(at, _)| now.duration_since(*at) <= FORGOTTEN)
        });
    }
}

/// A series that nobody has added to for so long belongs to an object that is gone.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    static RESTARTS: Measure = Measure::memory("restarts", &["pod"], Duration::from_secs(600));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn the_past_answers_how_it_was_a_while_ago() {
        let mut past = Past::default();
        for minute in 0..20 {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            past.remember(&[RESTARTS.is(minute as f64, ["a"])], at(minute * 60));
        }
        let five_minutes = Duration::from_secs(300);
        let (_, value) = past.since(&RESTARTS, &["a"], five_minutes, at(19 * 60)).unwrap();
        assert!((value - 14.0).abs() < f64::EPSILON);
        assert_eq!(past.points(&RESTARTS, &["a"]).count(), 11, "ten minutes are kept");
        assert!(past.since(&RESTARTS, &["b"], five_minutes, at(0)).is_none());
        assert_eq!(past.labels(&RESTARTS).collect::<Vec<_>>(), [[Box::from("a")]]);
    }

    #[test]
    fn points_from_the_future_are_dropped() {
        let mut past = Past::default();
        past.remember(&[RESTARTS.is(5.0, ["a"])], at(500));
        past.remember(&[RESTARTS.is(1.0, ["a"])], at(0));
        assert_eq!(past.points(&RESTARTS, &["a"]).collect::<Vec<_>>(), [(at(0), 1.0)]);
    }
}
