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
const MOST_POINTS: usize = MOST_POINTS_WITHIN as usize;
/// Into so many parts the time is cut that a measure is remembered for; a part has one point.
const MOST_POINTS_WITHIN: u32 = 720;
/// The most series that one item keeps.
const MOST_SERIES: usize = 2_000;

/// The name of a series: its measure's name and its label values.
type Key = (&'static str, Arc<[Box<str>]>);
/// When, and what it was.
type Point = (Timestamp, f64);

/// Series of remembered samples, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Past {
    series: HashMap<Key, VecDeque<Point>>,
    single: bool,
}

/// How a series was over a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The mean of its points, in the measure's unit.
    pub mean: f64,
    /// How many points there are.
    pub points: usize,
    /// From the first of them to the last.
    pub span: SignedDuration,
}

impl Past {
    /// The past of a look that is the only one: nothing was remembered for it, and nothing will be.
    pub fn of_a_single_look() -> Self {
        Self { series: HashMap::new(), single: true }
    }

    /// Whether a look with this past is the only one: what begins with it is never seen to last.
    pub const fn is_of_a_single_look(&self) -> bool {
        self.single
    }

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

    /// How a series was in the `window` before a moment, such as the beginning of a deployment; none
    /// where nothing of it is remembered.
    pub fn level(
        &self,
        measure: &'static Measure,
        labels: &[&str],
        before: Timestamp,
        window: Duration,
    ) -> Option<Level> {
        let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
        let is_in = |at: Timestamp| at < before && before.duration_since(at) <= window;
        let points: Vec<_> = self
            .points(measure, labels)
            .filter(|(at, value)| is_in(*at) && value.is_finite())
            .collect();
        let ((first, _), (last, _)) = (points.first()?, points.last()?);
        #[expect(clippy::cast_precision_loss, reason = "at most 720 points")]
        let mean = points.iter().map(|(_, value)| value).sum::<f64>() / points.len() as f64;
        Some(Level { mean, points: points.len(), span: last.duration_since(*first) })
    }

    /// All series: the measure's name, the label values, and the points, oldest first.
    pub fn series(
        &self,
    ) -> impl Iterator<Item = (&'static str, &Arc<[Box<str>]>, &VecDeque<Point>)> {
        self.series.iter().map(|((name, labels), points)| (*name, labels, points))
    }

    /// Takes a series in that an earlier run remembered, under the name of a measure of this
    /// program; at most as much of it as would be remembered now, the newest points first.
    pub fn restore(
        &mut self,
        measure: &'static str,
        labels: Arc<[Box<str>]>,
        points: impl IntoIterator<Item = Point>,
    ) {
        if self.series.len() >= MOST_SERIES {
            return;
        }
        let mut points: VecDeque<_> = points.into_iter().collect();
        points.make_contiguous().sort_by_key(|(at, _)| *at);
        points.drain(..points.len().saturating_sub(MOST_POINTS));
        if !points.is_empty() {
            self.series.insert((measure, labels), points);
        }
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
            thin(points, sample.measure.remembered / MOST_POINTS_WITHIN);
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

/// Makes room for a point: the newest is always kept, and of those before it no two closer than
/// `apart`, so that what is remembered for long has a point for all of the while.
fn thin(points: &mut VecDeque<(Timestamp, f64)>, apart: Duration) {
    if let [.., (before, _), (last, _)] = *points.make_contiguous()
        && last.duration_since(before).unsigned_abs() < apart
    {
        points.pop_back();
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
    fn a_long_memory_is_thin_and_has_no_hole() {
        static RATE: Measure = Measure::memory("rate", &[], Duration::from_secs(86_400));
        let mut past = Past::default();
        let day = 86_400;
        for second in (0..2 * day).step_by(30) {
            past.remember(&[RATE.is(if second < day { 4.0 } else { 8.0 }, [])], at(second));
        }
        let points: Vec<_> = past.points(&RATE, &[]).collect();
        assert!((600..=MOST_POINTS).contains(&points.len()), "{}", points.len());
        assert_eq!(points.last().unwrap().0, at(2 * day - 30), "the newest is kept");
        let apart = |pair: &[(Timestamp, f64)]| pair[1].0.duration_since(pair[0].0).as_secs();
        assert!(points.windows(2).all(|pair| apart(pair) <= 150));
        assert!(apart(&[points[0], *points.last().unwrap()]) > day - 300);
    }

    #[test]
    fn a_level_is_that_of_before_alone() {
        let mut past = Past::default();
        for (second, value) in [(0, 90.0), (100, 2.0), (200, 4.0), (300, f64::NAN), (400, 50.0)] {
            past.remember(&[RESTARTS.is(value, ["a"])], at(second));
        }
        let level = past.level(&RESTARTS, &["a"], at(400), Duration::from_secs(300)).unwrap();
        let wanted = Level { mean: 3.0, points: 2, span: SignedDuration::from_secs(100) };
        assert_eq!(level, wanted);
        assert_eq!(past.level(&RESTARTS, &["b"], at(400), Duration::from_secs(300)), None);
        assert_eq!(past.level(&RESTARTS, &["a"], at(0), Duration::from_secs(300)), None);
    }

    #[test]
    fn what_is_restored_is_bounded_and_in_order() {
        let mut past = Past::default();
        let labels = || Arc::from([Box::from("a")]);
        past.restore("restarts", labels(), (0..1_000).rev().map(|second| (at(second), 1.0)));
        let points: Vec<_> = past.points(&RESTARTS, &["a"]).collect();
        assert_eq!((points.len(), points[0].0), (MOST_POINTS, at(280)), "the newest");
        assert_eq!(points.last().unwrap().0, at(999));
        past.restore("restarts", Arc::from([Box::from("b")]), []);
        assert_eq!(past.series().count(), 1, "no empty series");
    }

    #[test]
    fn points_from_the_future_are_dropped() {
        let mut past = Past::default();
        past.remember(&[RESTARTS.is(5.0, ["a"])], at(500));
        past.remember(&[RESTARTS.is(1.0, ["a"])], at(0));
        assert_eq!(past.points(&RESTARTS, &["a"]).collect::<Vec<_>>(), [(at(0), 1.0)]);
    }
}
