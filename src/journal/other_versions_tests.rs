//! What another version of Vigie has written, or not written.

use rusqlite::{Connection, params};

use super::record::digest;
use super::tests::{Ground, ODD, at, id, open, words};
use super::*;
use crate::model::finding::{Finding, Verdict};
use crate::model::judgement::Judgement;
use crate::model::reason::Reason;

/// A folder in which `a` fails for two reasons, one of which only this test knows.
async fn kept() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::new(&["a", "b"]);
    let mut judgement = Judgement::new();
    judgement.add("x", Finding::fail(Reason::REFUSED, "refuses"));
    judgement.add("y", Finding::fail(ODD, "is odd"));
    ground.report("a", judgement, 10);
    let (journal, _) = open(folder.path());
    journal.keep(ground.known(11)).await;
    folder
}

fn rewrite(folder: &Path, part: &str, with: impl Fn(&str) -> String) {
    let connection = Connection::open(folder.join(FILE)).unwrap();
    let sql = "SELECT json FROM part WHERE item = 'a' AND name = ?1";
    let json: String = connection.query_row(sql, [part], |row| row.get(0)).unwrap();
    let json = with(&json);
    let sql = "UPDATE part SET json = ?1, digest = ?2 WHERE item = 'a' AND name = ?3";
    connection.execute(sql, params![json, digest(&["a", part, &json]), part]).unwrap();
}

fn recalled(folder: &Path, words: &Vocabulary) -> crate::model::memory::Memory {
    Journal::open(folder, words, at(12)).unwrap().1.items.remove(&id("a")).unwrap()
}

#[tokio::test]
async fn a_failing_line_whose_reason_is_unknown_has_none_and_is_there() {
    let folder = kept().await;
    let memory = recalled(folder.path(), &Vocabulary::new([], []));
    assert!(memory.folded.is_some(), "its own reason is known");
    let failing = memory.failing.iter().map(|line| (&*line.subject, line.reason, &*line.because));
    let told = [("x", Some(Reason::REFUSED), "refuses"), ("y", None, "is odd")];
    assert_eq!(failing.collect::<Vec<_>>(), told);
}

#[tokio::test]
async fn failing_lines_in_another_form_stay_failing_lines() {
    for form in ["[7]", r#"{"lines": []}"#, r#"[{"subject": "x", "verdict": "dire"}]"#] {
        let folder = kept().await;
        rewrite(folder.path(), "failing", |_| form.to_owned());
        let memory = recalled(folder.path(), &words());
        let failing: Vec<_> = memory.failing.iter().map(|l| (l.verdict, l.reason)).collect();
        assert_eq!(failing, [(Verdict::Fail, None)], "{form}");
    }
}

#[tokio::test]
async fn a_state_without_the_flag_of_a_word_is_read_on() {
    let folder = kept().await;
    rewrite(folder.path(), "state", |json| {
        let without = json.replace(",\"attested\":false", "");
        assert!(without.len() < json.len(), "{json}");
        without
    });
    let memory = recalled(folder.path(), &words());
    assert!(memory.folded.is_some() && !memory.attested);
}
