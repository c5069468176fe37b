//! An endpoint over TLS whose certificate is to lie in a Secret, and one that is two servers.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;
use vigie::systems::clock::Clock;
use vigie_sim::net::mill::{Issued, Mill, Sort};
use vigie_sim::net::site::Site;

use crate::kubernetes::NAMESPACE;

/// A good endpoint at the machine's time, and the check that it shows what Secret `shop/web` holds.
pub struct Vault {
    pub check: String,
    pub leaf: Issued,
    other: Issued,
    site: Site,
    folder: TempDir,
}

impl Vault {
    pub async fn new() -> Self {
        let now = Clock::System.now();
        let day = SignedDuration::from_hours(24);
        let mill = Mill::new(now, std::time::Duration::from_hours(1000 * 24)).expect("a mill");
        let issue = || mill.issue(Sort::Good, &["app.test"], now - day, now + day * 90);
        let (leaf, other) = (issue().expect("a leaf"), issue().expect("a leaf"));
        let site = Site::secure(&leaf).await.expect("a site");
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), mill.root_pem()).expect("a file");
        let mut vault = Self { check: String::new(), leaf, other, site, folder };
        vault.check = vault.check_in(NAMESPACE);
        vault
    }

    /// The check, of a Secret in another namespace.
    pub fn check_in(&self, namespace: &str) -> String {
        format!(
            "tls: {{ target: '{}', server_name: app.test, ca: {{ file: '{}' }}, \
             matches_secret: {{ namespace: {namespace}, name: web }} }}",
            self.site.address(),
            self.folder.path().join("ca.pem").display()
        )
    }

    /// The Secret with the certificate that is shown, and its key.
    pub fn secret(&self) -> Value {
        of(&self.leaf)
    }

    /// The Secret with another one.
    pub fn other_secret(&self) -> Value {
        of(&self.other)
    }
}

fn of(issued: &Issued) -> Value {
    let mut secret = secret(&[("tls.crt", &*issued.chain_pem), ("tls.key", &*issued.key_pem)]);
    secret["type"] = json!("kubernetes.io/tls");
    secret
}

/// Secret `shop/web` with these values.
pub fn secret(values: &[(&str, &str)]) -> Value {
    let data: serde_json::Map<String, Value> = values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(STANDARD.encode(value))))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "namespace": NAMESPACE, "name": "web" },
        "data": data,
    })
}

/// A port behind which the first connection meets one server, and every other another.
pub struct Fork {
    pub address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

pub async fn fork(first: SocketAddr, others: SocketAddr) -> Fork {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        let mut next = first;
        while let Ok((mut stream, _)) = listener.accept().await {
            let to = std::mem::replace(&mut next, others);
            tokio::spawn(async move {
                let mut onward = TcpStream::connect(to).await?;
                copy_bidirectional(&mut stream, &mut onward).await
            });
        }
    });
    Fork { address, _serving: AbortOnDropHandle::new(serving) }
}
