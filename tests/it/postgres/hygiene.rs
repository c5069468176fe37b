//! How Vigie behaves as a guest: two connections at most, no account locked, nothing left behind.

use std::fs;
use std::time::Duration;

use tokio::time::Instant;
use vigie::systems::Connections;
use vigie::systems::clock::Clock;

use super::{PostgresServer, gives, server, settled, systems_as, systems_with};
use crate::postgres_server::PATIENCE;
use crate::support::systems;

const OWN: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vigie'";

#[tokio::test]
async fn one_connection_serves_all_looks_and_a_broken_one_is_replaced() {
    let server = server().await;
    let watch = systems_as(&server, "watch");
    let check = "postgres: { wraparound: {} }";
    for _ in 0..5 {
        gives("pass", check, &watch).await;
    }
    let looks = (0..8).map(|_| crate::support::look(check, &watch));
    for judgement in futures::future::join_all(looks).await {
        assert_eq!(super::code(&judgement), "pass", "{:?}", judgement.lines());
    }
    assert_eq!(server.sql(OWN).await, "1");
    let pid = "SELECT pid FROM pg_stat_activity WHERE application_name = 'vigie'";
    let first = server.sql(pid).await;
    gives("pass", "postgres: { reachable: {} }", &watch).await;
    settled(&server, OWN, "1").await;
    assert_ne!(server.sql(pid).await, first, "whether it is reachable is tried anew");

    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vigie'").await;
    settled(&server, OWN, "0").await;
    gives("pass", check, &watch).await;
    assert_eq!(server.sql(OWN).await, "1");
    // Nothing of a look outlives it.
    assert_eq!(
        server
            .sql(
                "SELECT state, backend_xmin IS NULL FROM pg_stat_activity \
                    WHERE application_name = 'vigie'"
            )
            .await,
        "idle|t"
    );

    // A reload keeps it, where it did not change.
    let text = format!(
        "postgres: {{ default: {{ host: 127.0.0.1, port: {}, user: watch, database: postgres }} }}",
        server.port
    );
    let connections: Connections = vigie::config::yaml::from_str(&text).expect("connections");
    let pid_before = server.sql(pid).await;
    let watch = watch.changed(&connections, &connections);
    gives("pass", check, &watch).await;
    assert_eq!(server.sql(pid).await, pid_before);
}

#[tokio::test]
async fn a_refused_password_is_shown_once_and_a_changed_one_at_once() {
    let server = PostgresServer::start(&[]).await;
    server
        .sql("SET password_encryption = 'scram-sha-256'; CREATE ROLE guest LOGIN PASSWORD 'right'")
        .await;
    let hba = server.data().join("pg_hba.conf");
    fs::write(&hba, "host all guest 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n")
        .expect("a file");
    server.sql("SELECT pg_reload_conf()").await;
    let folder = tempfile::TempDir::new().expect("a folder");
    let url = folder.path().join("url");
    let write = |password: &str| {
        let text = format!(
            "postgresql://guest:{password}@127.0.0.1:{}/postgres?connection_limit=3\n",
            server.port
        );
        fs::write(&url, text).expect("a file");
    };
    write("wrong");
    let systems = systems_with(&format!("url_from: {{ file: '{}' }}", url.display()));
    let tried = || server.log().matches("password authentication failed").count();
    for _ in 0..3 {
        gives("Unauthorized", "postgres: {}", &systems).await;
    }
    assert_eq!(tried(), 1, "{}", server.log());
    // Neither by two at once that go by connections of their own.
    write("wrong-too");
    let query = "postgres: { queries: [{ name: q, sql: SELECT 1 }] }";
    let both = ["postgres: {}", query].map(|check| gives("Unauthorized", check, &systems));
    futures::future::join_all(both).await;
    assert_eq!(tried(), 2, "{}", server.log());
    write("right");
    gives("pass", "postgres: {}", &systems).await;
    write("wrong");
    let judgement = gives("Unauthorized", "postgres: {}", &systems).await;
    assert_eq!(tried(), 2, "the old refusal is remembered");
    assert!(judgement.because().contains("12h after it was refused"), "{}", judgement.because());
}

#[tokio::test]
async fn what_stands_in_the_way_has_the_servers_own_words() {
    let server =
        PostgresServer::start(&["max_connections = 8", "superuser_reserved_connections = 5"]).await;
    server.sql("CREATE ROLE guest LOGIN").await;
    let at = |more: &str| systems_with(&format!("host: 127.0.0.1, port: {}, {more}", server.port));
    let judgement = gives("NotFound", "postgres: {}", &at("user: guest")).await;
    assert!(judgement.because().contains("\"guest\" does not exist"), "{}", judgement.because());
    let judgement =
        gives("Unauthorized", "postgres: {}", &at("user: nobody, database: postgres")).await;
    assert!(judgement.because().contains("\"nobody\""), "{}", judgement.because());
    // One may find the place of a look before still taken, and be sent away.
    let guests = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'guest'";
    let end = Instant::now() + PATIENCE;
    let mut sessions = Vec::new();
    while server.sql(guests).await != "3" {
        assert!(Instant::now() < end, "never three guests");
        sessions.push(super::Session::open(&server, "guest"));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    gives("TooManyConnections", "postgres: {}", &at("user: guest, database: postgres")).await;
    drop(sessions);
    let none = systems("{}", Clock::System);
    let judgement = gives("NotFound", "postgres: {}", &none).await;
    assert_eq!(
        judgement.verdict().label(),
        "unknown",
        "that nothing is configured is our own fault"
    );
}
