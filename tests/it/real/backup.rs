//! `backup` of what `barman-cli-cloud` truly wrote of a PostgreSQL into a true object store: whole, then damaged.

use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::catalogue::segment::{Name, Segment};
use vigie::systems::clock::Clock;

use super::barman::{self, Barman, SERVER};
use super::store::{REGION, ROOT_KEY, ROOT_SECRET};
use crate::support;

/// One look at a bucket, with these parameters more.
async fn look(written: &Barman, more: &str) -> Judgement {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.display().to_string()
    };
    let connections = format!(
        "s3: {{ backups: {{ endpoint: '{}', region: {REGION}, access_key: {{ file: '{}' }}, \
         secret_key: {{ file: '{}' }} }} }}",
        written.store.endpoint,
        file("access", ROOT_KEY),
        file("secret", ROOT_SECRET),
    );
    let systems: Systems = support::systems(&connections, Clock::System);
    let check = format!(
        "backup: {{ connection: backups, bucket: {}, layout: {{ barman: {{ server: {SERVER} }} }}, \
         max_age: {{ fail: 1d }}{more} }}",
        written.bucket
    );
    support::look(&check, &systems).await
}

fn code(judgement: &Judgement) -> (Verdict, Option<&'static str>) {
    (judgement.verdict(), judgement.reason().map(Reason::code))
}

#[tokio::test]
async fn what_barman_wrote_passes_and_is_followed_to_the_second_timeline() {
    let Some(written) = barman::shared().await else { return };
    let judgement = look(&written, ", retention: 30d, min_count: 2").await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let because: Vec<_> = judgement.lines().iter().map(|line| line.because.as_str()).collect();
    assert!(because.iter().any(|said| said.contains("segment 00000002")), "{because:?}");
    assert!(because.iter().any(|said| said.contains("without a gap")), "{because:?}");
    let count = judgement.samples().iter().find(|sample| sample.measure.name == "vigie_backups");
    assert!(count.is_some_and(|count| (count.value - 2.0).abs() < 0.1));
}

#[tokio::test]
async fn what_was_damaged_afterwards_is_found() {
    let Some(written) = barman::shared().await else { return };
    let [first, second] = &written.backups().await[..] else { panic!("two backups") };
    let cut = written.copy("judged-truncated").await;
    cut.truncate(second).await;
    let judgement = look(&cut, "").await;
    assert_eq!(
        code(&judgement),
        (Verdict::Fail, Some("BackupUnreadable")),
        "{}",
        judgement.because()
    );
    let failed = written.copy("judged-failed").await;
    failed.fail(second).await;
    let judgement = look(&failed, "").await;
    assert_eq!(code(&judgement), (Verdict::Warn, Some("BackupFailed")), "{}", judgement.because());
    assert!(judgement.because().contains("no space"), "{}", judgement.because());
    let old = written.copy("judged-overrun").await;
    old.move_to(first, ("20200101", "2020-01-01")).await;
    let judgement = look(&old, ", retention: 30d").await;
    let overrun = judgement
        .lines()
        .iter()
        .any(|line| line.reason.map(Reason::code) == Some("RetentionOverrun"));
    assert!(overrun, "{}", judgement.because());
}

#[tokio::test]
async fn a_segment_that_was_lost_in_the_middle_is_found() {
    let Some(written) = barman::shared().await else { return };
    let holed = written.copy("judged-holed").await;
    // The second backup fails, so that the log is needed from the first on.
    let backups = written.backups().await;
    holed.fail(&backups[1]).await;
    let segments = holed.wals().await.into_iter().filter(|key| {
        let name = key.rsplit('/').next().and_then(Name::parse);
        matches!(name, Some(Name::Segment(Segment { timeline: 1, .. }, _)))
    });
    let segments: Vec<String> = segments.collect();
    let lost = &segments[segments.len() / 2];
    holed.store.remove(&holed.bucket, lost).await;
    let judgement = look(&holed, "").await;
    assert_eq!(code(&judgement), (Verdict::Fail, Some("LogGap")), "{}", judgement.because());
    let name = lost.rsplit('/').next().and_then(|name| name.get(..24)).expect("a name");
    assert!(judgement.because().contains(name), "{lost}: {}", judgement.because());
}
