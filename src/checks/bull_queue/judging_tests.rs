//! Judging queues, as tables.

use jiff::{SignedDuration, Timestamp};

use super::super::seen::{Finished, Jobs, Tally};
use super::*;
use crate::checks::Check;
use crate::model::finding::Verdict;

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(super) fn ago(seconds: i64) -> Option<Timestamp> {
    now().checked_sub(SignedDuration::from_secs(seconds)).ok()
}

fn check(options: &str) -> BullQueue {
    let check: BullQueue =
        serde_saphyr::from_str(&format!("{{ queues: [q], {options} }}")).unwrap();
    assert_eq!(check.flaws(), Vec::<String>::new());
    check
}

/// A queue with a job that waits for a minute.
pub(super) fn queue() -> Queue {
    Queue {
        library: Library::Bull,
        exists: true,
        is_paused: false,
        sizes: Sizes { waiting: 1, ..Sizes::default() },
        added: Some(1_000),
        finished: Finished::default(),
        since: [Tally::default(); 2],
        counted_from: None,
        counted_to: now(),
        overdue: Vec::new(),
        jobs: Jobs { oldest: ago(60), latest: ago(60), ..Jobs::default() },
    }
}

pub(super) fn judged(
    options: &str,
    queue: Queue,
    workers: Result<usize, Obstacle>,
    past: &Past,
) -> Judgement {
    let looked = Looked { name: "q".to_owned(), found: false, queue: Ok(queue), workers };
    let seen = Seen { queues: vec![looked], ..Seen::default() };
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
        "q: no worker is connected, 1 wanted; 9 jobs wait (and 3 more)"
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
fn what_a_pause_sets_aside_is_a_backlog_unless_the_pause_is_allowed() {
    let sizes = Sizes { paused: 9, ..Sizes::default() };
    let jobs = Jobs { oldest: ago(10), ..Jobs::default() };
    let paused = || Queue { is_paused: true, sizes, jobs: jobs.clone(), ..queue() };
    let limit = "max_waiting: { fail: 5 }";
    let judged = |more: &str| reasons(&format!("{limit}, paused: {more}"), paused());
    assert_eq!(judged("warn"), ["QueuePaused", "BacklogTooLong"]);
    assert_eq!(judged("fail"), ["QueuePaused", "BacklogTooLong"]);
    assert_eq!(judged("allowed"), Vec::<&str>::new());
}

#[test]
fn a_job_that_was_tried_before_stalls_when_it_is_seen_unlocked_twice() {
    let doubtful = |started| Queue {
        jobs: Jobs { doubtful: vec![("7".to_owned(), started)], ..Jobs::default() },
        ..queue()
    };
    let remembered = |job: &str, started: Option<Timestamp>, seconds| {
        let mut past = Past::default();
        let samples = [UNLOCKED.is(start(started), ["q", job])];
        past.remember(&samples, now() - SignedDuration::from_secs(seconds));
        past
    };
    let stalls = Some("JobsStalled");
    for (what, started, past, wanted) in [
        ("seen once", ago(60), Past::default(), None),
        ("seen twice", ago(60), remembered("7", ago(60), 10), stalls),
        ("never started, seen twice", None, remembered("7", None, 10), stalls),
        ("twice within a moment", ago(60), remembered("7", ago(60), 4), None),
        ("started again in between", ago(10), remembered("7", ago(60), 30), None),
        ("another job", ago(60), remembered("8", ago(60), 30), None),
    ] {
        let judgement = judged("", doubtful(started), Ok(1), &past);
        assert_eq!(codes(&judgement).first().copied(), wanted, "{what}");
        let kept = judgement.samples().iter().any(|sample| sample.measure.name == UNLOCKED.name);
        assert!(kept, "{what}: it is remembered");
    }
}

#[test]
fn no_failed_job_proves_nothing_where_they_may_be_dropped() {
    let limits = "max_failed: { fail: 5 }";
    let kept = |completed, failed, of| Queue {
        finished: Finished { completed, failed, ahead: 0 },
        sizes: Sizes { completed, failed: of, waiting: 1, ..Sizes::default() },
        ..queue()
    };
    let none = Past::default;
    for (what, limits, queue, past, wanted) in [
        ("nothing is known of before", limits, kept(0, 0, 0), none(), None),
        ("none was added", limits, kept(0, 0, 0), past(290, 1_000.0, 1.0), None),
        (
            "ten ended, none is kept",
            limits,
            kept(0, 0, 0),
            past(290, 990.0, 1.0),
            Some("NotCountable"),
        ),
        ("ten ended and are kept", limits, kept(10, 0, 0), past(290, 990.0, 1.0), None),
        ("one is missing", limits, kept(9, 0, 0), past(290, 990.0, 1.0), None),
        ("too few to matter", limits, kept(5, 0, 0), past(290, 990.0, 1.0), None),
        ("older failed ones are kept", limits, kept(0, 0, 1), past(290, 990.0, 1.0), None),
        (
            "enough failed anyway",
            limits,
            kept(0, 6, 6),
            past(290, 900.0, 1.0),
            Some("TooManyFailed"),
        ),
        ("no limit", "window: 5m", kept(0, 0, 0), past(290, 900.0, 1.0), None),
        (
            "a share of too few",
            "failed_ratio: { fail: 0.5 }",
            kept(0, 0, 0),
            past(290, 990.0, 1.0),
            None,
        ),
        (
            "a share",
            "failed_ratio: { fail: 0.5 }",
            kept(0, 0, 0),
            past(290, 980.0, 1.0),
            Some("NotCountable"),
        ),
        (
            "a share kept",
            "failed_ratio: { fail: 0.5 }",
            kept(90, 0, 0),
            past(290, 900.0, 1.0),
            None,
        ),
    ] {
        let judgement = judged(limits, queue, Ok(1), &past);
        assert_eq!(codes(&judgement).first().copied(), wanted, "{what}: {}", judgement.because());
    }
}

#[test]
fn without_a_deployment_to_compare_with_its_own_limits_count_where_that_is_wanted() {
    assert_eq!(reasons("baseline: {}", queue()), ["NoDeployment"]);
    let alone = judged("baseline: { missing: pass }", queue(), Ok(1), &Past::default());
    assert_eq!(alone.verdict(), Verdict::Pass, "{}", alone.because());
    let told: Vec<_> = alone.lines().iter().map(|line| line.because.as_str()).collect();
    assert!(told.iter().any(|told| told.starts_with("not compared: no deployment")), "{told:?}");
    let waiting = Queue { jobs: Jobs { oldest: ago(901), ..Jobs::default() }, ..queue() };
    assert_eq!(reasons("baseline: { missing: pass }", waiting), ["BacklogTooOld"]);
}

#[test]
fn permits_are_by_connection() {
    assert_eq!(check("connection: other").needs().hosts, ["redis.other"]);
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
pub(super) fn past(seconds: i64, added: f64, unfinished: f64) -> Past {
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
        ("queues: []", "neither `discover` nor `store`"),
        ("discover: { unexpected: allowed }", "says nothing of any"),
        ("queues: [q], discover: { at_most: 100 }", "over 100 queues together"),
        ("discover: { keys_a_look: 0 }", "between 1 and 100000"),
        ("store: { memory_within: { fail: 95 } }", "a share from 0 to 1"),
        ("queues: [q], repeatable_overdue_within: { warn: 1h, fail: 1m }", "must be below"),
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

#[test]
fn a_repeatable_job_may_be_late_for_so_long() {
    let late = |seconds| Queue {
        overdue: vec![Overdue { key: "nightly".to_owned(), due: ago(seconds).unwrap() }],
        ..queue()
    };
    for (seconds, options, wanted) in [
        (900, "", Verdict::Pass),
        (901, "", Verdict::Warn),
        (901, "repeatable_overdue_within: { fail: 10m }", Verdict::Fail),
        (901, "repeatable_overdue_within: {}", Verdict::Pass),
    ] {
        let judgement = judged(options, late(seconds), Ok(1), &Past::default());
        assert_eq!(judgement.verdict(), wanted, "{seconds} {options}: {}", judgement.because());
    }
}

#[path = "counter_tests.rs"]
mod counters;
