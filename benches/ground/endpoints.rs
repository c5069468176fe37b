//! Many endpoints on loopback, served by a real nginx: a process of its own, so that what they cost
//! is nobody else's.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The body that every endpoint answers, and probes look for.
pub(crate) const BODY: &str = "Pong!";
/// How long nginx may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A certificate and its key, as files in PEM.
pub(crate) struct Certified<'a> {
    pub(crate) certificate: &'a Path,
    pub(crate) key: &'a Path,
}

/// Running endpoints. Dropped, they are killed.
pub(crate) struct Endpoints {
    /// Where each listens.
    pub(crate) at: Vec<SocketAddr>,
    nginx: Child,
}

impl Drop for Endpoints {
    fn drop(&mut self) {
        self.nginx.kill().and_then(|()| self.nginx.wait()).ok();
    }
}

impl Endpoints {
    /// Starts so many, each at an address of its own; over TLS where there is a certificate.
    pub(crate) async fn start(folder: &Path, count: u16, certified: Option<Certified<'_>>) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let at: Vec<_> = (0..count).map(|number| (nth(number), port).into()).collect();
        let mut listens = String::new();
        let secure = if certified.is_some() { " ssl" } else { "" };
        for address in &at {
            writeln!(listens, "listen {address}{secure};").expect("a text");
        }
        let certificate = certified.map_or_else(String::new, |Certified { certificate, key }| {
            format!(
                "ssl_certificate {}; ssl_certificate_key {};",
                certificate.display(),
                key.display()
            )
        });
        let file = configure(folder, &listens, &certificate);
        // Each endpoint is a socket: more than a process may have open without asking.
        let nginx = Command::new("sh")
            .args(["-c", "ulimit -n $(ulimit -H -n); exec nginx -e stderr -p \"$0\" -c \"$1\""])
            .args([folder, &file])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("nginx (tests/setup.sh installs it)");
        let endpoints = Self { at, nginx };
        let deadline = Instant::now() + PATIENCE;
        while endpoints.at.last().is_some_and(|last| TcpStream::connect(last).is_err()) {
            assert!(Instant::now() < deadline, "nginx does not listen");
            sleep(Duration::from_millis(20)).await;
        }
        endpoints
    }
}

/// A loopback address of its own for each endpoint, so that each is a host of its own.
fn nth(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(127, 77, high, low)
}

fn configure(folder: &Path, listens: &str, certificate: &str) -> PathBuf {
    let here = folder.display();
    let text = format!(
        "daemon off; master_process off; pid {here}/pid;
         events {{ worker_connections 10000; }}
         http {{
           access_log off; client_body_temp_path {here}; proxy_temp_path {here};
           fastcgi_temp_path {here}; uwsgi_temp_path {here}; scgi_temp_path {here};
           {certificate}
           server {{ {listens} location / {{ return 200 '{BODY}'; }} }}
         }}"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text).expect("a file");
    file
}
