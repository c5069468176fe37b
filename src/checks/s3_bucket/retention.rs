//! Rules of lifecycle against the time that objects are to be kept. Pure.
//!
//! A rule that is about some of the objects may delete too soon, and never deletes all.

use std::sync::Arc;
use std::time::Duration;

use super::parameters::Retention;
use super::{DELETED_TOO_SOON, KEPT_FOR, NEVER_DELETED, S3Bucket};
use crate::model::duration::{Period, spoken};
use crate::model::finding::Finding;
use crate::model::judgement::{Answer, Judgement};
use crate::systems::s3::{Rule, Told, Versioning};

/// Adds what the rules make of the objects below the check's prefix.
pub(super) fn judge(
    check: &S3Bucket,
    wanted: Retention,
    told: &Told<Arc<[Rule]>>,
    versioning: Option<&Told<Versioning>>,
    judgement: &mut Judgement,
) {
    let rules = match told {
        Ok(rules) => rules,
        Err(obstacle) => return judgement.add("lifecycle", check.untold(obstacle)),
    };
    let about: Vec<&Rule> = rules.iter().filter(|rule| touches(rule, &check.prefix)).collect();
    if let Some(soonest) = about.iter().filter_map(|rule| rule.after).min() {
        judgement.measure(KEPT_FOR.is(soonest.as_secs_f64(), [check.bucket.as_str()]));
    }
    let Retention { kept, gone_after } = wanted;
    if let Some(kept) = kept {
        judgement.add("kept", too_soon(&about, kept));
    }
    if let Some(gone_after) = gone_after {
        judgement.add("gone", gone(check, &about, gone_after, versioning));
    }
}

/// Whether a rule is about any of the objects below `prefix`.
fn touches(rule: &Rule, prefix: &str) -> bool {
    prefix.starts_with(&rule.prefix) || rule.prefix.starts_with(prefix)
}

/// Whether a rule is about all of them.
fn covers(rule: &Rule, prefix: &str) -> bool {
    prefix.starts_with(&rule.prefix) && !rule.narrowed
}

fn too_soon(rules: &[&Rule], kept: Period) -> Finding {
    if let Some(Rule { id, on: Some(on), .. }) = rules.iter().find(|rule| rule.on.is_some()) {
        let day = on.strftime("%F");
        let because = format!("the rule `{id}` deletes all objects on {day}, however young");
        return Finding::fail(DELETED_TOO_SOON, because);
    }
    let soonest = rules.iter().filter_map(|rule| Some((rule.after?, rule))).min_by_key(|r| r.0);
    match soonest {
        Some((after, rule)) if after < kept.get() => {
            let because = format!(
                "the rule `{}` deletes objects after {}; {kept} are to be kept",
                rule.id,
                spoken(after)
            );
            Finding::fail(DELETED_TOO_SOON, because)
        }
        Some((after, _)) => Finding::pass(format!(
            "no rule deletes objects before {}; {kept} are to be kept",
            spoken(after)
        )),
        None => Finding::pass("no rule deletes objects"),
    }
}

fn gone(
    check: &S3Bucket,
    rules: &[&Rule],
    gone_after: Period,
    versioning: Option<&Told<Versioning>>,
) -> Answer {
    let covering: Vec<_> = rules.iter().filter(|rule| covers(rule, &check.prefix)).collect();
    let Some(newest_goes) = covering.iter().filter_map(|rule| rule.after).min() else {
        let because = format!("no rule deletes all objects; {gone_after} are allowed");
        return Finding::fail(NEVER_DELETED, because).into();
    };
    // Where versions were never kept, an object that goes is gone.
    let (goes, how) = match versioning {
        Some(Ok(Versioning::Never)) => (Some(newest_goes), "no rule deletes"),
        Some(Ok(Versioning::Enabled | Versioning::Suspended)) | None => (
            old_versions(&covering).map(|after| newest_goes + after),
            "no rule deletes versions of",
        ),
        Some(Err(obstacle)) => return check.untold(obstacle),
    };
    match goes {
        None => {
            let because = format!("{how} all objects that are gone; {gone_after} are allowed");
            Finding::fail(NEVER_DELETED, because).into()
        }
        Some(goes) if goes > gone_after.get() => {
            let because =
                format!("all objects are gone after {}; {gone_after} are allowed", spoken(goes));
            Finding::fail(NEVER_DELETED, because).into()
        }
        Some(goes) => Finding::pass(format!("all objects are gone after {}", spoken(goes))).into(),
    }
}

/// How long the last of the old versions is kept; none where some are kept for ever.
fn old_versions(covering: &[&&Rule]) -> Option<Duration> {
    let all = covering.iter().filter(|rule| !rule.keeps_some);
    all.filter_map(|rule| rule.old_versions_after).min()
}
