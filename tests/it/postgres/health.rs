//! Sessions, transactions, counters, dead rows: made bad for real, seen, and made good.

use vigie::model::past::Past;

use super::{Session, code, gives, server, settled, systems_as, until};

#[tokio::test]
async fn connections_of_the_application_are_counted_whoever_asks() {
    let server = server().await;
    let check = "postgres: { sessions: { user: app } }";
    let watch = systems_as(&server, "watch");
    gives("TooFewConnections", check, &watch).await;
    let mut session = Session::open(&server, "app");
    session.say("SELECT 1").await;
    let judgement = until(check, &watch, &mut Past::default(), |j| code(j) == "pass").await;
    assert_eq!(code(&judgement), "pass", "{:?}", judgement.lines());
    assert!(judgement.lines()[1].because.contains("of 17 connections"), "{:?}", judgement.lines());
    // The application itself sees its own connections, and not the states of others.
    let judgement = gives("Forbidden", check, &systems_as(&server, "app")).await;
    assert_eq!(judgement.lines()[0].verdict.label(), "pass", "{:?}", judgement.lines());
    assert!(judgement.because().contains("pg_monitor"), "{}", judgement.because());
    drop(session);
    settled(
        &server,
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' \
                      AND application_name <> 'vigie'",
        "0",
    )
    .await;
    // Its own connection, as the application's user, is not the application's.
    gives("TooFewConnections", check, &systems_as(&server, "app")).await;
}

#[tokio::test]
async fn a_transaction_that_is_left_open_is_seen_and_a_backup_may_take_its_time() {
    let server = server().await;
    let watch = systems_as(&server, "watch");
    let mut past = Past::default();
    let idle = "postgres: { transactions: { longest: {}, idle: { fail: 500ms } } }";
    gives("pass", idle, &watch).await;
    let mut session = Session::open(&server, "app");
    session.say("SET application_name = 'pg_dump'; BEGIN; SELECT 1").await;
    let judgement = until(idle, &watch, &mut past, |j| code(j) != "pass").await;
    assert_eq!(code(&judgement), "IdleInTransaction", "{:?}", judgement.lines());
    let long = "postgres: { transactions: { longest: { fail: 500ms }, idle: {} } }";
    let judgement = gives("TransactionTooLong", long, &watch).await;
    assert!(judgement.because().contains("`app` (`pg_dump`)"), "{}", judgement.because());
    let except = "postgres: { transactions: { longest: { fail: 500ms }, idle: { fail: 500ms }, \
                  except: [pg_dump] } }";
    gives("pass", except, &watch).await;
    gives("Forbidden", long, &systems_as(&server, "app")).await;
}

#[tokio::test]
async fn a_deadlock_is_counted_once_and_a_reset_counts_nothing_twice() {
    let server = super::PostgresServer::start(&["deadlock_timeout = 50ms"]).await;
    server.sql("CREATE TABLE a AS SELECT 1 AS n; CREATE TABLE b AS SELECT 1 AS n").await;
    let systems = systems_as(&server, "postgres");
    let check = "postgres: { deadlocks: {}, cache: { from_blocks: 1, hits_at_least: {} } }";
    let mut past = Past::default();
    let first = crate::support::look_back(check, &systems, &mut past).await;
    assert_eq!(code(&first), "NotYet", "{:?}", first.lines());
    let again = crate::support::look_back(check, &systems, &mut past).await;
    assert_eq!(code(&again), "pass", "{:?}", again.lines());

    let (mut one, mut other) =
        (Session::open(&server, "postgres"), Session::open(&server, "postgres"));
    one.say("BEGIN; LOCK TABLE a").await;
    other.say("BEGIN; LOCK TABLE b").await;
    settled(
        &server,
        "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted",
        "2",
    )
    .await;
    one.say("LOCK TABLE b; ROLLBACK").await;
    other.say("LOCK TABLE a; ROLLBACK").await;
    let judgement = until(check, &systems, &mut past, |j| code(j) != "pass").await;
    assert_eq!(code(&judgement), "TooManyDeadlocks", "{:?}", judgement.lines());
    assert!(judgement.because().contains(": 1, 0 allowed"), "{}", judgement.because());

    server.sql("SELECT pg_stat_reset()").await;
    let after = crate::support::look_back(check, &systems, &mut past).await;
    assert_eq!(code(&after), "TooManyDeadlocks", "still within the window: {:?}", after.lines());
    assert!(after.because().contains(": 1, 0 allowed"), "{}", after.because());
}

#[tokio::test]
async fn rows_that_nobody_vacuums_are_seen_until_somebody_does() {
    let server = server().await;
    let watch = systems_as(&server, "watch");
    let check = "postgres: { dead_rows: { from_rows: 1000 }, wraparound: {} }";
    gives("pass", check, &watch).await;
    server.sql("CREATE TABLE t AS SELECT generate_series(1, 5000) AS n").await;
    server.sql("DELETE FROM t WHERE n > 1000").await;
    let mut past = Past::default();
    let judgement = until(check, &watch, &mut past, |j| code(j) != "pass").await;
    assert_eq!(code(&judgement), "TooManyDeadRows", "{:?}", judgement.lines());
    assert!(judgement.because().contains("`public.t`: 80.0 %"), "{}", judgement.because());
    server.sql("VACUUM t").await;
    let judgement = until(check, &watch, &mut past, |j| code(j) == "pass").await;
    assert_eq!(code(&judgement), "pass", "{:?}", judgement.lines());
    server.sql("ALTER SYSTEM SET track_counts = off").await;
    server.sql("SELECT pg_reload_conf()").await;
    let fresh = systems_as(&server, "watch");
    let judgement = until(check, &fresh, &mut past, |j| code(j) != "pass").await;
    assert_eq!(code(&judgement), "NotTracked", "{:?}", judgement.lines());
}
