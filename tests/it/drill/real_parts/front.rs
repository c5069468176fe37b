//! The front: a real nginx before the UI, the API, and a stream of the real Node.js.
//!
//! What is wrong is written into its configuration, as somebody would who changes it by mistake, or
//! is done to the processes.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use jiff::SignedDuration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use vigie::systems::clock::Clock;
use vigie_sim::net::mill::{Mill, Sort};
use vigie_sim::town::{API, NOTIFIER, UI};

use crate::net::ground::{listening, start, vacant};

/// How often the stream says something.
const CADENCE: Duration = Duration::from_millis(500);
/// How long anything may take that has to come true.
const PATIENCE: Duration = Duration::from_secs(30);

/// All of it.
pub struct Front {
    /// Where it speaks TLS, and where it does not.
    pub at: [SocketAddr; 2],
    folder: TempDir,
    mill: Mill,
    nginx: Mutex<Child>,
    /// Where the stream comes from.
    stream: SocketAddr,
    notifier: Mutex<Child>,
}

/// What nginx is told where things may differ.
#[derive(Clone, Debug)]
pub struct Manner {
    /// What the UI's location does.
    pub ui: &'static str,
    /// What the API's location does.
    pub api: &'static str,
    /// How the stream is passed on.
    pub stream: &'static str,
    /// What is answered without TLS.
    pub plain: &'static str,
    /// Which versions of TLS are spoken.
    pub tls: &'static str,
}

/// All as it should be.
pub const WELL: Manner = Manner {
    ui: "default_type text/html; return 200 '<!doctype html><div id=\"root\"></div>';",
    api: "default_type text/html; return 200 'Pong!';",
    stream: "proxy_buffering off;",
    plain: "return 308 https://$host$request_uri;",
    tls: "ssl_protocols TLSv1.2 TLSv1.3;",
};

/// What its certificate is like.
pub struct Shown<'a> {
    /// The names in it.
    pub names: &'a [&'a str],
    /// When it began and when it ends, in days from now.
    pub days: (i64, i64),
}

/// As it should be.
pub const GOOD: Shown = Shown { names: &[UI, API, NOTIFIER], days: (-10, 80) };

impl Front {
    /// Starts all of it.
    pub async fn open() -> Self {
        let folder = TempDir::new().expect("a folder");
        let lasts = Duration::from_hours(5 * 365 * 24);
        let mill = Mill::new(Clock::System.now(), lasts).expect("a mill");
        let (stream, notifier) = notifier(None).await;
        for _ in 0..10 {
            let at = [vacant().await, vacant().await];
            show(&mill, folder.path(), &GOOD);
            configure(folder.path(), at, stream, &WELL);
            let mut nginx = run(folder.path());
            if listening(&mut nginx, at[1]).await {
                return Self {
                    at,
                    folder,
                    mill,
                    nginx: Mutex::new(nginx),
                    stream,
                    notifier: Mutex::new(notifier),
                };
            }
        }
        panic!("nginx found no free ports");
    }

    /// The root of its certificates, PEM.
    pub fn root_pem(&self) -> &str {
        self.mill.root_pem()
    }

    /// Its configuration is another, and is loaded.
    pub async fn behaves(&self, manner: &Manner) {
        configure(self.folder.path(), self.at, self.stream, manner);
        self.reload().await;
    }

    /// It shows another certificate.
    pub async fn shows(&self, shown: &Shown<'_>) {
        show(&self.mill, self.folder.path(), shown);
        self.reload().await;
    }

    async fn reload(&self) {
        signal(&*self.nginx.lock().await, "HUP");
    }

    /// It is killed.
    pub async fn kill(&self) {
        signal(&*self.nginx.lock().await, "TERM");
        self.nginx.lock().await.wait().await.expect("a child");
    }

    /// It starts again.
    pub async fn revive(&self) {
        let mut nginx = run(self.folder.path());
        assert!(listening(&mut nginx, self.at[1]).await, "nginx does not start again");
        *self.nginx.lock().await = nginx;
    }

    /// Whatever makes the stream is killed.
    pub async fn kill_notifier(&self) {
        self.notifier.lock().await.kill().await.expect("a child to kill");
    }

    /// It starts again.
    pub async fn revive_notifier(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let (at, notifier) = notifier(Some(self.stream.port())).await;
            if at == self.stream {
                *self.notifier.lock().await = notifier;
                return;
            }
            assert!(Instant::now() < end, "somebody took the notifier's port");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Front {
    /// Killed, it would leave its worker behind.
    fn drop(&mut self) {
        let nginx = self.nginx.get_mut();
        if matches!(nginx.try_wait(), Ok(None)) {
            signal(nginx, "TERM");
        }
        for _ in 0..500 {
            if !matches!(nginx.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn signal(child: &Child, name: &str) {
    let id = child.id().expect("a running child").to_string();
    let status = std::process::Command::new("kill").args(["-s", name, &id]).status();
    assert!(status.expect("kill").success());
}

fn run(folder: &Path) -> Child {
    let prefix = folder.display().to_string();
    start("nginx", &["-e", "stderr", "-p", &prefix, "-c", &format!("{prefix}/nginx.conf")])
}

fn show(mill: &Mill, folder: &Path, Shown { names, days: (from, until) }: &Shown) {
    let day = |days: i64| Clock::System.now() + SignedDuration::from_hours(24 * days);
    let leaf = mill.issue(Sort::Good, names, day(*from), day(*until)).expect("a certificate");
    std::fs::write(folder.join("leaf.pem"), leaf.chain_pem).expect("a file");
    std::fs::write(folder.join("leaf.key"), leaf.key_pem).expect("a file");
}

fn configure(folder: &Path, [secure, plain]: [SocketAddr; 2], stream: SocketAddr, manner: &Manner) {
    let Manner { ui, api, stream: passed, plain: answered, tls } = manner;
    // Workers that are replaced end at once, with the connections that they hold.
    let text = format!(
        "daemon off; user root; pid {folder}/pid; error_log {folder}/error.log;
         worker_processes 1; worker_shutdown_timeout 1s;
         events {{}}
         http {{
           access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
           fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
           ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key;
           ssl_ciphers DEFAULT:@SECLEVEL=0; {tls}
           server {{ listen {secure} ssl; server_name {UI}; location / {{ {ui} }} }}
           server {{ listen {secure} ssl; server_name {API}; location / {{ return 404; }}
             location = /ping {{ {api} }} }}
           server {{
             listen {secure} ssl; server_name {NOTIFIER};
             location = /ping {{ default_type text/html; return 200 'Pong!'; }}
             location / {{
               proxy_pass http://{stream}; proxy_http_version 1.1;
               proxy_set_header Connection ''; {passed}
             }}
           }}
           server {{ listen {plain}; location / {{ {answered} }} }}
         }}",
        folder = folder.display()
    );
    std::fs::write(folder.join("nginx.conf"), text).expect("a file");
}

/// A server of event streams, and where it listens: where it did before, if the port is free.
async fn notifier(port: Option<u16>) -> (SocketAddr, Child) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/notifier.mjs");
    let mut child = Command::new("node")
        .arg(program)
        .arg(CADENCE.as_millis().to_string())
        .arg(port.unwrap_or_default().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("node; `tests/setup.sh` installs it");
    let mut output = BufReader::new(child.stdout.take().expect("an output")).lines();
    let told = output.next_line().await.expect("node speaks").unwrap_or_default();
    (([127, 0, 0, 1], told.parse().unwrap_or_default()).into(), child)
}
