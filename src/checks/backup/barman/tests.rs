use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::*;
use crate::checks::backup::parameters::Layout;
use crate::model::finding::Verdict;
use crate::systems::s3::{Encryption, Heading};

fn now() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

fn archives(of: &[(&str, (u32, u64))]) -> BTreeMap<String, Archived> {
    let archived = |(of, (parts, bytes)): &(&str, (u32, u64))| {
        ((*of).to_owned(), Archived::of(*parts, *bytes))
    };
    of.iter().filter(|(_, (parts, _))| *parts > 0).map(archived).collect()
}

fn entry(info: Option<&str>, data: (u32, u64), hours: i64) -> Entry {
    let read = |text: &str| Arc::new(BackupInfo::read(text.as_bytes(), &TimeZone::UTC));
    Entry {
        id: "20260315T021500".to_owned(),
        info: info.map(read),
        archives: Some(archives(&[("data", data)])),
        archive: (data.0 > 0).then(|| "data.tar".to_owned()),
        modified: now() - SignedDuration::from_hours(hours),
        kept: false,
    }
}

const DONE: &str = "begin_time=2026-03-15 02:15:00+00:00\nbegin_wal=000000010000000000000004\n\
    end_time=2026-03-15 02:27:00+00:00\nend_wal=000000010000000000000005\nstatus=DONE\ntimeline=1\n\
    version=160004\nxlog_segment_size=16777216\n";

fn fault(entry: &Entry) -> Option<Fault> {
    match sorted(entry, Period::from_secs(86_400), now()) {
        Sorted::Broken(broken) => Some(broken.what),
        Sorted::Complete(_) | Sorted::UnderWay => None,
    }
}

#[test]
fn a_folder_is_a_backup_only_with_all_that_belongs_to_it() {
    let whole = entry(Some(DONE), (2, 10), 9);
    let Sorted::Complete(copy) = sorted(&whole, Period::from_secs(1), now()) else { panic!() };
    assert_eq!((copy.size, copy.ended.to_string().as_str()), (Some(10), "2026-03-15T02:27:00Z"));
    for (entry, what) in [
        (entry(Some(DONE), (0, 0), 9), Some(Fault::DataMissing)),
        (entry(Some(DONE), (1, 0), 9), Some(Fault::DataMissing)),
        (entry(Some(&DONE[..90]), (1, 9), 9), Some(Fault::Unreadable)),
        (entry(Some(""), (1, 9), 9), Some(Fault::Unreadable)),
        (entry(Some("status=FAILED\n"), (1, 9), 9), Some(Fault::Failed)),
        (entry(Some("status=STARTED\n"), (1, 9), 9), None),
        (entry(Some("status=STARTED\n"), (1, 9), 25), Some(Fault::Failed)),
        (entry(None, (1, 9), 9), None),
        (entry(None, (1, 9), 25), Some(Fault::Failed)),
    ] {
        assert_eq!(fault(&entry), what, "{entry:?}");
    }
}

#[test]
fn a_backup_lacks_what_one_of_its_tablespaces_lacks() {
    let with = |tablespaces: &str, there: &[(&str, (u32, u64))]| {
        let info = DONE.replace("timeline=", &format!("tablespaces={tablespaces}\ntimeline="));
        fault(&Entry { archives: Some(archives(there)), ..entry(Some(&info), (1, 10), 9) })
    };
    let (missing, two) = (Some(Fault::DataMissing), "[('a', 16387, '/a'), ('b', 16390, '/b')]");
    assert_eq!(with("[('a', 16387, '/a')]", &[("16387", (1, 10))]), missing, "no data.tar");
    assert_eq!(with("[('a', 16387, '/a')]", &[("data", (1, 10))]), missing);
    assert_eq!(with(two, &[("data", (1, 10)), ("16387", (1, 10)), ("16390", (1, 0))]), missing);
    assert_eq!(with(two, &[("data", (1, 10)), ("16387", (2, 10)), ("16390", (1, 1))]), None);
    assert_eq!(with("[oddly]", &[("data", (1, 10))]), Some(Fault::Unreadable));
}

#[test]
fn snapshots_of_volumes_need_no_archive() {
    let snapshots = DONE.replace("status=DONE", "snapshots_info={'a': 1}\nstatus=DONE");
    assert_eq!(fault(&entry(Some(&snapshots), (0, 0), 9)), None);
}

#[test]
fn that_the_log_is_encrypted_says_nothing_of_snapshots() {
    let text = "{ bucket: b, encrypted: any, layout: { barman: { server: pg } } }";
    let check: Backup = serde_saphyr::from_str(text).unwrap();
    let Layout::Barman(layout) = &check.layout else { panic!() };
    let verdict = |info: &str| {
        let backups = vec![entry(Some(info), (1, 10), 9)];
        let catalogue = Arc::new(Catalogue { backups, requests: 1 });
        let heading = Heading { encryption: Some(Encryption::Store) };
        let seen =
            Seen { catalogue, wals: None, told: vec![("log".to_owned(), Ok(Some(heading)))] };
        let mut judgement = Judgement::new();
        layout.judge(&check, &seen, now(), &mut judgement);
        judgement.verdict()
    };
    assert_eq!(verdict(DONE), Verdict::Pass);
    let snapshots = DONE.replace("status=DONE", "snapshots_info={'a': 1}\nstatus=DONE");
    assert_eq!(verdict(&snapshots), Verdict::Unknown);
}

#[test]
fn where_no_backup_is_its_folder_is_named() {
    let text = "{ bucket: b, prefix: pg/, layout: { barman: { server: main } } }";
    let check: Backup = serde_saphyr::from_str(text).unwrap();
    let Layout::Barman(layout) = &check.layout else { panic!() };
    for (backups, told) in [
        (vec![], "in `b/pg/main/base/`: it has no folders"),
        (
            vec![entry(Some("status=FAILED\n"), (1, 9), 9)],
            "in `b/pg/main/base/`: it has one folder",
        ),
    ] {
        let catalogue = Arc::new(Catalogue { backups, requests: 1 });
        let seen = Seen { catalogue, wals: None, told: Vec::new() };
        let mut judgement = Judgement::new();
        layout.judge(&check, &seen, now(), &mut judgement);
        let told = format!("no complete base backup is {told}");
        assert!(judgement.lines()[0].because.contains(&told), "{:?}", judgement.lines());
    }
}

#[test]
fn the_newest_is_the_one_that_ended_last_whatever_its_place() {
    let of = |id: &str, ended: &str| {
        let info = DONE.replace("03-15 02:27", ended).replace("03-15 02:15", "03-01 00:00");
        Entry { id: id.to_owned(), ..entry(Some(&info), (1, 10), 9) }
    };
    let ended = [("b", "03-15 04:00"), ("a", "03-15 05:00"), ("c", "03-14 05:00")];
    let ahead = of("z", "03-16 05:00");
    let failed = Entry { id: "y".to_owned(), ..entry(Some("status=FAILED\n"), (1, 10), 1) };
    let backups = ended.map(|(id, ended)| of(id, ended)).into_iter().chain([ahead, failed]);
    let catalogue = Catalogue { backups: backups.collect(), requests: 1 };
    assert_eq!(newest(&catalogue, now()).map(|(entry, _)| entry.id.as_str()), Some("a"));
}
