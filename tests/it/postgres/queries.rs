//! Queries of the configuration: what they may say, and what none of them can do.

use std::time::Duration;

use tokio::time::Instant;
use vigie::model::reason::Reason;

use super::{Session, code, gives, server, settled, systems_as};
use crate::support::look_within;

/// How many queries run. What a server tells of one is the command that fetches its rows.
const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vigie' \
                       AND query LIKE 'FETCH%' AND state = 'active'";

fn query(sql: &str, more: &str) -> String {
    format!("postgres: {{ queries: [{{ name: q, sql: \"{sql}\", {more} }}] }}")
}

#[tokio::test]
async fn rows_are_counted_and_columns_of_any_number_compared() {
    let server = server().await;
    let watch = systems_as(&server, "watch");
    for (sql, more, wanted) in [
        ("SELECT 3.50::numeric AS n", "columns: { n: { at_most: { fail: 3.4 } } }", "ValueTooHigh"),
        ("SELECT 2^40 AS n, 'x' AS t", "columns: { n: { at_least: { warn: 1 } } }", "pass"),
        ("SELECT 1 < 2 AS n", "columns: { n: { at_least: { fail: 1 } } }", "pass"),
        ("SELECT NULL::int AS n", "columns: { n: { } }", "ValueNull"),
        ("SELECT NULL::int AS n", "columns: { n: { 'null': allowed } }", "pass"),
        ("SELECT 'NaN'::float8 AS n", "columns: { n: { } }", "NotANumber"),
        ("SELECT 1 AS m", "columns: { n: { } }", "QueryInvalid"),
        ("SELECT 1 WHERE false", "", "NoRows"),
        ("VALUES (1), (2)", "rows_at_least: 3", "TooFewRows"),
        ("SELECT generate_series(1, 1000000000)", "rows_at_most: 10", "TooManyRows"),
        ("TABLE nowhere", "", "QueryInvalid"),
        ("WITH x AS (SELECT 1) SELECT * FROM x -- and a remark", "", "pass"),
        ("SELECT repeat('x', 20000000)", "", "TooLarge"),
        ("SELECT * FROM pg_authid", "", "Forbidden"),
    ] {
        gives(wanted, &query(sql, more), &watch).await;
    }
}

#[tokio::test]
async fn no_query_writes_whatever_it_tries() {
    let server = server().await;
    server.sql("CREATE TABLE t AS SELECT 1 AS n; CREATE SEQUENCE s").await;
    server.sql("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (2) RETURNING n'").await;
    let own = systems_as(&server, "postgres");
    for (sql, wanted) in [
        ("SELECT f()", "QueryWrites"),
        ("SELECT nextval('s')", "QueryWrites"),
        ("SELECT * FROM t FOR UPDATE", "QueryWrites"),
        ("WITH d AS (DELETE FROM t RETURNING n) SELECT * FROM d", "QueryWrites"),
        ("WITH i AS (INSERT INTO t VALUES (3) RETURNING n) SELECT n FROM i", "QueryWrites"),
        ("WITH i AS (WITH j AS (SELECT 1) UPDATE t SET n = 2 RETURNING n) TABLE i", "QueryWrites"),
        (
            "SELECT * FROM (WITH i AS (INSERT INTO t VALUES (3) RETURNING n) TABLE i) x",
            "QueryWrites",
        ),
        // By the same code: another database.
        ("WITH d AS (SELECT 'DELETE FROM t') SELECT * FROM elsewhere.public.t", "QueryInvalid"),
        ("SELECT 1; DROP TABLE t", "QueryInvalid"),
        ("SELECT 1; COMMIT; DROP TABLE t", "QueryInvalid"),
        ("SELECT n INTO u FROM t", "QueryInvalid"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "QueryInvalid"),
        ("SELECT set_config('default_transaction_read_only', 'off', false), f()", "QueryWrites"),
    ] {
        let judgement = gives(wanted, &query(sql, "superuser_allowed: true"), &own).await;
        let because = judgement.because().to_lowercase();
        assert!(!because.contains("cursor"), "that is how it is asked, not what: {because}");
    }
    assert_eq!(server.sql("SELECT string_agg(n::text, ',') FROM t").await, "1");
    assert_eq!(server.sql("SELECT is_called FROM s").await, "f");
    gives("RoleTooPowerful", &query("SELECT 1", ""), &own).await;
    let refused = crate::support::check(&query("DELETE FROM t", "")).flaws();
    assert!(refused[0].contains("begins with `DELETE`"), "{refused:?}");
}

#[tokio::test]
async fn a_query_that_lasts_is_broken_off_by_the_server_and_holds_no_place() {
    let server = server().await;
    let watch = systems_as(&server, "watch");
    let started = Instant::now();
    let sleepy = query("SELECT pg_sleep(600)", "");
    let judgement = look_within(Duration::from_secs(2), &sleepy, &watch).await;
    assert_eq!(code(&judgement), "TimedOut", "{:?}", judgement.lines());
    assert!(started.elapsed() < Duration::from_secs(30));
    settled(&server, RUNNING, "0").await;

    server.sql("CREATE TABLE t AS SELECT 1 AS n; GRANT SELECT ON t TO watch").await;
    let mut holder = Session::open(&server, "postgres");
    holder.say("BEGIN; LOCK TABLE t").await;
    settled(
        &server,
        "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' \
                      AND relation = 't'::regclass AND granted",
        "1",
    )
    .await;
    let judgement = gives("TimedOut", &query("SELECT n FROM t", ""), &watch).await;
    assert!(judgement.because().contains("lock"), "{}", judgement.because());
    gives("pass", &query("SELECT 1", ""), &watch).await;
}

#[tokio::test]
async fn a_query_that_lasts_keeps_no_other_look_waiting() {
    let server = server().await;
    server
        .sql(
            "CREATE TABLE _prisma_migrations AS SELECT 'm'::varchar AS migration_name, \
                now() AS started_at, now() AS finished_at, NULL::timestamptz AS rolled_back_at, \
                NULL::text AS logs; GRANT SELECT ON _prisma_migrations TO watch",
        )
        .await;
    let watch = systems_as(&server, "watch");
    let sleepy = query("SELECT pg_sleep(600)", "");
    let others = async {
        settled(&server, RUNNING, "1").await;
        let checks = [
            "postgres: { reachable: {} }",
            "postgres: { migrations: { expected: m } }",
            "postgres: { sessions: {} }",
        ];
        let looks = checks.map(|check| gives("pass", check, &watch));
        futures::future::join_all(looks).await;
        assert_eq!(server.sql(RUNNING).await, "1", "and it lasts");
        let own = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vigie'";
        settled(&server, own, "2").await;
    };
    tokio::select! {
        judgement = look_within(Duration::from_secs(600), &sleepy, &watch) => {
            panic!("the others were slower: {:?}", judgement.lines());
        }
        () = others => {}
    }

    // In a check of its own with them, it takes what time they leave.
    let watch = systems_as(&server, "watch");
    let all = sleepy.replace("{ queries", "{ reachable: {}, migrations: {}, queries");
    let judgement = look_within(Duration::from_secs(5), &all, &watch).await;
    let said: Vec<_> = judgement.lines().iter().map(|line| line.reason.map(Reason::code)).collect();
    assert_eq!(said, [None, None, Some("TimedOut")], "{:?}", judgement.lines());
}

#[tokio::test]
async fn a_query_that_had_to_wait_for_another_is_not_said_to_have_lasted() {
    let server = server().await;
    let watch = systems_as(&server, "watch");
    let sleepy = query("SELECT pg_sleep(600)", "");
    let other = async {
        settled(&server, RUNNING, "1").await;
        look_within(Duration::from_secs(1), &query("SELECT 1", ""), &watch).await
    };
    let judgement = tokio::select! {
        judgement = look_within(Duration::from_secs(600), &sleepy, &watch) => judgement,
        judgement = other => judgement,
    };
    assert_eq!(code(&judgement), "TimedOut", "{:?}", judgement.lines());
    assert_eq!(judgement.verdict().label(), "unknown");
    let because = judgement.because();
    assert!(
        because.contains("another look's query of this PostgreSQL was still running"),
        "{because}"
    );
}
