//! What complete backups are compared with, whatever their layout. Pure.

use bytesize::ByteSize;
use jiff::Timestamp;

use super::Backup;
use super::copies::{Copies, Copy, float, seconds, since};
use super::measures::{COUNT, LAST_SIZE, LAST_SUCCESS, OLDEST, REQUESTS};
use super::parameters::MaxAge;
use super::reasons::{RETENTION_OVERRUN, SIZE_ODD, TOO_FEW, TOO_OLD, TOO_SMALL};
use crate::model::counted::{counted, either};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::reason::Reason;
use crate::systems::s3::{NEWEST, NOT_LISTABLE};

/// How many backups it takes to call one of them odd.
const ENOUGH_TO_COMPARE: usize = 4;

/// Compares what was seen with the limits; that there is none its layout says.
pub(super) fn judge(check: &Backup, copies: &Copies, now: Timestamp, judgement: &mut Judgement) {
    judgement.measure(check.is(&REQUESTS, copies.requests.into()));
    if let Some(count) = copies.count {
        judgement.measure(check.is(&COUNT, float(count)));
    }
    if copies.newest.is_empty() {
        return;
    }
    if let Some(ahead) = copies.newest.iter().find(|copy| copy.is_ahead(now)) {
        judgement.add("clock", in_the_future(ahead, now));
    }
    if let Some(newest) = copies.last(now) {
        judgement.add("newest", age(check, newest, now));
        judgement.add("size", size(check, newest, copies, now));
    }
    if let Some(least) = check.min_count {
        judgement.add("count", count(least, copies));
    }
    if let Some(oldest) = &copies.oldest {
        judgement.measure(check.is(&OLDEST, seconds(oldest.taken)));
    }
    if check.retention.is_some() {
        judgement.add("oldest", retention(check, copies, now));
        if let Some(gaps) = gaps(check, copies, now) {
            judgement.add("count", gaps);
        }
    }
    if let Some(kept) = check.redundancy {
        judgement.add("count", redundancy(check, kept, copies, now));
    }
}

fn in_the_future(ahead: &Copy, now: Timestamp) -> Obstacle {
    let because = format!(
        "`{}` bears the time {:.0}, and it is only {now:.0}: its age can't be told",
        ahead.shown(),
        ahead.latest
    );
    Obstacle::new(Reason::CLOCK_SKEW, because)
}

fn age(check: &Backup, newest: &Copy, now: Timestamp) -> Finding {
    let taken = newest.taken;
    let MaxAge { warn, fail } = check.max_age;
    let age = since(taken, now);
    let said = format!("`{}` was taken {} ago ({taken:.0})", newest.shown(), spoken(age));
    let finding = match (warn, fail) {
        (_, Some(fail)) if age > fail.get() => {
            Finding::fail(TOO_OLD, format!("{said}, {fail} allowed"))
        }
        (Some(warn), _) if age > warn.get() => {
            Finding::warn(TOO_OLD, format!("{said}, {warn} wanted"))
        }
        (Some(limit), None) | (_, Some(limit)) => Finding::pass(format!("{said}, {limit} allowed")),
        (None, None) => Finding::pass(said),
    };
    finding.measured(check.is(&LAST_SUCCESS, seconds(taken)))
}

fn size(check: &Backup, newest: &Copy, copies: &Copies, now: Timestamp) -> Answer {
    let Some(size) = newest.size else {
        let because = format!("nobody tells the size of `{}`", newest.shown());
        return match check.min_size {
            Some(_) => Obstacle::new(NOT_LISTABLE, because).into(),
            None => Finding::pass(because).into(),
        };
    };
    let shown = ByteSize(size);
    let finding = match (check.min_size, median(copies, newest, now)) {
        _ if size == 0 => Finding::fail(TOO_SMALL, format!("`{}` is empty", newest.shown())),
        (Some(least), _) if size < least.as_u64() => {
            Finding::fail(TOO_SMALL, format!("{shown}, at least {least} wanted"))
        }
        (_, Some(median)) => {
            let factor = check.size_factor.0;
            let usual = ByteSize(median);
            let (size, median) = (float(size), float(median));
            let said = format!("{shown}, the median of those before is {usual}");
            if size * factor < median || size > median * factor {
                Finding::warn(SIZE_ODD, format!("{said}, at most {factor} times apart wanted"))
            } else {
                Finding::pass(said)
            }
        }
        (_, None) => Finding::pass(format!("{shown}, too few others to compare it with")),
    };
    finding.measured(check.is(&LAST_SIZE, float(size))).into()
}

/// The median size of the backups before the newest.
fn median(copies: &Copies, newest: &Copy, now: Timestamp) -> Option<u64> {
    let past = copies.newest.iter().filter(|copy| !copy.is_ahead(now));
    let others = past.filter(|copy| copy.name != newest.name).take(NEWEST - 1);
    let mut sizes: Vec<u64> = others.filter_map(|copy| copy.size).collect();
    sizes.sort_unstable();
    (sizes.len() + 1 >= ENOUGH_TO_COMPARE).then(|| sizes[sizes.len() / 2])
}

fn count(least: u32, copies: &Copies) -> Answer {
    let seen = copies.count.unwrap_or(copies.newest.len() as u64);
    let backups = counted(seen, "backup");
    match copies.count {
        _ if seen >= u64::from(least) => {
            let at_least = if copies.count.is_some() { "" } else { "at least " };
            Finding::pass(format!("{at_least}{backups}, {least} wanted")).into()
        }
        Some(_) => Finding::fail(TOO_FEW, format!("{backups}, {least} wanted")).into(),
        None => Obstacle::new(
            NOT_LISTABLE,
            format!(
                "{backups} {} seen with {}, {least} wanted; a higher `max_requests` shows more",
                either(&seen, "was", "were"),
                counted(copies.requests, "request")
            ),
        )
        .into(),
    }
}

fn retention(check: &Backup, copies: &Copies, now: Timestamp) -> Answer {
    let Some((oldest, kept)) = copies.oldest.as_ref().zip(check.retention) else {
        if copies.count.is_some() {
            return Finding::pass("all backups are kept on request, whatever their age").into();
        }
        let requests = counted(copies.requests, "request");
        let because = format!("the oldest backup could not be told with {requests}");
        return Obstacle::new(NOT_LISTABLE, because).into();
    };
    let age = since(oldest.taken, now);
    let said = format!("`{}` was taken {} ago", oldest.shown(), spoken(age));
    let allowed = kept.get() + check.period.0.get();
    if age > allowed {
        let over = |copy: &&Copy| !copy.pinned && since(copy.taken, now) > allowed;
        let obsolete = copies.newest.iter().filter(over).count();
        let are = either(&obsolete, "is", "are");
        let many = copies.count.map(|_| format!("; {obsolete} {are} older")).unwrap_or_default();
        let because = format!("{said}, {kept} and one period of {} allowed{many}", check.period.0);
        return Finding::fail(RETENTION_OVERRUN, because).into();
    }
    Finding::pass(format!("{said}, kept for {kept}")).into()
}

/// Fewer backups than the time since the oldest has room for; one may be missing.
fn gaps(check: &Backup, copies: &Copies, now: Timestamp) -> Option<Finding> {
    let (count, oldest, kept) = (copies.count?, copies.oldest.as_ref()?, check.retention?);
    let covered = since(oldest.taken, now).min(kept.get());
    let expected = covered.as_secs() / check.period.0.get().as_secs().max(1);
    let because = format!(
        "{} in {}, {expected} expected with one every {}",
        counted(count, "backup"),
        spoken(covered),
        check.period.0
    );
    (count < expected).then(|| Finding::warn(TOO_FEW, because))
}

/// As many as the policy keeps, and one that is about to be deleted; fewer only while there have
/// not been so many yet.
fn redundancy(check: &Backup, kept: u32, copies: &Copies, now: Timestamp) -> Answer {
    let Some(all) = copies.count else {
        let because = format!(
            "not all backups could be counted with {}, {kept} wanted",
            counted(copies.requests, "request")
        );
        return Obstacle::new(NOT_LISTABLE, because).into();
    };
    let pinned = copies.newest.iter().filter(|copy| copy.pinned).count() as u64;
    let count = all - pinned;
    let said = format!("{}, the policy keeps {kept}", counted(count, "backup"));
    if count > u64::from(kept) + 1 {
        return Finding::fail(RETENTION_OVERRUN, format!("{said}, and one more is allowed")).into();
    }
    let since_first = copies.oldest.as_ref().map(|oldest| since(oldest.taken, now));
    let room = since_first.unwrap_or_default().as_secs() / check.period.0.get().as_secs().max(1);
    if count < u64::from(kept) && count < room {
        let because = format!("{said}, and {room} had time since the oldest");
        return Finding::warn(TOO_FEW, because).into();
    }
    Finding::pass(said).into()
}

#[cfg(test)]
mod tests;
