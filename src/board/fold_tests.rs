//! The fold as a table: standing × verdict × count.

use std::time::Duration;

use super::*;
use crate::model::schedule::later;

const DAMPING: Damping = Damping {
    fail_after: 2,
    recover_after: 2,
    unknown_after: 2,
    confirm_every: Duration::from_secs(30),
    grace: Duration::from_mins(5),
};

fn at(second: u64) -> Timestamp {
    later(Timestamp::UNIX_EPOCH, Duration::from_secs(1_000_000 + second))
}

fn outcome(verdict: char, second: u64) -> Outcome {
    let (verdict, reason) = match verdict {
        'p' => (Verdict::Pass, None),
        'w' => (Verdict::Warn, Some(Reason::new("Odd"))),
        'f' => (Verdict::Fail, Some(Reason::REFUSED)),
        'n' => (Verdict::Unknown, Some(Reason::NOT_YET)),
        'l' => (Verdict::Unknown, Some(Reason::WATCH_RUNNING)),
        'x' => (Verdict::Unknown, Some(Reason::FIRST_DEPLOYMENT)),
        _ => (Verdict::Unknown, Some(Reason::TIMED_OUT)),
    };
    Outcome { verdict, reason, because: format!("because of {verdict}"), ended: at(second) }
}

/// Folds verdicts that come `apart` seconds after each other, and returns the standings.
fn standings(verdicts: &str, apart: u64) -> String {
    let mut folded = fresh(Standing::Pending, at(0), "");
    let standings = verdicts.chars().enumerate().map(|(n, verdict)| {
        attempt(&mut folded, &DAMPING, &outcome(verdict, (n as u64 + 1) * apart));
        match folded.standing {
            Standing::Pending => '.',
            Standing::Passing => 'P',
            Standing::Warning => 'W',
            Standing::Failing => 'F',
            Standing::Unknown => 'U',
            Standing::Waived | Standing::NotApplicable => '-',
        }
    });
    standings.collect()
}

#[test]
fn every_row_of_the_table() {
    for (verdicts, expected) in [
        // pending
        ("p", "P"),
        ("w", "W"),
        ("ff", ".F"),
        ("uu", ".U"),
        ("fuf", "..F"),
        ("ufu", "..."),
        // passing and warning
        ("pwp", "PWP"),
        ("pff", "PPF"),
        ("pfpf", "PPPP"),
        ("wff", "WWF"),
        ("puu", "PPU"),
        ("pupu", "PPPP"),
        ("pfuf", "PPPF"),
        // failing
        ("ffp", ".FF"),
        ("ffpp", ".FFP"),
        ("ffpfp", ".FFFF"),
        ("ffpw", ".FFW"),
        ("ffu", ".FF"),
        ("ffuu", ".FFU"),
        // unknown after good: recovers at once, fails after its count
        ("puup", "PPUP"),
        ("puuff", "PPUUF"),
        // unknown after failing: fails at once, recovers after its count
        ("ffuuf", ".FFUF"),
        ("ffuupp", ".FFUUP"),
        // what does not apply says so at once, and starts anew when it does
        ("x", "-"),
        ("pxp", "P-P"),
        ("ffxp", ".F-P"),
        ("xff", "-.F"),
        ("xuu", "-.U"),
        ("xn", "-."),
        // unknown after pending: as after good
        ("uup", ".UP"),
        ("uuff", ".UUF"),
        // what has no answer yet is pending, and never unknown
        ("nnnn", "...."),
        ("pn", "P."),
        // a first list that is under way says nothing of what was.
        ("l", "."),
        ("pl", "PP"),
        ("ffl", ".FF"),
        ("uul", ".UU"),
        ("xl", "-."),
        ("ffn", ".F."),
        ("uun", ".U."),
        ("nnuu", "...U"),
        ("unu", "..U"),
    ] {
        assert_eq!(standings(verdicts, 30), expected, "{verdicts}");
    }
}

#[test]
fn a_burst_of_looks_confirms_nothing() {
    assert_eq!(standings("pfffff", 5), "PPPPPP");
    assert_eq!(standings("pfffffffff", 5), "PPPPPPPFFF", "30 s after the first failure");
}

#[test]
fn the_first_contradiction_counts_however_soon_it_comes() {
    let mut folded = fresh(Standing::Pending, at(0), "");
    let hasty = Damping { fail_after: 1, ..DAMPING };
    attempt(&mut folded, &hasty, &outcome('p', 1));
    attempt(&mut folded, &hasty, &outcome('f', 2));
    assert_eq!(folded.standing, Standing::Failing);
}

#[test]
fn since_changes_with_the_standing_and_never_with_the_reason() {
    let mut folded = fresh(Standing::Pending, at(0), "");
    attempt(&mut folded, &DAMPING, &outcome('f', 30));
    attempt(&mut folded, &DAMPING, &outcome('f', 60));
    let mut other = outcome('f', 90);
    other.reason = Some(Reason::RESET);
    attempt(&mut folded, &DAMPING, &other);
    assert_eq!((folded.since, folded.reason), (at(60), Some(Reason::RESET)));
}

#[test]
fn the_kept_standing_keeps_its_own_sentence() {
    let mut folded = fresh(Standing::Pending, at(0), "");
    attempt(&mut folded, &DAMPING, &outcome('p', 30));
    attempt(&mut folded, &DAMPING, &outcome('f', 60));
    assert_eq!((folded.because.as_str(), folded.reason), ("because of pass", None));
    assert!(contradicts(&folded));
}

#[test]
fn a_pending_item_says_what_it_waits_for() {
    let mut folded = fresh(Standing::Pending, at(0), "nobody has looked yet");
    attempt(&mut folded, &DAMPING, &outcome('f', 30));
    assert_eq!((folded.because.as_str(), folded.reason), ("because of fail", None));
}

#[test]
fn the_end_of_grace_lets_the_last_verdict_decide() {
    for (verdicts, expected, reason) in [
        ("", Standing::Unknown, Some(Reason::NEVER_LOOKED)),
        ("f", Standing::Failing, Some(Reason::REFUSED)),
        ("u", Standing::Unknown, Some(Reason::TIMED_OUT)),
        ("n", Standing::Pending, None),
    ] {
        let mut folded = fresh(Standing::Pending, at(0), "");
        for verdict in verdicts.chars() {
            attempt(&mut folded, &DAMPING, &outcome(verdict, 30));
        }
        grace_ended(&mut folded, at(300));
        assert_eq!((folded.standing, folded.reason), (expected, reason), "{verdicts}");
    }
}

#[test]
fn a_clock_that_was_set_back_holds_no_count_up() {
    let mut folded = fresh(Standing::Pending, at(0), "");
    attempt(&mut folded, &DAMPING, &outcome('p', 5000));
    attempt(&mut folded, &DAMPING, &outcome('f', 5030));
    attempt(&mut folded, &DAMPING, &outcome('f', 10));
    assert_eq!(folded.standing, Standing::Failing);
}
