//! The reasons of `postgres`, with every verdict that each comes with.

use super::{
    ABOVE_BASELINE, BELOW_BASELINE, CACHE_TOO_COLD, EXPECTATION_MISSING, IDLE_TOO_LONG,
    MIGRATION_FAILED, MIGRATION_MISSING, MIGRATION_ROLLED_BACK, MIGRATION_RUNNING, MIGRATION_STUCK,
    NO_BASELINE, NO_MIGRATIONS, NO_ROWS, NOT_A_NUMBER, NOT_STREAMING, NOT_TRACKED, REPLICATION_LAG,
    ROLE_TOO_POWERFUL, SLOT_HOLDS_WAL, SLOT_LOST, STANDBY_MISSING, TOO_FEW_CONNECTIONS,
    TOO_FEW_ROWS, TOO_MANY_DEAD_ROWS, TOO_MANY_DEADLOCKS, TOO_MANY_IN_USE, TOO_MANY_ROWS, TOO_SLOW,
    TRANSACTION_TOO_LONG, VALUE_NULL, VALUE_TOO_HIGH, VALUE_TOO_LOW, WRAPAROUND_NEAR, WRONG_ROLE,
};
use crate::model::finding::Verdict;
use crate::model::reason::{Documented, Reason};
use crate::systems::postgres::{NOT_ACCEPTING, QUERY_INVALID, QUERY_WRITES, TOO_MANY_CONNECTIONS};

/// A database that can't be asked: evidence where it must be reachable, else blindness.
const fn subject(reason: Reason, means: &'static str) -> Documented {
    Documented { reason, verdicts: &[Verdict::Fail, Verdict::Unknown], means }
}

const fn fails(reason: Reason, means: &'static str) -> Documented {
    Documented::fails(reason, means)
}

const fn both(reason: Reason, means: &'static str) -> Documented {
    Documented::warns_or_fails(reason, means)
}

const fn blinds(reason: Reason, means: &'static str) -> Documented {
    Documented::blinds(reason, means)
}

pub(super) const REASONS: &[Documented] = &[
    both(TOO_SLOW, "A new connection answers too late."),
    fails(NO_MIGRATIONS, "There is no table of migrations, or no row in it."),
    fails(MIGRATION_MISSING, "The migration that is expected is not there."),
    fails(MIGRATION_FAILED, "A migration broke off with an error, and nobody resolved it."),
    fails(MIGRATION_STUCK, "A migration has been running for too long: most likely it died."),
    fails(MIGRATION_ROLLED_BACK, "A migration was rolled back, and not applied again."),
    Documented::warns(MIGRATION_RUNNING, "A migration is running."),
    blinds(
        EXPECTATION_MISSING,
        "No migration is known that must be there, or `except` leaves none to judge.",
    ),
    fails(WRONG_ROLE, "The connection leads to a standby in place of a primary, or the reverse."),
    fails(STANDBY_MISSING, "Fewer standbys stream from the primary than wanted."),
    fails(NOT_STREAMING, "The standby does not receive anything from its primary."),
    both(REPLICATION_LAG, "A standby is too far behind."),
    both(SLOT_HOLDS_WAL, "A slot that nobody uses holds back too much WAL: the disk fills."),
    fails(SLOT_LOST, "A slot has lost WAL that its standby still needs."),
    fails(TOO_FEW_CONNECTIONS, "The application's user has fewer connections than wanted."),
    both(TOO_MANY_IN_USE, "Too large a share of all connections is in use."),
    both(TRANSACTION_TOO_LONG, "A transaction has been open for too long."),
    both(IDLE_TOO_LONG, "A transaction has been waiting for its client for too long."),
    both(CACHE_TOO_COLD, "Too few of the blocks that were asked for were in the cache."),
    both(TOO_MANY_DEADLOCKS, "Too many deadlocks were resolved within the window."),
    both(TOO_MANY_DEAD_ROWS, "Too large a share of a table's rows is dead, and not vacuumed."),
    both(WRAPAROUND_NEAR, "A database is not frozen in time: writing would have to stop."),
    fails(NO_ROWS, "A query returns no row."),
    fails(TOO_FEW_ROWS, "A query returns too few rows."),
    fails(TOO_MANY_ROWS, "A query returns too many rows."),
    both(VALUE_TOO_HIGH, "A column of a query is above its limit."),
    both(VALUE_TOO_LOW, "A column of a query is below its limit."),
    both(VALUE_NULL, "A column of a query is NULL."),
    blinds(NOT_A_NUMBER, "A column of a query that has limits is no number."),
    blinds(QUERY_WRITES, "A query would write; the server did not let it."),
    blinds(
        QUERY_INVALID,
        "A query can't be run: it is no SQL, several statements, of something that is not there, \
         or without a column that has limits.",
    ),
    Documented::warns(
        ROLE_TOO_POWERFUL,
        "A query of the configuration runs as a superuser, whose functions may write anywhere.",
    ),
    both(ABOVE_BASELINE, "Many more connections are in use than before the deployment."),
    both(BELOW_BASELINE, "Far fewer blocks are found in the cache than before the deployment."),
    blinds(NO_BASELINE, "Too little is remembered from before the deployment."),
    blinds(Reason::NO_DEPLOYMENT, "What is asked is about a deployment, and none is known."),
    blinds(NOT_TRACKED, "The server does not count here what is asked for."),
    blinds(
        Reason::NOT_YET,
        "What grows can be told from a second look on only; or a standby has \
                             not told yet how far it is.",
    ),
    blinds(Reason::CLOCK_SKEW, "A time lies more than two minutes in the future."),
    blinds(
        Reason::FORBIDDEN,
        "Vigie's role may not see it: it lacks `pg_monitor`, or the right to \
                               read a table.",
    ),
    subject(NOT_ACCEPTING, "The server is starting, stopping or recovering."),
    subject(TOO_MANY_CONNECTIONS, "The server has no room for another connection."),
    subject(
        Reason::UNAUTHORIZED,
        "The server lets Vigie's user not in, or refuses the password, which is then not shown \
         again until it changes, at most twice a day.",
    ),
    subject(
        Reason::NOT_FOUND,
        "The server has no such database; or no such connection is configured.",
    ),
    subject(Reason::REFUSED, "The server refuses connections."),
    subject(Reason::RESET, "The server broke the connection off."),
    subject(Reason::TIMED_OUT, "The server did not answer in time, or a query took too long."),
    subject(Reason::UNREACHABLE, "The network has no way to the server."),
    subject(Reason::NAME_NOT_FOUND, "The host's name has no address."),
    subject(Reason::TLS_FAILED, "TLS could not be established, or is not offered."),
    subject(Reason::CERTIFICATE_EXPIRED, "The server's certificate has ended."),
    subject(Reason::CERTIFICATE_NOT_YET_VALID, "The server's certificate begins later."),
    subject(Reason::CERTIFICATE_INVALID, "The server's certificate can't serve."),
    subject(Reason::NAME_MISMATCH, "The server's certificate is for other names."),
    subject(Reason::UNKNOWN_ISSUER, "The issuer of the server's certificate is not trusted."),
    subject(Reason::SELF_SIGNED, "The server's certificate is signed by itself alone."),
    subject(Reason::CHAIN_INCOMPLETE, "The server sends its certificate without its issuer's."),
    subject(Reason::GARBLED, "What answers does not speak as PostgreSQL does."),
    subject(Reason::TOO_LARGE, "An answer is larger than Vigie is ready to read."),
    subject(Reason::SERVER_ERROR, "The server answers with an error of its own."),
    blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell the address."),
    blinds(Reason::SECRET_MISSING, "The URL, the password or the CA can't be read, or is none."),
];
