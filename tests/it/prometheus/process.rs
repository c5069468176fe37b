//! Programs of Debian as children of a test: on a free port of loopback, ended with the test.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::Instant;

/// How long anything may take that has to come true. Not an expectation: a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that answers over HTTP.
pub struct Process {
    /// Where it listens.
    pub address: SocketAddr,
    log: PathBuf,
    program: String,
    arguments: Vec<String>,
    // Ends the program when the test drops it.
    child: Child,
}

impl Process {
    /// Starts `program` with the arguments that `arguments` gives for an address, and waits until its
    /// `/-/ready` says so. Its log goes to a file in `folder`.
    pub async fn start(
        program: &str,
        folder: &Path,
        arguments: impl Fn(SocketAddr) -> Vec<String>,
    ) -> Self {
        let name = Path::new(program).file_name().expect("a name").to_string_lossy();
        let log = folder.join(format!("{name}.log"));
        // Another program may take the port before the child does: then the child ends, and we choose again.
        for _ in 0..5 {
            let address = free_address();
            let arguments = arguments(address);
            let child = spawn(program, &arguments, &log);
            let named = program.to_owned();
            let mut process = Self { address, log: log.clone(), program: named, arguments, child };
            if process.is_up().await {
                return process;
            }
            let said = process.log();
            let taken = said.to_lowercase().contains("address already in use");
            assert!(taken, "{program} ended: {said}");
        }
        panic!("{program} found no free port");
    }

    /// Waits until it is ready; says whether it still runs.
    async fn is_up(&mut self) -> bool {
        let ready = format!("http://{}/-/ready", self.address);
        let child = &mut self.child;
        let up = eventually(async || {
            child.try_wait().expect("a child's state").is_some() || answers(&ready).await
        });
        up.await.unwrap_or_else(|()| panic!("{}: {}", self.program, said(&self.log)));
        self.child.try_wait().expect("a child's state").is_none()
    }

    /// Kills it, starts it again where it was, and waits until it is ready.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.revive().await;
    }

    /// Kills it, and waits for its end.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a child to kill");
    }

    /// Starts it again where it was.
    pub async fn revive(&mut self) {
        self.child = spawn(&self.program, &self.arguments, &self.log);
        assert!(self.is_up().await, "{} does not start again: {}", self.program, self.log());
    }

    /// Has it read its configuration again, as it does at a SIGHUP.
    pub fn reload(&self) {
        let id = self.child.id().expect("a running child").to_string();
        let status = std::process::Command::new("kill").args(["-s", "HUP", &id]).status();
        assert!(status.expect("kill").success());
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        said(&self.log)
    }

    /// A GET on it, which must succeed; the answer as JSON.
    pub async fn get(&self, path_and_query: &str) -> serde_json::Value {
        let url = format!("http://{}{path_and_query}", self.address);
        let answer = client().get(&url).send().await.expect("an answer");
        let status = answer.status();
        let body = answer.text().await.expect("a body");
        assert!(status.is_success(), "{url}: {status}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }
}

fn spawn(program: &str, arguments: &[String], log: &Path) -> Child {
    // What it said before it was started again is kept.
    let file = File::options().create(true).append(true).open(log).expect("a log file");
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("a log file"))
        .stderr(file)
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|e| panic!("`{program}` (tests/setup.sh installs it): {e}"))
}

/// Asks again and again until it is so; an error where it did not come true.
pub async fn eventually(mut so: impl AsyncFnMut() -> bool) -> Result<(), ()> {
    let end = Instant::now() + PATIENCE;
    while !so().await {
        if Instant::now() > end {
            return Err(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A shipped file with addresses and waiting times replaced; each must be there to be replaced.
pub fn adapted(path: &str, replaced: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    replaced.iter().fold(text, |text, (shipped, ours)| {
        assert!(text.contains(shipped), "{}: no `{shipped}`", path.display());
        text.replace(shipped, ours)
    })
}

fn free_address() -> SocketAddr {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    probe.local_addr().expect("its address")
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().expect("a client")
}

async fn answers(url: &str) -> bool {
    client().get(url).send().await.is_ok_and(|answer| answer.status().is_success())
}

fn said(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}
