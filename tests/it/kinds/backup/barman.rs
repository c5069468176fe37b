//! Layout `barman`: stores as barman-cloud leaves them, whole and damaged.

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use vigie::model::finding::Verdict::{self, Fail, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie_sim::s3::{BaseBackup, Wals};

use super::{Provocation, row};
use crate::s3::fixture::{BUCKET, Fixture, ago, layout, now};
use crate::support;

const SERVER: &str = "pg/";
/// How many segments of log there are between two backups of [`filled`].
const LOG: u64 = 30;

pub(super) fn provocations() -> Vec<Provocation> {
    vec![
        row("BackupFailed", Warn, || {
            after(|fixture| {
                add(fixture, 2, "FAILED");
            })
        }),
        row("BackupFailed", Fail, || {
            after(|fixture| {
                add(fixture, 2, "FAILED");
                add(fixture, 1, "FAILED");
            })
        }),
        row("BackupUnreadable", Fail, || after(|fixture| cut(fixture, 2))),
        row("BackupUnreadable", Warn, || after(|fixture| cut(fixture, 30))),
        row("BackupDataMissing", Fail, || after(|fixture| empty(fixture, 2))),
        row("BackupDataMissing", Warn, || after(|fixture| empty(fixture, 30))),
        row("LogTooOld", Fail, || aged("{ fail: 4m }")),
        row("LogTooOld", Warn, || aged("{ warn: 4m, fail: 6m }")),
        row("LogGap", Fail, || after(|fixture| fixture.store.lose_wal(BUCKET, SERVER, 1, 75))),
        row("LogMissing", Fail, || {
            after(|fixture| {
                fixture.store.remove_all(BUCKET, |key, _| key.contains("/wals/"));
            })
        }),
        row("TimelineLeft", Fail, || {
            after(|fixture| go_on(fixture, Some("1\t0/1000028\tbefore the backup\n")))
        }),
        row("HistoryMissing", Fail, || after(|fixture| go_on(fixture, None))),
        row("HistoryUnreadable", Unknown, || after(|fixture| go_on(fixture, Some("no history")))),
    ]
}

/// Three daily backups and the log since, archived up to five minutes ago.
async fn filled() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.store.fill_barman(BUCKET, SERVER, now(), SignedDuration::from_hours(5), (3, LOG));
    fixture
}

fn after(doing: fn(&Fixture)) -> BoxFuture<'static, Judgement> {
    async move {
        let fixture = filled().await;
        doing(&fixture);
        fixture.look_at_barman("").await
    }
    .boxed()
}

fn aged(limits: &'static str) -> BoxFuture<'static, Judgement> {
    async move {
        let fixture = filled().await;
        let check = layout(&format!("{{ barman: {{ server: pg, log_age: {limits} }} }}"), "");
        support::look(&check, &fixture.systems).await
    }
    .boxed()
}

/// Another backup that began so many hours ago.
fn add(fixture: &Fixture, hours: i64, status: &'static str) -> BaseBackup {
    let backup = BaseBackup { status, ..BaseBackup::done(ago(hours), (80, 81)) };
    fixture.store.base_backup(BUCKET, SERVER, &backup);
    backup
}

fn cut(fixture: &Fixture, hours: i64) {
    let backup = add(fixture, hours, "DONE");
    let info = backup.info();
    let key = format!("{SERVER}base/{}/backup.info", backup.id());
    fixture.store.write(BUCKET, &key, info[..info.len() / 2].to_owned(), ago(hours));
}

fn empty(fixture: &Fixture, hours: i64) {
    let backup = add(fixture, hours, "DONE");
    fixture.store.remove(BUCKET, &format!("{SERVER}base/{}/data.tar.gz", backup.id()));
}

/// The log goes on on timeline 2, from segment 90 on.
fn go_on(fixture: &Fixture, history: Option<&str>) {
    let newest = now() - SignedDuration::from_mins(5);
    let wals = Wals { timeline: 2, numbers: 90..100, newest, apart: 60 };
    fixture.store.wals(BUCKET, SERVER, &wals);
    if let Some(history) = history {
        let key = format!("{SERVER}wals/00000002.history");
        fixture.store.write(BUCKET, &key, history.to_owned(), newest);
    }
}

#[tokio::test]
async fn a_store_as_barman_leaves_it_passes_with_its_figures() {
    let fixture = filled().await;
    let limits = "max_age: { warn: 26h, fail: 50h }, min_size: 1 MB, min_count: 3, retention: 30d";
    let judgement = fixture.look_at_barman(limits).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let minutes = |minutes| (now() - SignedDuration::from_mins(minutes)).as_second() as f64;
    for (name, value) in [
        ("vigie_backups", 3.0),
        ("vigie_backup_last_success_timestamp_seconds", minutes(300)),
        ("vigie_backup_oldest_timestamp_seconds", minutes(300 + 48 * 60)),
        ("vigie_backup_last_size_bytes", 1_000_000_000.0),
        ("vigie_backup_log_last_archived_timestamp_seconds", minutes(5)),
        ("vigie_backup_failed_attempts", 0.0),
        ("vigie_backup_look_requests", 5.0),
    ] {
        let sample = judgement.samples().iter().find(|sample| sample.measure.name == name);
        let sample = sample.unwrap_or_else(|| panic!("{name}"));
        assert!((sample.value - value).abs() < 0.5, "{name}: {}", sample.value);
        assert_eq!(sample.labels.iter().map(AsRef::as_ref).collect::<Vec<_>>(), [BUCKET, "pg/"]);
    }
}

#[tokio::test]
async fn a_timeline_that_was_switched_to_is_followed() {
    let fixture = filled().await;
    // Place 0/5A000028 lies in segment 90.
    go_on(&fixture, Some("1\t0/5A000028\tno recovery target specified\n"));
    let judgement = fixture.look_at_barman("").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    fixture.store.lose_wal(BUCKET, SERVER, 2, 90);
    let judgement = fixture.look_at_barman("").await;
    assert!(judgement.because().contains("00000002000000000000005A"), "{}", judgement.because());
}

#[tokio::test]
async fn a_gap_before_the_newest_backup_is_not_missed_and_one_after_it_is() {
    let fixture = filled().await;
    fixture.store.lose_wal(BUCKET, SERVER, 1, 40);
    let judgement = fixture.look_at_barman("").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    for number in [61, 62, 75] {
        let fixture = filled().await;
        fixture.store.lose_wal(BUCKET, SERVER, 1, number);
        let judgement = fixture.look_at_barman("").await;
        let name = format!("00000001000000000000{number:04X}");
        assert!(judgement.because().contains(&name), "{number}: {}", judgement.because());
    }
}

#[tokio::test]
async fn requests_grow_with_backups_and_never_with_objects() {
    let cost = async |backups, log, since: u64| {
        let fixture = Fixture::new().await;
        let age = SignedDuration::from_hours(5);
        fixture.store.fill_barman(BUCKET, SERVER, now(), age, (backups, log));
        // As many segments since the newest backup, however many there are in all.
        let first = 1 + u64::from(backups - 1) * log;
        let last = first + log;
        for number in first + since..last {
            fixture.store.lose_wal(BUCKET, SERVER, 1, number);
        }
        let newest = now() - SignedDuration::from_mins(5);
        let wals = Wals { timeline: 1, numbers: first..first + since, newest, apart: 1 };
        fixture.store.wals(BUCKET, SERVER, &wals);
        let judgement = fixture.look_at_barman("").await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
        let cold = fixture.store.request_count();
        let judgement = fixture.look_at_barman("").await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
        (cold, fixture.store.request_count() - cold)
    };
    let few = cost(10, 100, 50).await;
    let many = cost(10, 15_000, 50).await;
    assert_eq!(few, many, "1,000 segments of log, and 150,000");
    assert_eq!(few, (12, 2), "one listing each of base/ and of the log; ten files, once");
    assert_eq!(cost(20, 100, 50).await, (22, 2));
    assert_eq!(cost(10, 15_000, 3_500).await, (15, 5), "four pages of log since the newest");
}

#[tokio::test]
async fn a_catalogue_that_does_not_fit_a_page_is_read_folder_by_folder() {
    let fixture = filled().await;
    fixture.store.set_page(5);
    let judgement = fixture.look_at_barman("max_requests: 50").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert!(judgement.samples().iter().any(|sample| sample.measure.name == "vigie_backups"));
}

#[tokio::test]
async fn what_the_requests_do_not_reach_is_not_guessed() {
    let fixture = filled().await;
    fixture.store.set_page(10);
    let judgement = fixture.look_at_barman("max_requests: 2").await;
    assert_eq!(judgement.verdict(), Unknown, "{}", judgement.because());
    assert!(judgement.because().contains("have no gap, and the log goes on"));
    let age =
        judgement.lines().iter().find(|line| line.because.contains("the newest, was archived"));
    let age = age.expect("the newest segment is found all the same");
    assert_eq!(age.verdict, Verdict::Pass, "{}", age.because);
    fixture.store.lose_wal(BUCKET, SERVER, 1, 65);
    let judgement = fixture.look_at_barman("max_requests: 2").await;
    assert_eq!(judgement.verdict(), Fail, "a gap that was read is one");
}

#[tokio::test]
async fn what_changed_is_read_again_and_nothing_else() {
    let fixture = filled().await;
    fixture.look_at_barman("").await;
    let read = || fixture.store.requests().get("GetObject").copied().unwrap_or_default();
    assert_eq!(read(), 3);
    let failed = add(&fixture, 2, "STARTED");
    fixture.look_at_barman("").await;
    assert_eq!(read(), 4);
    fixture.store.base_backup(BUCKET, SERVER, &BaseBackup { status: "FAILED", ..failed });
    let judgement = fixture.look_at_barman("").await;
    assert_eq!((read(), judgement.verdict()), (5, Warn), "{}", judgement.because());
}
