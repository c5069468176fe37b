//! Judging queues, as tables.

use jiff::{SignedDuration, Timestamp};

use super::super::seen::{Finished, Jobs};
use super::*;
use crate::checks::Check;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn ago(seconds: i64) -> Option<Timestamp> {
    now().checked_sub(SignedDuration::from_secs(seconds)).ok()
}

fn check(options: &str) -> BullQueue {
    let check: BullQueue =
        serde_saphyr::from_str(&format!("{{ queues: [q], {options} }}")).unwrap();
    assert_eq!(check.flaws(), Vec::<String>::new());
    check
}

/// A queue with a job that waits for a minute.
fn queue() -> Queue {
    Queue {
        library: Library::Bull,
        exists: true,
        is_paused: false,
        sizes: Sizes { waiting: 1, ..Sizes::default() },
        added: Some(1_000),
        finished: Finished::default(),
        jobs: Jobs { oldest: ago(60), latest: ago(60), ..Jobs::default() },
    }
}

fn judged(options: &str, queue: Queue, workers: Result<usize, Obstacle>, past: &Past) -> Judgement {
    let workers = workers.map(|workers| vec![workers]);
    let seen = Seen { queues: vec![Ok(queue)], workers, blind_to_jobs: None };
    check(options).judge(&seen, past, now())
}

/// The reasons given for a queue with one worker.
fn reasons(options: &str, queue: Queue) -> Vec<&'static str> {
    codes(&judged(options, queue, Ok(1), &Past::default()))
}

fn codes(judgement: &Judgement) -> Vec<&'static str> {
    judgement.lines().iter().filter_map(|line| line.reason).map(Reason::code).collect()
}

#[test]
fn a_queue_that_keeps_up_passes() {
    let judgement = judged("", queue(), Ok(2), &Past::default());
    assert_eq!(judgement.verdict(), Verdict::Pass);
    let because = "q: Bull queue: 2 workers are connected; 1 job waits, the oldest for 1m";
    assert_eq!(judgement.because(), because);
}

#[test]
fn all_that_is_wrong_is_said_the_worst_first() {
    let sizes = Sizes { waiting: 9, ..Sizes::default() };
    let jobs = Jobs { oldest: ago(3_600), stalled: 1, ..Jobs::default() };
    let judgement = judged(
        "max_waiting: { fail: 5 }",
        Queue { sizes, jobs, ..queue() },
        Ok(0),
        &Past::default(),
    );
    assert_eq!(codes(&judgement), ["NoWorkers", "JobsStalled", "BacklogTooOld", "BacklogTooLong"]);
    assert_eq!(
        judgement.because(),
        "q: no worker is connected, 1 wanted; 9 jobs wait (and 3 more like it)"
    );
}

#[test]
fn a_limit_that_is_reached_holds_and_one_that_is_passed_does_not() {
    let waiting =
        |seconds| Queue { jobs: Jobs { oldest: ago(seconds), ..Jobs::default() }, ..queue() };
    for (seconds, reason) in
        [(300, None), (301, Some("BacklogTooOld")), (901, Some("BacklogTooOld"))]
    {
        assert_eq!(reasons("", waiting(seconds)).first().copied(), reason, "{seconds}");
    }
    assert_eq!(judged("", waiting(301), Ok(1), &Past::default()).verdict(), Verdict::Warn);
    assert_eq!(judged("", waiting(901), Ok(1), &Past::default()).verdict(), Verdict::Fail);
}

#[test]
fn a_queue_without_a_trace_needs_a_worker() {
    let fresh = || Queue {
        exists: false,
        sizes: Sizes::default(),
        added: None,
        jobs: Jobs::default(),
        ..queue()
    };
    assert_eq!(reasons("", fresh()), Vec::<&str>::new());
    let nobody = judged("workers_at_least: 0", fresh(), Ok(0), &Past::default());
    assert_eq!(codes(&nobody), ["QueueMissing"]);
    let denied = Obstacle::new(Reason::FORBIDDEN, "denied");
    let blind = judged("workers_at_least: 0", fresh(), Err(denied), &Past::default());
    assert_eq!((blind.verdict(), codes(&blind)), (Verdict::Unknown, vec!["Forbidden"]));
}

#[test]
fn an_allowed_pause_excuses_the_backlog_and_nothing_else() {
    let jobs = Jobs { oldest: ago(36_000), stalled: 1, ..Jobs::default() };
    let paused = || Queue { is_paused: true, jobs: jobs.clone(), ..queue() };
    assert_eq!(reasons("paused: allowed", paused()), ["JobsStalled"]);
    assert_eq!(reasons("", paused()), ["QueuePaused", "JobsStalled", "BacklogTooOld"]);
}

#[test]
fn a_time_far_in_the_future_is_never_fresh() {
    let ahead = |seconds: i64| Queue {
        jobs: Jobs { latest: ago(-seconds), oldest: ago(-seconds), ..Jobs::default() },
        ..queue()
    };
    assert_eq!(reasons("", ahead(120)), Vec::<&str>::new());
    assert_eq!(reasons("", ahead(121)), ["ClockSkew"]);
    let finished = Finished { ahead: 1, ..Finished::default() };
    assert_eq!(reasons("", Queue { finished, ..queue() }), ["ClockSkew"]);
}

/// A past of one look, so many seconds ago.
fn past(seconds: i64, added: f64, unfinished: f64) -> Past {
    let mut past = Past::default();
    let samples = [ADDED.is(added, ["q"]), UNFINISHED.is(unfinished, ["q"])];
    past.remember(&samples, now() - SignedDuration::from_secs(seconds));
    past
}

#[test]
fn throughput_is_told_from_what_is_kept_or_from_what_left_the_backlog() {
    let slow = "oldest_waiting_within: {}, finished_per_minute_at_least: { fail: 10 }";
    let jobs = |own_ids| Jobs { oldest: ago(600), own_ids, ..Jobs::default() };
    let kept = |completed, of| Queue {
        finished: Finished { completed, ..Finished::default() },
        sizes: Sizes { completed: of, waiting: 1, ..Sizes::default() },
        jobs: jobs(false),
        ..queue()
    };
    let own = |completed, of| Queue { jobs: jobs(true), ..kept(completed, of) };
    let none = Past::default;
    for (what, queue, past, wanted) in [
        ("enough are kept", kept(50, 100), none(), None),
        ("too few, and older ones are kept, too", kept(49, 100), none(), Some("TooSlow")),
        ("all that are kept are new: more may have been", kept(49, 49), none(), Some("NotYet")),
        ("none is kept", kept(0, 0), none(), Some("NotYet")),
        ("50 left the backlog", kept(0, 0), past(300, 950.0, 1.0), None),
        ("49 did", kept(0, 0), past(300, 951.0, 1.0), Some("TooSlow")),
        ("25 in half the time", kept(0, 0), past(150, 975.0, 1.0), None),
        ("a minute is too short to tell", kept(0, 0), past(60, 975.0, 1.0), Some("NotYet")),
        ("the queue was made anew", kept(0, 0), past(300, 5_000.0, 1.0), Some("NotYet")),
        ("50 at most", own(0, 0), past(300, 950.0, 1.0), Some("NotCountable")),
        ("49 at most", own(0, 0), past(300, 951.0, 1.0), Some("TooSlow")),
        ("enough are kept anyway", own(50, 50), past(300, 900.0, 1.0), None),
    ] {
        let judgement = judged(slow, queue, Ok(1), &past);
        assert_eq!(codes(&judgement).first().copied(), wanted, "{what}: {}", judgement.because());
    }
}

#[test]
fn an_idle_queue_is_not_slow() {
    let slow = "finished_per_minute_at_least: { fail: 10 }";
    let idle = || Queue { jobs: Jobs::default(), sizes: Sizes::default(), ..queue() };
    assert_eq!(reasons(slow, idle()), Vec::<&str>::new());
    assert_eq!(reasons(slow, queue()), Vec::<&str>::new(), "a minute is less than the window");
}

#[test]
fn a_share_of_failures_needs_twenty_finished_jobs() {
    let share = "failed_ratio: { warn: 0.1, fail: 0.5 }";
    let finished = |completed, failed| Queue {
        finished: Finished { completed, failed, ahead: 0 },
        sizes: Sizes { completed: 900, failed: 99, waiting: 1, ..Sizes::default() },
        ..queue()
    };
    for (completed, failed, wanted) in [
        (0, 19, Verdict::Pass),
        (0, 20, Verdict::Fail),
        (90, 10, Verdict::Pass),
        (89, 11, Verdict::Warn),
        (40, 60, Verdict::Fail),
    ] {
        let judgement = judged(share, finished(completed, failed), Ok(1), &Past::default());
        assert_eq!(judgement.verdict(), wanted, "{completed} {failed}: {}", judgement.because());
    }
}

#[test]
fn rows_exist_at_zero_and_a_time_that_never_was_has_none() {
    let idle = Queue { jobs: Jobs::default(), sizes: Sizes::default(), ..queue() };
    let judgement = judged("", idle, Ok(0), &Past::default());
    let exported = judgement.samples().iter().filter(|sample| sample.measure.exported);
    let rows: Vec<_> = exported.map(|sample| (sample.measure.name, sample.value)).collect();
    assert_eq!(rows.iter().filter(|row| row.0 == "vigie_queue_jobs").count(), STATES.len());
    assert!(rows.contains(&("vigie_queue_workers", 0.0)));
    assert!(!rows.iter().any(|row| row.0 == "vigie_queue_oldest_waiting_timestamp_seconds"));
}

#[test]
fn parameters_that_contradict_each_other_are_told() {
    for (options, told) in [
        ("queues: []", "between one and 100"),
        ("queues: [q, q]", "named twice"),
        ("queues: ['']", "between one and 128 bytes"),
        ("queues: [q], window: 2h", "at most 1h"),
        ("queues: [q], failed_ratio: { warn: 5 }", "a share from 0 to 1"),
        ("queues: [q], max_waiting: { warn: 5, fail: 5 }", "`warn` must be below `fail`"),
        ("queues: [q], finished_per_minute_at_least: { warn: 1, fail: 2 }", "`warn` must be above"),
    ] {
        let check: BullQueue = serde_saphyr::from_str(&format!("{{ {options} }}")).unwrap();
        let flaws = check.flaws().join("\n");
        assert!(flaws.contains(told), "{options}: {flaws}");
    }
}
