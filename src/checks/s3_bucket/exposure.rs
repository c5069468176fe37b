//! What a bucket gives to everybody: what it does, and what it says. Pure.

use std::sync::Arc;

use super::parameters::Grants;
use super::{PUBLIC_ACCESS, PUBLIC_GRANT, PUBLIC_GRANTS, S3Bucket, Seen, UNSIGNED_REFUSED};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::measure::Sample;
use crate::systems::s3::{Answered, Block, Grant, Held, NOT_IMPLEMENTED, Policy, Told, Unsigned};

/// The most actions of a policy that a sentence names.
const MOST_ACTIONS: usize = 6;

/// Adds what became of requests without a signature.
pub(super) fn unsigned(check: &S3Bucket, seen: &Unsigned, judgement: &mut Judgement) {
    let Unsigned { listing, object } = seen;
    judgement.add("unsigned listing", one(check, listing, "a listing"));
    if let Some(object) = object {
        judgement.add("unsigned object", one(check, object, "a question about an object"));
    }
    let all = [Some(listing), object.as_ref()];
    let told: Option<Vec<_>> = all.into_iter().flatten().map(|told| told.as_ref().ok()).collect();
    if let Some(told) = told {
        let refused = told.iter().all(|answered| **answered == Answered::Refused);
        judgement.measure(check.is(&UNSIGNED_REFUSED, refused));
    }
}

/// Says that no object could be asked for: what would be answered for one only ACL and policy tell.
/// The last line, so that it hides no other reason.
pub(super) fn without_object(check: &S3Bucket, seen: &Seen, judgement: &mut Judgement) {
    let Ok(Held::There { .. }) = &seen.held else { return };
    let Some(Unsigned { listing: Ok(Answered::Refused), object: None }) = &seen.unsigned else {
        return;
    };
    let under = match check.prefix.as_str() {
        "" => format!("in {}", check.name()),
        prefix => format!("under `{}`", legible(prefix, 200)),
    };
    let said = format!("there is no object {under} that could be asked for without a signature");
    let answer: Answer = if matches!((&seen.grants, &seen.policy), (Some(Ok(_)), Some(Ok(_)))) {
        Finding::pass(format!("{said}; its ACL and policy tell what would come")).into()
    } else {
        let more = "`grants: private` asks its ACL and policy for what would come";
        Obstacle::not_yet(format!("{said}; {more}")).into()
    };
    judgement.add("unsigned object", answer);
}

fn one(check: &S3Bucket, told: &Told<Answered>, what: &str) -> Answer {
    match told {
        Ok(Answered::Refused) => {
            Finding::pass(format!("{what} without a signature is refused")).into()
        }
        Ok(Answered::Granted) => {
            let because = format!(
                "{} answers {what} without a signature: everybody can read it",
                check.name()
            );
            Finding::fail(PUBLIC_ACCESS, because).into()
        }
        Err(obstacle) => check.untold(obstacle),
    }
}

/// What its list of rights grants to everybody.
pub(super) fn acl(
    check: &S3Bucket,
    told: &Told<Arc<[Grant]>>,
    block: Option<Block>,
    unsigned: Option<&Unsigned>,
) -> Answer {
    let grants = match told {
        Ok(grants) => grants,
        Err(obstacle) => return instead(check, obstacle, unsigned),
    };
    let finding = match grants.first() {
        None => Finding::pass("its ACL grants nothing to everybody"),
        Some(_) if block.is_some_and(|block| block.acls.ignored) => {
            Finding::pass("its ACL grants something to everybody, which IgnorePublicAcls undoes")
        }
        Some(Grant { to_any_key, permission }) => {
            let whom = if *to_any_key { "whoever has any key" } else { "everybody" };
            let more = match grants.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let because =
                format!("the ACL of {} grants {permission} to {whom}{more}", check.name());
            Finding::fail(PUBLIC_GRANT, because)
        }
    };
    finding.measured(granted(check, "acl", grants.len())).into()
}

/// What its policy allows to everybody.
pub(super) fn policy(
    check: &S3Bucket,
    told: &Told<Option<Arc<Policy>>>,
    block: Option<Block>,
    unsigned: Option<&Unsigned>,
) -> Answer {
    let policy = match told {
        Ok(policy) => policy.as_deref(),
        Err(obstacle) => return instead(check, obstacle, unsigned),
    };
    let Some(policy @ Policy { open, denies }) = policy else {
        return Finding::pass("it has no policy").measured(granted(check, "policy", 0)).into();
    };
    let finding = match open.first() {
        None => Finding::pass("its policy lets nobody in but who is named"),
        Some(_) if block.is_some_and(|block| block.policies.ignored) => {
            Finding::pass("its policy lets everybody in, which RestrictPublicBuckets undoes")
        }
        Some(_) => {
            let actions = listed(&policy.actions());
            let because = format!("the policy of {} allows everybody: {actions}", check.name());
            if *denies {
                let unless = "it also denies something to everybody, which may take that back";
                Finding::warn(PUBLIC_GRANT, format!("{because}; {unless}"))
            } else {
                Finding::fail(PUBLIC_GRANT, because)
            }
        }
    };
    finding.measured(granted(check, "policy", open.len())).into()
}

/// The first of some actions, and how many more there are.
fn listed(actions: &[&str]) -> String {
    let first = actions[..actions.len().min(MOST_ACTIONS)].join(", ");
    match actions.len().saturating_sub(MOST_ACTIONS) {
        0 => first,
        more => format!("{first}, and {more} more"),
    }
}

/// Where a store lacks the call: what became of requests without a signature, if that may do.
fn instead(check: &S3Bucket, obstacle: &Obstacle, unsigned: Option<&Unsigned>) -> Answer {
    let may_do = check.grants == Grants::PrivateWhereTold && obstacle.reason == NOT_IMPLEMENTED;
    match unsigned {
        Some(Unsigned { listing: Ok(Answered::Refused), object }) if may_do => {
            let tried = match object {
                Some(Ok(Answered::Refused)) => "a listing and an object are",
                _ => "a listing is",
            };
            let because = format!(
                "the store lacks the call that would tell; {tried} refused without a signature"
            );
            Finding::pass(because).into()
        }
        _ => check.untold(obstacle),
    }
}

fn granted(check: &S3Bucket, by: &str, count: usize) -> Sample {
    #[expect(clippy::cast_precision_loss, reason = "a count of grants")]
    let count = count as f64;
    PUBLIC_GRANTS.is(count, [check.bucket.as_str(), by])
}
