//! Layout `pbm`: stores as Percona Backup for MongoDB leaves them, whole and damaged.

use jiff::SignedDuration;
use serde_json::json;
use vigie::model::finding::Verdict::{self, Fail, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;

use super::{Provocation, row};
use crate::s3::fixture::{BUCKET, Fixture, ago, now, pbm};
use crate::support;

pub(super) fn provocations() -> Vec<Provocation> {
    vec![row("StoreDiffers", Warn, || {
        Box::pin(async {
            let fixture = filled().await;
            let store = json!({ "s3": { "bucket": "elsewhere" } });
            fixture.store.pbm_backup(BUCKET, ago(1), |metadata| metadata["store"] = store);
            fixture.look_at_pbm("").await
        })
    })]
}

/// Seven daily backups, and the oplog since the newest.
async fn filled() -> Fixture {
    let fixture = Fixture::new().await;
    for day in 0..7 {
        fixture.store.pbm_backup(BUCKET, ago(5 + 24 * day), |_| {});
    }
    fixture.store.oplog(BUCKET, now() - SignedDuration::from_mins(7), 36);
    fixture.store.put(BUCKET, ".pbm.init", 6, ago(9_000));
    fixture
}

async fn with_oplog(fixture: &Fixture) -> Judgement {
    let check = pbm("{ oplog_age: { fail: 20m } }", "max_age: { fail: 26h }, redundancy: 7");
    support::look(&check, &fixture.systems).await
}

#[tokio::test]
async fn a_store_as_pbm_leaves_it_passes_in_few_requests() {
    let fixture = filled().await;
    let judgement = with_oplog(&fixture).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let cold = fixture.store.request_count();
    assert_eq!(cold, 1 + 7 + 2, "one listing, seven files, the folder of oplogs and one in it");
    with_oplog(&fixture).await;
    assert_eq!(fixture.store.request_count() - cold, 3);
    let archived = "vigie_backup_log_last_archived_timestamp_seconds";
    assert!(judgement.samples().iter().any(|sample| sample.measure.name == archived));
}

#[tokio::test]
async fn what_is_wrong_with_backups_and_oplogs_is_told() {
    for (reason, verdict, break_it) in [
        (
            "BackupFailed",
            Warn,
            (|fixture| {
                fixture.store.pbm_backup(BUCKET, ago(1), |metadata| {
                    metadata["status"] = json!("error");
                    metadata["error"] = json!("lost shard rs0");
                });
            }) as fn(&Fixture),
        ),
        ("BackupUnreadable", Fail, |fixture| {
            let name = ago(1).strftime("%Y-%m-%dT%H:%M:%SZ.pbm.json").to_string();
            fixture.store.write(BUCKET, &name, "{ \"status\": \"do", ago(1));
        }),
        ("BackupDataMissing", Fail, |fixture| {
            fixture.store.pbm_backup(BUCKET, ago(1), |metadata| {
                metadata["src_backup"] = json!("2025-01-01T00:00:00Z");
            });
        }),
        ("RetentionOverrun", Fail, |fixture| {
            for day in 7..10 {
                fixture.store.pbm_backup(BUCKET, ago(5 + 24 * day), |_| {});
            }
        }),
        ("LogTooOld", Fail, |fixture| {
            let newest = now() - SignedDuration::from_mins(25);
            fixture.store.remove_all(BUCKET, |key, object| {
                key.starts_with("pbmPitr") && object.modified > newest
            });
        }),
        ("LogGap", Fail, |fixture| {
            let mut slices = 0;
            fixture.store.remove_all(BUCKET, |key, _| {
                slices += i32::from(key.starts_with("pbmPitr"));
                slices == 20 && key.starts_with("pbmPitr")
            });
        }),
        ("LogMissing", Fail, |fixture| {
            fixture.store.remove_all(BUCKET, |key, _| key.starts_with("pbmPitr"));
        }),
    ] {
        let fixture = filled().await;
        break_it(&fixture);
        let judgement = with_oplog(&fixture).await;
        let said = (judgement.verdict(), judgement.reason().map(Reason::code));
        assert_eq!(said, (verdict, Some(reason)), "{}", judgement.because());
    }
}
