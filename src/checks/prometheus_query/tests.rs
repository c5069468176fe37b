use std::collections::BTreeMap;

use super::*;
use crate::model::finding::Verdict;
use crate::systems::prometheus::{Figures, Notes, Range};

fn check(parts: &str) -> PrometheusQuery {
    serde_saphyr::from_str(&format!("{{ expression: up, {parts} }}")).unwrap()
}

fn now() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

fn row(job: &str, value: f64) -> Row {
    let labels = [("__name__", "up"), ("job", job)];
    Row { labels: labels.map(|(name, is)| (name.to_owned(), is.to_owned())).into(), value }
}

fn seen(rows: Vec<Row>) -> Seen {
    let (figures, at) = (Figures::Vector(rows), Some(now()));
    let answer = Answer { figures, at, notes: Notes::default() };
    Seen { now: answer, sampled: None, before: None }
}

fn said(check: &PrometheusQuery, seen: &Seen) -> (Verdict, Option<&'static str>) {
    let judgement = check.judge(seen, &Past::default(), now());
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

#[test]
fn limits_are_held_to_their_words() {
    let both = "above: { warn: 5, fail: 9 }, below: { warn: 2, fail: 1 }";
    for (value, verdict, reason) in [
        (5.0, Verdict::Pass, None),
        (5.1, Verdict::Warn, Some("AboveLimit")),
        (9.1, Verdict::Fail, Some("AboveLimit")),
        (2.0, Verdict::Pass, None),
        (1.9, Verdict::Warn, Some("BelowLimit")),
        (-1.0, Verdict::Fail, Some("BelowLimit")),
        (f64::NAN, Verdict::Unknown, Some("NotANumber")),
        (f64::INFINITY, Verdict::Unknown, Some("Infinite")),
        (f64::NEG_INFINITY, Verdict::Unknown, Some("Infinite")),
    ] {
        assert_eq!(said(&check(both), &seen(vec![row("a", value)])), (verdict, reason), "{value}");
    }
}

#[test]
fn one_series_that_is_no_number_does_not_hide_one_that_is_above() {
    let rows = vec![row("a", f64::NAN), row("b", 3.0), row("c", 1.0)];
    let judged = said(&check("above: { fail: 2 }"), &seen(rows));
    assert_eq!(judged, (Verdict::Fail, Some("AboveLimit")));
}

#[test]
fn a_warning_of_the_server_takes_nothing_from_a_failure_and_much_from_a_pass() {
    let mut partial = seen(vec![row("a", 1.0)]);
    partial.now.notes.warnings = vec!["a store is away".to_owned()];
    let judged = said(&check("above: { fail: 2 }"), &partial);
    assert_eq!(judged, (Verdict::Unknown, Some("PartialAnswer")));
    assert_eq!(said(&check("above: { fail: 2 }, partial: pass"), &partial).0, Verdict::Pass);
    assert_eq!(said(&check("above: { fail: 0 }"), &partial).0, Verdict::Fail);
}

#[test]
fn a_sample_is_as_old_as_it_says_and_one_that_does_not_say_is_too_old() {
    let check = check("above: { fail: 2 }, max_age: 1m");
    let mut sampled = seen(vec![row("a", 1.0)]);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let second = now().as_second() as f64;
    for (rows, verdict, reason) in [
        (vec![row("a", second - 59.0)], Verdict::Pass, None),
        (vec![row("a", second - 61.0)], Verdict::Unknown, Some("SampleTooOld")),
        (vec![row("b", second)], Verdict::Unknown, Some("SampleTooOld")),
        (vec![row("a", f64::NAN)], Verdict::Unknown, Some("SampleTooOld")),
        (vec![row("a", second + 180.0)], Verdict::Unknown, Some("ClockSkew")),
    ] {
        sampled.sampled = Some(Ok(rows));
        assert_eq!(said(&check, &sampled), (verdict, reason), "{:?}", sampled.sampled);
    }
}

#[test]
fn a_series_is_compared_with_itself_and_nothing_passes_for_want_of_a_past() {
    let check = check("baseline: { from: { ago: 1d }, at_most: { warn: 2, fail: 4 } }");
    let range =
        |job: &str, values: &[f64]| Range { labels: row(job, 0.0).labels, values: values.to_vec() };
    let odd = [1.0, f64::NAN, f64::INFINITY];
    for (value, before, verdict, reason) in [
        (19.0, range("a", &[10.0; 5]), Verdict::Pass, None),
        (21.0, range("a", &[10.0; 5]), Verdict::Warn, Some("AboveBaseline")),
        (41.0, range("a", &[10.0; 5]), Verdict::Fail, Some("AboveBaseline")),
        (1.0, range("b", &[10.0; 5]), Verdict::Unknown, Some("NoBaseline")),
        (1.0, range("a", &[10.0; 2]), Verdict::Unknown, Some("NoBaseline")),
        (1.0, range("a", &odd), Verdict::Unknown, Some("NoBaseline")),
        (1.0, range("a", &[-1.0; 5]), Verdict::Unknown, Some("NoBaseline")),
        (0.1, range("a", &[0.0; 5]), Verdict::Fail, Some("AboveBaseline")),
        (0.0, range("a", &[0.0; 5]), Verdict::Pass, None),
    ] {
        let told = format!("{value} after {before:?}");
        let before = Some(Ok(Before::new(vec![before], Vec::new())));
        let compared = Seen { before, ..seen(vec![row("a", value)]) };
        assert_eq!(said(&check, &compared), (verdict, reason), "{told}");
    }
    let before = Some(Ok(Before::new(Vec::new(), Vec::new())));
    let compared = Seen { before, ..seen(vec![row("a", 1.0)]) };
    let because = check.judge(&compared, &Past::default(), now()).because();
    let told = "there are too few figures in the 1h until 1d ago";
    assert!(because.contains(told), "{because}");
    let half = Before::new(vec![range("a", &[10.0; 5])], vec!["a store is away".to_owned()]);
    let compared = Seen { before: Some(Ok(half)), ..seen(vec![row("a", 19.0)]) };
    let judged = said(&check, &compared);
    assert_eq!(judged, (Verdict::Unknown, Some("PartialAnswer")), "half a past is none");
}

#[test]
fn a_scalar_is_a_series_without_labels() {
    let mut scalar = seen(Vec::new());
    scalar.now.figures = Figures::Scalar(3.0);
    let check = check("above: { fail: 2 }, name: answer");
    assert_eq!(said(&check, &scalar), (Verdict::Fail, Some("AboveLimit")));
    let judgement = check.judge(&scalar, &Past::default(), now());
    assert_eq!(judgement.because(), "3, at most 2 allowed");
}

#[test]
fn a_series_of_many_and_long_labels_has_a_short_name() {
    let labels: BTreeMap<_, _> =
        (0..100).map(|n| (format!("label{n:03}"), "x\n".repeat(1_000))).collect();
    let name = check("above: { fail: 2 }").name(&labels);
    assert!(name.chars().count() < 600 && !name.contains('\n'), "{name}");
    let chosen = check("above: { fail: 2 }, labels: [label007]").name(&labels);
    assert!(chosen.starts_with("label007=\"x x "), "{chosen}");
}

#[test]
fn parameters_that_would_pass_everything_are_refused() {
    for (parts, flaw) in [
        ("name: a", "without any, all is well"),
        ("above: { warn: 2, fail: 1 }", "must be below"),
        ("below: { warn: 1, fail: 2 }", "must be above"),
        ("above: { fail: .inf }", "finite"),
        ("above: { fail: 1 }, expect: { label: job, values: [] }", "between one and"),
        ("above: { fail: 1 }, expect: { label: job, values: [a, a] }", "twice"),
        ("baseline: { from: deployment }", "needs `at_most` or `at_least`"),
        ("baseline: { from: deployment, at_most: { fail: -1 } }", "at least 0"),
    ] {
        let flaws = check(parts).flaws();
        assert!(flaws.iter().any(|told| told.contains(flaw)), "{parts}: {flaws:?}");
    }
}

#[test]
fn only_a_baseline_of_the_deployment_reads_it() {
    let reads = |from: &str| {
        check(&format!("baseline: {{ from: {from}, at_most: {{ fail: 2 }} }}")).needs().deployment
    };
    assert_eq!((reads("deployment"), reads("{ ago: 1d }")), (true, false));
}

#[test]
fn many_series_are_each_compared_with_themselves_and_soon() {
    let check = check(
        "above: { fail: 2 }, max_age: 1m, baseline: { from: { ago: 1d }, at_most: { fail: 2 } }",
    );
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let second = now().as_second() as f64;
    let jobs: Vec<_> = (0..50_000).map(|n| format!("job{n}")).collect();
    let rows = |value| jobs.iter().map(|job| row(job, value)).collect::<Vec<_>>();
    let ranges =
        rows(1.0).into_iter().map(|row| Range { labels: row.labels, values: vec![1.0; 5] });
    let many = Seen {
        sampled: Some(Ok(rows(second))),
        before: Some(Ok(Before::new(ranges.collect(), Vec::new()))),
        ..seen(rows(1.0))
    };
    // A search of each among all would take hours.
    assert_eq!(said(&check, &many), (Verdict::Pass, None));
}
