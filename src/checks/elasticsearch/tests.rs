use super::parameters::Number;
use super::*;
use crate::model::finding::Verdict;
use crate::systems::elasticsearch::disk::{Blocked, Disk, Mark, Room, Watermarks};

fn now() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

fn check(parts: &str) -> Elasticsearch {
    serde_saphyr::from_str(&format!("{{ {parts} }}")).unwrap()
}

fn nothing() -> Seen {
    Seen {
        health: None,
        aliases: Vec::new(),
        indices: Vec::new(),
        newest: None,
        disks: None,
        version: None,
    }
}

fn said(parts: &str, seen: &Seen) -> (Verdict, Option<&'static str>) {
    let judgement = check(parts).judge(seen, &Past::default(), now());
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

fn index(name: &str) -> IndexRow {
    let status = Some(Status::Green);
    IndexRow { name: name.to_owned(), open: true, status, documents: Some(5) }
}

#[test]
fn an_alias_leads_to_exactly_one_open_index_with_documents() {
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let closed = IndexRow { open: false, status: None, documents: None, ..index("a") };
    let red = IndexRow { status: Some(Status::Red), ..index("a") };
    let untold = IndexRow { status: None, ..index("a") };
    let uncounted = IndexRow { documents: None, ..index("a") };
    let empty = IndexRow { documents: Some(0), ..index("a") };
    let yellow = IndexRow { status: Some(Status::Yellow), ..index("a") };
    for (bearers, rows, verdict, reason) in [
        (names(&["a"]), Some(vec![index("a")]), Verdict::Pass, None),
        (names(&["a"]), Some(vec![yellow]), Verdict::Pass, None),
        (None, None, Verdict::Fail, Some("AliasMissing")),
        (names(&[]), Some(vec![]), Verdict::Fail, Some("AliasMissing")),
        (None, Some(vec![index("bsds")]), Verdict::Fail, Some("AliasMissing")),
        (names(&["a", "b"]), Some(vec![index("a")]), Verdict::Fail, Some("AliasAmbiguous")),
        (names(&["a"]), Some(vec![closed]), Verdict::Fail, Some("IndexClosed")),
        (names(&["a"]), Some(vec![red]), Verdict::Fail, Some("StatusRed")),
        (names(&["a"]), Some(vec![untold]), Verdict::Unknown, Some("NotCounted")),
        (names(&["a"]), Some(vec![uncounted]), Verdict::Unknown, Some("NotCounted")),
        (names(&["a"]), Some(vec![]), Verdict::Unknown, Some("NotCounted")),
        (names(&["a"]), None, Verdict::Unknown, Some("NotCounted")),
        (names(&["a"]), Some(vec![empty]), Verdict::Fail, Some("TooFewDocuments")),
    ] {
        let told = format!("{bearers:?} {rows:?}");
        let seen = Seen { aliases: vec![Ok(Aliased { bearers, rows })], ..nothing() };
        assert_eq!(said("aliases: [{ name: bsds }]", &seen), (verdict, reason), "{told}");
    }
}

#[test]
fn the_newest_document_is_of_its_date() {
    let parts = "newest: { index: logs, field: at, within: { warn: 5m, fail: 15m } }";
    let found = |newest: Option<&str>, documents, partial: bool| {
        let newest = newest.map(|text| text.parse().unwrap());
        let partial = partial.then(|| "1 of 2 shards did not answer".to_owned());
        Some(Ok(Some(Found { documents, newest, partial })))
    };
    for (newest, verdict, reason) in [
        (found(Some("2026-03-15T11:55:00Z"), 5, false), Verdict::Pass, None),
        (found(Some("2026-03-15T11:54:59Z"), 5, false), Verdict::Warn, Some("DocumentTooOld")),
        (found(Some("2026-03-15T11:44:59Z"), 5, false), Verdict::Fail, Some("DocumentTooOld")),
        (found(Some("2026-03-15T11:44:59Z"), 5, true), Verdict::Unknown, Some("PartialAnswer")),
        (found(Some("2026-03-15T11:55:00Z"), 5, true), Verdict::Pass, None),
        (found(Some("2026-03-15T12:02:00Z"), 5, false), Verdict::Pass, None),
        (found(Some("2026-03-15T12:02:01Z"), 5, false), Verdict::Unknown, Some("ClockSkew")),
        (found(None, 5, false), Verdict::Unknown, Some("NoDates")),
        (found(None, 0, false), Verdict::Fail, Some("TooFewDocuments")),
        (found(None, 0, true), Verdict::Unknown, Some("PartialAnswer")),
        (Some(Ok(None)), Verdict::Fail, Some("IndexMissing")),
    ] {
        let told = format!("{newest:?}");
        assert_eq!(said(parts, &Seen { newest, ..nothing() }), (verdict, reason), "{told}");
    }
}

#[test]
fn a_disk_is_held_to_its_marks_and_one_that_is_not_told_of_to_none() {
    let mark = |share| Mark::Used { share, headroom: None };
    let watermarks =
        Watermarks { heeded: true, low: mark(0.85), high: mark(0.9), flood: mark(0.95) };
    let seen = |room: Option<Room>| Seen {
        disks: Some(DisksSeen {
            disks: Ok(vec![Disk { node: "n".to_owned(), room }]),
            watermarks: Ok(watermarks),
            blocked: Ok(Blocked { closed: Vec::new(), shown: 2 }),
        }),
        ..nothing()
    };
    for (available, verdict, reason) in [
        (16, Verdict::Pass, None),
        (14, Verdict::Warn, Some("DiskFilling")),
        (9, Verdict::Fail, Some("DiskFull")),
        (4, Verdict::Fail, Some("DiskFull")),
    ] {
        let room = Some(Room { total: 100, available });
        assert_eq!(said("disks: {}", &seen(room)), (verdict, reason), "{available}");
    }
    assert_eq!(said("disks: {}", &seen(None)), (Verdict::Unknown, Some("NotCounted")));
}

#[test]
fn a_credential_that_sees_no_index_does_not_see_that_all_are_open() {
    let watermarks = Err(Obstacle::new(Reason::FORBIDDEN, "x"));
    let judged = |closed: &[&str], shown| {
        let closed = closed.iter().map(|name| (*name).to_owned()).collect();
        let blocked = Ok(Blocked { closed, shown });
        let disks = DisksSeen { disks: Ok(Vec::new()), watermarks: watermarks.clone(), blocked };
        let seen = Seen { disks: Some(disks), ..nothing() };
        let judgement = check("disks: {}").judge(&seen, &Past::default(), now());
        let line = judgement.lines().iter().find(|line| line.subject == "writing").unwrap().clone();
        line.verdict
    };
    assert_eq!(judged(&[], 0), Verdict::Unknown);
    assert_eq!(judged(&[], 3), Verdict::Pass);
    assert_eq!(judged(&["a"], 3), Verdict::Fail);
}

#[test]
fn versions_are_compared_as_numbers() {
    for (is, least, holds) in [
        ("7.10.2", "7.9", true),
        ("7.10.2", "7.10.2", true),
        ("7.10.2", "7.11", false),
        ("8.11.1-SNAPSHOT", "8.11", true),
        ("odd", "1", false),
    ] {
        let version = Some(Ok(Version { number: is.to_owned(), opensearch: false }));
        let (verdict, _) =
            said(&format!("version: {{ at_least: '{least}' }}"), &Seen { version, ..nothing() });
        assert_eq!(verdict == Verdict::Pass, holds, "{is} {least}");
    }
    assert_eq!(Number::read("1.2.3.4.5"), None);
}

#[test]
fn something_must_be_looked_at() {
    for (parts, flaw) in [
        ("connection: default", "at least one of"),
        ("aliases: [{ name: 'a*' }]", "a name wanted"),
        ("aliases: [{ name: a }], indices: [{ name: a }]", "wanted twice"),
        ("newest: { index: a, field: b, within: {} }", "needs `warn` or `fail`"),
        ("version: {}", "needs `at_least` or `distribution`"),
    ] {
        let flaws = check(parts).flaws();
        assert!(flaws.iter().any(|told| told.contains(flaw)), "{parts}: {flaws:?}");
    }
}
