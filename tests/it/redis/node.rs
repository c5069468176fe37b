//! The real libraries: `tests/node/queues.mjs`, told what to do line by line.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A Node.js process with one of the libraries. Dropped, it is killed.
pub struct Node {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Node {
    /// `library` is `bull` or `bullmq`.
    pub fn start(library: &str, port: u16) -> Self {
        Self::with(&[library, &port.to_string()])
    }

    /// The same for a cluster, one of whose nodes is at `port`.
    pub fn in_cluster(library: &str, port: u16) -> Self {
        Self::with(&[library, &port.to_string(), "cluster"])
    }

    /// The same in another database than 0.
    pub fn in_database(library: &str, port: u16, database: u16) -> Self {
        Self::with(&[library, &port.to_string(), &database.to_string()])
    }

    /// The same through the sentinel at `port`, to whoever is master of `mymaster`.
    pub fn through_sentinel(library: &str, port: u16) -> Self {
        Self::with(&[library, &port.to_string(), "sentinel"])
    }

    fn with(arguments: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
        assert!(
            folder.join("node_modules/bull").exists(),
            "the npm packages are missing; `tests/setup.sh` installs them"
        );
        let mut child = Command::new("node")
            .arg(folder.join("queues.mjs"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node; `tests/setup.sh` installs it");
        let input = child.stdin.take().expect("an input");
        let output = BufReader::new(child.stdout.take().expect("an output")).lines();
        Self { child, input, output }
    }

    /// Runs one command to its end.
    pub async fn tell(&mut self, command: &str, queue: &str, given: Value) {
        let mut line = given;
        line["command"] = json!(command);
        line["queue"] = json!(queue);
        self.input.write_all(format!("{line}\n").as_bytes()).await.expect("node listens");
        let answer = self.output.next_line().await.expect("node answers");
        assert_eq!(answer.as_deref(), Some("ok"), "{command} {queue}");
    }

    /// Stops it dead; its connections stay.
    pub fn freeze(&self) {
        let id = self.child.id().expect("a running child").to_string();
        let status = std::process::Command::new("kill").args(["-s", "STOP", &id]).status();
        assert!(status.expect("kill").success());
    }

    /// Kills it with SIGKILL.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a child to kill");
    }
}
