//! A simulated Prometheus and a simulated Alertmanager: the answers of the paths that Vigie asks,
//! in the shapes that the real ones send, with times that go on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::net::site::{Answer, Site};

/// What a Prometheus says of itself.
#[derive(Clone, Debug)]
pub struct Scraping {
    /// Its targets: job, instance, and whether the last scrape went well.
    pub targets: Vec<(String, String, bool)>,
    /// Its rules: group, name, and whether the last evaluation went well.
    pub rules: Vec<(String, String, bool)>,
    /// The Alertmanagers that it sends to.
    pub alertmanagers: Vec<String>,
    /// Notifications that were dropped of late.
    pub dropped: f64,
    /// Notifications that did not reach one of several of late.
    pub errors: f64,
    /// Whether it took its configuration when it last read it.
    pub reloaded: bool,
    /// What kubelets told it of the volumes of claims: namespace, claim, bytes in all and used.
    pub volumes: Vec<(String, String, u64, u64)>,
}

/// A running Prometheus; it stops when dropped.
pub struct Prometheus {
    site: Site,
    state: Arc<Mutex<Scraping>>,
}

impl Prometheus {
    /// Starts one at a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port is to be had.
    pub async fn start(scraping: Scraping) -> Result<Self> {
        let site = Site::plain().await?;
        let state = Arc::new(Mutex::new(scraping));
        for path in ["targets", "rules", "alertmanagers", "query", "status/runtimeinfo"] {
            let state = Arc::clone(&state);
            site.answer_by(&format!("/api/v1/{path}"), move |target| {
                let data = data(&locked(&state), target);
                success(&data)
            });
        }
        Ok(Self { site, state })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.site.address())
    }

    /// Changes what it says of itself.
    pub fn change(&self, change: impl FnOnce(&mut Scraping)) {
        change(&mut locked(&self.state));
    }

    /// What it says of itself.
    pub fn scraping(&self) -> Scraping {
        locked(&self.state).clone()
    }

    /// The site below it.
    pub fn site(&self) -> &Site {
        &self.site
    }
}

fn data(scraping: &Scraping, target: &str) -> Value {
    let path = target.split('?').next().unwrap_or_default();
    match path.trim_start_matches("/api/v1/") {
        "targets" => {
            let active: Vec<_> = scraping.targets.iter().map(scraped).collect();
            json!({ "activeTargets": active, "droppedTargets": [] })
        }
        "rules" => json!({ "groups": groups(&scraping.rules) }),
        "alertmanagers" => {
            let active: Vec<_> =
                scraping.alertmanagers.iter().map(|url| json!({ "url": url })).collect();
            json!({ "activeAlertmanagers": active, "droppedAlertmanagers": [] })
        }
        "query" if target.contains("kubelet_volume_stats") => {
            json!({ "resultType": "vector", "result": volumes(&scraping.volumes) })
        }
        "query" => {
            let failed = target.contains("errors_total");
            let value = if failed { scraping.errors } else { scraping.dropped };
            let alertmanager = scraping.alertmanagers.first().cloned().unwrap_or_default();
            let metric = json!({ "job": "prometheus", "alertmanager": alertmanager });
            let at = now().as_second();
            json!({
                "resultType": "vector",
                "result": [{ "metric": metric, "value": [at, value.to_string()] }],
            })
        }
        _ => json!({ "reloadConfigSuccess": scraping.reloaded, "goroutineCount": 61 }),
    }
}

fn volumes(all: &[(String, String, u64, u64)]) -> Vec<Value> {
    let at = now().as_second();
    let rows = |(namespace, claim, capacity, used): &(String, String, u64, u64)| {
        let row = |name: &str, value: u64| {
            json!({
                "metric": {
                    "__name__": format!("kubelet_volume_stats_{name}"), "job": "kubelet",
                    "namespace": namespace, "persistentvolumeclaim": claim,
                },
                "value": [at, value.to_string()],
            })
        };
        [
            row("capacity_bytes", *capacity),
            row("available_bytes", capacity.saturating_sub(*used)),
            row("used_bytes", *used),
            row("inodes", 6_553_600),
            row("inodes_used", 14_203),
        ]
    };
    all.iter().flat_map(rows).collect()
}

fn scraped((job, instance, up): &(String, String, bool)) -> Value {
    json!({
        "discoveredLabels": { "__address__": instance, "__scheme__": "http", "job": job },
        "labels": { "instance": instance, "job": job },
        "scrapePool": job,
        "scrapeUrl": format!("http://{instance}/metrics"),
        "globalUrl": format!("http://{instance}/metrics"),
        "lastError": if *up { "" } else { "connection refused" },
        "lastScrape": ago(5),
        "lastScrapeDuration": 0.004,
        "health": if *up { "up" } else { "down" },
        "scrapeInterval": "15s",
        "scrapeTimeout": "10s",
    })
}

fn groups(rules: &[(String, String, bool)]) -> Vec<Value> {
    let mut names: Vec<&str> = rules.iter().map(|(group, ..)| group.as_str()).collect();
    names.dedup();
    let rule = |(_, name, well): &(String, String, bool)| {
        json!({
            "type": "alerting", "name": name, "query": "up == 0", "duration": 300,
            "keepFiringFor": 0, "labels": { "severity": "critical" }, "annotations": {},
            "alerts": [], "state": "inactive", "health": if *well { "ok" } else { "err" },
            "lastError": if *well { "" } else { "query timed out" },
            "evaluationTime": 0.0003, "lastEvaluation": ago(5),
        })
    };
    let group = |name: &&str| {
        let own: Vec<_> = rules.iter().filter(|(of, ..)| of == name).map(rule).collect();
        json!({
            "name": name, "file": format!("/etc/prometheus/rules/{name}.yaml"), "rules": own,
            "interval": 30, "limit": 0, "evaluationTime": 0.0006, "lastEvaluation": ago(5),
        })
    };
    names.iter().map(group).collect()
}

/// An alert that fires.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// Its severity.
    pub severity: String,
    /// Its namespace, where it has one.
    pub namespace: Option<String>,
    /// When it began.
    pub began: Timestamp,
    /// Whether somebody silenced it.
    pub silenced: bool,
}

/// A running Alertmanager; it stops when dropped.
pub struct Alertmanager {
    site: Site,
    alerts: Arc<Mutex<Vec<Alert>>>,
}

impl Alertmanager {
    /// Starts one at a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port is to be had.
    pub async fn start(alerts: Vec<Alert>) -> Result<Self> {
        let site = Site::plain().await?;
        let alerts = Arc::new(Mutex::new(alerts));
        let shared = Arc::clone(&alerts);
        site.answer_by("/api/v2/alerts", move |_| {
            let all: Vec<_> = locked(&shared).iter().map(firing).collect();
            Answer::new(200, Value::from(all).to_string())
                .header("content-type", "application/json")
        });
        Ok(Self { site, alerts })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.site.address())
    }

    /// Changes what fires.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Alert>)) {
        change(&mut locked(&self.alerts));
    }
}

fn firing(alert: &Alert) -> Value {
    let Alert { name, severity, namespace, began, silenced } = alert;
    let mut labels = json!({ "alertname": name, "severity": severity });
    if let Some(namespace) = namespace {
        labels["namespace"] = namespace.as_str().into();
    }
    let by: &[&str] = if *silenced { &["b3a1c9e2-0000-4000-8000-000000000001"] } else { &[] };
    json!({
        "annotations": {}, "startsAt": began, "updatedAt": ago(1), "endsAt": ago(-240),
        "fingerprint": format!("{:016x}", name.len()), "receivers": [{ "name": "on-call" }],
        "generatorURL": "http://prometheus/graph", "labels": labels,
        "status": {
            "inhibitedBy": [], "mutedBy": [], "silencedBy": by,
            "state": if *silenced { "suppressed" } else { "active" },
        },
    })
}

fn success(data: &Value) -> Answer {
    let body = json!({ "status": "success", "data": data }).to_string();
    Answer::new(200, body).header("content-type", "application/json")
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

#[expect(clippy::disallowed_methods, reason = "a simulated system has a clock of its own")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
