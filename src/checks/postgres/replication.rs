//! Replication: standbys and slots as the primary sees them, or a standby as it sees itself.

use std::time::Duration;

use bytesize::ByteSize;

use super::cells::{Cells, rows};
use super::parameters::{Bytes, Replication, Role};
use super::{
    LAG_BYTES, LAG_SECONDS, NOT_STREAMING, Postgres, REPLICATION_LAG, SLOT_BYTES, SLOT_HOLDS_WAL,
    SLOT_LOST, STANDBY_MISSING, STANDBYS, WRONG_ROLE, graded, no_rights,
};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::model::steps::Steps;
use crate::systems::postgres::{Facts, Question, Rows};

/// The most characters of a standby's or a slot's name in a sentence.
const LONGEST_NAME: usize = 80;

/// Rows of what, its name, its state, bytes, seconds. A server in recovery has a row of itself.
pub(super) fn question() -> Question {
    Question::Own(
        "SELECT /* vigie replication */ 'standby', application_name, state, \
         pg_catalog.pg_wal_lsn_diff(here.lsn, replay_lsn), extract(epoch FROM replay_lag) \
         FROM pg_catalog.pg_stat_replication, (SELECT CASE WHEN pg_catalog.pg_is_in_recovery() \
         THEN coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn()) \
         ELSE pg_catalog.pg_current_wal_lsn() END AS lsn) AS here \
         UNION ALL SELECT 'slot', slot_name::text, CASE WHEN active THEN 'active' ELSE 'inactive' \
         END || ' ' || coalesce(pg_catalog.to_jsonb(slot) ->> 'wal_status', ''), \
         pg_catalog.pg_wal_lsn_diff(here.lsn, restart_lsn), NULL \
         FROM pg_catalog.pg_replication_slots AS slot, \
         (SELECT CASE WHEN pg_catalog.pg_is_in_recovery() \
         THEN coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn()) \
         ELSE pg_catalog.pg_current_wal_lsn() END AS lsn) AS here \
         UNION ALL SELECT 'self', NULL, \
         (SELECT coalesce(status, 'hidden') FROM pg_catalog.pg_stat_wal_receiver LIMIT 1), \
         pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_receive_lsn(), \
         pg_catalog.pg_last_wal_replay_lsn()), \
         extract(epoch FROM pg_catalog.clock_timestamp() \
         - pg_catalog.pg_last_xact_replay_timestamp()) WHERE pg_catalog.pg_is_in_recovery() \
         ORDER BY 1, 2 LIMIT 200"
            .to_owned(),
    )
}

/// What was seen of replication.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Seen {
    standbys: Vec<One>,
    slots: Vec<One>,
    /// The server itself, where it is a standby.
    own: Option<One>,
}

/// A standby or a slot.
#[derive(Debug, Default, PartialEq)]
struct One {
    name: String,
    state: Option<String>,
    bytes: Option<f64>,
    seconds: Option<f64>,
}

impl Seen {
    pub(super) fn read(answer: &Rows) -> Result<Self, Obstacle> {
        let mut seen = Self::default();
        for mut cells in rows(answer) {
            let what = cells.text()?;
            let one = One::read(&mut cells)?;
            match what {
                "standby" => seen.standbys.push(one),
                "slot" => seen.slots.push(one),
                _ => seen.own = Some(one),
            }
        }
        Ok(seen)
    }
}

impl One {
    fn read(cells: &mut Cells<'_>) -> Result<Self, Obstacle> {
        Ok(Self {
            name: legible(cells.maybe()?.unwrap_or_default(), LONGEST_NAME),
            state: cells.maybe()?.map(str::to_owned),
            bytes: cells.number()?,
            seconds: cells.number()?,
        })
    }

    fn is(&self, state: &str) -> bool {
        self.state.as_deref() == Some(state)
    }
}

/// Judges what a primary says of those that follow it, or what a standby says of itself.
pub(super) fn judge(
    check: &Postgres,
    wanted: &Replication,
    facts: Facts,
    seen: &Seen,
    judgement: &mut Judgement,
) {
    let is = if facts.in_recovery { Role::Standby } else { Role::Primary };
    if wanted.role.is_some_and(|role| role != is) {
        let because = match is {
            Role::Standby => "is a standby, a primary wanted",
            Role::Primary => "is a primary, a standby wanted",
        };
        judgement.add("role", Finding::fail(WRONG_ROLE, because));
        return;
    }
    for slot in &seen.slots {
        judgement.add(format!("slot `{}`", slot.name), of_slot(wanted, slot));
    }
    let held = seen.slots.iter().filter(|slot| !in_use(slot)).filter_map(|slot| slot.bytes);
    judgement.measure(check.is(&SLOT_BYTES, held.fold(0.0, f64::max)));
    if !facts.sees_all {
        judgement.add("replication", no_rights("standbys and their lag"));
        return;
    }
    match (&seen.own, is) {
        (Some(own), _) => judgement.add("replay", of_self(check, wanted, own)),
        (None, Role::Standby) => {
            let because = "a server in recovery says nothing of itself";
            judgement.add("replay", Obstacle::new(Reason::GARBLED, because));
        }
        (None, Role::Primary) => of_primary(check, wanted, seen, judgement),
    }
}

fn of_primary(check: &Postgres, wanted: &Replication, seen: &Seen, judgement: &mut Judgement) {
    let streaming = seen.standbys.iter().filter(|standby| standby.is("streaming")).count() as u64;
    let least = wanted.standbys_at_least.0;
    let because = match streaming {
        1 => format!("1 standby streams, {least} wanted"),
        count => format!("{count} standbys stream, {least} wanted"),
    };
    judgement.add(
        "standbys",
        if streaming < least {
            Finding::fail(STANDBY_MISSING, because)
        } else {
            Finding::pass(because)
        },
    );
    judgement.measure(check.is(&STANDBYS, super::real(streaming)));
    // Copies for backups come and go, and replay nothing.
    let follow = seen.standbys.iter().filter(|one| !one.is("backup") && !one.is("startup"));
    let follow: Vec<_> = follow.collect();
    let worst = |of: fn(&One) -> Option<f64>| {
        follow.iter().filter_map(|one| of(one)).max_by(f64::total_cmp)
    };
    if let Some(bytes) = worst(|one| one.bytes) {
        judgement.measure(check.is(&LAG_BYTES, bytes.max(0.0)));
    }
    if let Some(seconds) = worst(|one| one.seconds) {
        judgement.measure(check.is(&LAG_SECONDS, seconds.max(0.0)));
    }
    for standby in follow {
        let subject = format!("standby `{}`", standby.name);
        let Some(bytes) = standby.bytes else {
            let because = "has not told yet how far it has replayed";
            judgement.add(subject, Obstacle::new(Reason::NOT_YET, because));
            continue;
        };
        judgement.add(subject, lag(wanted, bytes, standby.seconds));
    }
}

/// How a standby that has `bytes` to replay does. Without `seconds`, it caught up a while ago, or
/// its primary rested.
fn lag(wanted: &Replication, bytes: f64, seconds: Option<f64>) -> Answer {
    let left = size(bytes);
    let limits = wanted.lag_bytes.0;
    let of_bytes = limits.grade_above(left, REPLICATION_LAG);
    let waited =
        Duration::try_from_secs_f64(seconds.unwrap_or(0.0).max(0.0)).unwrap_or(Duration::MAX);
    let of_time = wanted.lag.0.grade_above_period(waited, REPLICATION_LAG);
    let grade = worse(of_bytes, of_time);
    let time = seconds.map(|_| format!(", {} behind", spoken(waited))).unwrap_or_default();
    let allowed = |step: Option<String>| step.map(|s| format!(", {s} allowed")).unwrap_or_default();
    let because = if grade == Grade::Pass || grade == of_bytes {
        let step = limits.step(grade).map(|size| size.to_string());
        format!("has {left} of WAL to replay{}{time}", allowed(step))
    } else {
        let step = wanted.lag.0.step(grade).map(|period| period.to_string());
        format!("is {} behind{}, with {left} of WAL to replay", spoken(waited), allowed(step))
    };
    graded(grade, because).into()
}

/// A standby about itself. When its primary rests, the last transaction that it replayed grows old
/// without its lagging behind: what counts then is that everything received is replayed, and that
/// it still receives.
fn of_self(check: &Postgres, wanted: &Replication, own: &One) -> Answer {
    if !own.is("streaming") {
        let state = match &own.state {
            None => "receives nothing from its primary".to_owned(),
            Some(state) => format!("does not stream from its primary: {}", legible(state, 40)),
        };
        return Finding::fail(NOT_STREAMING, state).into();
    }
    let Some(bytes) = own.bytes else {
        return Obstacle::new(Reason::NOT_YET, "has not received anything yet").into();
    };
    let ahead = own.seconds.filter(|seconds| *seconds < -CLOCK_TOLERANCE.as_secs_f64());
    if let Some(ahead) = ahead {
        let ahead = spoken(Duration::try_from_secs_f64(-ahead).unwrap_or_default());
        let because = format!("replayed a transaction that is {ahead} ahead of its own clock");
        return Obstacle::new(Reason::CLOCK_SKEW, because).into();
    }
    let seconds = if bytes <= 0.0 { Some(0.0) } else { own.seconds };
    let mut answer = lag(wanted, bytes, seconds);
    if let Answer::Found(finding) = &mut answer {
        finding.samples.push(check.is(&LAG_BYTES, bytes.max(0.0)));
        finding.samples.extend(seconds.map(|s| check.is(&LAG_SECONDS, s.max(0.0))));
    }
    answer
}

fn in_use(slot: &One) -> bool {
    slot.state.as_deref().is_some_and(|state| state.starts_with("active"))
}

fn of_slot(wanted: &Replication, slot: &One) -> Finding {
    if slot.state.as_deref().is_some_and(|state| state.ends_with(" lost")) {
        return Finding::fail(SLOT_LOST, "has lost WAL that its standby needs: it can't catch up");
    }
    let held = size(slot.bytes.unwrap_or(0.0));
    if in_use(slot) {
        return Finding::pass(format!("is used, and holds {held} of WAL"));
    }
    let grade = wanted.slot_holds.0.grade_above(held, SLOT_HOLDS_WAL);
    let allowed = wanted.slot_holds.0.step(grade).map(|size| format!(", {size} allowed"));
    let because =
        format!("is used by nobody, and holds {held} of WAL{}", allowed.unwrap_or_default());
    graded(grade, because)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates at 0")]
fn size(bytes: f64) -> Bytes {
    Bytes(ByteSize(bytes.max(0.0) as u64))
}

fn worse(one: Grade, other: Grade) -> Grade {
    match (one, other) {
        (Grade::Fail(_), _) | (Grade::Warn(_), Grade::Warn(_) | Grade::Pass) => one,
        (_, other) => other,
    }
}

/// Limits of periods, for a length of time that may be nothing at all.
pub(super) trait GradePeriod {
    fn grade_above_period(&self, value: Duration, reason: Reason) -> Grade;
}

impl GradePeriod for Steps<Period> {
    fn grade_above_period(&self, value: Duration, reason: Reason) -> Grade {
        let beyond = |limit: Option<Period>| limit.is_some_and(|limit| value > limit.get());
        if beyond(self.fail) {
            Grade::Fail(reason)
        } else if beyond(self.warn) {
            Grade::Warn(reason)
        } else {
            Grade::Pass
        }
    }
}

#[cfg(test)]
#[path = "replication_tests.rs"]
mod tests;
