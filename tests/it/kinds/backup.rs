//! `backup`, against a store in memory over real sockets.

mod barman;
mod declared;
mod deployed;
mod encrypted;
mod pbm;

use std::net::TcpListener;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use vigie::model::finding::Verdict::{self, Fail, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::s3::{NO_CONNECTION, NOT_IMPLEMENTED, NOT_LISTABLE, REJECTED};
use vigie_sim::s3::{ACCESS_KEY, Fault, Object, Store};

use super::Provocation;
use crate::s3::fixture::{BUCKET, Fixture, KEYS, ago, check, key, look_within, now};
use crate::support;

pub fn provocations() -> Vec<Provocation> {
    let mut table = vec![
        row("BucketMissing", Fail, || after(|fixture| fixture.store.delete(BUCKET))),
        row("NoBackup", Fail, || after(|_| {})),
        row("BackupTooOld", Warn, || aged("max_age: { warn: 26h, fail: 50h }", 27)),
        row("BackupTooOld", Fail, || aged("max_age: { warn: 26h, fail: 50h }", 51)),
        row("BackupTooSmall", Fail, || daily(&[10, 10_000, 10_000, 10_000], "min_size: 1 KiB")),
        row("BackupSizeOdd", Warn, || daily(&[4_000, 10_000, 10_000, 10_000], "")),
        row("TooFewBackups", Fail, || daily(&[10_000; 6], "min_count: 7")),
        row("TooFewBackups", Warn, gaps),
        row("RetentionOverrun", Fail, || daily(&[10_000; 33], "retention: 30d")),
        row("SiblingMissing", Fail, without_sibling),
        row("DatesDisagree", Warn, copied),
        row("ClockSkew", Unknown, ahead),
        row("SecretMissing", Unknown, || {
            after(|fixture| std::fs::remove_file(&fixture.secret_file).expect("a file"))
        }),
        row("Unauthorized", Unknown, || after(|fixture| fixture.store.revoke(ACCESS_KEY))),
    ];
    let other = |reason: Reason, run| Provocation { reason, verdict: Unknown, run };
    table.extend([
        other(NOT_LISTABLE, not_listable),
        other(NO_CONNECTION, || {
            async {
                let fixture = Fixture::new().await;
                let check = check(KEYS, "").replace("backups", "elsewhere");
                support::look(&check, &fixture.systems).await
            }
            .boxed()
        }),
        other(Reason::FORBIDDEN, || faulty(Fault::Error("AccessDenied"))),
        other(Reason::THROTTLED, || faulty(Fault::SlowDownEvery(1))),
        other(Reason::SERVER_ERROR, || faulty(Fault::Error("InternalError"))),
        other(NOT_IMPLEMENTED, || faulty(Fault::Error("NotImplemented"))),
        other(REJECTED, || faulty(Fault::Error("AuthorizationHeaderMalformed"))),
        other(Reason::GARBLED, || faulty(Fault::HalfXml)),
        other(Reason::TOO_LARGE, || faulty(Fault::Endless)),
        other(Reason::TIMED_OUT, silent),
        other(Reason::RESET, || faulty(Fault::Cut)),
        other(Reason::REFUSED, || elsewhere(refusing())),
        other(Reason::UNREACHABLE, || elsewhere("http://255.255.255.255:9000".to_owned())),
        other(Reason::NAME_NOT_FOUND, || elsewhere("http://no..such..host:9000".to_owned())),
        other(Reason::RESOLVER_FAILED, || {
            support::without_resolver("kinds::backup::a_name_that_nobody_knows_is_an_obstacle")
                .boxed()
        }),
        other(Reason::TLS_FAILED, || {
            async {
                // The system's authorities did not sign its certificate.
                let store = Store::start_tls().await.expect("a store");
                let endpoint = store.endpoint();
                Fixture::with(store).at(&endpoint).look("").await
            }
            .boxed()
        }),
    ]);
    for more in [
        barman::provocations(),
        pbm::provocations(),
        encrypted::provocations(),
        deployed::provocations(),
        declared::provocations(),
    ] {
        table.extend(more);
    }
    table
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_an_obstacle() {
    support::tell(&elsewhere("http://store.test:9000".to_owned()).await);
}

#[tokio::test]
async fn each_reason_is_given_when_it_is_due() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn other_faults_give_the_same_reasons() {
    for (fault, reason) in [
        (Fault::SamePage, Reason::GARBLED),
        (Fault::Unordered, Reason::GARBLED),
        (Fault::Html, Reason::GARBLED),
        (Fault::Status(404), Reason::GARBLED),
        (Fault::Status(429), Reason::THROTTLED),
        (Fault::Status(503), Reason::SERVER_ERROR),
        (Fault::Error("SignatureDoesNotMatch"), Reason::UNAUTHORIZED),
        (Fault::Error("InvalidAccessKeyId"), Reason::UNAUTHORIZED),
        (Fault::Error("RequestTimeTooSkewed"), Reason::CLOCK_SKEW),
    ] {
        let judgement = faulty(fault.clone()).await;
        assert_eq!(judgement.reason(), Some(reason), "{fault:?}: {}", judgement.because());
        assert_eq!(judgement.verdict(), Unknown);
    }
}

#[tokio::test]
async fn healthy_backups_pass_with_their_figures() {
    let limits = "max_age: { warn: 26h, fail: 50h }, min_size: 1 KiB, min_count: 7, retention: 30d";
    let judgement = daily(&[10_000; 31], limits).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let at = |hours| ago(hours).as_second() as f64;
    let rows: Vec<_> =
        judgement.samples().iter().map(|sample| (sample.measure.name, sample.value)).collect();
    for row in [
        ("vigie_backups", 31.0),
        ("vigie_backup_last_success_timestamp_seconds", at(5)),
        ("vigie_backup_last_size_bytes", 10_000.0),
        ("vigie_backup_oldest_timestamp_seconds", at(5 + 30 * 24)),
    ] {
        assert!(rows.contains(&row), "{row:?} in {rows:?}");
    }
}

#[tokio::test]
async fn keys_that_do_not_match_are_no_backups() {
    let fixture = Fixture::new().await.daily(5, &[10_000; 3]);
    let check =
        check(KEYS, "").replace("%S.gz\" }", "%S.gz\", matching: '-(02|12)[0-9]{4}\\.gz$' }");
    let judgement = support::look(&check, &fixture.systems).await;
    assert_eq!(judgement.reason(), Some(Reason::new("NoBackup")), "{}", judgement.because());
    fixture.store.put(BUCKET, "2026-03-15/dump-021500.gz", 1_000, ago(9));
    let judgement = support::look(&check, &fixture.systems).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

#[tokio::test]
async fn the_zone_of_the_keys_is_the_configured_one() {
    let fixture = Fixture::new().await;
    // 12:00 in Paris is 11:00 UTC.
    fixture.store.put(BUCKET, "2026-03-15/dump-120000.gz", 1_000, ago(1));
    let check = check(KEYS, "").replace("%S.gz\" }", "%S.gz\", timezone: Europe/Paris }");
    let judgement = support::look(&check, &fixture.systems).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert!(judgement.because().contains("1h ago"), "{}", judgement.because());
}

type Run = fn() -> BoxFuture<'static, Judgement>;

fn row(reason: &'static str, verdict: Verdict, run: Run) -> Provocation {
    Provocation { reason: Reason::new(reason), verdict, run }
}

/// A look at a store with an empty bucket, after something is done to it.
fn after(doing: fn(&Fixture)) -> BoxFuture<'static, Judgement> {
    async move {
        let fixture = Fixture::new().await;
        doing(&fixture);
        fixture.look("").await
    }
    .boxed()
}

fn daily(sizes: &'static [u64], limits: &'static str) -> BoxFuture<'static, Judgement> {
    async move { Fixture::new().await.daily(5, sizes).look(limits).await }.boxed()
}

fn aged(limits: &'static str, hours: i64) -> BoxFuture<'static, Judgement> {
    async move { Fixture::new().await.daily(hours, &[10_000; 3]).look(limits).await }.boxed()
}

fn faulty(fault: Fault) -> BoxFuture<'static, Judgement> {
    async move {
        let fixture = Fixture::new().await.daily(5, &[10_000; 3]);
        fixture.store.set_fault(Some(fault));
        fixture.look("").await
    }
    .boxed()
}

fn silent() -> BoxFuture<'static, Judgement> {
    async {
        let fixture = Fixture::new().await.daily(5, &[10_000; 3]);
        fixture.store.set_fault(Some(Fault::Silent));
        let (half, none) = (Duration::from_millis(500), Duration::ZERO);
        look_within(&check(KEYS, ""), &fixture.systems, half, none).await
    }
    .boxed()
}

fn elsewhere(endpoint: String) -> BoxFuture<'static, Judgement> {
    async move { Fixture::new().await.at(&endpoint).look("").await }.boxed()
}

/// A port of loopback where nobody listens.
fn refusing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// Every other day of the last thirty.
fn gaps() -> BoxFuture<'static, Judgement> {
    async {
        let fixture = Fixture::new().await;
        for day in (0..30).step_by(2) {
            fixture.store.put(BUCKET, &key(ago(5 + 24 * day)), 10_000, ago(5 + 24 * day));
        }
        fixture.look("retention: 30d").await
    }
    .boxed()
}

fn without_sibling() -> BoxFuture<'static, Judgement> {
    async {
        let fixture = Fixture::new().await.daily(5, &[10_000; 2]);
        fixture.store.put(BUCKET, &format!("{}.sha256", key(ago(29))), 64, ago(29));
        let sibling = "%S.gz\", siblings: [\"%Y-%m-%d/dump-%H%M%S.gz.sha256\"] }";
        let check = check(KEYS, "").replace("%S.gz\" }", sibling);
        support::look(&check, &fixture.systems).await
    }
    .boxed()
}

/// A dump of two days ago that was written again an hour ago.
fn copied() -> BoxFuture<'static, Judgement> {
    async {
        let fixture = Fixture::new().await;
        fixture.store.put(BUCKET, &key(ago(48)), 10_000, ago(1));
        fixture.look("").await
    }
    .boxed()
}

/// A key of tomorrow beside a fresh one.
fn ahead() -> BoxFuture<'static, Judgement> {
    async {
        let fixture = Fixture::new().await.daily(5, &[10_000; 3]);
        let tomorrow = now() + SignedDuration::from_hours(24);
        fixture.store.put(BUCKET, &key(tomorrow), 10_000, tomorrow);
        fixture.look("max_age: { fail: 26h }").await
    }
    .boxed()
}

fn not_listable() -> BoxFuture<'static, Judgement> {
    async {
        let fixture = Fixture::new().await;
        let object = Object { size: 1, modified: ago(5) };
        let objects = (0..6_000).map(|n| (format!("{n:x}.gz"), object));
        fixture.store.extend(BUCKET, objects);
        fixture.look_for("*.gz", "").await
    }
    .boxed()
}
