//! Judging what an expression amounts to: pure.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::baseline::Before;
use super::{
    ABOVE_LIMIT, ANSWER_TOO_OLD, BELOW_LIMIT, INFINITE, NO_SERIES, NOT_A_FIGURE, NOT_A_NUMBER,
    PARTIAL_ANSWER, PrometheusQuery, SAMPLE_TOO_OLD, SERIES, Seen, VALUE, baseline,
};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::measure::{BASELINE, Sample};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::prometheus::{self, Figures, Row};

/// The subjects of `vigie_query_value` where no series is expected by name.
pub(super) const EXTREMES: [&str; 2] = ["highest", "lowest"];
/// The most labels that a series is named by, and the most characters of each.
const MOST_LABELS: usize = 6;
const LONGEST_VALUE: usize = 60;

/// The rows of an answer, a scalar being one without labels.
pub(super) fn rows(answer: prometheus::Answer) -> Result<Vec<Row>, Obstacle> {
    match answer.figures {
        Figures::Scalar(value) => Ok(vec![Row { labels: BTreeMap::new(), value }]),
        Figures::Vector(rows) => Ok(rows),
        Figures::Other(what) => {
            let because = format!("the expression gives {what}, figures wanted");
            Err(Obstacle::new(NOT_A_FIGURE, because))
        }
    }
}

pub(super) fn judge(check: &PrometheusQuery, seen: &Seen, now: Timestamp) -> Judgement {
    let rows = match rows(seen.now.clone()) {
        Ok(rows) => rows,
        Err(obstacle) => return obstacle.into(),
    };
    if let Some(obstacle) = seen.now.at.and_then(|at| misdated(at, now)) {
        return obstacle.into();
    }
    let mut judgement = Judgement::new();
    let infos = seen.now.notes.infos.iter().map(|info| format!("; it notes: {info}"));
    let infos = infos.collect::<Vec<_>>().concat();
    let sampled: Option<Sampled> = match &seen.sampled {
        Some(Ok(rows)) => Some(rows.iter().map(|row| (identity(&row.labels), row.value)).collect()),
        Some(Err(_)) | None => None,
    };
    for row in &rows {
        let answer = line(check, seen, sampled.as_ref(), row, now, &infos);
        judgement.add(check.name(&row.labels), answer);
    }
    absent(check, &rows, &mut judgement);
    for warning in &seen.now.notes.warnings {
        let because = format!("figures may be missing: {warning}");
        judgement.add("warning", check.partial.answer(PARTIAL_ANSWER, because));
    }
    if let Some(Err(obstacle)) = &seen.sampled {
        judgement.add("samples", obstacle.clone());
    }
    match &seen.before {
        Some(Ok(before)) => {
            for warning in &before.warnings {
                let because = format!("figures of before may be missing: {warning}");
                judgement.add("baseline", check.partial.answer(PARTIAL_ANSWER, because));
            }
        }
        Some(Err(obstacle)) => judgement.add("baseline", obstacle.clone()),
        None => {}
    }
    for sample in samples(check, &rows) {
        judgement.measure(sample);
    }
    if let Some(Ok(before)) = &seen.before {
        for sample in levels(check, &rows, before) {
            judgement.measure(sample);
        }
    }
    judgement
}

/// The subject of a baseline: the query, and an expected value of its label.
pub(super) fn compared(query: &str, value: Option<&str>) -> String {
    value.map_or_else(|| query.to_owned(), |value| format!("{query} {value}"))
}

/// What was before: of each expected series, else of the only one.
fn levels(check: &PrometheusQuery, rows: &[Row], before: &Before) -> Vec<Sample> {
    let query = check.name.0.as_str();
    let level = |row: &Row, value: Option<&str>| {
        let level = baseline::level(before.of(row))?;
        Some(BASELINE.is(level, [VALUE.name, &compared(query, value)]))
    };
    match (&check.expect, rows) {
        (Some(expected), _) => {
            let row = |value: &String| {
                let row = rows.iter().find(|row| row.labels.get(&expected.label) == Some(value))?;
                level(row, Some(value))
            };
            expected.values.iter().filter_map(row).collect()
        }
        (None, [row]) => level(row, None).into_iter().collect(),
        (None, _) => Vec::new(),
    }
}

/// What is not there and should be.
fn absent(check: &PrometheusQuery, rows: &[Row], judgement: &mut Judgement) {
    if let Some(expected) = &check.expect {
        let there = |value: &&String| {
            rows.iter().any(|row| row.labels.get(&expected.label) == Some(*value))
        };
        for value in expected.values.iter().filter(|value| !there(value)) {
            let because = format!("no series bears {}=\"{value}\"", expected.label);
            judgement.add(value, check.empty.answer(NO_SERIES, because));
        }
    } else if rows.is_empty() {
        let because = "the expression amounts to no series".to_owned();
        judgement.add("", check.empty.answer(NO_SERIES, because));
    }
}

/// An answer that was not worked out just now, by our clock.
fn misdated(at: Timestamp, now: Timestamp) -> Option<Obstacle> {
    let ahead = at.duration_since(now);
    let away = spoken(ahead.unsigned_abs());
    if ahead > CLOCK_TOLERANCE {
        let because = format!("the answer is of {away} ahead of our clock");
        return Some(Obstacle::new(Reason::CLOCK_SKEW, because));
    }
    (ahead < -CLOCK_TOLERANCE).then(|| {
        let because = format!("the answer was worked out {away} ago: something in between kept it");
        Obstacle::new(ANSWER_TOO_OLD, because)
    })
}

/// When series were sampled, in seconds.
type Sampled = HashMap<Identity, f64>;

fn line(
    check: &PrometheusQuery,
    seen: &Seen,
    sampled: Option<&Sampled>,
    row: &Row,
    now: Timestamp,
    infos: &str,
) -> Answer {
    if let (Some(allowed), Some(sampled)) = (check.max_age, sampled)
        && let Some(obstacle) = aged(allowed, sampled, row, now)
    {
        return obstacle.into();
    }
    let value = row.value;
    if value.is_nan() {
        return check.nan.answer(NOT_A_NUMBER, "the value is not a number".to_owned());
    }
    if value.is_infinite() {
        return check.infinite.answer(INFINITE, "the value is infinite".to_owned());
    }
    let held = held(check, value);
    let compared = match (&check.baseline, &seen.before) {
        (Some(baseline), Some(Ok(before))) => Some(baseline.compare(row, before)),
        (_, _) => None,
    };
    match (held, compared) {
        (held @ Finding { grade: Grade::Fail(_), .. }, _) => held.into(),
        (_, Some(compared @ Answer::Found(Finding { grade: Grade::Fail(_), .. }))) => compared,
        (_, Some(blind @ Answer::Blind(_))) => blind,
        (held @ Finding { grade: Grade::Warn(_), .. }, _) => held.into(),
        (_, Some(compared @ Answer::Found(Finding { grade: Grade::Warn(_), .. }))) => compared,
        (held, Some(Answer::Found(compared))) => {
            Finding::pass(format!("{}; {}{infos}", held.because, compared.because)).into()
        }
        (held, None) => Finding::pass(format!("{}{infos}", held.because)).into(),
    }
}

/// A value against its limits.
fn held(check: &PrometheusQuery, value: f64) -> Finding {
    let unit = &check.unit;
    let shown = figure(value);
    let above = check.above.grade_above(value, ABOVE_LIMIT);
    let below = check.below.grade_below(value, BELOW_LIMIT);
    let most = check.above.step(above).map(|limit| format!(", at most {} allowed", figure(limit)));
    let least = check.below.step(below).map(|limit| format!(", at least {} wanted", figure(limit)));
    let (most, least) = (most.unwrap_or_default(), least.unwrap_or_default());
    let gap = if unit.is_empty() { "" } else { " " };
    let said = |limits: &str| format!("{shown}{gap}{unit}{limits}");
    match (above, below) {
        (Grade::Fail(reason), _) => Finding::fail(reason, said(&most)),
        (_, Grade::Fail(reason)) => Finding::fail(reason, said(&least)),
        (Grade::Warn(reason), _) => Finding::warn(reason, said(&most)),
        (_, Grade::Warn(reason)) => Finding::warn(reason, said(&least)),
        (Grade::Pass, Grade::Pass) => Finding::pass(said(&format!("{most}{least}"))),
    }
}

/// Why a series can't be judged by how old its newest sample is.
fn aged(allowed: Period, sampled: &Sampled, row: &Row, now: Timestamp) -> Option<Obstacle> {
    let known = sampled.get(&identity(&row.labels)).copied();
    #[expect(clippy::cast_possible_truncation, reason = "checked by the timestamp's range")]
    let at = known.and_then(|known| {
        Timestamp::from_millisecond((known * 1_000.0) as i64).ok().filter(|_| known > 0.0)
    });
    let Some(at) = at else {
        let because = format!("when it was sampled can't be told, {allowed} ago at most allowed");
        return Some(Obstacle::new(SAMPLE_TOO_OLD, because));
    };
    let age: SignedDuration = now.duration_since(at);
    let away = spoken(age.unsigned_abs());
    if age < -CLOCK_TOLERANCE {
        let because = format!("it was sampled {away} in the future");
        return Some(Obstacle::new(Reason::CLOCK_SKEW, because));
    }
    (age > SignedDuration::try_from(allowed.get()).unwrap_or(SignedDuration::MAX)).then(|| {
        let because = format!("it was last sampled {away} ago, {allowed} allowed");
        Obstacle::new(SAMPLE_TOO_OLD, because)
    })
}

/// What tells a series from others, whatever was done to its name.
pub(super) type Identity = BTreeMap<String, String>;

/// All labels but the metric's name.
pub(super) fn identity(labels: &BTreeMap<String, String>) -> Identity {
    let mut identity = labels.clone();
    identity.remove("__name__");
    identity
}

fn samples(check: &PrometheusQuery, rows: &[Row]) -> Vec<Sample> {
    let query = check.name.0.as_str();
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
    let mut samples = vec![SERIES.is(rows.len() as f64, [query])];
    match &check.expect {
        Some(expected) => {
            for value in &expected.values {
                let row = rows.iter().filter(|row| row.labels.get(&expected.label) == Some(value));
                let row = row.max_by(|one, other| one.value.total_cmp(&other.value));
                samples.extend(row.map(|row| VALUE.is(row.value, [query, value])));
            }
        }
        None => {
            let finite = || rows.iter().map(|row| row.value).filter(|value| value.is_finite());
            let extremes = [finite().max_by(f64::total_cmp), finite().min_by(f64::total_cmp)];
            for (subject, value) in EXTREMES.into_iter().zip(extremes) {
                samples.extend(value.map(|value| VALUE.is(value, [query, subject])));
            }
        }
    }
    samples
}

impl PrometheusQuery {
    /// What a series is called, bounded.
    pub(super) fn name(&self, labels: &BTreeMap<String, String>) -> String {
        let chosen = |name: &String| self.labels.is_empty() || self.labels.contains(name);
        let shown = labels.iter().filter(|(name, _)| *name != "__name__" && chosen(name));
        let shown: Vec<_> = shown
            .take(MOST_LABELS)
            .map(|(name, value)| {
                format!("{}=\"{}\"", legible(name, LONGEST_VALUE), legible(value, LONGEST_VALUE))
            })
            .collect();
        shown.join(", ")
    }
}

/// A figure as people read it: four decimals, or powers of ten where those say nothing.
pub(super) fn figure(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e15).contains(&size) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
