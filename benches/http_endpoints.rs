//! What probing 1,000 HTTP endpoints costs, beside Debian's blackbox exporter on the same ones.
//!
//! `cargo bench --bench http_endpoints [-- COUNT]` serves them by nginx, each at a loopback address
//! of its own, and has `vigie once` look at one item an endpoint: the status, and a match in the
//! body. The exporter (package `prometheus-blackbox-exporter`, if it is on PATH) then probes the
//! same with the same expectation, as many at once. CPU time is the kernel's, of each process alone;
//! Vigie's is given with and without what it takes to start and to read the configuration.

#![expect(clippy::expect_used, reason = "a bench that can't run ends")]

mod ground {
    pub(crate) mod arguments;
    pub(crate) mod endpoints;
    pub(crate) mod figures;
    pub(crate) mod probing;
}

use std::fmt::Write;

use ground::endpoints::{BODY, Endpoints};
use ground::figures::Figures;
use ground::probing::{Blackbox, compare};

#[tokio::main]
async fn main() {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let count = ground::arguments::first().and_then(|n| u16::try_from(n).ok()).unwrap_or(1000);
    let folder = tempfile::tempdir().expect("a folder");
    let endpoints = Endpoints::start(folder.path(), count, None).await;
    let targets: Vec<_> = endpoints.at.iter().map(|at| format!("http://{at}/ping")).collect();
    let mut text = "sections:\n  - id: s\n    title: S\n    items:\n".to_owned();
    for (number, target) in targets.iter().enumerate() {
        writeln!(
            text,
            "      - {{ id: item-{number}, title: T, severity: info, checks: [{{ http: {{ url: '{target}', \
             expect: {{ body: {{ must_match: ['{BODY}'] }} }} }} }}] }}"
        )
        .expect("a text");
    }
    let file = folder.path().join("checklist.yaml");
    std::fs::write(&file, text).expect("a file");
    let module = format!(
        "{{ prober: http, http: {{ preferred_ip_protocol: ip4, fail_if_body_not_matches_regexp: ['{BODY}'] }} }}"
    );
    let exporter = Blackbox::start(folder.path(), &module).await;
    let mut figures = Figures::new(&format!("{count} HTTP endpoints"));
    compare(&mut figures, &file, exporter.as_ref(), &targets, "").await;
    figures.print();
}
