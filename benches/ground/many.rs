//! A checklist of many items over all kinds, for the simulated town.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use vigie_sim::redis::TRACKDECHETS_QUEUES;
use vigie_sim::town::{API, NOTIFIER, Town, UI};

use super::daemon::write;

/// Writes the files of a configuration with so many items, looked at each half or whole minute.
pub(crate) fn configure(town: &Town, folder: &Path, items: usize) -> Vec<PathBuf> {
    let mut checklist = HEAD.to_owned();
    for number in 0..items {
        let every = if number % 2 == 0 { "30s" } else { "1m" };
        write!(
            checklist,
            "      - id: item-{number}\n        title: Item {number}\n        severity: warning\n        \
             every: {every}\n        checks:\n          - {}\n",
            check(number)
        )
        .expect("a text");
    }
    let mut environment = "variables:\n".to_owned();
    for (name, value) in town.variables() {
        writeln!(environment, "  {name}: {}", serde_json::Value::from(value)).expect("a text");
    }
    vec![
        write(folder, "checklist.yaml", &checklist),
        write(folder, "environment.yaml", &environment),
    ]
}

/// The check of an item. Of ten, three are `http`, two `tls`, and one each of the other kinds.
fn check(number: usize) -> String {
    let round = number / 10;
    match number % 10 {
        0 => http(UI, "", r#"'<div id="root"'"#),
        1 => http(API, "ping", "'^Pong!$'"),
        2 => http(NOTIFIER, "ping", "'^Pong!$'"),
        3 => tls(UI),
        4 => tls(API),
        5 => format!(
            "dns: {{ names: ['{UI}', '{API}'], record: A, resolvers: ['${{resolver}}'], \
             expected: {{ exactly: ['${{town_load_balancer}}'] }} }}"
        ),
        6 if round == 0 => queues(&TRACKDECHETS_QUEUES),
        6 => queues(&TRACKDECHETS_QUEUES[round % 18..=round % 18]),
        7 if round.is_multiple_of(2) => {
            backup("trackdechets-postgres-backups", "barman: { server: postgres }")
        }
        7 => backup("trackdechets-mongodb-backups", "pbm: {}"),
        8 => "pods: { namespaces: [trackdechets], min_count: 10 }".to_owned(),
        _ => "workloads: { namespaces: [trackdechets], expect: [ui, api, notifier] }".to_owned(),
    }
}

fn http(host: &str, path: &str, body: &str) -> String {
    format!(
        "http: {{ url: 'https://{host}/{path}', connect_to: '${{town_web}}', \
         ca: {{ file: '${{town_ca}}' }}, expect: {{ body: {{ must_match: [{body}] }} }} }}"
    )
}

fn tls(host: &str) -> String {
    format!(
        "tls: {{ target: '{host}:443', connect_to: '${{town_web}}', ca: {{ file: '${{town_ca}}' }} }}"
    )
}

fn queues(names: &[&str]) -> String {
    format!("bull_queue: {{ queues: [{}] }}", names.join(", "))
}

fn backup(bucket: &str, layout: &str) -> String {
    format!(
        "backup: {{ connection: backups, bucket: {bucket}, layout: {{ {layout} }}, \
         max_age: {{ warn: 26h, fail: 50h }}, min_count: 7, retention: 30d }}"
    )
}

const HEAD: &str = r#"
environment: bench
connections:
  kubernetes:
    server: { url: "${town_kubernetes}", token: { file: "${town_kubernetes_token}" } }
  redis:
    default: { url: "${town_redis}" }
  s3:
    backups:
      endpoint: ${s3_endpoint}
      region: us-east-1
      access_key: { file: "${town_access_key_file}" }
      secret_key: { file: "${town_secret_key_file}" }
sections:
  - id: everything
    title: Everything
    items:
"#;
