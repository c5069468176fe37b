//! A real PostgreSQL, Debian's, as a child of the test on a free loopback port.
//!
//! It refuses to run as root: where the tests are root's, it runs as `postgres`, the user that
//! Debian's package brings. Everybody who reaches the port is let in as `postgres`, unless
//! `pg_hba.conf` is written anew.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::redis::server::free_port;

/// How long a program of PostgreSQL may take. Not an expectation: a machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The folder of the database, within [`PostgresServer::folder`].
const DATA: &str = "data";

/// A server. Dropped, it is shut down at once, and its files go.
pub struct PostgresServer {
    /// Where it listens on 127.0.0.1; its socket is in [`Self::folder`].
    pub port: u16,
    folder: TempDir,
    user: Option<(u32, u32)>,
    child: Option<Child>,
}

impl PostgresServer {
    /// A new database with these lines of configuration, started.
    pub async fn start(lines: &[&str]) -> Self {
        let mut server = Self::create().await;
        server.configure(lines);
        server.run().await;
        server
    }

    /// A new database, which nobody serves yet.
    pub async fn create() -> Self {
        let server = Self::empty();
        let data = server.data();
        let arguments = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"];
        let mut initdb = server.command("initdb");
        initdb.args(arguments).arg("--locale=C.UTF-8").arg("--pgdata").arg(&data);
        succeeded(initdb).await;
        server.configure(&[]);
        server
    }

    fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("vigie-postgres-").tempdir();
        let folder = folder.expect("a folder");
        let user = plain_user();
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group)).expect("a folder to give away");
        }
        Self { port: free_port(), folder, user, child: None }
    }

    /// Adds lines to its configuration, for its next start.
    pub fn configure(&self, lines: &[&str]) {
        use std::io::Write;
        let file = self.data().join("postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(file).expect("a configuration");
        let own = [
            "listen_addresses = '127.0.0.1'".to_owned(),
            format!("unix_socket_directories = '{}'", self.folder().display()),
            // What a test writes need not survive the machine.
            "fsync = off".to_owned(),
        ];
        for line in own.iter().map(String::as_str).chain(lines.iter().copied()) {
            writeln!(file, "{line}").expect("a configuration");
        }
    }

    /// Serves the database, and waits until it answers.
    ///
    /// # Panics
    /// It ends; with what it has written.
    pub async fn run(&mut self) {
        // Another process may take the port before the server does.
        for _ in 0..5 {
            self.spawn();
            if self.answers().await {
                return;
            }
            self.port = free_port();
        }
        panic!("PostgreSQL does not start: {}", self.log());
    }

    fn spawn(&mut self) {
        let log = self.folder().join("log");
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log");
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        command.stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("a server"));
    }

    async fn answers(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let child = self.child.as_mut().expect("a child");
            if child.try_wait().expect("a child").is_some() {
                return false;
            }
            if self.psql("SELECT 1").await.status.success() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("PostgreSQL is not ready in time: {}", self.log());
    }

    /// What a query of the database `postgres` says: a line a row, `|` between columns.
    ///
    /// # Panics
    /// The server refuses it.
    pub async fn sql(&self, query: &str) -> String {
        said(&self.psql(query).await, query)
    }

    async fn psql(&self, query: &str) -> Output {
        let mut psql = self.command("psql");
        let port = self.port.to_string();
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres"]);
        psql.args(["-h", "127.0.0.1", "-p", &port, "-d", "postgres", "-c", query]);
        psql.stdin(Stdio::null()).output().await.expect("psql")
    }

    /// Makes a standby a primary, on a new timeline.
    pub async fn promote(&self) {
        let mut promote = self.command("pg_ctl");
        promote.args(["promote", "--silent", "--pgdata"]).arg(self.data());
        succeeded(promote).await;
    }

    /// Shuts it down, and waits until all that it archives is archived.
    pub async fn stop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "--silent", "--mode=fast", "--timeout=120", "--pgdata"])
            .arg(self.data());
        succeeded(stop).await;
        if let Some(mut child) = self.child.take() {
            child.wait().await.expect("a child");
        }
    }

    /// A program of PostgreSQL, or of its surroundings, as the user that the server runs as.
    pub fn command(&self, program: &str) -> Command {
        let own = programs().join(program);
        let mut command = if own.exists() { Command::new(own) } else { Command::new(program) };
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command.current_dir(self.folder()).env("HOME", self.folder()).kill_on_drop(true);
        command
    }

    /// Its files: `data` and `log`, and what a test puts there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the database.
    pub fn data(&self) -> PathBuf {
        self.folder().join(DATA)
    }

    /// Writes a file that the server's user alone may read, such as a key.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder().join(name);
        fs::write(&path, content).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a file");
        if let Some((user, group)) = self.user {
            chown(&path, Some(user), Some(group)).expect("a file to give away");
        }
        path
    }

    /// What the server has written.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        let Some(id) = child.id() else { return };
        // Killed, it would leave its shared memory behind; this is its word for "at once".
        drop(std::process::Command::new("kill").args(["-s", "QUIT", &id.to_string()]).status());
        for _ in 0..500 {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Runs a program to its end.
///
/// # Panics
/// It says that it did not succeed; with what it has written.
pub async fn succeeded(mut command: Command) -> String {
    let output = tokio::time::timeout(PATIENCE, command.stdin(Stdio::null()).output()).await;
    said(&output.expect("an end in time").expect("a program"), &format!("{command:?}"))
}

fn said(output: &Output, what: &str) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Where Debian puts the newest PostgreSQL.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.max_by_key(|version| {
        version.file_name().to_str().and_then(|number| number.parse::<u32>().ok())
    });
    let newest = newest.expect("PostgreSQL; `tests/setup.sh` installs it");
    newest.path().join("bin")
}

/// Who runs the server where we are root, by user and group.
fn plain_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = std::process::Command::new("id").args(arguments).output().expect("id");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>()
    };
    let own = id(&["-u"]).expect("a number");
    (own == 0).then(|| {
        let number = |what| id(&[what, "postgres"]).expect("Debian's user `postgres`");
        (number("-u"), number("-g"))
    })
}

#[tokio::test]
async fn a_database_is_served_by_a_plain_user_until_it_is_dropped() {
    let server = PostgresServer::start(&["max_connections = 17"]).await;
    assert_eq!(server.sql("SHOW max_connections").await, "17");
    let port = server.port;
    drop(server);
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
}
