//! The parameters of the ready-made looks, and what they are by default.

use std::fmt;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;
use crate::model::missing_level::MissingLevel;
use crate::model::steps::Steps;

/// That a new connection is accepted, and answers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresReachable")]
pub(super) struct Reachable {
    /// How long it may take until a new connection has answered a question. Default: as long as the
    /// attempt may take.
    pub(super) within: Steps<Period>,
}

/// What Prisma wrote of its migrations, in `_prisma_migrations`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresMigrations")]
pub(super) struct Migrations {
    /// The schemas whose tables are read; each must have one. Default: every schema that has one,
    /// at least one.
    pub(super) schemas: Vec<String>,
    /// The name of a migration that must be among the finished ones in each of them; later ones may
    /// follow. Written and empty, the look is unknown `ExpectationMissing`. Default: whatever is
    /// there must be finished.
    pub(super) expected: Option<String>,
    /// Whether the name is the one that the announced deployment told as `migration`; where it told
    /// none, `expected` is what counts, if that is given. Default: false.
    pub(super) announced: bool,
    /// How long a migration may run; while it does, the look warns. Default: 10m.
    pub(super) running_within: RunningWithin,
    /// Names of migrations that do not matter, such as one that was rolled back and given up.
    pub(super) except: Vec<String>,
}

/// Standbys and slots, as the primary sees them; or the standby itself, where the connection leads
/// to one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresReplication")]
pub(super) struct Replication {
    /// What the connection must lead to. Default: either.
    pub(super) role: Option<Role>,
    /// How many standbys must stream from a primary. Default: 1.
    pub(super) standbys_at_least: StandbysAtLeast,
    /// How far a standby may lag behind. While a standby does not replay at all, a primary does not
    /// see this grow: `lag_bytes` does. Default: `{ warn: 30s, fail: 5m }`.
    pub(super) lag: Lag,
    /// How much WAL a standby may have to replay. Default: `{ warn: 128 MiB, fail: 1 GiB }`.
    pub(super) lag_bytes: LagBytes,
    /// How much WAL a slot that nobody uses may hold back. Default: `{ warn: 1 GiB, fail: 10 GiB }`.
    pub(super) slot_holds: SlotHolds,
}

/// What a connection leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PostgresRole")]
pub(super) enum Role {
    /// A server that takes writes.
    Primary,
    /// A server that follows another.
    Standby,
}

/// Connections in use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresSessions")]
pub(super) struct Sessions {
    /// The share, from 0 to 1, of the connections open to ordinary users that may be in use, in the
    /// whole server. Default: `{ warn: 0.8, fail: 0.95 }`.
    pub(super) in_use: InUse,
    /// The application's user, who must be connected to this database. Default: nobody in
    /// particular.
    pub(super) user: Option<String>,
    /// How many connections this user must have; Vigie's own do not count. Default: 1.
    pub(super) at_least: AtLeast,
}

/// The longest transactions, in the whole server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresTransactions")]
pub(super) struct Transactions {
    /// How long a transaction may be open, a prepared one included. Default:
    /// `{ warn: 5m, fail: 1h }`.
    pub(super) longest: Longest,
    /// How long one may be open while its client says nothing. Default: `{ warn: 1m, fail: 15m }`.
    pub(super) idle: Idle,
    /// Clients that may take longer, by `application_name`, such as `pg_dump`.
    pub(super) except: Vec<String>,
}

/// Blocks found in PostgreSQL's own cache, of this database.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresCache")]
pub(super) struct Cache {
    /// The share, from 0 to 1, of the blocks asked for within `window` that must be found there.
    /// Default: `{ warn: 0.95, fail: 0.8 }`.
    pub(super) hits_at_least: Hits,
    /// The span, at most 1h. Default: 15m.
    pub(super) window: Window,
    /// Where fewer blocks were asked for, nothing is made of their share. Default: 1000.
    pub(super) from_blocks: FromBlocks,
}

/// Deadlocks that the server resolved, in this database.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresDeadlocks")]
pub(super) struct Deadlocks {
    /// How many there may be within `window`. Default: `{ warn: 0, fail: 10 }`.
    pub(super) at_most: DeadlocksAtMost,
    /// The span, at most 1h. Default: 15m.
    pub(super) window: Window,
}

/// Rows that are deleted and not yet vacuumed, in this database's tables.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresDeadRows")]
pub(super) struct DeadRows {
    /// The share, from 0 to 1, of a table's rows that may be dead. Default:
    /// `{ warn: 0.3, fail: 0.6 }`.
    pub(super) share: DeadShare,
    /// Tables with fewer dead rows do not matter. Default: 10000.
    pub(super) from_rows: FromRows,
}

/// How far the counter of transactions is from its end, in all databases of the server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresWraparound")]
pub(super) struct Wraparound {
    /// The age of the oldest transaction not yet frozen, as a share of the 2^31 after which the
    /// server takes no more writes. Default: `{ warn: 0.4, fail: 0.75 }`.
    pub(super) share: AgeShare,
    /// The same as a multiple of `autovacuum_freeze_max_age`, at which the server begins to vacuum
    /// against it by force: beyond, it does not get done. Default: `{ warn: 1.5 }`.
    pub(super) overdue: Overdue,
}

/// A query of your own; it runs in a transaction that can only read, and breaks off in time. All
/// queries of a database share a connection of their own, and wait for each other: one that lasts
/// keeps no other look waiting. What a function does outside of the transaction nobody can prevent: give Vigie a role that may do
/// nothing else.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PostgresQuery")]
pub(super) struct Query {
    /// A name for it, in figures and sentences.
    pub(super) name: String,
    /// One `SELECT`, `WITH`, `VALUES` or `TABLE`.
    pub(super) sql: String,
    /// What must be true of its columns, in every row. Each is a number, or a truth, which counts
    /// as 1 or 0; times as `extract(epoch from …)`.
    #[serde(default)]
    pub(super) columns: std::collections::BTreeMap<String, Column>,
    /// How many rows it must have at least; without any it says so. Default: 1.
    #[serde(default)]
    pub(super) rows_at_least: RowsAtLeast,
    /// How many rows it may have, at most 1000; no more are fetched. Default: 100.
    #[serde(default)]
    pub(super) rows_at_most: RowsAtMost,
    /// A column that names a row, in sentences.
    pub(super) named_by: Option<String>,
    /// Whether Vigie's role may be a superuser, which it is warned of. Default: false.
    #[serde(default)]
    pub(super) superuser_allowed: bool,
}

/// What must be true of a column.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresColumn")]
pub(super) struct Column {
    /// It is not above this.
    pub(super) at_most: Steps<f64>,
    /// It is not below this.
    pub(super) at_least: Steps<f64>,
    /// What NULL amounts to. Default: `fail`.
    pub(super) null: Null,
}

/// What NULL amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PostgresNull")]
pub(super) enum Null {
    /// The claim fails.
    #[default]
    Fail,
    /// The claim holds with a warning.
    Warn,
    /// It is as it should be.
    Allowed,
}

/// A number of bytes, such as `128 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "PostgresBytes")]
pub(super) struct Bytes(#[schemars(with = "String")] pub(super) ByteSize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A parameter with a default of its own.
macro_rules! defaults {
    ($($(#[$doc:meta])* $name:ident($inner:ty) = $value:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub(super) struct $name(pub(super) $inner);

        impl Default for $name {
            fn default() -> Self {
                Self($value)
            }
        }
    )*};
}

const fn both<T>(warn: T, fail: T) -> Steps<T> {
    Steps { warn: Some(warn), fail: Some(fail) }
}

defaults! {
    /// Ten minutes by default.
    RunningWithin(Period) = Period::from_secs(600);
    /// One by default.
    StandbysAtLeast(u64) = 1;
    /// Half a minute and five by default.
    Lag(Steps<Period>) = both(Period::from_secs(30), Period::from_secs(300));
    /// 128 MiB and 1 GiB by default.
    LagBytes(Steps<Bytes>) = both(Bytes(ByteSize::mib(128)), Bytes(ByteSize::gib(1)));
    /// 1 GiB and 10 by default.
    SlotHolds(Steps<Bytes>) = both(Bytes(ByteSize::gib(1)), Bytes(ByteSize::gib(10)));
    /// Four fifths and nearly all by default.
    InUse(Steps<f64>) = both(0.8, 0.95);
    /// One by default.
    AtLeast(u64) = 1;
    /// Five minutes and an hour by default.
    Longest(Steps<Period>) = both(Period::from_secs(300), Period::from_secs(3_600));
    /// A minute and a quarter of an hour by default.
    Idle(Steps<Period>) = both(Period::from_secs(60), Period::from_secs(900));
    /// Nearly all and four fifths by default.
    Hits(Steps<f64>) = both(0.95, 0.8);
    /// A quarter of an hour by default.
    Window(Period) = Period::from_secs(900);
    /// A thousand by default.
    FromBlocks(u64) = 1_000;
    /// None without a warning, ten without a failure, by default.
    DeadlocksAtMost(Steps<u64>) = both(0, 10);
    /// 30 % and 60 % by default.
    DeadShare(Steps<f64>) = both(0.3, 0.6);
    /// Ten thousand by default.
    FromRows(u64) = 10_000;
    /// 40 % and 75 % by default.
    AgeShare(Steps<f64>) = both(0.4, 0.75);
    /// Half as much again by default.
    Overdue(Steps<f64>) = Steps { warn: Some(1.5), fail: None };
    /// One by default.
    RowsAtLeast(usize) = 1;
    /// A hundred by default.
    RowsAtMost(usize) = 100;
}

/// Comparison with before the current deployment: of connections in use, and of blocks found in the
/// cache. The item must have been looked at before the deployment.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PostgresBaseline")]
pub(super) struct Baseline {
    /// How long before the deployment the level is taken from, at most 24h. Default: 6h.
    pub(super) window: BaselineWindow,
    /// How many times as many connections may be in use. Default: `{ warn: 2 }`.
    pub(super) in_use: InUseFactor,
    /// The share of connections in use, from 0 to 1, below which their growth does not matter.
    /// Default: 0.2.
    pub(super) in_use_from: InUseFrom,
    /// By how much the share of blocks found in the cache may have fallen, from 0 to 1. Default:
    /// `{ warn: 0.1 }`.
    pub(super) hits_lost: HitsLost,
    /// What it amounts to where too little is known from before: `unknown` (the default), `pass`.
    pub(super) missing: MissingLevel,
}

defaults! {
    /// Six hours by default.
    BaselineWindow(Period) = Period::from_secs(6 * 3_600);
    /// Twice as many by default.
    InUseFactor(Steps<f64>) = Steps { warn: Some(2.0), fail: None };
    /// A fifth by default.
    InUseFrom(f64) = 0.2;
    /// A tenth by default.
    HitsLost(Steps<f64>) = Steps { warn: Some(0.1), fail: None };
}
