//! Judging a database: every look by itself, each with lines of its own. Pure.

use jiff::Timestamp;

use super::baseline::Comparison;
use super::looking::{Reached, Seen};
use super::measures::MIGRATION_STATES;
use super::parameters::Reachable;
use super::replication::GradePeriod;
use super::statistics::Counters;
use super::{
    CONNECT, MIGRATIONS, Postgres, TOO_SLOW, graded, migrations, query, real, replication,
    sessions, upkeep,
};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::past::Past;

pub(super) fn judge(check: &Postgres, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
    let mut judgement = Judgement::new();
    match seen {
        Seen::Unreached(obstacle) => unreached(check, obstacle, &mut judgement),
        Seen::Reached(reached) => {
            if check.asks_reachable() {
                let wanted = check.reachable.clone().unwrap_or_default();
                judgement.add("reachable", reachable(check, &wanted, reached));
            }
            judge_looks(check, reached, past, now, &mut judgement);
        }
    }
    judgement
}

/// Of a database that must be reachable, silence is evidence; of one that was asked about something
/// else, it says nothing.
fn unreached(check: &Postgres, obstacle: &Obstacle, judgement: &mut Judgement) {
    if check.asks_reachable() {
        judgement.add("reachable", Answer::from(obstacle.clone().into_failure()));
    }
    for look in check.looks() {
        judgement.add(look, obstacle.clone());
    }
}

fn reachable(check: &Postgres, wanted: &Reachable, reached: &Reached) -> Finding {
    let took = reached.answered;
    let grade = wanted.within.grade_above_period(took, TOO_SLOW);
    let allowed = wanted.within.step(grade).map(|step| format!(", {step} allowed"));
    let tls = if reached.made.encrypted { "over TLS" } else { "without TLS" };
    let because = format!(
        "PostgreSQL {} takes a new connection, {tls}, and answers after {}{}",
        reached.facts.version / 10_000,
        spoken(took),
        allowed.unwrap_or_default()
    );
    graded(grade, because).measured(check.is(&CONNECT, took.as_secs_f64()))
}

fn judge_looks(
    check: &Postgres,
    reached: &Reached,
    past: &Past,
    now: Timestamp,
    judgement: &mut Judgement,
) {
    let Reached {
        facts,
        made: _,
        answered: _,
        migrations,
        replication,
        sessions,
        statistics,
        dead_rows,
        ages,
        queries,
        started,
    } = reached;
    let facts = *facts;
    if let (Some(wanted), Some(seen)) = (&check.migrations, migrations) {
        or_blind("migrations", seen, judgement, |seen, judgement| {
            let counts = migrations::judge(wanted, seen, now, judgement);
            let counts = [counts.finished, counts.running, counts.failed, counts.rolled_back];
            for (state, count) in MIGRATION_STATES.into_iter().zip(counts) {
                let labels = [check.connection.0.as_str(), state];
                judgement.measure(MIGRATIONS.is(real(count), labels));
            }
        });
    }
    if let (Some(wanted), Some(seen)) = (&check.replication, replication) {
        or_blind("replication", seen, judgement, |seen, judgement| {
            replication::judge(check, wanted, facts, seen, judgement);
        });
    }
    if let (Some(wanted), Some(seen)) = (&check.sessions, sessions) {
        or_blind("connections", seen, judgement, |seen, judgement| {
            sessions::judge_sessions(check, wanted, facts, seen, judgement);
        });
    }
    if let (Some(wanted), Some(seen)) = (&check.transactions, sessions) {
        or_blind("transactions", seen, judgement, |seen, judgement| {
            sessions::judge_transactions(check, wanted, facts, seen, judgement);
        });
    }
    if let Some(seen) = statistics {
        or_blind("statistics", seen, judgement, |seen, judgement| {
            seen.measure(check, judgement);
            let counters = Counters { check, seen, past, now };
            if let Some(wanted) = &check.cache {
                counters.judge_cache(wanted, judgement);
            }
            if let Some(wanted) = &check.deadlocks {
                counters.judge_deadlocks(wanted, judgement);
            }
        });
    }
    if let (Some(wanted), Some(seen)) = (&check.dead_rows, dead_rows) {
        or_blind("dead rows", seen, judgement, |seen, judgement| {
            upkeep::judge_dead_rows(check, wanted, facts, seen, judgement);
        });
    }
    if let (Some(wanted), Some(seen)) = (&check.wraparound, ages) {
        or_blind("wraparound", seen, judgement, |seen, judgement| {
            upkeep::judge_ages(check, wanted, seen, judgement);
        });
    }
    for (wanted, seen) in check.queries.iter().zip(queries) {
        query::judge(check, wanted, facts, seen, judgement);
    }
    if let Some(wanted) = &check.baseline {
        Comparison { check, wanted, started: *started, past }.judge(judgement);
    }
}

fn or_blind<T>(
    subject: &str,
    seen: &Result<T, Obstacle>,
    judgement: &mut Judgement,
    judge: impl FnOnce(&T, &mut Judgement),
) {
    match seen {
        Ok(seen) => judge(seen, judgement),
        Err(obstacle) => judgement.add(subject, obstacle.clone()),
    }
}
