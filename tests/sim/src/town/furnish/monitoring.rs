//! What watches the application beside Vigie.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use crate::kubernetes::trackdechets::NAMESPACE;
use crate::prometheus::{Alert, Alertmanager, Prometheus, Scraping};

/// A Prometheus that scrapes the application and Vigie, and notifies this Alertmanager.
pub(in crate::town) async fn prometheus(alertmanager: &Alertmanager) -> Result<Prometheus> {
    let target = |job: &str, instance: &str| (job.to_owned(), instance.to_owned(), true);
    let rule = |group: &str, name: &str| (group.to_owned(), name.to_owned(), true);
    Prometheus::start(Scraping {
        targets: vec![
            target("prometheus", "localhost:9090"),
            target("alertmanager", "alertmanager:9093"),
            target("kube-state-metrics", "kube-state-metrics:8080"),
            target("node-exporter", "192.168.0.10:9100"),
            target("node-exporter", "192.168.0.11:9100"),
            target("node-exporter", "192.168.0.12:9100"),
            target("ingress-nginx", "10.244.0.9:10254"),
            target("vigie", "vigie:9743"),
        ],
        rules: vec![
            rule("vigie", "VigieItemFailing"),
            rule("vigie", "VigieItemUnknown"),
            rule("vigie", "VigieDown"),
            rule("kubernetes-apps", "KubePodCrashLooping"),
        ],
        alertmanagers: vec![format!("{}/api/v2/alerts", alertmanager.url())],
        dropped: 0.0,
        errors: 0.0,
        reloaded: true,
        volumes: volumes(),
    })
    .await
}

/// The databases' volumes, two fifths of which are used.
fn volumes() -> Vec<(String, String, u64, u64)> {
    let claims =
        ["postgres", "mongod-data-mongodb-rs0", "elasticsearch-data-elasticsearch-es-default"];
    let each = claims.iter().flat_map(|claim| (0..3).map(move |number| (claim, number)));
    each.map(|(claim, number)| {
        (NAMESPACE.to_owned(), format!("{claim}-{number}"), 100 << 30, (40 + number) << 30)
    })
    .collect()
}

/// An Alertmanager in which nothing fires but the alert that always does.
pub(in crate::town) async fn alertmanager(now: Timestamp) -> Result<Alertmanager> {
    let watchdog = Alert {
        name: "Watchdog".to_owned(),
        severity: "none".to_owned(),
        namespace: None,
        began: now - SignedDuration::from_hours(30 * 24),
        silenced: false,
    };
    Alertmanager::start(vec![watchdog]).await
}
