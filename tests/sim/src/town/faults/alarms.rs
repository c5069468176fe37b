//! Prometheus, Alertmanager, logs, what containers take.

use jiff::SignedDuration;

use super::super::fault::Deed::{Later, Now};
use super::super::fault::{Doing, Fault, fails, warns};
use super::fault;
use crate::kubernetes::story;
use crate::prometheus::{Alert, Scraping};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "target-down",
        "Prometheus can't scrape a node",
        &[warns("prometheus-scraping", "TargetDown")],
        Now(|doing| {
            scrape(doing, |scraping| scraping.targets[3].2 = false);
            Ok(())
        }),
    ),
    fault(
        "vigie-not-scraped",
        "Prometheus does not scrape Vigie",
        &[fails("prometheus-scraping", "OwnTargetMissing")],
        Now(|doing| {
            scrape(doing, |scraping| scraping.targets.retain(|(job, ..)| job != "vigie"));
            Ok(())
        }),
    ),
    fault(
        "rules-gone",
        "Vigie's alerts are not loaded",
        &[fails("alerts-configured", "RuleMissing")],
        Now(|doing| {
            scrape(doing, |scraping| scraping.rules.retain(|(group, ..)| group != "vigie"));
            Ok(())
        }),
    ),
    fault(
        "nobody-is-notified",
        "Prometheus knows no Alertmanager",
        &[fails("alerts-configured", "TooFewAlertmanagers")],
        Now(|doing| {
            scrape(doing, |scraping| scraping.alertmanagers.clear());
            Ok(())
        }),
    ),
    fault(
        "notifications-dropped",
        "Prometheus has dropped notifications",
        &[fails("alerts-configured", "NotificationsDropped")],
        Now(|doing| {
            scrape(doing, |scraping| scraping.dropped = 3.0);
            Ok(())
        }),
    ),
    fault(
        "prometheus-refuses",
        "Prometheus refuses connections",
        &[
            fails("prometheus-scraping", "Refused"),
            fails("alerts-configured", "Refused"),
            super::super::fault::blind("watch-resources", "PrometheusDown"),
        ],
        Later(|doing| {
            doing.mend_later(|town| Box::pin(town.prometheus.site().open()));
            Box::pin(async {
                doing.town.prometheus.site().close().await;
                Ok(())
            })
        }),
    ),
    fault(
        "alert-fires",
        "an alert has begun after the deployment",
        &[fails("watch-alerts", "AlertFiring")],
        Now(|doing| {
            fire(doing, "HighLatency", SignedDuration::from_mins(4));
            Ok(())
        }),
    ),
    fault(
        "alert-fires-from-before",
        "an alert has fired since before the deployment",
        &[warns("watch-alerts", "AlertFiring")],
        Now(|doing| {
            fire(doing, "DiskWillFill", SignedDuration::from_hours(20 * 24));
            Ok(())
        }),
    ),
    fault(
        "volume-nearly-full",
        "92 % of a volume of PostgreSQL are used",
        &[fails("watch-resources", "VolumeNearlyFull")],
        Now(|doing| {
            scrape(doing, |scraping| scraping.volumes[0].3 = 92 << 30);
            Ok(())
        }),
    ),
    fault(
        "memory-high",
        "a pod of queues-runner takes 97 % of its memory",
        &[fails("watch-resources", "MemoryHigh")],
        Now(|doing| {
            let container = format!("{}/queues-runner", doing.pod("queues-runner")?);
            doing.town.kubernetes.consume(&container, "180m", "993Mi");
            doing.mend(move |town| {
                town.kubernetes.consume(&container, "180m", "420Mi");
                Ok(())
            });
            Ok(())
        }),
    ),
    fault(
        "api-logs-errors",
        "the API logs that it can't reach its database",
        &[
            fails("database-connections", "TooManyErrors"),
            fails("watch-error-logs", "TooManyErrors"),
        ],
        Now(|doing| {
            let pod = doing.pod("api")?;
            let line = "{\"level\":\"error\",\"message\":\"P1001: Can't reach database server\"}";
            doing.town.kubernetes.log(&pod, "api", &[line; 400]);
            // The pod that comes in its place has a log of its own.
            doing.mend(move |town| Ok(story::replace(&town.kubernetes, &pod)?));
            Ok(())
        }),
    ),
];

fn scrape(doing: &mut Doing<'_>, change: impl FnOnce(&mut Scraping)) {
    let before = doing.town.prometheus.scraping();
    doing.town.prometheus.change(change);
    doing.mend(|town| {
        town.prometheus.change(|scraping| *scraping = before);
        Ok(())
    });
}

fn fire(doing: &mut Doing<'_>, name: &str, ago: SignedDuration) {
    let alert = Alert {
        name: name.to_owned(),
        severity: "critical".to_owned(),
        namespace: Some("trackdechets".to_owned()),
        began: doing.town.now() - ago,
        silenced: false,
    };
    doing.town.alertmanager.change(|alerts| alerts.push(alert));
    doing.mend(|town| {
        town.alertmanager.change(|alerts| alerts.retain(|alert| alert.name == "Watchdog"));
        Ok(())
    });
}
