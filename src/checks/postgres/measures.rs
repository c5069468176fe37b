//! The figures of `postgres`: what is exported, what is remembered, and where lines are drawn.

use std::time::Duration;

use super::Postgres;
use super::sessions::STATES;
use crate::model::measure::{Bound, Measure, Series};

/// The label that all figures bear.
const BY: &[&str] = &["connection"];
/// How long counters are remembered: long enough for an item that is looked at every two hours.
const MEMORY: Duration = Duration::from_hours(3);
/// How long levels are remembered: a watch of a day, and a day before it.
const LEVELS: Duration = Duration::from_hours(49);
const fn gauge(name: &'static str, help: &'static str) -> Measure {
    Measure::gauge(name, help, BY)
}

pub(super) static CONNECT: Measure = gauge(
    "vigie_postgres_connect_duration_seconds",
    "Until a new connection had answered a question.",
);
pub(super) static MIGRATIONS: Measure = Measure::gauge(
    "vigie_postgres_migrations",
    "Migrations by their latest row, in all schemas looked at.",
    &["connection", "state"],
);
pub(super) static STANDBYS: Measure =
    gauge("vigie_postgres_standbys", "Standbys that stream from the primary.");
pub(super) static LAG_BYTES: Measure =
    gauge("vigie_postgres_replication_lag_bytes", "WAL that the slowest standby has to replay.");
pub(super) static LAG_SECONDS: Measure = gauge(
    "vigie_postgres_replication_lag_seconds",
    "How far the slowest standby is behind; no row while none tells.",
);
pub(super) static SLOT_BYTES: Measure = gauge(
    "vigie_postgres_slot_retained_bytes",
    "WAL held back by the slot that holds most of those that nobody uses.",
);
pub(super) static CONNECTIONS: Measure = Measure::gauge(
    "vigie_postgres_connections",
    "Connections of the whole server, by state.",
    &["connection", "state"],
);
pub(super) static CONNECTIONS_MAX: Measure =
    gauge("vigie_postgres_connections_max", "Connections that the server has room for.");
pub(super) static CONNECTIONS_OF_USER: Measure = gauge(
    "vigie_postgres_user_connections",
    "Connections of the application's user to the database.",
);
pub(super) static IN_USE: Measure = gauge(
    "vigie_postgres_connections_in_use_ratio",
    "The share of the connections open to ordinary users that is in use.",
)
.remembered(LEVELS);
pub(super) static LONGEST_TRANSACTION: Measure = gauge(
    "vigie_postgres_longest_transaction_seconds",
    "How long the oldest transaction has been open.",
);
pub(super) static IDLE_TRANSACTION: Measure = gauge(
    "vigie_postgres_idle_transaction_seconds",
    "How long an open transaction has waited for its client, at most.",
);
pub(super) static BLOCKS_HIT: Measure = Measure::counter(
    "vigie_postgres_blocks_hit_total",
    "Blocks of the database that were found in the cache.",
    BY,
)
.remembered(MEMORY);
pub(super) static BLOCKS_READ: Measure = Measure::counter(
    "vigie_postgres_blocks_read_total",
    "Blocks of the database that were not found in the cache.",
    BY,
)
.remembered(MEMORY);
pub(super) static HIT_RATIO: Measure = gauge(
    "vigie_postgres_cache_hit_ratio",
    "The share of the blocks asked for that were in the cache, within the window; no row while \
     too few were asked for.",
)
.remembered(LEVELS);
pub(super) static DEADLOCKS: Measure = Measure::counter(
    "vigie_postgres_deadlocks_total",
    "Deadlocks that were resolved in the database.",
    BY,
)
.remembered(MEMORY);
/// When the counters were last reset, in seconds.
pub(super) static STATISTICS_RESET: Measure =
    Measure::memory("postgres_statistics_reset", BY, MEMORY);
/// When the server started, in seconds: another one has other counters.
pub(super) static SERVER_STARTED: Measure = Measure::memory("postgres_server_started", BY, MEMORY);
pub(super) static DEAD_SHARE: Measure = gauge(
    "vigie_postgres_dead_rows_ratio",
    "The share of dead rows in the table that has most, among those that have many.",
);
pub(super) static FROZEN_AGE: Measure = gauge(
    "vigie_postgres_oldest_transaction_age",
    "How many transactions ago the oldest one ran that is not frozen, in any database.",
);
pub(super) static QUERY_ROWS: Measure = Measure::gauge(
    "vigie_postgres_query_rows",
    "Rows that a query returned, of those that were fetched.",
    &["connection", "query"],
);
pub(super) static QUERY_VALUE: Measure = Measure::gauge(
    "vigie_postgres_query_value",
    "The least and the greatest value of a column with limits.",
    &["connection", "query", "column", "statistic"],
);

/// The states in `vigie_postgres_migrations`.
pub(super) const MIGRATION_STATES: [&str; 4] = ["finished", "running", "failed", "rolled_back"];

/// The rows that a check may export.
pub(super) fn series(check: &Postgres) -> Vec<Series> {
    let connection = &check.connection.0;
    let by = |measures: &[&'static Measure]| {
        let one =
            |measure: &&'static Measure| Series { measure, labels: vec![Some(connection.clone())] };
        measures.iter().map(one).collect::<Vec<_>>()
    };
    let states = |measure: &'static Measure, states: &[&str]| {
        let one = |state: &&str| Series {
            measure,
            labels: vec![Some(connection.clone()), Some((*state).to_owned())],
        };
        states.iter().map(one).collect::<Vec<_>>()
    };
    let mut series = Vec::new();
    if check.asks_reachable() {
        series.extend(by(&[&CONNECT]));
    }
    if check.migrations.is_some() {
        series.extend(states(&MIGRATIONS, &MIGRATION_STATES));
    }
    if check.replication.is_some() {
        series.extend(by(&[&STANDBYS, &LAG_BYTES, &LAG_SECONDS, &SLOT_BYTES]));
    }
    if let Some(sessions) = &check.sessions {
        series.extend(states(&CONNECTIONS, &STATES));
        series.extend(by(&[&CONNECTIONS_MAX, &IN_USE]));
        series.extend(sessions.user.iter().flat_map(|_| by(&[&CONNECTIONS_OF_USER])));
    }
    if check.transactions.is_some() {
        series.extend(by(&[&LONGEST_TRANSACTION, &IDLE_TRANSACTION]));
    }
    if check.asks_statistics() {
        series.extend(by(&[&BLOCKS_HIT, &BLOCKS_READ, &DEADLOCKS]));
    }
    if check.cache.is_some() {
        series.extend(by(&[&HIT_RATIO]));
    }
    if check.dead_rows.is_some() {
        series.extend(by(&[&DEAD_SHARE]));
    }
    if check.wraparound.is_some() {
        series.extend(by(&[&FROZEN_AGE]));
    }
    for query in &check.queries {
        let of_query = [Some(connection.clone()), Some(query.name.clone())];
        series.push(Series { measure: &QUERY_ROWS, labels: of_query.to_vec() });
        for column in query.columns.keys() {
            series.extend(["min", "max"].map(|statistic| {
                let more = [Some(column.clone()), Some(statistic.to_owned())];
                Series { measure: &QUERY_VALUE, labels: [of_query.clone(), more].concat() }
            }));
        }
    }
    series
}

/// The limits, in the units of the measures.
pub(super) fn bounds(check: &Postgres) -> Vec<Bound> {
    let mut bounds = Vec::new();
    let seconds = super::limit_seconds;
    if let Some(reachable) = &check.reachable {
        bounds.extend(reachable.within.above(CONNECT.name, seconds));
    }
    if let Some(replication) = &check.replication {
        bounds.extend(replication.lag.0.above(LAG_SECONDS.name, seconds));
        bounds.extend(
            replication.lag_bytes.0.above(LAG_BYTES.name, |size| super::real(size.0.as_u64())),
        );
        bounds
            .extend(replication.slot_holds.0.above(SLOT_BYTES.name, |s| super::real(s.0.as_u64())));
    }
    if let Some(sessions) = &check.sessions {
        bounds.extend(sessions.in_use.0.above(IN_USE.name, |share| share));
    }
    if let Some(transactions) = &check.transactions {
        bounds.extend(transactions.longest.0.above(LONGEST_TRANSACTION.name, seconds));
        bounds.extend(transactions.idle.0.above(IDLE_TRANSACTION.name, seconds));
    }
    if let Some(cache) = &check.cache {
        let [warn, fail] = cache.hits_at_least.0.given();
        let line = |bound, value: Option<f64>| {
            value.map(|value| Bound { measure: HIT_RATIO.name, bound, value })
        };
        bounds.extend([line("warn_below", warn), line("fail_below", fail)].into_iter().flatten());
    }
    if let Some(dead_rows) = &check.dead_rows {
        bounds.extend(dead_rows.share.0.above(DEAD_SHARE.name, |share| share));
    }
    bounds
}
