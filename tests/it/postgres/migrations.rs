//! Migrations by the real Prisma: applied, broken, rolled back, repaired, and in two schemas.

use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::process::{Child, Command};
use vigie::model::past::Past;

use super::{PostgresServer, code, gives, server, systems_as, until};
use crate::postgres_server::PATIENCE;

/// A folder of migrations, and the database that they are for.
pub struct Prisma {
    port: u16,
    folder: TempDir,
    schema: &'static str,
}

impl Prisma {
    /// Without any migration, for a schema of a server's database `postgres`.
    pub fn new(server: &PostgresServer, schema: &'static str) -> Self {
        let prisma = Self { port: server.port, folder: TempDir::new().expect("a folder"), schema };
        let datasource =
            "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n";
        fs::write(prisma.folder.path().join("schema.prisma"), datasource).expect("a schema");
        fs::create_dir(prisma.folder.path().join("migrations")).expect("a folder");
        let lock = prisma.folder.path().join("migrations/migration_lock.toml");
        fs::write(lock, "provider = \"postgresql\"\n").expect("a lock");
        prisma
    }

    /// Writes a migration, or writes it anew.
    pub fn migration(&self, name: &str, sql: &str) {
        let folder = self.folder.path().join("migrations").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("migration.sql"), sql).expect("a migration");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let home = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/prisma");
        let program = home.join("node_modules/prisma/build/index.js");
        assert!(program.exists(), "Prisma is needed; `tests/setup.sh` installs it");
        let mut prisma = Command::new("node");
        prisma.arg(program).arg("migrate").args(arguments).current_dir(home);
        let url = format!("postgresql://postgres@127.0.0.1:{}/postgres", self.port);
        prisma.env("DATABASE_URL", url).env("PRISMA_SCHEMA", self.schema);
        prisma.env("PRISMA_FOLDER", self.folder.path()).env("CHECKPOINT_DISABLE", "1");
        // Named, so that none is fetched: the engine in the package is the one that runs.
        for unused in ["PRISMA_QUERY_ENGINE_LIBRARY", "PRISMA_SCHEMA_ENGINE_BINARY"] {
            prisma.env(unused, "/bin/true");
        }
        prisma.stdin(Stdio::null()).kill_on_drop(true);
        prisma
    }

    /// `prisma migrate`, whatever comes of it.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let output = tokio::time::timeout(PATIENCE, self.command(arguments).output()).await;
        output.expect("an end in time").expect("node")
    }

    /// Applies what is not applied yet.
    pub async fn deploy(&self, succeeds: bool) {
        let output = self.run(&["deploy"]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.success(), succeeds, "{said}");
    }

    /// The same, without waiting for its end.
    pub fn start(&self) -> Child {
        let mut command = self.command(&["deploy"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("node")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_prisma_did_is_what_is_said() {
    let server = server().await;
    server.sql("CREATE SCHEMA \"default$default\"").await;
    let own = systems_as(&server, "postgres");
    let any = "postgres: { migrations: {} }";
    gives("NoMigrations", any, &own).await;

    let prisma = Prisma::new(&server, "default$default");
    prisma.migration("20240101000000_init", "CREATE TABLE a (n int);");
    prisma.migration("20240201000000_more", "ALTER TABLE a ADD COLUMN m int;");
    prisma.deploy(true).await;
    let judgement = gives("pass", any, &own).await;
    assert!(judgement.because().contains("`default$default`"), "{}", judgement.because());
    assert!(judgement.because().contains("2 migrations are finished"), "{}", judgement.because());
    gives("pass", "postgres: { migrations: { expected: 20240201000000_more } }", &own).await;
    let later = "postgres: { migrations: { expected: 20240301000000_next } }";
    gives("MigrationMissing", later, &own).await;

    prisma.migration("20240301000000_next", "CREATE TABLE a (n int);");
    prisma.deploy(false).await;
    gives("MigrationFailed", later, &own).await;
    prisma.run(&["resolve", "--rolled-back", "20240301000000_next"]).await;
    gives("MigrationRolledBack", any, &own).await;
    let given_up = "postgres: { migrations: { except: [20240301000000_next] } }";
    gives("pass", given_up, &own).await;
    prisma.migration("20240301000000_next", "CREATE TABLE b (n int);");
    prisma.deploy(true).await;
    gives("pass", later, &own).await;

    prisma.migration("20240401000000_long", "SELECT pg_sleep(600);");
    let running = prisma.start();
    let judgement = until(any, &own, &mut Past::default(), |j| code(j) != "pass").await;
    assert_eq!(code(&judgement), "MigrationRunning", "{:?}", judgement.lines());
    assert_eq!(judgement.verdict().label(), "warn");
    let short = "postgres: { migrations: { running_within: 1ms } }";
    gives("MigrationStuck", short, &own).await;
    drop(running);
    // What it began would hold Prisma's lock for as long as it sleeps.
    let asleep = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
    server.sql(asleep).await;

    let other = Prisma::new(&server, "public");
    other.migration("20240101000000_init", "CREATE TABLE c (n int);");
    other.deploy(true).await;
    let judgement = gives("MigrationRunning", any, &own).await;
    assert_eq!(judgement.lines().len(), 2, "{:?}", judgement.lines());
    gives("pass", "postgres: { migrations: { schemas: [public] } }", &own).await;
    gives("NoMigrations", "postgres: { migrations: { schemas: [public, absent] } }", &own).await;
    gives("Forbidden", any, &systems_as(&server, "app")).await;
}
