use proptest::prelude::*;

use super::*;

/// As barman-cloud-backup 3.10 writes it.
const DONE: &str = "\
backup_label='START WAL LOCATION: 0/4000028 (file 000000010000000000000004)\\nCHECKPOINT LOCATION: 0/4000080\\nBACKUP METHOD: streamed\\nSTART TIME: 2026-03-15 02:15:00 UTC\\nLABEL: Barman backup cloud 20260315T021500\\nSTART TIMELINE: 1\\n'
backup_name=backup-20260315021500
begin_offset=40
begin_time=2026-03-15 02:15:00.123456+00:00
begin_wal=000000010000000000000004
begin_xlog=0/4000028
compression=None
config_file=/var/lib/postgresql/data/pgdata/postgresql.conf
copy_stats={'total_time': 3.2, 'files': {'data': {'copy=time': 1}}}
deduplicated_size=None
encryption=None
end_offset=80
end_time=2026-03-15 02:27:00+00:00
end_wal=000000010000000000000005
end_xlog=0/5000050
error=None
hba_file=/var/lib/postgresql/data/pgdata/pg_hba.conf
ident_file=/var/lib/postgresql/data/pgdata/pg_ident.conf
included_files=['/var/lib/postgresql/data/pgdata/custom.conf']
mode=concurrent
pgdata=/var/lib/postgresql/data/pgdata
server_name=cloud
size=32505856
snapshots_info=None
status=DONE
systemid=7346104572138954771
tablespaces=None
timeline=1
version=160004
xlog_segment_size=16777216
";

fn read(text: &str) -> Result<BackupInfo, String> {
    BackupInfo::read(text.as_bytes(), &TimeZone::UTC)
}

#[test]
fn a_complete_backup_is_read_in_all_that_is_judged() {
    let info = read(DONE).unwrap();
    assert_eq!(info.status, Status::Done);
    assert_eq!(info.began.unwrap().to_string(), "2026-03-15T02:15:00.123456Z");
    assert_eq!(info.ended.unwrap().to_string(), "2026-03-15T02:27:00Z");
    let (first, last) = info.log.unwrap();
    assert_eq!((first.index, last.index), (4, 5));
    assert_eq!(info.segment_size.unwrap().bytes(), 16 << 20);
    assert_eq!((info.major(), info.size), (Some(16), Some(32_505_856)));
    assert_eq!(info.system.as_deref(), Some("7346104572138954771"));
    assert!(!info.snapshots);
}

#[test]
fn what_every_complete_backup_has_can_not_be_missing() {
    let needed = [
        "status",
        "begin_time",
        "end_time",
        "begin_wal",
        "end_wal",
        "timeline",
        "version",
        "xlog_segment_size",
    ];
    for line in DONE.lines() {
        let name = line.split_once('=').unwrap().0;
        let without = DONE.replace(&format!("{line}\n"), "");
        let none = DONE.replace(&format!("{line}\n"), &format!("{name}=None\n"));
        assert_eq!(read(&without).is_err(), needed.contains(&name), "without {name}");
        assert_eq!(read(&none).is_err(), needed.contains(&name), "{name}=None");
    }
}

#[test]
fn a_file_that_was_cut_off_is_not_read_as_whole() {
    for end in 0..DONE.len() {
        let cut = read(&DONE[..end]);
        assert!(cut.is_err(), "{end} bytes: {cut:?}");
    }
}

#[test]
fn what_contradicts_itself_is_not_believed() {
    for (text, instead, why) in [
        ("status=DONE", "status=done", "not known"),
        ("02:27:00+00:00", "01:27:00+00:00", "ends before"),
        ("end_wal=000000010000000000000005", "end_wal=000000010000000000000003", "ends before"),
        ("end_wal=000000010000000000000005", "end_wal=000000010000000000000105", "of its size"),
        ("timeline=1", "timeline=2", "timeline 2"),
        ("timeline=1", "timeline=one", "a number"),
        ("xlog_segment_size=16777216", "xlog_segment_size=16777", "size of segments"),
        ("begin_wal=0", "begin_wal=x", "segment of the log"),
        ("2026-03-15 02:15:00.123456+00:00", "yesterday", "a time"),
        ("mode=concurrent", "mode", "name=value"),
    ] {
        let said = read(&DONE.replace(text, instead)).unwrap_err();
        assert!(said.contains(why), "{instead}: {said}");
    }
}

#[test]
fn times_without_a_zone_are_meant_in_the_configured_one() {
    let naive = DONE.replace("+00:00", "");
    let paris = TimeZone::get("Europe/Paris").unwrap();
    let info = BackupInfo::read(naive.as_bytes(), &paris).unwrap();
    assert_eq!(info.ended.unwrap().to_string(), "2026-03-15T01:27:00Z");
}

#[test]
fn what_did_not_complete_says_so_and_why() {
    let failed = "begin_time=2026-03-15 02:15:00+00:00\nend_time=None\n\
                  error=failure uploading data (ReadTimeoutError = 1)\nstatus=FAILED\n";
    let info = read(failed).unwrap();
    assert_eq!(info.status, Status::Failed);
    assert_eq!(info.error.unwrap(), "failure uploading data (ReadTimeoutError = 1)");
    assert_eq!(read("status=STARTED\n").unwrap().status, Status::Started);
    assert!(read("").is_err() && read("\n").is_err() && read("status=None\n").is_err());
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _read = BackupInfo::read(&bytes, &TimeZone::UTC);
    }

    #[test]
    fn a_value_of_another_type_is_never_a_complete_backup_with_less(
        line in 0_usize..30, value in "[a-z0-9:]{0,12}",
    ) {
        let name = DONE.lines().nth(line).unwrap().split_once('=').unwrap().0;
        let old = DONE.lines().nth(line).unwrap();
        if let Ok(info) = read(&DONE.replace(old, &format!("{name}={value}")))
            && info.status == Status::Done
        {
            prop_assert!(info.log.is_some() && info.ended.is_some() && info.timeline.is_some());
        }
    }
}

#[test]
fn tablespaces_are_read_as_python_shows_them() {
    let of = |value: &str| {
        let line = format!("tablespaces={value}");
        read(&DONE.replace("tablespaces=None", &line)).map(|info| info.tablespaces)
    };
    assert_eq!(of("None"), Ok(vec![]));
    assert_eq!(of("[]"), Ok(vec![]));
    assert_eq!(of("[('a', 16387, '/srv/a'), ('b', 16390, '/srv/b')]"), Ok(vec![16_387, 16_390]));
    assert_eq!(of("[(u'a', 16387L, u'/srv/a')]"), Ok(vec![16_387]));
    assert_eq!(of("[('a, b', 16387, '/srv/a, (b), c')]"), Ok(vec![16_387]));
    for odd in ["[('a', '/srv/a')]", "[('a', 16387", "16387", "[('a', 16387]"] {
        assert!(of(odd).is_err(), "{odd}");
    }
}

#[test]
fn lines_may_end_as_windows_ends_them() {
    assert_eq!(read(&DONE.replace('\n', "\r\n")), read(DONE));
}
