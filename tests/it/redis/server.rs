//! Real servers, as children of the test on free loopback ports.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A `redis-server`, or a sentinel. Dropped, it is killed.
pub struct Server {
    child: Child,
    /// Where it listens without TLS.
    pub port: u16,
    folder: TempDir,
    sentinel: bool,
}

/// The file that a server is configured by, in its folder.
const CONFIGURATION: &str = "server.conf";

impl Server {
    /// A Redis with these lines of configuration.
    pub async fn redis(lines: &[&str]) -> Self {
        Self::start(lines, false).await
    }

    /// A sentinel that watches the master at `port` under the name `mymaster`.
    pub async fn sentinel(port: u16) -> Self {
        Self::patient_sentinel(port, Duration::from_millis(500)).await
    }

    /// The same that holds the master for dead only after it was silent for so long.
    pub async fn patient_sentinel(port: u16, patience: Duration) -> Self {
        let lines = [
            &*format!("sentinel monitor mymaster 127.0.0.1 {port} 1"),
            &*format!("sentinel down-after-milliseconds mymaster {}", patience.as_millis()),
            "sentinel failover-timeout mymaster 3000",
        ];
        Self::start(&lines, true).await
    }

    async fn start(lines: &[&str], sentinel: bool) -> Self {
        // Another process may take the port before the server does: then it ends, and another
        // port is tried.
        for _ in 0..5 {
            let port = free_port();
            let folder = tempfile::tempdir().expect("a folder");
            let mut text =
                format!("port {port}\nbind 127.0.0.1\ndir {}\n", folder.path().display());
            for line in lines {
                text.push_str(line);
                text.push('\n');
            }
            if lines.contains(&"cluster-enabled yes") {
                text.push_str(&format!("cluster-port {}\n", free_port()));
            }
            std::fs::write(folder.path().join(CONFIGURATION), text).expect("a configuration");
            let mut server = Self { child: spawn(folder.path(), sentinel), port, folder, sentinel };
            if server.answers().await {
                return server;
            }
        }
        panic!("redis-server does not start with {lines:?}");
    }

    /// Starts it again where it was, if it was killed.
    ///
    /// # Panics
    /// Somebody else has taken its port.
    pub async fn revive_if_dead(&mut self) {
        if self.child.try_wait().expect("a child").is_none() {
            return;
        }
        self.child = spawn(self.folder.path(), self.sentinel);
        assert!(self.answers().await, "redis-server does not start again");
    }

    async fn answers(&mut self) -> bool {
        for _ in 0..500 {
            if self.child.try_wait().expect("a child").is_some() {
                return false;
            }
            if say(self.port, "PING").await.is_ok_and(|answer| !answer.is_empty()) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// `redis://…`
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A folder of its own.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Stops it dead, without freeing its port.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Kills it and waits for its end.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a child to kill");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().expect("a running child").to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.expect("kill").success());
    }
}

fn spawn(folder: &Path, sentinel: bool) -> Child {
    Command::new("redis-server")
        .arg(folder.join(CONFIGURATION))
        .args(sentinel.then_some("--sentinel"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server; `tests/setup.sh` installs it")
}

/// What the server at `port` answers to a line.
pub async fn say(port: u16, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    let mut answer = vec![0; 64 * 1024];
    let read = stream.read(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Certificates for 127.0.0.1: the CA's file, the server's, its key's.
pub fn certificates(folder: &Path) -> [PathBuf; 3] {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).expect("a certificate");
    let issuer = Issuer::from_params(&ca, &ca_key);
    let key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let certificate = server.signed_by(&key, &issuer).expect("a certificate");
    let texts = [ca_certificate.pem(), certificate.pem(), key.serialize_pem()];
    let paths = ["ca.pem", "server.pem", "server.key"].map(|name| folder.join(name));
    for (path, text) in paths.iter().zip(texts) {
        std::fs::write(path, text).expect("a file");
    }
    paths
}
