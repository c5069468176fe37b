//! Many endpoints on loopback, served by one nginx, so that what probing costs is the prober's own.
//!
//! Each has an address of its own in 127.0.0.0/8, and all share a port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jiff::SignedDuration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use vigie::systems::clock::Clock;
use vigie_sim::net::mill::{Mill, Sort};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The name that all certificates are for.
pub(crate) const NAME: &str = "app.test";

/// Running endpoints; they stop when dropped.
pub(crate) struct Endpoints {
    /// Where they are.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Whom to trust, PEM.
    pub(crate) ca: PathBuf,
    folder: TempDir,
    _child: Child,
}

impl Endpoints {
    /// So many, over TLS or plain; each answers `fine` to everything.
    pub(crate) async fn start(count: u16, secure: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Clock::System.now();
        let day = SignedDuration::from_hours(24);
        let mill = Mill::new(now, Duration::from_hours(1000 * 24)).expect("a mill");
        let leaf = mill.issue(Sort::Good, &[NAME], now - day, now + day * 90).expect("a leaf");
        let ca = folder.path().join("ca.pem");
        for (name, text) in [
            ("ca.pem", mill.root_pem()),
            ("leaf.pem", &leaf.chain_pem),
            ("leaf.key", &leaf.key_pem),
        ] {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        for _ in 0..10 {
            let addresses = addresses(count).await;
            let mut child = nginx(&folder, &addresses, secure);
            if listening(&mut child, addresses[0]).await {
                return Self { addresses, ca, folder, _child: child };
            }
        }
        panic!("nginx found no free port");
    }

    /// A file beside the certificates.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

/// A port that is free, at so many addresses.
async fn addresses(count: u16) -> Vec<SocketAddr> {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = free.local_addr().expect("an address").port();
    let address = |number: u16| {
        let [high, low] = number.to_be_bytes();
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 1, high, low)), port)
    };
    (1..=count).map(address).collect()
}

fn nginx(folder: &TempDir, addresses: &[SocketAddr], secure: bool) -> Child {
    let ssl = if secure { " ssl" } else { "" };
    let listens: String =
        addresses.iter().map(|address| format!("listen {address}{ssl} backlog=64;\n")).collect();
    let certificate = "ssl_certificate leaf.pem; ssl_certificate_key leaf.key;";
    let place = folder.path().display();
    let text = format!(
        "daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;
         worker_rlimit_nofile 16384; events {{ worker_connections 8192; }}
         http {{
           access_log off; client_body_temp_path {place}; proxy_temp_path {place};
           fastcgi_temp_path {place}; uwsgi_temp_path {place}; scgi_temp_path {place};
           ssl_session_cache off; ssl_session_tickets off;
           server {{ {listens} {certificate} location / {{ return 200 fine; }} }}
         }}"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, text).expect("a file");
    Command::new("nginx")
        .args(["-e", "stderr", "-p"])
        .arg(folder.path())
        .arg("-c")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("`nginx` is needed (tests/setup.sh installs it)")
}

/// Waits until somebody accepts connections at `address`; says whether `child` is still there.
pub(crate) async fn listening(child: &mut Child, address: SocketAddr) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if TcpStream::connect(address).await.is_ok() {
            return true;
        }
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody listens at {address}");
}
