//! What tests of endpoints stand on: a DNS server, a certificate mill, a folder for secrets, and
//! systems that trust the mill at a time of their own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use vigie::model::judgement::Judgement;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::net::dns::Names;
use vigie_sim::net::mill::{Issued, Mill, Sort};
use vigie_sim::net::site::{Answer, Site};

use crate::support::{look, systems};

/// Years away from the machine's time: whoever judges certificates by that is found out.
const NOW: &str = "2040-06-01T12:00:00Z";

/// The loopback address to which names lead.
pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub struct Ground {
    pub names: Names,
    pub mill: Mill,
    /// Issues certificates for clients, at the machine's time: by that servers judge.
    pub clients: Mill,
    pub systems: Systems,
    files: TempDir,
}

impl Ground {
    /// A new one; `app.test` leads to this machine.
    pub async fn new() -> Self {
        Self::whose_intermediate_lasts(Duration::from_hours(1000 * 24)).await
    }

    pub async fn whose_intermediate_lasts(lasts: Duration) -> Self {
        let names = Names::start().await.expect("a DNS server");
        names.point("app.test", HERE);
        let mill = Mill::new(now(), lasts).expect("a mill");
        let files = TempDir::new().expect("a folder");
        let root = files.path().join("root.pem");
        std::fs::write(&root, mill.root_pem()).expect("a file");
        let connections = format!(
            "net: {{ resolvers: ['{}'], ca: {{ file: '{}' }} }}",
            names.address(),
            root.display()
        );
        let systems = systems(&connections, Clock::manual(now()));
        let clients = Mill::new(Clock::System.now(), lasts).expect("a mill");
        Self { names, mill, clients, systems, files }
    }

    /// A file with this text.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// The folder of its files.
    pub fn folder(&self) -> PathBuf {
        self.files.path().to_owned()
    }

    /// A leaf for `app.test` that began and ends so many days from now.
    pub fn leaf(&self, sort: Sort, from: i64, until: i64) -> Issued {
        self.leaf_for(sort, &["app.test"], from, until)
    }

    pub fn leaf_for(&self, sort: Sort, names: &[&str], from: i64, until: i64) -> Issued {
        let day = |days: i64| now() + SignedDuration::from_hours(24 * days);
        self.mill.issue(sort, names, day(from), day(until)).expect("a certificate")
    }

    /// The parameter that shows a certificate for `vigie.test` to a server.
    pub fn client_certificate(&self) -> String {
        let now = Clock::System.now();
        let day = SignedDuration::from_hours(24);
        let own = self.clients.issue(Sort::ForClients, &["vigie.test"], now - day, now + day);
        let own = own.expect("a certificate");
        format!(
            "client_certificate: {{ certificate: {{ file: '{}' }}, key: {{ file: '{}' }} }}",
            self.file("own.pem", &own.chain_pem).display(),
            self.file("own.key", &own.key_pem).display(),
        )
    }

    /// A site over TLS that answers `fine` to everything.
    pub async fn secure_site(&self, leaf: &Issued) -> Site {
        let site = Site::secure(leaf).await.expect("a site");
        site.answer("*", Answer::new(200, "fine"));
        site
    }

    /// A certificate of `openssl req` that is its own issuer, DER, for a hundred years.
    pub async fn self_signed_by_openssl(&self, more: &[&str]) -> CertificateDer<'static> {
        let (key, certificate) = (self.path("made.key"), self.path("made.pem"));
        let fixed = ["req", "-x509", "-nodes", "-days", "36500", "-subj", "/CN=made.test"];
        let files = ["-keyout", &key, "-out", &certificate];
        openssl(&[&fixed, more, &files].concat()).await;
        let pem = std::fs::read(certificate).expect("a certificate");
        CertificateDer::from_pem_slice(&pem).expect("PEM")
    }

    /// A leaf for `app.test` whose authority is trusted by nobody, made by `openssl x509` for a
    /// hundred years.
    pub async fn by_openssl(&self, more: &[&str]) -> Issued {
        self.self_signed_by_openssl(&["-newkey", "rsa:2048"]).await;
        let leaf = self.leaf(Sort::Good, -1, 90);
        let (key, request) = (self.file("l.key", &leaf.key_pem), self.path("l.csr"));
        let key = key.display().to_string();
        openssl(&["req", "-new", "-key", &key, "-subj", "/CN=app.test", "-out", &request]).await;
        let names = self.file("names", "subjectAltName=DNS:app.test\n").display().to_string();
        let made = self.path("l.pem");
        let (ca, ca_key) = (self.path("made.pem"), self.path("made.key"));
        let fixed = ["x509", "-req", "-in", &request, "-CA", &ca, "-CAkey", &ca_key];
        let files = ["-days", "36500", "-CAcreateserial", "-extfile", &names, "-out", &made];
        openssl(&[&fixed, more, &files].concat()).await;
        let pem = std::fs::read_to_string(made).expect("a certificate");
        let chain = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
        Issued { chain: vec![chain], chain_pem: pem, ..leaf }
    }

    /// The path of a file in its folder.
    pub fn path(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }

    pub async fn look(&self, check: &str) -> Judgement {
        look(check, &self.systems).await
    }
}

pub fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// Runs openssl to its end.
pub async fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).kill_on_drop(true).output().await;
    let output = output.expect("`openssl` is needed (tests/setup.sh installs it)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
}

/// A port at which nobody listens, nor ever will: it stays taken, so that no server of another test
/// is given it.
pub async fn deserted() -> SocketAddr {
    static TAKEN: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
    let address = socket.local_addr().expect("an address");
    TAKEN.lock().expect("the taken ones").push(socket);
    address
}

/// A port for a program that is to listen there; another may take it before that.
pub async fn vacant() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address")
}

/// Starts a program of the machine; it is killed when dropped.
pub fn start(program: &str, arguments: &[&str]) -> Child {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| {
            panic!("`{program}` is needed (tests/setup.sh installs it): {error}")
        })
}

/// Waits until somebody accepts connections at `address`; says whether `child` is still there.
pub async fn listening(child: &mut Child, address: SocketAddr) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if TcpStream::connect(address).await.is_ok() {
            return true;
        }
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody listens at {address}");
}
