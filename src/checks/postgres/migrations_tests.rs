use super::super::cells::tests::answer;
use super::*;
use crate::model::finding::Verdict;

const NOW: i64 = 1_000_000;

fn attempts(rows: &[&[&str]]) -> Vec<Attempt> {
    Attempt::read(&answer(rows)).unwrap()
}

fn judged(wanted: &Migrations, rows: &[&[&str]]) -> Judgement {
    let seen = Seen { tables: vec![("s".into(), Ok(attempts(rows)))], announced: None };
    let mut judgement = Judgement::new();
    judge(wanted, &seen, Timestamp::from_second(NOW).unwrap(), &mut judgement);
    judgement
}

#[test]
fn the_latest_row_of_each_migration_counts() {
    let finished = ["a", "999000", "999010", "-", "f"];
    let rolled_back = ["b", "999000", "-", "999005", "t"];
    let again = ["b", "999100", "999110", "-", "f"];
    let broken = ["b", "999000", "-", "-", "t"];
    let wanted = Migrations::default();
    for (rows, code) in [
        // Two pods at once: one breaks off, the other one finishes.
        (vec![&broken[..], &again[..]], Some(MIGRATION_FAILED)),
        (vec![&again[..], &broken[..]], Some(MIGRATION_FAILED)),
        (vec![&finished[..]], None),
        (vec![&finished[..], &rolled_back[..]], Some(MIGRATION_ROLLED_BACK)),
        (vec![&rolled_back[..], &again[..]], None),
        (vec![&again[..], &rolled_back[..]], None),
        (vec![], Some(NO_MIGRATIONS)),
        (vec![&["b", "999100", "999110", "999120", "f"][..]], Some(MIGRATION_ROLLED_BACK)),
    ] {
        let judgement = judged(&wanted, &rows);
        assert_eq!(judgement.reason(), code, "{rows:?}: {}", judgement.because());
    }
}

#[test]
fn a_row_of_another_form_is_told_and_never_passes() {
    let whole = ["a", "999000", "999010", "-", "f"];
    for at in 0..whole.len() {
        let mut short = whole.to_vec();
        short.remove(at);
        assert!(Attempt::read(&answer(&[&short])).is_err(), "without column {at}");
        for odd in ["-", "x", "1e400"] {
            let mut row = whole.to_vec();
            row[at] = odd;
            if let Ok(attempts) = Attempt::read(&answer(&[&row])) {
                let seen = Seen { tables: vec![("s".into(), Ok(attempts))], announced: None };
                let mut judgement = Judgement::new();
                let now = Timestamp::from_second(NOW).unwrap();
                judge(&Migrations::default(), &seen, now, &mut judgement);
                let fine = at == 0 || (at == 3 && odd == "-");
                assert_eq!(judgement.verdict() == Verdict::Pass, fine, "{row:?}");
            }
        }
    }
}

#[test]
fn too_many_rows_are_not_read() {
    let row: &[&str] = &["a", "1", "2", "-", "f"];
    let rows = vec![row; MOST_ROWS + 1];
    assert_eq!(Attempt::read(&answer(&rows)).unwrap_err().reason, Reason::TOO_LARGE);
    let places: Vec<&[&str]> = vec![&["s", "t"]; MOST_SCHEMAS + 1];
    assert_eq!(Place::read(&answer(&places)).unwrap_err().reason, Reason::TOO_LARGE);
}

#[test]
fn nothing_left_to_judge_is_no_pass() {
    let wanted = Migrations { except: vec!["a".to_owned()], ..Migrations::default() };
    let judgement = judged(&wanted, &[&["a", "999000", "-", "999005", "t"]]);
    assert_eq!(judgement.verdict(), Verdict::Unknown);
    assert_eq!(judgement.reason(), Some(EXPECTATION_MISSING));
}

#[test]
fn what_was_announced_comes_before_what_is_configured() {
    let none = || Err(Obstacle::no_deployment());
    let name = |name: &str| Some(name.to_owned());
    let fine = |name: &str| Ok(Some(name.to_owned()));
    for (expected, announced, wanted) in [
        (None, None, Ok(None)),
        (name("b"), None, fine("b")),
        (name(" "), None, Err(EXPECTATION_MISSING)),
        (None, Some(Ok(name("a"))), fine("a")),
        (name("b"), Some(Ok(name("a"))), fine("a")),
        (name("b"), Some(Ok(None)), fine("b")),
        (name("b"), Some(none()), fine("b")),
        (None, Some(none()), Err(Reason::NO_DEPLOYMENT)),
        (name(""), Some(none()), Err(EXPECTATION_MISSING)),
        (name(""), Some(Ok(None)), Err(EXPECTATION_MISSING)),
        (None, Some(Ok(name(""))), Err(EXPECTATION_MISSING)),
    ] {
        let migrations =
            Migrations { expected, announced: announced.is_some(), ..Migrations::default() };
        let told = format!("{migrations:?}, {announced:?}");
        let seen = Seen { tables: Vec::new(), announced };
        let said = expectation(&migrations, &seen).map_err(|obstacle| obstacle.reason);
        assert_eq!(said, wanted, "{told}");
    }
}
