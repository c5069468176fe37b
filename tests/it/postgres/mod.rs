//! Databases as they are: Debian's PostgreSQL, filled, broken and replicated for real.

mod health;
mod hygiene;
pub mod migrations;
mod poolers;
mod queries;
pub mod replication;
mod tls;

use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::time::Instant;
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;

use crate::postgres_server::{PATIENCE, PostgresServer};
use crate::support::{look, look_back, systems};

/// Lines of configuration that spare a test what it does not look at.
const BARE: [&str; 2] = ["autovacuum = off", "max_connections = 20"];

/// Systems with a connection `default` to a server as a user.
fn systems_as(server: &PostgresServer, user: &str) -> Systems {
    systems_with(&format!(
        "host: 127.0.0.1, port: {}, user: {user}, database: postgres",
        server.port
    ))
}

/// Systems with a connection of these parameters.
fn systems_with(parameters: &str) -> Systems {
    systems(&format!("postgres: {{ default: {{ {parameters} }} }}"), Clock::System)
}

/// A server with a role `watch`, which may see what Vigie looks at, and `app`, which may not.
async fn server() -> PostgresServer {
    let server = PostgresServer::start(&BARE).await;
    server.sql("CREATE ROLE watch LOGIN IN ROLE pg_monitor").await;
    server.sql("CREATE ROLE app LOGIN").await;
    server
}

/// Looks until the judgement is as wanted.
async fn until(
    check: &str,
    systems: &Systems,
    past: &mut Past,
    wanted: impl Fn(&Judgement) -> bool,
) -> Judgement {
    let end = Instant::now() + PATIENCE;
    loop {
        let judgement = look_back(check, systems, past).await;
        if wanted(&judgement) || Instant::now() > end {
            return judgement;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The reason's code; `pass` where there is none.
fn code(judgement: &Judgement) -> &'static str {
    judgement.reason().map_or("pass", |reason| reason.code())
}

/// Looks once, and holds the reason to `wanted`.
async fn gives(wanted: &str, check: &str, systems: &Systems) -> Judgement {
    let judgement = look(check, systems).await;
    assert_eq!(code(&judgement), wanted, "{check}: {:?}", judgement.lines());
    judgement
}

/// A `psql` that waits for what it is told.
pub struct Session {
    _child: Child,
    input: ChildStdin,
}

impl Session {
    /// Opens it as a user of the database `postgres`.
    pub fn open(server: &PostgresServer, user: &str) -> Self {
        let mut psql: Command = server.command("psql");
        let port = server.port.to_string();
        psql.args(["-X", "-q", "-U", user, "-h", "127.0.0.1", "-p", &port, "-d", "postgres"]);
        psql.stdin(std::process::Stdio::piped());
        psql.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = psql.spawn().expect("psql");
        let input = child.stdin.take().expect("its input");
        Self { _child: child, input }
    }

    /// Tells it a statement, and does not wait for what comes of it.
    pub async fn say(&mut self, sql: &str) {
        use tokio::io::AsyncWriteExt;
        self.input.write_all(format!("{sql};\n").as_bytes()).await.expect("somebody who listens");
        self.input.flush().await.expect("somebody who listens");
    }
}

/// Asks the server until a query says so.
pub async fn settled(server: &PostgresServer, query: &str, wanted: &str) {
    let end = Instant::now() + PATIENCE;
    while server.sql(query).await != wanted {
        assert!(Instant::now() < end, "{query} is not {wanted}: {}", server.sql(query).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
