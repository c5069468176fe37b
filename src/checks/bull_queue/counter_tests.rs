//! Counting finished jobs from look to look, as tables.

use jiff::SignedDuration;

use super::super::super::measures::{COUNTED_TO, FINISHED, METERED};
use super::super::super::seen::{Queue, Tally};
use super::{ago, judged, now, past, queue};
use crate::model::finding::Verdict;
use crate::model::past::Past;

/// What finished since the last look: completed and failed, each as kept, whole, metered.
fn since(completed: (u64, Option<bool>), failed: (u64, Option<bool>)) -> Queue {
    let tally = |(kept, whole)| Tally { kept, whole, metered: None };
    Queue { since: [tally(completed), tally(failed)], counted_from: ago(30), ..queue() }
}

/// The rows of the counters, as far as there are any.
fn rows(queue: Queue, past: &Past) -> [Option<f64>; 2] {
    let judgement = judged("", queue, Ok(1), past);
    ["completed", "failed"].map(|outcome| {
        let mine = |sample: &&crate::model::measure::Sample| {
            sample.measure.name == FINISHED.name && &*sample.labels[1] == outcome
        };
        judgement.samples().iter().find(mine).map(|sample| sample.value)
    })
}

#[test]
fn finished_jobs_are_counted_from_look_to_look_or_not_at_all() {
    let (kept, dropped, none) = (Some(true), Some(false), None);
    let quiet = || past(290, 1_000.0, 1.0);
    let ten_left = || past(290, 990.0, 1.0);
    for (what, queue, past, wanted) in [
        ("the first look", queue(), Past::default(), [Some(0.0), Some(0.0)]),
        ("both are kept", since((7, kept), (2, kept)), quiet(), [Some(7.0), Some(2.0)]),
        ("a capped set is all new", since((100, dropped), (2, kept)), quiet(), [None, Some(2.0)]),
        ("nothing ended", since((0, none), (0, none)), quiet(), [Some(0.0), Some(0.0)]),
        ("ten ended and none is kept", since((0, none), (0, none)), ten_left(), [None, None]),
        ("only failed ones are kept", since((0, none), (2, kept)), ten_left(), [None, Some(2.0)]),
        ("the other set is capped", since((9, dropped), (2, kept)), ten_left(), [None, Some(2.0)]),
        ("some are kept, some not", since((1, kept), (1, kept)), ten_left(), [None, None]),
        ("nothing tells", since((0, none), (3, kept)), Past::default(), [None, Some(3.0)]),
    ] {
        assert_eq!(rows(queue, &past), wanted, "{what}");
    }
}

#[test]
fn a_counter_goes_on_where_it_was_and_what_the_library_counts_goes_first() {
    let mut past = past(30, 1_000.0, 1.0);
    let before = [
        FINISHED.is(40.0, ["q", "completed"]),
        METERED.is(90.0, ["q", "completed"]),
        COUNTED_TO.is(1.0, ["q"]),
    ];
    past.remember(&before, now() - SignedDuration::from_secs(30));
    let mut queue = since((5, Some(false)), (1, Some(true)));
    assert_eq!(rows(queue.clone(), &past), [None, Some(1.0)]);
    let metered = |count| Tally { kept: 5, whole: Some(false), metered: Some(count) };
    queue.since[0] = metered(97);
    assert_eq!(rows(queue.clone(), &past), [Some(47.0), Some(1.0)]);
    queue.since[0] = metered(3);
    assert_eq!(rows(queue, &past), [None, Some(1.0)], "the library began anew");
}

#[test]
fn what_is_not_counted_is_said() {
    let judgement =
        judged("", since((100, Some(false)), (0, None)), Ok(1), &past(30, 1_000.0, 1.0));
    assert_eq!(judgement.verdict(), Verdict::Pass);
    assert!(judgement.because().contains("completed can't be told"), "{}", judgement.because());
}
