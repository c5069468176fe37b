//! The database: Debian's PostgreSQL and a standby of it, migrated by the real Prisma.

use tokio::sync::Mutex;

use crate::postgres::migrations::Prisma;
use crate::postgres::{Session, settled};
use crate::postgres_server::PostgresServer;

/// The user that Vigie is, which may see what it looks at and nothing else.
pub const USER: &str = "vigie";
/// The application's user.
pub const APPLICATION: &str = "trackdechets";
/// The schema that Prisma's table is in, with Trackdéchets.
const SCHEMA: &str = "default$default";
/// How many connections there are, of which 40 for ordinary users.
const LINES: [&str; 4] =
    ["max_connections = 43", "autovacuum = off", "wal_level = replica", "max_wal_senders = 4"];

/// All of it.
pub struct Database {
    primary: Mutex<PostgresServer>,
    standby: Mutex<PostgresServer>,
    prisma: Prisma,
    /// The migration that the deployment brought.
    expected: String,
    application: Mutex<Vec<Session>>,
    crowd: Mutex<Vec<Session>>,
    migrating: Mutex<Option<tokio::process::Child>>,
    /// Where the primary listens.
    pub port: u16,
}

impl Database {
    /// Starts all of it, with this migration as the last; two connections are the application's.
    pub async fn open(expected: &str) -> Self {
        let primary = PostgresServer::start(&LINES).await;
        primary.sql(&format!("CREATE ROLE {USER} LOGIN IN ROLE pg_monitor")).await;
        primary.sql(&format!("CREATE ROLE {APPLICATION} LOGIN")).await;
        primary.sql(&format!("CREATE SCHEMA \"{SCHEMA}\"")).await;
        let prisma = Prisma::new(&primary, SCHEMA);
        prisma.migration("20260101000000_init", "CREATE TABLE bsdd (id int PRIMARY KEY);");
        prisma.migration(expected, "ALTER TABLE bsdd ADD COLUMN quantity int;");
        prisma.deploy(true).await;
        let rights = format!(
            "GRANT USAGE ON SCHEMA \"{SCHEMA}\" TO {USER}, {APPLICATION}; \
             GRANT SELECT ON \"{SCHEMA}\"._prisma_migrations TO {USER}; \
             GRANT ALL ON \"{SCHEMA}\".bsdd TO {APPLICATION}"
        );
        primary.sql(&rights).await;
        let standby = crate::postgres::replication::standby(&primary).await;
        let database = Self {
            port: primary.port,
            primary: Mutex::new(primary),
            standby: Mutex::new(standby),
            prisma,
            expected: expected.to_owned(),
            application: Mutex::default(),
            crowd: Mutex::default(),
            migrating: Mutex::default(),
        };
        database.connect().await;
        database
    }

    async fn sql(&self, query: &str) -> String {
        self.primary.lock().await.sql(query).await
    }

    /// The application opens its connections.
    pub async fn connect(&self) {
        let primary = self.primary.lock().await;
        let mut sessions = Vec::new();
        for _ in 0..2 {
            let mut session = Session::open(&primary, APPLICATION);
            session.say("SELECT 1").await;
            sessions.push(session);
        }
        *self.application.lock().await = sessions;
        settled(&primary, &count(APPLICATION), "2").await;
    }

    /// It loses them.
    pub async fn disconnect(&self) {
        self.application.lock().await.clear();
        settled(&*self.primary.lock().await, &count(APPLICATION), "0").await;
    }

    /// It opens new ones before it ends the old ones, as in a rollout.
    pub async fn reconnect(&self) {
        let before = std::mem::take(&mut *self.application.lock().await);
        {
            let primary = self.primary.lock().await;
            let mut session = Session::open(&primary, APPLICATION);
            session.say("SELECT 1").await;
            self.application.lock().await.push(session);
            settled(&primary, &count(APPLICATION), "3").await;
        }
        drop(before);
        self.connect().await;
    }

    /// Connections more are opened, and do nothing, until few are left, or one.
    pub async fn crowd(&self, leaves_some: bool) {
        let primary = self.primary.lock().await;
        primary.sql("CREATE ROLE report LOGIN").await;
        let taken = primary
            .sql("SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'");
        let taken: usize = taken.await.parse().expect("a number");
        let many = if leaves_some { 34 } else { 39 } - taken;
        let mut crowd = self.crowd.lock().await;
        for _ in 0..many {
            let mut session = Session::open(&primary, "report");
            session.say("SELECT 1").await;
            crowd.push(session);
        }
        settled(&primary, &count("report"), &many.to_string()).await;
    }

    /// They are closed.
    pub async fn disperse(&self) {
        self.crowd.lock().await.clear();
        let primary = self.primary.lock().await;
        settled(&primary, &count("report"), "0").await;
        primary.sql("DROP ROLE report").await;
    }

    /// A migration breaks off with an error.
    pub async fn break_migration(&self, name: &str) {
        self.prisma.migration(name, "CREATE TABLE bsdd (id int);");
        self.prisma.deploy(false).await;
    }

    /// Somebody gives a migration up.
    pub async fn roll_back(&self, name: &str) {
        self.prisma.run(&["resolve", "--rolled-back", name]).await;
    }

    /// A migration is written anew, and applied.
    pub async fn migrate(&self, name: &str) {
        let (_, table) = name.split_once('_').expect("a name");
        self.prisma.migration(name, &format!("CREATE TABLE {table} (id int);"));
        self.prisma.deploy(true).await;
    }

    /// A migration runs, and waits for a table that somebody has locked.
    pub async fn migrate_slowly(&self, name: &str) {
        let mut session = Session::open(&*self.primary.lock().await, "postgres");
        session.say(&format!("BEGIN; LOCK TABLE \"{SCHEMA}\".bsdd")).await;
        let locks = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted";
        settled(&*self.primary.lock().await, locks, "1").await;
        self.crowd.lock().await.push(session);
        self.prisma.migration(name, "ALTER TABLE bsdd ADD COLUMN slow int;");
        *self.migrating.lock().await = Some(self.prisma.start());
    }

    /// The table is let go, and the migration ends.
    pub async fn migrate_on(&self) {
        self.crowd.lock().await.clear();
        let mut migrating = self.migrating.lock().await.take().expect("a migration");
        assert!(migrating.wait().await.expect("an end").success());
    }

    /// Prisma died an hour ago, in the middle of a migration: its row stays as it was.
    pub async fn leave_migration(&self) {
        let row = format!(
            "INSERT INTO \"{SCHEMA}\"._prisma_migrations \
             (id, checksum, migration_name, started_at, applied_steps_count) \
             VALUES ('left', 'left', '20260501000000_left', now() - interval '1 hour', 0)"
        );
        self.sql(&row).await;
    }

    /// Its row is removed.
    pub async fn clear_migration(&self) {
        self.sql(&format!("DELETE FROM \"{SCHEMA}\"._prisma_migrations WHERE id = 'left'")).await;
    }

    /// The database is that of an older dump: the expected migration is not in it.
    pub async fn lose_migration(&self) {
        let row = format!("migration_name = '{}'", self.expected);
        let table = format!("\"{SCHEMA}\"._prisma_migrations WHERE {row}");
        self.sql(&format!("CREATE TABLE kept AS SELECT * FROM {table}; DELETE FROM {table}")).await;
    }

    /// It is there again.
    pub async fn find_migration(&self) {
        let back = format!("INSERT INTO \"{SCHEMA}\"._prisma_migrations SELECT * FROM kept");
        self.sql(&format!("{back}; DROP TABLE kept")).await;
    }

    /// Vigie's user may not see any more what others do.
    pub async fn take_rights(&self) {
        self.sql(&format!("REVOKE pg_monitor FROM {USER}; {}", ended(USER))).await;
    }

    /// It may again.
    pub async fn give_rights(&self) {
        self.sql(&format!("GRANT pg_monitor TO {USER}; {}", ended(USER))).await;
    }

    /// The standby is shut down.
    pub async fn stop_standby(&self) {
        self.standby.lock().await.stop().await;
    }

    /// It starts again.
    pub async fn start_standby(&self) {
        self.standby.lock().await.run().await;
        let streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        settled(&*self.primary.lock().await, streaming, "1").await;
    }

    /// The primary is shut down.
    pub async fn stop(&self) {
        self.application.lock().await.clear();
        self.primary.lock().await.stop().await;
    }

    /// It starts again, and the application comes back.
    pub async fn start(&self) {
        let mut primary = self.primary.lock().await;
        primary.run().await;
        assert_eq!(primary.port, self.port, "somebody took its port");
        drop(primary);
        self.connect().await;
        let streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        settled(&*self.primary.lock().await, streaming, "1").await;
    }

    /// Rows come and go, and are vacuumed and analysed.
    pub async fn vacuum(&self) {
        let table = format!("\"{SCHEMA}\".bsdd");
        self.sql(&format!("INSERT INTO {table} SELECT generate_series(1, 5000)")).await;
        self.sql(&format!("DELETE FROM {table}")).await;
        self.sql(&format!("VACUUM (ANALYZE) {table}")).await;
        self.sql("CHECKPOINT").await;
    }
}

/// How many connections a user has, but for those of whoever asks.
fn count(user: &str) -> String {
    format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = '{user}' AND backend_type = 'client backend'"
    )
}

/// Ends the connections of a user: what it may do is told anew to the next ones.
fn ended(user: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'")
}
