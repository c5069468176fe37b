//! Sessions: connections in use, the application's among them, and the longest transactions.

use std::time::Duration;

use super::cells::{literal, only};
use super::parameters::{Sessions, Transactions};
use super::replication::GradePeriod;
use super::{
    CONNECTIONS, CONNECTIONS_MAX, CONNECTIONS_OF_USER, IDLE_TOO_LONG, IDLE_TRANSACTION, IN_USE,
    LONGEST_TRANSACTION, Postgres, TOO_FEW_CONNECTIONS, TOO_MANY_IN_USE, TRANSACTION_TOO_LONG,
    graded, no_rights, percent, real,
};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Judgement, legible};
use crate::model::reason::Reason;
use crate::systems::postgres::{Facts, Question, Rows};

/// The states in `vigie_postgres_connections`.
pub(super) const STATES: [&str; 3] = ["active", "idle", "idle_in_transaction"];
/// The most characters of a user's or an application's name in a sentence.
const LONGEST_NAME: usize = 60;

/// One row of counts. The users and databases of sessions are there for everybody to see, their
/// states are not.
pub(super) fn question(
    sessions: Option<&Sessions>,
    transactions: Option<&Transactions>,
) -> Question {
    let user = sessions.and_then(|sessions| sessions.user.as_deref()).unwrap_or_default();
    let except = transactions.map(|wanted| wanted.except.as_slice()).unwrap_or_default();
    let own = literal("vigie");
    let names: Vec<_> = std::iter::once(own).chain(except.iter().map(|one| literal(one))).collect();
    let except = names.join(", ");
    let judged = format!(
        "backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid() \
         AND coalesce(application_name, '') NOT IN ({except})"
    );
    let age = |of: &str| format!("extract(epoch FROM pg_catalog.clock_timestamp() - {of})");
    Question::Own(format!(
        "SELECT /* vigie sessions */ current_setting('max_connections'), \
         current_setting('superuser_reserved_connections')::bigint \
         + coalesce(current_setting('reserved_connections', true)::bigint, 0), \
         count(*) FILTER (WHERE backend_type = 'client backend'), \
         count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'active'), \
         count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'idle'), \
         count(*) FILTER (WHERE backend_type = 'client backend' AND state LIKE 'idle in %'), \
         count(*) FILTER (WHERE usename = {user} AND datname = current_database() \
         AND pid <> pg_catalog.pg_backend_pid() AND coalesce(application_name, '') <> 'vigie'), \
         max({xact}) FILTER (WHERE {judged}), \
         (array_agg(usename::text ORDER BY xact_start) FILTER \
         (WHERE {judged} AND xact_start IS NOT NULL))[1], \
         (array_agg(application_name ORDER BY xact_start) FILTER \
         (WHERE {judged} AND xact_start IS NOT NULL))[1], \
         max({idle}) FILTER (WHERE {judged} AND state LIKE 'idle in %'), \
         (SELECT max({prepared}) FROM pg_catalog.pg_prepared_xacts) \
         FROM pg_catalog.pg_stat_activity",
        user = literal(user),
        xact = age("xact_start"),
        idle = age("state_change"),
        prepared = age("prepared"),
    ))
}

/// What was seen of all sessions.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    max: f64,
    reserved: f64,
    used: f64,
    active: f64,
    idle: f64,
    idle_in_transaction: f64,
    of_user: f64,
    longest: Option<f64>,
    longest_user: Option<String>,
    longest_application: Option<String>,
    idle_longest: Option<f64>,
    prepared: Option<f64>,
}

impl Seen {
    pub(super) fn read(answer: &Rows) -> Result<Self, Obstacle> {
        let mut cells = only(answer)?;
        Ok(Self {
            max: cells.figure()?,
            reserved: cells.figure()?,
            used: cells.figure()?,
            active: cells.figure()?,
            idle: cells.figure()?,
            idle_in_transaction: cells.figure()?,
            of_user: cells.figure()?,
            longest: cells.number()?,
            longest_user: cells.maybe()?.map(|text| legible(text, LONGEST_NAME)),
            longest_application: cells.maybe()?.map(|text| legible(text, LONGEST_NAME)),
            idle_longest: cells.number()?,
            prepared: cells.number()?,
        })
    }
}

/// Judges how many connections are in use, and by whom.
pub(super) fn judge_sessions(
    check: &Postgres,
    wanted: &Sessions,
    facts: Facts,
    seen: &Seen,
    judgement: &mut Judgement,
) {
    if let Some(user) = &wanted.user {
        let least = wanted.at_least.0;
        judgement.measure(check.is(&CONNECTIONS_OF_USER, seen.of_user));
        let because = format!(
            "{} of user `{}` to this database, {least} wanted",
            counted(seen.of_user),
            legible(user, LONGEST_NAME)
        );
        let finding = if seen.of_user < real(least) {
            Finding::fail(TOO_FEW_CONNECTIONS, because)
        } else {
            Finding::pass(because)
        };
        judgement.add("application", finding);
    }
    judgement.measure(check.is(&CONNECTIONS_MAX, seen.max));
    if !facts.sees_all {
        judgement.add("connections", no_rights("what all sessions are"));
        return;
    }
    let open = seen.max - seen.reserved;
    if open <= 0.0 {
        let because = "the server says that it has room for nobody";
        judgement.add("connections", Obstacle::new(Reason::GARBLED, because));
        return;
    }
    let counts = [seen.active, seen.idle, seen.idle_in_transaction];
    for (state, count) in STATES.into_iter().zip(counts) {
        judgement.measure(CONNECTIONS.is(count, [check.connection.0.as_str(), state]));
    }
    let share = seen.used / open;
    judgement.measure(check.is(&IN_USE, share));
    let grade = wanted.in_use.0.grade_above(share, TOO_MANY_IN_USE);
    let allowed = wanted.in_use.0.step(grade).map(|step| format!(", {} allowed", percent(step)));
    let because = format!(
        "{} of {open} connections open to ordinary users are in use ({}{})",
        seen.used,
        percent(share),
        allowed.unwrap_or_default()
    );
    judgement.add("connections", graded(grade, because));
}

/// Judges the longest transactions.
pub(super) fn judge_transactions(
    check: &Postgres,
    wanted: &Transactions,
    facts: Facts,
    seen: &Seen,
    judgement: &mut Judgement,
) {
    if !facts.sees_all {
        judgement.add("transactions", no_rights("how long transactions are open"));
        return;
    }
    let prepared = seen.prepared.filter(|prepared| seen.longest.is_none_or(|l| *prepared > l));
    let longest = prepared.or(seen.longest).unwrap_or(0.0).max(0.0);
    judgement.measure(check.is(&LONGEST_TRANSACTION, longest));
    let whose = match (prepared, &seen.longest_user) {
        (Some(_), _) => ", prepared and left there,".to_owned(),
        (None, Some(user)) => match seen.longest_application.as_deref() {
            None | Some("") => format!(" of user `{user}`"),
            Some(application) => format!(" of user `{user}` (`{application}`)"),
        },
        (None, None) => String::new(),
    };
    let limits = wanted.longest.0;
    let length = duration(longest);
    let grade = limits.grade_above_period(length, TRANSACTION_TOO_LONG);
    let allowed = limits.step(grade).map(|step| format!(", {step} allowed")).unwrap_or_default();
    let because = if prepared.or(seen.longest).is_none() {
        "no transaction is open".to_owned()
    } else {
        format!("the oldest transaction{whose} has been open for {}{allowed}", spoken(length))
    };
    judgement.add("transactions", graded(grade, because));

    let idle = seen.idle_longest.unwrap_or(0.0).max(0.0);
    judgement.measure(check.is(&IDLE_TRANSACTION, idle));
    let limits = wanted.idle.0;
    let length = duration(idle);
    let grade = limits.grade_above_period(length, IDLE_TOO_LONG);
    let allowed = limits.step(grade).map(|step| format!(", {step} allowed")).unwrap_or_default();
    let because = match seen.idle_longest {
        None => "no transaction waits for its client".to_owned(),
        Some(_) => {
            format!("a transaction has waited for its client for {}{allowed}", spoken(length))
        }
    };
    judgement.add("idle transactions", graded(grade, because));
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// `1 connection is`, `3 connections are`.
fn counted(count: f64) -> String {
    if (count - 1.0).abs() < f64::EPSILON {
        "1 connection is".to_owned()
    } else {
        format!("{count} connections are")
    }
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
