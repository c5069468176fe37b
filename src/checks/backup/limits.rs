//! What backups of one object each are compared with. Pure.

use std::time::Duration;

use bytesize::ByteSize;
use jiff::{SignedDuration, Timestamp};

use super::objects::{self, Seen};
use super::{
    Backup, COUNT, DATES_DISAGREE, LAST_SIZE, LAST_SUCCESS, Layout, MaxAge, NO_BACKUP, OLDEST,
    RETENTION_OVERRUN, SIBLING_MISSING, SIZE_ODD, TOO_FEW, TOO_OLD, TOO_SMALL,
};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::s3::{self, NEWEST, NOT_LISTABLE, Shelf};

/// How many backups it takes to call one of them odd.
const ENOUGH_TO_COMPARE: usize = 4;
/// How long a sibling may take to follow.
const SIBLING_FOLLOWS: SignedDuration = SignedDuration::from_mins(15);
/// How long after the date in its key a backup may be written.
const LONGEST_WRITING: SignedDuration = SignedDuration::from_hours(24);
/// The most bytes of a key in a sentence.
const LONGEST_KEY: usize = 200;

/// Compares what was seen with the limits.
pub(super) fn judge(check: &Backup, seen: &Seen, now: Timestamp) -> Judgement {
    let Seen { shelf, siblings } = seen;
    let mut judgement = Judgement::new();
    if let Some(count) = shelf.count {
        judgement.measure(check.is(&COUNT, float(count)));
    }
    if shelf.newest.is_empty() {
        judgement.add("", none_found(check));
        return judgement;
    }
    if let Some(ahead) = shelf.newest.iter().find(|backup| objects::is_ahead(backup, now)) {
        judgement.add("clock", in_the_future(ahead, now));
    }
    if let Some(newest) = objects::newest(shelf, now) {
        judgement.add("newest", age(check, newest, now));
        if let Some(disagreement) = dates(newest) {
            judgement.add("dates", disagreement);
        }
        judgement.add("size", size(check, newest, shelf, now));
        for (key, size) in siblings {
            judgement.add("siblings", sibling(key, size, newest, now));
        }
    }
    if let Some(least) = check.min_count {
        judgement.add("count", count(least, shelf));
    }
    if let Some(oldest) = &shelf.oldest {
        judgement.measure(check.is(&OLDEST, seconds(oldest.taken())));
    }
    if check.retention.is_some() {
        judgement.add("oldest", retention(check, shelf, now));
        if let Some(gaps) = gaps(check, shelf, now) {
            judgement.add("count", gaps);
        }
    }
    judgement
}

fn none_found(check: &Backup) -> Finding {
    let Layout::Objects(layout) = &check.layout;
    let form = layout.keys.text();
    Finding::fail(NO_BACKUP, format!("no key in {} is of the form `{form}`", check.place()))
}

fn in_the_future(ahead: &s3::Backup, now: Timestamp) -> Obstacle {
    let dated = ahead.dated.map_or(ahead.modified, |(first, _)| first);
    let because = format!(
        "`{}` bears the date {dated:.0} and was written {:.0}, and it is only {now:.0}: its age \
         can't be told",
        key(ahead),
        ahead.modified
    );
    Obstacle::new(Reason::CLOCK_SKEW, because)
}

fn age(check: &Backup, newest: &s3::Backup, now: Timestamp) -> Finding {
    let taken = newest.taken();
    let MaxAge { warn, fail } = check.max_age;
    let age = since(taken, now);
    let said = format!("`{}` was taken {} ago ({taken:.0})", key(newest), spoken(age));
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

/// Key and store do not agree on when a backup was made: a wrong zone, or a copy.
fn dates(newest: &s3::Backup) -> Option<Finding> {
    let (first, last) = newest.dated?;
    let written = newest.modified;
    let before = first.duration_since(written) > CLOCK_TOLERANCE;
    let after = written.duration_since(last) > LONGEST_WRITING;
    (before || after).then(|| {
        let because = format!(
            "`{}` was written {written:.0}, and its key says {first:.0}: the earlier of the two \
             counts; is the zone right, is it a copy?",
            key(newest)
        );
        Finding::warn(DATES_DISAGREE, because)
    })
}

fn size(check: &Backup, newest: &s3::Backup, shelf: &Shelf, now: Timestamp) -> Finding {
    let size = newest.size;
    let shown = ByteSize(size);
    let finding = match (check.min_size, median(shelf, newest, now)) {
        _ if size == 0 => Finding::fail(TOO_SMALL, format!("`{}` is empty", key(newest))),
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
    finding.measured(check.is(&LAST_SIZE, float(size)))
}

/// The median size of the backups before the newest.
fn median(shelf: &Shelf, newest: &s3::Backup, now: Timestamp) -> Option<u64> {
    let past = shelf.newest.iter().filter(|backup| !objects::is_ahead(backup, now));
    let others = past.filter(|backup| backup.key != newest.key).take(NEWEST - 1);
    let mut sizes: Vec<u64> = others.map(|backup| backup.size).collect();
    sizes.sort_unstable();
    (sizes.len() + 1 >= ENOUGH_TO_COMPARE).then(|| sizes[sizes.len() / 2])
}

fn sibling(
    key: &str,
    size: &Result<Option<u64>, Obstacle>,
    newest: &s3::Backup,
    now: Timestamp,
) -> Answer {
    let key = legible(key, LONGEST_KEY);
    match size {
        Ok(Some(0)) => Finding::fail(TOO_SMALL, format!("`{key}` is empty")).into(),
        Ok(Some(_)) => Finding::pass(format!("`{key}` is there")).into(),
        Ok(None) if now.duration_since(newest.modified) < SIBLING_FOLLOWS => {
            let age = spoken(since(newest.modified, now));
            let because = format!("`{key}` is not there yet, {age} after the backup, 15m allowed");
            Finding::pass(because).into()
        }
        Ok(None) => {
            let because = format!("`{key}` is not there beside the newest backup");
            Finding::fail(SIBLING_MISSING, because).into()
        }
        Err(obstacle) => obstacle.clone().into(),
    }
}

fn count(least: u32, shelf: &Shelf) -> Answer {
    let seen = shelf.count.unwrap_or(shelf.newest.len() as u64);
    match shelf.count {
        _ if seen >= u64::from(least) => {
            let at_least = if shelf.count.is_some() { "" } else { "at least " };
            Finding::pass(format!("{at_least}{seen} backups, {least} wanted")).into()
        }
        Some(_) => Finding::fail(TOO_FEW, format!("{seen} backups, {least} wanted")).into(),
        None => Obstacle::new(
            NOT_LISTABLE,
            format!(
                "{seen} backups were seen with {} requests, {least} wanted; a higher \
                 `max_requests` shows more",
                shelf.requests
            ),
        )
        .into(),
    }
}

fn retention(check: &Backup, shelf: &Shelf, now: Timestamp) -> Answer {
    let Some((oldest, kept)) = shelf.oldest.as_ref().zip(check.retention) else {
        let because =
            format!("the oldest backup could not be told with {} requests", shelf.requests);
        return Obstacle::new(NOT_LISTABLE, because).into();
    };
    let age = since(oldest.taken(), now);
    let said = format!("`{}` was taken {} ago", key(oldest), spoken(age));
    if age > kept.get() + check.period.0.get() {
        let because = format!("{said}, {kept} and one period of {} allowed", check.period.0);
        return Finding::fail(RETENTION_OVERRUN, because).into();
    }
    Finding::pass(format!("{said}, kept for {kept}")).into()
}

/// Fewer backups than the time since the oldest has room for; one may be missing.
fn gaps(check: &Backup, shelf: &Shelf, now: Timestamp) -> Option<Finding> {
    let (count, oldest, kept) = (shelf.count?, shelf.oldest.as_ref()?, check.retention?);
    let covered = since(oldest.taken(), now).min(kept.get());
    let expected = covered.as_secs() / check.period.0.get().as_secs().max(1);
    let because = format!(
        "{count} backups in {}, {expected} expected with one every {}",
        spoken(covered),
        check.period.0
    );
    (count < expected).then(|| Finding::warn(TOO_FEW, because))
}

fn key(backup: &s3::Backup) -> String {
    legible(&backup.key, LONGEST_KEY)
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then).try_into().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "figures for panels and for a ratio")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::checks::Check;
    use crate::model::finding::Verdict;

    fn now() -> Timestamp {
        "2026-03-15T12:00:00Z".parse().unwrap()
    }

    fn ago(hours: i64) -> Timestamp {
        now() - SignedDuration::from_hours(hours)
    }

    fn check(limits: &str) -> Backup {
        let text = format!(
            "{{ connection: a, bucket: b, layout: {{ objects: {{ keys: \"%F\" }} }}, {limits} }}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    /// Backups so many hours old, each with its size.
    fn seen(backups: &[(i64, u64)], count: Option<u64>) -> Seen {
        let made = |(hours, size): &(i64, u64)| {
            s3::Backup::made(&format!("{hours}"), *size, ago(*hours), None)
        };
        let newest: Vec<_> = backups.iter().map(made).collect();
        let oldest = count.and(newest.last().cloned());
        Seen { shelf: Arc::new(Shelf { newest, oldest, count, requests: 3 }), siblings: Vec::new() }
    }

    #[test]
    fn limits_are_held_to_their_words() {
        let few = seen(&[(5, 100), (29, 100)], Some(2));
        let many = seen(&[(5, 100), (29, 100)], None);
        let odd = seen(&[(5, 201), (29, 100), (53, 100), (77, 90)], Some(4));
        let three = seen(&[(5, 999), (29, 100), (53, 100)], Some(3));
        for (limits, seen, verdict, reason) in [
            ("max_age: { warn: 5h, fail: 6h }", &few, Verdict::Pass, None),
            ("max_age: { warn: 4h, fail: 6h }", &few, Verdict::Warn, Some(TOO_OLD)),
            ("max_age: { fail: 4h }", &few, Verdict::Fail, Some(TOO_OLD)),
            ("min_count: 2", &many, Verdict::Pass, None),
            ("min_count: 3", &many, Verdict::Unknown, Some(NOT_LISTABLE)),
            ("min_count: 3", &few, Verdict::Fail, Some(TOO_FEW)),
            ("retention: 1d", &few, Verdict::Pass, None),
            ("retention: 4h", &few, Verdict::Fail, Some(RETENTION_OVERRUN)),
            ("retention: 1d", &many, Verdict::Unknown, Some(NOT_LISTABLE)),
            ("retention: 30d, period: 6h", &few, Verdict::Warn, Some(TOO_FEW)),
            ("size_factor: 2.0", &odd, Verdict::Warn, Some(SIZE_ODD)),
            ("size_factor: 2.1", &odd, Verdict::Pass, None),
            ("size_factor: 2.0", &three, Verdict::Pass, None),
            ("min_size: 101 B", &few, Verdict::Fail, Some(TOO_SMALL)),
        ] {
            let judgement = judge(&check(limits), seen, now());
            let said = judgement.because();
            assert_eq!(
                (judgement.verdict(), judgement.reason()),
                (verdict, reason),
                "{limits}: {said}"
            );
        }
    }

    #[test]
    fn the_earlier_of_key_and_store_decides_and_a_long_way_between_them_warns() {
        let day =
            |back: i64| (ago(back * 24 + 12), ago(back * 24 - 12) - SignedDuration::from_secs(1));
        for (hours, dated, taken, warns) in [
            (9, day(0), ago(9), false),
            (9, day(1), ago(12) - SignedDuration::from_secs(1), false),
            (1, day(3), ago(60) - SignedDuration::from_secs(1), true),
            (20, day(0), ago(20), true),
        ] {
            let backup = s3::Backup::made("key", 1, ago(hours), Some(dated));
            assert_eq!(backup.taken(), taken, "written {hours} h ago, dated {dated:?}");
            assert_eq!(dates(&backup).is_some(), warns, "written {hours} h ago, dated {dated:?}");
        }
    }

    #[test]
    fn an_empty_backup_or_sibling_is_too_small_whatever_the_limits() {
        let judgement = judge(&check(""), &seen(&[(5, 0), (29, 0)], Some(2)), now());
        assert_eq!(judgement.reason(), Some(TOO_SMALL), "{}", judgement.because());
        let mut beside = seen(&[(5, 9)], Some(1));
        beside.siblings = vec![("s".to_owned(), Ok(Some(0)))];
        let judgement = judge(&check(""), &beside, now());
        assert_eq!(judgement.reason(), Some(TOO_SMALL), "{}", judgement.because());
        assert_eq!(judgement.verdict(), Verdict::Fail);
    }

    #[test]
    fn how_old_the_newest_may_be_must_be_said_and_the_store_need_not() {
        let flaws = check("max_age: { warn: 26h }").flaws();
        assert!(flaws.iter().any(|flaw| flaw.contains("max_age: { fail: 50h }")), "{flaws:?}");
        let layout = "{ bucket: b, layout: { objects: { keys: '%F' } }, max_age: { fail: 50h } }";
        let check: Backup = serde_saphyr::from_str(layout).unwrap();
        assert_eq!(check.flaws(), Vec::<String>::new());
        assert_eq!(check.needs().hosts, ["s3.default"]);
    }

    #[test]
    fn a_sibling_has_a_while_to_follow() {
        let young = s3::Backup::made("key", 1, now() - SignedDuration::from_mins(14), None);
        let grown = s3::Backup::made("key", 1, now() - SignedDuration::from_mins(15), None);
        let verdict = |backup| Judgement::from(sibling("s", &Ok(None), backup, now())).verdict();
        assert_eq!((verdict(&young), verdict(&grown)), (Verdict::Pass, Verdict::Fail));
    }

    #[test]
    fn a_backup_of_the_future_hides_nothing_and_proves_nothing() {
        let mut backups = vec![(-24, 100), (60, 100)];
        let check = check("max_age: { fail: 50h }");
        let judgement = judge(&check, &seen(&backups, Some(2)), now());
        assert_eq!(judgement.reason(), Some(TOO_OLD), "{}", judgement.because());
        backups.pop();
        let judgement = judge(&check, &seen(&backups, Some(1)), now());
        assert_eq!(judgement.reason(), Some(Reason::CLOCK_SKEW), "{}", judgement.because());
    }
}
