//! The shipped checklist is the paper's, line by line, in each environment.

mod differences;
mod lines;
mod page;
mod printed;
mod text;

use std::path::PathBuf;

use vigie::config::Configuration;
use vigie::config::load::load_for_elsewhere;

/// The environments that ship.
pub const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "production"];

/// What turns on all that is optional, and the production section.
const ALL: &str = "variables:\n  production: \"true\"\n  autoscaling: \"true\"\n  cert_manager: \"true\"\n  \
    load_test: \"true\"\n  sentry_url: https://sentry.example.org/\n  grafana_url: https://grafana.example.org\n  \
    maintenance_url: https://maintenance.example.org/\n";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/trackdechets")
}

fn environment(name: &str) -> PathBuf {
    folder().join(format!("{name}.yaml"))
}

/// The checklist in an environment, with more files if there are any.
fn shipped(name: &str, more: &[PathBuf]) -> Configuration {
    let files = [&[folder().join("checklist.yaml"), environment(name)], more].concat();
    load_for_elsewhere(&files).unwrap_or_else(|flaws| {
        let flaws: Vec<_> = flaws.iter().map(ToString::to_string).collect();
        panic!("{name}: {}", flaws.join("\n"))
    })
}

/// The checklist in an environment, with all that is optional in it.
fn whole(name: &str) -> Configuration {
    let folder = tempfile::tempdir().expect("a folder");
    let all = folder.path().join("all.yaml");
    std::fs::write(&all, ALL).expect("a file");
    shipped(name, &[all])
}
