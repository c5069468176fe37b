//! Streaming replication: a standby that follows, rests, lags behind, and is lost.

use std::fs;

use vigie::model::past::Past;

use super::{code, gives, settled, systems_as, until};
use crate::postgres_server::{PostgresServer, succeeded};

/// Both servers; the standby replays what the primary streams, from a slot.
async fn pair() -> (PostgresServer, PostgresServer) {
    let primary = PostgresServer::start(&["wal_level = replica", "autovacuum = off"]).await;
    primary.sql("CREATE ROLE watch LOGIN IN ROLE pg_monitor; CREATE TABLE t (n int)").await;
    let standby = standby(&primary).await;
    (primary, standby)
}

/// A standby of a server, which replays what it streams, from a slot.
pub async fn standby(primary: &PostgresServer) -> PostgresServer {
    let mut standby = PostgresServer::create().await;
    fs::remove_dir_all(standby.data()).expect("a folder");
    let mut copy = standby.command("pg_basebackup");
    let data = standby.data();
    copy.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &primary.port.to_string()]);
    copy.args(["-R", "-X", "stream", "-c", "fast", "-C", "-S", "follower", "-D"]).arg(&data);
    succeeded(copy).await;
    standby.configure(&["hot_standby = on", "max_standby_streaming_delay = -1"]);
    standby.run().await;
    standby
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_seen_from_both_ends() {
    let (primary, mut standby) = pair().await;
    let (above, below) = (systems_as(&primary, "watch"), systems_as(&standby, "watch"));
    let mut past = Past::default();
    let check =
        "postgres: { replication: { lag_bytes: { fail: 1 MiB }, slot_holds: { fail: 1 MiB } } }";
    for systems in [&above, &below] {
        let judgement = until(check, systems, &mut past, |j| code(j) == "pass").await;
        assert_eq!(code(&judgement), "pass", "{:?}", judgement.lines());
    }
    gives("WrongRole", "postgres: { replication: { role: primary } }", &below).await;
    gives("WrongRole", "postgres: { replication: { role: standby } }", &above).await;
    gives("NotTracked", "postgres: { dead_rows: {} }", &below).await;

    // The primary rests: the last transaction grows old, and nobody lags.
    primary.sql("INSERT INTO t VALUES (1)").await;
    let age = "SELECT now() - pg_last_xact_replay_timestamp() > interval '1 second' \
               AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()";
    settled(&standby, age, "t").await;
    let strict = "postgres: { replication: { role: standby, lag: { fail: 500ms } } }";
    let judgement = gives("pass", strict, &below).await;
    assert!(judgement.because().contains("0s behind"), "{}", judgement.because());

    // The standby stops replaying, and still streams.
    standby.sql("SELECT pg_wal_replay_pause()").await;
    settled(&standby, "SELECT pg_get_wal_replay_pause_state()", "paused").await;
    primary.sql("INSERT INTO t SELECT generate_series(1, 50000)").await;
    for systems in [&above, &below] {
        let judgement = until(check, systems, &mut past, |j| code(j) != "pass").await;
        assert_eq!(code(&judgement), "ReplicationLag", "{:?}", judgement.lines());
    }
    let judgement = until(strict, &below, &mut past, |j| code(j) != "pass").await;
    assert_eq!(code(&judgement), "ReplicationLag", "{:?}", judgement.lines());
    standby.sql("SELECT pg_wal_replay_resume()").await;
    for systems in [&above, &below] {
        let judgement = until(check, systems, &mut past, |j| code(j) == "pass").await;
        assert_eq!(code(&judgement), "pass", "{:?}", judgement.lines());
    }

    // It is gone: what it would need is held back for it.
    standby.stop().await;
    let lost = "postgres: { replication: { standbys_at_least: 1 } }";
    let judgement = until(lost, &above, &mut past, |j| code(j) != "pass").await;
    assert_eq!(code(&judgement), "StandbyMissing", "{:?}", judgement.lines());
    primary.sql("INSERT INTO t SELECT generate_series(1, 50000)").await;
    let held = "postgres: { replication: { standbys_at_least: 0, slot_holds: { fail: 1 MiB } } }";
    gives("SlotHoldsWal", held, &above).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_lost_its_primary_says_so_and_rights_are_needed() {
    let (mut primary, standby) = pair().await;
    primary.sql("CREATE ROLE app LOGIN").await;
    let check = "postgres: { replication: {} }";
    let judgement = gives("Forbidden", check, &systems_as(&primary, "app")).await;
    assert!(judgement.because().contains("pg_monitor"), "{}", judgement.because());
    primary.stop().await;
    let below = systems_as(&standby, "watch");
    let judgement = until(check, &below, &mut Past::default(), |j| code(j) != "pass").await;
    assert_eq!(code(&judgement), "NotStreaming", "{:?}", judgement.lines());
}
