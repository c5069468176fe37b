//! Behind pgbouncer in transaction mode, where each transaction may meet another server session.

use std::time::Duration;

use tokio::net::TcpStream;

use super::{PostgresServer, gives, server, systems_with};
use crate::net::ground::start;
use crate::redis::server::free_port;

const CHECK: &str = "postgres: { migrations: {}, wraparound: {}, sessions: { user: app, at_least: 0 }, \
                     queries: [{ name: q, sql: SELECT current_setting('statement_timeout') AS t }] }";

/// pgbouncer in front of a server, with one session for all; on a port that is returned.
async fn pooler(server: &PostgresServer) -> (tokio::process::Child, u16) {
    let port = free_port();
    let ini = format!(
        "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
         default_pool_size = 1\n",
        server.port
    );
    // `any` lets everybody in, as the user that the database is configured for.
    let ini = ini.replace("* = host", "postgres = user=watch host");
    let file = server.file("pgbouncer.ini", &ini);
    let file = file.display().to_string();
    let mut arguments = vec!["-q", file.as_str()];
    let root = runs_as_root();
    if root {
        arguments.splice(0..0, ["-u", "postgres"]);
    }
    let child = start("pgbouncer", &arguments);
    let end = tokio::time::Instant::now() + crate::postgres_server::PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(tokio::time::Instant::now() < end, "pgbouncer does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (child, port)
}

/// Whether the tests are root's, as whom pgbouncer does not run.
fn runs_as_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_from_two_daemons_share_a_session_and_leave_nothing_in_it() {
    let server = server().await;
    server
        .sql(
            "CREATE TABLE _prisma_migrations AS SELECT 'm'::varchar AS migration_name, \
                now() AS started_at, now() AS finished_at, NULL::timestamptz AS rolled_back_at, \
                NULL::text AS logs; GRANT SELECT ON _prisma_migrations TO watch",
        )
        .await;
    let (_pooler, port) = pooler(&server).await;
    let connection = format!("host: 127.0.0.1, port: {port}, user: watch, database: postgres");
    let (one, other) = (systems_with(&connection), systems_with(&connection));
    for _ in 0..3 {
        gives("pass", CHECK, &one).await;
        gives("pass", CHECK, &other).await;
    }
    assert_eq!(
        server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'watch'").await,
        "1"
    );
    // Somebody else's session behind the pooler may write, and take its time.
    let mut psql = server.command("psql");
    psql.args(["-X", "-A", "-t", "-h", "127.0.0.1", "-U", "watch", "-d", "postgres"]);
    psql.args([
        "-p",
        &port.to_string(),
        "-c",
        "SHOW transaction_read_only",
        "-c",
        "SHOW statement_timeout",
    ]);
    let said = crate::postgres_server::succeeded(psql).await;
    assert_eq!(said, "off\n0");
}
