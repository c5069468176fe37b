use super::super::cells::tests::answer;
use super::*;

const ROW: [&str; 12] = ["100", "3", "10", "1", "8", "1", "2", "30", "app", "x", "-", "-"];

#[test]
fn a_count_that_is_missing_is_never_zero() {
    assert!(Seen::read(&answer(&[&ROW])).is_ok());
    for at in 0..7 {
        for odd in ["-", "x"] {
            let mut row = ROW;
            row[at] = odd;
            assert!(Seen::read(&answer(&[&row])).is_err(), "{odd} in column {at}");
        }
    }
    assert!(Seen::read(&answer(&[&ROW[..11]])).is_err());
    assert!(Seen::read(&answer(&[])).is_err());
}

#[test]
fn names_of_the_configuration_are_words_in_the_question() {
    let sessions = Sessions { user: Some("o'\\".to_owned()), ..Sessions::default() };
    let transactions =
        Transactions { except: vec!["pg_dump".into(), "'x".into()], ..Default::default() };
    let Question::Own(sql) = question(Some(&sessions), Some(&transactions)) else { panic!() };
    assert!(sql.contains(r"usename = E'o''\\'"), "{sql}");
    assert!(sql.contains("NOT IN (E'vigie', E'pg_dump', E'''x')"), "{sql}");
    assert!(!sql.contains(';'), "{sql}");
}
