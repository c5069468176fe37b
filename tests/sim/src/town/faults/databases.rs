//! PostgreSQL and Elasticsearch, as they answer themselves.

use super::super::fault::Deed::{Later, Now};
use super::super::fault::{Doing, Fault, Turn, blind, fails};
use super::super::furnish::{ALIASES, MIGRATIONS, REPLICATION, SESSIONS, rows};
use super::fault;
use crate::elasticsearch::{Cluster, Index};
use crate::postgres::Said;

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "migration-failed",
        "the last migration broke off",
        &[
            fails("migrations-ran", "MigrationFailed"),
            fails("migrations-succeeded", "MigrationFailed"),
        ],
        Now(|doing| {
            let mut all = MIGRATIONS;
            all[2][2] = "-";
            all[2][4] = "t";
            say(doing, "migrations of", rows(&all));
            Ok(())
        }),
    ),
    fault(
        "migration-missing",
        "the last migration that the release expects was never applied",
        &[fails("migrations-ran", "MigrationMissing")],
        Now(|doing| {
            say(doing, "migrations of", rows(&MIGRATIONS[..2]));
            Ok(())
        }),
    ),
    fault(
        "connections-used-up",
        "195 of the 197 connections of PostgreSQL are in use",
        &both("TooManyInUse"),
        Now(|doing| {
            let mut sessions = SESSIONS;
            sessions[2] = "195";
            say(doing, "sessions", rows(&[sessions]));
            Ok(())
        }),
    ),
    fault(
        "transaction-hangs",
        "a transaction has been open for two hours",
        &[
            fails("database-performance", "TransactionTooLong"),
            fails("watch-database", "TransactionTooLong"),
        ],
        Now(|doing| {
            let mut sessions = SESSIONS;
            sessions[7..10].copy_from_slice(&["7200", "trackdechets", "prisma"]);
            say(doing, "sessions", rows(&[sessions]));
            Ok(())
        }),
    ),
    fault(
        "standby-gone",
        "one of PostgreSQL's standbys does not stream",
        &[
            fails("database-performance", "StandbyMissing"),
            fails("watch-database", "StandbyMissing"),
        ],
        Now(|doing| {
            say(doing, "replication", rows(&REPLICATION[..3]));
            Ok(())
        }),
    ),
    fault(
        "standby-lags",
        "a standby is ten minutes behind",
        &[
            fails("database-performance", "ReplicationLag"),
            fails("watch-database", "ReplicationLag"),
        ],
        Now(|doing| {
            let mut all = REPLICATION;
            all[3][3] = "734003200";
            all[3][4] = "612.4";
            say(doing, "replication", rows(&all));
            Ok(())
        }),
    ),
    fault(
        "application-not-connected",
        "nobody of the application is connected to PostgreSQL",
        &[fails("database-connections", "TooFewConnections")],
        Now(|doing| {
            let mut sessions = SESSIONS;
            sessions[6] = "0";
            say(doing, "sessions", rows(&[sessions]));
            Ok(())
        }),
    ),
    fault(
        "postgres-refuses",
        "PostgreSQL refuses connections",
        &[
            blind("migrations-ran", "Refused"),
            blind("migrations-succeeded", "Refused"),
            blind("database-connections", "Refused"),
            blind("database-performance", "Refused"),
            blind("watch-database", "Refused"),
        ],
        Later(|doing| {
            doing.mend_later(|town| Box::pin(town.postgres.open()));
            Box::pin(async {
                doing.town.postgres.close().await;
                Ok(())
            })
        }),
    ),
    fault(
        "alias-of-two",
        "the alias bsds leads to two indices",
        &[fails("elasticsearch-alias", "AliasAmbiguous")],
        Now(|doing| {
            become_like(doing, |cluster| {
                cluster.indices.push(Index::new("bsds_v1.4_production_2026-11-20").aliased("bsds"));
            });
            Ok(())
        }),
    ),
    fault(
        "index-red",
        "the index behind bsds has lost documents",
        &[fails("elasticsearch-alias", "StatusRed")],
        Now(|doing| {
            become_like(doing, |cluster| cluster.indices[0].health = "red");
            Ok(())
        }),
    ),
    fault(
        "logs-stopped",
        "the newest line in the log store is of an hour ago",
        &[fails("logs-collected", "DocumentTooOld")],
        Now(|doing| {
            let old = doing.town.now().as_millisecond() - 3_600_000;
            become_like(doing, |cluster| cluster.indices[2].newest = Some(old));
            Ok(())
        }),
    ),
];

const fn both(reason: &'static str) -> [Turn; 3] {
    [
        fails("database-performance", reason),
        fails("watch-database", reason),
        fails("database-connections", reason),
    ]
}

/// Lets PostgreSQL answer otherwise.
fn say(doing: &mut Doing<'_>, what: &'static str, said: Said) {
    doing.town.postgres.say(what, said);
    doing.mend(|town| {
        town.fill_databases();
        Ok(())
    });
}

/// Changes the search cluster.
fn become_like(doing: &mut Doing<'_>, change: impl FnOnce(&mut Cluster)) {
    let before = doing.town.search.like();
    let mut cluster = before.clone();
    change(&mut cluster);
    doing.town.search.become_like(&cluster, &ALIASES);
    doing.mend(move |town| {
        let newest = town.now().as_millisecond();
        let mut before = before;
        before.indices[2].newest = Some(newest);
        town.search.become_like(&before, &ALIASES);
        Ok(())
    });
}
