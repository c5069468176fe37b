//! `postgres`: a database is reachable, migrated, replicated, and in good health.
//!
//! Subject where it must be reachable: then its silence is evidence. Witness of everything else.
//! Whatever is asked runs in a transaction that only reads and ends by itself, as
//! [`systems::postgres`](crate::systems::postgres) does it, one round trip a question and about ten
//! a look. What can't be prevented from there is a function that acts outside of its transaction
//! (`dblink`, `pg_terminate_backend`): only a role that may do nothing prevents it. What its role may
//! not see is unknown, never zero.

mod baseline;
mod cells;
mod judging;
mod looking;
mod measures;
mod migrations;
mod parameters;
mod query;
mod reasons;
mod replication;
mod sessions;
mod statistics;
mod upkeep;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::duration::Period;
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{BASELINE, Bound, Measure, Sample, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::model::steps::Steps;
use looking::Seen;
use measures::{
    BLOCKS_HIT, BLOCKS_READ, CONNECT, CONNECTIONS, CONNECTIONS_MAX, CONNECTIONS_OF_USER,
    DEAD_SHARE, DEADLOCKS, FROZEN_AGE, HIT_RATIO, IDLE_TRANSACTION, IN_USE, LAG_BYTES, LAG_SECONDS,
    LONGEST_TRANSACTION, MIGRATIONS, QUERY_ROWS, QUERY_VALUE, SERVER_STARTED, SLOT_BYTES, STANDBYS,
    STATISTICS_RESET,
};
use parameters::{
    Baseline, Cache, DeadRows, Deadlocks, Migrations, Query, Reachable, Replication, Sessions,
    Transactions, Wraparound,
};

const TOO_SLOW: Reason = Reason::new("TooSlow");
const NO_MIGRATIONS: Reason = Reason::new("NoMigrations");
const MIGRATION_MISSING: Reason = Reason::new("MigrationMissing");
const MIGRATION_FAILED: Reason = Reason::new("MigrationFailed");
const MIGRATION_STUCK: Reason = Reason::new("MigrationStuck");
const MIGRATION_ROLLED_BACK: Reason = Reason::new("MigrationRolledBack");
const MIGRATION_RUNNING: Reason = Reason::new("MigrationRunning");
const EXPECTATION_MISSING: Reason = Reason::new("ExpectationMissing");
const WRONG_ROLE: Reason = Reason::new("WrongRole");
const STANDBY_MISSING: Reason = Reason::new("StandbyMissing");
const NOT_STREAMING: Reason = Reason::new("NotStreaming");
const REPLICATION_LAG: Reason = Reason::new("ReplicationLag");
const SLOT_HOLDS_WAL: Reason = Reason::new("SlotHoldsWal");
const SLOT_LOST: Reason = Reason::new("SlotLost");
const TOO_FEW_CONNECTIONS: Reason = Reason::new("TooFewConnections");
const TOO_MANY_IN_USE: Reason = Reason::new("TooManyInUse");
const TRANSACTION_TOO_LONG: Reason = Reason::new("TransactionTooLong");
const IDLE_TOO_LONG: Reason = Reason::new("IdleInTransaction");
const CACHE_TOO_COLD: Reason = Reason::new("CacheTooCold");
const TOO_MANY_DEADLOCKS: Reason = Reason::new("TooManyDeadlocks");
const TOO_MANY_DEAD_ROWS: Reason = Reason::new("TooManyDeadRows");
const WRAPAROUND_NEAR: Reason = Reason::new("WraparoundNear");
const NO_ROWS: Reason = Reason::new("NoRows");
const TOO_FEW_ROWS: Reason = Reason::new("TooFewRows");
const TOO_MANY_ROWS: Reason = Reason::new("TooManyRows");
const VALUE_TOO_HIGH: Reason = Reason::new("ValueTooHigh");
const VALUE_TOO_LOW: Reason = Reason::new("ValueTooLow");
const VALUE_NULL: Reason = Reason::new("ValueNull");
const NOT_A_NUMBER: Reason = Reason::new("NotANumber");
const ROLE_TOO_POWERFUL: Reason = Reason::new("RoleTooPowerful");
const ABOVE_BASELINE: Reason = Reason::new("AboveBaseline");
const BELOW_BASELINE: Reason = Reason::new("BelowBaseline");
const NO_BASELINE: Reason = Reason::new("NoBaseline");
const NOT_TRACKED: Reason = Reason::new("NotTracked");

/// The longest window of counters.
const LONGEST_WINDOW: Period = Period::from_secs(3_600);
/// The longest span before a deployment.
const LONGEST_BASELINE: Period = Period::from_secs(24 * 3_600);
/// The most queries of one check.
const MOST_QUERIES: usize = 20;

/// A database is reachable, migrated, replicated, and in good health. Name what is to be looked at;
/// where nothing is named, it is whether the database is `reachable`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// The name of a connection under `connections.postgres`. Default: `default`.
    #[serde(default)]
    connection: ConnectionName,
    /// A new connection is accepted, and answers. A database that can't be reached fails; every
    /// other look is then unknown.
    reachable: Option<Reachable>,
    /// Prisma's migrations are finished.
    migrations: Option<Migrations>,
    /// Standbys follow closely. The role needs `pg_monitor`.
    replication: Option<Replication>,
    /// Connections are left, and the application has some. The role needs `pg_monitor` for the
    /// former.
    sessions: Option<Sessions>,
    /// No transaction is open for too long. The role needs `pg_monitor`.
    transactions: Option<Transactions>,
    /// Blocks are found in the cache.
    cache: Option<Cache>,
    /// Deadlocks are rare.
    deadlocks: Option<Deadlocks>,
    /// Tables are vacuumed.
    dead_rows: Option<DeadRows>,
    /// The counter of transactions is far from its end.
    wraparound: Option<Wraparound>,
    /// Connections (with `sessions`) and cache (with `cache`) are as before the deployment.
    baseline: Option<Baseline>,
    /// Queries of your own, at most 20. All of a database share one connection, apart from the other
    /// looks': one that lasts keeps nothing else waiting than other queries.
    #[serde(default)]
    queries: Vec<Query>,
}

/// The name of a connection, `default` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct ConnectionName(String);

impl Default for ConnectionName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl Postgres {
    fn asks_sessions(&self) -> bool {
        self.sessions.is_some() || self.transactions.is_some()
    }

    fn asks_statistics(&self) -> bool {
        self.cache.is_some() || self.deadlocks.is_some()
    }

    /// Whether the claim is that the database is reachable: if it says so, or nothing else.
    fn asks_reachable(&self) -> bool {
        self.reachable.is_some() || self.looks().is_empty()
    }

    /// What is looked at besides, by the subjects of its lines.
    fn looks(&self) -> Vec<String> {
        let named = [
            ("migrations", self.migrations.is_some()),
            ("replication", self.replication.is_some()),
            ("connections", self.sessions.is_some()),
            ("transactions", self.transactions.is_some()),
            ("cache", self.cache.is_some()),
            ("deadlocks", self.deadlocks.is_some()),
            ("dead rows", self.dead_rows.is_some()),
            ("wraparound", self.wraparound.is_some()),
        ];
        let named = named.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name.to_owned());
        named.chain(self.queries.iter().map(|query| format!("query `{}`", query.name))).collect()
    }

    fn is(&self, measure: &'static Measure, value: f64) -> Sample {
        measure.is(value, [self.connection.0.as_str()])
    }

    fn flaws_of_looks(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if let Some(Replication { role: _, standbys_at_least: _, lag, lag_bytes, slot_holds }) =
            &self.replication
        {
            flaws.extend(lag.0.ceiling_flaw("replication.lag"));
            flaws.extend(lag_bytes.0.ceiling_flaw("replication.lag_bytes"));
            flaws.extend(slot_holds.0.ceiling_flaw("replication.slot_holds"));
        }
        if let Some(sessions) = &self.sessions {
            flaws.extend(ceiling("sessions.in_use", sessions.in_use.0));
        }
        if let Some(Transactions { longest, idle, except: _ }) = &self.transactions {
            flaws.extend(longest.0.ceiling_flaw("transactions.longest"));
            flaws.extend(idle.0.ceiling_flaw("transactions.idle"));
        }
        let windows = [
            self.cache.as_ref().map(|cache| cache.window.0),
            self.deadlocks.as_ref().map(|deadlocks| deadlocks.window.0),
        ];
        if windows.into_iter().flatten().any(|window| window > LONGEST_WINDOW) {
            flaws.push(format!("`window` is at most {LONGEST_WINDOW}"));
        }
        if let Some(cache) = &self.cache {
            flaws.extend(cache.hits_at_least.0.floor_flaw("cache.hits_at_least"));
            flaws.extend(share("cache.hits_at_least", cache.hits_at_least.0));
        }
        if let Some(deadlocks) = &self.deadlocks {
            flaws.extend(deadlocks.at_most.0.ceiling_flaw("deadlocks.at_most"));
        }
        if let Some(dead_rows) = &self.dead_rows {
            flaws.extend(ceiling("dead_rows.share", dead_rows.share.0));
        }
        if let Some(wraparound) = &self.wraparound {
            flaws.extend(ceiling("wraparound.share", wraparound.share.0));
            flaws.extend(wraparound.overdue.0.ceiling_flaw("wraparound.overdue"));
        }
        flaws
    }
}

impl Check for Postgres {
    type Seen = Seen;

    const REASONS: &'static [Documented] = reasons::REASONS;
    const MEASURES: &'static [&'static Measure] = &[
        &CONNECT,
        &MIGRATIONS,
        &STANDBYS,
        &LAG_BYTES,
        &LAG_SECONDS,
        &SLOT_BYTES,
        &CONNECTIONS,
        &CONNECTIONS_MAX,
        &CONNECTIONS_OF_USER,
        &IN_USE,
        &LONGEST_TRANSACTION,
        &IDLE_TRANSACTION,
        &BLOCKS_HIT,
        &BLOCKS_READ,
        &HIT_RATIO,
        &DEADLOCKS,
        &STATISTICS_RESET,
        &SERVER_STARTED,
        &DEAD_SHARE,
        &FROZEN_AGE,
        &QUERY_ROWS,
        &QUERY_VALUE,
        &BASELINE,
    ];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = self.flaws_of_looks();
        if let Some(Baseline { window, in_use, in_use_from: _, hits_lost, missing: _ }) =
            &self.baseline
        {
            if self.sessions.is_none() && self.cache.is_none() {
                flaws.push("`baseline` goes with `sessions`, or with `cache`".to_owned());
            }
            if window.0 > LONGEST_BASELINE {
                flaws.push(format!("`baseline.window` is at most {LONGEST_BASELINE}"));
            }
            flaws.extend(in_use.0.ceiling_flaw("baseline.in_use"));
            flaws.extend(hits_lost.0.ceiling_flaw("baseline.hits_lost"));
        }
        if self.queries.len() > MOST_QUERIES {
            flaws.push(format!("`queries` names at most {MOST_QUERIES}"));
        }
        for (at, query) in self.queries.iter().enumerate() {
            flaws.extend(query.flaws());
            if self.queries[..at].iter().any(|other| other.name == query.name) {
                flaws.push(format!("the query `{}` is named twice", query.name));
            }
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let announced = self.migrations.as_ref().is_some_and(|migrations| migrations.announced);
        Needs {
            // Permits are by connection, whatever its host is called.
            hosts: vec![format!("postgres.{}", self.connection.0)],
            connections: vec![(SystemName::Postgres, self.connection.0.clone())],
            deployment: announced || self.baseline.is_some(),
            ..Needs::default()
        }
    }

    fn series(&self) -> Vec<Series> {
        measures::series(self)
    }

    fn bounds(&self) -> Vec<Bound> {
        measures::bounds(self)
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        Ok(looking::look(self, look).await)
    }

    fn judge(&self, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
        judging::judge(self, seen, past, now)
    }
}

/// What is wrong with limits of a share that must not be passed.
fn ceiling(name: &str, limits: Steps<f64>) -> Vec<String> {
    limits.ceiling_flaw(name).into_iter().chain(share(name, limits)).collect()
}

fn share(name: &str, limits: Steps<f64>) -> Option<String> {
    let outside = |share: &f64| !(0.0..=1.0).contains(share);
    let any = limits.given().iter().flatten().any(outside);
    any.then(|| format!("`{name}` is a share from 0 to 1"))
}

fn limit_seconds(period: Period) -> f64 {
    period.get().as_secs_f64()
}

fn graded(grade: Grade, because: String) -> Finding {
    match grade {
        Grade::Pass => Finding::pass(because),
        Grade::Warn(reason) => Finding::warn(reason, because),
        Grade::Fail(reason) => Finding::fail(reason, because),
    }
}

/// What is there, and not for this role to see.
fn no_rights(what: &str) -> Obstacle {
    let because = format!("Vigie's role may not see {what}: grant it `pg_monitor`");
    Obstacle::new(Reason::FORBIDDEN, because)
}

/// A share in words.
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A count as a figure; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "nothing counted here comes near 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}
