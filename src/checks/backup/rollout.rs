//! Backups before and after the current deployment.

use jiff::{SignedDuration, Timestamp};

use super::Backup;
use super::copies::{Copies, Copy, seconds, since};
use super::measures::BEFORE;
use super::reasons::{NONE_AFTER, NONE_BEFORE, TOO_LONG_AGO};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::past::Past;
use crate::systems::s3::NOT_LISTABLE;

/// Compares what was seen with when the deployment began.
pub(super) fn judge(
    check: &Backup,
    copies: &Copies,
    began: Option<Timestamp>,
    past: &Past,
    now: Timestamp,
    judgement: &mut Judgement,
) {
    if check.before_deployment.is_none() && check.after_deployment.is_none() {
        return;
    }
    let Some(began) = began else {
        judgement.add("deployment", Obstacle::no_deployment());
        return;
    };
    if let Some(within) = check.before_deployment {
        judgement.add("before", before(check, copies, began, within, past, now));
    }
    if let Some(within) = check.after_deployment {
        judgement.add("after", after(copies, began, within, now));
    }
}

fn before(
    check: &Backup,
    copies: &Copies,
    began: Timestamp,
    within: Period,
    past: &Past,
    now: Timestamp,
) -> Answer {
    let known = began.to_string();
    let remembered = past.points(&BEFORE, &[&known]).next_back();
    if let Some(copy) = copies.newest.iter().find(|copy| copy.ended <= began) {
        let early = since(copy.ended, began);
        let said = format!(
            "`{}` ended {} before the deployment began ({began:.0})",
            copy.shown(),
            spoken(early)
        );
        if early <= within.get() {
            let sample = BEFORE.is(seconds(copy.ended), [&known]);
            return Finding::pass(format!("{said}, {within} allowed")).measured(sample).into();
        }
        if remembered.is_none() {
            return Finding::fail(NONE_BEFORE, format!("{said}, {within} allowed")).into();
        }
    }
    if let Some((_, ended)) = remembered {
        let because = "a backup from before the deployment was there, and is deleted by now";
        return Finding::pass(because).measured(BEFORE.is(ended, [&known])).into();
    }
    let seen_so_far = copies.count.is_none();
    let deleted = check.retention.is_some_and(|kept| since(began, now) > kept.get());
    if seen_so_far {
        let because = format!(
            "of the newest {} backups none ended before the deployment began ({began:.0}); older ones \
             were not looked for",
            copies.newest.len()
        );
        return Obstacle::new(NOT_LISTABLE, because).into();
    }
    if deleted {
        let because = format!(
            "the deployment began {} ago, and backups are not kept for so long",
            spoken(since(began, now))
        );
        return Obstacle::new(TOO_LONG_AGO, because).into();
    }
    let because = format!("no complete backup ended before the deployment began ({began:.0})");
    Finding::fail(NONE_BEFORE, because).into()
}

fn after(copies: &Copies, began: Timestamp, within: Period, now: Timestamp) -> Answer {
    let is_after = |copy: &&Copy| copy.ended >= began && !copy.is_ahead(now);
    if let Some(copy) = copies.newest.iter().rfind(is_after) {
        let late = spoken(since(began, copy.ended));
        let because = format!("`{}` ended {late} after the deployment began", copy.shown());
        return Finding::pass(because).into();
    }
    let waited = since(began, now);
    let said = format!(
        "no complete backup has ended since the deployment began {} ago, {within} allowed",
        spoken(waited)
    );
    let patience = SignedDuration::try_from(within.get()).unwrap_or(SignedDuration::MAX);
    if now.duration_since(began) > patience {
        return Finding::fail(NONE_AFTER, said).into();
    }
    Obstacle::not_yet(said).into()
}

#[cfg(test)]
mod tests;
