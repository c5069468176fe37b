//! Backups before and after the current deployment.

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use vigie::model::finding::Verdict::{self, Fail, Unknown};
use vigie::model::judgement::Judgement;

use super::{Provocation, row};
use crate::s3::fixture::{BUCKET, Fixture, KEYS, ago, barman, check, now};
use crate::support::look_since;

pub(super) fn provocations() -> Vec<Provocation> {
    vec![
        row("NoBackupBeforeDeployment", Fail, || deployed(4, "before_deployment: 30m")),
        row("DeploymentTooLongAgo", Unknown, || {
            deployed(24 * 40, "before_deployment: 1d, retention: 30d, period: 30d")
        }),
        row("NoBackupAfterDeployment", Fail, || deployed(4, "after_deployment: 3h")),
        row("NotYet", Unknown, || deployed(4, "after_deployment: 24h")),
        row("NoDeployment", Unknown, || {
            async { filled().await.look("before_deployment: 1d").await }.boxed()
        }),
    ]
}

/// Daily backups, the newest five hours old.
async fn filled() -> Fixture {
    Fixture::new().await.daily(5, &[10_000; 3])
}

fn deployed(hours: i64, limits: &'static str) -> BoxFuture<'static, Judgement> {
    async move {
        let fixture = filled().await;
        look_since(ago(hours), &check(KEYS, limits), &fixture.systems).await
    }
    .boxed()
}

#[tokio::test]
async fn a_backup_on_either_side_of_the_deployment_passes() {
    for (hours, limits) in [(4, "before_deployment: 2h"), (6, "after_deployment: 24h")] {
        let judgement = deployed(hours, limits).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{limits}: {}", judgement.because());
    }
}

#[tokio::test]
async fn a_base_backup_counts_from_its_end() {
    let fixture = Fixture::new().await;
    let age = SignedDuration::from_hours(5);
    fixture.store.fill_barman(BUCKET, "pg/", now(), age, (1, 30));
    let check = barman("before_deployment: 24h");
    // It ran while the rollout began.
    let within = ago(5) - SignedDuration::from_mins(5);
    let judgement = look_since(within, &check, &fixture.systems).await;
    assert_eq!(judgement.verdict(), Fail, "{}", judgement.because());
    let after = ago(5) + SignedDuration::from_mins(1);
    let judgement = look_since(after, &check, &fixture.systems).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}
