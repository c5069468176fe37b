//! What looking at 1,000 TLS endpoints costs, beside Debian's blackbox exporter on the same ones.
//!
//! `cargo bench --bench tls_endpoints [-- COUNT]` serves them by nginx, each at a loopback address of
//! its own and all with one certificate and its intermediate, and has `vigie once` look at one item
//! an endpoint: one handshake, judged by chain, name and end. The exporter (package
//! `prometheus-blackbox-exporter`, if it is on PATH) then probes the same by TCP and TLS, as many at
//! once, with the same root and name. CPU time is the kernel's, of each process alone; Vigie's is
//! given with and without what it takes to start and to read the configuration.
//!
//! Budget: no more CPU than the exporter spends on the same probe.

#![expect(clippy::expect_used, reason = "a bench that can't run ends")]

mod ground {
    pub(crate) mod arguments;
    pub(crate) mod endpoints;
    pub(crate) mod figures;
    pub(crate) mod probing;
}

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use vigie::systems::clock::Clock;
use vigie_sim::net::mill::{Mill, Sort};

use ground::endpoints::{Certified, Endpoints};
use ground::figures::Figures;
use ground::probing::{Blackbox, compare};

/// The name that the certificate is for.
const NAME: &str = "app.test";

#[tokio::main]
async fn main() {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let count = ground::arguments::first().and_then(|n| u16::try_from(n).ok()).unwrap_or(1000);
    let folder = tempfile::tempdir().expect("a folder");
    certify(folder.path());
    let [certificate, key, ca] =
        ["leaf.pem", "leaf.key", "ca.pem"].map(|name| folder.path().join(name));
    let certified = Certified { certificate: &certificate, key: &key };
    let endpoints = Endpoints::start(folder.path(), count, Some(certified)).await;
    let targets: Vec<_> = endpoints.at.iter().map(ToString::to_string).collect();
    let ca = ca.display();
    let mut text = "sections:\n  - id: s\n    title: S\n    items:\n".to_owned();
    for (number, target) in targets.iter().enumerate() {
        writeln!(
            text,
            "      - {{ id: item-{number}, title: T, severity: info, checks: [{{ tls: {{ \
             target: '{target}', server_name: {NAME}, ca: {{ file: '{ca}' }} }} }}] }}"
        )
        .expect("a text");
    }
    let file = folder.path().join("checklist.yaml");
    std::fs::write(&file, text).expect("a file");
    let module = format!(
        "{{ prober: tcp, tcp: {{ preferred_ip_protocol: ip4, tls: true, \
         tls_config: {{ ca_file: '{ca}', server_name: {NAME} }} }} }}"
    );
    let exporter = Blackbox::start(folder.path(), &module).await;
    let mut figures = Figures::new(&format!("{count} TLS endpoints"));
    compare(&mut figures, &file, exporter.as_ref(), &targets, "that of blackbox_exporter").await;
    figures.print();
}

/// Writes a certificate that is issued by an intermediate, its key, and the root.
fn certify(folder: &Path) {
    let now = Clock::System.now();
    let day = SignedDuration::from_hours(24);
    let mill = Mill::new(now, Duration::from_hours(1000 * 24)).expect("a mill");
    let leaf = mill.issue(Sort::Good, &[NAME], now - day, now + day * 90).expect("a leaf");
    for (name, text) in
        [("ca.pem", mill.root_pem()), ("leaf.pem", &leaf.chain_pem), ("leaf.key", &leaf.key_pem)]
    {
        std::fs::write(folder.join(name), text).expect("a file");
    }
}
