//! The monitoring: Debian's Prometheus and Alertmanager, which watch the daemon as well.
//!
//! What goes wrong is in what Prometheus finds and scrapes, as its service discovery and exporters
//! would have it, in its configuration, or done to the processes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Mutex;
use vigie::systems::clock::Clock;
use vigie_sim::net::site::{Answer, Site};

use crate::net::ground::deserted;
use crate::prometheus::process::{Process, adapted, eventually};

/// Both.
pub struct Monitoring {
    folder: TempDir,
    prometheus: Mutex<Process>,
    alertmanager: Mutex<Process>,
    /// Where they listen.
    pub at: [SocketAddr; 2],
    /// The metrics of the API, and of a kubelet.
    exporter: Site,
    /// This daemon, once it runs.
    vigie: Mutex<Option<SocketAddr>>,
}

/// Whom Prometheus is led to.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Whether this daemon is a target.
    pub vigie: bool,
    /// Whether the target of the API answers.
    pub api: bool,
    /// Whether there is an Alertmanager.
    pub alertmanager: bool,
}

/// Everybody.
pub const ALL: Found = Found { vigie: true, api: true, alertmanager: true };

/// The rules: an alert, the one that always fires, and a ratio that can't be told where two rows match.
const RULES: &str = "groups:
  - name: trackdechets
    rules:
      - { alert: Slow, expr: api_slow > 0, labels: { severity: critical, namespace: trackdechets } }
      - { alert: Watchdog, expr: vector(1) unless on () api_muted > 0, labels: { severity: none } }
      - { record: api:errors, expr: api_errors / on (path) api_requests }
";
/// What the API tells while all is well.
const WELL: &str = "api_slow 0\napi_muted 0\n";
/// The claims whose volumes the kubelet measures.
const CLAIMS: [&str; 3] =
    ["postgres", "mongod-data-mongodb-rs0", "elasticsearch-data-elasticsearch-es-default"];
/// How many bytes each of them holds.
const CAPACITY: f64 = 1e11;

impl Monitoring {
    /// Starts both.
    pub async fn open() -> Self {
        let folder = TempDir::new().expect("a folder");
        let exporter = Site::plain().await.expect("a site");
        exporter.answer("/api", Answer::new(200, WELL));
        exporter.answer("/kubelet", Answer::new(200, volumes(0.4)));
        let path = |name: &str| folder.path().join(name).display().to_string();
        let write = |name: &str, text: &str| std::fs::write(path(name), text).expect("a file");
        write("alertmanager.yaml", "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
        write("vigie.rules.yaml", &adapted("deploy/prometheus/vigie.rules.yaml", &[]));
        write("shop.rules.yaml", RULES);
        let alertmanager = Process::start("prometheus-alertmanager", folder.path(), |address| {
            vec![
                format!("--config.file={}", path("alertmanager.yaml")),
                format!("--storage.path={}", path("alerts")),
                format!("--web.listen-address={address}"),
                "--cluster.listen-address=".to_owned(),
            ]
        });
        let alertmanager = alertmanager.await;
        let there = [("api", exporter.address()), ("alertmanager", alertmanager.address)];
        for (name, address) in there {
            lead(folder.path(), name, Some(address));
        }
        lead(folder.path(), "vigie", None);
        let prometheus = Process::start("prometheus", folder.path(), |address| {
            write("prometheus.yaml", &configuration(folder.path(), [address, exporter.address()]));
            vec![
                format!("--config.file={}", path("prometheus.yaml")),
                format!("--storage.tsdb.path={}", path("data")),
                format!("--web.listen-address={address}"),
                // An alert that is not told again for four times as long is over.
                "--rules.alert.resend-delay=3s".to_owned(),
            ]
        });
        let prometheus = prometheus.await;
        Self {
            at: [prometheus.address, alertmanager.address],
            folder,
            prometheus: Mutex::new(prometheus),
            alertmanager: Mutex::new(alertmanager),
            exporter,
            vigie: Mutex::default(),
        }
    }

    /// Has Prometheus scrape the daemon from now on.
    pub async fn watch(&self, vigie: SocketAddr) {
        *self.vigie.lock().await = Some(vigie);
        self.finds(ALL).await;
    }

    /// Whom Prometheus finds is another.
    pub async fn finds(&self, found: Found) {
        let vigie = *self.vigie.lock().await;
        let api = if found.api { self.exporter.address() } else { deserted().await };
        let folder = self.folder.path();
        lead(folder, "vigie", vigie.filter(|_| found.vigie));
        lead(folder, "api", Some(api));
        lead(folder, "alertmanager", Some(self.at[1]).filter(|_| found.alertmanager));
    }

    /// The API tells something else.
    pub fn api_tells(&self, more: &str) {
        self.exporter.answer("/api", Answer::new(200, format!("{more}\n")));
    }

    /// The API is well again.
    pub fn api_is_well(&self) {
        self.exporter.answer("/api", Answer::new(200, WELL));
    }

    /// This share of the first database's volume is in use.
    pub fn disk_holds(&self, share: f64) {
        self.exporter.answer("/kubelet", Answer::new(200, volumes(share)));
    }

    /// Its configuration is changed by mistake, and loaded.
    pub async fn is_misconfigured(&self, replaced: &str, by: &str) {
        let file = self.folder.path().join("prometheus.yaml");
        let text = std::fs::read_to_string(&file).expect("a configuration");
        assert!(text.contains(replaced), "{replaced}: {text}");
        std::fs::write(file, text.replace(replaced, by)).expect("a file");
        self.prometheus.lock().await.reload();
    }

    /// It is as it was, and Prometheus is started anew.
    pub async fn is_restored(&self) {
        let text = configuration(self.folder.path(), [self.at[0], self.exporter.address()]);
        std::fs::write(self.folder.path().join("prometheus.yaml"), text).expect("a file");
        self.finds(ALL).await;
        self.prometheus.lock().await.kill().await;
        self.revive_prometheus().await;
    }

    /// Prometheus is killed.
    pub async fn kill_prometheus(&self) {
        self.prometheus.lock().await.kill().await;
    }

    /// It starts again on an empty disk: it would remember for ten minutes the notifications that
    /// were dropped, as they are while it has not found its Alertmanager yet.
    pub async fn revive_prometheus(&self) {
        std::fs::remove_dir_all(self.folder.path().join("data")).expect("a folder");
        self.prometheus.lock().await.revive().await;
    }

    /// Alertmanager is killed.
    pub async fn kill_alertmanager(&self) {
        self.alertmanager.lock().await.kill().await;
    }

    /// It starts again, and so does Prometheus.
    pub async fn revive_alertmanager(&self) {
        self.alertmanager.lock().await.revive().await;
        self.is_restored().await;
    }

    /// Somebody silences the alert of the application for an hour.
    pub async fn silence(&self) {
        let now = Clock::System.now();
        let silence = json!({
            "matchers": [{ "name": "alertname", "value": "Slow", "isRegex": false, "isEqual": true }],
            "startsAt": now - SignedDuration::from_secs(60),
            "endsAt": now + SignedDuration::from_hours(1),
            "createdBy": "a drill",
            "comment": "is being looked at",
        });
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build();
        let url = format!("http://{}/api/v2/silences", self.at[1]);
        let answer = client.expect("a client").post(url).json(&silence).send().await;
        assert!(answer.expect("an answer").status().is_success());
    }

    /// Waits until Alertmanager holds the alert of the application.
    pub async fn rings(&self) {
        let rings = eventually(async || {
            let path = "/api/v2/alerts?filter=alertname%3D%22Slow%22";
            let alerts = self.alertmanager.lock().await.get(path).await;
            alerts.as_array().is_some_and(|alerts| !alerts.is_empty())
        });
        rings.await.expect("an alert");
    }
}

/// The file by which Prometheus finds somebody: it is replaced as a whole, as it is read at any time.
fn lead(folder: &Path, name: &str, to: Option<SocketAddr>) {
    let targets: Vec<_> = to.iter().map(SocketAddr::to_string).collect();
    let text = json!([{ "targets": targets }]).to_string();
    let (file, new) = (folder.join(format!("{name}.json")), folder.join(format!("{name}.new")));
    std::fs::write(&new, text).expect("a file");
    std::fs::rename(new, file).expect("a file");
}

/// The part of the configuration that loads the shipped rules.
pub const SHIPPED_RULES: &str = ", vigie.rules.yaml";

fn configuration(folder: &Path, [prometheus, exporter]: [SocketAddr; 2]) -> String {
    let found = |name: &str| {
        format!("file_sd_configs: [{{ files: ['{}/{name}.json'] }}]", folder.display())
    };
    format!(
        "global: {{ scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s }}
rule_files: [shop.rules.yaml{SHIPPED_RULES}]
alerting: {{ alertmanagers: [{{ {} }}] }}
scrape_configs:
  - {{ job_name: prometheus, static_configs: [{{ targets: ['{prometheus}'] }}] }}
  - {{ job_name: kubelet, metrics_path: /kubelet, honor_labels: true, static_configs: [{{ targets: ['{exporter}'] }}] }}
  - {{ job_name: api, metrics_path: /api, {} }}
  - {{ job_name: vigie, {} }}
",
        found("alertmanager"),
        found("api"),
        found("vigie")
    )
}

/// What a kubelet tells of nine volumes, of which the first is as full as told.
fn volumes(share: f64) -> String {
    let each =
        CLAIMS.iter().flat_map(|claim| (0..3).map(move |number| format!("{claim}-{number}")));
    let mut text = String::new();
    for (number, claim) in each.enumerate() {
        let used = CAPACITY * if number == 0 { share } else { 0.4 };
        for (what, bytes) in
            [("capacity", CAPACITY), ("used", used), ("available", CAPACITY - used)]
        {
            let place = format!("namespace=\"trackdechets\",persistentvolumeclaim=\"{claim}\"");
            text.push_str(&format!("kubelet_volume_stats_{what}_bytes{{{place}}} {bytes}\n"));
        }
    }
    text
}
