//! PostgreSQL, Elasticsearch, the registry: what they say when all is well.

use anyhow::Result;

use crate::elasticsearch::{Cluster, Elasticsearch, Flavour, Index};
use crate::kubernetes::pods::USER;
use crate::kubernetes::trackdechets::{DEPLOYMENTS, FOLDER, VERSIONS};
use crate::postgres::Said;
use crate::town::Town;

/// The last migration that the running version expects.
pub(in crate::town) const MIGRATION: &str = "20261115101500_registry_lookup_index";
/// The names of indices that anybody asks about.
pub(in crate::town) const ALIASES: [&str; 3] = ["bsds", "favorites", "logs-*"];

/// What PostgreSQL says of its sessions: at most, reserved, in all, active, idle, idle in a
/// transaction, of the application; the longest transaction (whose), the longest idle one, the
/// oldest prepared one.
pub(in crate::town) const SESSIONS: [&str; 12] =
    ["200", "3", "41", "2", "38", "1", "34", "-", "-", "-", "-", "-"];
/// What it says of migrations: name, began, finished, rolled back, complains.
pub(in crate::town) const MIGRATIONS: [[&str; 5]; 3] = [
    ["20260912090000_add_bspaoh_index", "1789203600", "1789203604", "-", "f"],
    ["20261020143000_company_verification", "1792506600", "1792506611", "-", "f"],
    [MIGRATION, "1794737700", "1794737716", "-", "f"],
];
/// What it says of replication: what, name, state, bytes, seconds behind.
pub(in crate::town) const REPLICATION: [[&str; 5]; 4] = [
    ["slot", "_cnpg_postgres_1", "active reserved", "2048", "-"],
    ["slot", "_cnpg_postgres_2", "active reserved", "2048", "-"],
    ["standby", "postgres-1", "streaming", "0", "0.004"],
    ["standby", "postgres-2", "streaming", "0", "0.006"],
];
/// What it counts: whether it does, hits, reads, deadlocks, reset, started.
pub(in crate::town) const STATISTICS: [&str; 6] =
    ["on", "812345678", "1234567", "3", "1780000000", "1780000000"];

/// The search cluster when all is well.
pub(in crate::town) fn wells(now_millis: i64) -> Cluster {
    let mut cluster = Cluster::new(Flavour::Seven);
    let index = |name: &str, alias: &str, documents: u64| Index {
        documents,
        ..Index::new(name).aliased(alias)
    };
    cluster.indices = vec![
        index("bsds_v1.3_production_2026-09-12", "bsds", 18_204_551),
        index("favorites_v1.0_production_2026-05-02", "favorites", 91_204),
        Index {
            documents: 40_113_020,
            newest: Some(now_millis - 4_000),
            ..Index::new("logs-2026.11")
        },
    ];
    cluster
}

/// Starts the search cluster.
pub(in crate::town) async fn search() -> Result<Elasticsearch> {
    Elasticsearch::start(&wells(super::life::millis()), &ALIASES).await
}

/// Rows as PostgreSQL is told to say them.
pub(in crate::town) fn rows<const N: usize>(rows: &[[&str; N]]) -> Said {
    Said::Rows(rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect())
}

/// What Redis says of itself: two replicas follow it, and it forgets nothing.
pub(in crate::town) const REDIS: &str = "# Server\r\nredis_version:7.2.4\r\nredis_mode:standalone\r\n\
    # Memory\r\nused_memory:21474836\r\nmaxmemory:1073741824\r\nmaxmemory_policy:noeviction\r\n\
    # Persistence\r\nloading:0\r\nrdb_last_bgsave_status:ok\r\naof_enabled:0\r\n\
    # Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
    slave0:ip=10.244.1.21,port=6379,state=online,offset=88211,lag=0\r\n\
    slave1:ip=10.244.2.22,port=6379,state=online,offset=88211,lag=1\r\n";

impl Town {
    pub(in crate::town) fn fill_databases(&self) {
        self.redis.answer("INFO", REDIS);
        self.postgres.say("sessions", rows(&[SESSIONS]));
        self.postgres.say("statistics", rows(&[STATISTICS]));
        self.postgres.say("replication", rows(&REPLICATION));
        self.postgres.say("migrations", rows(&[["default$default", "t"]]));
        self.postgres.say("migrations of", rows(&MIGRATIONS));
        let ages = ["prisma", "41000000", "200000000", "12", "400000000"];
        self.postgres.say("wraparound", rows(&[ages]));
    }

    pub(in crate::town) fn fill_registry(&self) {
        for (part, ..) in DEPLOYMENTS {
            for version in VERSIONS {
                self.registry.push(&format!("{FOLDER}/{part}"), version, USER);
            }
        }
    }
}
