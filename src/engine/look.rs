//! One look at an item: its checks side by side, within its timeout, behind a panic guard.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::checklist::Item;
use crate::checks::{AnyCheck, Look};
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::past::Past;
use crate::model::reason::Reason;
use crate::model::records::Records;
use crate::model::report::{CheckReport, Word};
use crate::systems::Systems;

/// What came of one look at an item.
pub struct Looked {
    /// What its checks said, in file order.
    pub checks: Vec<CheckReport>,
    /// What was found of a person's word, where one can stand in for the checks.
    pub word: Option<Word>,
}

/// Runs all checks of `item`. Each comes back: with what it said, as `TimedOut` at the deadline, or
/// as `Crashed` where its own code broke.
pub async fn look(
    systems: &Systems,
    item: &Item,
    records: &Records,
    past: &Past,
    now: Timestamp,
) -> Looked {
    let look = Look {
        item: &item.card.id,
        needs: &item.needs,
        systems,
        records,
        deadline: Instant::now() + item.timeout,
        // Half of it, so that an item is never served what its own last look brought.
        fresh_within: item.damping.confirm_every / 2,
        now,
        past,
    };
    let checks = join_all(item.checks.iter().map(|check| one(check, &look))).await;
    let word = match &item.word {
        Some(word) => Some(Word {
            report: one(word, &look).await,
            answers: word.answers(),
            outdated: records.failed_since,
        }),
        None => None,
    };
    Looked { checks, word }
}

async fn one(check: &AnyCheck, look: &Look<'_>) -> CheckReport {
    let began = Instant::now();
    let guarded = AssertUnwindSafe(check.run(look)).catch_unwind();
    let judgement = match tokio::time::timeout_at(look.deadline, guarded).await {
        Ok(Ok(judgement)) => judgement,
        Ok(Err(_)) => crashed(check.kind()),
        Err(_) => late(look.deadline - began),
    };
    CheckReport { kind: check.kind(), took: began.elapsed(), judgement }
}

fn crashed(kind: &str) -> Judgement {
    // The panic's own message went to the log; it may hold foreign text and is not shown.
    tracing::error!(kind, "the check's own code broke; this is a defect of Vigie");
    let because =
        format!("the check `{kind}` broke; this is a defect of Vigie, its log says where");
    Obstacle::ours(Reason::CRASHED, because).into()
}

fn late(allowed: Duration) -> Judgement {
    Obstacle::new(Reason::TIMED_OUT, format!("no answer within {}", spoken(allowed))).into()
}
