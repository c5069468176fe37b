use super::super::cells::tests::answer;
use super::*;
use crate::model::finding::Verdict;

fn judged(row: &[&str]) -> Judgement {
    let check: Postgres = serde_saphyr::from_str("wraparound: {}").unwrap();
    let mut judgement = Judgement::new();
    let ages = Age::read(&answer(&[row])).unwrap();
    judge_ages(&check, check.wraparound.as_ref().unwrap(), &ages, &mut judgement);
    judgement
}

#[test]
fn age_is_measured_against_both_the_end_and_the_forced_vacuum() {
    for (row, verdict) in [
        (["d", "150000000", "200000000", "0", "400000000"], Verdict::Pass),
        (["d", "310000000", "200000000", "0", "400000000"], Verdict::Warn),
        (["d", "900000000", "1000000000", "0", "400000000"], Verdict::Warn),
        (["d", "1700000000", "2000000000", "0", "400000000"], Verdict::Fail),
        (["d", "1", "200000000", "1700000000", "400000000"], Verdict::Fail),
    ] {
        let judgement = judged(&row);
        assert_eq!(judgement.verdict(), verdict, "{row:?}: {}", judgement.because());
    }
}

#[test]
fn no_answer_is_no_good_answer() {
    assert!(Age::read(&answer(&[])).is_err());
    assert!(Tables::read(&answer(&[])).is_err());
    assert!(Tables::read(&answer(&[&["on", "s.t", "1"]])).is_err());
    assert_eq!(Tables::read(&answer(&[&["on", "-", "-", "-"]])).unwrap().tables, []);
    assert!(Age::read(&answer(&[&["d", "-", "2", "3", "4"]])).is_err());
}
