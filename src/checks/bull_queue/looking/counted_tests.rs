//! Reading what the second flight says of active jobs.

use super::*;
use crate::systems::redis::tests::reply;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// What is made of one active job, `7`: started so many seconds ago, and tried so many times before.
fn read(started: Option<i64>, tried: u64, locked: u64, suspected: u64, still: &[&str]) -> Jobs {
    let counted = Counted {
        queue: Queue {
            library: Library::Bull,
            exists: true,
            is_paused: false,
            sizes: Sizes { active: 1, ..Sizes::default() },
            added: Some(7),
            finished: Finished::default(),
            since: [Tally::default(); 2],
            counted_from: None,
            counted_to: now(),
            overdue: Vec::new(),
            jobs: Jobs::default(),
        },
        waiting: Vec::new(),
        active: vec![b"7".to_vec()],
        repeats: Vec::new(),
    };
    let bulk = |text: String| format!("${}\r\n{text}\r\n", text.len());
    let started = started.map(|ago| (now().as_millisecond() - ago * 1_000).to_string());
    let started = started.map_or("$-1\r\n".to_owned(), bulk);
    let tried = bulk(tried.to_string());
    let still: String = still.iter().map(|id| bulk((*id).to_owned())).collect();
    let listed = still.matches('$').count();
    let replies = [
        format!("*5\r\n$-1\r\n$-1\r\n{started}{tried}$-1\r\n"),
        format!(":{locked}\r\n"),
        format!(":{suspected}\r\n"),
        format!("*{listed}\r\n{still}"),
    ];
    let replies = replies.map(|wire| reply(&wire));
    counted.jobs(&mut Answers(replies.iter()), now()).unwrap()
}

#[test]
fn only_a_job_that_is_still_active_and_surely_not_just_taken_stalls_at_once() {
    for (what, jobs, stalled, doubtful) in [
        ("no lock for a while", read(Some(60), 0, 0, 0, &["6", "7"]), 1, 0),
        ("locked", read(Some(60), 0, 1, 0, &["7"]), 0, 0),
        ("finished between the flights", read(Some(60), 0, 0, 1, &[]), 0, 0),
        ("another one is listed", read(Some(60), 0, 0, 1, &["8"]), 0, 0),
        ("just started", read(Some(4), 0, 0, 0, &["7"]), 0, 0),
        ("never started", read(None, 0, 0, 0, &["7"]), 0, 0),
        ("never started, and suspected by the library", read(None, 0, 0, 1, &["7"]), 0, 1),
        ("tried before: the start may be the last try's", read(Some(60), 1, 0, 0, &["7"]), 0, 1),
        ("tried before, and suspected", read(Some(60), 1, 0, 1, &["7"]), 0, 1),
    ] {
        assert_eq!((jobs.stalled, jobs.doubtful.len()), (stalled, doubtful), "{what}");
    }
}
