//! Looking at alerts: asked of every member, and made one list.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::FiringAlerts;
use super::parameters::{Began, Source};
use crate::checks::Look;
use crate::model::finding::Obstacle;
use crate::systems::alertmanager::alert::{Alert, Heard};
use crate::systems::alertmanager::{Matcher, Member};
use crate::systems::api::Asking;

/// The labels of an alert: what tells it from others.
pub(super) type Labels = BTreeMap<String, String>;

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// The watched alerts that fire.
    pub(super) alerts: BTreeMap<Labels, Fired>,
    /// Whether the alert that always fires does; none where there is no such alert.
    pub(super) always: Option<bool>,
    /// Members that did not answer, while others did.
    pub(super) silent: Vec<(String, Obstacle)>,
    /// When the current deployment began; none where any time will do.
    pub(super) deployed: Option<Timestamp>,
}

/// An alert that fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fired {
    pub(super) since: Timestamp,
    pub(super) heard: Heard,
}

pub(super) async fn look(check: &FiringAlerts, look: &Look<'_>) -> Result<Seen, Obstacle> {
    let deployed = match check.began {
        Began::AfterDeployment => {
            Some(look.deployment().ok_or_else(Obstacle::no_deployment)?.started)
        }
        Began::AnyTime => None,
    };
    let asking = Asking { name: check.from.name(), now: look.now, until: look.until() };
    let always = &check.always_firing.0;
    match &check.from {
        Source::Alertmanager(_) => {
            let alertmanager = &look.systems.alertmanager;
            let watched = alertmanager.alerts(asking, &check.matchers);
            if always.is_empty() {
                let (alerts, silent) = merged(watched.await?)?;
                return Ok(Seen { alerts, always: None, silent, deployed });
            }
            let (watched, watchdogs) = futures::join!(watched, alertmanager.alerts(asking, always));
            let (mut alerts, silent) = merged(watched?)?;
            let (watchdogs, _) = merged(watchdogs?)?;
            alerts.retain(|labels, _| !Matcher::all_hold(always, labels));
            Ok(Seen { alerts, always: Some(!watchdogs.is_empty()), silent, deployed })
        }
        Source::Prometheus(_) => {
            let alerts = look.systems.prometheus.alerts(asking).await?;
            let firing: Vec<_> = alerts.into_iter().filter(|alert| alert.firing).collect();
            let is_always =
                |labels: &Labels| !always.is_empty() && Matcher::all_hold(always, labels);
            let seen = firing.iter().any(|alert| is_always(&alert.labels));
            let watched = firing.into_iter().filter(|alert| {
                Matcher::all_hold(&check.matchers, &alert.labels) && !is_always(&alert.labels)
            });
            let mut alerts = BTreeMap::new();
            for alert in watched {
                let fired = Fired { since: alert.since, heard: Heard::Active };
                keep(&mut alerts, alert.labels, fired);
            }
            let always = (!always.is_empty()).then_some(seen);
            Ok(Seen { alerts, always, silent: Vec::new(), deployed })
        }
    }
}

/// What all members say together; where none of them answers, why the first does not.
#[expect(clippy::type_complexity, reason = "alerts, and who did not tell of any")]
fn merged(
    members: Vec<Member>,
) -> Result<(BTreeMap<Labels, Fired>, Vec<(String, Obstacle)>), Obstacle> {
    let mut alerts = BTreeMap::new();
    let mut silent = Vec::new();
    let all = members.len();
    for Member { place, alerts: told } in members {
        match told {
            Ok(told) => {
                for Alert { labels, since, heard } in told {
                    keep(&mut alerts, labels, Fired { since, heard });
                }
            }
            Err(obstacle) => silent.push((place, obstacle)),
        }
    }
    if silent.len() == all {
        let first = silent.into_iter().next();
        let nobody = || crate::systems::api::nobody("alertmanager");
        return Err(first.map_or_else(nobody, |(_, obstacle)| obstacle));
    }
    Ok((alerts, silent))
}

/// A member that notifies of an alert does so whatever the others know of silences; since when it
/// fires, the one that heard first knows.
fn keep(alerts: &mut BTreeMap<Labels, Fired>, labels: Labels, fired: Fired) {
    let kept = alerts.entry(labels).or_insert(fired);
    kept.since = kept.since.min(fired.since);
    if fired.heard == Heard::Active {
        kept.heard = Heard::Active;
    }
}
