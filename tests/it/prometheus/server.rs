//! Prometheus and Alertmanager, set up by the files that we ship.

use std::fs;
use std::net::SocketAddr;

use serde_json::Value;
use tempfile::TempDir;

use super::process::{Process, adapted, eventually};

/// Labels that the Prometheus operator gives the targets of a `ServiceMonitor`, beside `job`.
pub const TARGET_LABELS: [&str; 5] = ["namespace", "pod", "service", "container", "endpoint"];

/// A Prometheus that scrapes one address each second, and evaluates our rules as often.
pub struct Prometheus {
    process: Process,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts it; alerts go to `alertmanager`.
    pub async fn scraping(vigie: SocketAddr, alertmanager: SocketAddr) -> Self {
        // Alerts that bridge a lost scrape for five minutes would have the test wait for as long.
        Self::bridging(vigie, alertmanager, "keep_firing_for: 2s").await
    }

    /// The same; alerts bridge lost scrapes for another while.
    pub async fn bridging(vigie: SocketAddr, alertmanager: SocketAddr, bridge: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let labels = TARGET_LABELS.map(|name| format!("{name}: monitoring-{name}")).join(", ");
        let target = format!("- targets: [\"{vigie}\"]\n        labels: {{ {labels} }}");
        let config = adapted(
            "deploy/prometheus/prometheus.yaml",
            &[
                ("interval: 15s", "interval: 1s"),
                ("- targets: [\"vigie:9743\"]", &target),
                ("alertmanager:9093", &alertmanager.to_string()),
            ],
        );
        let rules =
            adapted("deploy/prometheus/vigie.rules.yaml", &[("keep_firing_for: 5m", bridge)]);
        let file = folder.path().join("prometheus.yaml");
        fs::write(&file, config).expect("a file");
        fs::write(folder.path().join("vigie.rules.yaml"), rules).expect("a file");
        let process = Process::start("prometheus", folder.path(), |address| {
            vec![
                format!("--config.file={}", file.display()),
                format!("--storage.tsdb.path={}", folder.path().join("data").display()),
                format!("--web.listen-address={address}"),
                "--log.level=debug".to_owned(),
            ]
        });
        Self { process: process.await, _folder: folder }
    }

    /// Starts one that scrapes an exporter each second, and does nothing else.
    pub async fn scraping_only(exporter: SocketAddr) -> Self {
        let folder = TempDir::new().expect("a folder");
        let config = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: exporter\n    \
             static_configs: [{{ targets: ['{exporter}'] }}]\n    honor_labels: true\n"
        );
        let file = folder.path().join("prometheus.yaml");
        fs::write(&file, config).expect("a file");
        let process = Process::start("prometheus", folder.path(), |address| {
            vec![
                format!("--config.file={}", file.display()),
                format!("--storage.tsdb.path={}", folder.path().join("data").display()),
                format!("--web.listen-address={address}"),
            ]
        });
        Self { process: process.await, _folder: folder }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// The rows that an expression has now. An expression that Prometheus refuses ends the test.
    pub async fn query(&self, expression: &str) -> Vec<Value> {
        let path = format!("/api/v1/query?query={}", escaped(expression));
        let answer = self.process.get(&path).await;
        answer["data"]["result"].as_array().expect("rows").clone()
    }

    /// Waits until an expression has rows, and gives them.
    pub async fn rows(&self, expression: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let some = eventually(async || {
            rows = self.query(expression).await;
            !rows.is_empty()
        });
        some.await.unwrap_or_else(|()| panic!("no row: {expression}\n{}", self.complaints()));
        rows
    }

    /// The names of all labels that were stored.
    pub async fn label_names(&self) -> Vec<String> {
        let answer = self.process.get("/api/v1/labels").await;
        serde_json::from_value(answer["data"].clone()).expect("names")
    }

    /// What its log says at the level of warnings or above, and about samples that it left out.
    pub fn complaints(&self) -> String {
        let log = self.process.log();
        let complains = |line: &&str| {
            ["level=warn", "level=error", "Append failed", "Duplicate sample", "Out of order"]
                .iter()
                .any(|sign| line.contains(sign))
        };
        log.lines().filter(complains).collect::<Vec<_>>().join("\n")
    }
}

/// An Alertmanager that notifies one webhook of everything, soon.
pub struct Alertmanager {
    process: Process,
    _folder: TempDir,
}

impl Alertmanager {
    /// Starts it.
    pub async fn notifying(webhook: SocketAddr) -> Self {
        let folder = TempDir::new().expect("a folder");
        let webhook = webhook.to_string();
        let config = adapted(
            "deploy/prometheus/alertmanager.yaml",
            &[
                ("pager.example:8080/alerts", &format!("{webhook}/on-call")),
                ("chat.example:8080/alerts", &format!("{webhook}/team")),
                ("group_wait: 30s", "group_wait: 0s"),
                ("group_interval: 5m", "group_interval: 1s"),
            ],
        );
        let file = folder.path().join("alertmanager.yaml");
        fs::write(&file, config).expect("a file");
        let process = Process::start("prometheus-alertmanager", folder.path(), |address| {
            vec![
                format!("--config.file={}", file.display()),
                format!("--storage.path={}", folder.path().join("data").display()),
                format!("--web.listen-address={address}"),
                "--cluster.listen-address=".to_owned(),
            ]
        });
        Self { process: process.await, _folder: folder }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.process.address
    }
}

/// An expression as part of a URL.
fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes()
        .map(
            |byte| {
                if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            },
        )
        .collect()
}
